#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/vm/bats: what it makes of a guest that dies. The guest is a script here.

setup() {
	tests=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	dir=$BATS_TEST_TMPDIR/tests
	mkdir -p "$dir/vm"
	cp "$tests/vm/bats" "$dir/vm/bats"
	for file in one two; do
		printf '@test "%s a" {\n\ttrue\n}\n@test "%s b" {\n\ttrue\n}\n' \
			$file $file > "$dir/$file.bats"
	done
	export O=$BATS_TEST_TMPDIR/build DIR=$dir
	# It dies in its third test if "words" is there, with those last words.
	cat > "$dir/vm/run" <<-'END'
		#!/bin/bash
		echo boot >> "$DIR/boots"
		while [ "$1" != -- ]; do
			[ "$1" != --console ] || console=$2
			shift
		done
		[ -s "$DIR/words" ] || exec bats --tap "${@: -1}"
		printf '1..4\nok 1 one a\nok 2 one b\nok 3 two a\n'
		cp "$DIR/words" "$console"
		rm "$DIR/words"
		exit 1
	END
	chmod +x "$dir/vm/run"
}

# dies LINE...: the guest, with these last words; the result is counted.
dies() {
	printf '%s\n' "$@" > "$dir/words"
	run "$dir/vm/bats" --tap guest-x "$dir/one.bats" "$dir/two.bats"
	result=$status
	count=$("$tests/tap-count" "$O/tap" guest | tail -n 1) || true
	boots=$(wc -l < "$dir/boots")
}

@test "vm/bats: a guest that dies of its emulation gets another, for the rest" {
	dies 'CPU: 1 PID: 8 Comm: date Not tainted 6.12' \
		'Modules linked in: vduse vdpa' \
		'Kernel panic - not syncing: Fatal exception'
	[ "$result" -eq 0 ]
	[ "$boots" -eq 2 ]
	[ "$count" = "4 passed, 0 failed, 0 skipped" ]
	[[ $output == *"died of nothing that was tested; again from two.bats"* ]]
}

@test "vm/bats: one that dies in what is tested, or with our module, does not" {
	dies 'CPU: 1 PID: 8 Comm: date Not tainted 6.12' ' vduse_dev_open+0x1/0x2 [vduse]' \
		'Kernel panic - not syncing: Fatal exception'
	[ "$result" -ne 0 ]
	[ "$boots" -eq 1 ]
	[ "$count" = "3 passed, 1 failed, 0 skipped" ]
	rm -r "$O" "$dir/boots"
	dies 'CPU: 1 PID: 8 Comm: date Tainted: G OE 6.12' \
		'Kernel panic - not syncing: Fatal exception'
	[ "$result" -ne 0 ]
	[ "$boots" -eq 1 ]
	[ "$count" = "3 passed, 1 failed, 0 skipped" ]
}
