#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What our own module has and the stock one has not: bugs that are fixed, trace
# events, counters. Only for our module: tests/vm/bats --module own.

# shellcheck disable=SC2154 # output: set by capture

load ../helpers
load ../81-rows

# trace_rows ROW...: the same, with its trace in $trace.
trace_rows() {
	local instance=/sys/kernel/tracing/instances/vdusectl-test

	mkdir "$instance"
	defer rmdir "$instance"
	echo 1 > "$instance/events/vduse/enable"
	rows "$@"
	echo 0 > "$instance/events/vduse/enable"
	trace=$BATS_TEST_TMPDIR/trace
	sed -n 's/.* \(vduse_[a-z]*: .*\)/\1/p' "$instance/trace" > "$trace"
	wc -l "$trace"
}

# traced COUNT REGEX: so many whole lines of the trace are like that.
traced() {
	local count

	count=$(grep -cEx "$2" "$trace") || true
	[ "$count" -eq "$1" ] || {
		head -n 60 "$trace"
		fail "$count lines, not $1: $2"
	}
}

# The number N of the two: "message" and "answer" of one request.
answered() {
	traced 1 "vduse_message: probe0 id=$1 set_status $2"
	traced 1 "vduse_answer: probe0 id=$1 set_status result=0 status=$2"
}

@test "own: a device called control is refused without a noise" {
	rows control-name
	[ -c /dev/vduse/control ]
}

@test "own: configuration changes as a whole; a failing call leaves no descriptor" {
	rows torn-config no-descriptor-left
}

@test "own: a killed VMM leaves no memory; processors that went offline" {
	defer online
	rows crash offline
}

online() { echo 1 > /sys/devices/system/cpu/cpu1/online || true; }

@test "own: counters and trace events of a vhost user, exactly" {
	trace_rows counters
	# Opened, driver ok, reset, closed; the same in order.
	answered 0 0x0
	answered 1 0xf
	answered 2 0x0
	answered 3 0x0
	traced 4 'vduse_message: .*'
	traced 4 'vduse_answer: .*'
	traced 7 'vduse_kick: probe0 vq0 deferred'
	traced 7 'vduse_kick: probe0 vq0 signalled'
	traced 14 'vduse_kick: .*'
	traced 5 'vduse_interrupt: probe0 vq0 eventfd cpu=[0-9]+'
	traced 2 'vduse_interrupt: probe0 vq1 eventfd cpu=[0-9]+'
	traced 7 'vduse_interrupt: .*'
	[ "$(grep -c '^vduse_reset: probe0$' "$trace")" -ge 3 ]
}

@test "own: counters and trace events of a disk" {
	local status id=0 kicks interrupts

	trace_rows counters-io
	for status in 0x0 0x1 0x3 0xb 0xf; do
		answered "$id" "$status"
		((++id))
	done
	[[ $output =~ kicks\ ([0-9]+),\ interrupts\ ([0-9]+) ]]
	kicks=${BASH_REMATCH[1]} interrupts=${BASH_REMATCH[2]}
	traced "$kicks" 'vduse_kick: probe0 vq0 signalled'
	traced "$interrupts" 'vduse_interrupt: probe0 vq0 (direct|queued) cpu=[01]'
}

@test "own: trace events of a device that nobody answers" {
	trace_rows copy-outlived
	traced 1 'vduse_message: probe0 id=0 set_status 0x0'
	traced 1 'vduse_answer: probe0 id=0 set_status result=1 status=0x0 broken'
}
