#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Does each checker of the debug kernel report what it is there for, and does
# the harness see it? Needs a guest of its own: lockdep ends here.

load ../guest/helpers

export BATS_TEST_TIMEOUT=600

setup_file() {
	env -u BATS_TEST_TIMEOUT TMPDIR="$BATS_FILE_TMPDIR" \
		bats --tap "$BATS_TEST_DIRNAME/harness/planted.bats" \
		> "$BATS_FILE_TMPDIR/tap" 2>&1 3>&- || true
	cat "$BATS_FILE_TMPDIR/tap"
}

# What this file plants is looked at by the inner bats.
teardown_file() { :; }

# verdict NAME TEXT: the test failed, and TEXT is why.
verdict() {
	local said

	said=$(awk -v name="$1" '
		/^(not )?ok / { on = $0 ~ "^(not )?ok [0-9]+ " name "$" }
		on' "$BATS_FILE_TMPDIR/tap")
	printf '%s\n' "$said"
	[[ $said == "not ok "* ]] || fail "$1 was not seen"
	[[ $said == *"$2"* ]] || fail "'$2' is not what it says"
}

@test "planted: lockdep: two locks in both orders" {
	verdict "defect abba" "possible circular locking dependency detected"
}

@test "planted: KASAN: use after free" {
	verdict "defect uaf" "BUG: KASAN: slab-use-after-free in use_after_free"
}

@test "planted: KASAN: a byte past the end" {
	verdict "defect oob" "BUG: KASAN: slab-out-of-bounds in out_of_bounds"
}

@test "planted: UBSAN: a shift too far" {
	verdict "defect ubsan" "UBSAN: shift-out-of-bounds"
}

@test "planted: DEBUG_OBJECTS: an armed timer is freed" {
	verdict "defect odebug" "ODEBUG: free active"
}

@test "planted: sleeping in atomic context" {
	verdict "defect atomic" "BUG: scheduling while atomic"
}

@test "planted: kmemleak: forgotten memory, and lockdep has ended" {
	verdict "teardown_file failed" "unreferenced object"
	verdict "teardown_file failed" 'comm "insmod"'
	verdict "teardown_file failed" "lockdep has stopped"
}
