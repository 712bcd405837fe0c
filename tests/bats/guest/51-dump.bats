#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# dump and stats: compared with what the kernel and a VM's driver see.

# shellcheck disable=SC2016 # variables of jq
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own

load 40-bus

# config_of FIELD: from the `dump config --json` in $output.
config_of() {
	jq --arg field "$1" '.config[] | select(.name == $field).value' \
		<<< "$output"
}

# same_as_vm: every field of `dump config` in $output is what vhost-blk reads.
same_as_vm() {
	local key value field n=0

	while IFS=': ' read -r key value; do
		field=${key//-/_}
		case $key in
		features|backend-features|queues|ring-max|config-size) continue ;;
		wce) field=writeback ;;
		esac
		[ "$(config_of "$field")" = "$value" ] ||
			fail "$field is $(config_of "$field"), not $value"
		n=$((n + 1))
	done < "$1"
	[ "$n" -eq 16 ]
}

# bits_of NUMBER: of those that are set, with commas between them.
bits_of() {
	local bit list=''

	for bit in {0..63}; do
		[ $((($1 >> bit) & 1)) -eq 0 ] || list+=,$bit
	done
	printf '%s\n' "${list#,}"
}

@test "dump config: decoded as a VM's driver reads it" {
	local name want=$BATS_TEST_TMPDIR/info offered bits bytes

	requires vhost-blk
	name=$(dev_name)
	make_vnode "$name" --size 64M --queues 3 --queue-size 128 \
		--block-size 4096 --read-only
	vhost-blk "$vnode" info > "$want"
	cat "$want"
	run_ok vdusectl dump config --json "$name"
	same_as_vm "$want"
	holds --arg name "$name" '.schema == 1 and .device == $name'
	[ "$(config_of capacity)" -eq 131072 ]
	[ "$(config_of blk_size)" -eq 4096 ]
	[ "$(config_of num_queues)" -eq 3 ]
	# The rows cover the space without a hole, but for the unused bytes.
	holds '[.config[] | .raw | length / 2] == [.config[].width]'
	holds '.config[-1] | .offset + .width <= 60'
	offered=$(sed -n 's/^features: //p' "$want")
	bits=$(jq -c '[.features[] | select(.offered).bit]' <<< "$output")
	[ "$bits" = "[$(bits_of "$offered")]" ]
	# The bytes are the same as in the rows, at their offsets.
	bytes=$(jq -r '.config[] | "\(.offset) \(.raw)"' <<< "$output")
	run_ok vdusectl dump config --hex "$name"
	hex=$(cut -c5- <<< "$output" | tr -d ' \n')
	[ "${#hex}" -eq 120 ]
	while read -r offset raw; do
		[ "${hex:offset * 2:${#raw}}" = "$raw" ] ||
			fail "offset $offset: $raw"
	done <<< "$bytes"
	run_ok vdusectl dump config "$name"
	[[ $output == "NAME "*"capacity "*131072*"VIRTIO_BLK_F_RO "* ]]
}

