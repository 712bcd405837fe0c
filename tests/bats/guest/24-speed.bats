#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What makes it fast must not lose anything: requests taken and answered many at
# a time, pages copied at once, looking instead of sleeping.

load 10-blk

# verified OPTION...: random reads and writes on $node, each read checked.
verified() {
	run_ok fio --name=verified --filename="$node" --direct=1 --rw=randrw \
		--ioengine=io_uring --bs=4k --size=16M --verify=crc32c \
		--norandommap=0 "$@"
}

@test "speed: many requests at a time need few kicks and interrupts" {
	local name

	name=$(dev_name)
	make_node "$name" --size 16M
	verified --iodepth=32 --iodepth_batch_submit=16 \
		--iodepth_batch_complete_min=8
	run_ok vdusectl stats --json "$name"
	# shellcheck disable=SC2016 # variables of jq
	run_ok jq -e '.devices[0].queues | (map(.reads + .writes) | add) as $n |
		$n >= 4096 and (map(.kicks) | add) < $n / 2 and
		(map(.interrupts) | add) < $n / 2' <<< "$output"
	[ "$(counted "$name" errors)" -eq 0 ]
}

@test "speed: --poll: shown, kept, and nothing is lost" {
	local name

	name=$(dev_name)
	make_node "$name" --size 16M --poll 50
	[ "$(shown "$name" poll)" -eq 50 ]
	verified --iodepth=1 --number_ios=500
	verified --iodepth=16
	run_ok vdusectl restart "$name"
	[ "$(shown "$name" poll)" -eq 50 ]
	verified --iodepth=4 --number_ios=500
	[ "$(counted "$name" errors)" -eq 0 ]
}

@test "speed: pages that leave the cache come back, and holes are zeroes" {
	local name image=$BATS_TEST_TMPDIR/image

	name=$(dev_name)
	random_file "$image" $((8 << 20))
	cp "$image" "$BATS_TEST_TMPDIR/data"
	make_node "$name" --backend "file:$image"
	for _ in 1 2 3; do
		run_ok dd if="$node" of="$BATS_TEST_TMPDIR/got" bs=64k \
			iflag=direct
		run_ok cmp "$BATS_TEST_TMPDIR/got" "$BATS_TEST_TMPDIR/data"
		echo 3 > /proc/sys/vm/drop_caches
	done
	run_ok blkdiscard -o 1M -l 2M "$node"
	run_ok dd if=/dev/zero of="$BATS_TEST_TMPDIR/data" bs=1M seek=1 count=2 \
		conv=notrunc
	run_ok dd if="$node" of="$BATS_TEST_TMPDIR/got" bs=64k iflag=direct
	run_ok cmp "$BATS_TEST_TMPDIR/got" "$BATS_TEST_TMPDIR/data"
}
