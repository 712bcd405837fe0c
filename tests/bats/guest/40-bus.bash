# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests of the vDPA bus: drivers, devices of others, a VM's view.
# shellcheck disable=SC2154 # status, output, stderr: set by capture

load "${BASH_SOURCE[0]%/*}/10-blk"

# The programs of the tests are built beside the tool.
PATH=$PATH:$(dirname "$(type -P vdusectl)")/tests

bus=/sys/bus/vdpa
autoprobe=$bus/drivers_autoprobe

# holds FILTER [ARGUMENT...]: jq finds it true of what the last command printed.
holds() {
	jq -e "$@" <<< "$output" > /dev/null || fail "not so: $*"
}

# Is the module that is loaded ours?
own() { [ -e /sys/module/vduse/version ]; }

# driver_of NAME: "virtio_vdpa", "vhost_vdpa", or nothing.
driver_of() {
	basename "$(readlink "$bus/devices/$1/driver")" 2>/dev/null
}

driver_is() { [ "$(driver_of "$1")" = "$2" ]; }
override_is() { [ "$(< "$bus/devices/$1/driver_override")" = "$2" ]; }
autoprobe_is() { [ "$(< "$autoprobe")" = "$1" ]; }
attached() { [ -e "$bus/devices/$1" ]; }
not_attached() { [ ! -e "$bus/devices/$1" ]; }
server_of() { column "$1" pid; }

# unload MODULE...: those that are loaded.
unload() {
	local module

	for module in "$@"; do
		[ ! -d "/sys/module/$module" ] || rmmod "$module"
	done
}

# make_foreign NAME: a device that another program made and serves, $foreign_pid
# its process; "$foreign_log" is what it said.
make_foreign() {
	local name=$1

	requires qemu-storage-daemon vdpa
	modprobe vduse
	foreign_log=$BATS_TEST_TMPDIR/foreign-$name.log
	TMPDIR=$BATS_TEST_TMPDIR qemu-storage-daemon \
		--blockdev "driver=null-co,node-name=n,size=10485760,read-zeroes=on" \
		--export "type=vduse-blk,id=e,node-name=n,name=$name,writable=on" \
		< /dev/null > "$foreign_log" 2>&1 3>&- 4>&- &
	foreign_pid=$!
	defer remove_foreign "$name" "$foreign_pid"
	wait_until 30 foreign_serves "$name"
}

foreign_serves() {
	local fd

	for fd in "/proc/$foreign_pid/fd"/*; do
		[ "$(readlink "$fd")" != "/dev/vduse/$1" ] || return 0
	done
	kill -0 "$foreign_pid" || fail "no foreign server: $(< "$foreign_log")"
	return 1
}

remove_foreign() {
	! attached "$1" || vdpa dev del "$1"
	kill -9 "$2" 2>/dev/null || true
	wait "$2" 2>/dev/null || true
	vdusectl destroy --if-exists -q "$1"
}

# foreign_disk NAME: the disk (vda) that a foreign device is here.
foreign_disk() {
	basename "$bus/devices/$1"/virtio*/block/*
}

# same_disk FILE NODE BYTES: does the disk begin with what the file has?
same_disk() {
	read_node "$2" "$3" "$BATS_TEST_TMPDIR/.disk"
	cmp "$1" "$BATS_TEST_TMPDIR/.disk"
}

# stop_process PID: stopped it answers nothing; goes on when the test ends.
stop_process() {
	defer kill -CONT "$1"
	kill -STOP "$1"
}

# in_background COMMAND...: $job is its process; killed when the test ends.
in_background() {
	"$@" < /dev/null > "$BATS_TEST_TMPDIR/job.out" \
		2> "$BATS_TEST_TMPDIR/job.err" 3>&- 4>&- &
	job=$!
	defer end_job "$job"
}

end_job() {
	kill -9 "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}