@test "dump config: as the block layer of this host sees it" {
	local name features

	name=$(dev_name)
	make_node "$name" --size 32M --queues 2 --backend memory --serial S1
	run_ok vdusectl dump config --json "$name"
	[ "$(config_of capacity)" = "$(< "/sys/block/$disk/size")" ]
	[ "$(config_of blk_size)" = "$(queue_limit logical_block_size)" ]
	[ "$(config_of seg_max)" = "$(queue_limit max_segments)" ]
	[ "$(($(config_of max_discard_sectors) * 512))" = \
		"$(queue_limit discard_max_bytes)" ]
	[ "$(($(config_of max_write_zeroes_sectors) * 512))" = \
		"$(queue_limit write_zeroes_max_bytes)" ]
	[ "$(($(config_of discard_sector_alignment) * 512))" = \
		"$(queue_limit discard_granularity)" ]
	[ "$(config_of num_queues)" -eq 2 ]
	[ "$(queue_limit write_cache)" = "write back" ]
	[ "$(< "/sys/block/$disk/serial")" = S1 ]
	features=$(cat "$bus/devices/$name"/virtio*/features)
	[ "$(jq -r '[.features[] | select(.negotiated).bit] as $on |
		[range(64) | . as $bit | if ($on | index($bit)) != null
		 then "1" else "0" end] | add' <<< "$output")" = "$features" ]
	holds '[.config[] | select(.feature == "VIRTIO_BLK_F_GEOMETRY").valid] |
		length == 3 and (any | not)'
}

@test "dump config: without a server, what the kernel knows" {
	local name whole part

	name=$(dev_name)
	make_blk "$name" --size 8M --backend memory
	run_ok vdusectl dump config --json "$name"
	whole=$output
	run_ok vdusectl bind vhost "$name"
	run_ok vdusectl stop "$name"
	run_ok vdusectl dump config --json "$name"
	part=$output
	[[ $stderr == *"the kernel tells only a part"* ]]
	jq -e -n --argjson whole "$whole" --argjson part "$part" '
		([$part.config[] | select(.value != null)] | length) as $n |
		$n > 8 and $n == ([range($whole.config | length) |
			select($part.config[.].value == $whole.config[.].value)] |
			length) and
		[$part.features[] | [.bit, .offered]] ==
			[$whole.features[] | [.bit, .offered]]'
	if ! own; then
		run_fail 1 vdusectl dump vq "$name"
		[[ $stderr == *"hint: "*"vdusectl start $name"* ]]
	fi
	run_ok vdusectl start "$name"
	run_ok vdusectl dump vq "$name"
}

@test "dump vq: indices, events and addresses of live rings" {
	local name

	name=$(dev_name)
	make_blk "$name" --size 4M --backend memory --queues 2 --queue-size 16
	run_ok vdusectl dump vq --json "$name"
	holds --arg name "$name" '.schema == 1 and .device == $name and
		.requests == [] and ([.queues[].index] == [0, 1]) and
		all(.queues[]; .size == 16 and .ready == false and
			.running == false and .broken == false and
			.in_flight == 0 and .kicks == 0)'
	run_ok vdusectl bind virtio "$name"
	node=$output
	run_ok dd if="$node" of=/dev/null bs=4k skip=1 count=40 iflag=direct
	run_ok vdusectl dump vq --json "$name"
	holds '.requests == [] and
		([.queues[].used_idx] | add) >= 40 and all(.queues[];
		.ready and .running and .in_flight == 0 and
		.avail_idx == .used_idx and .last_avail_idx == .avail_idx and
		.avail_event == .avail_idx and .used_event == .used_idx and
		.kicks <= .avail_idx + 1 and .interrupts <= .used_idx + 1 and
		.desc > 0 and .desc % 16 == 0 and .avail % 2 == 0 and
		.used % 4 == 0 and
		.avail >= .desc + 16 * 16 and .used >= .avail + 6 + 2 * 16)'
	holds '[.queues[].desc] | unique | length == 2'
	run_ok vdusectl dump vq "$name" -o +desc,used_event
	[[ $output == "INDEX "*DESC*USED_EVENT*$'\n'*" 0x"* ]]
	run_ok vdusectl unbind "$name"
	run_ok vdusectl dump vq --json "$name"
	holds 'all(.queues[]; .running == false and .ready == false)'
}

@test "dump vq: requests in flight in a backend that hangs" {
	local name slow age

	requires dmsetup
	name=$(dev_name) slow=$name-slow
	export DM_DISABLE_UDEV=1
	make_loop "$BATS_TEST_TMPDIR/slow.img" $((8 << 20))
	run_ok dmsetup create "$slow" --table "0 16384 linear $loop 0"
	defer dmsetup remove --retry "$slow"
	make_node "$name" --backend "file:/dev/mapper/$slow"
	random_file "$BATS_TEST_TMPDIR/data" 8192
	run_ok dmsetup suspend --noflush --nolockfs "$slow"

	in_background dd if="$node" of=/dev/null bs=4k skip=256 count=1 \
		iflag=direct status=none
	reader=$job
	in_background dd if="$BATS_TEST_TMPDIR/data" of="$node" bs=8k \
		seek=512 oflag=direct conv=fsync status=none
	writer=$job
	# First of all: until then nothing can end that waits for it.
	defer dmsetup resume "$slow"
	wait_until 20 in_flight_is "$name" 2
	run_ok vdusectl dump vq --json "$name"
	# The write is in the backend's cache, but its flush is not done.
	holds '([.requests[] | [.op, .sector, .bytes, .queue]] | sort) ==
		[["flush", 0, 0, 0], ["read", 2048, 4096, 0]]'
	holds '.queues[0] | .in_flight == 2 and .last_avail_idx == .avail_idx and
		.used_idx + 2 == .avail_idx'
	holds '[.requests[].head] | unique | length == 2'
	age=$(jq '[.requests[].age_us] | min' <<< "$output")
	run_ok vdusectl dump vq "$name"
	[[ $output == *"OP "*SECTOR*BYTES* && $output == *" read "*2048*4096* ]]
	run_ok vdusectl dump vq --json "$name"
	holds --argjson age "$age" '.requests | length == 2 and
		all(.age_us > $age)'
	# The rest of the control plane is as fast as ever.
	run_ok timeout 5 vdusectl show "$name"
	run_fail 5 timeout 5 vdusectl unbind "$name"
	[[ $stderr == *"open in pid $reader (dd)"* ]]

	run_ok dmsetup resume "$slow"
	wait "$reader"
	wait "$writer"
	run_ok vdusectl dump vq --json "$name"
	holds '.requests == [] and .queues[0].in_flight == 0'
	read_node "$node" $((8 << 20)) "$BATS_TEST_TMPDIR/all"
	cmp -n 8192 "$BATS_TEST_TMPDIR/data" "$BATS_TEST_TMPDIR/all" 0 $((4 << 20))
	run_ok vdusectl stats --json "$name"
	holds '.queues[0] | .errors == 0 and .max_us >= 100000'
}

in_flight_is() {
	vdusectl dump vq --json "$1" |
		jq -e --argjson n "$2" '.queues[0].in_flight == $n'
}

# counters NAME: those that I/O of this test changes.
counters() {
	vdusectl stats --json "$1" | jq -c '.queues[0] |
		[.reads, .writes, .flushes, .discards, .write_zeroes, .get_ids,
		 .read_bytes, .write_bytes, .errors, .malformed]'
}

@test "stats: every request is counted once, where it belongs" {
	local name before after

	requires blkdiscard
	name=$(dev_name)
	make_node "$name" --size 16M
	before=$(counters "$name")
	dd if="$node" of=/dev/null bs=4k count=10 iflag=direct status=none
	dd if=/dev/zero of="$node" bs=8k count=5 oflag=direct status=none
	dd if=/dev/zero of="$node" bs=4k count=1 oflag=direct,sync status=none
	blkdiscard -f -o 1M -l 1M "$node"
	blkdiscard -f -z -o 4M -l 1M "$node"
	cat "/sys/block/$disk/serial"
	after=$(counters "$name")
	echo "before $before, after $after"
	jq -e -n --argjson a "$after" --argjson b "$before" \
		'[range(10) | $a[.] - $b[.]] ==
		 [10, 6, $a[2] - $b[2], 1, 1, 1, 40960, 45056, 0, 0] and
		 $a[2] - $b[2] >= 1'
	run_ok vdusectl stats --json "$name"
	holds '.queues[0] | .p50_us > 0 and .p50_us <= .p99_us and
		.p99_us <= .max_us and .kicks > 0 and .interrupts > 0'
	run_ok vdusectl stats "$name"
	[[ $output == "INDEX READS"*$'\n'* ]]
	run_ok vdusectl stop "$name"
	run_fail 1 vdusectl stats "$name"
	run_ok vdusectl start "$name"
	run_ok vdusectl stats "$name"
	run_fail 3 vdusectl stats "$name-none"
}
