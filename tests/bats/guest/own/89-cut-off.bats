#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Our module does not give a device up: a server that was cut off is replaced, one
# that is late stays, and in both cases I/O goes on. On the stock module a late
# answer breaks the device for ever (20-io, 43-force and others show that).

# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own
# shellcheck disable=SC2154 # status, output, stderr, node, vnode: set by others

load ../10-blk
load ../30-held

# cut_off NAME: abort it; another server has come.
cut_off() {
	local pid

	pid=$(column "$1" pid)
	echo 1 > "/sys/class/vduse/$1/ext/abort"
	wait_until 10 ended "$pid"
	wait_until 20 is_back "$1" "$pid"
}

@test "abort: the server ends, the next one goes on, nobody sees an error" {
	local name writer

	requires fio
	name=$(dev_name)
	make_node "$name" --size 16M --queues 2
	fio --name=w --filename="$node" --direct=1 --ioengine=libaio \
		--rw=randrw --bsrange=4k-64k --iodepth=16 --size=16M \
		--io_size=64M --verify=crc32c --verify_fatal=1 \
		--output-format=terse > "$BATS_TEST_TMPDIR/fio" 3>&- &
	writer=$!
	for _ in 1 2 3; do
		cut_off "$name"
	done
	wait "$writer"
	[ "$(counted "$name" errors)" -eq 0 ]
	[ "$(shown "$name" restarts)" -eq 3 ]
	[[ $(shown "$name" last_exit) == "ended with status "* ]]
	grep -q 'cut off from the device' "/run/vdusectl/$name/log"
	[ ! -e "/run/vdusectl/$name/broken" ]
	state_is "$name" bound
	run_ok vdusectl destroy "$name"
}

has_read() { [ "$(counted "$1" reads)" -gt 0 ]; }

@test "abort: the same under a VM" {
	local name reader

	name=$(dev_name)
	make_vnode "$name" --size 8M --queues 2
	vhost-blk "$vnode" verify --queues 2 --seconds 8 \
		> "$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	reader=$!
	# A VM that has not begun would find that its status is not taken.
	wait_until 10 has_read "$name"
	for _ in 1 2; do
		cut_off "$name"
	done
	wait "$reader" || fail "$(cat "$BATS_TEST_TMPDIR/out")"
	grep -q "errors: 0" "$BATS_TEST_TMPDIR/out"
	run_ok vdusectl destroy "$name"
}

@test "abort: requests in flight are done again by the next server" {
	local name pid

	name=$(dev_name)
	slow_disk
	random_file "$BATS_TEST_TMPDIR/data" $((2 << 20))
	write_node "$BATS_TEST_TMPDIR/data" "$slow"
	make_node "$name" --backend "file:$slow"
	hold 1
	read_later "$BATS_TEST_TMPDIR/read" 16
	wait_until 10 in_flight "$name" 1
	pid=$(column "$name" pid)
	echo 1 > "/sys/class/vduse/$name/ext/abort"
	# It cannot end before its own I/O has: the next one comes after it.
	release 1
	wait_until 20 is_back "$name" "$pid"
	wait "$reader"
	run_ok cmp -n 65536 -i 0:$((1 << 20)) "$BATS_TEST_TMPDIR/read" \
		"$BATS_TEST_TMPDIR/data"
	run_ok vdusectl destroy "$name"
}

@test "a late answer: nothing is broken, and a reset makes it whole" {
	local name pid ext

	name=$(dev_name)
	ext=/sys/class/vduse/$name/ext
	make_node "$name" --size 1M --writeback-control
	random_file "$BATS_TEST_TMPDIR/data" 65536
	unsupervised "$name"
	run_ok vdusectl set "$name" virtio-timeout=1
	pid=$(column "$name" pid)
	kill -STOP "$pid"
	# The driver waits for a second; what it wrote stands, and is not lost.
	echo "write through" > "/sys/block/$disk/cache_type"
	[ "$(< "$ext/status")" = 0x4f ]
	[ "$(< "$ext/pending")" -eq 1 ]
	kill -CONT "$pid"
	wait_until 10 grep -qx 0 "$ext/pending"
	[ "$(shown "$name" cache)" = writethrough ]
	[ ! -e "/run/vdusectl/$name/broken" ]
	# Linux goes on as if nothing had been, and so does its disk.
	write_node "$BATS_TEST_TMPDIR/data" "$node"
	# A server that comes now does as well.
	kill -9 "$pid"
	wait_until 10 ended "$pid"
	run_ok vdusectl start "$name"
	read_node "$node" 65536 "$BATS_TEST_TMPDIR/read"
	run_ok cmp "$BATS_TEST_TMPDIR/read" "$BATS_TEST_TMPDIR/data"
	[ "$(< "$ext/status")" = 0x4f ]
	run_ok vdusectl unbind "$name"
	# ACKNOWLEDGE, for whichever driver comes next.
	[ "$(< "$ext/status")" = 0x1 ]
	run_ok vdusectl bind virtio "$name"
	node=$output
	[ "$(< "$ext/status")" = 0xf ]
	read_node "$node" 65536 "$BATS_TEST_TMPDIR/read"
	run_ok cmp "$BATS_TEST_TMPDIR/read" "$BATS_TEST_TMPDIR/data"
	run_ok vdusectl destroy "$name"
}
