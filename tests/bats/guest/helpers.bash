# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What every guest test stands on: commands that explain their failures,
# cleanup, and a check after each test that it left nothing behind, in the
# kernel log or elsewhere. A file with a setup() or teardown() of its own calls
# guest_setup first and guest_teardown last; the same for setup_file() and
# teardown_file() with guest_setup_file and guest_teardown_file.
#
# On a kernel that is full of checks everything takes longer: $VDUSECTL_SLOW
# times as long; all deadlines are multiplied by that.

unset LC_ALL
tests_dir=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
guest_slow=${VDUSECTL_SLOW:-1}

setup_file() { guest_setup_file; }
teardown_file() { guest_teardown_file; }
setup() { guest_setup; }
teardown() { guest_teardown; }

# bats runs a function before each command, to know where a test failed. In an
# emulated guest that takes longer than the commands. So guest_setup and
# guest_setup_file end that for all functions that are called from then on: what
# is reported is the line of the test itself, the last one if only the check
# after the test failed.

# --- commands -------------------------------------------------------------

# capture CMD...: run it with a deadline ($RUN_TIMEOUT, 60 s), set $status,
# $output (stdout) and $stderr, and log all three for the case of a failure.
# bats' own descriptors are closed: a server that stays must not hold them.
capture() {
	local out=$BATS_TEST_TMPDIR/.stdout err=$BATS_TEST_TMPDIR/.stderr
	local limit=(timeout -k 5 $((${RUN_TIMEOUT:-60} * guest_slow)))

	[ "$(type -t "$1")" = file ] || limit=()
	status=0
	"${limit[@]}" "$@" < /dev/null > "$out" 2> "$err" 3>&- 4>&- ||
		status=$?
	output=$(< "$out")
	stderr=$(< "$err")
	printf '$ %s\n[status %s]\n' "${*@Q}" "$status"
	[ -z "$output" ] || printf 'stdout: %s\n' "${output//$'\n'/$'\n'        }"
	[ -z "$stderr" ] || printf 'stderr: %s\n' "${stderr//$'\n'/$'\n'        }"
}

# run_ok CMD...: it must succeed.
run_ok() {
	capture "$@"
	[ "$status" -eq 0 ] || fail "expected status 0, got $status"
}

# run_fail CODE CMD...: it must fail with exactly that status.
run_fail() {
	local want=$1
	shift

	capture "$@"
	[ "$status" -eq "$want" ] || fail "expected status $want, got $status"
}

fail() {
	printf 'FAILED: %s\n' "$*"
	return 1
}

# requires CMD...: skip, with the reason, where one is not installed.
requires() {
	local cmd

	for cmd in "$@"; do
		type -P "$cmd" > /dev/null || skip "needs $cmd"
	done
}

# wait_until SECONDS CMD...: until CMD succeeds, or fail.
wait_until() {
	local seconds=$(($1 * guest_slow)) end
	shift

	end=$((SECONDS + seconds))
	until "$@"; do
		((SECONDS < end)) || { fail "not within $seconds s: $*"; return; }
		sleep 0.1
	done
}

# dev_name [SUFFIX]: a device name that no other test uses.
dev_name() {
	printf 't%s%s\n' "$BATS_SUITE_TEST_NUMBER" "${1:+-$1}"
}

# defer CMD...: run it when the test ends, last one first. Failures of
# deferred commands are shown but do not count.
deferred=()
defer() {
	deferred+=("${*@Q}")
}

# --- the kernel log -------------------------------------------------------

# expect_dmesg REGEX: the test is about to provoke such lines.
expected=()
expect_dmesg() {
	expected+=(--allow "$1")
}

# Every marker ends one test's stretch of the log and begins the next one's,
# so that no line falls between two tests.
new_marker() {
	marker="vdusectl-test: $BATS_TEST_NUMBER $BATS_TEST_NAME $EPOCHREALTIME"
	printf '<5>%s\n' "$marker" > /dev/kmsg
	printf '%s\n' "$marker" > "$BATS_RUN_TMPDIR/marker"
}

check_dmesg() {
	local since=$1 hits

	hits=$(dmesg | "$tests_dir/vm/scan-dmesg" --since "$since" \
		"${expected[@]}" 2>&1) && return
	printf 'the kernel log says:\n%s\n' "$hits"
	return 1
}

# W (warned), D (died), B (bad page) and L (soft lockup) outlive the log.
check_taint() {
	local now

	read -r now < /proc/sys/kernel/tainted
	((((now & ~taint_before) & (512 | 128 | 32 | 16384)) == 0)) ||
		fail "the kernel is tainted: $taint_before before, $now now"
}

# --- leftovers ------------------------------------------------------------

