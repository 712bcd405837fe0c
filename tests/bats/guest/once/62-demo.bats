#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The demo runs on a host as it does in its own VM.

# shellcheck disable=SC2016 # variables of jq
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own

load ../40-bus

@test "demo: runs to its end, and shows what it says" {
	requires mkfs.ext4 vhost-blk
	O=$(dirname "$(type -P vdusectl)") RUN_TIMEOUT=110 \
		run_ok "$tests_dir/demo.sh"
	[[ $output == *'$ vdusectl create blk --size 10G '*$'\n'demo0$'\n'* ]]
	[[ $output == *'$ vdusectl bind virtio demo0'$'\n/dev/vd'* ]]
	[[ $output == *'$ vdusectl bind vhost demo0'$'\n/dev/vhost-vdpa-'* ]]
	[[ $stderr == *"'demo0' is in use: mounted on "* ]]
	[[ $output == *$'\nexit code 5\n'* ]]
	[[ $output == *"Done: nothing is left." ]]
	run_ok vdusectl list
	[ -z "$output" ]
}
