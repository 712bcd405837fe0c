#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A 32-bit server on our module. The kernel must take such calls at all.

load ../helpers
load ../81-rows

@test "own: calls of an i386 program" {
	rows compat
}
