#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own
# What is refused, with which exit code, in which words.

load 10-fake

setup() {
	fake_root
}

teardown() {
	[[ -z ${open_dir:-} ]] || rm -rf "$open_dir"
}

@test "sizes that are no sizes are refused with 2, before anything is done" {
	fake_modules
	local size
	for size in 0 -1 -5G 10X G 10Gb 1..5G 17179869184G 99999999999999999999 \
		"" " 1G" "1G " 1e9 0x10; do
		ctl 2 create blk --backend memory --size "$size" d
		[[ -z $output && $stderr == *size* ]]
	done
	[[ ! -e $VDUSECTL_ROOT/run/vdusectl/d ]]
}

@test "a size that is not a multiple of the block size names the nearest ones" {
	fake_modules
	ctl 2 create blk --backend memory --size 10000001 d
	[[ $stderr == *10000001*9999872*10000384* ]]
}

@test "names that cannot be are refused with 2 and the rule" {
	local name long
	long=$(printf 'x%.0s' {1..65})
	for name in "" "$long" a/b . .. -- -a .a vq0 control power uevent dev \
		"a b" a:b $'a\nb' $'a\eb' ä; do
		ctl 2 create blk --size 1G --backend memory -- "$name"
		[[ -z $output && $stderr == *name* ]]
		[[ $stderr != *$'\e'* ]]
	done
}

@test "a name of 64 bytes is accepted" {
	fake_modules
	local long
	long=$(printf 'x%.0s' {1..64})
	ctl 0 create blk --size 1G --backend memory --serial s -N "$long"
	[[ $output == *"would create $long"* ]]
}

@test "names of existing devices are checked before they become paths" {
	local command name
	for command in destroy show unbind start stop stats; do
		for name in "" a/b .. . control; do
			ctl 2 "$command" -- "$name"
			[[ $stderr == *name* ]]
		done
	done
}

@test "create refuses numbers outside their range" {
	local option
	for option in --queues=0 --queues=65 --queues=-1 --queues=x \
		--queue-size=3 --queue-size=2048 --block-size=100 \
		--poll=101 --poll=x \
		--block-size=8192; do
		ctl 2 create blk --size 1G --backend memory "$option" d
		[[ $stderr == *"${option%=*}"* ]]
	done
	fake_modules
	ctl 2 create blk --size 1G --backend memory --queue-size 100 d
	[[ $stderr == *100* ]]
	ctl 2 create blk --size 1G --backend memory --queues 0 d
	[[ $stderr == *"'0' is not in 1..64 or auto"* ]]
	ctl 2 create blk --size 1G --backend memory --queues many d
	[[ $stderr == *"'many' is not a number or auto"* ]]
}

@test "create --queues auto: as many as processors may be used, at most 16" {
	local n

	fake_modules
	n=$(nproc)
	ctl 0 create blk --size 1M --backend memory --queues auto --dry-run d
	[[ $output == *", $((n < 16 ? n : 16)) queue"* ]]
	n=$(taskset -cp $BASHPID)
	taskset -cp "${n##*[ ,-]}" $BASHPID > /dev/null
	ctl 0 create blk --size 1M --backend memory --queues auto --dry-run d
	[[ $output == *", 1 queue of "* ]]
}

@test "create refuses a serial that would have to be cut" {
	ctl 2 create blk --size 1G --backend memory --serial 123456789012345678901 d
	[[ $stderr == *"longer than 20 bytes"* ]]
}

@test "create refuses an unknown backend, and a device without a size" {
	ctl 2 create blk --size 1G --backend floppy d
	[[ $stderr == *"'floppy'"* ]]
	ctl 2 create blk d
	[[ $stderr == *"--size is missing"* ]]
	ctl 2 create blk --backend memory d
	[[ $stderr == *"--size is missing"* ]]
}

@test "3: every command on a device says that it is not there" {
	local command
	for command in show destroy bind unbind start stop stats serve; do
		local operands=(nosuchdevice)
		[[ $command != bind ]] || operands=(virtio nosuchdevice)
		ctl 3 "$command" "${operands[@]}"
		[[ $stderr == *"$command nosuchdevice: "* ]]
		[[ $stderr == *"hint: 'vdusectl list'"* ]]
	done
	ctl 3 dump vq nosuchdevice
	ctl 3 dump config nosuchdevice
}

@test "3 and 2: bind and unbind without a name need exactly one that fits" {
	ctl 3 bind virtio
	[[ $stderr == *"no device is unbound"* ]]
	ctl 3 unbind
	[[ $stderr == *"no device is bound"* ]]
	fake_device one
	ctl 0 bind virtio --dry-run
	[[ $output == *"would bind one to virtio"* ]]
	fake_device two
	ctl 2 bind virtio --dry-run
	[[ $stderr == *"one, two"* ]]
	fake_bound two vhost vhost-vdpa-0
	ctl 0 unbind --dry-run
	[[ $output == *"would unbind two from vhost"* ]]
}

@test "destroy --if-exists accepts that there is none" {
	ctl 0 destroy --if-exists nosuchdevice
	[[ -z $output && -z $stderr ]]
	ctl 0 destroy --if-exists --dry-run nosuchdevice
}

@test "4: create refuses a name that is taken" {
	fake_devices
	fake_modules
	ctl 4 create blk --size 10G --backend memory blk2
	[[ $stderr == *"hint: "*--if-not-exists* ]]
}

