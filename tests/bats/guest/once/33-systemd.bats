#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The units under a real systemd: one that runs in namespaces of its own, as
# that of a container does, with nothing but our units. It boots once; the tests
# are what happens between that and its power-off, and the last one is that.
#
# It talks to processes of its own pid namespace only: getpeercred() has no pid
# for others. So the commands run in there as well, and all pids are of there.

# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own
# shellcheck disable=SC2154 # output, stderr, node: set by others

load ../40-bus

units=/run/systemd/system
devices=/etc/vdusectl/devices
images=/var/lib/vdusectl
group=/sys/fs/cgroup/vdusectl-test
build=$(dirname "$(type -P vdusectl)")

# inside COMMAND...: in the namespaces of that systemd, $init.
inside() {
	nsenter -t "$init" -p -m -- \
		timeout -k 5 $((${RUN_TIMEOUT:-60} * guest_slow)) "$@"
}

vdusectl() { inside "$build/vdusectl" "$@"; }
systemctl() { inside systemctl "$@"; }

setup_file() {
	requires systemctl unshare nsenter
	[ -x /lib/systemd/systemd ] || skip "needs systemd"
	guest_setup_file
	rm -rf /etc/vdusectl
	# What the boot is to bring back.
	run_ok "$build/vdusectl" create blk --size 16M --bind virtio \
		--persist boot-1
	mkfs.ext4 -q "$output"
	run_ok "$build/vdusectl" create blk --size 1M --bind virtio \
		--persist boot-2
	run_ok "$build/vdusectl" restore --reverse
	install_units
	boot
}

teardown_file() {
	local bad=0

	[ -z "${booted:-}" ] || end_job "$booted"
	rm -rf /run/systemd
	# After a failure: what was mounted in there is written before its last
	# process is gone, and that takes servers.
	command vdusectl start -q boot-1 boot-2 || true
	[ ! -d "$group" ] ||
		wait_until 20 find "$group" -depth -type d -exec rmdir {} + ||
		bad=1
	command vdusectl destroy --if-exists --force -q boot-1 boot-2 || bad=1
	rm -rf /etc/vdusectl
	guest_teardown_file && return "$bad"
}

# Shown when a test fails; the log of systemd is on the guest's console.
teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] ||
		systemctl --no-pager --all status 'vdusectl*' || true
	guest_teardown
}

# As make install does it; in an emulated guest a shutdown takes longer.
install_units() {
	local unit

	mkdir -p "$units/final.target.wants"
	for unit in "$build"/systemd/*; do
		sed -e "s|^ExecStart=\(-\?\)[^ ]*|ExecStart=\1$build/vdusectl|" \
			-e 's/--timeout 5s/--timeout 60s/' "$unit" \
			> "$units/${unit##*/}"
	done
	ln -s ../vdusectl-shutdown.service "$units/final.target.wants/"
	# Nothing of what the guest's own system would start.
	printf '[Unit]\nDefaultDependencies=no\n%s\n%s\n' \
		'Wants=vdusectl-restore.service' \
		'After=vdusectl-restore.service' > "$units/test.target"
}

# boot: $booted is the process to end, $init systemd itself. The generators,
# which would look for what the guest's own system has, are hidden.
boot() {
	mkdir "$group"
	{
		echo "$BASHPID" > "$group/cgroup.procs"
		exec env -i PATH="$PATH" container=test unshare --pid --fork \
			--mount --mount-proc --cgroup --kill-child sh -c '
				umount -l /sys/fs/cgroup
				mount -t cgroup2 cgroup2 /sys/fs/cgroup
				mount -t tmpfs tmpfs /lib/systemd/system-generators
				exec /lib/systemd/systemd --system \
					--unit=test.target --show-status=0 \
					--log-target=console'
	} < /dev/null > /dev/null 2>&1 3>&- 4>&- &
	booted=$!
	wait_until 60 test -S /run/systemd/private
	init=$(pgrep -P "$booted")
	export init
	run_ok systemctl start test.target
}

property() { systemctl show -P "$2" "vdusectl@$1"; }
active() { [ "$(property "$1" ActiveState)" = active ]; }
inactive() { [ "$(property "$1" ActiveState)" = inactive ]; }
served_anew() { [ "$(column "$1" pid)" != "$2" ] && state_is "$1" bound; }
ended() { ! inside test -e "/proc/$1"; }

# of_unit PID NAME: is it one of the unit's processes?
of_unit() { inside grep -q "/vdusectl@$2.service$" "/proc/$1/cgroup"; }

# shows_life NAME SINCE: has systemd heard of its watchdog after that time?
shows_life() { [ "$(property "$1" WatchdogTimestampMonotonic)" -gt "$2" ]; }

@test "systemd: boot restores" {
	[ "$(systemctl show -P Result vdusectl-restore)" = success ]
	active boot-1
	active boot-2
	driver_is boot-2 virtio_vdpa
}

