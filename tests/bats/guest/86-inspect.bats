#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What the kernel tells of a device, whoever serves it, and abort. On the stock
# module: what there is instead, and that the commands say so.

# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own
# shellcheck disable=SC2016 # what jq is told

load 40-bus
load 30-held

# needs_own COMMAND...: on the stock module it says what it takes, and with which
# exit code; the rest of the test is for ours.
needs_own() {
	own && return
	run_fail 7 vdusectl "$@"
	[[ $stderr == *"the loaded vduse module "* ]]
	[[ $stderr == *"hint: "*"the vduse module of this project"* ]]
	return 1
}

# check NAME: one check of the doctor, "STATUS DETAIL -> REMEDY".
check() {
	vdusectl doctor --json | jq -r --arg name "$1" '.checks[] |
		select(.check == $name) | "\(.status) \(.detail) -> \(.remedy)"'
}

# messages NAME: as JSON.
messages() { vdusectl show --messages --json "$1"; }
has_message() { messages "$1" | jq -e "$2" > /dev/null; }

# stuck_unbind NAME: an unbind whose reset the stopped server does not answer:
# $job waits in the kernel for it. By sysfs: vdusectl would ask the server first.
stuck_unbind() {
	in_background sh -c "echo $1 > /sys/bus/vdpa/drivers/virtio_vdpa/unbind"
}

@test "list and show: a foreign device on no bus" {
	name=$(dev_name)
	make_foreign "$name"
	run_ok vdusectl list --json
	holds --arg name "$name" --argjson pid "$foreign_pid" '.devices[] |
		select(.name == $name) | .state == "serving" and .pid == $pid and
		.owner == "foreign" and .queues == 1 and .driver == null and
		.attached == false'
	run_ok vdusectl show --json "$name"
	if ! own; then
		holds '.devices[0] | .type == null and .needs_reset == null and
			.features_offered == null and .pending == null'
		return
	fi
	holds '.devices[0] | .type == "blk" and .needs_reset == false and
		.device_id == 2 and .virtio_status == 0 and .status == [] and
		(.features_offered | index("VIRTIO_BLK_F_FLUSH") != null) and
		.features_negotiated == [] and .features_required == [] and
		.extensions == [] and .conditions == [] and
		.pending == 0 and .pending_age_us == null and .aborts == 0 and
		.virtio_timeout == 30 and .vhost_timeout == 30'
	run_ok vdusectl show "$name"
	[[ $output == *"features offered"*"VIRTIO_BLK_F_FLUSH"* ]]
	[[ $output == *"virtio timeout"*30* ]]
}

@test "list and show: a foreign device that is bound, without netlink" {
	name=$(dev_name)
	make_foreign "$name"
	run_ok vdusectl bind virtio "$name"
	run_ok vdusectl list --json
	holds --arg name "$name" --argjson pid "$foreign_pid" '.devices[] |
		select(.name == $name) | .state == "bound" and .type == "blk" and
		.driver == "virtio" and (.node | startswith("/dev/vd")) and
		.size == 10485760 and .pid == $pid'
	run_ok vdusectl show --json "$name"
	holds '.devices[0] | .virtio_status == 15 and
		.status == ["ACKNOWLEDGE", "DRIVER", "DRIVER_OK", "FEATURES_OK"] or
		(.status | sort) == ["ACKNOWLEDGE", "DRIVER", "DRIVER_OK",
			"FEATURES_OK"]'
	holds '.devices[0].features_negotiated |
		index("VIRTIO_F_VERSION_1") != null'
	run_ok vdusectl unbind "$name"
	run_ok vdusectl bind vhost "$name"
	run_ok vdusectl show --json "$name"
	holds '.devices[0] | .driver == "vhost" and .state == "bound" and
		(.node | startswith("/dev/vhost-vdpa-"))'
	# What the driver before left: it acknowledged that there is a device.
	! own || holds '.devices[0].virtio_status | . == 0 or . == 1'
	run_ok vdusectl unbind "$name"
}

