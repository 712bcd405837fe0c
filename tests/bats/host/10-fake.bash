# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # bats sets status, output and stderr
# What the 1*.bats files share: the binary, and a fake /sys and /run for it.

bats_require_minimum_version 1.5.0

VDUSECTL=${VDUSECTL:-$BATS_TEST_DIRNAME/../../../build/vdusectl}
export VDUSECTL

# ctl WANTED ARGUMENT...: run vdusectl, expect that exit code.
ctl() {
	local wanted=$1
	shift
	run --separate-stderr timeout 20 "$VDUSECTL" "$@"
	# Shown by bats when the test fails.
	printf '$ vdusectl %s  -> %s\n%s\n%s\n' "$*" "$status" "$output" "$stderr"
	[[ $status == "$wanted" ]]
}

# The commands, or with "all" also the hidden ones, a line each.
command_names() {
	"$VDUSECTL" __commands | jq -r --arg all "${1:-}" \
		'.commands[] | select($all == "all" or .hidden == false) | .name'
}

# The operands that a command cannot do without, a line each.
needed_operands() {
	"$VDUSECTL" __commands | jq -r --arg name "$1" \
		'.commands[] | select(.name == $name) | .arguments[] |
		 select(.optional == false) | .choices[0] // "nosuchdevice"'
}

# Tests see this tree instead of the host.
fake_root() {
	export VDUSECTL_ROOT=$BATS_TEST_TMPDIR/root
	mkdir -p "$VDUSECTL_ROOT"/{sys/class/vduse,sys/bus/vdpa/drivers,run,dev,proc,var/lib}
	mkdir -p "$VDUSECTL_ROOT"/sys/bus/vdpa/drivers/{virtio_vdpa,vhost_vdpa}
}

# The modules look loaded; there is no control node that works.
fake_modules() {
	mkdir -p "$VDUSECTL_ROOT"/sys/module/{vduse,vdpa,virtio_vdpa,vhost_vdpa}
	mkdir -p "$VDUSECTL_ROOT/dev/vduse"
	: > "$VDUSECTL_ROOT/dev/vduse/control"
}

# fake_device NAME: on no bus, foreign, nobody serves it.
fake_device() {
	local dir=$VDUSECTL_ROOT/sys/class/vduse/$1

	mkdir -p "$dir/vq0" "$dir/vq1"
	echo 250:7 > "$dir/dev"
	echo 30 > "$dir/msg_timeout"
	echo 67108864 > "$dir/bounce_size"
}

# fake_spec NAME SIZE: it is ours.
fake_spec() {
	local dir=$VDUSECTL_ROOT/run/vdusectl/$1

	mkdir -p "$dir"
	jq -n --arg name "$1" --argjson size "$2" '{
		version: 1, name: $name, size: $size, backend: "memory",
		path: "", image_owned: 0, serial: $name, queues: 2,
		queue_size: 128, block_size: 512, read_only: 0, discard: 0,
		can_discard: true, can_write_zeroes: true,
		discard_granularity: 512, optimal_io: 0 }' > "$dir/spec.json"
	: > "$dir/lock"
	chmod 600 "$dir/spec.json" "$dir/lock"
}

# fake_bound NAME DRIVER NODE: attached and bound, with that node.
fake_bound() {
	local dir=$VDUSECTL_ROOT/sys/class/vduse/$1/$1

	mkdir -p "$dir"
	: > "$dir/driver_override"
	ln -s "../../../../bus/vdpa/drivers/$2_vdpa" "$dir/driver"
	if [[ $2 == vhost ]]; then
		mkdir "$dir/$3"
		return
	fi
	mkdir -p "$dir/virtio0/block/$3" "$VDUSECTL_ROOT/sys/block/$3"
	ln -s . "$dir/virtio0/driver"
	echo 0x0000000f > "$dir/virtio0/status"
	echo 0x0002 > "$dir/virtio0/device"
	echo 2097152 > "$VDUSECTL_ROOT/sys/block/$3/size"
}

# Three devices: ours and unbound, ours and bound (its server gone), foreign.
fake_devices() {
	fake_root
	fake_device blk2
	fake_spec blk2 10737418240
	fake_device blk10
	fake_spec blk10 1610612736
	fake_bound blk10 virtio vdb
	fake_device qsd
	fake_bound qsd vhost vhost-vdpa-3
}
