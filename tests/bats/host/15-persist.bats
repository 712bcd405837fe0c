#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Persistent devices without a kernel: records that are not to be trusted, the
# command line, the units of systemd.

load 10-fake

setup() {
	fake_root
	fake_modules
	devices=$VDUSECTL_ROOT/etc/vdusectl/devices
	mkdir -p "$devices"
}

# record NAME [FILTER]: a good record of a memory device, changed by jq's FILTER.
record() {
	jq -n --arg name "$1" '{ version: 1, bind: "virtio", device: {
		name: $name, size: 1048576, backend: "memory", path: "",
		image_owned: 0, serial: $name, queues: 2, queue_size: 128,
		block_size: 512, read_only: 0, discard: 0 } }' |
		jq "${2:-.}" > "$devices/$1.json"
	chmod 600 "$devices/$1.json"
}

# refused NAME WORDS: restore says so, and what it says of the name has WORDS.
refused() {
	ctl 1 restore -N "$1"
	[[ -z $output && $stderr == *"restore $1: "*"$2"* ]]
}

@test "restore: a good record passes all checks" {
	record good
	ctl 0 restore -N good
	[[ $output == "would restore good" ]]
	ctl 0 restore --dry-run
	[[ $output == "would restore good" ]]
	# What it does not say has its default.
	record short 'del(.device.queues, .device.discard, .bind)'
	ctl 0 restore -N short
	ctl 0 restore -N
	[[ $output == $'would restore good\nwould restore short' ]]
}

@test "restore: nothing is recorded" {
	ctl 0 restore
	[[ -z $output && -z $stderr ]]
	rmdir "$devices"
	ctl 0 restore
	ctl 0 restore --json
	jq -e '.devices == []' <<< "$output"
	ctl 3 restore -N none
	[[ $stderr == *"no persistent device of that name"* ]]
}

@test "restore: records that others could have written are refused" {
	record linked
	mv "$devices/linked.json" "$BATS_TEST_TMPDIR/real"
	ln -s "$BATS_TEST_TMPDIR/real" "$devices/linked.json"
	refused linked "symbolic link"
	record open
	chmod 602 "$devices/open.json"
	refused open "others may write to it (mode 0602)"
	chmod 620 "$devices/open.json"
	refused open "others may write to it (mode 0620)"
	mkdir "$devices/dir.json"
	refused dir "no regular file"
	mkfifo -m 600 "$devices/fifo.json"
	refused fifo "no regular file"
	record good
	chmod 777 "$devices"
	refused good "devices is not to be trusted: others may write to it"
	chmod 755 "$devices"
	ctl 0 restore -N good
	[[ $EUID == 0 ]] || return 0
	chown 65534 "$devices/good.json"
	refused good "belongs to user 65534"
}

@test "restore: a directory that is a link is refused" {
	record good
	mv "$devices" "$BATS_TEST_TMPDIR/elsewhere"
	ln -s "$BATS_TEST_TMPDIR/elsewhere" "$devices"
	ctl 1 restore -N good
	[[ -z $output && $stderr == *"cannot open"* ]]
}

@test "restore: records that make no sense are refused, and why is said" {
	local text
	for text in '' '{' '[]' 'null' '1' '"x"' '{} {}' '{"version":1}x' \
			$'{"version":1,"bind":"\xff"}' "$(printf '[%.0s' {1..99})"; do
		printf '%s' "$text" > "$devices/bad.json"
		chmod 600 "$devices/bad.json"
		refused bad "is damaged"
	done
	head -c 40000 /dev/zero | tr '\0' ' ' > "$devices/bad.json"
	refused bad "longer than 32768 bytes"
	printf '{"version":1,\0"bind":""}' > "$devices/bad.json"
	refused bad "is damaged"
	head -c 20000 /dev/urandom > "$devices/bad.json"
	refused bad "is damaged"
}

