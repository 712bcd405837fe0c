#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# create and destroy: each option has the effect that it promises.

load 10-blk

@test "create: the default name is the lowest free one" {
	defer vdusectl destroy --if-exists -q blk0 blk1
	run_ok vdusectl create blk --size 1M --backend null
	[ "$output" = blk0 ]
	run_ok vdusectl create blk --size 1M --backend null
	[ "$output" = blk1 ]
	run_ok vdusectl destroy blk0
	[ -z "$output" ]
	[ ! -e /dev/vduse/blk0 ]
	run_ok vdusectl create blk --size 1M --backend null
	[ "$output" = blk0 ]
	[ -c /dev/vduse/blk0 ]
	[ "$(column blk0 state)" = serving ]
	run_ok vdusectl destroy blk0 blk1
	run_ok vdusectl list
	[ -z "$output" ]
}

@test "create: a new image is sparse, private and gone with the device" {
	local name image

	name=$(dev_name)
	image=/var/lib/vdusectl/$name.img
	make_blk "$name" --size 10G
	[ "$output" = "$name" ]
	[ "$(stat -c '%s %a %u' "$image")" = "$((10 << 30)) 600 0" ]
	[ "$(used_kib "$image")" -eq 0 ]
	[ "$(stat -c %a "/run/vdusectl/$name")" = 700 ]
	[ "$(column "$name" size)" = $((10 << 30)) ]
	[ "$(column "$name" backend)" = "file:$image" ]
	run_ok vdusectl destroy "$name"
	[ ! -e "$image" ]
	[ ! -e "/run/vdusectl/$name" ]
	[ ! -e "/dev/vduse/$name" ]
}

@test "destroy: --keep-image keeps the data, and create does not reuse it" {
	local name image

	name=$(dev_name)
	image=/var/lib/vdusectl/$name.img
	make_node "$name" --size 1M
	defer rm -f "$image"
	random_file "$BATS_TEST_TMPDIR/data" $((1 << 20))
	write_node "$BATS_TEST_TMPDIR/data" "$node"
	run_ok vdusectl destroy --keep-image "$name"
	cmp "$BATS_TEST_TMPDIR/data" "$image"
	run_fail 4 vdusectl create blk --size 1M "$name"
	[[ $stderr == *"$image exists from an earlier device"* ]]
	cmp "$BATS_TEST_TMPDIR/data" "$image"
	run_ok vdusectl create blk --backend "file:$image" "$name"
	run_ok vdusectl destroy "$name"
	cmp "$BATS_TEST_TMPDIR/data" "$image"
}

@test "create: --queues and --queue-size reach the driver" {
	local name cpus queues

	name=$(dev_name)
	make_node "$name" --size 1M --backend memory --queues 4 --queue-size 64
	cpus=$(getconf _NPROCESSORS_CONF)
	queues=$((cpus < 4 ? cpus : 4))
	run_ok find "/sys/block/$disk/mq" -mindepth 1 -maxdepth 1
	[ "$(wc -l <<< "$output")" -eq "$queues" ]
	# Linux makes requests of two or more descriptors.
	[ "$(queue_limit nr_requests)" -le 64 ]
	run_ok vdusectl dump vq "$name" --json
	[ "$(jq '.queues | length' <<< "$output")" -eq 4 ]
	[ "$(jq '[.queues[] | select(.ready and .running)] | length' \
		<<< "$output")" -eq "$queues" ]
	[ "$(jq -c '[.queues[].size] | unique' <<< "$output")" = '[64]' ]
}

@test "create: --block-size, --serial and --read-only reach the node" {
	local name

	name=$(dev_name)
	make_node "$name" --size 1M --block-size 4096 --serial S-0123456789abcdefgh \
		--read-only
	[ "$(queue_limit logical_block_size)" -eq 4096 ]
	[ "$(< "/sys/block/$disk/serial")" = S-0123456789abcdefgh ]
	[ "$(< "/sys/block/$disk/ro")" -eq 1 ]
	[ "$(< "/sys/block/$disk/size")" -eq 2048 ]
	run_fail 1 dd if=/dev/zero of="$node" bs=4096 count=1 oflag=direct
	[[ $stderr == *"not permitted"* || $stderr == *"Read-only"* ]]
	run_ok dd if="$node" of=/dev/null bs=4096 count=1 iflag=direct
}

@test "create: the serial is the name unless said otherwise" {
	local name

	name=$(dev_name with-a-rather-long-name)
	make_node "$name" --size 1M --backend null
	[ "$(< "/sys/block/$disk/serial")" = "${name:0:20}" ]
	[ "$(queue_limit logical_block_size)" -eq 512 ]
	[ "$(< "/sys/block/$disk/ro")" -eq 0 ]
}

