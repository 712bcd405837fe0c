#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The units under a real systemd: one that runs in namespaces of its own, as
# that of a container does, with nothing but our units. /run is the guest's, so
# that commands outside find it.

load 40-bus

units=/run/systemd/system
devices=/etc/vdusectl/devices

setup() {
	guest_setup
	requires systemctl unshare nsenter
	[ -x /lib/systemd/systemd ] || skip "needs systemd"
	[ ! -d /run/systemd/system ] || skip "systemd runs here already"
	rm -rf /etc/vdusectl
	defer rm -rf /run/systemd /etc/vdusectl
}

# Shown when a test fails.
teardown() {
	tail -n 40 "$BATS_TEST_TMPDIR/systemd.log" 2>/dev/null || true
	guest_teardown
}

# As make install does it; in an emulated guest a shutdown takes longer.
install_units() {
	local build unit

	build=$(dirname "$(type -P vdusectl)")
	mkdir -p "$units/final.target.wants"
	for unit in "$build"/systemd/*; do
		sed -e "s|^ExecStart=[^ ]*|ExecStart=$build/vdusectl|" \
			-e 's/--timeout 5s/--timeout 60s/' "$unit" \
			> "$units/${unit##*/}"
	done
	ln -s ../vdusectl-shutdown.service "$units/final.target.wants/"
	# Nothing of what the guest's own system would start.
	printf '[Unit]\nDefaultDependencies=no\n%s\n' \
		'Wants=vdusectl-restore.service' > "$units/test.target"
}

# boot: $systemd is its process. It is up when it answers.
boot() {
	local group=/sys/fs/cgroup/test-$BATS_TEST_NUMBER

	install_units
	mkdir "$group"
	defer remove_group "$group"
	{
		echo "$BASHPID" > "$group/cgroup.procs"
		exec env -i PATH="$PATH" container=test unshare --pid --fork \
			--mount --mount-proc --cgroup --kill-child sh -c '
				umount -l /sys/fs/cgroup
				mount -t cgroup2 cgroup2 /sys/fs/cgroup
				exec /lib/systemd/systemd --system \
					--unit=test.target --log-target=console \
					--show-status=0'
	} < /dev/null > "$BATS_TEST_TMPDIR/systemd.log" 2>&1 3>&- 4>&- &
	systemd=$!
	defer end_job "$systemd"
	wait_until 60 systemctl is-active --quiet test.target
}

remove_group() {
	echo 1 > "$1/cgroup.kill"
	wait_until 20 find "$1" -depth -type d -exec rmdir {} +
}

# inside COMMAND...: where that systemd's mounts are.
inside() { nsenter -t "$(pgrep -P "$systemd")" -m "$@"; }

active() { [ "$(systemctl show -P ActiveState "vdusectl@$1")" = active ]; }
inactive() { [ "$(systemctl show -P ActiveState "vdusectl@$1")" = inactive ]; }
ended() { ! kill -0 "$1" 2>/dev/null; }
served_anew() { [ "$(column "$1" pid)" != "$2" ] && state_is "$1" "$3"; }

@test "systemd: create starts a unit; a killed server and a killed unit come back; stop ends it" {
	local name pid
	name=$(dev_name a.b)
	boot

	make_node "$name" --size 16M
	active "$name"
	pid=$(server_of "$name")
	grep -q "vdusectl@$name.service" "/proc/$pid/cgroup"
	kill -9 "$pid"
	wait_until 30 served_anew "$name" "$pid" bound
	active "$name"
	pid=$(server_of "$name")
	systemctl kill -s KILL "vdusectl@$name"
	wait_until 30 served_anew "$name" "$pid" bound
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

@test "systemd: why a unit does not start is what the command says" {
	local name
	name=$(dev_name)
	boot

	truncate -s 1M "$BATS_TEST_TMPDIR/file"
	make_blk "$name" --backend "file:$BATS_TEST_TMPDIR/file"
	run_ok vdusectl stop "$name"
	truncate -s 512K "$BATS_TEST_TMPDIR/file"
	run_fail 1 vdusectl start "$name"
	[[ $stderr == *"has shrunk"* ]]
	inactive "$name"
	state_is "$name" created
}

@test "systemd: boot restores; power-off unmounts, then takes the devices away" {
	local name mnt=$BATS_TEST_TMPDIR/mnt
	name=$(dev_name)

	make_node "$name-1" --size 16M --persist
	mkfs.ext4 -q "$node"
	make_node "$name-2" --size 1M --persist
	run_ok vdusectl restore --reverse
	boot
	[ "$(systemctl show -P Result vdusectl-restore)" = success ]
	active "$name-1"
	active "$name-2"
	driver_is "$name-2" virtio_vdpa

	mkdir "$mnt"
	inside mount "$(column "$name-1" node)" "$mnt"
	inside dd if=/dev/zero of="$mnt/file" bs=64k count=16 status=none
	systemctl poweroff
	wait_until 60 ended "$systemd"
	[ -z "$(vdusectl list -n)" ]
	[ -e "$devices/$name-1.json" ] && [ -e "/var/lib/vdusectl/$name-2.img" ]
	# What was written before the end is there.
	e2fsck -fn "/var/lib/vdusectl/$name-1.img"
	[ "$(debugfs -R 'stat file' "/var/lib/vdusectl/$name-1.img" \
		2>/dev/null | grep -c 'Size: 1048576')" = 1 ]
	rm -rf /run/systemd
	run_ok vdusectl destroy "$name-1" "$name-2"
}
