#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A device that stands still stays so whoever serves it, and goes on where it
# stopped, there or on another device: the base of live migration. Only for our
# module: the stock one cannot suspend (../88-suspend.bats).

# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own
# shellcheck disable=SC2154 # status, output, stderr, vnode: set by others

load ../10-blk

# has_said TIMES WORD: in vhost-blk's output.
has_said() { [ "$(grep -c "^$2" "$BATS_TEST_TMPDIR/out")" -eq "$1" ]; }

# monitor COMMAND...: vhost-blk in the background: $mover, reads from $to.
monitor() {
	mkfifo "$BATS_TEST_TMPDIR/to"
	vhost-blk "$vnode" "$@" < "$BATS_TEST_TMPDIR/to" \
		> "$BATS_TEST_TMPDIR/out" 2> "$BATS_TEST_TMPDIR/err" 3>&- &
	mover=$!
	exec {to}> "$BATS_TEST_TMPDIR/to"
}

# told LINE: the monitor goes on, with nothing more to come.
told() { printf '%s\n' "$1" >&"$to"; }

monitor_ends() {
	exec {to}>&-
	wait "$mover" || fail "$(cat "$BATS_TEST_TMPDIR/err")"
	has_said 1 "errors: 0"
}

@test "suspend: whoever serves then stands still, too" {
	local name pid

	name=$(dev_name)
	make_vnode "$name" --size 4M --queues 2
	monitor suspend --queues 2 --pause
	wait_until 20 has_said 1 suspended
	vdusectl show "$name" --json |
		jq -e '.devices[0].conditions | index("suspended")'
	pid=$(column "$name" pid)
	kill -9 "$pid"
	wait_until 10 is_back "$name" "$pid"
	told "resume what a crash has interrupted"
	wait_until 20 has_said 2 suspended
	run_ok vdusectl restart "$name"
	run_ok vdusectl set "$name" cache=writethrough
	told "resume under a successor"
	wait_until 20 has_said 3 suspended
	told "and once more"
	monitor_ends
	[ "$(counted "$name" errors)" -eq 0 ]
	run_ok vdusectl destroy "$name"
}

@test "suspend: requests that one device has left are done by another one" {
	local name second image=$BATS_TEST_TMPDIR/image

	name=$(dev_name)
	second=$(dev_name second)
	truncate -s 4M "$image"
	make_vnode "$name" --backend "file:$image" --queues 2
	monitor migrate --queues 2
	wait_until 20 has_said 1 saved
	run_ok vdusectl destroy "$name"
	make_vnode "$second" --backend "file:$image" --queues 2
	told "$vnode"
	monitor_ends
	[ "$(counted "$second" writes)" -gt 0 ]
	[ "$(counted "$second" errors)" -eq 0 ]
	run_ok vdusectl destroy "$second"
}
