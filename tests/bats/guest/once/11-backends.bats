#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Where the bytes live: files, block devices, memory, nothing.

load ../10-blk

@test "backend: an existing file is served as it is and kept" {
	local name image=$BATS_TEST_TMPDIR/image

	name=$(dev_name)
	random_file "$image" $((3 * 65536 + 512))
	cp "$image" "$image.before"
	chmod 640 "$image"
	# A relative path means what it means here, not in the server.
	cd "$BATS_TEST_TMPDIR"
	make_node "$name" --backend file:image
	[ "$(< "/sys/block/$disk/size")" -eq $((3 * 128 + 1)) ]
	run_ok cmp "$node" "$image.before"
	write_node /dev/zero "$node" count=1 seek=1
	run_ok vdusectl destroy "$name"
	[ "$(stat -c '%s %a' "$image")" = "$((3 * 65536 + 512)) 640" ]
	dd if=/dev/zero of="$image.before" bs=64k count=1 seek=1 conv=notrunc \
		status=none
	run_ok cmp "$image" "$image.before"
}

@test "backend: the size of a file is read again at each create" {
	local name image=$BATS_TEST_TMPDIR/image

	name=$(dev_name)
	truncate -s 1M "$image"
	make_blk "$name" --backend "file:$image"
	[ "$(column "$name" size)" -eq $((1 << 20)) ]
	run_ok vdusectl destroy "$name"
	truncate -s 2M "$image"
	run_ok vdusectl create blk --backend "file:$image" --size 2M "$name"
	[ "$(column "$name" size)" -eq $((2 << 20)) ]
	run_ok vdusectl destroy "$name"
}

@test "backend: a block device is written through and held alone" {
	local name

	name=$(dev_name)
	make_loop "$BATS_TEST_TMPDIR/store" $((1 << 20))
	random_file "$BATS_TEST_TMPDIR/data" $((1 << 20))
	make_node "$name" --backend "file:$loop" --discard on
	write_node "$BATS_TEST_TMPDIR/data" "$node" conv=fsync
	run_ok cmp "$BATS_TEST_TMPDIR/data" "$BATS_TEST_TMPDIR/store"
	# Exclusively: no file system can be mounted on it meanwhile.
	mkdir "$BATS_TEST_TMPDIR/mnt"
	run_fail 32 mount -t ext4 "$loop" "$BATS_TEST_TMPDIR/mnt"
	[[ $stderr == *busy* || $stderr == *"already mounted"* ]]
	run_fail 5 vdusectl create blk --backend "file:$loop" "$name-2"
	[[ $stderr == *"$loop is in use"* ]]
	run_ok blkdiscard "$node"
	[ "$(used_kib "$BATS_TEST_TMPDIR/store")" -eq 0 ]
	run_ok vdusectl destroy "$name"
	[ -b "$loop" ]
}

@test "backend: memory keeps data as long as its server lives" {
	local name

	name=$(dev_name)
	random_file "$BATS_TEST_TMPDIR/data" $((1 << 20))
	make_node "$name" --size 1M --backend memory
	write_node "$BATS_TEST_TMPDIR/data" "$node"
	read_node "$node" $((1 << 20)) "$BATS_TEST_TMPDIR/again"
	cmp "$BATS_TEST_TMPDIR/data" "$BATS_TEST_TMPDIR/again"
	run_ok blkdiscard -o 64K -l 64K "$node"
	read_node "$node" $((1 << 20)) "$BATS_TEST_TMPDIR/again"
	cmp -n 65536 "$BATS_TEST_TMPDIR/data" "$BATS_TEST_TMPDIR/again"
	cmp -n 65536 -i 65536:0 "$BATS_TEST_TMPDIR/again" /dev/zero
	cmp -i 131072 "$BATS_TEST_TMPDIR/data" "$BATS_TEST_TMPDIR/again"
	[ ! -e "/var/lib/vdusectl/$name.img" ]
	run_ok vdusectl destroy "$name"
	make_node "$name" --size 1M --backend memory
	run_ok cmp -n $((1 << 20)) "$node" /dev/zero
	run_ok vdusectl destroy "$name"
}

@test "backend: null reads as zeroes and takes every write" {
	make_node "$(dev_name)" --size 4E --backend null
	[ "$(< "/sys/block/$disk/size")" -eq $((1 << 53)) ]
	write_node /dev/urandom "$node" count=2
	run_ok dd if="$node" of="$BATS_TEST_TMPDIR/end" bs=64k count=1 \
		skip=$(((1 << 46) - 1)) iflag=direct
	run_ok cmp -n 65536 "$BATS_TEST_TMPDIR/end" /dev/zero
	run_ok cmp -n 131072 "$node" /dev/zero
}

@test "backend: a read-only file stays as it is, for two readers at once" {
	local name image=$BATS_TEST_TMPDIR/image

	name=$(dev_name)
	random_file "$image" 65536
	chmod 400 "$image"
	cp "$image" "$image.before"
	make_node "$name" --backend "file:$image" --read-only
	make_blk "$name-2" --backend "file:$image" --read-only
	run_fail 5 vdusectl create blk --backend "file:$image" "$name-3"
	run_fail 1 blkdiscard "$node"
	run_fail 1 dd if=/dev/zero of="$node" bs=512 count=1
	run_ok cmp "$node" "$image.before"
	run_ok cmp "$image" "$image.before"
	run_ok vdusectl destroy "$name" "$name-2"
}
