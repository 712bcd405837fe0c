#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# destroy --force and unbind --force: whatever the server does, they end in
# time, the I/O with an error, and nothing is left.

# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own

load 40-bus
load 30-held

# What a disk says whose requests end in errors.
io_errors() {
	expect_dmesg 'I/O error, dev vd|Buffer I/O error on dev(ice)? vd'
	expect_dmesg 'virtio[0-9]+: device refuses features|virtio_blk.*probe.*fail'
	expect_dmesg 'EXT4-fs|JBD2|Aborting journal|lost (sync )?page write'
}

# forced: destroy --force of $name works, and nothing is left.
forced() {
	run_ok timeout 60 vdusectl destroy --force --timeout 20 "$name"
	[ ! -e "/dev/vduse/$name" ]
	[ ! -e "/run/vdusectl/$name" ]
	not_attached "$name"
	[ -z "$(pgrep -f "serve .*$name")" ]
}

# failed_io PID: a reader or writer in the background has ended, in error.
failed_io() {
	wait_until 20 ended "$1"
	! wait "$1" || fail "the I/O has not failed"
}

has_status() { [ "$(server_of "$name")" = "$1" ]; }

# reader: reads all of $node again and again until it fails: $job.
reader() {
	in_background sh -c "while dd if=$node of=/dev/null bs=64k \
		iflag=direct status=none; do :; done; exit 1"
}

@test "force: a stopped server, nobody uses the disk" {
	local pid

	io_errors
	name=$(dev_name)
	make_node "$name" --size 4M --queues 2
	pid=$(server_of "$name")
	kill -STOP "$pid"
	run_fail 8 vdusectl destroy --timeout 2s "$name"
	[[ $stderr == *"hint: --force"* ]]
	forced
	ended "$pid"
	[ ! -e "/var/lib/vdusectl/$name.img" ]
	# Not bound at all.
	make_blk "$name" --size 4M
	kill -STOP "$(server_of "$name")"
	forced
}

@test "force: a stopped server with I/O in flight" {
	local i

	io_errors
	for i in 1 2; do
		name=$(dev_name)
		make_node "$name" --size 4M --queues "$i" --backend memory
		reader
		sleep 0.3
		kill -STOP "$(server_of "$name")"
		sleep 0.3
		forced
		failed_io "$job"
	done
}

@test "force: a killed server with I/O in flight, deep" {
	requires fio
	io_errors
	name=$(dev_name)
	make_node "$name" --size 8M --queues 2 --backend memory
	in_background fio --name=x --filename="$node" --rw=randrw --bs=4k \
		--ioengine=libaio --iodepth=32 --numjobs=2 --direct=1 \
		--time_based --runtime=300 --allow_file_create=0 --minimal
	wait_until 20 more_than 200
	unsupervised "$name"
	kill -9 "$(server_of "$name")"
	wait_until 10 state_is "$name" stalled
	forced
	failed_io "$job"
}

@test "force: a log of requests in flight that cannot be used" {
	io_errors
	name=$(dev_name)
	make_node "$name" --size 8M
	reader
	wait_until 20 more_than 20
	unsupervised "$name"
	kill -9 "$(server_of "$name")"
	wait_until 10 state_is "$name" stalled
	mv "/run/vdusectl/$name/inflight" "$BATS_TEST_TMPDIR"
	ln -s "$BATS_TEST_TMPDIR/inflight" "/run/vdusectl/$name/inflight"
	run_fail 1 vdusectl start "$name"
	[[ $stderr == *"cannot use its in-flight log"* ]]
	forced
	failed_io "$job"
}

# more_than N: requests of $disk have ended.
more_than() {
	local reads writes

	read -r reads _ _ _ writes _ < "/sys/block/$disk/stat"
	((reads + writes > $1))
}

@test "force: I/O that the backend holds" {
	local keeper

	io_errors
	name=$(dev_name)
	slow_disk
	make_node "$name" --backend "file:$slow"
	# The last one to close a block device waits for its cache, unkillably:
	# here that is not the server.
	(exec < "$slow"; exec sleep 300) 3>&- &
	keeper=$!
	defer release 0
	defer kill "$keeper"
	hold 0
	read_later "$BATS_TEST_TMPDIR/read" 0
	wait_until 10 in_flight "$name" 1
	forced
	failed_io "$reader"
	release 0
}

