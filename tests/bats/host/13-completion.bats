#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# __complete, and the real completion files of bash, zsh and fish over it.

load 10-fake

setup() {
	fake_devices
	completions=$BATS_TEST_DIRNAME/../../../completions
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	ln -s "$(realpath "$VDUSECTL")" "$BATS_TEST_TMPDIR/bin/vdusectl"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

# words WORD...: the candidates for the last word, on one line.
words() {
	"$VDUSECTL" __complete "$@" | cut -f 1 | paste -sd ' '
}

@test "commands, hidden ones left out, with their summary" {
	[[ $(words "" | wc -w) == $(command_names | wc -l) ]]
	[[ $(words des) == destroy ]]
	[[ $("$VDUSECTL" __complete list) == list$'\t'* ]]
	[[ $(words -v --timeout 5s sho) == show ]]
	[[ $(words help mon) == monitor ]]
}

@test "every command completes each of its options and the global ones" {
	local name option n=0
	while read -r name option; do
		[[ " $(words "$name" "--$option") " == *" --$option "* ]]
		n=$((n + 1))
	done < <("$VDUSECTL" __commands | jq -r '
		.global_options as $global | .commands[] | select(.hidden == false) |
		.name as $name | (.options + $global)[] | "\($name) \(.name)"')
	[[ $n -gt 100 ]]
}

@test "every choice of an option, behind a blank and behind =" {
	[[ $(words create --bind "") == "virtio vhost" ]]
	[[ $(words create --bind=vi) == --bind=virtio ]]
	[[ $(words create --discard o) == "on off" ]]
	[[ $(words create --queues "") == auto ]]
	[[ $(words create --affinity "") == "none auto" ]]
	[[ $(words list --color=) == "--color=auto --color=always --color=never" ]]
}

@test "devices in the states that the command is for" {
	[[ $(words show "") == "blk2 blk10 qsd" ]]
	[[ $(words bind virtio "") == blk2 ]]
	[[ $(words unbind "") == "blk10 qsd" ]]
	[[ $(words start "") == "blk2 blk10" ]]
	[[ $(words stop "") == "" ]]
	[[ $(words destroy blk) == "blk2 blk10" ]]
	# One that is named already is not offered again.
	[[ $(words destroy blk2 "") == "blk10 qsd" ]]
	[[ $("$VDUSECTL" __complete show blk2) == $'blk2\tblk 10G created' ]]
}

@test "operands with choices, and nothing where nothing is known" {
	[[ $(words create "") == blk ]]
	[[ $(words create blk "") == "" ]]
	[[ $(words dump "") == "vq config" ]]
	[[ $(words dump vq q) == qsd ]]
	[[ $(words list "") == "" ]]
	[[ $(words nosuchcommand "") == "" ]]
	[[ $(words show -- -) == "" ]]
}

@test "columns, behind commas and a plus, of what is dumped" {
	[[ $(words list -o NAME,SE) == NAME,SERIAL ]]
	[[ $(words list --output=+QUEUE_) == --output=+QUEUE_SIZE ]]
	[[ $(words dump config qsd -o OFF) == OFFSET ]]
}

@test "backends, and files behind file:" {
	mkdir -p "$BATS_TEST_TMPDIR/images/sub"
	: > "$BATS_TEST_TMPDIR/images/a.img"
	: > "$BATS_TEST_TMPDIR/images/.hidden"
	[[ $(words create --backend "") == "file: memory null" ]]
	[[ $(words create --backend "file:$BATS_TEST_TMPDIR/images/" | tr ' ' '\n' | sort | paste -sd ' ') == \
		"file:$BATS_TEST_TMPDIR/images/a.img file:$BATS_TEST_TMPDIR/images/sub/" ]]
	[[ $(words create --backend="file:$BATS_TEST_TMPDIR/images/.") == \
		"--backend=file:$BATS_TEST_TMPDIR/images/.hidden" ]]
}

@test "without a module completion is silent" {
	rm -rf "$VDUSECTL_ROOT"/sys
	run --separate-stderr "$VDUSECTL" __complete show ""
	[[ $status == 0 && -z $output && -z $stderr ]]
}

# bash_words LINE WORD...: COMPREPLY of the real function for that line, split
# into words as bash does.
bash_words() {
	local line=$1
	shift
	bash --norc -c '
		source "$0"
		COMP_LINE=$1 COMP_POINT=${#1}
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_vdusectl
		echo "${COMPREPLY[*]}"' \
		"$completions/vdusectl.bash" "$line" "$@"
}

@test "bash: commands, devices, choices" {
	[[ $(bash_words "vdusectl des" vdusectl des) == destroy ]]
	[[ $(bash_words "vdusectl show " vdusectl show "") == "blk2 blk10 qsd" ]]
	[[ $(bash_words "vdusectl bind virtio " vdusectl bind virtio "") == blk2 ]]
	[[ $(bash_words "vdusectl  create  --bind v" vdusectl create --bind v) == \
		"virtio vhost" ]]
}

@test "bash: words that it splits at = and : get only their last part" {
	[[ $(bash_words "vdusectl create --bind=vi" vdusectl create --bind = vi) == \
		virtio ]]
	[[ $(bash_words "vdusectl create --bind=" vdusectl create --bind =) == \
		"virtio vhost" ]]
	: > "$BATS_TEST_TMPDIR/a.img"
	[[ $(bash_words "vdusectl create --backend file:$BATS_TEST_TMPDIR/a" \
		vdusectl create --backend file : "$BATS_TEST_TMPDIR/a") == \
		"$BATS_TEST_TMPDIR/a.img" ]]
	[[ $(bash_words "vdusectl create --backend=file:$BATS_TEST_TMPDIR/a" \
		vdusectl create --backend = file : "$BATS_TEST_TMPDIR/a") == \
		"$BATS_TEST_TMPDIR/a.img" ]]
}

@test "bash: a key press in a real shell, with and without bash-completion" {
	local rc=$BATS_TEST_TMPDIR/rc package
	for package in : "source /usr/share/bash-completion/bash_completion"; do
		{
			echo "$package"
			echo "source $completions/vdusectl.bash"
			echo "PATH=$PATH; PS1='> '"
		} > "$rc"
		run timeout 20 script -qec "bash --noprofile --rcfile $rc -i" \
			/dev/null <<< $'vdusectl unb\tbl\t --dry-\t; exit\n'
		[[ $output == *"would unbind blk10 from virtio"* ]]
	done
}

@test "zsh: the real function offers the same words" {
	[[ $(command -v zsh) ]] || skip "zsh is not installed"
	zsh_words() {
		zsh -f -c '
			compdef() { }
			compadd() { print -r -- "${(@P)@[-1]}"; }
			source "$0"
			words=(vdusectl "$@") CURRENT=$(($# + 1)) PREFIX=$@[-1]
			_vdusectl' "$completions/_vdusectl" "$@"
	}
	[[ $(zsh_words des) == destroy ]]
	[[ $(zsh_words unbind "") == "blk10 qsd" ]]
	[[ $(zsh_words create --bind=vi) == --bind=virtio ]]
	[[ $(zsh_words create --backend f) == file: ]]
}

@test "fish: the real completion offers the same words" {
	[[ $(command -v fish) ]] || skip "fish is not installed"
	export HOME=$BATS_TEST_TMPDIR
	fish_words() {
		# shellcheck disable=SC2016 # fish expands
		fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
			"$completions/vdusectl.fish" "$1" | cut -f 1 | sort | paste -sd ' '
	}
	[[ $(fish_words "vdusectl des") == destroy ]]
	[[ $(fish_words "vdusectl unbind ") == "blk10 qsd" ]]
	[[ $(fish_words "vdusectl create --bind=vi") == --bind=virtio ]]
	[[ $(fish_words "vdusectl create --backend f") == file: ]]
}
