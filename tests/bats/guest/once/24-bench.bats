#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bench: it does what it says it did, and writes on nothing that is used.

load ../10-blk

# counted NAME KEY: the sum over all queues of a counter of its server.
counted() {
	vdusectl stats "$1" --json | jq --arg key "$2" '[.queues[][$key]] | add'
}

@test "bench: reads what the server counts; writes only on a free disk, when told to" {
	local name before after said

	requires jq mkfs.ext4
	name=$(dev_name)
	make_node "$name" --backend memory --size 16M --queues 2

	before=$(counted "$name" read_bytes)
	run_ok vdusectl bench "$name" --time 100ms --json
	after=$(counted "$name" read_bytes)
	said=$(jq '[.runs[].read_bytes] | add' <<< "$output")
	[ "$((after - before))" -eq "$said" ]
	jq -e '.schema == 1 and .device != null and
		[.runs[] | [.block_size, .depth, .jobs, .pattern]] ==
		[[4096, 1, 1, "random"], [4096, 32, 1, "random"],
		 [4096, 32, 2, "random"], [1048576, 8, 1, "sequential"]] and
		all(.runs[]; .reads > 0 and .writes == 0 and .iops > 0 and
		 .p50_us <= .p99_us and .p99_us <= .max_us)' <<< "$output"

	before=$(counted "$name" write_bytes)
	run_fail 2 vdusectl bench "$name" --rw write
	[ "$(counted "$name" write_bytes)" -eq "$before" ]
	run_ok vdusectl bench "$name" --rw mixed --destroy-data --depth 8 \
		--time 100ms --json
	after=$(counted "$name" write_bytes)
	said=$(jq '[.runs[].write_bytes] | add' <<< "$output")
	[ "$said" -gt 0 ] && [ "$((after - before))" -eq "$said" ]

	run_ok mkfs.ext4 -q "$node"
	mkdir "$BATS_TEST_TMPDIR/m"
	mount "$node" "$BATS_TEST_TMPDIR/m"
	defer umount "$BATS_TEST_TMPDIR/m"
	run_fail 5 vdusectl bench "$name" --rw write --destroy-data
	[[ $stderr == *"mounted on"* ]]
	run_ok vdusectl bench "$name" --depth 2 --time 50ms
	umount "$BATS_TEST_TMPDIR/m"
	run_ok fsck.ext4 -fn "$node"

	status=0
	timeout -s INT 0.5 vdusectl bench "$name" --time 10min || status=$?
	[ "$status" -eq 124 ]
	run_fail 8 vdusectl bench "$name" --time 10min --timeout 200ms
	run_ok vdusectl unbind "$name"
	run_fail 1 vdusectl bench "$name"
	[[ $stderr == *"vdusectl bind virtio"* ]]
	run_ok vdusectl bind vhost "$name"
	run_fail 7 vdusectl bench "$name"
	[[ $stderr == *"in the VM"* ]]
}
