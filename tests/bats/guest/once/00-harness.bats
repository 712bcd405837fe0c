#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Does the harness see what it claims to see? Another bats runs a file of tests
# with one planted fault each; the tests here demand that it was seen.

load ../helpers

setup_file() {
	env -u BATS_TEST_TIMEOUT TMPDIR="$BATS_FILE_TMPDIR" \
		bats --tap "$BATS_TEST_DIRNAME/harness/planted.bats" \
		> "$BATS_FILE_TMPDIR/tap" 3>&- || true
}

# verdict NAME: sets $verdict to what the inner bats said about that test.
verdict() {
	verdict=$(awk -v name="$1" '
		/^(not )?ok / { on = $0 ~ "^(not )?ok [0-9]+ " name "$" }
		on' "$BATS_FILE_TMPDIR/tap")
	printf '%s\n' "$verdict"
	[ -n "$verdict" ]
}

@test "harness: a clean test passes, its cleanup runs in reverse order" {
	verdict "clean"
	[[ $verdict == "ok "* ]]
	verdict "cleanup ran"
	[[ $verdict == "ok "* ]]
}

@test "harness: a splat in the kernel log fails the test" {
	verdict "splat"
	[[ $verdict == "not ok "*"BUG: KASAN: planted"* ]]
}

@test "harness: defects of a real module fail the test" {
	[ -f "${O:-}/planted/planted.ko" ] || skip "make check-guest builds it"
	verdict "defect warn"
	[[ $verdict == "not ok "*"WARNING: CPU"*"[planted]"* ]]
	[[ $verdict == *"the kernel is tainted"* ]]
	verdict "defect refcount"
	[[ $verdict == "not ok "*"refcount_t: underflow"* ]]
	verdict "defect atomic"
	[[ $verdict == "not ok "*"BUG: scheduling while atomic: insmod"* ]]
}

@test "harness: an announced line does not fail the test" {
	verdict "announced splat"
	[[ $verdict == "ok "* ]]
}

@test "harness: what a test leaves behind fails it and is removed" {
	verdict "leftovers"
	[[ $verdict == "not ok "*"left behind"* ]]
	[[ $verdict == *"process "* ]]
	[[ $verdict == *"path /run/vdusectl/planted"* ]]
	[[ $verdict == *"path /var/lib/vdusectl/planted.img"* ]]
	[[ $verdict == *"mount "*"/mnt"* ]]
	[[ $verdict != *"/run/vdusectl/lock"* ]]
	[[ $verdict != *"cannot be removed"* ]]
	verdict "leftovers are gone"
	[[ $verdict == "ok "* ]]
}

@test "harness: a wrong exit status fails the test and is explained" {
	verdict "wrong status"
	[[ $verdict == "not ok "*"[status 3]"* ]]
	[[ $verdict == *"stdout: to-out"* ]]
	[[ $verdict == *"stderr: to-err"* ]]
	[[ $verdict == *"expected status 2, got 3"* ]]
}

@test "harness: commands and waits have a deadline" {
	verdict "hanging command"
	[[ $verdict == "not ok "*"[status 124]"* ]]
	verdict "hanging condition"
	[[ $verdict == "not ok "*"not within $guest_slow s: false"* ]]
}

@test "harness: a task that cannot be ended is shown, and ends the whole run" {
	[ -f "${O:-}/planted/planted.ko" ] || skip "make check-guest builds it"
	verdict "stuck"
	[[ $verdict == "not ok "*"cannot be removed"*"(vdusectl) waits in:"* ]]
	[[ $verdict == *" msleep+"*" [planted]"* ]]
	verdict "after one that is stuck"
	[[ $verdict == "not ok "*"this guest is stuck since"*stuck* ]]
}

@test "harness: the kernel has VDUSE" {
	run_ok modprobe vduse
	[ -c /dev/vduse/control ]
	run_ok vdpa mgmtdev show
	[[ $output == *vduse* ]]
}
