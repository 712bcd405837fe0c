#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Signals, time limits and commands from outside.

load 10-fake

setup() {
	fake_root
}

@test "a signal ends the command by that signal, as the shell sees it" {
	local name out pid
	for name in TERM:143 INT:130; do
		# A background process of a script would ignore SIGINT.
		exec {out}< <(exec env --default-signal=INT \
			"$VDUSECTL" monitor --timeout 10s 3>&-)
		pid=$!
		# The heading comes when it listens.
		read -r -t 10 -u "$out"
		kill -s "${name%:*}" "$pid"
		status=0
		wait "$pid" || status=$?
		[[ $status == "${name#*:}" ]]
		exec {out}<&-
	done
}

@test "SIGINT stays ignored where the parent ignores it, as with nohup" {
	local out pid
	exec {out}< <(exec env --ignore-signal=INT \
		"$VDUSECTL" monitor --timeout 1s 3>&-)
	pid=$!
	read -r -t 10 -u "$out"
	kill -s INT "$pid"
	wait "$pid"
	exec {out}<&-
}

@test "monitor ends with its time; with --count that is a failure" {
	ctl 0 monitor --timeout 100ms
	[[ $output == "ACTION "* ]]
	ctl 8 monitor --timeout 100ms --count 1 -n
	[[ -z $output ]]
	ctl 2 monitor --count 0
}

@test "a writer to a closed pipe dies silently" {
	run bash -c "set -o pipefail; '$VDUSECTL' __commands | head -c 1 >/dev/null"
	[[ $status == 141 || $status == 0 ]]
	[[ -z $output ]]
}

@test "vdusectl-FOO on PATH is a command, with its words and its exit code" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat > "$BATS_TEST_TMPDIR/bin/vdusectl-hello" <<-'EOF'
		#!/bin/sh
		echo "$# $1 $2 json=$VDUSECTL_JSON"
		"$VDUSECTL" version
		exit 42
	EOF
	chmod +x "$BATS_TEST_TMPDIR/bin/vdusectl-hello"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH ctl 42 --json hello -x --y
	[[ ${lines[0]} == "2 -x --y json=1" ]]
	[[ ${lines[1]} == "vdusectl "* ]]
	ctl 2 hello
}

@test "external commands come from absolute directories only, by plain names" {
	cd "$BATS_TEST_TMPDIR"
	mkdir bin
	printf '#!/bin/sh\necho ran\n' > bin/vdusectl-evil
	chmod +x bin/vdusectl-evil
	PATH=bin:.:$PATH ctl 2 evil
	PATH=$PWD/bin:$PATH ctl 2 ./evil
	PATH=$PWD/bin:$PATH ctl 0 evil
	[[ $output == ran ]]
}

@test "126 and 127: an external command that cannot be run" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf 'not a program' > "$BATS_TEST_TMPDIR/bin/vdusectl-broken"
	chmod +x "$BATS_TEST_TMPDIR/bin/vdusectl-broken"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH ctl 126 broken
	[[ $stderr == *"cannot run"* ]]
	printf '#!/no/such/interpreter\n' > "$BATS_TEST_TMPDIR/bin/vdusectl-broken"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run -127 "$VDUSECTL" broken
}

@test "a built-in command is never taken from PATH" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho outside\n' > "$BATS_TEST_TMPDIR/bin/vdusectl-version"
	chmod +x "$BATS_TEST_TMPDIR/bin/vdusectl-version"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH ctl 0 version
	[[ $output != outside ]]
}
