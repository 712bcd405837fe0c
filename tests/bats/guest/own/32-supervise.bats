#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that dies or does not answer is replaced without anyone asking; one
# that was told to end is not.

# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own

load ../10-blk

started() { [ -e "/proc/$1" ]; }
restarted() { [ "$(shown "$1" restarts)" -ge "$2" ]; }
says() { [ "$(shown "$1" "$2")" = "$3" ]; }

@test "supervise: a killed server is back by itself, and nothing is lost" {
	local name pid above i dir=$BATS_TEST_TMPDIR

	name=$(dev_name)
	random_file "$dir/data" $((16 << 20))
	make_node "$name" --size 16M --queues 2
	says "$name" restarts 0
	says "$name" last_exit null
	above=$(shown "$name" supervisor)
	dd if="$dir/data" of="$node" bs=4k oflag=direct status=none 3>&- &
	for i in 1 2 3; do
		pid=$(column "$name" pid)
		kill -9 "$pid"
		wait_until 10 is_back "$name" "$pid"
		says "$name" restarts "$i"
	done
	wait $!
	run_ok cmp "$node" "$dir/data"
	says "$name" last_exit "killed by signal 9"
	says "$name" supervisor "$above"
	run_ok vdusectl show "$name"
	[[ $output == *"restarts "*3*"last exit "*"killed by signal 9"* ]]
	[ "$(grep -c "pid $pid: killed by signal 9, after .* restart 3 in" \
		"/run/vdusectl/$name/log")" -eq 1 ]
	run_ok vdusectl start "$name"
	says "$name" supervisor "$above"
	run_ok vdusectl destroy "$name"
	wait_until 5 ended "$above"
}

@test "supervise: a server that does not answer is replaced, the device stays whole" {
	local name pid dir=$BATS_TEST_TMPDIR

	name=$(dev_name)
	random_file "$dir/data" $((1 << 20))
	make_node "$name" --size 1M
	write_node "$dir/data" "$node"
	# It counts from the next server on: two thirds of it are the limit.
	echo 6 > "/sys/class/vduse/$name/msg_timeout"
	pid=$(column "$name" pid)
	kill -9 "$pid"
	wait_until 10 is_back "$name" "$pid"
	pid=$(column "$name" pid)
	# It shows life, from within its sandbox, for longer than that.
	sleep 6
	[ "$(column "$name" pid)" = "$pid" ]
	kill -STOP "$pid"
	dd if="$node" of="$dir/read" bs=64k count=16 iflag=direct status=none
	run_ok cmp "$dir/read" "$dir/data"
	ended "$pid"
	says "$name" state bound
	says "$name" last_exit "showed no sign of life: killed"
	grep -q "pid $pid: showed no sign of life; killing" \
		"/run/vdusectl/$name/log"
}

@test "supervise: what is stopped stays so, by stop and by a signal" {
	local name above

	name=$(dev_name)
	make_node "$name" --size 1M
	above=$(shown "$name" supervisor)
	run_ok vdusectl stop "$name"
	ended "$above"
	says "$name" supervisor null
	run_ok vdusectl start "$name"
	above=$(shown "$name" supervisor)
	kill -TERM "$(column "$name" pid)"
	wait_until 10 ended "$above"
	state_is "$name" stalled
	run_ok vdusectl start "$name"
	above=$(shown "$name" supervisor)
	kill -TERM "$above"
	wait_until 10 ended "$above"
	state_is "$name" stalled
	says "$name" restarts 0
	run_ok vdusectl start "$name"
	run_ok dd if="$node" of=/dev/null bs=4k count=1 iflag=direct
}

@test "supervise: a backend that is away is waited for, with growing pauses" {
	local name above image=$BATS_TEST_TMPDIR/image reader

	name=$(dev_name)
	truncate -s 1M "$image"
	make_node "$name" --backend "file:$image"
	above=$(shown "$name" supervisor)
	mv "$image" "$image.away"
	kill -9 "$(column "$name" pid)"
	dd if="$node" of=/dev/null bs=4k count=1 iflag=direct status=none 3>&- &
	reader=$!
	wait_until 20 restarted "$name" 3
	state_is "$name" stalled
	[[ $(shown "$name" last_exit) == "could not start: "*"$image"* ]]
	grep -q "restart 2 in 100 ms" "/run/vdusectl/$name/log"
	grep -q "restart 3 in 200 ms" "/run/vdusectl/$name/log"
	# start says why, and does not end the tries.
	run_fail 1 vdusectl start "$name"
	[[ $stderr == *"$image"* ]]
	says "$name" supervisor "$above"
	started "$reader"
	mv "$image.away" "$image"
	wait_until 10 state_is "$name" bound
	wait "$reader"
}

@test "supervise: a server outlives its supervisor, and start gives it another" {
	local name pid above

	name=$(dev_name)
	make_node "$name" --size 1M
	pid=$(column "$name" pid)
	unsupervised "$name"
	says "$name" supervisor null
	state_is "$name" bound
	run_ok vdusectl start "$name"
	above=$(shown "$name" supervisor)
	started "$above"
	[ "$(column "$name" pid)" = "$pid" ]
	kill -9 "$pid"
	wait_until 10 is_back "$name" "$pid"
	run_ok dd if="$node" of=/dev/null bs=4k count=1 iflag=direct
	run_fail 5 vdusectl serve --supervise "$name"
	[[ $stderr == *"supervised already, by pid $above"* ]]
	run_fail 3 vdusectl serve --supervise "$name-none"
}

@test "supervise: it needs at most 1 MiB of memory of its own" {
	local name key value _ uss=0

	name=$(dev_name)
	make_blk "$name" --size 1M --backend null
	while read -r key value _; do
		[[ $key != Private_* ]] || uss=$((uss + value))
	done < "/proc/$(shown "$name" supervisor)/smaps_rollup"
	echo "unique set size: $uss KiB"
	[ "$uss" -gt 0 ]
	[ "$uss" -le 1024 ]
}

@test "set: on-death is shown, kept, and changed live" {
	local name

	name=$(dev_name)
	make_blk "$name" --size 1M --on-death fail=7
	says "$name" on_death fail=7
	run_ok vdusectl set "$name" on-death=queue
	[ -z "$output" ]
	says "$name" on_death queue
	run_ok vdusectl set "$name" on-death=fail=3600
	run_ok vdusectl stop "$name"
	run_ok vdusectl start "$name"
	says "$name" on_death fail=3600
	says "$name" failing false
	run_fail 2 vdusectl set "$name" on-death=queue on-death=never
	says "$name" on_death fail=3600
	run_fail 4 vdusectl create blk --if-not-exists --size 1M \
		--on-death fail=1 "$name"
	[[ $stderr == *"on-death fail=3600 instead of fail=1"* ]]
	run_fail 3 vdusectl set "$name-none" on-death=queue
}
