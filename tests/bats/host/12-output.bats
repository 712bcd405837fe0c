#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# list, show and the formats, on a fake tree of three devices.

load 10-fake

setup() {
	fake_devices
}

@test "list is one line per device, digits by value, with a heading" {
	ctl 0 list
	[[ ${lines[0]} =~ ^NAME\ +TYPE\ +STATE\ +SIZE\ +DRIVER\ +NODE\ +BACKEND ]]
	[[ ${lines[1]} =~ ^blk2\ +blk\ +created\ +10G\ +-\ +-\ +memory ]]
	[[ ${lines[2]} =~ ^blk10\ +blk\ +stalled\ +1.5G\ +virtio\ +/dev/vdb ]]
	[[ ${lines[3]} =~ ^qsd\ +-\ +stalled\ +-\ +vhost\ +/dev/vhost-vdpa-3 ]]
	[[ ${#lines[@]} == 4 && -z $stderr ]]
}

@test "list without devices is empty; in JSON an empty list" {
	rm -rf "$VDUSECTL_ROOT"/sys/class/vduse
	ctl 0 list
	[[ -z $output && -z $stderr ]]
	ctl 0 list --raw
	[[ -z $output ]]
	ctl 0 list --json
	jq -e '.schema == 1 and .devices == []' <<< "$output"
}

@test "list --json has numbers as numbers, truths as truths, unknown as null" {
	ctl 0 list --json
	jq -e '.schema == 1 and (.devices | length) == 3' <<< "$output"
	jq -e '.devices[0] | .name == "blk2" and .type == "blk" and
		.state == "created" and .owner == "vdusectl" and
		.size == 10737418240 and .queues == 2 and .queue_size == 128 and
		.block_size == 512 and .read_only == false and
		.attached == false and .pid == null and .driver == null and
		.node == null and .backend == "memory" and .serial == "blk2"' <<< "$output"
	jq -e '.devices[1] | .attached == true and .node == "/dev/vdb"' <<< "$output"
	jq -e '.devices[2] | .owner == "foreign" and .size == null and
		.driver == "vhost"' <<< "$output"
}

@test "keys in JSON are the columns of the table" {
	local columns keys
	columns=$("$VDUSECTL" __commands |
		jq -c '.commands[] | select(.name == "list") | .columns | map(ascii_downcase)')
	keys=$("$VDUSECTL" list --json | jq -c '.devices[0] | keys_unsorted')
	[[ -n $keys && $keys == "$columns" ]]
}

@test "-o chooses columns and their order, +COLS adds, also in JSON" {
	ctl 0 list -n --raw -o NODE,name
	[[ ${lines[1]} == "/dev/vdb blk10" ]]
	ctl 0 list --raw -o +SERIAL
	[[ ${lines[0]} == "NAME TYPE STATE SIZE DRIVER NODE BACKEND SERIAL" ]]
	ctl 0 list --json -o SIZE,NAME
	jq -e '.devices[0] | keys_unsorted == ["size", "name"]' <<< "$output"
	ctl 2 list -o ""
	ctl 2 list -o NAME,,SIZE
}

@test "-n leaves out the heading, -b prints bytes" {
	ctl 0 list -n
	[[ ${#lines[@]} == 3 && $output != *NAME* ]]
	ctl 0 list -nb -o SIZE
	[[ ${lines[0]} == *10737418240 && ${lines[1]} == *1610612736 ]]
}

@test "--raw has one blank between words and never an empty word" {
	fake_device odd
	fake_spec odd 512
	jq '.backend = "file" | .path = "/a b\\c"' \
		"$VDUSECTL_ROOT/run/vdusectl/odd/spec.json" > "$BATS_TEST_TMPDIR/s"
	cat "$BATS_TEST_TMPDIR/s" > "$VDUSECTL_ROOT/run/vdusectl/odd/spec.json"
	ctl 0 list --raw -n -o NAME,DRIVER,BACKEND,SIZE
	[[ ${lines[2]} == 'odd - file:/a\x20b\x5cc 512B' ]]
	[[ $output != *"  "* ]]
}

@test "--pairs can be read back" {
	ctl 0 list --pairs -b
	[[ ${lines[1]} == 'NAME="blk10" TYPE="blk" STATE="stalled" SIZE="1610612736" DRIVER="virtio" NODE="/dev/vdb" BACKEND="memory"' ]]
	[[ ${lines[2]} == *'TYPE=""'* ]]
}

@test "names from outside cannot smuggle control characters to the terminal" {
	mkdir -p "$VDUSECTL_ROOT"/sys/class/vduse/$'bad\e[2J'
	echo 250:9 > "$VDUSECTL_ROOT"/sys/class/vduse/$'bad\e[2J'/dev
	local format
	for format in "" --raw --pairs; do
		# shellcheck disable=SC2086 # none or one word
		ctl 0 list $format
		[[ $output == *'bad\x1b[2J'* && $output != *$'\e'* ]]
	done
	ctl 0 list --json
	jq -e '.devices | any(.name == "bad\u001b[2J")' <<< "$output"
}

@test "JSON is valid whatever bytes a name has" {
	mkdir -p "$VDUSECTL_ROOT"/sys/class/vduse/$'bad\xff'
	echo 250:9 > "$VDUSECTL_ROOT"/sys/class/vduse/$'bad\xff'/dev
	ctl 0 list --json
	iconv -f UTF-8 -t UTF-8 <<< "$output" | jq -e '.devices | length == 4'
}

@test "colour is for terminals, --color always and never decide" {
	ctl 0 list
	[[ $output != *$'\e'* ]]
	TERM=xterm ctl 0 list --color always
	[[ $output == *$'\e['* ]]
	TERM=xterm run script -qec "$VDUSECTL list" /dev/null
	[[ $output == *$'\e['* ]]
	TERM=xterm run script -qec "$VDUSECTL list --color never" /dev/null
	[[ $output != *$'\e[3'* ]]
	TERM=xterm NO_COLOR=1 run script -qec "$VDUSECTL list" /dev/null
	[[ $output != *$'\e[3'* ]]
}

@test "show is one block per device; status bits have names" {
	ctl 0 show blk10
	[[ ${lines[0]} == "name "*blk10 ]]
	grep -q '^  status  *ACKNOWLEDGE,DRIVER,' <<< "$output"
	ctl 0 show --json blk10 blk2
	jq -e '.devices | map(.name) == ["blk10", "blk2"]' <<< "$output"
	jq -e '.devices[0] | (.status | index("DRIVER_OK") != null) and
		.virtio_status == 15 and .msg_timeout == 30 and
		.bounce_size == 67108864' <<< "$output"
	ctl 0 show -o NAME,SIZE,PID blk2
	[[ ${#lines[@]} == 3 ]]
}

@test "dry runs print steps and change nothing" {
	fake_modules
	local before
	before=$(find "$VDUSECTL_ROOT" | sort)
	ctl 0 create blk --size 1G --backend memory -N --bind vhost new
	[[ $output == *"would create new: 1G (1073741824 bytes), backend memory, 1 queue of 1024"* ]]
	[[ $output == *"serve --supervise new"*"bind it to vhost"* ]]
	ctl 0 destroy -N blk10
	[[ $output == *"would unbind blk10 from virtio"*"would destroy blk10"* ]]
	ctl 0 unbind -N blk10
	ctl 0 bind virtio -N blk2
	[[ $output == *"would attach blk2"*"would bind blk2 to virtio and wait"* ]]
	[[ $(find "$VDUSECTL_ROOT" ! -path '*/run/vdusectl/lock' | sort) == "$before" ]]
}

@test "version --json and help --json are JSON" {
	ctl 0 version --json
	jq -e '.schema == 1 and .programs[0].name == "vdusectl"' <<< "$output"
	ctl 0 help --json
	jq -e '.commands | length > 10' <<< "$output"
}
