# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests of block devices: make them, look at them, fill them.
# shellcheck disable=SC2154 # status, output, stderr: set by capture

load "${BASH_SOURCE[0]%/*}/helpers"

# The helper programs are built next to vdusectl.
PATH+=:$(dirname "$(type -P vdusectl)")/tests

# destroyed NAME: what one test leaves must not make others fail.
destroyed() {
	vdusectl destroy --if-exists -q "$1" && return 0
	vdusectl destroy --force --if-exists -q "$1"
	return 1
}

# make_blk NAME OPTION...: a device of ours that is gone when the test ends.
make_blk() {
	local name=$1
	shift

	defer destroyed "$name"
	run_ok vdusectl create blk "$@" "$name"
}

# make_node NAME OPTION...: the same, bound to this host: $node, $disk (vda).
make_node() {
	make_blk "$@" --bind virtio
	node=$output
	disk=${node#/dev/}
	[ -b "$node" ] || fail "no block device: '$node'"
}

# make_vnode NAME OPTION...: the same, for a VM: $vnode.
make_vnode() {
	make_blk "$@" --bind vhost
	vnode=$output
	[ -c "$vnode" ] || fail "no character device: '$vnode'"
}

# column NAME COLUMN: one value of `list`.
column() {
	local name value

	while read -r name value; do
		[ "$name" != "$1" ] || printf '%s\n' "$value"
	done < <(vdusectl list --raw --noheadings -b -o "name,$2")
}

ended() { [ ! -e "/proc/$1" ]; }

# shown NAME KEY: one value of `show`.
shown() {
	vdusectl show --json "$1" | jq -r --arg key "$2" '.devices[0][$key]'
}

# unsupervised NAME: from now on nobody brings its server back.
unsupervised() {
	local pid

	pid=$(shown "$1" supervisor)
	kill -9 "$pid"
	wait_until 10 ended "$pid"
}

# is_back NAME PID: another server than PID serves.
is_back() {
	local pid

	pid=$(column "$1" pid)
	[ "$pid" != - ] && [ "$pid" != "$2" ] && vdusectl stats "$1" > /dev/null
}

state_is() { [ "$(column "$1" state)" = "$2" ]; }

# counted NAME COUNTER: the sum over all queues of one counter of `stats`.
counted() {
	local value sum=0

	while read -r value; do
		((sum += value)) || true
	done < <(vdusectl stats "$1" --raw --noheadings -b -o "$2")
	printf '%s\n' "$sum"
}

# queue_limit FILE: from the queue directory of $disk.
queue_limit() {
	local value

	read -r value < "/sys/block/$disk/queue/$1"
	printf '%s\n' "$value"
}

# Disk space that a file takes, in KiB.
used_kib() {
	du -k "$1" | { read -r kib _; printf '%s\n' "$kib"; }
}

# random_file FILE BYTES: what no other test writes.
random_file() {
	head -c "$2" /dev/urandom > "$1"
}

# read_node NODE BYTES FILE: the start of a disk, not from this host's cache.
read_node() {
	dd if="$1" of="$3" bs=64k count=$(($2 / 65536)) iflag=direct status=none
}

# write_node FILE NODE OPTION...: past this host's cache.
write_node() {
	local file=$1 to=$2
	shift 2

	dd if="$file" of="$to" bs=64k oflag=direct status=none "$@"
}

# make_loop FILE BYTES: a loop device on a new file of zeroes: $loop.
make_loop() {
	[ -b /dev/loop0 ] || modprobe loop
	truncate -s "$2" "$1"
	loop=$(losetup --find --show "$1")
	defer losetup -d "$loop"
}

# ext4_on_loop BYTES: an ext4 file system that can lose what is not synced:
# $mnt, on the loop device $loop, on the file $store.
ext4_on_loop() {
	store=$BATS_TEST_TMPDIR/store
	mnt=$BATS_TEST_TMPDIR/mnt
	make_loop "$store" "$1"
	mkdir "$mnt"
	mkfs.ext4 -q -O ^metadata_csum "$loop"
	mount "$loop" "$mnt"
	defer umount "$mnt"
}
