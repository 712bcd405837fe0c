#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The demo runs on a host as it does in its own VM.

load 40-bus

@test "demo: runs to its end, and shows what it says" {
	requires mkfs.ext4 vhost-blk
	O=$(dirname "$(type -P vdusectl)") RUN_TIMEOUT=110 \
		run_ok "$tests_dir/demo.sh"
	[[ $output == *'$ vdusectl create blk --size 10G '*$'\n'demo0$'\n'* ]]
	[[ $output == *'$ vdusectl bind virtio demo0'$'\n/dev/vd'* ]]
	[[ $output == *'$ vdusectl bind vhost demo0'$'\n/dev/vhost-vdpa-'* ]]
	[[ $output == *"is in use: mounted on "*"exit code 5"* ]]
	[[ $output == *"Done: nothing is left." ]]
	run_ok vdusectl list
	[ -z "$output" ]
}
