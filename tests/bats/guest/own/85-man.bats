#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The example of vduse(7), as it stands there.
# shellcheck disable=SC2154 # status, output, tests_dir: set by helpers

load ../40-bus

# The driver's view: four bytes at 96, of /dev/vhost-vdpa-N.
field() {
	perl -e 'open(my $node, "+<", $ARGV[0]) or die "open: $!";
		my $config = pack("L3", 96, 4, 0);
		ioctl($node, 0x8008af73, $config) or die "get: $!";
		print unpack("x8 L<", $config), "\n"' "$1"
}

@test "own: the example of vduse(7): a field with an error code, which a read resets" {
	local dir=$BATS_TEST_TMPDIR node server

	requires gcc perl vdpa
	modprobe -a vduse vhost_vdpa
	sed -n '/^#include <fcntl.h>/,/^```/p' "$tests_dir/../man/vduse.7.scd" |
		sed -e '/^```/d' -e 's/\\\\/\\/g' > "$dir/example.c"
	mkdir "$dir/vduse"
	cp "$tests_dir/../kmod/uapi/linux/vduse_ext.h" "$dir/vduse"
	run_ok gcc -I"$dir" -o "$dir/example" "$dir/example.c"

	"$dir/example" > "$dir/said" 3>&- 4>&- &
	server=$!
	defer vdusectl destroy --force errors
	defer kill "$server"
	wait_until 10 test -e /dev/vduse/errors
	run_ok vdusectl bind vhost errors
	node=$output

	run_ok field "$node"
	[ "$output" = 5 ]
	run_ok field "$node"
	[ "$output" = 0 ]
	wait_until 10 grep -qx "read: generation [0-9]*" "$dir/said"
	[ "$(wc -l < "$dir/said")" -eq 1 ]
	[ "$(< /sys/class/vduse/errors/ext/config_cleared)" = 1 ]
	[ "$(< /sys/class/vduse/errors/ext/pending)" = 0 ]
}
