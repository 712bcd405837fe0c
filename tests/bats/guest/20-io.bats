#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Data goes where it belongs and comes back, whatever the request looks like.

load 10-blk

hardware_queues() {
	find "/sys/block/$disk/mq" -mindepth 1 -maxdepth 1 | wc -l
}

# verify_with_fio NODE OPTION...: random writes, all of them read back and
# compared by checksum.
verify_with_fio() {
	local to=$1
	shift

	RUN_TIMEOUT=110 run_ok fio --name=verify --filename="$to" --direct=1 \
		--ioengine=libaio --rw=randwrite --verify=crc32c \
		--verify_fatal=1 --group_reporting --output-format=terse "$@"
}

@test "io: 256 MiB on 4 queues, depth 32, verified by checksum" {
	local name

	requires fio
	name=$(dev_name)
	make_node "$name" --size 256M --queues 4
	verify_with_fio "$node" --bs=128k --numjobs=4 --iodepth=32 --size=64M \
		--offset_increment=64M
	[ "$(counted "$name" write_bytes)" -eq $((256 << 20)) ]
	[ "$(counted "$name" read_bytes)" -ge $((256 << 20)) ]
	[ "$(counted "$name" errors)" -eq 0 ]
	# Each queue that the driver uses has had its share.
	run_ok vdusectl stats "$name" --json
	[ "$(jq '[.queues[] | select(.writes > 0)] | length' <<< "$output")" \
		-eq "$(hardware_queues)" ]
}

@test "io: small blocks at depth 32 on one queue, on a real file system" {
	local name

	requires fio
	name=$(dev_name)
	ext4_on_loop $((40 << 20))
	truncate -s 16M "$mnt/image"
	make_node "$name" --backend "file:$mnt/image"
	verify_with_fio "$node" --bsrange=4k-32k --bs_unaligned=0 --iodepth=32 \
		--size=16M
	[ "$(counted "$name" errors)" -eq 0 ]
	[ "$(counted "$name" malformed)" -eq 0 ]
	run_ok vdusectl destroy "$name"
}

# The loop device's file holds what would survive a power cut: the rest is in
# the caches of the file system above it.
@test "io: what was flushed survives a power cut, what was not does not" {
	local name

	name=$(dev_name)
	ext4_on_loop $((8 << 20))
	truncate -s 1M "$mnt/image"
	sync -f "$mnt"
	make_node "$name" --backend "file:$mnt/image"
	defer sysctl -q "vm.dirty_writeback_centisecs=$(sysctl -n \
		vm.dirty_writeback_centisecs)"
	sysctl -q vm.dirty_writeback_centisecs=0

	random_file "$BATS_TEST_TMPDIR/first" $((1 << 20))
	random_file "$BATS_TEST_TMPDIR/second" $((1 << 20))
	write_node "$BATS_TEST_TMPDIR/first" "$node" conv=fsync
	cp --sparse=always "$store" "$BATS_TEST_TMPDIR/after-flush"
	[ "$(counted "$name" flushes)" -gt 0 ]
	write_node "$BATS_TEST_TMPDIR/second" "$node"
	cp --sparse=always "$store" "$BATS_TEST_TMPDIR/without-flush"

	mkdir "$BATS_TEST_TMPDIR/cut"
	for state in after-flush without-flush; do
		mount -o loop "$BATS_TEST_TMPDIR/$state" "$BATS_TEST_TMPDIR/cut"
		cp "$BATS_TEST_TMPDIR/cut/image" "$BATS_TEST_TMPDIR/$state.image"
		umount "$BATS_TEST_TMPDIR/cut"
	done
	run_ok cmp "$BATS_TEST_TMPDIR/after-flush.image" \
		"$BATS_TEST_TMPDIR/first"
	# Else this test could not fail.
	run_fail 1 cmp "$BATS_TEST_TMPDIR/without-flush.image" \
		"$BATS_TEST_TMPDIR/second"
	run_ok cmp "$node" "$BATS_TEST_TMPDIR/second"
	run_ok vdusectl destroy "$name"
	# The end of a server flushes, too.
	umount "$mnt"
	mount "$loop" "$mnt"
	run_ok cmp "$mnt/image" "$BATS_TEST_TMPDIR/second"
}

# zeroes_at IMAGE: bytes 64 KiB to 192 KiB are zero, around them is data.
zeroes_between_data() {
	local data=$BATS_TEST_TMPDIR/data

	cmp -n 65536 "$data" "$1" && cmp -n 131072 -i 65536:0 "$1" /dev/zero &&
		cmp -i 196608 "$data" "$1"
}

