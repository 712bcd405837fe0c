#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bind and unbind: the driver that was asked for, whatever else is on the bus.

# shellcheck disable=SC2016 # variables of jq
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own

load 40-bus

@test "bind: the driver asked for gets the device, whichever was loaded first" {
	local name first second driver

	name=$(dev_name)
	make_blk "$name" --size 1M --backend memory
	while read -r first second; do
		unload virtio_vdpa vhost_vdpa
		modprobe "$first"
		modprobe "$second"
		for driver in virtio vhost; do
			run_ok vdusectl bind "$driver" "$name"
			driver_is "$name" "${driver}_vdpa"
			case $driver in
			virtio) [[ $output == /dev/vd? && -b $output ]] ;;
			vhost) [[ $output == /dev/vhost-vdpa-* && -c $output ]] ;;
			esac
			run_ok vdusectl unbind "$name"
			[ -z "$output" ]
			not_attached "$name"
			state_is "$name" serving
			autoprobe_is 1
		done
	done <<-'END'
		virtio_vdpa vhost_vdpa
		vhost_vdpa virtio_vdpa
	END
}

@test "bind: loads the drivers; a free device of others stays free" {
	local name foreign

	name=$(dev_name) foreign=$(dev_name foreign)
	unload virtio_vdpa vhost_vdpa
	make_foreign "$foreign"
	run_ok vdpa dev add name "$foreign" mgmtdev vduse
	attached "$foreign"
	make_blk "$name" --size 1M --backend memory
	run_ok vdusectl bind virtio "$name"
	[ -d /sys/module/virtio_vdpa ]
	driver_is "$name" virtio_vdpa
	driver_is "$foreign" ''
	run_ok vdusectl bind --rebind vhost "$name"
	[ -d /sys/module/vhost_vdpa ]
	driver_is "$name" vhost_vdpa
	driver_is "$foreign" ''
	override_is "$foreign" '(null)'
	autoprobe_is 1
	run_ok vdusectl destroy "$name"
	attached "$foreign"
}

@test "bind: a bound device of others and the bus settings stay as they are" {
	local name foreign disk seq

	name=$(dev_name) foreign=$(dev_name foreign)
	modprobe -a vduse virtio_vdpa
	make_foreign "$foreign"
	run_ok vdpa dev add name "$foreign" mgmtdev vduse
	driver_is "$foreign" virtio_vdpa
	wait_until 10 test -b "/dev/$(foreign_disk "$foreign")"
	disk=$(foreign_disk "$foreign")
	seq=$(< "/sys/block/$disk/diskseq")
	echo virtio_vdpa > "$bus/devices/$foreign/driver_override"
	defer sh -c "echo 1 > $autoprobe"
	echo 0 > "$autoprobe"

	make_vnode "$name" --size 1M --backend memory
	autoprobe_is 0
	run_ok vdusectl bind --rebind virtio "$name"
	[ "$output" != "/dev/$disk" ]
	autoprobe_is 0
	run_ok vdusectl unbind "$name"
	autoprobe_is 0
	run_ok vdusectl destroy "$name"
	autoprobe_is 0
	override_is "$foreign" virtio_vdpa
	driver_is "$foreign" virtio_vdpa
	[ "$(< "/sys/block/$disk/diskseq")" = "$seq" ]
	dd if="/dev/$disk" of=/dev/null bs=64k count=1 iflag=direct status=none
}

@test "bind: again is success and the same node; to the other driver is not" {
	local name seq

	name=$(dev_name)
	make_node "$name" --size 1M --backend memory
	seq=$(< "/sys/block/$disk/diskseq")
	run_ok vdusectl bind virtio "$name"
	[ "$output" = "$node" ]
	run_fail 5 vdusectl bind vhost "$name"
	[ -z "$output" ]
	[[ $stderr == "vdusectl: bind $name: "*virtio_vdpa*"$node"* ]]
	[[ $stderr == *"hint: "*"--rebind"* ]]
	run_fail 5 vdusectl --json bind vhost "$name"
	jq -e --arg name "$name" '.code == "EBUSY" and .exit == 5 and
		.device == $name and (.hint | test("--rebind"))' <<< "$stderr"
	driver_is "$name" virtio_vdpa
	[ "$(< "/sys/block/$disk/diskseq")" = "$seq" ]
	run_ok vdusectl unbind "$name"
	run_ok vdusectl unbind "$name"
	run_ok vdusectl bind --json vhost "$name"
	holds --arg name "$name" '.schema == 1 and .devices[0].name == $name and
		(.devices[0].node | startswith("/dev/vhost-vdpa-"))'
}

