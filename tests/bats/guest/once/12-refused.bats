#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What create must refuse, with the reason, and leave everything as it was: the
# last is checked after each test.

load ../10-blk

# refused CODE TEXT OPTION...: create says TEXT and no device appears.
refused() {
	local code=$1 text=$2
	shift 2

	run_fail "$code" vdusectl create blk "$@" "$(dev_name refused)"
	[[ $stderr == *"$text"* ]] || fail "not in the message: $text"
	[ -z "$output" ]
	[ ! -e "/dev/vduse/$(dev_name refused)" ]
}

@test "refused: files that are none" {
	local dir=$BATS_TEST_TMPDIR

	refused 1 "No such file" --backend "file:$dir/missing"
	[[ $stderr == *"hint: create the file first"* ]]
	refused 2 "is a directory" --backend "file:$dir"
	mkfifo "$dir/fifo"
	refused 2 "neither a file nor a block device" --backend "file:$dir/fifo"
	refused 2 "neither a file nor a block device" --backend file:/dev/null
	ln -s loop "$dir/loop"
	refused 1 "symbolic links" --backend "file:$dir/loop"
	: > "$dir/empty"
	refused 2 "is empty" --backend "file:$dir/empty"
	truncate -s 1000 "$dir/odd"
	refused 2 1000 --backend "file:$dir/odd"
	[ "$(stat -c %s "$dir/odd" "$dir/empty")" = $'1000\n0' ]
}

@test "refused: a size that is not that of the file" {
	local image=$BATS_TEST_TMPDIR/image

	truncate -s 1M "$image"
	refused 2 "has 1048576 bytes, not 2097152" --backend "file:$image" \
		--size 2M
	refused 2 "has 1048576 bytes, not 524288" --backend "file:$image" \
		--size 512K
	[ "$(stat -c %s "$image")" -eq $((1 << 20)) ]
}

@test "refused: a file that another device, a loop device or a lock holds" {
	local name image=$BATS_TEST_TMPDIR/image

	name=$(dev_name)
	truncate -s 1M "$image"
	make_blk "$name" --backend "file:$image"
	refused 5 "is in use" --backend "file:$image"
	# By another name, and for reading only: still the same file.
	ln "$image" "$image.link"
	refused 5 "is in use" --backend "file:$image.link" --read-only
	run_ok vdusectl destroy "$name"

	make_loop "$image" $((1 << 20))
	refused 5 "in use by a loop device" --backend "file:$image"
	refused 5 "in use by a loop device" --backend "file:$image.link"
	losetup -d "$loop"
	make_blk "$name" --backend "file:$image"
	run_ok vdusectl destroy "$name"
}

@test "refused: a block device that is mounted" {
	ext4_on_loop $((8 << 20))
	refused 5 "$loop is in use" --backend "file:$loop"
	[ -d "$mnt/lost+found" ]
}

@test "refused: an image that the file system cannot hold" {
	ext4_on_loop $((8 << 20))
	# More than 16 TiB in one file is beyond ext4 with 4 KiB blocks.
	mount --bind "$mnt" /var/lib/vdusectl
	defer umount /var/lib/vdusectl
	refused 1 "File too large" --size 32T
	[ "$(ls -A "$mnt")" = lost+found ]
	# No room even for the name of one.
	mount -o remount,ro "$mnt"
	refused 1 "Read-only file system" --size 1M
	mount -o remount,rw "$mnt"
	rm -r "$mnt/lost+found"
}

@test "refused: a name that exists, a bad name, a bad number" {
	local name

	name=$(dev_name)
	make_blk "$name" --size 1M --backend null
	run_fail 4 vdusectl create blk --size 1M --backend null "$name"
	[[ $stderr == *exists* ]]
	[ "$(column "$name" state)" = serving ]
	run_fail 2 vdusectl create blk --size 1M --backend null control
	run_fail 2 vdusectl create blk --size 1M --backend null a/b
	refused 2 "power of two" --size 1M --queue-size 100
	refused 2 512 --size 1M --block-size 1000
	refused 2 "20 bytes" --size 1M --serial 123456789012345678901
	refused 2 "" --size 1000
	refused 2 "" --size 10M --backend tape
}

@test "refused: who is not root" {
	requires setpriv
	run_fail 6 setpriv --reuid 65534 --clear-groups \
		vdusectl create blk --size 1M --backend null "$(dev_name)"
	[[ $stderr == *"hint: this needs root"* ]]
	make_blk "$(dev_name)" --size 1M --backend null
	run_fail 6 setpriv --reuid 65534 --clear-groups \
		vdusectl destroy "$(dev_name)"
	[ "$(column "$(dev_name)" state)" = serving ]
}

@test "refused: a host without VDUSE" {
	local modules

	if [ -e /dev/vduse/control ]; then
		run_ok modprobe -r vduse
	fi
	modules=/lib/modules/$(uname -r)
	mkdir "$BATS_TEST_TMPDIR/none"
	mount --bind "$BATS_TEST_TMPDIR/none" "$modules"
	capture vdusectl create blk --size 1M --backend null "$(dev_name)"
	umount "$modules"
	[ "$status" -eq 7 ]
	[[ $stderr == *"hint: 'vdusectl doctor'"* ]]
	# And it comes by itself where it is installed.
	make_blk "$(dev_name)" --size 1M --backend null
	[ "$(column "$(dev_name)" state)" = serving ]
}
