#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What stands in several files of kmod/ is the same everywhere.

setup() {
	cd "$BATS_TEST_DIRNAME/../../../kmod" || return
	# shellcheck disable=SC2034 # kernel_source_dir: used by dkms.conf
	kernel_source_dir=/headers
	# shellcheck disable=SC1091
	. ./dkms.conf
}

@test "dkms.conf has the version of the module" {
	[ -n "$PACKAGE_VERSION" ]
	[ "$(sed -n 's/^MODULE_VERSION("\(.*\)");$/\1/p' ./*.c)" = \
		"$PACKAGE_VERSION" ]
	[ "$(sed -n 's/^VERSION := //p' ../Makefile)" = "$PACKAGE_VERSION" ]
}

@test "dkms.conf builds the module of Kbuild, with its makefile" {
	grep -qx "obj-m := ${BUILT_MODULE_NAME[0]}.o" Kbuild
	[ "${MAKE[0]}" = "make KDIR=/headers" ]
	make -n KDIR=/headers | grep -q -- '-C /headers M='
}

# Whatever a source includes by a name of its own stands in the tree that dkms
# copies, and make knows it: the module is built again when it changes.
@test "every file that the sources include is one that make copies" {
	local known name n=0

	# shellcheck disable=SC2016 # a variable of make
	known=$(env -u MAKEFLAGS -u MFLAGS make -s -C .. --no-print-directory \
		--eval 'kmod-srcs: ; $(info $(KMOD_SRCS))' kmod-srcs)
	for name in $(sed -n 's/^#include "\(.*\)"$/\1/p' ./*.[ch]) \
			linux/vduse_ext.h; do
		n=$((n + 1))
		[[ " $known " == *" kmod/$name "* ||
			" $known " == *" kmod/uapi/$name "* ]] || {
				echo "$name"
				return 1
			}
	done
	[ "$n" -gt 10 ]
}

# A tree of headers of that kernel, as far as check-kernel looks.
headers_of() {
	mkdir -p "$1/include/config"
	echo "$2" > "$1/include/config/kernel.release"
	printf 'CONFIG_%s=y\n' VDPA EVENTFD IOMMU_IOVA ARCH_HAS_DMA_OPS \
		> "$1/.config"
}

@test "dkms.conf and KERNELS let the same kernels in" {
	local release verdict seen=''

	for release in 6.1.12 6.11.9 6.12.0 6.12.117+deb12-cloud-amd64 \
			6.13.0 6.120.1 16.12.1 7.0.0 5.6.12; do
		headers_of "$BATS_TEST_TMPDIR/$release" "$release"
		verdict=out
		! ./check-kernel "$BATS_TEST_TMPDIR/$release" || verdict=in
		seen+=" $verdict"
		if [[ $release =~ $BUILD_EXCLUSIVE_KERNEL ]]; then
			[ "$verdict" = in ] || { echo "$release"; return 1; }
		else
			[ "$verdict" = out ] || { echo "$release"; return 1; }
		fi
	done
	[[ $seen == *in* && $seen == *out* ]]
}

@test "check-kernel refuses a kernel that lacks what the module stands on" {
	local dir=$BATS_TEST_TMPDIR/lacking

	headers_of "$dir" 6.12.1
	./check-kernel "$dir"
	sed -i '/IOMMU_IOVA/d' "$dir/.config"
	run ./check-kernel "$dir"
	[ "$status" -ne 0 ]
	[[ $output == *"6.12.1 lacks CONFIG_IOMMU_IOVA"* ]]
	run ./check-kernel "$BATS_TEST_TMPDIR/none"
	[ "$status" -ne 0 ]
}
