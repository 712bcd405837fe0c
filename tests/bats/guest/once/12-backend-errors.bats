#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A backend that fails: the driver is told with the request that it hit, the
# server lives, and says what happened.

load ../10-blk

setup() {
	guest_setup
	expect_dmesg '(Buffer )?I/O error'
	expect_dmesg 'lost (async|sync) page write'
	expect_dmesg 'sd [0-9:]+ .*(Synchronize Cache|DID_NO_CONNECT)'
}

# said NAME FILTER: what show knows of it.
said() {
	vdusectl show "$1" --json | jq -e ".devices[0] | $2" > /dev/null ||
		fail "not so: $2 in $(vdusectl show "$1" --json)"
}

# same_server: the one that was there when the device was made.
same_server() {
	[ "$(column "$name" pid)" = "$pid" ] || fail "another server"
	[ "$(column "$name" state)" = bound ]
}

# make_table: a disk $dm, 8 MiB, whose medium can go (gone) and come (back).
make_table() {
	local major_minor

	requires dmsetup
	modprobe dm-mod
	make_loop "$BATS_TEST_TMPDIR/medium" $((8 << 20))
	dmsetup create medium --noudevsync --noudevrules \
		--table "0 16384 linear $loop 0"
	defer dmsetup remove --noudevsync medium
	dm=$BATS_TEST_TMPDIR/dm
	major_minor=$(dmsetup info -c --noheadings -o major,minor medium)
	mknod "$dm" b "${major_minor%:*}" "${major_minor#*:}"
}

table() {
	dmsetup suspend --nolockfs --noflush --noudevsync medium
	dmsetup load medium --table "$1"
	dmsetup resume --noudevsync medium
}
gone() { table "0 16384 error"; }
back() { table "0 16384 linear $loop 0"; }

# sync_fails / sync_works: a write of this host that must reach the medium.
sync_fails() {
	run_fail 1 dd if=/dev/zero of="$node" bs=4k count=1 oflag=direct \
		conv=fsync,notrunc
	[[ $stderr == *"Input/output error"* ]]
}

sync_works() {
	run_ok dd if=/dev/zero of="$node" bs=4k count=1 oflag=direct \
		conv=fsync,notrunc
}

# fill_up MOUNT: the device is larger than the file system of its image.
fill_up() {
	truncate -s 16M "$1/image"
	make_node "$name" --backend "file:$1/image"
	pid=$(column "$name" pid)
	run_fail 1 dd if="$BATS_TEST_TMPDIR/data" of="$node" bs=64k oflag=direct
	same_server
	said "$name" '.backend_errors > 0 and .errors >= .backend_errors'
	said "$name" '.last_error | test("^write at sector .*: No space left")'
	grep -q "the backend fails: write at sector .*: No space left" \
		"/run/vdusectl/$name/log"
	# What was written is there: nothing was called done that was not.
	run_ok cmp -n 1048576 "$node" "$BATS_TEST_TMPDIR/data"
	sync_works
}

@test "backend errors: a full tmpfs, and then there is room" {
	local name pid small=$BATS_TEST_TMPDIR/small

	name=$(dev_name)
	random_file "$BATS_TEST_TMPDIR/data" $((16 << 20))
	mkdir "$small"
	mount -t tmpfs -o size=4M tmpfs "$small"
	defer umount "$small"
	fill_up "$small"
	mount -o remount,size=20M "$small"
	write_node "$BATS_TEST_TMPDIR/data" "$node" conv=fsync
	run_ok cmp "$small/image" "$BATS_TEST_TMPDIR/data"
	same_server
	run_ok vdusectl destroy "$name"
}

@test "backend errors: a full ext4, and then there is room" {
	local name pid

	name=$(dev_name)
	random_file "$BATS_TEST_TMPDIR/data" $((16 << 20))
	ext4_on_loop $((24 << 20))
	fallocate -l 12M "$mnt/other"
	fill_up "$mnt"
	rm "$mnt/other"
	write_node "$BATS_TEST_TMPDIR/data" "$node" conv=fsync
	run_ok cmp "$mnt/image" "$BATS_TEST_TMPDIR/data"
	same_server
	run_ok vdusectl destroy "$name"
}

