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

# The processors of each queue's thread, "vq0 0" and so on, a line each.
thread_cpus() {
	local task

	for task in "/proc/$(column "$1" pid)"/task/*; do
		awk '$1 == "Name:" && $2 ~ /^vq/ { name = $2 }
			name && $1 == "Cpus_allowed_list:" { print name, $2 }' \
			"$task/status"
	done | sort
}

runs_on() { [ "$(thread_cpus "$1")" = "$2" ]; }
all_run_on() { [ "$(thread_cpus "$1" | cut -d' ' -f2 | sort -u)" = "$2" ]; }

@test "speed: --queues auto, --affinity auto: threads run where requests come" {
	local name pid spread cpus

	name=$(dev_name)
	cpus=$(nproc)
	make_node "$name" --size 16M --queues auto --affinity auto
	[ "$(shown "$name" queues)" -eq "$cpus" ]
	[ "$(shown "$name" affinity)" = auto ]
	spread=$(cd "/sys/block/$disk/mq" && grep -H . ./*/cpu_list |
		sed 's|^./\(.*\)/cpu_list:|vq\1 |' | sort)
	[ "$(wc -l <<< "$spread")" -eq "$cpus" ]
	wait_until 5 runs_on "$name" "$spread"
	verified --iodepth=16 --numjobs=2 --size=8M --offset_increment=8M \
		--number_ios=500
	run_ok vdusectl restart "$name"
	wait_until 5 runs_on "$name" "$spread"
	pid=$(column "$name" pid)
	kill -9 "$pid"
	wait_until 10 is_back "$name" "$pid"
	wait_until 5 runs_on "$name" "$spread"
	# What may not be used is left out; if all of it, any will do.
	run_ok vdusectl stop "$name"
	run_ok taskset -c 0 vdusectl start "$name"
	wait_until 5 all_run_on "$name" 0
	verified --iodepth=4 --number_ios=500
	# A VM has no processors here: any of those will do, also after a disk.
	run_ok vdusectl unbind "$name"
	run_ok vdusectl stop "$name"
	run_ok vdusectl start "$name"
	run_ok vdusectl bind vhost "$name"
	run_ok vhost-blk "$output" verify --queues 2 --ops 50
	wait_until 5 all_run_on "$name" "$(awk \
		'$1 == "Cpus_allowed_list:" { print $2 }' /proc/self/status)"
	run_fail 1 grep -E 'affinity|not bound' "/run/vdusectl/$name/log"
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

# interrupts_called FILE: how many interrupts were a call of their own, by the
# trace of a server's calls.
interrupts_called() {
	awk '/0x17, 0x4|VDUSE_VQ_INJECT_IRQ/ && / = 0$/ { n++ }
		END { print n + 0 }' "$1"
}

@test "speed: an interrupt goes with the server's wait, with our module" {
	local name pid tracer before calls interrupts
	local trace=$BATS_TEST_TMPDIR/trace

	name=$(dev_name)
	make_node "$name" --size 4M
	random_file "$BATS_TEST_TMPDIR/data" 4096
	pid=$(shown "$name" pid)
	strace -f -o "$trace" -e trace=ioctl -p "$pid" 2> "$trace.err" 3>&- &
	tracer=$!
	wait_until 20 grep -q attached "$trace.err"
	before=$(counted "$name" interrupts)
	# One at a time, with a pause: yielding for the next does not pay.
	for _ in {1..32}; do
		dd if="$BATS_TEST_TMPDIR/data" of="$node" oflag=direct bs=4k
		sleep 0.02
	done
	interrupts=$(($(counted "$name" interrupts) - before))
	kill "$tracer"
	wait "$tracer" || true
	[ "$interrupts" -ge 32 ]
	calls=$(interrupts_called "$trace")
	if [ -d "/sys/class/vduse/$name/ext" ]; then
		[ "$calls" -lt $((interrupts / 2)) ]
	else
		[ "$calls" -eq "$interrupts" ]
	fi
	run_ok cmp -n 4096 "$node" "$BATS_TEST_TMPDIR/data"
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
