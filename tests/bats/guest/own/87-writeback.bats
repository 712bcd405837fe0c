#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The cache mode that a driver chooses, under other servers and other drivers.
# Only for our module: the stock one cannot offer it (../87-writeback.bats).

# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own
# shellcheck disable=SC2034 # node, disk: for 87-writeback
# shellcheck disable=SC2154 # status, output, stderr, node, loop: set by others

load ../10-blk
load ../87-writeback

@test "writeback control: another server, and the next driver" {
	local name pid

	name=$(dev_name)
	medium $((4 << 20))
	make_node "$name" --backend "file:$loop" --writeback-control --queues 2
	set_cache_type "write through"
	killed "$name"
	write_block
	is_safe
	cache_is "$name" writethrough writeback
	run_ok vdusectl restart "$name"
	write_block
	is_safe
	# What the driver of before has chosen is not for the next one.
	run_ok vdusectl unbind "$name"
	run_ok vdusectl bind virtio "$name"
	node=$output disk=${output#/dev/}
	[ "$(cache_type)" = "write back" ]
	write_block
	is_not_safe
	# While the server cannot answer, the driver waits; then it is so.
	pid=$(column "$name" pid)
	kill -STOP "$pid"
	set_cache_type "write through" 3>&- &
	wait_until 10 grep -q . "/sys/class/vduse/$name/ext/messages"
	kill -CONT "$pid"
	wait "$!"
	is_safe
	run_ok vdusectl destroy "$name"
}

@test "set cache: a driver that need not flush is not deceived" {
	local name

	name=$(dev_name)
	medium $((4 << 20))
	make_node "$name" --backend "file:$loop" --writeback-control \
		--cache writethrough
	[ "$(cache_type)" = "write through" ]
	write_block
	is_safe
	run_ok vdusectl set "$name" cache=writeback
	[[ $stderr == *"stays writethrough for now"* ]]
	cache_is "$name" writethrough writeback
	write_block
	is_safe
	# It asks for it itself, and flushes from then on.
	set_cache_type "write back"
	cache_is "$name" writeback writeback
	write_block
	is_not_safe
	# Or it is bound again.
	set_cache_type "write through"
	run_ok vdusectl bind virtio --rebind "$name"
	run_ok vdusectl unbind "$name"
	run_ok vdusectl bind virtio "$name"
	node=$output disk=${output#/dev/}
	[ "$(cache_type)" = "write back" ]
	cache_is "$name" writeback writeback
	run_ok vdusectl destroy "$name"
}
