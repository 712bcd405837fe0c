#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests with one planted fault each, most of which must fail. 00-harness.bats
# runs this file and looks at the verdicts; on its own it is of no use.

load ../../helpers

@test "clean" {
	defer touch "$BATS_RUN_TMPDIR/second"
	defer touch "$BATS_RUN_TMPDIR/first"
	run_ok true
	run_fail 3 sh -c 'exit 3'
}

@test "cleanup ran" {
	[ "$BATS_RUN_TMPDIR/second" -nt "$BATS_RUN_TMPDIR/first" ]
}

@test "splat" {
	echo "BUG: KASAN: planted" > /dev/kmsg
}

@test "defect warn" {
	run_fail 1 insmod "$O/planted/planted.ko" defect=warn
}

@test "defect refcount" {
	run_fail 1 insmod "$O/planted/planted.ko" defect=refcount
}

@test "defect atomic" {
	run_fail 1 insmod "$O/planted/planted.ko" defect=atomic
}

@test "announced splat" {
	expect_dmesg "KASAN: announced"
	echo "BUG: KASAN: announced" > /dev/kmsg
}

@test "leftovers" {
	cp /bin/sleep "$BATS_TEST_TMPDIR/vdusectl"
	"$BATS_TEST_TMPDIR/vdusectl" 300 < /dev/null > /dev/null 2>&1 3>&- 4>&- &
	mkdir -p /run/vdusectl/planted "$BATS_TEST_TMPDIR/mnt"
	touch /run/vdusectl/lock /var/lib/vdusectl/planted.img
	mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/mnt"
}

@test "leftovers are gone" {
	[ ! -e /run/vdusectl/planted ]
	[ ! -e /var/lib/vdusectl/planted.img ]
	run_fail 1 pgrep -x vdusectl
}

@test "wrong status" {
	run_fail 2 sh -c 'echo to-out; echo to-err >&2; exit 3'
}

@test "hanging command" {
	RUN_TIMEOUT=1 run_ok sleep 100
}

@test "hanging condition" {
	wait_until 1 false
}

# It stays for a while. Last: the others would not run any more.
@test "stuck" {
	cp -L "$(type -P insmod)" "$BATS_TEST_TMPDIR/vdusectl"
	(exec -a insmod "$BATS_TEST_TMPDIR/vdusectl" "$O/planted/planted.ko" \
		defect=stuck) < /dev/null > /dev/null 2>&1 3>&- 4>&- &
}

@test "after one that is stuck" {
	true
}
