#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# File systems on a device of ours: filled, left, entered again, checked.

load 10-blk

# fill_and_check MKFS...: make one, fill it, mount it again, compare.
fill_and_check() {
	local dir=$BATS_TEST_TMPDIR name

	name=$(dev_name)
	random_file "$dir/data" $((8 << 20))
	mkdir "$dir/mnt"
	make_node "$name" --size 320M --queues 2
	run_ok "$@" "$node"
	run_ok mount "$node" "$dir/mnt"
	defer umount -q "$dir/mnt"
	cp "$dir/data" "$dir/mnt/data"
	mkdir "$dir/mnt/many"
	seq -f 'file %g' 200 |
		split -l 1 -a 3 --numeric-suffixes=1 - "$dir/mnt/many/"
	rm "$dir"/mnt/many/1*
	truncate -s 4M "$dir/mnt/data"
	run_ok umount "$dir/mnt"

	# Off the bus and back: nothing may depend on this host's caches.
	run_ok vdusectl unbind "$name"
	run_ok vdusectl stop "$name"
	run_ok vdusectl start "$name"
	run_ok vdusectl bind virtio "$name"
	node=$output
	run_ok mount "$node" "$dir/mnt"
	run_ok cmp -n $((4 << 20)) "$dir/mnt/data" "$dir/data"
	[ "$(stat -c %s "$dir/mnt/data")" -eq $((4 << 20)) ]
	[ "$(< "$dir/mnt/many/077")" = "file 77" ]
	run_ok find "$dir/mnt/many" -type f
	[ "$(wc -l <<< "$output")" -eq 100 ]
	run_ok umount "$dir/mnt"
	[ "$(counted "$name" flushes)" -gt 0 ]
	[ "$(counted "$name" errors)" -eq 0 ]
}

@test "file system: ext4" {
	fill_and_check mkfs.ext4 -q
	run_ok e2fsck -fn "$node"
}

@test "file system: xfs" {
	requires mkfs.xfs xfs_repair
	fill_and_check mkfs.xfs -q
	run_ok xfs_repair -n "$node"
}