# One line for each thing of ours that exists. No processes are started: this
# runs twice per test.
list_things() {
	local path comm what where

	for path in /dev/vduse/* /sys/bus/vdpa/devices/* /run/vdusectl/* \
			/var/lib/vdusectl/*.img /etc/vdusectl/devices/*; do
		case $path in
		*\*|*"/*.img"|/dev/vduse/control|/run/vdusectl/lock) ;;
		*) printf 'path %s\n' "$path" ;;
		esac
	done
	for path in /proc/[0-9]*/comm; do
		{ read -r comm < "$path"; } 2>/dev/null || continue
		[ "$comm" != vdusectl ] || printf 'process %s\n' "${path//[!0-9]}"
	done
	while read -r what where _; do
		case $what:$where in
		/dev/vd*:*|*:"$BATS_TEST_TMPDIR"/*|*:/var/lib/vdusectl/*)
			printf 'mount %s\n' "$where" ;;
		esac
	done < /proc/self/mounts
}

# Things that are here now and were not when the test began.
list_leftovers() {
	local thing

	while read -r thing; do
		[[ $'\n'$things_before$'\n' == *$'\n'"$thing"$'\n'* ]] ||
			printf '%s\n' "$thing"
	done < <(list_things)
}

# By kind, in the order in which they hold each other. Each step is bounded:
# a device whose server is dead may hang whoever touches it.
remove_leftovers() {
	local kind path name

	while read -r kind path; do
		[ "$kind" != mount ] || timeout 10 umount -l "$path"
	done <<< "$1"
	while read -r kind path; do
		name=${path##*/}
		case $path in
		/dev/vduse/*)
			timeout -k 2 20 vdusectl start "$name"
			timeout -k 2 20 vdusectl destroy "$name" ;;
		/sys/bus/vdpa/*) timeout -k 2 20 vdpa dev del "$name" ;;
		esac
	done <<< "$1"
	while read -r kind path; do
		case $kind:$path in
		process:*) kill -9 "$path" ;;
		path:/run/vdusectl/*|path:/var/lib/*|path:/etc/*) rm -rf "$path" ;;
		esac
	done <<< "$1"
}

# A process that has been told to end gets a moment for it.
check_leftovers() {
	local left tries

	for tries in 1 2 3 4 5; do
		left=$(list_leftovers)
		[ -n "$left" ] || return 0
		[ "$tries" -eq 5 ] || sleep 0.5
	done
	printf 'the test left behind:\n%s\n' "$left"
	remove_leftovers "$left" > /dev/null 2>&1 || true
	# A killed process is seen until its parent has noticed.
	for tries in 1 2 3 4 5 6 7 8 9 10; do
		left=$(list_leftovers)
		[ -n "$left" ] || break
		sleep 0.5
	done
	if [ -n "$left" ]; then
		printf 'and this cannot be removed:\n%s\n' "$left"
		look_for_stuck
	fi
	return 1
}

# A task that nobody can wake may hold locks of the kernel, and then each test
# that follows would wait until its deadline. They fail at once instead, and
# this one says where such tasks wait.
look_for_stuck() {
	local task

	while read -r task; do
		task=${task%/status}
		printf '%s\n' "$BATS_TEST_NAME" > "$stuck_file"
		printf '%s (%s) waits in:\n' "$task" "$(< "$task/comm")"
		cat "$task/stack"
	done < <(grep -ls '^State:.D' /proc/[0-9]*/task/*/status) 2>&1
}

# --- around each test -----------------------------------------------------

stuck_file=$BATS_RUN_TMPDIR/stuck

guest_setup() {
	set +T
	[ -w /dev/kmsg ] || skip "needs root and a kernel log"
	stuck=''
	if [ -f "$stuck_file" ]; then
		read -r stuck < "$stuck_file"
		fail "this guest is stuck since $stuck"
		return
	fi
	if [ -f "$BATS_RUN_TMPDIR/marker" ]; then
		read -r marker < "$BATS_RUN_TMPDIR/marker"
	else
		new_marker
	fi
	read -r taint_before < /proc/sys/kernel/tainted
	things_before=$(list_things)
}

guest_teardown() {
	local i since=$marker bad=0

	[ -z "$stuck" ] || return 0
	for ((i = ${#deferred[@]} - 1; i >= 0; i--)); do
		eval "${deferred[i]}" ||
			printf 'cleanup failed: %s\n' "${deferred[i]}"
	done
	check_leftovers || bad=1
	new_marker
	check_dmesg "$since" || bad=1
	check_taint || bad=1
	return "$bad"
}

# --- around each file, where the kernel can tell --------------------------

leaks=/sys/kernel/debug/kmemleak

# What was there before is not this file's.
guest_setup_file() {
	set +T
	[ -w "$leaks" ] || return 0
	echo scan > "$leaks"
	echo clear > "$leaks"
}

guest_teardown_file() {
	local bad=0

	check_lockdep || bad=1
	check_leaks || bad=1
	return "$bad"
}

# It stops with its first report: then it is silent about all that follows.
check_lockdep() {
	[ ! -r /proc/lockdep_stats ] ||
		grep -q '^ *debug_locks: *1$' /proc/lockdep_stats ||
		fail "lockdep has stopped"
}

# A file whose tests make the kernel itself leak says where, and why:
# $known_leaks, a regular expression.
check_leaks() {
	local found

	found=$("$tests_dir/vm/scan-leaks" "${known_leaks:-}")
	[ -z "$found" ] || fail "memory leaks: $found"
}
