#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2030,SC2031 # jq's variables; a test is a subshell
# Devices that come back after a reboot, as they were.

load ../40-bus

devices=/etc/vdusectl/devices

setup() {
	guest_setup
	rm -rf /etc/vdusectl
	defer rm -rf /etc/vdusectl
}

# What a device is, all that does not name a process, a node or an order.
described() {
	vdusectl list --json |
		jq -S '[.devices[] | del(.pid, .node)] | sort_by(.name)'
}

recorded() { jq -r "$2" "$devices/$1.json"; }

# after_reboot: only the disks of the host are as before.
after_reboot() {
	local name

	cp -a /etc/vdusectl "$BATS_TEST_TMPDIR/etc"
	for name in $(vdusectl list --raw -n -o NAME); do
		run_ok vdusectl destroy --keep-image "$name"
	done
	rm -rf /run/vdusectl
	unload virtio_vdpa vhost_vdpa vduse
	[ ! -e /dev/vduse ] || fail "the module is still there"
	rm -rf /etc/vdusectl
	cp -a "$BATS_TEST_TMPDIR/etc" /etc/vdusectl
}

@test "persist: after a reboot the devices, their data and bindings are as before" {
	local name before data=$BATS_TEST_TMPDIR/data
	name=$(dev_name)

	truncate -s 8M "$BATS_TEST_TMPDIR/file"
	ln -s file "$BATS_TEST_TMPDIR/link"
	random_file "$data" 65536
	make_node "$name-a.b" --size 16M --queues 2 --queue-size 64 \
		--block-size 4096 --serial 'A serial/1' --persist
	write_node "$data" "$node"
	make_vnode "$name-b" --backend "file:$BATS_TEST_TMPDIR/link" \
		--read-only --discard off --persist
	make_blk "$name-c" --size 1M --backend memory --persist
	[[ $stderr == *"warning: only the device comes back"* ]]
	make_blk "$name-d" --size 1M --backend null
	[ "$(stat -c %a "$devices/$name-a.b.json")" = 600 ]
	before=$(described | jq --arg name "$name-d" 'map(select(.name != $name))')

	after_reboot
	run_ok vdusectl restore
	[ "$output" = "$name-a.b"$'\n'"$name-b"$'\n'"$name-c" ]
	diff <(echo "$before") <(described)
	driver_is "$name-a.b" virtio_vdpa
	driver_is "$name-b" vhost_vdpa
	not_attached "$name-c"
	node=$(column "$name-a.b" node)
	same_disk "$data" "$node" 65536
	[ "$(< "/sys/block/${node#/dev/}/serial")" = 'A serial/1' ]
	[ "$(column "$name-b" backend)" = "file:$BATS_TEST_TMPDIR/link" ]

	# The image is still the device's own.
	run_ok vdusectl destroy "$name-a.b"
	[ ! -e "/var/lib/vdusectl/$name-a.b.img" ]
	[ ! -e "$devices/$name-a.b.json" ]
}

@test "persist: bind and unbind are recorded, stop and start are not, destroy ends it" {
	local name before
	name=$(dev_name)

	make_blk "$name" --size 1M --persist
	[ "$(recorded "$name" .bind)" = "" ]
	[ "$(column "$name" persist)" = yes ]
	run_ok vdusectl bind virtio "$name"
	[ "$(recorded "$name" .bind)" = virtio ]
	run_ok vdusectl bind vhost --rebind "$name"
	[ "$(recorded "$name" .bind)" = vhost ]
	before=$(stat -c %i "$devices/$name.json")
	run_ok vdusectl stop "$name"
	run_ok vdusectl start "$name"
	run_ok vdusectl bind vhost "$name"
	[ "$(stat -c %i "$devices/$name.json")" = "$before" ]
	run_ok vdusectl unbind "$name"
	[ "$(recorded "$name" .bind)" = "" ]
	run_ok vdusectl destroy "$name"
	[ -z "$(ls "$devices")" ]
}

@test "persist: a binding that fails or has to be undone is not recorded" {
	local name
	name=$(dev_name)

	make_blk "$name" --size 1M --persist
	run_ok vdusectl stop "$name"
	run_fail 5 vdusectl bind virtio "$name"
	[ "$(recorded "$name" .bind)" = "" ]
	run_ok vdusectl start "$name"
}

@test "restore: what is there stays, what is missing is added, what differs is refused" {
	local name pid
	name=$(dev_name)

	make_node "$name" --size 1M --persist
	pid=$(server_of "$name")
	run_ok vdusectl restore "$name" --json
	holds '.devices[0].node == $node' --arg node "$node"
	[ "$(server_of "$name")" = "$pid" ]
	# Its server is gone.
	unsupervised "$name"
	kill -9 "$pid"
	wait_until 10 state_is "$name" stalled
	run_ok vdusectl restore
	state_is "$name" bound
	# It was bound when the record was made.
	cp "$devices/$name.json" "$BATS_TEST_TMPDIR/bound.json"
	run_ok vdusectl unbind "$name"
	cp "$BATS_TEST_TMPDIR/bound.json" "$devices/$name.json"
	run_ok vdusectl restore
	driver_is "$name" virtio_vdpa
	sed -i 's/"virtio"/"vhost"/' "$devices/$name.json"
	run_fail 4 vdusectl restore
	[[ $stderr == *"differs: bound to virtio instead of vhost"* ]]
	driver_is "$name" virtio_vdpa
	sed -i 's/"queues":1/"queues":2/' "$devices/$name.json"
	run_fail 4 vdusectl restore
	[[ $stderr == *"differs: queues 1 instead of 2"* ]]
}

@test "restore: a bad record and a missing backend do not keep the others" {
	local name
	name=$(dev_name)

	truncate -s 1M "$BATS_TEST_TMPDIR/file"
	make_blk "$name-1" --size 1M --persist
	make_blk "$name-2" --backend "file:$BATS_TEST_TMPDIR/file" --persist
	make_blk "$name-3" --size 1M --persist --bind virtio
	make_blk "$name-4" --size 1M --persist
	after_reboot
	echo '{' > "$devices/$name-1.json"
	mv "$BATS_TEST_TMPDIR/file" "$BATS_TEST_TMPDIR/gone"
	chmod 666 "$devices/$name-4.json"
	run_fail 1 vdusectl restore
	[[ $stderr == *"restore $name-1: "*"is damaged"* ]]
	[[ $stderr == *"restore $name-2: "*"file: No such file"* ]]
	[[ $stderr == *"restore $name-4: "*"others may write to it"* ]]
	[ "$output" = "$name-3" ]
	driver_is "$name-3" virtio_vdpa
	[ "$(column "$name-1" name)$(column "$name-2" name)" = "" ]
	# Mended, it comes.
	mv "$BATS_TEST_TMPDIR/gone" "$BATS_TEST_TMPDIR/file"
	chmod 600 "$devices/$name-4.json"
	run_fail 1 vdusectl restore
	state_is "$name-2" serving
	state_is "$name-4" serving
	# It is known no more: its image is left for whoever wants it.
	run_ok vdusectl destroy "$name-1"
	rm "/var/lib/vdusectl/$name-1.img"
}

@test "restore: what cannot be bound again is not half there" {
	local name
	name=$(dev_name)

	make_node "$name" --size 1M --persist
	after_reboot
	defer rm -f /etc/modprobe.d/no-virtio-vdpa.conf
	echo 'install virtio_vdpa /bin/false' > /etc/modprobe.d/no-virtio-vdpa.conf
	run_fail 7 vdusectl restore
	[ ! -e "/dev/vduse/$name" ] && [ ! -e "/run/vdusectl/$name" ]
	[ -e "/var/lib/vdusectl/$name.img" ] && [ -e "$devices/$name.json" ]
	rm /etc/modprobe.d/no-virtio-vdpa.conf
	run_ok vdusectl restore
	driver_is "$name" virtio_vdpa
}

@test "restore --reverse: all of ours go, a used one stays, records and images stay" {
	local name mnt=$BATS_TEST_TMPDIR/mnt
	name=$(dev_name)

	make_node "$name-1" --size 1M --persist
	make_blk "$name-2" --size 1M
	make_node "$name-3" --size 16M --persist
	mkfs.ext4 -q "$node"
	mkdir "$mnt"
	mount "$node" "$mnt"
	defer umount "$mnt"
	unsupervised "$name-1"
	kill -9 "$(server_of "$name-1")"
	wait_until 10 state_is "$name-1" stalled
	run_fail 5 vdusectl restore --reverse
	[[ $stderr == *"restore $name-3: "*"mounted on $mnt"* ]]
	[ "$(vdusectl list --raw -n -o NAME)" = "$name-3" ]
	[ -e "/var/lib/vdusectl/$name-2.img" ]
	umount "$mnt"
	run_ok vdusectl restore --reverse
	[ -z "$(vdusectl list -n)" ]
	run_ok vdusectl restore
	driver_is "$name-1" virtio_vdpa
	driver_is "$name-3" virtio_vdpa
	run_ok vdusectl destroy "$name-1" "$name-3"
	rm "/var/lib/vdusectl/$name-2.img"
}

@test "persist: links in the way are replaced or left alone, never followed" {
	local name victim=$BATS_TEST_TMPDIR/victim
	name=$(dev_name)

	echo mine > "$victim"
	mkdir -p "$devices"
	ln -s "$victim" "$devices/$name.json.new"
	make_blk "$name" --size 1M --persist
	[ "$(< "$victim")" = mine ] && [ ! -L "$devices/$name.json" ]
	ln -sf "$victim" "$devices/$name.json"
	run_ok vdusectl bind virtio "$name"
	[[ $stderr == *"the record of $name stays as it was: "*"symbolic link"* ]]
	[ "$(< "$victim")" = mine ] && [ -L "$devices/$name.json" ]
	run_ok vdusectl set "$name" persist=yes
	[ "$(< "$victim")" = mine ] && [ ! -L "$devices/$name.json" ]
	[ "$(recorded "$name" .bind)" = virtio ]
	ln -sf "$victim" "$devices/$name.json"
	run_ok vdusectl destroy "$name"
	[ "$(< "$victim")" = mine ] && [ ! -e "$devices/$name.json" ]
}

@test "create --persist: without a record there is no device" {
	local name
	name=$(dev_name)

	mkdir -p "$devices"
	chmod 777 "$devices"
	run_fail 1 vdusectl create blk --size 1M --bind virtio --persist "$name"
	[[ $stderr == *"devices is not to be trusted"* ]]
	[ ! -e "/dev/vduse/$name" ] && [ ! -e "/var/lib/vdusectl/$name.img" ]
}

# A systemctl that notes what it is asked and does as systemd would.
fake_systemd() {
	local bin=$BATS_TEST_TMPDIR/bin

	mkdir -p "$bin" /run/systemd/system
	defer rm -rf /run/systemd
	touch /run/systemd/system/vdusectl@.service
	export CALLS=$BATS_TEST_TMPDIR/calls
	cat > "$bin/systemctl" <<-'END'
		#!/bin/bash
		echo "$*" >> "$CALLS"
		unit=${@: -1} name=${unit#vdusectl@} name=${name%.service}
		case " $* " in
		*" restart "*)
			[ ! -e "$CALLS.fail" ] || exit 1
			touch "$CALLS.active"
			setsid vdusectl serve "$name" < /dev/null > "$CALLS.log" 2>&1 &
			until vdusectl list --raw -n -o NAME,STATE |
				grep -qE "^$name (serving|bound)"; do sleep 0.1; done ;;
		*" stop "*)
			rm "$CALLS.active" || exit 0
			pid=$(vdusectl list --raw -n -o NAME,PID |
				sed -n "s/^$name //p")
			[ "${pid:--}" = - ] || kill "$pid"
			while [ -d "/proc/$pid/fd" ]; do sleep 0.1; done ;;
		*" show "*) printf 'StatusText=no such luck\nStatusErrno=16\n' ;;
		esac
	END
	chmod +x "$bin/systemctl"
	PATH=$bin:$PATH
}

@test "with systemd: servers are units, started and stopped by systemctl" {
	local name
	name=$(dev_name .x)
	fake_systemd

	make_blk "$name" --size 1M
	grep -qx -- "--quiet restart -- vdusectl@$name.service" "$CALLS"
	run_ok vdusectl stop "$name"
	grep -qx -- "--quiet stop -- vdusectl@$name.service" "$CALLS"
	state_is "$name" created
	run_ok vdusectl start "$name"
	[ "$(grep -c restart "$CALLS")" = 2 ]
	# What the unit said is what the command says.
	run_ok vdusectl stop "$name"
	touch "$CALLS.fail"
	run_fail 5 vdusectl start "$name"
	[[ $stderr == *"start $name: no such luck"* ]]
	[[ $(tail -n 1 "$CALLS") == *"stop -- vdusectl@$name.service" ]]
	rm "$CALLS.fail"
	# A server from before systemd was in charge ends as well.
	mv /run/systemd /run/systemd.away
	run_ok vdusectl start "$name"
	mv /run/systemd.away /run/systemd
	run_ok vdusectl destroy "$name"
}
