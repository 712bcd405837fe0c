#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# restart: another server, of the program as it is now, under a disk in use; and
# the memory of a memory backend, which is there whatever server dies.

# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own
# shellcheck disable=SC2154 # status, output, stderr, vnode: set by others

load 10-blk
load 30-held

# own_program: from now on "$program" is a copy of vdusectl of the test's own.
own_program() {
	program=$BATS_TEST_TMPDIR/bin/vdusectl
	mkdir "${program%/*}"
	cp "$(type -P vdusectl)" "$program"
}

@test "restart: programs that use the disk see a pause, no error" {
	local name pid above writer pause dir=$BATS_TEST_TMPDIR

	name=$(dev_name)
	random_file "$dir/data" $((16 << 20))
	make_node "$name" --size 16M --queues 2
	pid=$(column "$name" pid)
	above=$(shown "$name" supervisor)
	dd if="$dir/data" of="$node" bs=4k oflag=direct status=none 3>&- &
	writer=$!
	for _ in 1 2 3; do
		run_ok vdusectl restart "$name" --json
		pause=$(jq '.devices[0].pause_us' <<< "$output")
		[ "$pause" -gt 0 ]
		[ "$(jq -r '.devices[0].name' <<< "$output")" = "$name" ]
		[ "$(column "$name" pid)" != "$pid" ]
		wait_until 5 ended "$pid"
		pid=$(column "$name" pid)
	done
	wait "$writer"
	run_ok cmp "$node" "$dir/data"
	# Nobody died, and the supervisor is the one that systemd would know.
	[ "$(shown "$name" restarts)" = 0 ]
	[ "$(shown "$name" supervisor)" = "$above" ]
	[ "$(grep -c 'taken over after a pause of' \
		"/run/vdusectl/$name/log")" -eq 3 ]
	# The last server is supervised like the first.
	kill -9 "$pid"
	wait_until 10 is_back "$name" "$pid"
	run_ok cmp "$node" "$dir/data"
	run_ok vdusectl destroy "$name"
	wait_until 5 ended "$above"
}

@test "restart: for a VM, too" {
	local name pid

	name=$(dev_name)
	make_vnode "$name" --size 4M --queues 2
	pid=$(column "$name" pid)
	run_ok vdusectl restart "$name"
	[ "$(column "$name" pid)" != "$pid" ]
	run_ok vhost-blk "$vnode" verify --queues 2 --depth 4 --ops 500
}

@test "restart: the new version of the program serves, and supervises" {
	local name pid

	own_program
	name=$(dev_name)
	defer vdusectl destroy --if-exists -q "$name"
	run_ok "$program" create blk --size 4M --bind virtio "$name"
	node=$output
	random_file "$BATS_TEST_TMPDIR/data" $((4 << 20))
	write_node "$BATS_TEST_TMPDIR/data" "$node"
	cp "$program" "$program.new"
	mv "$program.new" "$program"
	for pid in "$(column "$name" pid)" "$(shown "$name" supervisor)"; do
		[[ $(readlink "/proc/$pid/exe") == *"(deleted)" ]]
	done
	run_ok vdusectl restart "$name"
	for pid in "$(column "$name" pid)" "$(shown "$name" supervisor)"; do
		[ "$(readlink "/proc/$pid/exe")" = "$program" ]
	done
	run_ok cmp "$node" "$BATS_TEST_TMPDIR/data"
}

@test "restart: a new version that does not work leaves the server as it is" {
	local name pid above

	own_program
	name=$(dev_name)
	defer vdusectl destroy --if-exists -q "$name"
	run_ok "$program" create blk --size 4M --bind virtio "$name"
	node=$output
	pid=$(column "$name" pid)
	above=$(shown "$name" supervisor)
	printf '#!/bin/sh\nexit 3\n' > "$program.new"
	chmod +x "$program.new"
	mv "$program.new" "$program"
	run_fail 1 vdusectl restart "$name"
	[[ $stderr == *"its server ended at once: ended with status 3"* ]]
	[ "$(column "$name" pid)" = "$pid" ]
	[ "$(shown "$name" supervisor)" = "$above" ]
	run_ok dd if="$node" of=/dev/null bs=4k count=8 iflag=direct
	grep -q "the one before it goes on" "/run/vdusectl/$name/log"
	# A successor that dies at once by a signal, likewise.
	printf '#!/bin/sh\nkill -9 $$\n' > "$program"
	run_fail 1 vdusectl restart "$name"
	[ "$(column "$name" pid)" = "$pid" ]
	cp "$(type -P vdusectl)" "$program.new"
	mv "$program.new" "$program"
	run_ok vdusectl restart "$name"
	[ "$(column "$name" pid)" != "$pid" ]
}

