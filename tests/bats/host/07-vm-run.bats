#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/vm/run when a guest dies: one whose kernel did so at boot is booted
# again, any other is a failure. The guest is played by a script in QEMU's
# place, which uses the files and the socket that QEMU would use.
# shellcheck disable=SC2016 # that script expands it

bats_require_minimum_version 1.5.0

setup() {
	[ "$(id -u)" -eq 0 ] || skip "tests/vm/run needs root"
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p bin kernel/boot
	touch kernel/boot/vmlinuz-none
	cat > bin/qemu-system-x86_64 <<-'END'
		#!/bin/bash
		words=$*
		# path KIND NAME: of that character device.
		path() {
			[[ $words =~ "$1,id=$2,path="([^, ]*) ]]
			printf '%s\n' "${BASH_REMATCH[1]}"
		}
		# A virtiofsd ends with its connection.
		perl -MIO::Socket::UNIX -e \
			'IO::Socket::UNIX->new(Peer => $ARGV[0]) or exit 1' \
			"$(path socket root)" || exit 1
		echo boot >> boots
		. ./guest
	END
	chmod +x bin/qemu-system-x86_64
}

# vm_run STATUS: run a command in such a guest.
vm_run() {
	PATH=$PWD/bin:$PATH run "-$1" --separate-stderr timeout 60 \
		"$BATS_TEST_DIRNAME/../../vm/run" --accel tcg \
		--kernel "$PWD/kernel" --console "$PWD/console" -- true
	printf 'stdout: %s\nstderr: %s\n' "$output" "$stderr"
}

boots() { [ "$(wc -l < boots)" -eq "$1" ]; }

again() { [ "$(grep -c 'booting again' <<< "$stderr")" -eq "$1" ]; }

@test "vm/run: a guest whose kernel dies at boot is booted again" {
	cat > guest <<-'END'
		echo "boot $(wc -l < boots)" >> "$(path file console)"
		if [ "$(wc -l < boots)" -eq 1 ]; then
			echo 'Oops: int3: 0000 [#1] SMP' >> "$(path file console)"
			exit 0
		fi
		echo hello > "$(path file stdout)"
		printf 'up\nexit 7\n' > "$(path file status)"
	END
	vm_run 7
	[ "$output" = hello ]
	[[ $stderr == *"tests/vm/run: the guest's kernel died at boot; booting again (2 of 3)"* ]]
	again 1
	boots 2
	# Of the first one, too.
	grep -q 'Oops: int3' console
	grep -q 'boot 2' console
}

@test "vm/run: three times in all" {
	echo 'echo Oops >> "$(path file console)"' > guest
	vm_run 1
	[[ $stderr == *"(3 of 3)"*"the guest did not boot"* ]]
	again 2
	boots 3
}

@test "vm/run: not again once the guest was up" {
	echo 'echo up > "$(path file status)"' > guest
	vm_run 1
	[[ $stderr == *"the guest died while it ran the command"* ]]
	boots 1
}

@test "vm/run: not again after output, after what init says, or a QEMU that fails" {
	local guest
	for guest in 'echo hello > "$(path file stdout)"' \
			'echo "init: no root" >> "$(path file console)"' 'exit 1'; do
		rm -f boots
		printf '%s\n' "$guest" > guest
		vm_run 1
		[[ $stderr == *"the guest did not boot"* ]]
		boots 1
	done
}
