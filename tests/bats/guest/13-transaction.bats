#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# create is a transaction: whatever ends it, and whenever, the device is there
# and serves, or nothing is. Leftovers are also checked after each test.

load 10-blk

# Nothing of device $1: no node, no files, no server.
gone() {
	[ ! -e "/dev/vduse/$1" ] && [ ! -e "/run/vdusectl/$1" ] &&
		[ ! -e "/var/lib/vdusectl/$1.img" ] &&
		! { list_things | grep -q '^process '; }
}

# A server without standard output ends with its last words; wait for that.
expect_gone() {
	wait_until 5 gone "$1" || fail "left: $(list_things)"
}

@test "transaction: time is up" {
	local name limit seen=''

	name=$(dev_name)
	for limit in 1ms 20ms 50ms 100ms 150ms; do
		capture vdusectl create blk --size 1M --timeout "$limit" "$name"
		seen+=" $status"
		case $status in
		8) expect_gone "$name" ;;
		0)
			state_is "$name" serving
			run_ok vdusectl destroy "$name"
			;;
		*) fail "status $status" ;;
		esac
	done
	[[ $seen == " 8"* ]]
}

@test "transaction: Ctrl-C at any moment" {
	local name delay pid seen=''

	name=$(dev_name)
	# setsid: the shell makes background jobs ignore SIGINT otherwise.
	for delay in 0.01 0.05 0.1 0.15 0.2 0.3 0.4 0.6 1; do
		capture timeout -s INT "$delay" \
			vdusectl create blk --size 1M --bind virtio "$name"
		seen+=" $status"
		if [ -e "/dev/vduse/$name" ]; then
			state_is "$name" bound
			run_ok vdusectl destroy "$name"
		else
			expect_gone "$name"
		fi
	done
	echo "seen:$seen"
}

@test "transaction: SIGINT is told by status 130, SIGTERM by 143" {
	local name

	name=$(dev_name)
	# The lock of the host is held: create waits for it.
	make_blk "$name" --size 1M --backend null
	for pair in INT:130 TERM:143; do
		capture flock "/run/vdusectl/lock" timeout --preserve-status \
			-s "${pair%:*}" 0.7 \
			vdusectl create blk --size 1M "$name-2"
		[ "$status" -eq "${pair#*:}" ]
		[ ! -e "/dev/vduse/$name-2" ]
		[ ! -e "/run/vdusectl/$name-2" ]
	done
}

@test "transaction: a server that cannot start" {
	local name

	name=$(dev_name)
	# No room for the server's threads and mappings: it dies on its way up.
	capture prlimit --nofile=12 vdusectl create blk --size 1M --queues 8 \
		"$name"
	[ "$status" -eq 1 ]
	[[ $stderr == *"Too many open files"* ]]
	expect_gone "$name"
}

@test "transaction: a server that is killed on its way up" {
	local name pid tries

	name=$(dev_name)
	for tries in 1 2 3; do
		( capture vdusectl create blk --size 1M --queues 64 "$name"
		echo "$status" > "$BATS_TEST_TMPDIR/status" ) &
		until pid=$(pgrep -f "^vdusectl serve $name\$"); do
			kill -0 $! 2>/dev/null || break
		done
		kill -9 "$pid" || true
		wait $!
		if [ "$(< "$BATS_TEST_TMPDIR/status")" -eq 0 ]; then
			# It was up before: a device whose server was killed.
			run_ok vdusectl destroy "$name"
			continue
		fi
		break
	done
	[ "$(< "$BATS_TEST_TMPDIR/status")" -eq 1 ]
	expect_gone "$name"
}

@test "transaction: no room for the files of a device" {
	local name

	name=$(dev_name)
	mkdir -p /run/vdusectl
	mount -t tmpfs -o nr_inodes=3,mode=755 tmpfs /run/vdusectl
	defer umount /run/vdusectl
	touch /run/vdusectl/lock
	run_fail 1 vdusectl create blk --size 1M "$name"
	[[ $stderr == *"No space left"* ]]
	[ "$(ls -A /run/vdusectl)" = lock ]
	expect_gone "$name"
}

@test "transaction: two at once get two devices" {
	local i

	defer vdusectl destroy --if-exists -q blk0 blk1 blk2
	for i in 1 2 3; do
		vdusectl create blk --size 1M --backend null \
			> "$BATS_TEST_TMPDIR/$i" 3>&- &
	done
	wait
	run_ok sort "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/2" \
		"$BATS_TEST_TMPDIR/3"
	[ "$output" = $'blk0\nblk1\nblk2' ]
	# Of the same name, one wins.
	for i in 1 2; do
		(
			vdusectl create blk --size 1M --backend null \
				"$(dev_name)" > /dev/null 2>&1 3>&- && s=0 || s=$?
			echo "$s" > "$BATS_TEST_TMPDIR/$i"
		) &
	done
	wait
	defer vdusectl destroy --if-exists "$(dev_name)"
	run_ok sort "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/2"
	[ "$output" = $'0\n4' ]
	state_is "$(dev_name)" serving
}