@test "show: a device of ours has the extensions that the module has" {
	name=$(dev_name)
	make_node "$name" --size 4M --queues 2
	run_ok vdusectl show --json "$name"
	if ! own; then
		holds '.devices[0] | .extensions == null and .needs_reset == null'
		return
	fi
	holds '.devices[0] | .extensions ==
		["config", "recover", "features", "resume", "vstats",
				"inject", "fill"] and
		.features_required ==
			["VIRTIO_F_VERSION_1", "VIRTIO_F_ACCESS_PLATFORM"] and
		.virtio_timeout == 30 and .vhost_timeout == 0 and
		.messages_sent > 0 and .messages_late == 0 and
		.needs_reset == false and .problem == null'
	[ "$(shown "$name" pid)" = "$(cat "/sys/class/vduse/$name/ext/server_pid")" ]
}

@test "show: a device called ext, whose sysfs has no room for it" {
	make_node ext --size 4M
	run_ok vdusectl show --json ext
	! own || holds '.devices[0] | .pending == 0 and .virtio_timeout == 30'
	run_fail 7 vdusectl set ext virtio-timeout=5
}

@test "list: what the module tells and what sysfs tells is the same" {
	local seen
	name=$(dev_name)
	make_foreign "$name-f"
	run_ok vdusectl bind virtio "$name-f"
	make_node "$name-a" --size 4M
	make_vnode "$name-b" --size 4M
	make_blk "$name-c" --size 4M
	unsupervised "$name-c"
	kill -9 "$(server_of "$name-c")"
	wait_until 10 state_is "$name-c" created
	seen=$(vdusectl list --json | jq -c '.devices[] | del(.needs_reset)')
	[ "$(wc -l <<< "$seen")" -eq 4 ]
	# Without permission for the control node it has to go by sysfs alone.
	chmod o+x "$BATS_TEST_TMPDIR"
	run_ok setpriv --bounding-set -dac_override,-dac_read_search \
		--inh-caps -dac_override,-dac_read_search \
		unshare -m sh -c 'mount -t tmpfs none /dev/vduse &&
			exec vdusectl list --json'
	diff <(echo "$seen") <(jq -c '.devices[] | del(.needs_reset)' \
		<<< "$output")
	run_ok vdusectl unbind "$name-f"
}

@test "show --messages: what waits, for how long, and who" {
	name=$(dev_name)
	make_node "$name" --size 4M
	if ! needs_own show --messages "$name"; then
		[[ -z $output ]]
		return
	fi
	run_ok vdusectl show --messages --json "$name"
	holds '.messages == [] and .schema == 1'
	run_ok vdusectl show --messages "$name"
	[ -z "$output" ]
	unsupervised "$name"
	stop_process "$(server_of "$name")"
	stuck_unbind "$name"
	wait_until 20 has_message "$name" '.messages | length == 1'
	run_ok vdusectl show --messages --json "$name"
	holds --arg name "$name" '.messages[0] | .device == $name and
		.type == "SET_STATUS" and .arg == 0 and .age_us >= 0 and
		.state == "queued" and .posted == false and .pid > 1 and
		.command == "sh"'
	run_ok vdusectl show --messages "$name"
	[[ $output == DEVICE*AGE_US*"SET_STATUS"*queued*sh ]]
	run_ok vdusectl show --messages --raw -n -o TYPE,STATE,COMMAND "$name"
	[ "$output" = "SET_STATUS queued sh" ]
	run_ok vdusectl show --json "$name" --timeout 2s
	holds '.devices[0] | .pending == 1 and .pending_age_us >= 0'
	wait_until 20 has_message "$name" '.messages[0].age_us > 5000000'
	[[ $(check old-messages) == "warn "*": $name -> "*"vdusectl abort NAME" ]]
	run_ok vdusectl abort "$name"
	wait_until 10 ended "$job"
	run_ok vdusectl show --messages "$name"
	[ -z "$output" ]
	[[ $(check old-messages) == "ok none -> null" ]]
}

@test "dump: queues and features of a foreign device" {
	requires fio
	name=$(dev_name)
	make_foreign "$name"
	if ! own; then
		run_fail 7 vdusectl dump vq "$name"
		[[ $stderr == *"its server is foreign"*"hint: the vduse module of this project"* ]]
		run_fail 7 vdusectl dump config "$name"
		return
	fi
	run_ok vdusectl dump config --json "$name"
	holds '[.features[] | select(.offered)] | length > 3'
	holds '.config[0] | .name == "capacity" and .value == null'
	run_ok vdusectl bind virtio "$name"
	dd if="/dev/$(foreign_disk "$name")" of=/dev/null bs=64k count=16 \
		iflag=direct status=none
	run_ok vdusectl dump vq --json "$name"
	holds '.queues | length == 1 and (.[0] | .index == 0 and .ready and
		.heard and .size > 0 and .size_max >= .size and .kicks > 0 and
		.interrupts > 0 and .desc != null and .avail > .desc and
		.used > .avail and .last_avail_idx == null)'
	holds '.requests == []'
	run_ok vdusectl dump vq "$name"
	[[ $stderr == *"the kernel tells only a part"* ]]
	run_ok vdusectl dump config --json "$name"
	holds '.config[0] | .name == "capacity" and .value == 20480'
	run_ok vdusectl unbind "$name"
}

