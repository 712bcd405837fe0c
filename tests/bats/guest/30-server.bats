#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The server of a device: it may come and go under a disk in use, and has no
# more rights than it needs.

load 10-blk
load 30-held

started() { [ -e "/proc/$1" ]; }

@test "server: stop and start under a bound device, I/O waits for it" {
	local name pid dir=$BATS_TEST_TMPDIR

	name=$(dev_name)
	random_file "$dir/data" $((1 << 20))
	make_node "$name" --size 1M
	write_node "$dir/data" "$node"
	pid=$(column "$name" pid)
	run_ok vdusectl stop "$name"
	[ ! -e "/proc/$pid" ]
	[ "$(column "$name" state)" = stalled ]
	run_ok vdusectl stop "$name"
	read_later "$dir/read" 3
	sleep 0.5
	started "$reader"
	run_ok vdusectl start "$name"
	wait "$reader"
	run_ok cmp -i 0:196608 "$dir/read" "$dir/data" -n 65536
	[ "$(column "$name" state)" = bound ]
	[ "$(column "$name" pid)" != "$pid" ]
	run_ok vdusectl start "$name"
	write_node "$dir/data" "$node"
	run_ok cmp "$node" "$dir/data"
}

@test "server: killed in the middle of writing, started, nothing is lost" {
	local name pid dir=$BATS_TEST_TMPDIR

	name=$(dev_name)
	random_file "$dir/data" $((16 << 20))
	ext4_on_loop $((40 << 20))
	truncate -s 16M "$mnt/image"
	make_node "$name" --backend "file:$mnt/image" --queues 2
	dd if="$dir/data" of="$node" bs=4k oflag=direct status=none 3>&- &
	for _ in 1 2 3; do
		unsupervised "$name"
		pid=$(column "$name" pid)
		kill -9 "$pid"
		wait_until 10 state_is "$name" stalled
		run_ok vdusectl start "$name"
		[ "$(column "$name" pid)" != "$pid" ]
		sleep 0.3
	done
	wait $!
	run_ok cmp "$node" "$dir/data"
	run_ok vdusectl destroy "$name"
	run_ok cmp "$mnt/image" "$dir/data"
}

@test "server: killed with a request in flight, the next one answers it" {
	local name pid first second dir=$BATS_TEST_TMPDIR

	name=$(dev_name)
	slow_disk
	random_file "$dir/data" $((2 << 20))
	write_node "$dir/data" "$loop"
	make_node "$name" --backend "file:$slow"
	unsupervised "$name"
	hold 0
	read_later "$dir/first" 0
	first=$reader
	wait_until 10 in_flight "$name" 1
	# A later request overtakes it.
	read_later "$dir/second" 16
	second=$reader
	wait "$second"
	started "$first"
	pid=$(column "$name" pid)
	kill -9 "$pid"
	release 0
	wait_until 10 ended "$pid"
	[ "$(column "$name" state)" = stalled ]
	started "$first"
	run_ok vdusectl start "$name"
	wait_until 10 ended "$first"
	wait "$first"
	run_ok cmp -n 65536 "$dir/first" "$dir/data"
	run_ok cmp -n 65536 -i 0:1048576 "$dir/second" "$dir/data"
	run_ok cmp "$node" "$dir/data"
	run_ok vdusectl destroy "$name"
}

@test "server: SIGTERM waits for what is in flight" {
	local name pid dir=$BATS_TEST_TMPDIR

	name=$(dev_name)
	slow_disk
	random_file "$dir/data" $((2 << 20))
	write_node "$dir/data" "$loop"
	make_node "$name" --backend "file:$slow"
	pid=$(column "$name" pid)
	hold 0
	read_later "$dir/read" 0
	wait_until 10 in_flight "$name" 1
	kill -TERM "$pid"
	sleep 0.5
	started "$pid"
	started "$reader"
	release 0
	wait "$reader"
	run_ok cmp -n 65536 "$dir/read" "$dir/data"
	wait_until 10 ended "$pid"
	[ "$(column "$name" state)" = stalled ]
	grep -q "signal 15: draining" "/run/vdusectl/$name/log"
	run_ok vdusectl start "$name"
	run_ok cmp "$node" "$dir/data"
	run_ok vdusectl destroy "$name"
}