@test "force: a server that the kernel holds: timed out, says so, later done" {
	local flusher

	io_errors
	name=$(dev_name)
	slow_disk
	make_node "$name" --backend "file:$slow"
	hold 0
	# A flush waits in a thread that nothing can end.
	dd if=/dev/zero of="$node" bs=64k seek=16 count=1 oflag=direct \
		conv=fsync status=none 3>&- &
	flusher=$!
	wait_until 10 in_flight "$name" 1
	run_fail 8 timeout 60 vdusectl destroy --force --timeout 6s "$name"
	[[ $stderr == *"its server, pid "*", does not die: the kernel holds it"* ]]
	release 0
	forced
	wait_until 20 ended "$flusher"
}

@test "force: a server that is killed at any message of a bind" {
	local k pid

	requires strace
	io_errors
	modprobe virtio_vdpa
	for k in 1 2 3 4 5; do
		name=$(dev_name "$k")
		make_blk "$name" --size 1M --backend memory
		unsupervised "$name"
		pid=$(server_of "$name")
		kill_at "$pid" "$k"
		in_background vdusectl --timeout 100s bind virtio "$name"
		wait_until 20 ended "$pid"
		forced
		wait_until 20 ended "$job"
		run_fail 3 vdusectl show "$name"
	done
}

# kill_at PID N: SIGKILL in its N-th read, which mostly is one of a message: it
# has it, and has not answered.
kill_at() {
	in_background strace -qq -p "$1" -o "$BATS_TEST_TMPDIR/strace" \
		-e trace=read -e "inject=read:signal=KILL:when=$2"
	wait_until 10 traced_by "$1" "$job"
}

traced_by() { grep -q "^TracerPid:.$2\$" "/proc/$1/status"; }

@test "force: a server that is killed while its driver goes" {
	local pid

	io_errors
	name=$(dev_name)
	make_node "$name" --size 1M --backend memory
	pid=$(server_of "$name")
	kill -STOP "$pid"
	in_background sh -c "echo $name > $bus/drivers/virtio_vdpa/unbind"
	wait_until 10 waits_in "$job" D
	kill -9 "$pid"
	forced
	wait_until 20 ended "$job"
}

# waits_in PID STATE
waits_in() {
	[ "$(sed -n 's/^State:.\(.\).*/\1/p' "/proc/$1/status")" = "$2" ]
}

@test "force: another command that waits for the server is in the way" {
	io_errors
	name=$(dev_name)
	make_blk "$name" --size 1M --backend memory
	run_ok vdusectl bind virtio "$name"
	kill -STOP "$(server_of "$name")"
	in_background vdusectl --timeout 100s unbind "$name"
	wait_until 10 locked "$name"
	forced
	wait_until 20 ended "$job"
}

locked() { ! flock -n "/run/vdusectl/$1/lock" true; }

unmounted() { ! mountpoint -q "$1" || umount -l "$1"; }

@test "force: a mounted file system; the warning says so" {
	local mnt=$BATS_TEST_TMPDIR/mnt

	io_errors
	name=$(dev_name)
	make_node "$name" --size 32M --backend memory
	mkfs.ext4 -q "$node"
	mkdir "$mnt"
	mount "$node" "$mnt"
	defer unmounted "$mnt"
	echo text > "$mnt/file"
	run_fail 5 vdusectl destroy "$name"
	forced
	[[ $stderr == *"warning: '$name' is in use: mounted on $mnt"* ]]
	capture sh -c "echo more > $mnt/other && sync $mnt/other"
	[ "$status" -ne 0 ]
	umount "$mnt"
}

@test "force: a mounted file system whose server is stopped, with writers" {
	local mnt=$BATS_TEST_TMPDIR/mnt

	io_errors
	name=$(dev_name)
	make_node "$name" --size 32M --backend memory
	mkfs.ext4 -q "$node"
	mkdir "$mnt"
	mount "$node" "$mnt"
	defer unmounted "$mnt"
	in_background sh -c "while dd if=/dev/zero of=$mnt/x bs=64k count=16 \
		conv=fsync status=none; do :; done; exit 1"
	wait_until 10 test -s "$mnt/x"
	kill -STOP "$(server_of "$name")"
	forced
	failed_io "$job"
	umount "$mnt"
}

@test "force: a device that the kernel has given up" {
	io_errors
	expect_dmesg 'vduse.*timeout'
	name=$(dev_name)
	make_node "$name" --size 1M --backend memory
	echo 1 > "/sys/class/vduse/$name/msg_timeout"
	kill -STOP "$(server_of "$name")"
	timeout 20 sh -c "echo $name > $bus/drivers/virtio_vdpa/unbind" || true
	timeout 20 sh -c "echo $name > $bus/drivers/virtio_vdpa/bind" || true
	forced
}

