#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bench: what it refuses before it does any I/O.

load 10-fake

@test "bench: writing takes a word that cannot be said by mistake" {
	local rw

	for rw in write mixed; do
		ctl 2 bench blk0 --rw "$rw"
		[[ $stderr == *"--destroy-data"* ]]
	done
	ctl 2 bench blk0 --rw erase
}

@test "bench: loads that make no sense are refused" {
	local words

	for words in "--block-size 1000" "--block-size 17M" "--depth 0" \
		"--depth 1025" "--jobs 65" "--time 0" "--time infinity" \
		"--direct maybe" "--block-size 16M --depth 1024"; do
		# shellcheck disable=SC2086 # several words
		ctl 2 bench blk0 $words
	done
}

@test "bench: a device without a node says what to do" {
	fake_devices
	ctl 3 bench none
	ctl 1 bench blk2
	[[ $stderr == *"not bound"*"vdusectl bind virtio blk2"* ]]
	ctl 7 bench qsd
	[[ $stderr == *"disk of a VM"*"man vdusectl-bench"* ]]
}
