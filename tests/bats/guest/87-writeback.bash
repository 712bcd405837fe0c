# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# When a write is safe. What is on the medium is told by the file of a loop
# device: what the server has not synced is in the cache of that device, which
# nothing else writes back here. Wants 10-blk, which whoever loads this has loaded
# from where he is.

# shellcheck disable=SC2154 # node, disk, loop: set by others

# ours NAME: the module that made it has extensions.
ours() { [ -d "/sys/class/vduse/$1/ext" ]; }

# medium BYTES: $loop, on the file $store.
medium() {
	store=$BATS_TEST_TMPDIR/store
	make_loop "$store" "$1"
	defer sysctl -q "vm.dirty_writeback_centisecs=$(sysctl -n \
		vm.dirty_writeback_centisecs)"
	sysctl -q vm.dirty_writeback_centisecs=0
	# The kernel writes back at once for a disk that it has no measure of.
	dd if=/dev/zero of="$loop" bs=1M count=$(($1 >> 20)) conv=fsync \
		status=none
	block=0
}

# write_block [OPTION...]: 64 KiB to the next place of $node, in $data.
write_block() {
	data=$BATS_TEST_TMPDIR/data
	random_file "$data" 65536
	write_node "$data" "$node" seek=$((++block)) "$@"
}

# is_safe: what was written last is on the medium.
is_safe() { cmp -s -n 65536 -i "$((block * 65536)):0" "$store" "$data"; }
is_not_safe() { ! is_safe; }

# loop_flushes: of the backend, by the kernel's count.
loop_flushes() {
	local -a stat

	read -ra stat < "/sys/block/${loop#/dev/}/stat"
	printf '%s\n' "${stat[15]}"
}

cache_type() { printf '%s\n' "$(< "/sys/block/$disk/cache_type")"; }
set_cache_type() { printf '%s\n' "$1" > "/sys/block/$disk/cache_type"; }

# cache_is NAME NOW WANTED
cache_is() {
	[ "$(shown "$1" cache)" = "$2" ] && [ "$(shown "$1" cache_wanted)" = "$3" ]
}

# killed NAME: its server has gone and another one has come.
killed() {
	local pid

	pid=$(column "$1" pid)
	kill -9 "$pid"
	wait_until 10 is_back "$1" "$pid"
}
