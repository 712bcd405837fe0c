#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Many devices at once.

# shellcheck disable=SC2016 # variables of jq
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own

load ../40-bus

export BATS_TEST_TIMEOUT=600
count=50

# lap [WORDS]: start the watch, or say how long WORDS took since then.
lap() {
	local now=${EPOCHREALTIME//[!0-9]}

	[ -z "${1-}" ] ||
		printf '# %s: %d ms\n' "$1" $(((now - lap_began) / 1000)) >&3
	lap_began=$now
}

@test "$count devices: created, listed, bound, listed, destroyed" {
	local name names i

	name=$(dev_name)
	modprobe -a vduse virtio_vdpa virtio_blk
	mapfile -t names < <(seq -f "$name-%g" "$count")
	defer vdusectl destroy -q --if-exists "${names[@]}"
	lap
	for i in "${names[@]}"; do
		run_ok vdusectl create blk --size 1M --backend null "$i"
	done
	lap "$count times create"
	run_ok vdusectl list --json
	lap list
	holds --arg name "$name" --argjson n "$count" '
		([.devices[].name] == [range(1; $n + 1) | "\($name)-\(.)"]) and
		all(.devices[]; .state == "serving" and .size == 1048576 and
			.backend == "null" and .attached == false) and
		([.devices[].pid] | unique | length == $n)'
	lap
	for i in "${names[@]}"; do
		run_ok vdusectl bind virtio "$i"
		[ -b "$output" ]
	done
	lap "$count times bind"
	run_ok vdusectl list --json
	lap list
	holds --argjson n "$count" '(.devices | length == $n) and
		all(.devices[]; .state == "bound" and .driver == "virtio") and
		([.devices[].node] | unique | length == $n)'
	autoprobe_is 1
	lap
	for i in "${names[@]}"; do
		run_ok vdusectl destroy "$i"
	done
	lap "$count times destroy"
	run_ok vdusectl list
	[ -z "$output" ]
	[ -z "$(ls /sys/bus/vdpa/devices)" ]
	[ "$(find /run/vdusectl -mindepth 1 ! -name lock)" = '' ]
}
