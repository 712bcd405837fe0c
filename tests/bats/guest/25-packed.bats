#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A disk with packed virtqueues.

load 40-bus

# verify NODE: write all over 16 MiB from four sides, read it back, compare.
verify() {
	fio --name=verify --filename="$1" --rw=randwrite --bs=4k --size=4M \
		--numjobs=4 --offset_increment=4M --direct=1 --iodepth=32 \
		--ioengine=libaio --verify=crc32c --verify_fatal=1 \
		--minimal > "$BATS_TEST_TMPDIR/fio" 2>&1
}

@test "packed: offered when asked for, taken, verified, shown by dump" {
	local name

	requires fio
	name=$(dev_name)
	make_node "$name" --size 16M --backend memory --queues 4 --packed
	[ "$(shown "$name" packed)" = true ]
	run_ok verify "$node"
	run_ok vdusectl dump vq --json "$name"
	# Each lap of a ring turns its wrap counter.
	# shellcheck disable=SC2016 # variables of jq
	holds '[.queues[] | select(.ready)] as $q | ($q | length) > 0 and
		all($q[]; .ring == "packed" and .broken == false and
		.avail_idx == null and .used_idx == .last_avail_idx and
		.used_wrap == .last_avail_wrap and
		.avail_event == .last_avail_idx and
		.avail_event_wrap == .last_avail_wrap and
		.avail_flags <= 2 and .used_flags == 2 and .in_flight == 0)'
	run_ok vdusectl dump config --json "$name"
	holds 'any(.features[]; .name == "VIRTIO_F_RING_PACKED" and
		.negotiated)'
	run_ok vdusectl destroy "$name"
	make_node "$name" --size 1M
	[ "$(shown "$name" packed)" = false ]
	run_ok vdusectl dump vq --json "$name"
	holds 'all(.queues[] | select(.ready); .ring == "split" and .used_wrap == null)'
}

@test "packed: killed under load, restarted, replaced, nothing is lost" {
	local name pid

	requires fio
	name=$(dev_name)
	make_node "$name" --size 16M --queues 4 --packed
	verify "$node" 3>&- &
	for _ in 1 2 3; do
		pid=$(column "$name" pid)
		kill -9 "$pid"
		wait_until 20 is_back "$name" "$pid"
		sleep 0.2
	done
	run_ok vdusectl restart "$name"
	run_ok vdusectl stop "$name"
	run_ok vdusectl start "$name"
	if ! wait $!; then
		fail "$(< "$BATS_TEST_TMPDIR/fio")"
	fi
	run_ok vdusectl stats "$name"
	run_ok vdusectl destroy "$name"
}

@test "packed: by force without its server, what waits gets an error" {
	local name pid

	expect_dmesg 'I/O error, dev vd|Buffer I/O error on dev(ice)? vd'
	expect_dmesg 'virtio[0-9]+: device refuses features|virtio_blk.*probe.*fail'
	name=$(dev_name)
	make_node "$name" --size 1M --packed
	unsupervised "$name"
	pid=$(column "$name" pid)
	kill -9 "$pid"
	wait_until 10 ended "$pid"
	in_background dd if="$node" of=/dev/null bs=64k iflag=direct status=none
	sleep 0.3
	run_ok vdusectl destroy --force "$name"
	wait_until 20 ended "$job"
	! wait "$job" || fail "the I/O has not failed"
}
