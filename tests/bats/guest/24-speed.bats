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
	local name size image=$BATS_TEST_TMPDIR/image

	name=$(dev_name)
	random_file "$image" $((8 << 20))
	cp "$image" "$BATS_TEST_TMPDIR/data"
	make_node "$name" --backend "file:$image"
	for size in 64k 1M 96k 1M; do
		run_ok dd if="$node" of="$BATS_TEST_TMPDIR/got" bs="$size" \
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

# given FILE: how many calls gave data to the driver's own buffers, by the trace
# of a server's calls.
given() {
	awk '/0xee, 0x18/ && / = 0$/ { n++ } END { print n + 0 }' "$1"
}

@test "speed: large reads are given to the driver in one copy, with our module" {
	local name pid tracer backend trace=$BATS_TEST_TMPDIR/trace
	local image=$BATS_TEST_TMPDIR/image

	random_file "$image" $((4 << 20))
	for backend in "file:$image" memory; do
		name=$(dev_name)-${backend%%:*}
		make_node "$name" --size 4M --backend "$backend"
		[ "$backend" != memory ] ||
			run_ok dd if="$image" of="$node" bs=1M oflag=direct
		pid=$(shown "$name" pid)
		strace -f -o "$trace" -e trace=ioctl -p "$pid" \
			2> "$trace.err" 3>&- &
		tracer=$!
		wait_until 20 grep -q attached "$trace.err"
		run_ok dd if="$node" of="$BATS_TEST_TMPDIR/got" bs=1M \
			iflag=direct
		run_ok cmp "$BATS_TEST_TMPDIR/got" "$image"
		kill "$tracer"
		wait "$tracer" || true
		if [ -d "/sys/class/vduse/$name/ext" ]; then
			[ "$(given "$trace")" -ge 4 ]
		else
			[ "$(given "$trace")" -eq 0 ]
		fi
	done
}
