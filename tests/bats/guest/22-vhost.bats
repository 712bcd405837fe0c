#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The same devices through vhost-vdpa, as a virtual machine would use them. The
# driver is vhost-blk of tests/tools: it checks every byte and every used entry.

load 10-blk

@test "vhost: verified I/O, with and without event index and indirect tables" {
	local name queues

	name=$(dev_name)
	make_vnode "$name" --size 4M --queues 4 --queue-size 256
	for queues in 1 4; do
		for options in "" --no-event-idx --no-indirect \
				"--no-event-idx --no-indirect"; do
			# shellcheck disable=SC2086 # words
			run_ok vhost-blk "$vnode" verify --queues "$queues" \
				--ops 300 --seed "$queues" $options
			[[ $output == *"errors: 0"* ]]
		done
	done
	[ "$(counted "$name" errors)" -eq 0 ]
	[ "$(counted "$name" malformed)" -eq 0 ]
	[ "$(counted "$name" write_zeroes)" -gt 0 ]
	[ "$(counted "$name" flushes)" -gt 0 ]
}

@test "vhost: 256 MiB on 4 queues, depth 32, every block verified" {
	local name

	name=$(dev_name)
	make_vnode "$name" --size 256M --queues 4
	RUN_TIMEOUT=110 run_ok vhost-blk "$vnode" verify --queues 4 --depth 32 \
		--block 64K --ops 1000
	[ "$(counted "$name" write_bytes)" -ge $((256 << 20)) ]
	[ "$(counted "$name" read_bytes)" -ge $((256 << 20)) ]
	run_ok vdusectl stats "$name" --json
	[ "$(jq '[.queues[] | select(.writes > 0)] | length' <<< "$output")" \
		-eq 4 ]
}

@test "vhost: small rings and an image on a real file system" {
	ext4_on_loop $((24 << 20))
	truncate -s 8M "$mnt/image"
	make_vnode "$(dev_name)" --backend "file:$mnt/image" --queues 2 \
		--queue-size 16
	run_ok vhost-blk "$vnode" verify --queues 2 --depth 4 --ops 500
	run_ok vhost-blk "$vnode" verify --queues 1 --ring 4 --depth 1 \
		--ops 50 --seed 2
	run_ok vdusectl destroy "$(dev_name)"
}

@test "vhost: one disk for host and VM in turn" {
	local name dir=$BATS_TEST_TMPDIR

	name=$(dev_name)
	random_file "$dir/host" 262144
	random_file "$dir/vm" 262144
	make_node "$name" --size 1M --serial one-disk
	write_node "$dir/host" "$node"
	run_ok vdusectl bind vhost --rebind "$name"
	vnode=$output
	[ ! -e "$node" ]
	run_ok vhost-blk "$vnode" read 0 262144 --out "$dir/read"
	run_ok cmp "$dir/read" "$dir/host"
	run_ok vhost-blk "$vnode" id
	[ "$output" = one-disk ]
	run_ok vhost-blk "$vnode" write 131072 --in "$dir/vm"
	run_ok vhost-blk "$vnode" flush
	run_ok vhost-blk "$vnode" zeroes 0 64K
	run_ok vhost-blk "$vnode" discard 64K 64K
	run_ok vdusectl bind virtio --rebind "$name"
	node=$output
	[ ! -e "$vnode" ]
	run_ok cmp -n 131072 "$node" /dev/zero
	run_ok cmp -n 262144 -i 131072:0 "$node" "$dir/vm"
}