@test "dump vq: a device of ours, served and after the end of its server" {
	name=$(dev_name)
	make_node "$name" --size 4M
	run_ok vdusectl dump vq --json "$name"
	holds '.queues[0].avail_idx != null'
	! own || holds '.queues[0] | .heard and .size_max == 1024'
	unsupervised "$name"
	kill -9 "$(server_of "$name")"
	wait_until 10 state_is "$name" stalled
	if ! own; then
		run_fail 1 vdusectl dump vq "$name"
	else
		run_ok vdusectl dump vq --json "$name"
		holds '.queues[0] | .ready and (.heard | not) and .size == 1024 and
			.avail_idx == null'
	fi
	run_ok vdusectl start "$name"
}

@test "vdpa vstats: a disk's queue has statistics" {
	requires vdpa
	name=$(dev_name)
	make_node "$name" --size 4M
	dd if="$node" of=/dev/null bs=64k count=16 iflag=direct status=none
	if ! own; then
		# Its exit code says nothing.
		capture vdpa dev vstats show "$name" qidx 0
		[[ -z $output && $stderr == *"Operation not supported"* ]]
		return
	fi
	run_ok vdpa -j dev vstats show "$name" qidx 0
	holds --arg name "$name" '.vstats[$name] | tostring |
		test("kick") and test("[1-9]")'
}

@test "abort: a driver that waits goes on at once, and the device comes back" {
	local server
	name=$(dev_name)
	make_node "$name" --size 4M
	needs_own abort "$name" || return 0
	random_file "$BATS_TEST_TMPDIR/data" 65536
	write_node "$BATS_TEST_TMPDIR/data" "$node"
	unsupervised "$name"
	server=$(server_of "$name")
	stop_process "$server"
	stuck_unbind "$name"
	wait_until 20 has_message "$name" '.messages | length == 1'
	run_ok vdusectl abort --json "$name"
	holds --arg name "$name" '.devices == [{ name: $name, node: null }]'
	wait_until 10 ended "$job"
	# It had asked for a reset, and it has it: nobody can touch its rings.
	[ "$(shown "$name" state)" != broken ]
	holds_not_connected
	[[ $(check aborted) == "warn "*": $name -> vdusectl start NAME" ]]
	kill -CONT "$server"
	kill -9 "$server"
	wait_until 10 ended "$server"
	run_ok vdusectl start "$name"
	run_ok vdusectl bind virtio "$name"
	node=$output
	run_ok same_disk "$BATS_TEST_TMPDIR/data" "$node" 65536
	[ "$(shown "$name" aborts)" -eq 1 ]
	[[ $(check aborted) == "ok none -> null" ]]
}

holds_not_connected() {
	run_ok vdusectl show --json "$name" --timeout 2s
	holds '.devices[0] | (.conditions | index("aborted")) != null and
		.pending == 0 and .aborts == 1'
	run_ok vdusectl list --json
	holds --arg name "$name" '.devices[] | select(.name == $name) |
		.state == "created" or .state == "stalled"'
}

@test "abort: its supervisor brings a new server, requests wait for it" {
	local server
	name=$(dev_name)
	make_node "$name" --size 4M
	needs_own abort "$name" || return 0
	random_file "$BATS_TEST_TMPDIR/data" 65536
	write_node "$BATS_TEST_TMPDIR/data" "$node"
	# Running, and stopped.
	server=$(server_of "$name")
	run_ok vdusectl abort "$name"
	wait_until 30 is_back "$name" "$server"
	run_ok same_disk "$BATS_TEST_TMPDIR/data" "$node" 65536
	server=$(server_of "$name")
	kill -STOP "$server"
	run_ok vdusectl abort "$name"
	wait_until 60 is_back "$name" "$server"
	run_ok same_disk "$BATS_TEST_TMPDIR/data" "$node" 65536
	[ "$(shown "$name" state)" = bound ]
	# No message was under way: nothing needs a reset.
	[ "$(shown "$name" needs_reset)" = false ]
}