@test "io: the file system of an image can be unmounted once its disk is destroyed" {
	local name

	name=$(dev_name)
	ext4_on_loop $((8 << 20))
	truncate -s 1M "$mnt/image"
	# Several times: what held it went away by itself, sooner or later.
	for _ in {1..6}; do
		make_node "$name" --backend "file:$mnt/image"
		write_node /dev/zero "$node" bs=64k count=4 oflag=direct
		run_ok vdusectl destroy "$name"
		umount "$mnt"
		mount "$loop" "$mnt"
	done
}

@test "io: WRITE_ZEROES makes zeroes on every kind of backend" {
	local name backend dir=$BATS_TEST_TMPDIR

	name=$(dev_name)
	random_file "$dir/data" 262144
	ext4_on_loop $((8 << 20))
	mkdir "$dir/ram"
	# Its files can neither punch holes nor zero ranges.
	mount -t ramfs ramfs "$dir/ram"
	defer umount "$dir/ram"
	cp "$dir/data" "$mnt/image"
	cp "$dir/data" "$dir/ram/image"
	for backend in "$mnt/image" "$dir/ram/image"; do
		make_node "$name" --backend "file:$backend"
		[ "$(queue_limit write_zeroes_max_bytes)" -gt 0 ]
		run_ok blkdiscard --zeroout -o 64K -l 128K "$node"
		run_ok zeroes_between_data "$node"
		[ "$(counted "$name" write_zeroes)" -gt 0 ]
		[ "$(counted "$name" writes)" -eq 0 ]
		run_ok vdusectl destroy "$name"
		run_ok zeroes_between_data "$backend"
	done
	make_loop "$dir/disk" 262144
	write_node "$dir/data" "$loop"
	make_node "$name" --backend "file:$loop"
	run_ok blkdiscard --zeroout -o 64K -l 128K "$node"
	run_ok vdusectl destroy "$name"
	run_ok zeroes_between_data "$dir/disk"
}

@test "io: large requests of many segments arrive whole" {
	local name writes

	name=$(dev_name)
	random_file "$BATS_TEST_TMPDIR/data" $((8 << 20))
	make_node "$name" --size 8M --backend memory
	[ "$(queue_limit max_segments)" -ge 126 ]
	# A buffer of 4 MiB in ordinary pages: each one may be a segment.
	run_ok dd if="$BATS_TEST_TMPDIR/data" of="$node" bs=4M oflag=direct
	writes=$(counted "$name" writes)
	[ "$(counted "$name" write_bytes)" -eq $((8 << 20)) ]
	# 512 KiB each, on the average.
	[ "$writes" -le 16 ] || fail "$writes requests for 8 MiB"
	run_ok dd if="$node" of="$BATS_TEST_TMPDIR/again" bs=4M iflag=direct
	run_ok cmp "$BATS_TEST_TMPDIR/data" "$BATS_TEST_TMPDIR/again"
}

# partition_at FILE SECTOR COUNT: an MBR with one partition.
partition_at() {
	local i value entry='\x00\x00\x00\x00\x83\x00\x00\x00'

	for value in "$2" "$3"; do
		for i in 0 8 16 24; do
			entry+=$(printf '\\x%02x' $((value >> i & 255)))
		done
	done
	# shellcheck disable=SC2059 # bytes by escape sequences
	{
		head -c 446 /dev/zero
		printf "$entry"
		head -c 48 /dev/zero
		printf '\x55\xaa'
	} > "$1"
}

@test "io: a partition table is read, and read again" {
	local name mbr=$BATS_TEST_TMPDIR/mbr

	name=$(dev_name)
	make_node "$name" --size 1M
	partition_at "$mbr" 8 128
	[ "$(stat -c %s "$mbr")" -eq 512 ]
	dd if="$mbr" of="$node" conv=fsync status=none
	run_ok blockdev --rereadpt "$node"
	[ "$(< "/sys/block/$disk/${disk}1/size")" -eq 128 ]
	partition_at "$mbr" 16 256
	dd if="$mbr" of="$node" conv=fsync status=none
	run_ok blockdev --rereadpt "$node"
	[ "$(< "/sys/block/$disk/${disk}1/start")" -eq 16 ]
	[ "$(< "/sys/block/$disk/${disk}1/size")" -eq 256 ]
	random_file "$BATS_TEST_TMPDIR/data" 65536
	write_node "$BATS_TEST_TMPDIR/data" "${node}1"
	run_ok cmp -n 65536 -i 8192:0 "/var/lib/vdusectl/$name.img" \
		"$BATS_TEST_TMPDIR/data"
	# The partition is found again by the next driver.
	run_ok vdusectl unbind "$name"
	run_ok vdusectl bind virtio "$name"
	disk=${output#/dev/}
	[ "$(< "/sys/block/$disk/${disk}1/start")" -eq 16 ]
	[ "$(counted "$name" get_ids)" -gt 0 ]
}
