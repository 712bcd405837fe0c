#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Completion in bash with the devices that there are.

# shellcheck disable=SC2016 # variables of jq
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own

load ../40-bus

# complete_words WORD...: what the last word can become, in $output.
complete_words() {
	# shellcheck disable=SC2016 # expands in there
	run_ok bash -c 'source "$0"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*"
		COMP_POINT=${#COMP_LINE}
		_vdusectl
		printf "%s\n" "${COMPREPLY[@]}" | sort' \
		"$tests_dir/../completions/vdusectl.bash" "$@"
}

@test "completion: device names, each command those that it can take" {
	local name

	name=$(dev_name)
	complete_words vdusectl destroy ''
	[ -z "$output" ]
	make_blk "$name-free" --size 1M --backend null
	make_blk "$name-host" --size 1M --backend null --bind virtio
	make_blk "$name-dead" --size 1M --backend null
	run_ok vdusectl stop "$name-dead"
	complete_words vdusectl destroy ''
	[ "$output" = "$name-dead
$name-free
$name-host" ]
	complete_words vdusectl show "$name-f"
	[ "$output" = "$name-free" ]
	complete_words vdusectl unbind ''
	[ "$output" = "$name-host" ]
	complete_words vdusectl bind ''
	[ "$output" = "vhost
virtio" ]
	complete_words vdusectl bind vhost ''
	[ "$output" = "$name-dead
$name-free" ]
	complete_words vdusectl stats "$name"
	[ "$output" = "$name-free
$name-host" ]
	complete_words vdusectl dump vq "$name-h"
	[ "$output" = "$name-host" ]
	complete_words vdusectl start ''
	[[ $output == *"$name-dead"* ]]
}
