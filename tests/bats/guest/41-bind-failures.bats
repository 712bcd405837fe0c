#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bind where it cannot work: it says so, in time, and leaves nothing half done.

# shellcheck disable=SC2016 # variables of jq
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own

load 40-bus

# unharmed NAME: not on the bus, and the bus as it was.
unharmed() {
	not_attached "$1" || fail "$1 is attached"
	autoprobe_is 1 || fail "drivers_autoprobe is $(< "$autoprobe")"
}

# within SECONDS: since begin() was called.
begin() { began=$SECONDS; }
within() {
	((SECONDS - began <= $1)) || fail "took $((SECONDS - began)) s"
}

# fake_modprobe: in front of PATH, one that does not end by itself; its pid is
# in $modprobe.
fake_modprobe() {
	modprobe=$BATS_TEST_TMPDIR/modprobe.pid
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho $$ > %s.new\nmv %s.new %s\nexec sleep 300\n' \
		"$modprobe" "$modprobe" "$modprobe" \
		> "$BATS_TEST_TMPDIR/bin/modprobe"
	chmod +x "$BATS_TEST_TMPDIR/bin/modprobe"
	defer end_modprobe
}

end_modprobe() {
	[ ! -e "$modprobe" ] || kill -9 "$(< "$modprobe")" 2>/dev/null || true
	rm -f "$modprobe"
}

@test "bind: nobody serves the device: busy, at once, not attached" {
	local name foreign driver

	name=$(dev_name) foreign=$(dev_name foreign)
	make_blk "$name" --size 1M --backend memory
	make_foreign "$foreign"
	run_ok vdusectl stop "$name"
	kill -9 "$foreign_pid"
	wait "$foreign_pid" || true
	state_is "$name" created
	state_is "$foreign" created
	begin
	for driver in virtio vhost; do
		run_fail 5 vdusectl bind "$driver" "$name"
		[[ $stderr == *"nobody serves"* ]]
		run_fail 5 vdusectl bind "$driver" "$foreign"
		[[ $stderr == *"nobody serves"* ]]
	done
	within 10
	unharmed "$name"
	unharmed "$foreign"
	run_ok vdusectl start "$name"
	run_ok vdusectl bind virtio "$name"
	run_ok vdusectl destroy "$name" "$foreign"
}

@test "bind: the server does not answer: timed out, not attached; then it does" {
	local name pid driver

	name=$(dev_name)
	make_blk "$name" --size 1M --backend memory
	unsupervised "$name"
	pid=$(server_of "$name")
	stop_process "$pid"
	begin
	for driver in virtio vhost; do
		run_fail 8 vdusectl --timeout 2s bind "$driver" "$name"
		[[ $stderr == "vdusectl: bind $name: "* ]]
		unharmed "$name"
	done
	within 12
	# The rest of the host does not suffer meanwhile.
	run_ok timeout 5 vdpa mgmtdev show
	run_ok timeout 5 vdusectl list
	kill -CONT "$pid"
	run_ok vdusectl bind virtio "$name"
	dd if="$output" of=/dev/null bs=64k count=1 iflag=direct status=none
}

@test "bind: --timeout bounds it wherever it waits" {
	local name

	name=$(dev_name)
	make_blk "$name" --size 1M --backend memory
	unload virtio_vdpa
	fake_modprobe
	begin
	run_fail 8 env PATH="$BATS_TEST_TMPDIR/bin:$PATH" \
		vdusectl --timeout 1s bind virtio "$name"
	within 6
	[ -e "$modprobe" ]
	unharmed "$name"
	run_ok vdusectl bind virtio "$name"
}

@test "bind: Ctrl-C in the middle undoes it" {
	local name

	name=$(dev_name)
	make_blk "$name" --size 1M --backend memory
	unload virtio_vdpa
	fake_modprobe
	in_background env PATH="$BATS_TEST_TMPDIR/bin:$PATH" \
		vdusectl bind virtio "$name"
	wait_until 10 test -e "$modprobe"
	kill -TERM "$job"
	wait "$job" && status=0 || status=$?
	cat "$BATS_TEST_TMPDIR/job.err"
	[ "$status" -eq 143 ]
	unharmed "$name"
	run_ok vdusectl bind virtio "$name"
}

