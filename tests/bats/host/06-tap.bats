#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The count at the end of make check: nothing that is missing may look like a
# success.

bats_require_minimum_version 1.5.0

count=$BATS_TEST_DIRNAME/../../tap-count
tap_run=$BATS_TEST_DIRNAME/../../tap-run

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	unset CI
}

last_line() {
	printf '%s\n' "$output"
	[ "${lines[-1]}" = "$1" ]
}

@test "tap-count: sums over all files of all tiers" {
	printf '1..2\nok 1 - a\nok 2 b # skip no fish\n' > unit-x.tap
	printf '1..1\nok 1 - a\n# ok - tests\n' > unit-y.tap
	printf '1..1\nok 1 c\n' > host.tap
	run -0 "$count" . unit host
	last_line "3 passed, 0 failed, 1 skipped"
}

@test "tap-count: a failure is named and counted" {
	printf '1..2\nok 1 a\nnot ok 2 the broken one\n# why\n' > unit.tap
	run -1 "$count" . unit
	[[ $output == *"unit.tap: not ok 2 the broken one"* ]]
	last_line "1 passed, 1 failed, 0 skipped"
}

@test "tap-count: a missing tier, plan or result is a failure" {
	printf '1..3\nok 1 a\n' > unit.tap
	printf 'ok 1 a\n' > host.tap
	run -1 "$count" . unit host guest
	[[ $output == *"guest: no results"* ]]
	[[ $output == *"host.tap: no plan"* ]]
	last_line "2 passed, 4 failed, 0 skipped"
}

@test "tap-count: an empty file and an empty directory are failures" {
	: > unit.tap
	run -1 "$count" . unit
	[[ $output == *"unit.tap: no results"* ]]
	last_line "0 passed, 1 failed, 0 skipped"
	run -1 "$count" . guest
	last_line "0 passed, 1 failed, 0 skipped"
}

@test "tap-count: in CI a skip without a reason is a failure" {
	printf '1..1\nok 1 a # skip no reason\n' > unit.tap
	CI=true run -1 "$count" . unit
	[[ $output == *"skipped for no known reason: ok 1 a"* ]]
	last_line "0 passed, 1 failed, 0 skipped"
}

@test "tap-run: keeps the exit status and writes it down" {
	run -0 "$tap_run" dir/a.tap printf '1..1\nok 1\n'
	[ "$(< dir/a.tap)" = "$output" ]
	run -3 "$tap_run" b.tap sh -c 'echo 1..1; echo ok 1; exit 3'
	run -1 "$count" . b
	last_line "1 passed, 1 failed, 0 skipped"
	run -127 "$tap_run" c.tap ./nothing
	run -1 "$count" . c
}
