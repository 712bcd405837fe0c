#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The README shows a transcript: it is what really happens.

load ../helpers

@test "readme: its transcript is what the commands print" {
	local readme=$tests_dir/../README.md line command='' want='' n=0

	defer vdusectl destroy --if-exists data
	check() {
		[ -n "$command" ] || return 0
		run_ok bash -c "$command"
		[ "$output" = "${want%$'\n'}" ] ||
			fail "README shows for '$command': $want"
		n=$((n + 1))
	}
	while IFS= read -r line; do
		case $line in
		'    $ '*)
			check
			command=${line#'    $ '} want='' ;;
		'    '*)
			[ -z "$command" ] || want+=${line#'    '}$'\n' ;;
		*)
			check
			[ "$n" -eq 0 ] || break
			command='' ;;
		esac
	done < "$readme"
	[ "$n" -ge 6 ] || fail "only $n commands were found"
	run_ok vdusectl list
	[ -z "$output" ]
}
