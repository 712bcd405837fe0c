#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest may write what it likes into its rings: its own requests fail, the
# server and the host do not notice.

load 10-blk

# The kind of offence that is counted as malformed: the shape of a request, not
# what it asks for.
malformed=" loop next-oob addr-oob addr-wrap addr-end short-header no-status \
header-writable status-only indirect-loop indirect-cycle indirect-next \
indirect-odd indirect-oob indirect-zero unaligned discard-odd len-overflow "

@test "hostile: every malformed request is answered and harms nobody" {
	local name pid case before now bad=''

	name=$(dev_name)
	make_vnode "$name" --size 1M --queues 2
	random_file "$BATS_TEST_TMPDIR/data" $((1 << 20))
	run_ok vhost-blk "$vnode" write 0 --in "$BATS_TEST_TMPDIR/data"
	pid=$(column "$name" pid)
	before=$(counted "$name" malformed)
	run_ok vhost-blk - bad list
	[ "$(wc -l <<< "$output")" -ge 30 ]
	while read -r case _; do
		capture vhost-blk "$vnode" bad "$case"
		[ "$status" -eq 0 ] || bad+=" $case"
		[ -e "/proc/$pid" ] || fail "$case kills the server"
		[[ $malformed == *" $case "* ]] || continue
		now=$(counted "$name" malformed)
		((now > before)) || bad+=" $case(not counted)"
		before=$now
	done <<< "$output"
	[ -z "$bad" ] || fail "not as it must be:$bad"
	[ "$(column "$name" pid)" = "$pid" ]
	# Nothing of it reached the disk, and it serves.
	run_ok cmp "/var/lib/vdusectl/$name.img" "$BATS_TEST_TMPDIR/data"
	run_ok vhost-blk "$vnode" verify --queues 2 --ops 100
	run_ok vdusectl bind virtio --rebind "$name"
	run_ok dd if="$output" of=/dev/null bs=64k count=1 iflag=direct
}

@test "hostile: a broken ring stands still until a reset, and is shown" {
	local name

	name=$(dev_name)
	make_vnode "$name" --size 1M --backend memory
	run_ok vhost-blk "$vnode" bad avail-jump
	[[ $output == *"serves after a reset"* ]]
	grep -q "the driver broke the ring" "/run/vdusectl/$name/log"
	run_ok vdusectl dump vq "$name" --json
	[ "$(jq '.queues[0].broken' <<< "$output")" = false ]
	run_ok vhost-blk "$vnode" read 0 4096 --out /dev/null
}