@test "restore: each key of a record is checked" {
	local filter words
	while IFS='#' read -r filter words; do
		record bad "$filter"
		refused bad "$words"
	done <<-'END'
		.version = 2#version is 2, not 1
		.version = "1"#no version
		del(.version)#no version
		.bind = "nvme"#'bind' is not
		.bind = 1#'bind' is not
		.extra = 1#'extra' is an unknown key
		.device = []#'device' is no object
		del(.device)#of a device ''
		.device.extra = 1#'extra' is an unknown key
		.device.can_discard = true#'can_discard' is an unknown key
		.device.name = "other"#of a device 'other'
		.device.size = "1M"#'size' has a value
		.device.size = -512#'size' has a value
		.device.size = 1000#not a multiple
		.device.size = 1.5#'size' has a value
		.device.queues = 4294967296#'queues' has a value
		.device.queues = 65#too many
		.device.queue_size = 100#not a power of two
		.device.read_only = "no"#'read_only' has a value
		.device.serial = "a\u0007"#the serial holds
		.device.serial = "123456789012345678901"#'serial' has a value
		.device.serial = ""#lacks
		.device.backend = "nbd"#'nbd' is unknown
		.device.backend = "file"#lacks
		.device.backend = "file" | .device.path = "x.img"#lacks
		.device.backend = "file" | .device.path = "/x\u0000y"#'path' has a value
		.device.backend = "file" | .device.path = "/etc/passwd" | .device.image_owned = 1#default image
	END
}

@test "restore: one bad record does not keep the others from being tried" {
	record a
	record b '.version = 9'
	record c
	echo garbage > "$devices/d d.json"
	touch "$devices/README" "$devices/.hidden.json" "$devices/e.json.new"
	ctl 9 restore -N
	[[ $output == $'would restore a\nwould restore c' ]]
	[[ $stderr == *"restore b: "*"version is 9"* ]]
	[[ $stderr == *"restore d d: name 'd d'"* ]]
	[[ $stderr != *README* && $stderr != *hidden* && $stderr != *e.json* ]]
	rm "$devices/d d.json"
	ctl 1 restore -N
}

@test "restore: a device that is there is compared" {
	fake_devices
	record blk2 '.bind = "" | .device.size = 10737418240'
	ctl 0 restore -N blk2
	[[ $output == "would start the server of blk2" ]]
	record blk2 '.bind = "vhost" | .device.size = 10737418240'
	ctl 0 restore -N blk2
	[[ $output == $'would start the server of blk2\nwould bind blk2' ]]
	record blk2 '.bind = "" | .device.size = 10737418240 |
		.device.queues = 3'
	ctl 4 restore -N blk2
	[[ $stderr == *"differs: queues 2 instead of 3"* ]]
	record blk2 '.bind = "" | .device.size = 10737418240'
	sed -i 's/"read_only": 0/"read_only": 1/' "$VDUSECTL_ROOT/run/vdusectl/blk2/spec.json"
	ctl 4 restore -N blk2
	[[ $stderr == *"differs: access read-only instead of read-write"* ]]
	sed -i -e 's/"read_only": 1/"read_only": 0/' -e 's/"discard": 0/"discard": 2/' \
		"$VDUSECTL_ROOT/run/vdusectl/blk2/spec.json"
	ctl 4 restore -N blk2
	[[ $stderr == *"differs: discard off instead of auto"* ]]
	record blk10 '.bind = "vhost" | .device.size = 1610612736'
	ctl 4 restore -N blk10
	[[ $stderr == *"differs: bound to virtio instead of vhost"* ]]
	record qsd
	ctl 4 restore -N qsd
	[[ $stderr == *"foreign device"* ]]
}

@test "restore --reverse: all of ours, no foreign ones" {
	fake_devices
	ctl 0 restore --reverse --dry-run
	[[ $output == $'would take blk2 away\nwould take blk10 away' ]]
}

@test "restore --reverse --force: foreign ones, too, that nobody serves" {
	fake_devices
	ctl 0 restore --reverse --force --dry-run
	[[ $output == $'would take blk2 away\nwould take blk10 away\nwould take qsd away' ]]
	# Somebody has it open: a device that is there on any host.
	echo 1:3 > "$VDUSECTL_ROOT/sys/class/vduse/qsd/dev"
	mkdir -p "$VDUSECTL_ROOT/proc/$$/fd"
	ln -s /dev/null "$VDUSECTL_ROOT/proc/$$/fd/5"
	ctl 0 restore --reverse --force --dry-run
	[[ $output == $'would take blk2 away\nwould take blk10 away' ]]
	ctl 2 restore --force
	[[ $stderr == *"--force is for --reverse"* ]]
}

@test "create --persist: the plan names the file, a content that is lost is said" {
	ctl 0 create blk --size 1M --persist -N d
	[[ $output == *"would write /etc/vdusectl/devices/d.json"* ]]
	[[ $stderr != *warning* && ! -e $devices/d.json ]]
	ctl 0 create blk --size 1M --backend memory --persist -N d
	[[ $stderr == *"warning: only the device comes back"*memory* ]]
	ctl 0 create blk --size 1M --backend null --persist -N d
	[[ $stderr == *"warning: "*null* ]]
	ctl 0 create blk --size 1M --backend memory -N d
	[[ -z $stderr && $output != *"would write"* ]]
}