@test "abort: a bind that waits fails at once" {
	local server
	name=$(dev_name)
	make_blk "$name" --size 4M
	needs_own abort "$name" || return 0
	run_ok vdusectl bind virtio "$name"
	run_ok vdusectl unbind "$name"
	unsupervised "$name"
	server=$(server_of "$name")
	modprobe virtio_vdpa
	run_ok vdpa dev add name "$name" mgmtdev vduse
	wait_until 10 attached "$name"
	[ -z "$(driver_of "$name")" ] ||
		echo "$name" > /sys/bus/vdpa/drivers/"$(driver_of "$name")"/unbind
	stop_process "$server"
	in_background sh -c "echo $name > /sys/bus/vdpa/drivers/virtio_vdpa/bind"
	wait_until 20 has_message "$name" '.messages | length == 1'
	expect_dmesg 'virtio_blk|virtio[0-9]+: probe'
	run_ok vdusectl abort "$name"
	wait_until 10 ended "$job"
	kill -9 "$server"
	wait_until 10 ended "$server"
	run_ok vdusectl start "$name"
	run_ok vdusectl unbind "$name"
	run_ok vdusectl bind virtio "$name"
	run_ok vdusectl unbind "$name"
}

@test "abort: a foreign server is cut off, another one may come" {
	name=$(dev_name)
	make_foreign "$name"
	needs_own abort "$name" || return 0
	kill -STOP "$foreign_pid"
	run_ok vdusectl abort "$name"
	run_ok vdusectl show --json "$name"
	holds '.devices[0] | .state == "created" and .pid == null and
		.conditions == ["aborted"]'
	kill -9 "$foreign_pid"
	run_ok vdusectl destroy "$name"
}

@test "abort: what does not exist, and several at once" {
	name=$(dev_name)
	modprobe vduse
	run_fail 3 vdusectl abort "$name"
	make_blk "$name-a" --size 1M
	make_blk "$name-b" --size 1M
	needs_own abort "$name-a" || return 0
	run_fail 3 vdusectl abort "$name"
	run_fail 9 vdusectl abort "$name-a" "$name" "$name-b" ../x
	[ "$(shown "$name-a" aborts)" -eq 1 ]
	[ "$(shown "$name-b" aborts)" -eq 1 ]
	wait_until 30 state_is "$name-a" serving
	wait_until 30 state_is "$name-b" serving
}

@test "needs-reset: shown with what mends it, and mended by that" {
	local server
	name=$(dev_name)
	make_blk "$name-s" --size 1M
	needs_own set "$name-s" virtio-timeout=1 || return 0
	make_node "$name" --size 4M --writeback-control
	random_file "$BATS_TEST_TMPDIR/data" 65536
	write_node "$BATS_TEST_TMPDIR/data" "$node"
	run_ok vdusectl set "$name" virtio-timeout=1
	unsupervised "$name"
	server=$(server_of "$name")
	stop_process "$server"
	# A message that is not answered in time.
	in_background sh -c \
		"echo write through > /sys/block/$disk/cache_type"
	wait_until 20 ended "$job"
	run_ok vdusectl show --json "$name" --timeout 2s
	holds --arg name "$name" '.devices[0] | .state == "broken" and
		.needs_reset and (.status | index("DEVICE_NEEDS_RESET") != null) and
		.messages_late == 1 and .conditions == ["late"] and
		.message_error == "CONFIG_WRITE: Connection timed out" and
		.message_error_age_us > 0 and
		.remedy == "vdusectl restart \($name); vdusectl unbind \($name); " +
			"vdusectl bind virtio \($name)"'
	run_ok vdusectl show --messages --json "$name"
	holds '.messages | map([.type, .posted, .pid]) ==
		[["CONFIG_WRITE", true, null]]'
	run_ok vdusectl list --json
	holds --arg name "$name" '.devices[] | select(.name == $name) |
		.state == "broken" and .needs_reset'
	[[ $(check needs-reset) == "fail "*": $name -> vdusectl start NAME"* ]]
	[[ $(check late-servers) == "warn "*": $name -> vdusectl restart NAME" ]]
	[[ $(check devices) != *"broken"* ]]
	kill -9 "$server"
	wait_until 10 ended "$server"
	run_ok vdusectl start "$name"
	# A machine that is busy may need more than a second.
	run_ok vdusectl set "$name" virtio-timeout=30
	# It works on, but the kernel cannot know.
	[ "$(shown "$name" state)" = broken ]
	run_ok vdusectl unbind "$name"
	run_ok vdusectl bind virtio "$name"
	node=$output
	run_ok same_disk "$BATS_TEST_TMPDIR/data" "$node" 65536
	run_ok vdusectl show --json "$name"
	holds '.devices[0] | .state == "bound" and .needs_reset == false and
		.remedy == null'
	[[ $(check needs-reset) == "ok none -> null" ]]
}

