#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# When a write is safe. What is on the medium is told by the file of a loop
# device: what the server has not synced is in the cache of that device, which
# nothing else writes back here.

# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own
# shellcheck disable=SC2154 # status, output, stderr, node, loop: set by others

load 10-blk

# ours NAME: the module that made it has extensions.
ours() { [ -d "/sys/class/vduse/$1/ext" ]; }

# medium BYTES: $loop, on the file $store.
medium() {
	store=$BATS_TEST_TMPDIR/store
	make_loop "$store" "$1"
	defer sysctl -q "vm.dirty_writeback_centisecs=$(sysctl -n \
		vm.dirty_writeback_centisecs)"
	sysctl -q vm.dirty_writeback_centisecs=0
	# The kernel writes back at once for a disk that it has no measure of.
	dd if=/dev/zero of="$loop" bs=1M count=$(($1 >> 20)) conv=fsync \
		status=none
	block=0
}

# write_block [OPTION...]: 64 KiB to the next place of $node, in $data.
write_block() {
	data=$BATS_TEST_TMPDIR/data
	random_file "$data" 65536
	write_node "$data" "$node" seek=$((++block)) "$@"
}

# is_safe: what was written last is on the medium.
is_safe() { cmp -s -n 65536 -i "$((block * 65536)):0" "$store" "$data"; }
is_not_safe() { ! is_safe; }

# loop_flushes: of the backend, by the kernel's count.
loop_flushes() {
	local -a stat

	read -ra stat < "/sys/block/${loop#/dev/}/stat"
	printf '%s\n' "${stat[15]}"
}

cache_type() { printf '%s\n' "$(< "/sys/block/$disk/cache_type")"; }
set_cache_type() { printf '%s\n' "$1" > "/sys/block/$disk/cache_type"; }

# cache_is NAME NOW WANTED
cache_is() {
	[ "$(shown "$1" cache)" = "$2" ] && [ "$(shown "$1" cache_wanted)" = "$3" ]
}

# killed NAME: its server has gone and another one has come.
killed() {
	local pid

	pid=$(column "$1" pid)
	kill -9 "$pid"
	wait_until 10 is_back "$1" "$pid"
}

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

@test "writeback control: another server, and the next driver" {
	local name pid

	name=$(dev_name)
	medium $((4 << 20))
	make_node "$name" --backend "file:$loop"
	ours "$name" || skip "the stock module cannot offer it"
	run_ok vdusectl destroy "$name"
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

@test "set cache: a driver that need not flush is not deceived" {
	local name

	name=$(dev_name)
	medium $((4 << 20))
	make_node "$name" --backend "file:$loop"
	ours "$name" || skip "the stock module cannot offer it"
	run_ok vdusectl destroy "$name"
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
