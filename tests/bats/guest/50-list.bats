#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# list, show and doctor: what they say is what is.

# shellcheck disable=SC2016 # variables of jq
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own

load 40-bus

# is NAME FILTER: holds of that device in `list --json`, as .
is() {
	run_ok vdusectl list --json
	holds --arg name "$1" ".devices[] | select(.name == \$name) | $2"
}

@test "list: every state, from created to bound, stalled and back" {
	local name pid

	name=$(dev_name)
	run_ok vdusectl list
	[ -z "$output" ]
	run_ok vdusectl list --json
	holds '. == { schema: 1, devices: [] }'
	make_blk "$name" --size 3M --queues 2 --queue-size 64 --serial s-1 \
		--block-size 4096
	is "$name" '.state == "serving" and .type == "blk" and
		.size == 3145728 and .driver == null and .node == null and
		.backend == "file:/var/lib/vdusectl/" + $name + ".img" and
		.owner == "vdusectl" and .serial == "s-1" and
		.block_size == 4096 and .queues == 2 and .queue_size == 64 and
		.read_only == false and .attached == false'
	pid=$(jq '.devices[0].pid' <<< "$output")
	[ "$(< "/proc/$pid/comm")" = vdusectl ]
	run_ok vdusectl bind vhost "$name"
	is "$name" ".state == \"bound\" and .driver == \"vhost\" and
		.node == \"$output\" and .attached"
	run_ok vdusectl stop "$name"
	[ ! -e "/proc/$pid" ]
	is "$name" '.state == "stalled" and .driver == "vhost" and .pid == null'
	run_ok vdusectl start "$name"
	is "$name" ".state == \"bound\" and .pid > 0 and .pid != $pid"
	run_ok vdusectl bind --rebind virtio "$name"
	is "$name" ".state == \"bound\" and .driver == \"virtio\" and
		.node == \"$output\""
	run_ok vdusectl unbind "$name"
	is "$name" '.state == "serving" and .driver == null and .node == null'
	run_ok vdusectl stop "$name"
	is "$name" '.state == "created" and .pid == null and .size == 3145728'
}

@test "list: broken, when the kernel has given the device up; destroy clears it" {
	local name pid

	name=$(dev_name)
	make_vnode "$name" --size 1M --backend memory
	# With ours a VM waits as long as it is told to, and nothing is for ever.
	if own; then
		broken_until_reset
		return
	fi
	echo 1 > "/sys/class/vduse/$name/msg_timeout"
	is "$name" '.state == "bound"'
	unsupervised "$name"
	pid=$(server_of "$name")
	stop_process "$pid"
	# Opening it resets the device: a message that is not answered.
	run_fail 1 timeout 20 bash -c ": < $vnode"
	kill -CONT "$pid"
	wait_until 10 state_is "$name" broken
	run_ok vdusectl show --json "$name"
	holds '.devices[0].state == "broken"'
	run_fail 7 vdusectl doctor --json
	holds --arg name "$name" '.checks[] | select(.check == "devices") |
		.status == "fail" and (.detail | contains($name)) and
		(.remedy | contains("destroy"))'
	capture vdusectl bind --rebind virtio "$name"
	[ "$status" -ne 0 ]
	run_ok vdusectl destroy "$name"
	make_node "$name" --size 1M --backend memory
	state_is "$name" bound
	dd if="$node" of=/dev/null bs=64k count=1 iflag=direct status=none
}

broken_until_reset() {
	run_ok vdusectl set "$name" vhost-timeout=1
	unsupervised "$name"
	pid=$(server_of "$name")
	stop_process "$pid"
	capture timeout 20 bash -c ": < $vnode"
	wait_until 10 state_is "$name" broken
	is "$name" '.needs_reset'
	run_ok vdusectl show --json --timeout 2s "$name"
	holds '.devices[0].remedy | endswith("; then restart its VM")'
	run_fail 7 vdusectl doctor --json
	holds --arg name "$name" '.checks[] | select(.check == "needs-reset") |
		.status == "fail" and (.detail | contains($name))'
	kill -CONT "$pid"
	run_ok vdusectl set "$name" vhost-timeout=0
	run_ok timeout 20 bash -c ": < $vnode"
	is "$name" '.state == "bound" and (.needs_reset | not)'
	run_ok vdusectl bind --rebind virtio "$name"
	node=$output
	dd if="$node" of=/dev/null bs=64k count=1 iflag=direct status=none
}

