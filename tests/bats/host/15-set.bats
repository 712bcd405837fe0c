#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# set, --on-death and serve --supervise: what they accept, and what becomes of it.

load 10-fake

setup() { fake_devices; }

# kept NAME KEY: from its spec.json.
kept() { jq -c ".$2" "$VDUSECTL_ROOT/run/vdusectl/$1/spec.json"; }

# shown NAME KEY: from `show`.
shown() { "$VDUSECTL" show --json "$1" | jq -c ".devices[0].$2"; }

@test "set: on-death is kept and shown; a spec without it means queue" {
	[[ $(kept blk2 on_death) == null && $(shown blk2 on_death) == '"queue"' ]]
	[[ $(shown qsd on_death) == null && $(shown qsd restarts) == null ]]
	ctl 0 set blk2 on-death=fail=30
	[[ -z $output && -z $stderr ]]
	[[ $(kept blk2 on_death) == 1 && $(kept blk2 fail_seconds) == 30 ]]
	[[ $(shown blk2 on_death) == '"fail=30"' ]]
	[[ $(kept blk2 size) == 10737418240 ]]
	ctl 0 set --json blk2 on-death=fail=604800 on-death=queue
	jq -e '.devices == [{ name: "blk2", node: null }]' <<< "$output"
	[[ $(shown blk2 on_death) == '"queue"' ]]
	[[ $(shown blk2 supervisor) == null && $(shown blk2 restarts) == 0 ]]
	[[ $(shown blk2 last_exit) == null && $(shown blk2 failing) == false ]]
}

@test "set: persist writes a record and removes it" {
	local record=$VDUSECTL_ROOT/etc/vdusectl/devices/blk2.json
	ctl 0 set blk2 persist=yes
	[[ $(shown blk2 persist) == true && -s $record ]]
	# What else is set is recorded, too.
	ctl 0 set blk2 on-death=fail=9
	[[ $(jq .device.fail_seconds "$record") == 9 ]]
	ctl 0 set blk2 persist=no on-death=queue
	[[ $(shown blk2 persist) == false && ! -e $record ]]
	ctl 0 set blk2 persist=no
	ctl 2 set blk2 persist=maybe
	[[ $stderr == *"persist 'maybe' is unknown: it is yes or no"* ]]
	ctl 3 set none persist=yes
}

@test "set: cache is kept and recorded; a spec without it means writeback" {
	local record=$VDUSECTL_ROOT/etc/vdusectl/devices/blk2.json value
	[[ $(kept blk2 cache) == null ]]
	ctl 0 set blk2 persist=yes cache=writethrough
	[[ -z $output && -z $stderr ]]
	[[ $(kept blk2 cache) == 1 && $(kept blk2 writeback_control) == 0 ]]
	[[ $(jq .device.cache "$record") == 1 ]]
	ctl 0 set blk2 cache=writeback
	[[ $(kept blk2 cache) == 0 && $(jq .device.cache "$record") == 0 ]]
	for value in on write-back WRITEBACK "" none; do
		ctl 2 set blk2 on-death=fail=7 "cache=$value"
		[[ $stderr == *"cache '$value' is unknown: it is writeback or writethrough"* ]]
	done
	[[ $(kept blk2 on_death) == 0 ]]
	ctl 3 set qsd cache=writeback
}

@test "set: what is wrong is told, and nothing is changed" {
	local value
	ctl 0 set blk2 on-death=fail=1
	for value in never fail fail= fail=-1 fail=1s fail=604801 fail=x QUEUE \
			"queue " fail=99999999999999999999 ""; do
		ctl 2 set blk2 on-death=queue "on-death=$value"
		[[ $stderr == *"on-death '$value' is unknown"* ]]
	done
	ctl 2 set blk2 on-death
	[[ $stderr == *"'on-death' is no KEY=VALUE"* ]]
	ctl 2 set blk2 colour=red
	[[ $stderr == *"'colour' cannot be set"* ]]
	ctl 2 set blk2 =queue
	ctl 2 set blk2
	[[ $stderr == *"KEY=VALUE is missing"* ]]
	ctl 2 set ../x on-death=queue
	ctl 3 set none on-death=queue
	ctl 3 set qsd on-death=queue
	[[ $(shown blk2 on_death) == '"fail=1"' ]]
}

@test "create: --on-death is checked before anything is done" {
	fake_modules
	ctl 2 create blk --size 1M --on-death never new
	[[ $stderr == *"on-death 'never' is unknown: it is queue or fail=SECONDS"* ]]
	ctl 2 create blk --size 1M --on-death= new
	[[ ! -e $VDUSECTL_ROOT/run/vdusectl/new ]]
}

@test "serve --supervise: a device that there is, of ours" {
	ctl 3 serve --supervise none
	ctl 3 serve --supervise qsd
	ctl 2 serve --supervise ../x
}

@test "show: what a supervisor has written; nonsense is nothing" {
	printf 'restarts 3\nserver 1\nfailing 0\nof another version\nlast_exit %s\n' \
		"killed by signal 9" > "$VDUSECTL_ROOT/run/vdusectl/blk2/supervisor"
	[[ $(shown blk2 restarts) == 3 ]]
	[[ $(shown blk2 last_exit) == '"killed by signal 9"' ]]
	ctl 0 show blk2
	[[ $output == *"last exit"*"killed by signal 9"* ]]
	head -c 2000 /dev/urandom > "$VDUSECTL_ROOT/run/vdusectl/blk2/supervisor"
	[[ $(shown blk2 restarts) == 0 && $(shown blk2 last_exit) == null ]]
}

@test "set completes devices of ours, keys and values" {
	words() { "$VDUSECTL" __complete "$@" | cut -f 1 | paste -sd ' '; }
	[[ $(words set "") == "blk2 blk10" ]]
	[[ $(words set blk2 "") == "on-death= cache= persist= virtio-timeout= vhost-timeout=" ]]
	[[ $(words set blk2 persist=) == "persist=yes persist=no" ]]
	[[ $(words set blk2 persist=n) == persist=no ]]
	[[ $(words set blk2 on-death=) == "on-death=queue on-death=fail=" ]]
	[[ $(words set blk2 on-death=f) == on-death=fail= ]]
	[[ $(words set blk2 virtio-timeout=) == "virtio-timeout=30 virtio-timeout=0" ]]
	[[ $(words set blk2 vhost-timeout=3) == vhost-timeout=30 ]]
	[[ $(words set blk2 cache=) == "cache=writeback cache=writethrough" ]]
	[[ $(words set blk2 cache=writet) == cache=writethrough ]]
	[[ $(words set blk2 other=) == "" ]]
	[[ $(words create --on-death "") == "queue fail=" ]]
	[[ $(words create --cache "") == "writeback writethrough" ]]
}
