#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Bugs that VDUSE had and no module may have: each is tried. tests/kmod/rows*.c
# say what is done; what tests/kmod/conformance asks is not asked again here.

# shellcheck disable=SC2154 # output: set by capture

load helpers
load 81-rows

@test "module: odd shapes: short configuration, odd rings, many queues, none, net" {
	expect_dmesg 'Bad virtqueue length 48'
	expect_dmesg 'probe with driver virtio_(blk|vdpa) failed with error'
	rows short-config odd-ring many-queues no-queues net
}

@test "module: messages whose sender goes while they are read, refused resets" {
	rows copy-fails copy-outlived refused-reset
	[ ! -e /sys/class/vduse/control/msg_timeout ]
}

@test "module: races: open and destroy, interrupts and resets, unbinding" {
	rows open-destroy inject-reset inject-unbind
}

@test "module: numbers of a vhost user are checked, fresh memory is zeroed" {
	rows vhost-bounds zeroed
}

@test "module: attached up to 50 times, a device needs no more memory" {
	rows reattach
}

@test "module: memory of the server in place of the kernel's, exchanged in use" {
	RUN_TIMEOUT=100 run_ok "$O/tests/kmod-umem"
	[ "$output" = ok ]
}

@test "module: no more regions than allowed; unloaded and loaded again" {
	local number

	[ "$(< /sys/module/vduse/parameters/max_iotlb_entries)" -eq 2048 ]
	rmmod vduse
	defer modprobe vduse
	defer rmmod vduse
	modprobe vduse max_iotlb_entries=4
	rows entries
	for number in 0 -1; do
		rmmod vduse
		modprobe vduse "max_iotlb_entries=$number"
		rows no-entries
	done
}
