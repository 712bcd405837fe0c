#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The control socket: who may ask, what is answered, and who cannot disturb.

load ../10-blk

# call TEXT [CONNECTIONS]: send TEXT and a NUL to $socket, print the reply.
call() {
	printf '%s\0' "$1" | raw-call "$socket" "${@:2}"
}

method() { call "{\"method\":\"org.vdusectl.Device.$1\",\"parameters\":{}}"; }

@test "control: the socket is private and speaks Varlink" {
	local name socket pid

	name=$(dev_name)
	socket=/run/vdusectl/$name/control.sock
	make_node "$name" --size 1M --queues 2
	pid=$(column "$name" pid)
	[ "$(stat -c %a "$socket")" = 600 ]
	capture method Ping
	[ "$(jq -c .parameters <<< "$output")" = "{\"pid\":$pid,\"queues\":2}" ]
	capture method GetStatus
	[ "$(jq -c '.parameters | [.name, .type, .running, .broken, .capacity]' \
		<<< "$output")" = "[\"$name\",\"blk\",true,false,2048]" ]
	capture method GetStats
	[ "$(jq '.parameters.queues | length' <<< "$output")" -eq 2 ]
	capture call '{"method":"org.varlink.service.GetInfo"}'
	[[ $output == *org.vdusectl.Device* ]]
	capture method Nonsense
	[ "$(jq -r .error <<< "$output")" = \
		org.varlink.service.MethodNotFound ]
	# Two calls in one piece: the first reply is that of the first call.
	capture call "$(printf '%s' '{"method":"org.vdusectl.Device.Ping"}')"
	[ "$(jq .parameters.pid <<< "$output")" -eq "$pid" ]
	requires setpriv
	capture setpriv --reuid 65534 --clear-groups \
		raw-call "$socket"
	[ "$status" -eq 2 ]
	run_fail 6 setpriv --reuid 65534 --clear-groups vdusectl stats "$name"
}

@test "control: nonsense of every kind does not disturb I/O" {
	local name socket pid writer dir=$BATS_TEST_TMPDIR

	name=$(dev_name)
	socket=/run/vdusectl/$name/control.sock
	random_file "$dir/data" $((8 << 20))
	make_node "$name" --size 8M --queues 2
	pid=$(column "$name" pid)
	dd if="$dir/data" of="$node" bs=4k oflag=direct status=none 3>&- &
	writer=$!

	# It hangs up on what is no call: 1. It reads no more than 64 KiB.
	for text in nonsense '[]' '{}' '{"method":1}' '{"method":"x' 'null' \
			'{"method":{"method":"Ping"}}' ''; do
		capture call "$text"
		[ "$status" -eq 1 ] || fail "answers to $text"
	done
	random_file "$dir/random" 300000
	head -c 70000 /dev/zero | tr '\0' '{' > "$dir/endless"
	printf '%*s' 60000 '' | tr ' ' '[' > "$dir/deep"
	printf '\0' >> "$dir/deep"
	for text in random endless deep; do
		raw-call "$socket" < "$dir/$text" > "$dir/reply" && status=0 ||
			status=$?
		[ "$status" -eq 1 ] || fail "$text: status $status"
	done
	# Thousands of calls whose answers nobody reads.
	yes '{"method":"org.vdusectl.Device.GetQueues"}' | head -n 3000 |
		tr '\n' '\0' > "$dir/flood"
	raw-call "$socket" < "$dir/flood" > "$dir/reply"
	jq -e .parameters.queues "$dir/reply" > /dev/null
	# More connections than it takes: those that are too many are refused.
	capture call '{"method":"org.vdusectl.Device.Ping"}' 100
	[ "$status" -le 1 ]

	wait "$writer"
	run_ok cmp "$node" "$dir/data"
	[ "$(column "$name" pid)" = "$pid" ]
	run_ok vdusectl stats "$name"
	[ "$(counted "$name" errors)" -eq 0 ]
}
