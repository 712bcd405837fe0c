#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Our module by make and by dkms: installed before the stock one, and gone
# again; what doctor says of it on the way. One test of dkms goes on where the
# one before ended.

# shellcheck disable=SC2016 # variables of jq

load ../40-bus

modules=/lib/modules/$(uname -r)
own=$modules/updates/dkms/vduse.ko

# dkms runs depmod twice. On all the modules of the kernel that would take a
# minute, so there are a few only.
setup_file() {
	local file few=$BATS_FILE_TMPDIR/few

	guest_setup_file
	[ ! -d /sys/module/vduse ] || modprobe -r vduse
	mkdir -p "$few"
	(
		cd "$modules" || exit
		cp modules.order modules.builtin* "$few"
		for file in $(modprobe -a --show-depends vduse virtio_vdpa \
				vhost_vdpa virtio_blk | awk '$1 == "insmod" { print $2 }'); do
			cp --parents "${file#"$modules/"}" "$few"
		done
	)
	mount --bind "$few" "$modules"
	depmod
}

teardown_file() {
	[ ! -d /sys/module/vduse ] || modprobe -r vduse
	umount "$modules"
	rm -rf /var/lib/dkms/vduse /usr/src/vduse-*
	guest_teardown_file
}

# doctor_says CHECK STATUS DETAIL REMEDY: the beginning or a part of both.
doctor_says() {
	capture vdusectl doctor --json
	holds --arg check "$1" --arg status "$2" --arg detail "$3" \
		--arg remedy "$4" '.checks[] | select(.check == $check) |
		.status == $status and (.detail | contains($detail)) and
		((.remedy // "") | contains($remedy))'
}

dkms_version() { sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$tests_dir/../kmod/dkms.conf"; }

@test "make install puts our module before the stock one" {
	defer depmod
	defer rm -r "$modules/updates"
	run_ok make -C "$O/kmod" install \
		KDIR="$("$tests_dir/vm/fetch-kernel" --headers)"
	[[ $(modinfo -n vduse) == "$modules"/updates/vduse.ko* ]]
	[ "$(modinfo -F srcversion vduse)" = \
		"$(modinfo -F srcversion "$O/kmod/vduse.ko")" ]
	doctor_says module-vduse ok \
		"version $(dkms_version) (modprobe takes updates/vduse.ko" ""
}

@test "dkms: a built module is installed in updates/, not yet loaded" {
	local version

	version=$(dkms_version)
	doctor_says module-vduse ok "comes when needed: the stock module" ""
	run_ok modprobe vduse
	[ ! -e /sys/module/vduse/version ]
	run_ok dkms ldtarball "$O/dkms/vduse.dkms.tar.gz"
	run_ok dkms status
	[[ $output == "vduse/$version, $(uname -r), "*": built" ]]
	doctor_says module-vduse warn \
		"loaded: the stock module; version $version is in dkms" \
		"dkms install vduse/$version"
	run_ok dkms install "vduse/$version"
	run_ok dkms status
	[[ $output == *": installed" ]]
	[ -f "$own" ]
	[ "$(modinfo -n vduse)" = "$own" ]
	doctor_says module-vduse warn \
		"loaded: the stock module; installed: version $version" \
		"modprobe -r vduse && modprobe vduse"
	doctor_says module-signature ok "signed by 'DKMS module signing key'" ""
}

@test "dkms: what doctor advises loads our module, and it makes devices" {
	local name version

	name=$(dev_name)
	version=$(dkms_version)
	make_blk "$name" --size 1M --backend memory
	doctor_says module-vduse warn "installed: version $version" \
		"vdusectl destroy each device"
	run_ok vdusectl destroy "$name"
	capture vdusectl doctor --json
	run_ok sh -c "$(jq -r '.checks[] | select(.check == "module-vduse").remedy' \
		<<< "$output")"
	[ "$(< /sys/module/vduse/version)" = "$version" ]
	[ "$(< /sys/module/vduse/srcversion)" = \
		"$(modinfo -F srcversion "$own")" ]
	doctor_says module-vduse ok "loaded: version $version (modprobe takes updates/" ""
	make_node "$name" --size 1M --backend memory
	dd if="$node" of=/dev/null bs=64k count=1 iflag=direct status=none
	run_ok vdusectl destroy "$name"
}

@test "dkms: remove brings the stock module back" {
	local name

	name=$(dev_name)
	run_ok modprobe -r vduse
	run_ok dkms remove "vduse/$(dkms_version)" --all
	[ ! -e "$own" ]
	run_ok modprobe vduse
	[ ! -e /sys/module/vduse/version ]
	doctor_says module-vduse ok "loaded: the stock module (modprobe takes kernel/" ""
	make_node "$name" --size 1M --backend memory
}