@test "server: no capabilities, no new privileges, system calls filtered" {
	local name pid task tasks text line fd

	name=$(dev_name)
	make_node "$name" --size 1M --queues 2
	pid=$(column "$name" pid)
	for task in "/proc/$pid/task"/*; do
		text=$(< "$task/status")
		for line in CapEff:$'\t'0000000000000000 \
				CapPrm:$'\t'0000000000000000 \
				CapInh:$'\t'0000000000000000 \
				CapAmb:$'\t'0000000000000000 \
				NoNewPrivs:$'\t'1 Seccomp:$'\t'2; do
			[[ $text == *"$line"* ]] || fail "$task: not $line"
		done
	done
	[ "$(readlink "/proc/$pid/cwd")" = / ]
	tasks=("/proc/$pid/task"/*)
	[ "${#tasks[@]}" -eq 3 ]
	# Nothing of its caller: its log, the device, the image, and anonymous
	# ones.
	for fd in /proc/"$pid"/fd/*; do
		case $(readlink "$fd") in
		/dev/null|/dev/vduse/"$name"|/run/vdusectl/"$name"/*|\
		/var/lib/vdusectl/"$name".img|anon_inode:*|socket:*) ;;
		/memfd:*|/dev/zero*) ;;
		*) fail "open in the server: $(readlink "$fd")" ;;
		esac
	done
}

@test "server: needs at most 4 MiB of memory of its own when idle" {
	local name pid key value _ uss=0

	name=$(dev_name)
	make_node "$name" --size 1G
	pid=$(column "$name" pid)
	while read -r key value _; do
		[[ $key != Private_* ]] || ((uss += value))
	done < "/proc/$pid/smaps_rollup"
	echo "unique set size: $uss KiB"
	[ "$uss" -gt 0 ]
	[ "$uss" -le 4096 ]
}

@test "server: there is one for each device, a second is refused" {
	local name pid

	name=$(dev_name)
	make_node "$name" --size 1M
	pid=$(column "$name" pid)
	run_fail 5 vdusectl serve "$name"
	[ "$(column "$name" pid)" = "$pid" ]
	[ -S "/run/vdusectl/$name/control.sock" ]
	run_ok vdusectl stats "$name"
	run_ok dd if="$node" of=/dev/null bs=4k count=1 iflag=direct
	run_fail 3 vdusectl serve "$name-none"
	run_fail 3 vdusectl start "$name-none"
	run_fail 3 vdusectl stop "$name-none"
}

@test "server: waits for a dead one whose device is not free yet" {
	local name holder

	name=$(dev_name)
	make_node "$name" --size 1M
	run_ok vdusectl stop "$name"
	sleep 1 9<> "/dev/vduse/$name" 3>&- &
	holder=$!
	wait_until 10 test -e "/proc/$holder/fd/9"
	run_ok vdusectl start "$name"
	[ ! -e "/proc/$holder" ]
	run_ok dd if="$node" of=/dev/null bs=4k count=1 iflag=direct
	run_ok vdusectl stop "$name"
	sleep 60 9<> "/dev/vduse/$name" 3>&- &
	holder=$!
	defer kill "$holder"
	wait_until 10 test -e "/proc/$holder/fd/9"
	run_fail 5 vdusectl start "$name"
	[[ $stderr == *"another process serves it"* ]]
	kill "$holder"
	wait "$holder" || true
	run_ok vdusectl start "$name"
}

@test "server: in the foreground it serves until SIGTERM" {
	local name pid

	name=$(dev_name)
	make_node "$name" --size 1M
	run_ok vdusectl stop "$name"
	vdusectl serve "$name" > "$BATS_TEST_TMPDIR/out" \
		2> "$BATS_TEST_TMPDIR/err" 3>&- &
	pid=$!
	wait_until 10 state_is "$name" bound
	[ "$(column "$name" pid)" -eq "$pid" ]
	run_ok dd if="$node" of=/dev/null bs=4k count=1 iflag=direct
	kill -TERM "$pid"
	wait "$pid"
	[ ! -s "$BATS_TEST_TMPDIR/out" ]
	run_ok vdusectl start "$name"
}

@test "server: its log says what happened, in plain lines" {
	local name log

	name=$(dev_name)
	log=/run/vdusectl/$name/log
	make_node "$name" --size 1M --queues 2
	[ "$(stat -c %a "$log")" = 600 ]
	run_ok vdusectl stop "$name"
	run_ok vdusectl start "$name"
	[ "$(grep -c "serving $name, 2 queue" "$log")" -eq 2 ]
	grep -q "signal 15: draining" "$log"
	run_fail 1 grep -aP '[^\x20-\x7e\t]' "$log"
	run_fail 1 grep -iE 'error|cannot|fail|sandbox' "$log"
}
