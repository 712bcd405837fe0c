#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# monitor: what happens, as it happens, and nothing else.

# shellcheck disable=SC2016 # variables of jq
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own

load ../40-bus

# watch OPTION...: monitor in the background, listening when this returns;
# what it prints goes to $events.
watch() {
	in_background vdusectl monitor "$@"
	events=$BATS_TEST_TMPDIR/job.out
	wait_until 20 listening "$job"
}

# A socket of NETLINK_KOBJECT_UEVENT (15) that has its number for an address.
listening() {
	awk -v pid="$1" '$2 == 15 && $3 == pid { found = 1 }
		END { exit !found }' /proc/net/netlink
}

# ended STATUS: it ends by itself, and so.
ended() {
	wait "$job" && status=0 || status=$?
	cat "$BATS_TEST_TMPDIR/job.out" "$BATS_TEST_TMPDIR/job.err"
	[ "$status" -eq "$1" ] || fail "expected status $1, got $status"
}

seen() { grep -q "$1" "$events"; }

@test "monitor: the life of a device, in order, as JSON lines" {
	local name

	name=$(dev_name)
	modprobe -a vduse virtio_vdpa vhost_vdpa loop
	watch --json
	make_blk "$name" --size 1M --backend memory
	run_ok vdusectl bind virtio "$name"
	disk=${output#/dev/}
	# What other devices do is not shown.
	make_loop "$BATS_TEST_TMPDIR/loop.img" 1048576
	losetup -d "$loop"
	run_ok vdusectl unbind "$name"
	run_ok vdusectl destroy "$name"
	wait_until 10 seen '"remove".*"vduse"'
	kill -TERM "$job"
	ended 143
	output=$(jq -s -c '[.[] | [.action, .subsystem, .device, .node, .driver]]' \
		"$events")
	holds --arg name "$name" 'all(.[2] == $name)'
	holds --arg name "$name" --arg disk "$disk" '
		def at(f): [to_entries[] | select(.value | f) | .key][0];
		[at(.[0] == "add" and .[1] == "vduse" and
		    .[3] == "/dev/vduse/" + $name),
		 at(.[0] == "add" and .[1] == "vdpa"),
		 at(.[0] == "add" and .[1] == "virtio"),
		 at(.[0] == "add" and .[1] == "block" and
		    .[3] == "/dev/" + $disk),
		 at(.[0] == "bind" and .[1] == "vdpa" and
		    .[4] == "virtio_vdpa"),
		 at(.[0] == "remove" and .[1] == "block"),
		 at(.[0] == "remove" and .[1] == "virtio"),
		 at(.[0] == "unbind" and .[1] == "vdpa"),
		 at(.[0] == "remove" and .[1] == "vdpa"),
		 at(.[0] == "remove" and .[1] == "vduse")] |
		all(type == "number") and . == sort'
	jq -s -e '[.[].seqnum] | . == (. | sort) and . == unique and .[0] > 0' \
		"$events"
	jq -s -e 'all(.devpath | startswith("/devices/virtual/vduse/"))' \
		"$events"
}

@test "monitor: --count, --timeout, columns; devices of others as well" {
	local name foreign

	name=$(dev_name) foreign=$(dev_name foreign)
	modprobe vduse
	watch --raw --count 2 -o action,subsystem,device
	make_blk "$name" --size 1M --backend null
	run_ok vdusectl destroy "$name"
	ended 0
	[ "$(< "$events")" = "ACTION SUBSYSTEM DEVICE
add vduse $name
remove vduse $name" ]
	watch --count 1 --json
	make_foreign "$foreign"
	ended 0
	jq -e --arg name "$foreign" '.action == "add" and .device == $name' \
		"$events"
	run_ok vdusectl --timeout 300ms monitor
	[ "$(wc -l <<< "$output")" -le 1 ]
	run_fail 8 vdusectl --timeout 300ms monitor --count 1
	run_fail 2 vdusectl monitor --count 0
}
