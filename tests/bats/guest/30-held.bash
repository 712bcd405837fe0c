# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A disk whose I/O can be held, and who waits for it.
# shellcheck disable=SC2154 # node, loop: set by others
# shellcheck disable=SC2034 # slow, reader: for others

# slow_disk: a block device $slow of 2 MiB whose two halves can be held, each
# by itself: I/O to a held half waits (hold 0|1, release 0|1).
slow_disk() {
	local half

	requires dmsetup
	modprobe dm-mod
	make_loop "$BATS_TEST_TMPDIR/slow" $((2 << 20))
	for half in 0 1; do
		dmsetup create "half$half" --noudevsync --noudevrules --table \
			"0 2048 linear $loop $((half * 2048))"
		defer dmsetup remove --noudevsync "half$half"
		make_dm_node "half$half"
		defer release "$half"
	done
	dmsetup create slow --noudevsync --noudevrules << END
0 2048 linear $(dmsetup info -c --noheadings -o major,minor half0) 0
2048 2048 linear $(dmsetup info -c --noheadings -o major,minor half1) 0
END
	defer dmsetup remove --noudevsync slow
	make_dm_node slow
	slow=$BATS_TEST_TMPDIR/dev-slow
}

# Without udev nobody makes the names.
make_dm_node() {
	local major_minor

	major_minor=$(dmsetup info -c --noheadings -o major,minor "$1")
	mknod "$BATS_TEST_TMPDIR/dev-$1" b "${major_minor%:*}" "${major_minor#*:}"
}

hold() { dmsetup suspend --nolockfs --noflush --noudevsync "half$1"; }
release() { dmsetup resume --noudevsync "half$1"; }

# read_later FILE SKIP: 64 KiB from $node, in the background: $reader.
read_later() {
	dd if="$node" of="$1" bs=64k skip="$2" count=1 iflag=direct \
		status=none 3>&- &
	reader=$!
}

# in_flight NAME N: that many requests are with the server.
in_flight() {
	[ "$(vdusectl dump vq "$1" --json |
		jq '[.queues[].in_flight] | add')" -eq "$2" ]
}

