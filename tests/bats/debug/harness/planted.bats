#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Defects that only a kernel with checkers sees, one a test: all must fail.
# 00-planted.bats runs this file and looks at the verdicts.

load ../../guest/helpers

plant() {
	run_fail 1 insmod "$O/planted-debug/planted.ko" defect="$1"
}

# First: lockdep stops with its report, and with one of KASAN.
@test "defect abba" {
	plant abba
}

@test "defect uaf" {
	plant uaf
}

@test "defect oob" {
	plant oob
}

@test "defect ubsan" {
	plant ubsan
}

@test "defect odebug" {
	plant odebug
}

@test "defect atomic" {
	plant atomic
}

# Its verdict is that of the whole file, at its end.
@test "defect leak" {
	plant leak
}