@test "set: timeouts count from the next wait on; foreign devices have them too" {
	local server
	name=$(dev_name)
	make_node "$name" --size 4M
	needs_own set "$name" virtio-timeout=1 vhost-timeout=7 || return 0
	run_ok vdusectl set "$name" virtio-timeout=2min vhost-timeout=7
	[ "$(shown "$name" virtio_timeout)" -eq 120 ]
	[ "$(shown "$name" vhost_timeout)" -eq 7 ]
	[ "$(shown "$name" msg_timeout)" -eq 120 ]
	run_ok vdusectl set "$name" virtio-timeout=infinity
	[ "$(shown "$name" virtio_timeout)" -eq 0 ]
	make_foreign "$name-f"
	run_ok vdusectl set "$name-f" virtio-timeout=5
	[ "$(shown "$name-f" virtio_timeout)" -eq 5 ]
	[ "$(shown "$name-f" msg_timeout)" -eq 5 ]
}

@test "doctor: which module it is, and that nothing waits" {
	name=$(dev_name)
	make_node "$name" --size 4M
	if own; then
		[[ $(check extensions) == "ok config, recover, features, resume, vstats, inject, fill -> null" ]]
		[[ $(check old-messages) == "ok none -> null" ]]
	else
		[[ $(check extensions) == "ok none, as of the stock module"* ]]
		[[ $(check old-messages) == "ok the stock module does not tell -> null" ]]
	fi
}

@test "force: a foreign server that the kernel holds is cut off" {
	expect_dmesg 'I/O error, dev vd|Buffer I/O error on dev(ice)? vd'
	expect_dmesg 'virtio[0-9]+: device refuses features|virtio_blk.*probe.*fail'
	requires qemu-storage-daemon
	name=$(dev_name)
	modprobe vduse
	slow_disk
	foreign_log=$BATS_TEST_TMPDIR/foreign.log
	TMPDIR=$BATS_TEST_TMPDIR qemu-storage-daemon \
		--blockdev "driver=host_device,node-name=n,filename=$slow" \
		--export "type=vduse-blk,id=e,node-name=n,name=$name,writable=on" \
		< /dev/null > "$foreign_log" 2>&1 3>&- 4>&- &
	foreign_pid=$!
	defer remove_foreign "$name" "$foreign_pid"
	defer release 0
	wait_until 30 foreign_serves "$name"
	run_ok vdusectl bind virtio "$name"
	node=/dev/$(foreign_disk "$name")
	hold 0
	dd if=/dev/zero of="$node" bs=64k count=1 oflag=direct conv=fsync \
		status=none 3>&- &
	job=$!
	wait_until 20 in_d_state "$foreign_pid"
	if ! own; then
		run_fail 8 vdusectl destroy --force --timeout 6s "$name"
		[[ $stderr == *"does not die: the kernel holds it"* ]]
		release 0
		wait_until 20 ended "$foreign_pid"
		run_ok vdusectl destroy --force --if-exists "$name"
	else
		run_ok vdusectl destroy --force --timeout 30s "$name"
		[[ $stderr == *"the kernel holds it"*"cutting it off"* ]]
		[ ! -e "/dev/vduse/$name" ]
		[ -e "/proc/$foreign_pid" ]
		release 0
	fi
	wait_until 20 ended "$job"
	wait_until 20 ended "$foreign_pid"
}

# in_d_state PID: one of its threads cannot be killed.
in_d_state() {
	grep -qs '^State:.D' "/proc/$1/task"/*/status
}
