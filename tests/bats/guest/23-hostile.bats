#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest may write what it likes into its rings: its own requests fail, the
# server and the host do not notice.

load 10-blk

# The offences that count as malformed: the shape of a request, not what it asks
# for.
malformed=(loop next-oob addr-oob addr-wrap addr-end short-header no-status
	header-writable status-only indirect-loop indirect-cycle indirect-next
	indirect-odd indirect-oob indirect-zero unaligned discard-odd
	len-overflow)

@test "hostile: every malformed request is answered and harms nobody" {
	local name pid case cases

	name=$(dev_name)
	make_vnode "$name" --size 1M --queues 2 --queue-size 256
	random_file "$BATS_TEST_TMPDIR/data" $((1 << 20))
	run_ok vhost-blk "$vnode" write 0 --in "$BATS_TEST_TMPDIR/data"
	pid=$(column "$name" pid)
	[ "$(counted "$name" malformed)" -eq 0 ]
	run_ok vhost-blk - bad list
	cases=$(wc -l <<< "$output")
	[ "$cases" -ge 30 ]
	for case in "${malformed[@]}"; do
		grep -q "^$case " <<< "$output" || fail "no such case: $case"
	done
	# Each is followed by a good request; where memory was taken away that
	# one is in vain (until --timeout) and a reset must help.
	RUN_TIMEOUT=110 run_ok vhost-blk "$vnode" bad all --timeout 5
	[ "$(grep -c '^ok ' <<< "$output")" -eq "$cases" ]
	[ "$(counted "$name" malformed)" -ge "${#malformed[@]}" ]
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
