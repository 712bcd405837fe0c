#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The module's own test programs, on a kernel that sees more than they do.

# shellcheck disable=SC2154 # output: set by capture

load ../guest/10-blk

export BATS_TEST_TIMEOUT=1800

# The programs make and end their devices, and leave autoprobe off.
setup_file() {
	guest_setup_file
	modprobe -a vduse virtio_vdpa vhost_vdpa virtio_blk
}

setup() {
	guest_setup
	defer sh -c 'echo 1 > /sys/bus/vdpa/drivers_autoprobe'
}

@test "programs: every errno and observable is asked for" {
	RUN_TIMEOUT=200 run_ok kmod-probe
	[ "$(wc -l <<< "$output")" -gt 100 ]
}

@test "programs: bounce memory changes sides under a disk" {
	RUN_TIMEOUT=200 run_ok kmod-umem
	[[ $output == *ok* ]]
}

# Drivers whose server is killed or refuses them fail, and say so.
@test "programs: random calls, for ${FUZZ_SECONDS:-180} seconds" {
	expect_dmesg '^(Buffer )?I/O error[, ].*dev vd'
	expect_dmesg '^virtio_(blk|net|vdpa) (virtio|vdpa)?[0-9a-z]*: .*(failed|error|timeout)'
	RUN_TIMEOUT=$((${FUZZ_SECONDS:-180} + 350)) run_ok "$tests_dir/kmod/fuzz-run" kmod-fuzz \
		--seconds "${FUZZ_SECONDS:-180}"
	modprobe -a virtio_vdpa vhost_vdpa
}
