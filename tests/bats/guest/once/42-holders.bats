#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Whoever uses a device keeps it: destroy and unbind name the user and change
# nothing; when the use has ended, they work.

# shellcheck disable=SC2016 # variables of jq
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own

load ../40-bus

# kept PATTERN: destroy and unbind of $name are refused with that text, and the
# device is as it was.
kept() {
	local before after command

	before=$(vdusectl list --raw --noheadings -o name,state,driver,node,pid)
	for command in "destroy $name" "unbind $name" \
			"bind --rebind $other $name"; do
		# shellcheck disable=SC2086 # words
		run_fail 5 vdusectl $command
		# shellcheck disable=SC2053 # a pattern
		[[ $stderr == *"'$name' is in use: "*$1* ]] ||
			fail "expected: $1"
		[[ $stderr == *"hint: end that use"* ]]
	done
	run_ok vdusectl show --json "$name"
	holds '.devices[0].holders > 0'
	after=$(vdusectl list --raw --noheadings -o name,state,driver,node,pid)
	[ "$before" = "$after" ] || fail "before: $before, after: $after"
	[ -z "${node-}" ] || same_disk "$data" "$node" 65536
}

# new_disk: $name, bound here as $node, beginning with the bytes of $data.
new_disk() {
	name=$(dev_name) data=$BATS_TEST_TMPDIR/data other=vhost
	make_node "$name" --size 16M --backend memory
	random_file "$data" 65536
	write_node "$data" "$node"
}

gone() {
	run_ok vdusectl destroy "$name"
	[ ! -e "/sys/block/$disk" ]
}

@test "holders: a mounted file system" {
	local mnt="$BATS_TEST_TMPDIR/mount point"

	new_disk
	mkfs.ext4 -q -F -O ^has_journal "$node" 8M
	head -c 65536 "$node" > "$data"
	mkdir "$mnt"
	mount -o ro "$node" "$mnt"
	defer umount "$mnt"
	kept "mounted on $mnt"
	umount "$mnt"
	gone
}

@test "holders: a partition that is mounted in another mount namespace" {
	local mnt=$BATS_TEST_TMPDIR/mnt

	new_disk
	# A partition table of one entry: sector 2048, 16384 sectors.
	{
		printf '\0\0\0\0\203\0\0\0\0\010\0\0\0\100\0\0'
		head -c 48 /dev/zero
		printf '\125\252'
	} | dd of="$node" bs=1 seek=446 status=none
	blockdev --rereadpt "$node"
	head -c 65536 "$node" > "$data"
	wait_until 10 test -b "${node}1"
	mkfs.ext4 -q -F -O ^has_journal "${node}1"
	mkdir "$mnt"
	in_background unshare -m --propagation private sh -c \
		"mount -o ro ${node}1 $mnt && touch $mnt.ready && exec sleep 300"
	wait_until 20 test -e "$mnt.ready"
	[ ! -e "$mnt/lost+found" ]
	kept "mounted on $mnt in the mount namespace of pid $job"
	kill "$job"
	wait "$job" || true
	gone
}

@test "holders: swap" {
	new_disk
	mkswap -q "$node" 2>/dev/null || mkswap "$node"
	head -c 65536 "$node" > "$data"
	swapon "$node"
	defer swapoff "$node"
	kept "swap on $node"
	swapoff "$node"
	gone
}

@test "holders: a device-mapper target" {
	requires dmsetup
	new_disk
	export DM_DISABLE_UDEV=1
	run_ok dmsetup create "$name-dm" --table "0 2048 linear $node 0"
	defer dmsetup remove --retry "$name-dm"
	kept "($name-dm)"
	cmp -n 65536 "$data" "/dev/mapper/$name-dm"
	run_ok dmsetup remove "$name-dm"
	gone
}

@test "holders: a member of an md array" {
	requires mdadm
	new_disk
	run_ok mdadm --build /dev/md77 --level=1 --raid-devices=2 \
		--assume-clean "$node" missing
	defer mdadm -q --stop /dev/md77
	kept "used by md77"
	run_ok mdadm -q --stop /dev/md77
	gone
}

@test "holders: a loop device" {
	new_disk
	modprobe loop
	run_ok losetup --find --show "$node"
	loop=$output
	defer losetup -d "$loop"
	kept "$(basename "$loop")"
	losetup -d "$loop"
	wait_until 10 not_attached_loop "$loop"
	gone
}

not_attached_loop() { [ ! -e "/sys/block/${1#/dev/}/loop" ]; }

@test "holders: the disk of another device" {
	local above

	new_disk
	above=$name-above
	make_blk "$above" --backend "file:$node"
	kept "(vdusectl)"
	run_ok vdusectl destroy "$above"
	gone
}

@test "holders: a process that has the disk open" {
	new_disk
	in_background sh -c "exec 9< $node; exec sleep 300"
	wait_until 10 test -e "/proc/$job/fd/9"
	kept "open in pid $job ("
	kill "$job"
	wait "$job" || true
	gone
}

@test "holders: a VM" {
	name=$(dev_name) other=virtio
	make_vnode "$name" --size 1M --backend memory
	node=
	in_background sh -c "exec 9<> $vnode; exec sleep 300"
	wait_until 10 test -e "/proc/$job/fd/9"
	kept "open in pid $job (sleep)"
	[ -c "$vnode" ]
	kill "$job"
	wait "$job" || true
	run_ok vdusectl destroy "$name"
	[ ! -e "$vnode" ]
}

@test "holders: several are all named; several devices, each its own reason" {
	new_disk
	in_background sh -c "exec 8< $node; exec sleep 300"
	wait_until 10 test -e "/proc/$job/fd/8"
	swapoff "$node" 2>/dev/null || true
	mkswap "$node"
	swapon "$node"
	defer swapoff "$node"
	run_fail 5 vdusectl destroy "$name"
	[[ $stderr == *"swap on $node"*", open in pid $job ("* ]]
	make_blk "$name-free" --size 1M --backend null
	run_fail 5 vdusectl destroy "$name-free" "$name"
	state_is "$name" bound
	[ ! -e "/dev/vduse/$name-free" ]
	run_fail 9 vdusectl destroy "$name-none" "$name"
	run_ok vdusectl --json show "$name"
	holds --arg pid "$job" '.devices[0] | .holders == 2 and
		(.held_by | contains("pid " + $pid))'
}