@test "force: unbind leaves the device, and its data, for a new server" {
	local data=$BATS_TEST_TMPDIR/data

	io_errors
	name=$(dev_name)
	make_node "$name" --size 1M
	random_file "$data" 65536
	write_node "$data" "$node"
	kill -STOP "$(server_of "$name")"
	reader
	run_ok vdusectl unbind --force --timeout 20 "$name"
	failed_io "$job"
	not_attached "$name"
	state_is "$name" created
	run_ok vdusectl start "$name"
	run_ok vdusectl bind virtio "$name"
	same_disk "$data" "$output" 65536
	run_ok vdusectl unbind "$name"
	run_ok vdusectl unbind --force "$name"
	state_is "$name" serving
}

@test "force: not even so is a VM robbed of its disk; one that dies lets go" {
	requires vhost-blk
	name=$(dev_name)
	make_vnode "$name" --size 4M --backend memory
	in_background vhost-blk "$vnode" verify --seconds 60
	wait_until 20 busy "$name"
	run_fail 5 vdusectl destroy --force "$name"
	[[ $stderr == *"open in pid $job"* ]]
	state_is "$name" bound
	kill -STOP "$(server_of "$name")"
	run_fail 5 vdusectl unbind --force "$name"
	kill -9 "$job"
	forced
	wait_until 20 ended "$job"
}

busy() {
	vdusectl dump vq --json "$1" | jq -e '.queues[0].used_idx > 50'
}

@test "force: a server that is killed at any message of a VM" {
	local k pid

	requires vhost-blk strace
	for k in 1 2 3 4 5 6 7 8; do
		name=$(dev_name "$k")
		make_vnode "$name" --size 1M --backend memory
		unsupervised "$name"
		pid=$(server_of "$name")
		kill_at "$pid" "$k"
		in_background vhost-blk "$vnode" verify --seconds 2
		vm=$job
		wait_until 30 ended "$pid"
		# It may have been at its end.
		kill -9 "$vm" || true
		forced
		wait_until 20 ended "$vm"
	done
}

@test "force: a foreign server, killed with I/O in flight" {
	io_errors
	name=$(dev_name)
	make_foreign "$name"
	modprobe virtio_blk
	run_ok vdusectl bind virtio "$name"
	disk=$(foreign_disk "$name") node=/dev/$(foreign_disk "$name")
	reader
	wait_until 20 more_than 100
	kill -9 "$foreign_pid"
	wait "$foreign_pid" || true
	state_is "$name" stalled
	run_ok timeout 60 vdusectl destroy --force --timeout 20 "$name"
	failed_io "$job"
	[ ! -e "/dev/vduse/$name" ]
	[ ! -e "/run/vdusectl/$name" ]
}

@test "force: a foreign server that lives is ended, and that is said" {
	io_errors
	name=$(dev_name)
	make_foreign "$name"
	run_fail 5 vdusectl destroy "$name"
	[[ $stderr == *"pid $foreign_pid"*"not ours"* ]]
	run_ok timeout 60 vdusectl destroy --force --timeout 20 "$name"
	[[ $stderr == *"warning: ending pid $foreign_pid ("* ]]
	[ ! -e "/dev/vduse/$name" ]
}

@test "force: interrupted, the same command ends it" {
	local pid

	io_errors
	name=$(dev_name)
	slow_disk
	make_node "$name" --backend "file:$slow"
	hold 0
	read_later "$BATS_TEST_TMPDIR/read" 0
	wait_until 10 in_flight "$name" 1
	in_background vdusectl destroy --force "$name"
	sleep 0.3
	kill -TERM "$job"
	wait "$job" || true
	[ -z "$(pgrep -f "serve --rescue $name")" ]
	# A killed server may be held by the kernel until its disk is back; then
	# the read may be answered, too.
	release 0
	[ ! -e "/dev/vduse/$name" ] || forced
	wait_until 20 ended "$reader"
}

@test "force: all, ours and those that nobody serves" {
	local foreign dead

	io_errors
	name=$(dev_name) foreign=$(dev_name live) dead=$(dev_name dead)
	make_node "$name" --size 1M
	make_foreign "$dead"
	kill -9 "$foreign_pid"
	wait "$foreign_pid" || true
	make_foreign "$foreign"
	run_ok vdusectl bind virtio "$foreign"
	kill -STOP "$(server_of "$name")"
	run_ok timeout 60 vdusectl unbind --force --all
	not_attached "$name"
	attached "$foreign"
	run_ok timeout 60 vdusectl destroy --force --all --keep-image
	[ ! -e "/dev/vduse/$name" ]
	[ ! -e "/dev/vduse/$dead" ]
	[ -e "/dev/vduse/$foreign" ]
	[ -e "/var/lib/vdusectl/$name.img" ]
	rm "/var/lib/vdusectl/$name.img"
	run_ok vdusectl unbind "$foreign"
}

