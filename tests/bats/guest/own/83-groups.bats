#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# API version 1, as mainline has it since 7.0.

load ../helpers

setup_file() {
	guest_setup_file
	modprobe -a vduse virtio_vdpa vhost_vdpa virtio_blk
}

# The program leaves it off.
teardown_file() {
	echo 1 > /sys/bus/vdpa/drivers_autoprobe
	guest_teardown_file
}

@test "own: who asks speaks version 1: groups of virtqueues, address spaces" {
	run_ok "$O/tests/kmod-groups"
}