@test "bind: killed in the middle: the next command repairs the bus" {
	local name

	name=$(dev_name)
	make_blk "$name" --size 1M --backend memory
	unload virtio_vdpa
	fake_modprobe
	in_background env PATH="$BATS_TEST_TMPDIR/bin:$PATH" \
		vdusectl bind virtio "$name"
	wait_until 10 test -e "$modprobe"
	autoprobe_is 0
	kill -9 "$job"
	wait "$job" || true
	end_modprobe
	autoprobe_is 0
	capture vdusectl --json doctor
	holds '.checks[] | select(.check == "autoprobe") | .status != "ok"'
	run_ok vdusectl bind virtio "$name"
	driver_is "$name" virtio_vdpa
	autoprobe_is 1
	capture vdusectl --json doctor
	holds '.checks[] | select(.check == "autoprobe") | .status == "ok"'
}

@test "bind: without the capability, or in another network namespace" {
	local name

	requires setpriv unshare
	name=$(dev_name)
	make_blk "$name" --size 1M --backend memory
	modprobe virtio_vdpa
	run_fail 6 setpriv --bounding-set -net_admin \
		--inh-caps -net_admin vdusectl bind virtio "$name"
	[[ $stderr == *"cannot put '$name' on the vDPA bus: CAP_NET_ADMIN"* ]]
	unharmed "$name"
	capture unshare -n vdusectl bind virtio "$name"
	[ "$status" -ne 0 ]
	[[ $stderr == *"network namespace"* ]]
	unharmed "$name"
	state_is "$name" serving
}

@test "bind and unbind: no such device, no such driver, no such name" {
	local name

	name=$(dev_name)
	run_fail 3 vdusectl bind virtio "$name"
	[[ $stderr == "vdusectl: bind $name: no device '$name'"* ]]
	[[ $stderr == *"hint: 'vdusectl list'"* ]]
	run_fail 2 vdusectl bind tape "$name"
	run_fail 2 vdusectl bind virtio a/b
	run_fail 2 vdusectl bind virtio control
	run_fail 3 vdusectl unbind "$name"
}

@test "unbind: the server does not answer: timed out; then it can be used again" {
	local name pid driver

	name=$(dev_name)
	for driver in vhost virtio; do
		make_blk "$name" --size 1M --backend memory --bind "$driver"
		unsupervised "$name"
		pid=$(server_of "$name")
		stop_process "$pid"
		begin
		run_fail 8 vdusectl --timeout 2s unbind "$name"
		within 8
		driver_is "$name" "${driver}_vdpa"
		run_ok timeout 5 vdusectl list
		kill -CONT "$pid"
		wait_until 10 vdusectl unbind "$name"
		unharmed "$name"
		run_ok vdusectl bind virtio "$name"
		dd if="$output" of=/dev/null bs=64k count=1 iflag=direct \
			status=none
		run_ok vdusectl destroy "$name"
	done
}

# busy NAME: has it served some requests of the driver that it has now?
busy() {
	vdusectl dump vq --json "$1" | jq -e '.queues[0].used_idx > 50'
}

@test "rebind: a VM that died leaves no memory behind" {
	local name data=$BATS_TEST_TMPDIR/data

	requires vhost-blk
	name=$(dev_name)
	make_vnode "$name" --size 4M --backend memory
	random_file "$data" 131072
	for _ in 1 2; do
		in_background vhost-blk "$vnode" verify --seconds 60
		wait_until 20 busy "$name"
		kill -9 "$job"
		wait "$job" || true
		run_ok vdusectl bind --rebind virtio "$name"
		node=$output
		write_node "$data" "$node"
		same_disk "$data" "$node" 131072
		run_ok vdusectl show --json "$name"
		# The rings and the bounce buffer of this host, nothing else.
		holds '.devices[0] | .running and .iotlb_regions == 2 and
			.errors == 0 and .malformed == 0'
		run_ok vdusectl bind --rebind vhost "$name"
		vnode=$output
	done
	run_ok vhost-blk "$vnode" read 0 131072 --out "$data.back"
	cmp "$data" "$data.back"
}
