# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests of the kernel module by kmod-rows (tests/kmod/rows*.c). Wants
# helpers, which whoever loads this has loaded from where he is.

setup_file() {
	guest_setup_file
	modprobe -a vduse virtio_vdpa vhost_vdpa virtio_blk virtio_net
}

# The programs leave it off.
teardown_file() {
	echo 1 > /sys/bus/vdpa/drivers_autoprobe
	guest_teardown_file
}

# rows ROW...: each must say that it is well.
rows() {
	local row

	RUN_TIMEOUT=100 run_ok "$O/tests/kmod-rows" "$@"
	for row in "$@"; do
		[[ $'\n'$output$'\n' == *$'\n'"ok $row"$'\n'* ]] ||
			fail "$row did not run"
	done
}
