#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Everything that can fail in the module does: each allocation and each copy
# once, in turn; and allocations at random while a disk is in use.

load ../guest/10-blk

export BATS_TEST_TIMEOUT=1800

# The name of a slab cache whose directory in sysfs cannot be made: Linux 6.12
# drops the directory's object without it.
# shellcheck disable=SC2034 # for guest_teardown_file
known_leaks='sysfs_slab_add'

sweep() {
	modprobe -a vduse virtio_vdpa vhost_vdpa virtio_blk
	defer sh -c 'echo 1 > /sys/bus/vdpa/drivers_autoprobe'
	# The driver core and drivers whose probe fails say so.
	expect_dmesg 'kobject: kobject_add_internal failed for .* \(error: -12'
	expect_dmesg 'probe with driver [a-z_]+ failed with error -12'
	RUN_TIMEOUT=350 run_ok kmod-faults "$@"
	# Else nothing was injected.
	[[ $output =~ :\ [1-9][0-9]*\ faults ]]
	printf '# %s\n' "${output//$'\n'/$'\n# '}" >&3
}

need_extensions() {
	modprobe vduse
	kmod-ext own || skip "needs our module"
}

@test "faults: the control node, making and ending devices" {
	sweep control
}

@test "faults: what a server asks of its device" {
	sweep device
}

# A cache that the block layer cannot make dumps its stack; what is a defect
# has a line of its own. A link that cannot be made lets a probe fail.
@test "faults: the bus, a disk, its memory" {
	expect_dmesg '^ ?Call Trace:'
	expect_dmesg 'really_probe: driver_sysfs_add failed'
	sweep bus
}

@test "faults: a virtual machine, messages" {
	sweep vhost
}

@test "faults: the extensions of our module" {
	need_extensions
	sweep ext
}

@test "faults: a device with extensions: a virtual machine, attached and detached" {
	need_extensions
	export FAULTS_EXT=1
	sweep vhost
	sweep bus attach
	sweep bus "attach, the module's part"
	sweep bus detach
	sweep bus bind
}

@test "faults: one allocation in twenty fails while a disk is in use" {
	local name

	name=$(dev_name)
	random_file "$BATS_TEST_TMPDIR/data" $((4 << 20))
	make_node "$name" --size 4M --backend memory --queues 2
	defer kmod-faults disarm
	run_ok kmod-faults arm 5
	# It may fail, or be slow; what it says it wrote must be there.
	for _ in 1 2 3; do
		run_ok write_node "$BATS_TEST_TMPDIR/data" "$node" bs=64k
		run_ok read_node "$node" $((4 << 20)) "$BATS_TEST_TMPDIR/again"
		run_ok cmp "$BATS_TEST_TMPDIR/data" "$BATS_TEST_TMPDIR/again"
	done
	run_ok kmod-faults disarm
	run_ok write_node "$BATS_TEST_TMPDIR/data" "$node"
	run_ok cmp -n $((4 << 20)) "$BATS_TEST_TMPDIR/data" "$node"
	run_ok vdusectl destroy "$name"
}