@test "create --if-not-exists accepts an equal device and names differences" {
	fake_devices
	fake_modules
	ctl 0 create blk --size 10G --backend memory --if-not-exists blk2
	[[ $output == blk2 ]]
	ctl 0 create blk --size 10G --backend memory --if-not-exists blk2 -q
	[[ -z $output ]]
	ctl 4 create blk --size 11G --queues 3 --backend memory --if-not-exists blk2
	[[ $stderr == *size*queues* || $stderr == *queues*size* ]]
}

@test "5: a device bound elsewhere is not taken without --rebind" {
	fake_devices
	ctl 5 bind virtio qsd --dry-run
	[[ $stderr == *"bound to vhost"*"hint: "*--rebind* ]]
	ctl 0 bind virtio qsd --dry-run --rebind
	[[ $output == *"would unbind qsd from vhost"*"would bind qsd to virtio"* ]]
}

@test "6: without privileges the exit code says so, with a hint" {
	# A place that others can enter, unlike the test's own directory.
	open_dir=$(mktemp -d)
	export VDUSECTL_ROOT=$open_dir
	mkdir -p "$open_dir"/{sys/class/vduse,dev/vduse,run,var/lib,proc}
	mkdir -p "$open_dir"/sys/module/{vduse,vdpa}
	: > "$open_dir/dev/vduse/control"
	chmod 755 "$open_dir"
	chmod 600 "$open_dir/dev/vduse/control"
	install -m 755 "$VDUSECTL" "$open_dir/vdusectl"
	local drop=()
	if [[ $EUID == 0 ]]; then
		drop=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	else
		chmod 000 "$open_dir/dev/vduse/control"
		chmod 555 "$open_dir/run"
	fi
	run --separate-stderr "${drop[@]}" "$open_dir/vdusectl" \
		create blk --size 1G --backend memory d
	echo "$status: $stderr"
	[[ $status == 6 && -z $output ]]
	[[ $stderr == *"hint: "*root* ]]
}

@test "7: without the module create says so and points at doctor" {
	ctl 7 create blk --size 1G --backend memory d
	[[ -z $output && $stderr == "vdusectl: create d: "*vduse*"hint: "*doctor* ]]
	[[ ! -e $VDUSECTL_ROOT/run/vdusectl/d ]]
	[[ -z $(ls "$VDUSECTL_ROOT/var/lib") ]]
}

@test "7: doctor fails where there is no module, and says what mends it" {
	ctl 7 doctor
	[[ $output == *fail*vduse*"-> "* ]]
	ctl 7 doctor --json
	jq -e '.schema == 1 and (.checks | length > 5) and
		any(.checks[]; .status == "fail" and .remedy != null)' <<< "$output"
}

@test "9: operands that fail for different reasons, each reported" {
	fake_devices
	ctl 9 show a/b nosuchdevice blk2
	[[ $stderr == *"show a/b: "*"show nosuchdevice: "* ]]
	[[ $output == *blk2* ]]
	ctl 3 show nosuchdevice othername blk2
	ctl 0 show blk2 blk10
}

@test "hints can be switched off" {
	ctl 3 show nosuchdevice
	[[ $stderr == *hint:* ]]
	ctl 3 show nosuchdevice --no-hints
	[[ $stderr != *hint:* ]]
	ctl 3 show nosuchdevice -q
	[[ $stderr != *hint:* ]]
	VDUSECTL_HINTS=0 ctl 3 show nosuchdevice
	[[ $stderr != *hint:* ]]
}

@test "an error with --json is one object with stage, device and hint" {
	ctl 3 show nosuchdevice --json
	jq -e '.code == "ENOENT" and .stage == "lookup" and .exit == 3 and
		.command == "show" and .device == "nosuchdevice" and
		(.message | contains("nosuchdevice")) and .hint != null' \
		<<< "$stderr"
	jq -e '.devices == []' <<< "$output"
}

@test "a full disk behind stdout is a failure" {
	fake_devices
	local command
	for command in list version help __commands "show blk2" "list --json"; do
		run bash -c "'$VDUSECTL' $command 2>&1 >/dev/full"
		[[ $status == 1 ]]
		[[ $output == *"cannot write the answer"* ]]
	done
	run bash -c "'$VDUSECTL' list 2>&1 >/dev/full"
	[[ $output == *"No space left on device"* ]]
	run bash -c "'$VDUSECTL' list --json 2>&1 >&-"
	[[ $status == 1 ]]
	# Where there is no answer, none can be lost.
	run bash -c "'$VDUSECTL' destroy --if-exists nosuchdevice 2>&1 >&-"
	[[ $status == 0 && -z $output ]]
}

@test "stats and dump of a device whose server is gone say how to start it" {
	fake_devices
	local command
	for command in "stats blk2" "dump vq blk2" "dump config blk2"; do
		# shellcheck disable=SC2086 # two words
		ctl 1 $command
		[[ $stderr == *"hint: "*"vdusectl start blk2"* ]]
	done
}

@test "the server of a foreign device is not asked" {
	fake_devices
	ctl 7 stats qsd
	[[ $stderr == *foreign* ]]
	ctl 7 dump vq qsd
	ctl 2 dump vq qsd --hex
	[[ $stderr == *"--hex goes with 'dump config'"* ]]
}