@test "create: the name of a device that is to come back is taken" {
	record blk0
	ctl 4 create blk --size 1M -N blk0
	[[ $stderr == *"persistent device of that name is to come back"* ]]
	[[ $stderr == *"vdusectl restore blk0"* ]]
	ctl 4 create blk --size 1M --if-not-exists -N blk0
	ctl 0 create blk --size 1M -N
	[[ $output == "would create blk1: "* ]]
}

@test "create: a path is made absolute, its links stay" {
	local dir=$BATS_TEST_TMPDIR
	truncate -s 1M "$dir/file"
	ln -s file "$dir/link"
	cd "$dir"
	ctl 0 create blk --backend file:link -N d
	[[ $output == *"backend file:$(pwd -P)/link,"* ]]
	ctl 0 create blk --backend "file:$dir/link" -N d
	[[ $output == *"backend file:$dir/link,"* ]]
}

@test "destroy: a persistent device that is not there is forgotten, with its image" {
	local state=$VDUSECTL_ROOT/var/lib/vdusectl
	mkdir -p "$state"
	truncate -s 1M "$state/d.img" "$BATS_TEST_TMPDIR/f"
	record d ".device.backend = \"file\" | .device.image_owned = 1 |
		.device.path = \"$state/d.img\""
	record f ".device.backend = \"file\" |
		.device.path = \"$BATS_TEST_TMPDIR/f\""
	record bad '.version = 9'
	ctl 0 destroy -N d bad
	[[ $output == *"devices/d.json"*"devices/bad.json"* && -e $devices/d.json ]]
	ctl 0 destroy d f bad
	[[ ! -e $state/d.img && -e $BATS_TEST_TMPDIR/f ]]
	[[ -z $(ls "$devices") ]]
	ctl 3 destroy d
	truncate -s 1M "$state/d.img"
	record d ".device.backend = \"file\" | .device.image_owned = 1 |
		.device.path = \"$state/d.img\""
	ctl 0 destroy --keep-image d
	[[ -e $state/d.img && ! -e $devices/d.json ]]
}

@test "list, show and the plan of destroy: persist" {
	fake_devices
	record blk2
	ctl 0 destroy -N blk2 blk10
	[[ $output == *"devices/blk2.json"* && $output != *"devices/blk10.json"* ]]
	ctl 0 list --raw -n -o NAME,PERSIST
	[[ $output == $'blk2 yes\nblk10 no\nqsd no' ]]
	ctl 0 list --json
	jq -e '[.devices[].persist] == [true, false, false]' <<< "$output"
}

@test "completion of restore: what is recorded, there or not" {
	record one
	record two
	run "$VDUSECTL" __complete restore ""
	[[ $output == $'one\ntwo' ]]
	run "$VDUSECTL" __complete restore one ""
	[[ $output == two ]]
	fake_devices
	run "$VDUSECTL" __complete restore --reverse ""
	[[ $(cut -f 1 <<< "$output") == $'blk2\nblk10' ]]
}

@test "the units: systemd finds nothing wrong with them" {
	type -P systemd-analyze > /dev/null || skip "needs systemd-analyze"
	local dir=$BATS_TEST_TMPDIR/units unit build name
	build=$(dirname "$(realpath "$VDUSECTL")")
	mkdir "$dir"
	for unit in "$build"/systemd/*; do
		sed "s|^ExecStart=\(-\?\)[^ ]*|ExecStart=\1$build/vdusectl|" "$unit" \
			> "$dir/${unit##*/}"
	done
	[[ $(find "$dir" -name "*.service" | wc -l) == 3 ]]
	for name in vdusectl@a-b.c_d vdusectl-restore vdusectl-shutdown; do
		run env SYSTEMD_UNIT_PATH="$dir:" \
			systemd-analyze verify --man=no "$name.service"
		[[ $status == 0 && -z $output ]]
	done
	# Its copy of the host's mounts would keep them busy.
	run grep -hE '^(Private|Protect|ReadOnly|ReadWrite|Inaccessible|Bind|Temporary|Root)[A-Za-z]*=' \
		"$build"/systemd/*
	[[ $status == 1 ]]
}