@test "create: --discard on punches holes in the image, off offers none" {
	local name image

	name=$(dev_name)
	image=/var/lib/vdusectl/$name.img
	make_node "$name" --size 4M --discard on
	[ "$(queue_limit discard_max_bytes)" -gt 0 ]
	random_file "$BATS_TEST_TMPDIR/data" $((4 << 20))
	write_node "$BATS_TEST_TMPDIR/data" "$node"
	[ "$(used_kib "$image")" -eq 4096 ]
	run_ok blkdiscard -o 1M -l 2M "$node"
	[ "$(used_kib "$image")" -eq 2048 ]
	cmp -n $((1 << 20)) "$BATS_TEST_TMPDIR/data" "$image"
	cmp -n $((2 << 20)) -i $((1 << 20)):0 "$image" /dev/zero
	cmp -n $((1 << 20)) -i $((3 << 20)) "$BATS_TEST_TMPDIR/data" "$image"
	[ "$(counted "$name" discards)" -gt 0 ]
	run_ok vdusectl destroy "$name"

	make_node "$name" --size 4M --discard off
	[ "$(queue_limit discard_max_bytes)" -eq 0 ]
	run_fail 1 blkdiscard "$node"
}

@test "create: --discard on is refused where the backend cannot" {
	mkdir "$BATS_TEST_TMPDIR/ram"
	mount -t ramfs ramfs "$BATS_TEST_TMPDIR/ram"
	defer umount "$BATS_TEST_TMPDIR/ram"
	truncate -s 1M "$BATS_TEST_TMPDIR/ram/image"
	run_fail 7 vdusectl create blk --discard on \
		--backend "file:$BATS_TEST_TMPDIR/ram/image" "$(dev_name)"
	[[ $stderr == *"cannot discard"* ]]
	# Left to itself it is offered without.
	make_node "$(dev_name)" --backend "file:$BATS_TEST_TMPDIR/ram/image"
	[ "$(queue_limit discard_max_bytes)" -eq 0 ]
	run_ok vdusectl destroy "$(dev_name)"
}

@test "create: --bind vhost prints a node for a VM" {
	make_vnode "$(dev_name)" --size 1M --backend null
	[[ $vnode == /dev/vhost-vdpa-* ]]
	[ "$(column "$(dev_name)" node)" = "$vnode" ]
	[ "$(column "$(dev_name)" driver)" = vhost ]
}

@test "create: --if-not-exists accepts an equal device only" {
	local name pid

	name=$(dev_name)
	make_blk "$name" --size 1M --backend memory --queues 2
	pid=$(column "$name" pid)
	run_ok vdusectl create blk --if-not-exists --size 1M --backend memory \
		"$name"
	[ "$output" = "$name" ]
	run_ok vdusectl create blk --if-not-exists --size 1M --backend memory \
		--queues 2 --bind virtio "$name"
	[ -b "$output" ]
	run_fail 4 vdusectl create blk --if-not-exists --size 2M \
		--backend memory --queues 3 "$name"
	[[ $stderr == *"size 1048576 instead of 2097152"* ]]
	[[ $stderr == *queues* ]]
	run_fail 4 vdusectl create blk --size 1M --backend memory "$name"
	[ "$(column "$name" pid)" = "$pid" ]
	[ "$(column "$name" state)" = bound ]
}

@test "create and destroy: --dry-run changes nothing" {
	local name before

	name=$(dev_name)
	before=$(ls -R /run/vdusectl /var/lib/vdusectl /dev/vduse)
	run_ok vdusectl create blk --size 10G --dry-run --bind virtio "$name"
	[[ $output == *"would create $name: 10G"* ]]
	[[ $output == *"would bind it to virtio"* ]]
	[ "$(ls -R /run/vdusectl /var/lib/vdusectl /dev/vduse)" = "$before" ]
	# What would fail fails here, too.
	run_fail 1 vdusectl create blk --dry-run \
		--backend file:/nowhere/at-all "$name"
	make_blk "$name" --size 1M
	run_ok vdusectl destroy --dry-run "$name"
	[[ $output == *"would destroy $name"* ]]
	[[ $output == *"would remove the image"* ]]
	[ "$(column "$name" state)" = serving ]
	[ -e "/var/lib/vdusectl/$name.img" ]
}

@test "destroy: what is not there, and what is in use" {
	local name

	name=$(dev_name)
	run_fail 3 vdusectl destroy "$name"
	run_ok vdusectl destroy --if-exists "$name"
	make_node "$name" --size 1M
	exec 7< "$node"
	capture vdusectl destroy "$name"
	exec 7<&-
	[ "$status" -eq 5 ]
	[[ $stderr == *"pid"* ]]
	[ "$(column "$name" state)" = bound ]
	run_ok dd if="$node" of=/dev/null bs=4k count=1 iflag=direct
	run_ok vdusectl destroy "$name"
	[ ! -e "$node" ]
}