@test "bind: --rebind keeps the data, from host to VM and back" {
	local name data=$BATS_TEST_TMPDIR/data back=$BATS_TEST_TMPDIR/back

	requires vhost-blk
	name=$(dev_name)
	make_node "$name" --size 2M
	random_file "$data" 131072
	write_node "$data" "$node"
	run_ok vdusectl bind --rebind vhost "$name"
	[ ! -e "/sys/block/$disk" ]
	vnode=$output
	run_ok vhost-blk "$vnode" read 0 131072 --out "$back"
	cmp "$data" "$back"
	random_file "$data" 131072
	run_ok vhost-blk "$vnode" write 0 --in "$data"
	run_ok vdusectl bind --rebind virtio "$name"
	[ ! -e "$vnode" ]
	same_disk "$data" "$output" 131072
	# What the cache still holds must reach the image, too.
	random_file "$data" 131072
	dd if="$data" of="$output" bs=64k status=none
	run_ok vdusectl unbind "$name"
	cmp -n 131072 "$data" "/var/lib/vdusectl/$name.img"
}

@test "bind: without NAME it takes the one free device, and says if none is" {
	local name

	name=$(dev_name)
	make_blk "$name-1" --size 1M --backend null
	run_ok vdusectl bind virtio
	driver_is "$name-1" virtio_vdpa
	run_fail 3 vdusectl bind vhost
	[[ $stderr == *"no device is unbound"* ]]
	make_blk "$name-2" --size 1M --backend null
	make_blk "$name-3" --size 1M --backend null
	run_fail 2 vdusectl bind vhost
	[[ $stderr == *"$name-2, $name-3"* ]]
	[[ $stderr != *"$name-1"* ]]
	not_attached "$name-2"
	run_ok vdusectl unbind
	not_attached "$name-1"
	run_fail 3 vdusectl unbind
	run_ok vdusectl bind vhost "$name-3" "$name-1" "$name-2"
	[ "$(grep -c '^/dev/vhost-vdpa-[0-9]*$' <<< "$output")" -eq 3 ]
	run_fail 2 vdusectl unbind
	run_fail 9 vdusectl bind virtio "$name-4" "$name-1"
}

@test "bind: --dry-run and --no-wait" {
	local name

	name=$(dev_name)
	make_blk "$name" --size 1M --backend null
	run_ok vdusectl bind -N vhost "$name"
	[[ $output == *"would attach $name"*"would bind $name to vhost"* ]]
	not_attached "$name"
	run_ok vdusectl bind --no-wait virtio "$name"
	driver_is "$name" virtio_vdpa
	run_ok vdusectl unbind -N "$name"
	[[ $output == *"would unbind $name from virtio"* ]]
	driver_is "$name" virtio_vdpa
}

@test "bind: two at once: one way, both succeed; two ways, one wins" {
	local name a b

	name=$(dev_name)
	make_blk "$name" --size 1M --backend memory
	race() {
		vdusectl bind "$1" "$name" > "$BATS_TEST_TMPDIR/a" 2>&1 3>&- &
		a=$!
		vdusectl bind "$2" "$name" > "$BATS_TEST_TMPDIR/b" 2>&1 3>&- &
		b=$!
		wait "$a" && a=0 || a=$?
		wait "$b" && b=0 || b=$?
		cat "$BATS_TEST_TMPDIR"/[ab]
	}
	race virtio virtio
	[ "$a $b" = "0 0" ]
	cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
	run_ok vdusectl unbind "$name"
	race virtio vhost
	case "$a $b" in
	"0 5") driver_is "$name" virtio_vdpa ;;
	"5 0") driver_is "$name" vhost_vdpa ;;
	*) fail "status $a and $b" ;;
	esac
	autoprobe_is 1
}

@test "bind: many at once, and destroyed at once" {
	local name i pids=()

	name=$(dev_name)
	for i in 1 2 3 4; do
		make_blk "$name-$i" --size 1M --backend memory
	done
	for i in 1 2 3 4; do
		vdusectl bind virtio "$name-$i" > "$BATS_TEST_TMPDIR/$i" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	for i in 1 2 3 4; do
		driver_is "$name-$i" virtio_vdpa
		[ -b "$(< "$BATS_TEST_TMPDIR/$i")" ]
	done
	autoprobe_is 1
	pids=()
	for i in 1 2 3 4; do
		vdusectl destroy "$name-$i" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	run_ok vdusectl list
	[ -z "$output" ]
}
