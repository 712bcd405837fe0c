# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# For the guest parts of tests/bench: the servers that are compared, one at a
# time, all of the same bytes. They run as a user would start them, with their
# defaults, but where it is said.
#
# null_blk completes a request where it is submitted (irqmode=0) and has no
# data: what fio and the block layer need alone, the ceiling for everybody.
# nbdkit's clients may ask in any order; nbd-client has a connection per queue.

bench_size=$((64 << 20))
bench_image=''		# the file that all serve; '': none
bench_node=''		# what fio is given
bench_pid=''		# of a server that runs in the background

die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# wait_until COMMAND...: true within 10 s.
wait_until() {
	for _ in {1..500}; do
		! "$@" || return 0
		sleep 0.02
	done
	die "no success in 10 s: $*"
}

# An idle guest that counts instructions jumps to its next timer, and so every
# limit would be met while it waits for a page of a program from the host. This
# keeps it from being idle, except while something is measured.
stay_awake() {
	(while :; do :; done) &
	bench_spinner=$!
	chrt -i -p 0 "$bench_spinner"
	trap 'kill -KILL "$bench_spinner"' EXIT
}

begin_measuring() { kill -STOP "$bench_spinner"; }
end_measuring() { kill -CONT "$bench_spinner"; }

# load_vduse stock|own: the kernel's own or ours, which is in updates/.
load_vduse() {
	local dir=updates

	[ "$1" = own ] || dir=kernel
	[ ! -d /sys/module/vduse ] || rmmod vduse
	insmod "$(find "/lib/modules/$(uname -r)/$dir" -name 'vduse.ko*')"
}

# make_image BACKEND: file, memory or null. The page cache must hold the file,
# and nothing may write it back meanwhile: then the figures are those of the
# servers, not of a disk. Who cannot serve plain memory gets a file on tmpfs.
make_image() {
	case $1 in
	null) bench_image=''; return ;;
	memory) bench_image=/tmp/bench.img ;;
	file)
		bench_image=/run/bench/bench.img
		if ! mountpoint -q /run/bench; then
			modprobe brd rd_nr=1 rd_size=131072
			mkdir -p /run/bench
			mkfs.ext4 -q -E lazy_itable_init=0 /dev/ram0
			mount -o noatime /dev/ram0 /run/bench
			echo 0 > /proc/sys/vm/dirty_writeback_centisecs
			echo 80 > /proc/sys/vm/dirty_background_ratio
			echo 90 > /proc/sys/vm/dirty_ratio
		fi ;;
	*) die "no back end $1" ;;
	esac
	head -c "$bench_size" /dev/urandom > "$bench_image"
	sync "$bench_image"
}

can_poll() {
	vdusectl create blk -h | grep -q -- '^ .*--poll'
}

# servers MODULE BACKEND: whom there is to measure. MODULE none: those that have
# nothing to do with VDUSE.
servers() {
	case $1-$2 in
	none-file) echo null_blk loop nbdkit ;;
	none-memory) echo loop nbdkit ;;
	none-null) echo nbdkit ;;
	*-null) echo qsd-null ours ;;
	*) echo qsd-threads qsd-io_uring ours ;;
	esac
	if [ "$1" != none ] && can_poll; then
		echo ours-poll
	fi
}

start_ours() {
	local backend=$1 queues=$2
	shift 2

	case $backend in
	file) backend=file:$bench_image ;;
	esac
	vdusectl -q create blk --size "$bench_size" --backend "$backend" \
		--queues "$queues" "$@" bench
}

start_qsd() {
	local aio=$1 queues=$2 blockdev

	blockdev=driver=file,filename=$bench_image,aio=$aio
	[ -n "$bench_image" ] ||
		blockdev=driver=null-co,size=$bench_size,read-zeroes=on
	TMPDIR=/tmp qemu-storage-daemon --blockdev \
		"$blockdev,node-name=disk" --export \
		"type=vduse-blk,id=bench,node-name=disk,name=bench,writable=on,num-queues=$queues" &
	bench_pid=$!
	wait_until test -c /dev/vduse/bench
}

# A size in /sys means that the connection is up.
nbd_ready() { [ "$(cat /sys/block/nbd0/size)" -gt 0 ]; }

start_nbdkit() {
	local backend=$1 queues=$2 plugin

	case $backend in
	file) plugin=(file "$bench_image") ;;
	memory) plugin=(memory "$bench_size") ;;
	null) plugin=(null "$bench_size") ;;
	esac
	rm -f /tmp/nbd.sock
	nbdkit --foreground --unix /tmp/nbd.sock "${plugin[@]}" &
	bench_pid=$!
	wait_until test -S /tmp/nbd.sock
	nbd-client -unix /tmp/nbd.sock -C "$queues" /dev/nbd0 \
		> /tmp/nbd.out 2>&1 || die "$(cat /tmp/nbd.out)"
	wait_until nbd_ready
	bench_node=/dev/nbd0
}

# start SERVER BACKEND QUEUES DRIVER: sets $bench_node.
start() {
	local server=$1 backend=$2 queues=$3 driver=${4:-virtio}

	case $server in
	null_blk)
		modprobe null_blk nr_devices=1 gb=1 queue_mode=2 irqmode=0 \
			"submit_queues=$queues"
		bench_node=/dev/nullb0 ;;
	loop) bench_node=$(losetup -f --show "$bench_image") ;;
	nbdkit) start_nbdkit "$backend" "$queues" ;;
	qsd-*) start_qsd "${server#qsd-}" "$queues" ;;
	ours) start_ours "$backend" "$queues" ;;
	ours-poll)
		start_ours "$backend" "$queues" --poll "${BENCH_POLL:-50}" ;;
	ours-affinity) start_ours "$backend" "$queues" --affinity auto ;;
	*) die "no server $server" ;;
	esac
	case $server in
	qsd-*|ours*) bench_node=$(vdusectl bind "$driver" bench) ;;
	esac
}

end_process() {
	kill "$bench_pid"
	wait "$bench_pid" || true
}

stop() {
	case $1 in
	null_blk) rmmod null_blk ;;
	loop) losetup -d "$bench_node" ;;
	nbdkit)
		nbd-client -d /dev/nbd0 > /tmp/nbd.out 2>&1
		end_process ;;
	qsd-*)
		vdusectl -q unbind bench
		end_process ;;
	ours*) vdusectl -q destroy bench ;;
	esac
}