@test "backend errors: a file that shrinks" {
	local name pid

	name=$(dev_name)
	ext4_on_loop $((24 << 20))
	random_file "$mnt/image" $((4 << 20))
	cp "$mnt/image" "$BATS_TEST_TMPDIR/data"
	make_node "$name" --backend "file:$mnt/image"
	pid=$(column "$name" pid)
	truncate -s 1M "$mnt/image"
	run_fail 1 dd if="$node" of=/dev/null bs=4k skip=512 count=1 \
		iflag=direct
	# Across the end, too.
	run_fail 1 dd if="$node" of=/dev/null bs=64k skip=255 count=1 \
		iflag=direct,skip_bytes
	run_ok cmp -n 1048576 "$node" "$BATS_TEST_TMPDIR/data"
	said "$name" '.last_error |
		test("^read at sector [0-9]+, queue .*: Input/output error$")'
	same_server
	truncate -s 4M "$mnt/image"
	run_ok dd if="$node" of=/dev/null bs=64k skip=32 iflag=direct
	run_ok vdusectl destroy "$name"
}

@test "backend errors: a failed flush is told, and stays told until a reset" {
	local name pid

	name=$(dev_name)
	make_table
	make_node "$name" --backend "file:$dm"
	pid=$(column "$name" pid)
	sync_works
	gone
	sync_fails
	said "$name" '.last_error | test("^flush, queue 0: Input/output error")'
	# The kernel has forgotten it: the write is lost, the medium is back.
	back
	sync_fails
	same_server
	# Nor does a new server forget, whichever way the old one ended.
	kill -9 "$pid"
	wait_until 10 is_back "$name" "$pid"
	sync_fails
	run_ok vdusectl stop "$name"
	run_ok vdusectl start "$name"
	sync_fails
	run_ok dd if="$node" of=/dev/null bs=4k count=1 iflag=direct
	run_ok vdusectl unbind "$name"
	run_ok vdusectl bind virtio "$name"
	[ "$output" = "$node" ]
	sync_works
	run_ok vdusectl destroy "$name"
}

@test "backend errors: each queue's flush is told of a lost write" {
	local name pid cpu

	requires taskset
	name=$(dev_name)
	make_table
	make_node "$name" --backend "file:$dm" --queues 2
	pid=$(column "$name" pid)
	sync_works
	gone
	run_ok dd if=/dev/zero of="$node" bs=4k count=1 oflag=direct
	for cpu in 0 1; do
		run_fail 1 taskset -c "$cpu" dd if=/dev/null of="$node" \
			oflag=direct conv=fsync,notrunc
	done
	said "$name" '.backend_errors == 2'
	same_server
	run_ok vdusectl destroy "$name"
}

@test "backend errors: to a VM, and with them it goes on" {
	local name pid

	name=$(dev_name)
	make_table
	make_vnode "$name" --backend "file:$dm"
	pid=$(column "$name" pid)
	gone
	run_fail 1 vhost-blk "$vnode" read 0 4096 --out /dev/null
	[[ $stderr == *"status 0x01 (IOERR)"* ]]
	run_fail 1 vhost-blk "$vnode" zeroes 0 64K
	back
	run_ok vhost-blk "$vnode" write 0 --in /dev/null
	same_server
	run_ok vdusectl destroy "$name"
}

@test "backend errors: a disk that disappears, and the log is not flooded" {
	local name pid disk_name n lines

	[ -d /sys/module/scsi_debug ] || modprobe scsi_debug dev_size_mb=8 ||
		skip "no scsi_debug"
	defer rmmod scsi_debug
	modprobe sd_mod
	wait_until 20 scsi_disk
	name=$(dev_name)
	make_node "$name" --backend "file:/dev/$disk_name"
	pid=$(column "$name" pid)
	sync_works
	echo 1 > "/sys/block/$disk_name/device/delete"
	SECONDS=0
	capture dd if="$node" of=/dev/null bs=4k iflag=direct conv=noerror \
		skip=1024 count=200
	sync_fails
	said "$name" '.backend_errors >= 200'
	n=$((SECONDS / 10 + 2))
	lines=$(grep -c "the backend fails" "/run/vdusectl/$name/log")
	((lines >= 1 && lines <= n)) || fail "$lines lines in $SECONDS s"
	same_server
	run_ok vdusectl destroy "$name"
}

scsi_disk() {
	disk_name=$(basename /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*)
	[ -b "/dev/$disk_name" ]
}
