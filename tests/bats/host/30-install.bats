#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What make puts where, and the rules that the sources keep.

setup() {
	top=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd -P)
	cd "$top" || return
	build=$(realpath -m "${O:-build}")
}

# Our own make must not inherit the one that runs the tests.
quiet_make() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s --no-print-directory \
		O="$build" "$@"
}

@test "install: program, library, headers, pages, completions; uninstall: nothing left" {
	local dest=$BATS_TEST_TMPDIR/dest

	quiet_make install DESTDIR="$dest" PREFIX=/usr
	[ -x "$dest/usr/bin/vdusectl" ]
	[ "$("$dest/usr/bin/vdusectl" version --raw -n)" != "" ]
	[ "$(readlink "$dest/usr/lib/libvduse.so")" = libvduse.so.0 ]
	[ -f "$dest/usr/share/man/man8/vdusectl-create.8" ]
	[ -f "$dest/usr/share/man/man7/vdusectl-json.7" ]
	[ -f "$dest/usr/share/man/man3/libvduse.3" ]
	# Not as linux/, where the headers of the kernel are another package's.
	[ -f "$dest/usr/include/vduse/vduse_ext.h" ]
	[ -f "$dest/usr/share/bash-completion/completions/vdusectl" ]
	[ -f "$dest/usr/share/zsh/site-functions/_vdusectl" ]
	[ -f "$dest/usr/share/fish/vendor_completions.d/vdusectl.fish" ]
	[ -f "$dest/usr/lib/systemd/system/vdusectl@.service" ]
	[ -f "$dest/usr/lib/systemd/system/multi-user.target.wants/vdusectl-restore.service" ]
	[ -f "$dest/usr/lib/systemd/system/final.target.wants/vdusectl-shutdown.service" ]
	grep -qx 'ExecStart=/usr/bin/vdusectl serve --supervise %i' \
		"$dest/usr/lib/systemd/system/vdusectl@.service"
	quiet_make uninstall DESTDIR="$dest" PREFIX=/usr
	[ -z "$(find "$dest" ! -type d)" ]
}

@test "install: a program finds the library by pkg-config and runs with it" {
	local dest=$BATS_TEST_TMPDIR/dest dir=$BATS_TEST_TMPDIR flags

	quiet_make install DESTDIR="$dest" PREFIX=/usr
	cat > "$dir/prog.c" <<-'END'
		#include <stdio.h>
		#include <vduse/ctx.h>
		#include <vduse/inspect.h>
		int main(void)
		{
			struct vdu_ctx *ctx;

			if (vdu_ctx_new(&ctx))
				return 1;
			puts(vdu_version());
			return vdu_ctx_free(ctx) != NULL;
		}
	END
	flags=$(PKG_CONFIG_PATH=$dest/usr/lib/pkgconfig \
		PKG_CONFIG_SYSROOT_DIR=$dest pkg-config --cflags --libs libvduse)
	# shellcheck disable=SC2086
	gcc -Wall -Werror -o "$dir/prog" "$dir/prog.c" $flags
	[ "$(LD_LIBRARY_PATH=$dest/usr/lib "$dir/prog")" = \
		"$(sed -n 's/^VERSION := //p' Makefile)" ]
}

@test "install: the header of our module stands alone, and beside the kernel's" {
	local dest=$BATS_TEST_TMPDIR/dest

	quiet_make install DESTDIR="$dest" PREFIX=/usr
	printf '#include <%s>\n' vduse/vduse_ext.h linux/vduse.h \
		> "$BATS_TEST_TMPDIR/alone.c"
	gcc -std=c99 -pedantic -Wall -Wextra -Werror -fsyntax-only \
		-I "$dest/usr/include" "$BATS_TEST_TMPDIR/alone.c"
}

@test "every symbol of the library has a version" {
	run nm -D --defined-only "$build/libvduse.so"
	[ "$status" -eq 0 ]
	[ "$(grep -c ' T vdu_' <<< "$output")" -gt 50 ]
	[ "$(grep ' T ' <<< "$output" | grep -vc '@@VDUSE_0\.1$')" -eq 0 ]
}

@test "help lists the targets; clean removes what was built" {
	local dir=$BATS_TEST_TMPDIR/tree

	run quiet_make help
	[ "$status" -eq 0 ]
	for target in all install check demo shell bench clean; do
		grep -qE "^  $target +[a-z]" <<< "$output"
	done
	mkdir -p "$dir/man"
	touch "$dir/man/x"
	env -u MAKEFLAGS make -s clean O="$dir"
	[ ! -e "$dir" ]
}

@test "the layers of ARCHITECTURE.md are kept" {
	tests/lint/layers
}

@test "public headers, version map and library agree" {
	O=$build tests/lint/symbols
}

@test "every file has its licence and one subject" {
	tests/lint/files
}
