#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that others wrote, unmodified: QEMU's storage daemon.

# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own
# shellcheck disable=SC2034 # foreign_log: read by foreign_serves

load 40-bus

# make_qemu NAME BYTES: its disk on a file, bound to this host: $node, $disk.
# It listens for QMP on the pipes $dir/qmp.in and .out.
make_qemu() {
	name=$1 dir=$BATS_TEST_TMPDIR

	requires qemu-storage-daemon
	modprobe -a vduse virtio_blk
	truncate -s "$2" "$dir/image"
	mkfifo "$dir/qmp.in" "$dir/qmp.out"
	defer remove_foreign "$name" ''
	defer end_qemu
	start_qemu
	run_ok vdusectl bind virtio "$name"
	disk=$(foreign_disk "$name")
	node=/dev/$disk
	[ -b "$node" ] || fail "no block device: '$node'"
}

start_qemu() {
	TMPDIR=$dir qemu-storage-daemon --chardev "pipe,id=q,path=$dir/qmp" \
		--monitor chardev=q \
		--blockdev "driver=file,node-name=f,filename=$dir/image" \
		--export "type=vduse-blk,id=e,node-name=f,name=$name,writable=on,num-queues=2" \
		< /dev/null > "$dir/qemu.log" 2>&1 3>&- 4>&- &
	foreign_pid=$! foreign_log=$dir/qemu.log
	wait_until 30 foreign_serves "$name"
}

end_qemu() {
	kill -9 "$foreign_pid" 2>/dev/null || true
	wait "$foreign_pid" 2>/dev/null || true
}

# qmp COMMAND...: each must succeed.
qmp() {
	local command line

	exec 5<> "$dir/qmp.in" 6<> "$dir/qmp.out"
	for command in '{"execute": "qmp_capabilities"}' "$@"; do
		printf '%s\n' "$command" >&5
		while read -r -t 30 line <&6; do
			printf 'QMP: %s\n' "$line"
			[[ $line != *'"error"'* ]] || fail "$command"
			[[ $line != *'"return"'* ]] || continue 2
		done
		fail "no answer: $command"
	done
	exec 5>&- 6>&-
}

verified_io() {
	fio --name=verify --filename="$node" --rw=randrw --bsrange=4k-64k \
		--size=8M --verify=crc32c --verify_fatal=1 --ioengine=libaio \
		--iodepth=16 --direct=1 --allow_file_create=0 --minimal "$@"
}

size_is() { [ "$(< "/sys/block/$disk/size")" -eq "$1" ]; }
has_disk() { [ -b "$node" ] && [ -d "/sys/block/$disk" ]; }

# Without its virtio driver a disk is gone; it may come back under any name.
rebind_driver() {
	local virtio

	virtio=$(basename "$bus/devices/$name"/virtio*)
	printf '%s' "$virtio" > /sys/bus/virtio/drivers/virtio_blk/unbind
	! has_disk || fail "$node is still there"
	printf '%s' "$virtio" > /sys/bus/virtio/drivers/virtio_blk/bind
	disk=$(foreign_disk "$name")
	node=/dev/$disk
	has_disk || fail "no $node"
}

@test "foreign: verified I/O, resets, a new size" {
	requires fio
	make_qemu "$(dev_name)" 8M
	run_ok verified_io
	random_file "$dir/data" 65536
	write_node "$dir/data" "$node"
	for _ in 1 2 3; do
		rebind_driver
		run_ok same_disk "$dir/data" "$node" 65536
	done
	run_ok vdusectl bind virtio --rebind "$name"
	disk=$(foreign_disk "$name")
	node=/dev/$disk
	run_ok same_disk "$dir/data" "$node" 65536

	size_is 16384
	run_ok qmp '{"execute": "block_resize", "arguments":
		{"node-name": "f", "size": 16777216}}'
	wait_until 20 size_is 32768
	run_ok verified_io --offset=8M
	run_ok same_disk "$dir/data" "$node" 65536
	run_ok vdusectl unbind "$name"
}

# Verified I/O, again and again until there is a file $dir/enough.
endless_io() {
	while [ ! -e "$dir/enough" ]; do
		verified_io --offset=0 || return
	done
}

# completed: requests of $disk.
completed() {
	local reads writes

	read -r reads _ _ _ writes _ < "/sys/block/$disk/stat"
	printf '%s\n' $((reads + writes))
}

more_than() { (($(completed) > $1)); }

@test "foreign: killed and started again while I/O goes on" {
	requires fio
	make_qemu "$(dev_name)" 16M
	in_background endless_io
	for _ in 1 2 3; do
		wait_until 30 more_than $(($(completed) + 200))
		end_qemu
		start_qemu
	done
	wait_until 30 more_than $(($(completed) + 200))
	touch "$dir/enough"
	wait "$job" || fail "fio: $(< "$dir/job.err")"
	run_ok verified_io
	run_ok vdusectl unbind "$name"
}