@test "force: restore --reverse: what is in use and served stays; all come back bound" {
	local used dead pid mnt=$BATS_TEST_TMPDIR/mnt

	io_errors
	name=$(dev_name) used=$(dev_name used) dead=$(dev_name dead)
	make_foreign "$dead"
	run_ok vdusectl bind virtio "$dead"
	kill -9 "$foreign_pid"
	wait "$foreign_pid" || true
	make_node "$used" --size 16M --persist
	mkfs.ext4 -q "$node"
	mkdir "$mnt"
	mount "$node" "$mnt"
	defer umount "$mnt"
	pid=$(server_of "$used")
	make_node "$name" --size 1M --persist
	unsupervised "$name"
	kill -STOP "$(server_of "$name")"
	run_fail 5 timeout 120 vdusectl restore --reverse --force --timeout 20
	[[ $stderr == *"restore $used: "*"mounted on $mnt"* ]]
	[ ! -e "/dev/vduse/$name" ]
	[ ! -e "/dev/vduse/$dead" ]
	[ "$(server_of "$used")" = "$pid" ]
	echo data > "$mnt/file"
	umount "$mnt"
	run_ok vdusectl restore --reverse --force
	[ -z "$(vdusectl list -n)" ]
	run_ok vdusectl restore
	driver_is "$name" virtio_vdpa
	driver_is "$used" virtio_vdpa
	run_ok vdusectl destroy "$name" "$used"
}

@test "rescue: by hand: errors at once, until the server is back" {
	local data=$BATS_TEST_TMPDIR/data

	io_errors
	name=$(dev_name)
	make_node "$name" --size 1M
	random_file "$data" 65536
	write_node "$data" "$node"
	run_fail 5 vdusectl serve --rescue "$name"
	unsupervised "$name"
	kill -9 "$(server_of "$name")"
	wait_until 10 state_is "$name" stalled
	in_background vdusectl serve --rescue "$name"
	wait_until 10 has_status "$job"
	run_fail 1 dd if="$node" of=/dev/null bs=4k count=1 iflag=direct
	grep -q Seccomp:.2 "/proc/$job/status"
	grep -q CapEff:.0000000000000000 "/proc/$job/status"
	run_fail 5 vdusectl bind --rebind vhost "$name"
	run_ok vdusectl start "$name"
	wait_until 10 ended "$job"
	same_disk "$data" "$node" 65536
}

# orphans FILTER: jq finds that true of the doctor's checks.
orphans() {
	capture vdusectl --json doctor
	holds ".checks[] | select(.check == \"orphan-devices\" or
		.check == \"orphan-attached\") | $1"
}

@test "doctor: --repair clears what crashes have left, and nothing that lives" {
	local dead live

	io_errors
	name=$(dev_name) dead=$(dev_name dead) live=$(dev_name live)
	modprobe virtio_blk
	make_foreign "$dead"
	run_ok vdusectl bind virtio "$dead"
	kill -9 "$foreign_pid"
	wait "$foreign_pid" || true
	make_foreign "$live"
	make_node "$name" --size 1M --backend memory
	echo "$name" > "$bus/drivers/virtio_vdpa/unbind"
	orphans "select(.check == \"orphan-devices\").detail |
		endswith(\": $dead\")"
	orphans "select(.check == \"orphan-attached\").detail |
		endswith(\": $name\")"
	run_ok vdusectl doctor --repair --dry-run
	state_is "$dead" stalled
	run_ok vdusectl doctor --repair
	[[ $stderr == *"removed the device $dead"* ]]
	[ ! -e "/dev/vduse/$dead" ]
	[ ! -e "/run/vdusectl/$dead" ]
	not_attached "$name"
	state_is "$name" serving
	state_is "$live" serving
	orphans '.detail == "none"'
}

@test "doctor: --repair leaves alone what is in use, and says so" {
	io_errors
	name=$(dev_name)
	modprobe virtio_blk
	make_foreign "$name"
	run_ok vdusectl bind virtio "$name"
	node=/dev/$(foreign_disk "$name")
	in_background sh -c "exec 9< $node; exec sleep 300"
	wait_until 10 test -e "/proc/$job/fd/9"
	kill -9 "$foreign_pid"
	wait "$foreign_pid" || true
	run_fail 5 vdusectl doctor --repair
	[[ $stderr == *"'$name' is in use: open in pid $job"* ]]
	state_is "$name" stalled
	kill -9 "$job"
	wait "$job" || true
	run_ok vdusectl doctor --repair
	[ ! -e "/dev/vduse/$name" ]
}
