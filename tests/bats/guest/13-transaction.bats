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
	local name delay seen=''

	name=$(dev_name)
	for delay in 0.01 0.05 0.1 0.15 0.2 0.3 0.4 0.6 1; do
		capture timeout --preserve-status -s INT "$delay" \
			vdusectl create blk --size 1M --bind virtio "$name"
		seen+=" $status"
		case $status in
		130) expect_gone "$name" ;;
		0)
			state_is "$name" bound
			run_ok vdusectl destroy "$name"
			;;
		*) fail "status $status" ;;
		esac
	done
	[[ $seen == " 130"* ]]
}

# strace sends the signal with the write that prints the node.
# shellcheck disable=SC2094 # strace only looks for the path
@test "transaction: a signal that comes too late does not undo, nor is it told" {
	local name out=$BATS_TEST_TMPDIR/node

	requires strace
	name=$(dev_name)
	defer vdusectl destroy --if-exists -q "$name"
	strace -o /dev/null -P "$out" -e trace=write \
		-e inject=write:signal=INT vdusectl create blk --size 1M \
		--bind virtio "$name" > "$out" 3>&- 4>&-
	[ -b "$(< "$out")" ]
	state_is "$name" bound
	strace -o /dev/null -P "$out" -e trace=write \
		-e inject=write:signal=TERM vdusectl destroy -v --json "$name" \
		> "$out" 3>&- 4>&-
	[[ $(< "$out") == *"$name"* ]]
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

# broken_create CALL FAULT [OPTION...]: create with a system call that fails, or
# kills, in it or in the server that it starts.
broken_create() {
	RUN_TIMEOUT=30 run_fail 1 strace -f -o /dev/null --seccomp-bpf \
		-e "trace=$1" -e "inject=$1:$2" "${@:3}" \
		vdusectl create blk --size 1M --queues 2 "$(dev_name)"
	expect_gone "$(dev_name)"
}

@test "transaction: whatever step fails, those before are undone" {
	local device=/dev/vduse

	requires strace
	broken_create mkdir error=EIO:when=1
	broken_create ftruncate error=ENOSPC
	[[ $stderr == *"No space left"* ]]
	broken_create rename error=EDQUOT
	# Making the device, then setting up its two queues.
	broken_create ioctl error=ENOMEM:when=2 -P $device/control
	broken_create ioctl error=ENOMEM:when=1 -P "$device/$(dev_name)"
	[[ $stderr == *"cannot set up queue 0"* ]]
	broken_create ioctl error=ENOMEM:when=2 -P "$device/$(dev_name)"
	[[ $stderr == *"cannot set up queue 1"* ]]
}

@test "transaction: a server that cannot start, or dies on its way up" {
	requires strace
	# The first one is that of vdusectl itself.
	broken_create execve error=ENOEXEC -P "$(realpath "$(command -v vdusectl)")"
	broken_create io_uring_setup error=EMFILE:when=1
	[[ $stderr == *"cannot start the thread of queue 0"* ]]
	broken_create io_uring_setup signal=KILL
	[[ $stderr == *"its server ended"* ]]
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
	local i pids=()

	defer vdusectl destroy --if-exists -q blk0 blk1 blk2
	for i in 1 2 3; do
		vdusectl create blk --size 1M --backend null \
			> "$BATS_TEST_TMPDIR/$i" 3>&- &
		pids+=($!)
	done
	# bats has children of its own: wait for these only.
	wait "${pids[@]}"
	run_ok sort "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/2" \
		"$BATS_TEST_TMPDIR/3"
	[ "$output" = $'blk0\nblk1\nblk2' ]

	# Of the same name, one wins.
	defer vdusectl destroy --if-exists -q "$(dev_name)"
	pids=()
	for i in 1 2; do
		(
			code=0
			vdusectl create blk --size 1M --backend null \
				"$(dev_name)" > /dev/null 2>&1 || code=$?
			echo "$code" > "$BATS_TEST_TMPDIR/$i"
		) 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	run_ok sort "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/2"
	[ "$output" = $'0\n4' ]
	state_is "$(dev_name)" serving
}