@test "list: formats, columns, sizes, quoting" {
	local name file="$BATS_TEST_TMPDIR/a \"b\" \$c.img"

	name=$(dev_name)
	truncate -s 1536K "$file"
	make_blk "$name-10" --backend "file:$file" --read-only
	make_blk "$name-9" --size 1M --backend null
	run_ok vdusectl list -o name,size,read_only,node
	[ "$(tr -s ' ' <<< "$output")" = "NAME SIZE READ_ONLY NODE
$name-9 1M no -
$name-10 1.5M yes -" ]
	run_ok vdusectl list -n -b -o SIZE,NAME
	[ "$(tr -s ' ' <<< "$output" | sed 's/^ //')" = "1048576 $name-9
1572864 $name-10" ]
	run_ok vdusectl list --raw -o name,backend
	[ "${output##*$'\n'}" = \
		"$name-10 file:$BATS_TEST_TMPDIR/a\\x20\\x22b\\x22\\x20\\x24c.img" ]
	run_ok vdusectl list --pairs -b -o name,size,backend
	[ "${output##*$'\n'}" = "NAME=\"$name-10\" SIZE=\"1572864\" BACKEND=\"file:$BATS_TEST_TMPDIR/a \\x22b\\x22 \\x24c.img\"" ] ||
	[ "${output##*$'\n'}" = "NAME=\"$name-10\" SIZE=\"1572864\" BACKEND=\"file:$BATS_TEST_TMPDIR/a\\x20\\x22b\\x22\\x20\\x24c.img\"" ]
	run_ok vdusectl list --json -o name,backend
	holds --arg file "file:$file" '.schema == 1 and
		(.devices[1] | keys_unsorted == ["name", "backend"]) and
		.devices[1].backend == $file'
	run_ok vdusectl list -o +pid --raw -n
	[ "$(awk '{ print NF }' <<< "${output%%$'\n'*}")" -eq 8 ]
	run_ok vdusectl list --list-columns
	[ "$(grep -c '^[A-Z_]*' <<< "$output")" -ge 15 ]
	[[ $output == *NAME* && $output == *READ_ONLY* ]]
	run_fail 2 vdusectl list -o name,colour
	[[ $stderr == *colour* ]]
}

@test "show: the types of its JSON, and what is mounted from it" {
	local name

	name=$(dev_name)
	make_node "$name" --size 1M --backend memory
	dd if="$node" of=/dev/null bs=64k count=2 iflag=direct status=none
	run_ok vdusectl show --json "$name"
	holds --arg node "$node" '.schema == 1 and (.devices[0] |
		.node == $node and .state == "bound" and .holders == 0 and
		.held_by == null and .device_id == 2 and
		.virtio_status == 15 and .running and .resets >= 1 and
		.status == ["ACKNOWLEDGE", "DRIVER", "DRIVER_OK", "FEATURES_OK"] and
		(.messages | type == "number") and .uptime_us > 0 and
		.iotlb_regions == 2 and .malformed == 0 and .errors == 0 and
		(.features_offered | index("VIRTIO_F_ACCESS_PLATFORM")) and
		.features_negotiated == .features_offered and
		.problem == null)'
	run_ok vdusectl show "$name"
	[[ $output == "name "*"$name"*"node "*"$node"*"holders "*0* ]]
	in_background sh -c "exec 9< $node; exec sleep 300"
	wait_until 10 test -e "/proc/$job/fd/9"
	run_ok vdusectl show --json "$name"
	holds --arg who "open in pid $job (" '.devices[0] |
		.holders == 1 and (.held_by | startswith($who))'
	run_fail 3 vdusectl show "$name-none"
}

@test "list, show: a server that is stopped does not hold them up" {
	local name pid start=$SECONDS

	name=$(dev_name)
	make_node "$name" --size 1M --backend memory
	unsupervised "$name"
	pid=$(server_of "$name")
	stop_process "$pid"
	run_ok timeout 5 vdusectl list
	[[ $output == *"$name"*bound*"$node"* ]]
	run_ok vdusectl show --json "$name"
	holds --arg node "$node" '.devices[0] | .node == $node and
		.virtio_status == 15 and (.problem | type == "string") and
		.uptime_us == null'
	run_fail 8 vdusectl --timeout 1s dump vq "$name"
	run_fail 8 vdusectl --timeout 1s stats "$name"
	((SECONDS - start < 30))
	kill -CONT "$pid"
	run_ok vdusectl stats "$name"
}

@test "foreign device: unbound, on virtio, on vhost, without a server" {
	local foreign disk

	foreign=$(dev_name)
	modprobe -a vduse
	make_foreign "$foreign"
	foreign_is() {
		is "$foreign" ".owner == \"foreign\" and .queues == 1 and
			.backend == null and $1"
	}
	foreign_is ".state == \"serving\" and .pid == $foreign_pid and
		.attached == false and .driver == null"
	run_fail 7 vdusectl stats "$foreign"
	[[ $stderr == *"its server is foreign"* ]]
	if ! own; then
		run_fail 7 vdusectl dump vq "$foreign"
		[[ $stderr == *"its server is foreign"* ]]
		run_fail 7 vdusectl dump config "$foreign"
	fi
	run_fail 5 vdusectl destroy "$foreign"
	[[ $stderr == *"pid $foreign_pid (qemu-storage-da), which is not ours"* ]]
	run_ok vdusectl bind virtio "$foreign"
	disk=${output#/dev/}
	[ -b "/dev/$disk" ]
	foreign_is ".state == \"bound\" and .driver == \"virtio\" and
		.type == \"blk\" and .node == \"/dev/$disk\" and
		.size == 10485760 and .block_size == 512 and
		.read_only == false"
	run_ok vdusectl dump config --json "$foreign"
	holds '.config[] | select(.name == "capacity") | .value == 20480'
	holds 'any(.features[]; .name == "VIRTIO_F_VERSION_1" and .offered and
		.negotiated)'
	[[ $stderr == *"the kernel tells only a part"* ]]
	run_fail 5 vdusectl destroy "$foreign"
	run_ok vdusectl bind --rebind vhost "$foreign"
	foreign_is ".state == \"bound\" and .driver == \"vhost\" and
		.node == \"$output\""
	run_ok vdusectl show --json "$foreign"
	holds '.devices[0] | .device_id == 2 and .uptime_us == null and
		(.features_offered | index("VIRTIO_BLK_F_FLUSH"))'
	run_ok vdusectl doctor
	run_ok vdusectl unbind "$foreign"
	foreign_is '.state == "serving" and .attached == false'
	kill -0 "$foreign_pid"
	kill -9 "$foreign_pid"
	wait "$foreign_pid" || true
	foreign_is '.state == "created" and .pid == null'
	run_fail 3 vdusectl start "$foreign"
	run_ok vdusectl destroy "$foreign"
	[ ! -e "/dev/vduse/$foreign" ]
}

@test "doctor: what is wrong with the devices, and the command that mends it" {
	local name

	name=$(dev_name)
	modprobe -a vduse virtio_vdpa vhost_vdpa
	make_blk "$name" --size 1M --backend null --bind vhost
	run_ok vdusectl doctor --json
	holds '.schema == 1 and all(.checks[]; (.number | type == "number") and
		(.status == "ok") and (.detail | length > 0)) and
		([.checks[].number] == [range(1; .checks | length + 1)])'
	run_ok vdusectl stop "$name"
	mkdir /run/vdusectl/left
	touch /run/vdusectl/left/lock
	defer rm -rf /run/vdusectl/left
	run_ok vdusectl doctor --json
	holds --arg name "$name" '.checks[] | select(.check == "devices") |
		.status == "warn" and (.detail | contains("stalled: " + $name)) and
		(.remedy | contains("vdusectl start"))'
	holds '.checks[] | select(.check == "leftovers") | .status == "warn"
		and (.detail | contains("left"))'
	sh -c "$(jq -r '.checks[] | select(.check == "leftovers").remedy' \
		<<< "$output")"
	run_ok vdusectl start "$name"
	run_ok vdusectl doctor
	[[ $output == *"ok   devices "*"1, all served"* ]]
	[[ $output == *"ok   leftovers "*none* ]]
}