@test "systemd: create starts a unit; a killed server and a killed unit come back; stop ends it" {
	local name pid
	name=$(dev_name a.b)

	make_node "$name" --size 16M
	active "$name"
	pid=$(server_of "$name")
	of_unit "$pid" "$name"
	inside kill -9 "$pid"
	wait_until 30 served_anew "$name" "$pid"
	active "$name"
	pid=$(server_of "$name")
	systemctl kill -s KILL "vdusectl@$name"
	wait_until 30 served_anew "$name" "$pid"
	active "$name"
	read_node "$node" 65536 "$BATS_TEST_TMPDIR/out"

	run_ok vdusectl stop "$name"
	inactive "$name"
	state_is "$name" stalled
	run_ok vdusectl start "$name"
	active "$name"
	run_ok vdusectl destroy "$name"
	inactive "$name"
	[ -z "$(systemctl list-units --failed --no-legend 'vdusectl*')" ]
}

@test "systemd: restart replaces the server, and stays in the unit, which notices nothing" {
	local name pid main since
	name=$(dev_name)

	make_node "$name" --size 1M
	pid=$(server_of "$name")
	main=$(property "$name" MainPID)
	[ "$(shown "$name" supervisor)" = "$main" ]
	run_ok vdusectl restart "$name"
	since=$(property "$name" WatchdogTimestampMonotonic)
	[ "$(server_of "$name")" != "$pid" ]
	wait_until 10 ended "$pid"
	pid=$(server_of "$name")
	of_unit "$pid" "$name"
	of_unit "$main" "$name"
	[ "$(shown "$name" supervisor)" = "$main" ]
	# Else the unit would begin anew after WatchdogSec.
	wait_until 30 shows_life "$name" "$since"
	active "$name"
	[ "$(property "$name" MainPID)" = "$main" ]
	[ "$(property "$name" NRestarts)" = 0 ]
	read_node "$node" 65536 "$BATS_TEST_TMPDIR/out"
	# The new server ends with the unit, too.
	run_ok systemctl stop "vdusectl@$name"
	ended "$pid"
	state_is "$name" stalled
	run_ok vdusectl start "$name"
}

# main_is_new NAME PID: the unit has another main process, which is ready.
main_is_new() {
	[ "$(property "$1" MainPID)" != "$2" ] && active "$1"
}

@test "systemd: a supervisor that dies takes no server along; the next one ends it" {
	local name pid main dir=$BATS_TEST_TMPDIR
	name=$(dev_name)

	random_file "$dir/data" $((1 << 20))
	make_node "$name" --backend memory --size 1M
	write_node "$dir/data" "$node"
	pid=$(server_of "$name")
	main=$(property "$name" MainPID)
	inside kill -9 "$main"
	wait_until 30 main_is_new "$name" "$main"
	[ "$(server_of "$name")" = "$pid" ]
	of_unit "$pid" "$name"
	echo 3 > /proc/sys/vm/drop_caches
	run_ok cmp "$node" "$dir/data"
	# It has the memory, too.
	inside kill -9 "$pid"
	wait_until 30 served_anew "$name" "$pid"
	echo 3 > /proc/sys/vm/drop_caches
	run_ok cmp "$node" "$dir/data"
	# A stuck server does not outlive its unit: six seconds of silence.
	echo 9 > "/sys/class/vduse/$name/msg_timeout"
	run_ok vdusectl restart "$name"
	pid=$(server_of "$name")
	inside kill -STOP "$pid"
	run_ok systemctl stop "vdusectl@$name"
	ended "$pid"
	inactive "$name"
	run_ok vdusectl destroy --force "$name"
}

@test "systemd: why a unit does not start is what the command says" {
	local name
	name=$(dev_name)

	truncate -s 1M "$BATS_TEST_TMPDIR/file"
	make_blk "$name" --backend "file:$BATS_TEST_TMPDIR/file"
	run_ok vdusectl stop "$name"
	truncate -s 512K "$BATS_TEST_TMPDIR/file"
	run_fail 1 vdusectl start "$name"
	[[ $stderr == *"has shrunk"* ]]
	inactive "$name"
	state_is "$name" created
}

@test "systemd: power-off unmounts, then takes the devices away" {
	local mnt=$BATS_TEST_TMPDIR/mnt

	mkdir "$mnt"
	inside mount "$(column boot-1 node)" "$mnt"
	inside dd if=/dev/zero of="$mnt/file" bs=64k count=16 status=none
	systemctl poweroff
	wait_until 60 test ! -e "/proc/$init"
	[ -z "$(command vdusectl list -n)" ]
	[ -e "$devices/boot-1.json" ] && [ -e "$images/boot-2.img" ]
	# What was written before the end is there.
	e2fsck -fn "$images/boot-1.img"
	[ "$(debugfs -R 'stat file' "$images/boot-1.img" 2>/dev/null |
		grep -c 'Size: 1048576')" = 1 ]
}
