#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What nothing needs any more, on a made-up host: doctor lists it, and says
# what --repair would do.

load 10-fake

# check NAME FILTER: jq finds that true of the check.
check() {
	ctl 7 --json doctor
	jq -e --arg name "$1" \
		".checks[] | select(.check == \$name) | $2" <<< "$output"
}

setup() {
	fake_devices
	rm -r "$VDUSECTL_ROOT/sys/class/vduse/qsd"
	fake_modules
}

@test "orphans: none" {
	local name

	for name in leftovers orphan-devices orphan-attached \
			orphan-processes orphan-images; do
		check "$name" '.status == "ok" and .detail == "none"'
	done
	ctl 7 doctor --repair --dry-run
	[[ $stderr != *"would"* ]]
}

@test "orphans: a device of others that nobody serves" {
	fake_device qsd
	check orphan-devices '.status == "warn" and
		(.detail | endswith(": qsd")) and
		.remedy == "vdusectl doctor --repair"'
	ctl 7 doctor --repair --dry-run
	[[ $stderr == *"would remove the device qsd"* ]]
	[[ $stderr != *blk2* ]]
	[ -d "$VDUSECTL_ROOT/sys/class/vduse/qsd" ]
}

@test "orphans: one of ours that is on the bus without a driver" {
	mkdir "$VDUSECTL_ROOT/sys/class/vduse/blk2/blk2"
	: > "$VDUSECTL_ROOT/sys/class/vduse/blk2/blk2/driver_override"
	check orphan-attached '.detail | endswith(": blk2")'
	ctl 7 doctor --repair --dry-run
	[[ $stderr == *"would remove from the vDPA bus blk2"* ]]
}

@test "orphans: run directories, with and without a lock, are removed" {
	fake_spec gone 1048576
	mkdir "$VDUSECTL_ROOT/run/vdusectl/half"
	check leftovers '.detail | contains("gone") and contains("half")'
	ctl 7 doctor --repair --dry-run
	[ -d "$VDUSECTL_ROOT/run/vdusectl/gone" ]
	ctl 7 doctor --repair
	[[ $stderr == *"removed the run directory of gone"* ]]
	[ ! -e "$VDUSECTL_ROOT/run/vdusectl/gone" ]
	[ ! -e "$VDUSECTL_ROOT/run/vdusectl/half" ]
	[ -d "$VDUSECTL_ROOT/run/vdusectl/blk2" ]
}

@test "orphans: images: one that has data is never removed" {
	local dir=$VDUSECTL_ROOT/var/lib/vdusectl

	mkdir -p "$dir" "$VDUSECTL_ROOT/etc/vdusectl/devices"
	truncate -s 1M "$dir"/{empty,blk2,kept}.img
	echo data > "$dir/full.img"
	: > "$VDUSECTL_ROOT/etc/vdusectl/devices/kept.json"
	check orphan-images '.status == "warn" and
		(.detail | contains("empty") and contains("full") and
		(contains("blk2") or contains("kept") | not))'
	ctl 7 doctor --repair --dry-run
	[[ $stderr == *"would remove the empty image of empty"* ]]
	[[ $stderr != *full* ]]
	ctl 7 doctor --repair
	[ ! -e "$dir/empty.img" ]
	[ -s "$dir/full.img" ]
	[ -e "$dir/blk2.img" ]
	[ -e "$dir/kept.img" ]
}

@test "orphans: servers without a device" {
	local proc=$VDUSECTL_ROOT/proc

	mkdir "$proc"/{2147483001,2147483002,2147483003,2147483004}
	printf 'vdusectl\0serve\0--rescue\0old\0' > "$proc/2147483001/cmdline"
	printf '/usr/bin/vdusectl\0serve\0blk2\0' > "$proc/2147483002/cmdline"
	printf 'vi\0serve\0old\0' > "$proc/2147483003/cmdline"
	printf 'vdusectl\0list\0serve\0' > "$proc/2147483004/cmdline"
	check orphan-processes '.detail == "servers without a device: old (pid 2147483001)"'
	ctl 7 doctor --repair --dry-run
	[[ $stderr == *"would remove the server without a device of old"* ]]
}

@test "orphans: --dry-run is for --repair" {
	ctl 2 doctor --dry-run
}
