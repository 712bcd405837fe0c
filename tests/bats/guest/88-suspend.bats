#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A VM monitor stops a device amid its requests and goes on. vhost-blk of
# tests/tools is the monitor; it checks that nothing moves meanwhile, and every
# byte afterwards. The stock module does not offer it; what needs ours at each
# step is in own/88-suspend.bats.

# shellcheck disable=SC2154 # status, output, stderr, vnode: set by others

load 10-blk

ours() { [ -d "/sys/class/vduse/$1/ext" ]; }

# backend_features: of $vnode.
backend_features() {
	vhost-blk "$vnode" info | sed -n 's/^backend-features: //p'
}

@test "suspend: amid requests, and resume; the stock module cannot" {
	local name queues

	name=$(dev_name)
	make_vnode "$name" --size 4M --queues 4
	if ! ours "$name"; then
		[ $(($(backend_features) & 0x30)) -eq 0 ]
		run_fail 3 vhost-blk "$vnode" suspend
		[[ $stderr == *"cannot be suspended"* ]]
		return
	fi
	[ $(($(backend_features) & 0x30)) -eq $((0x30)) ]
	for queues in 1 4; do
		for options in "" --no-event-idx; do
			# shellcheck disable=SC2086 # words
			run_ok vhost-blk "$vnode" suspend --queues "$queues" \
				$options
			[ "$output" = "errors: 0" ]
		done
	done
	[ "$(counted "$name" errors)" -eq 0 ]
	[ "$(counted "$name" malformed)" -eq 0 ]
	# A reset ends it: the next monitor finds a whole device.
	run_ok vhost-blk "$vnode" verify --queues 4 --ops 200
}
