#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# When a write is safe: what administrator and driver say. The stock module is
# shown what it cannot; what only ours can do is in own/87-writeback.bats.

# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own
# shellcheck disable=SC2154 # status, output, stderr, node, loop: set by others

load 10-blk
load 87-writeback

@test "writeback control: the driver chooses; the stock module cannot offer it" {
	local name writes syncs flushes

	name=$(dev_name)
	medium $((4 << 20))
	make_node "$name" --backend "file:$loop"
	[ "$(cache_type)" = "write back" ]
	# Without it the driver may look.
	run_fail 1 bash -c "echo 'write through' > /sys/block/$disk/cache_type"
	[ "$(cache_type)" = "write back" ]
	[ "$(shown "$name" writeback_control)" = false ]
	ours "$name" && ours=1 || ours=
	run_ok vdusectl destroy "$name"
	if [ -z "$ours" ]; then
		run_fail 7 vdusectl create blk --backend "file:$loop" \
			--writeback-control "$name"
		[[ $stderr == *"drops what a driver writes"* ]]
		[[ $stderr == *"module of this project"* ]]
		[ ! -e "/dev/vduse/$name" ] && [ ! -e "/run/vdusectl/$name" ]
		return
	fi

	make_node "$name" --backend "file:$loop" --writeback-control
	[ "$(cache_type)" = "write back" ]
	write_block
	is_not_safe
	set_cache_type "write through"
	[ "$(cache_type)" = "write through" ]
	# What was written before is safe as well,
	is_safe
	writes=$(counted "$name" writes) syncs=$(counted "$name" syncs)
	flushes=$(loop_flushes)
	for _ in 1 2 3 4; do
		write_block
		is_safe
	done
	# by one sync of the server for each write, asked for by no flush.
	[ "$(counted "$name" writes)" -eq $((writes + 4)) ]
	[ "$(counted "$name" syncs)" -eq $((syncs + 4)) ]
	[ "$(counted "$name" flushes)" -eq 0 ]
	[ "$(loop_flushes)" -eq $((flushes + 4)) ]
	cache_is "$name" writethrough writeback
	[ "$(shown "$name" writeback_control)" = true ]

	set_cache_type "write back"
	[ "$(cache_type)" = "write back" ]
	write_block
	is_not_safe
	write_block conv=fsync
	is_safe
	[ "$(counted "$name" flushes)" -gt 0 ]
	[ "$(< "/sys/class/vduse/$name/ext/config_writes")" -eq 2 ]
	[ "$(< "/sys/class/vduse/$name/ext/config_refused")" -eq 0 ]
	run_ok vdusectl destroy "$name"
}

@test "set cache: at once, and kept, under any driver" {
	local name syncs

	name=$(dev_name)
	medium $((4 << 20))
	make_node "$name" --backend "file:$loop" --queues 2
	cache_is "$name" writeback writeback
	write_block
	is_not_safe
	run_ok vdusectl set "$name" cache=writethrough
	[ -z "$stderr" ]
	is_safe
	syncs=$(counted "$name" syncs)
	write_block
	is_safe
	[ "$(counted "$name" syncs)" -gt "$syncs" ]
	# The driver goes on flushing, so that the way back costs nothing.
	[ "$(cache_type)" = "write back" ]
	killed "$name"
	write_block
	is_safe
	cache_is "$name" writethrough writethrough
	run_ok vdusectl restart "$name"
	write_block
	is_safe
	run_ok vdusectl set "$name" cache=writeback
	[ -z "$stderr" ]
	write_block
	is_not_safe
	cache_is "$name" writeback writeback
	# Of a server that is not there the next one knows.
	run_ok vdusectl stop "$name"
	run_ok vdusectl set "$name" cache=writethrough
	run_ok vdusectl start "$name"
	write_block
	is_safe
	run_fail 2 vdusectl set "$name" cache=none
	run_ok vdusectl destroy "$name"
	# From the beginning.
	make_node "$name" --backend "file:$loop" --cache writethrough
	cache_is "$name" writethrough writethrough
	write_block
	is_safe
	run_ok vdusectl destroy "$name"
}

@test "set cache: amid writes on all queues, nobody waits and nothing is lost" {
	local name writer modes=(writethrough writeback)

	requires fio
	name=$(dev_name)
	medium $((16 << 20))
	make_node "$name" --backend "file:$loop" --queues 2
	fio --name=w --filename="$node" --direct=1 --ioengine=libaio \
		--rw=randwrite --bs=4k --iodepth=8 --size=16M --io_size=8M \
		--verify=crc32c --verify_fatal=1 --output-format=terse \
		> "$BATS_TEST_TMPDIR/fio" 3>&- &
	writer=$!
	for i in 0 1 2 3 4 5; do
		run_ok vdusectl set "$name" "cache=${modes[i % 2]}"
	done
	wait "$writer"
	[ "$(counted "$name" errors)" -eq 0 ]
	run_ok vdusectl destroy "$name"
}
