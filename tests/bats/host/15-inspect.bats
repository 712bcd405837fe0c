#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# abort, show --messages, the timeouts of set, dump: their grammar, and what they
# say where the module is not ours. With it: tests/bats/guest/86-inspect.bats.

load 10-fake

setup() {
	fake_devices
	fake_modules
}

# fake_timeouts NAME: as our module has them.
fake_timeouts() {
	local dir=$VDUSECTL_ROOT/sys/class/vduse/$1/ext

	mkdir -p "$dir"
	echo 30 > "$dir/virtio_timeout"
	echo 0 > "$dir/vhost_timeout"
}

# timeout_of NAME DRIVER: what is there now.
timeout_of() { head -n 1 "$VDUSECTL_ROOT/sys/class/vduse/$1/ext/$2_timeout"; }

@test "abort: the stock module cannot; each device is named, and what helps" {
	ctl 2 abort
	[[ $stderr == *"NAME is missing"* ]]
	ctl 2 abort ../x
	ctl 2 abort control
	ctl 3 abort none
	[[ $stderr == *"no device 'none'"* ]]
	ctl 7 abort blk2
	[[ $stderr == *"abort blk2: the loaded vduse module cannot abort a device"* ]]
	[[ $stderr == *"hint: "*"vdusectl doctor"*"vdusectl unbind --force blk2"* ]]
	ctl 7 abort blk2 qsd
	ctl 9 abort blk2 none
	ctl 7 abort --json qsd
	jq -e '.exit == 7 and .stage == "module" and .code == "EOPNOTSUPP" and
		.device == "qsd"' <<< "$stderr"
	rm "$VDUSECTL_ROOT/dev/vduse/control"
	ctl 7 abort blk2
	ctl 2 abort --force blk2
}

@test "show --messages: its columns, and that the stock module does not tell" {
	ctl 2 show --messages
	ctl 3 show --messages none
	ctl 7 show --messages blk2
	[[ -z $output ]]
	[[ $stderr == *"show blk2: the loaded vduse module does not tell"* ]]
	[[ $stderr == *"hint: "*"vdusectl doctor"* ]]
	ctl 0 show --messages --list-columns
	[[ $output == *AGE_US* && $output == *POSTED* && $output != *SERIAL* ]]
	ctl 0 show --list-columns
	[[ $output == *SERIAL* && $output != *POSTED* ]]
	ctl 2 show --messages -o SERIAL blk2
	ctl 7 show --messages -o TYPE,PID blk2
	ctl 7 show --messages --json blk2
	jq -e '.messages == []' <<< "$output"
	[[ $("$VDUSECTL" __complete show --messages -o AGE | cut -f 1) == AGE_US ]]
	[[ -z $("$VDUSECTL" __complete show -o AGE) ]]
}

@test "show and list: what only our module tells is null on another" {
	ctl 0 show --json blk2 qsd
	jq -e '[.devices[] | .needs_reset, .extensions, .pending, .virtio_timeout,
		.vhost_timeout, .conditions, .message_error, .remedy] |
		all(. == null)' <<< "$output"
	ctl 0 show blk2
	[[ $output != *pending* && $output != *extensions* ]]
	ctl 0 list --json
	jq -e '.devices | map(.needs_reset) == [null, null, null]' <<< "$output"
	ctl 0 list -o NAME,NEEDS_RESET --raw -n
	[[ $output == *"blk2 -"* ]]
	echo > "$VDUSECTL_ROOT/run/vdusectl/blk10/broken"
	ctl 0 show --json blk10
	jq -e '.devices[0] | .state == "broken" and
		.remedy == "vdusectl destroy --force blk10"' <<< "$output"
}

@test "dump vq: of a foreign device it takes our module, and says so" {
	ctl 7 dump vq qsd
	[[ $stderr == *"its server is foreign"* ]]
	[[ $stderr == *"hint: the vduse module of this project tells of foreign devices, too"* ]]
	ctl 1 dump vq blk2
}

@test "set: timeouts of any device, as durations of whole seconds" {
	fake_timeouts blk2
	fake_timeouts qsd
	ctl 0 set blk2 virtio-timeout=5
	[[ -z $output && -z $stderr ]]
	[[ $(timeout_of blk2 virtio) == 5 && $(timeout_of blk2 vhost) == 0 ]]
	ctl 0 set qsd vhost-timeout=2min virtio-timeout=0
	[[ $(timeout_of qsd virtio) == 0 && $(timeout_of qsd vhost) == 120 ]]
	fake_timeouts blk2
	ctl 0 set blk2 virtio-timeout=infinity vhost-timeout=3000ms
	[[ $(timeout_of blk2 virtio) == 0 && $(timeout_of blk2 vhost) == 3 ]]
	fake_timeouts blk2
	# With something that only devices of ours have.
	ctl 0 set blk2 on-death=fail=5 virtio-timeout=7
	[[ $(timeout_of blk2 virtio) == 7 ]]
	[[ $("$VDUSECTL" show --json blk2 | jq -r '.devices[0].on_death') == fail=5 ]]
	ctl 3 set qsd virtio-timeout=9 on-death=queue
	[[ $(timeout_of qsd virtio) == 0 ]]
}

@test "set: a timeout that is wrong, or that the stock module lacks" {
	local value
	fake_timeouts blk2
	for value in "" x -1 1.5 500ms 86401 99999999999999999999 30h; do
		ctl 2 set blk2 vhost-timeout=9 "virtio-timeout=$value"
		[[ $stderr == *"virtio-timeout '$value' is unknown: it is whole seconds"* ]]
	done
	[[ $(timeout_of blk2 vhost) == 0 ]]
	ctl 7 set blk10 virtio-timeout=5
	[[ $stderr == *"the loaded vduse module has no virtio_timeout"* ]]
	[[ $stderr == *"hint: "*"vdusectl doctor"* ]]
	ctl 7 set blk10 on-death=fail=5 virtio-timeout=5
	[[ $("$VDUSECTL" show --json blk10 | jq -r '.devices[0].on_death') == queue ]]
	ctl 3 set none virtio-timeout=5
	# Both or none.
	rm "$VDUSECTL_ROOT/sys/class/vduse/blk2/ext/vhost_timeout"
	ctl 7 set blk2 virtio-timeout=5 vhost-timeout=5
	[[ $(timeout_of blk2 virtio) == 30 ]]
}

@test "set: if the spec cannot be written, the timeouts are as before" {
	fake_timeouts blk2
	mkdir "$VDUSECTL_ROOT/run/vdusectl/blk2/spec.json.new"
	ctl 4 set blk2 virtio-timeout=55 on-death=queue
	[[ $stderr == *spec.json* && $(timeout_of blk2 virtio) == 30 ]]
}

@test "doctor: the checks of what our module tells are there, and fail nowhere else" {
	run --separate-stderr "$VDUSECTL" doctor --json
	jq -e '[.checks[] | select(.check == ("extensions", "needs-reset",
		"aborted", "late-servers", "old-messages")) | .status] ==
		["ok", "ok", "ok", "ok", "ok"]' <<< "$output"
	jq -e '.checks[] | select(.check == "old-messages") |
		.detail == "the stock module does not tell"' <<< "$output"
}
