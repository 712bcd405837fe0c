#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What I/O gets while a server is dead and cannot be brought back.

load 10-blk

failing() { [ "$(shown "$1" failing)" = true ]; }
fails() { ! dd if="$1" of=/dev/null bs=4k count=1 iflag=direct status=none; }
works() { ! fails "$1"; }

# lose_backend, find_backend: of the device $name.
lose_backend() {
	mv "$image" "$image.away"
	kill -9 "$(column "$name" pid)"
}
find_backend() { mv "$image.away" "$image"; }

@test "on-death: fail=SECONDS fails what waits, until the server is back" {
	local name image=$BATS_TEST_TMPDIR/image

	name=$(dev_name)
	expect_dmesg 'I/O error, dev vd'
	expect_dmesg 'Buffer I/O error on dev vd'
	random_file "$image" $((1 << 20))
	make_node "$name" --backend "file:$image" --on-death fail=1
	lose_backend
	fails "$node"
	failing "$name"
	state_is "$name" bound
	fails "$node"
	grep -q "on-death: from now on requests fail" \
		"/run/vdusectl/$name/log"
	find_backend
	wait_until 20 works "$node"
	[ "$(shown "$name" failing)" = false ]
	run_ok cmp "$node" "$image"
}

@test "on-death: changed live, it counts at once; stopping by hand does not" {
	local name image=$BATS_TEST_TMPDIR/image reader

	name=$(dev_name)
	expect_dmesg 'I/O error, dev vd'
	expect_dmesg 'Buffer I/O error on dev vd'
	random_file "$image" $((1 << 20))
	make_node "$name" --backend "file:$image"
	lose_backend
	dd if="$node" of=/dev/null bs=4k count=1 iflag=direct status=none 3>&- &
	reader=$!
	sleep 2
	[ -e "/proc/$reader" ]
	run_ok vdusectl set "$name" on-death=fail=0
	wait "$reader" && status=0 || status=$?
	[ "$status" -ne 0 ]
	failing "$name"
	# A new one waits again.
	run_ok vdusectl set "$name" on-death=queue
	wait_until 10 state_is "$name" stalled
	dd if="$node" of=/dev/null bs=4k count=1 iflag=direct status=none 3>&- &
	reader=$!
	find_backend
	wait "$reader"
	run_ok vdusectl set "$name" on-death=fail=0
	run_ok vdusectl stop "$name"
	dd if="$node" of=/dev/null bs=4k count=1 iflag=direct status=none 3>&- &
	reader=$!
	sleep 2
	[ -e "/proc/$reader" ]
	run_ok vdusectl start "$name"
	wait "$reader"
}