@test "restart: a server that does not answer is replaced all the same" {
	local name pid dir=$BATS_TEST_TMPDIR

	name=$(dev_name)
	random_file "$dir/data" $((4 << 20))
	make_node "$name" --size 4M
	# It counts from the next server on: a third of it is the limit.
	echo 9 > "/sys/class/vduse/$name/msg_timeout"
	run_ok vdusectl restart "$name"
	pid=$(column "$name" pid)
	kill -STOP "$pid"
	run_fail 1 vdusectl restart "$name"
	[[ $stderr == *"hung up"* ]]
	wait_until 20 is_back "$name" "$pid"
	run_ok dd if="$dir/data" of="$node" bs=64k oflag=direct status=none
	run_ok cmp "$node" "$dir/data"
}

# Each processor has a queue.
@test "restart: given up, it holds nothing that the backend does not hold" {
	local name pid

	requires taskset
	name=$(dev_name)
	slow_disk
	make_node "$name" --backend "file:$slow" --queues 2
	pid=$(column "$name" pid)
	hold 0
	taskset -c 0 dd if="$node" of="$BATS_TEST_TMPDIR/read" bs=64k count=1 \
		iflag=direct status=none 3>&- &
	reader=$!
	wait_until 10 in_flight "$name" 1
	run_fail 8 vdusectl restart --timeout 2s "$name"
	kill -9 "$(pgrep -f "serve --take-over.* $name")"
	run_ok timeout 20 taskset -c 1 dd if="$node" of=/dev/null bs=64k \
		skip=16 count=1 iflag=direct
	in_flight "$name" 1
	[ "$(column "$name" pid)" = "$pid" ]
	release 0
	wait "$reader"
	run_ok taskset -c 0 dd if="$node" of=/dev/null bs=64k count=1 \
		iflag=direct
	run_ok vdusectl restart "$name"
	[ "$(column "$name" pid)" != "$pid" ]
}

@test "restart: starts a server where there is none, replaces none of others" {
	local name pid

	name=$(dev_name)
	make_node "$name" --size 4M
	run_ok vdusectl stop "$name"
	run_ok vdusectl restart "$name" --json
	[ "$(jq '.devices[0].pause_us' <<< "$output")" = null ]
	run_ok dd if="$node" of=/dev/null bs=4k count=8 iflag=direct
	run_ok vdusectl stop "$name"
	vdusectl serve -q "$name" 3>&- 4>&- &
	pid=$!
	wait_until 10 is_back "$name" -
	run_fail 5 vdusectl restart "$name"
	[[ $stderr == *"pid $pid, has no supervisor"* ]]
	kill "$pid"
	wait "$pid"
	run_ok vdusectl start "$name"
	run_fail 3 vdusectl restart nosuch
}

@test "memory: it is there after a crash and after a restart" {
	local name pid dir=$BATS_TEST_TMPDIR

	name=$(dev_name)
	random_file "$dir/data" $((8 << 20))
	make_node "$name" --backend memory --size 8M --queues 2
	write_node "$dir/data" "$node"
	run_ok vdusectl restart "$name"
	run_ok cmp "$node" "$dir/data"
	echo 3 > /proc/sys/vm/drop_caches
	for _ in 1 2; do
		pid=$(column "$name" pid)
		kill -9 "$pid"
		wait_until 10 is_back "$name" "$pid"
		read_node "$node" $((8 << 20)) "$dir/read"
		run_ok cmp "$dir/read" "$dir/data"
	done
	# With another supervisor as well.
	unsupervised "$name"
	run_ok vdusectl start "$name"
	pid=$(column "$name" pid)
	kill -9 "$pid"
	wait_until 10 is_back "$name" "$pid"
	read_node "$node" $((8 << 20)) "$dir/read"
	run_ok cmp "$dir/read" "$dir/data"
}

@test "memory: what is lost is not replaced by zeroes under a driver" {
	local name pid

	name=$(dev_name)
	make_node "$name" --backend memory --size 4M
	pid=$(column "$name" pid)
	unsupervised "$name"
	kill -9 "$pid"
	wait_until 10 ended "$pid"
	run_fail 1 vdusectl start "$name"
	[[ $stderr == *"memory that its driver uses went with its last server"* ]]
	[[ $stderr == *"hint: "* ]]
	run_ok vdusectl destroy --force "$name"
}
