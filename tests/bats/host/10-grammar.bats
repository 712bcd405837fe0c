#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The command line as such. Loops over `vdusectl __commands`, so that a new
# command is covered by itself.

load 10-fake

setup() {
	fake_root
}

@test "no command is an error on stderr, not a success" {
	ctl 2
	[[ -z $output ]]
	[[ $stderr == *"a command is missing"*"Try 'vdusectl -h'"* ]]
}

@test "-h without a command lists every command and every exit code" {
	ctl 0 -h
	local text=$output name
	[[ $(command_names | wc -l) -ge 15 ]]
	for name in $(command_names); do
		grep -q "^ $name " <<< "$text"
	done
	for name in 0 1 2 3 4 5 6 7 8 9; do
		grep -q "^ $name  " <<< "$text"
	done
}

@test "every command answers -h on stdout, within 80 columns, with its options" {
	local name option
	for name in $(command_names); do
		ctl 0 "$name" -h
		[[ -z $stderr ]]
		[[ $output == "Usage: vdusectl $name"* ]]
		[[ $(wc -L <<< "$output") -lt 80 ]]
		local text=$output
		for option in $("$VDUSECTL" __commands | jq -r --arg name "$name" \
			'.commands[] | select(.name == $name) | .options[].name'); do
			grep -q -- " --$option" <<< "$text"
		done
	done
}

@test "help COMMAND and COMMAND --help say the same as -h in a pipe" {
	local name usage
	for name in $(command_names); do
		usage=$("$VDUSECTL" "$name" -h)
		ctl 0 help "$name"
		[[ $output == "$usage" ]]
		ctl 0 "$name" --help
		[[ $output == "$usage" ]]
	done
}

@test "every command refuses an unknown option with 2 and one hint where to look" {
	local name
	for name in $(command_names); do
		ctl 2 "$name" --no-such-option
		[[ -z $output ]]
		[[ $stderr == *"unknown option '--no-such-option'"* ]]
		[[ $stderr == *"Try 'vdusectl $name -h'"* ]]
		[[ $(wc -l <<< "$stderr") -eq 2 ]]
		ctl 2 "$name" -Z
		[[ $stderr == *"unknown option '-Z'"* ]]
	done
}

@test "every command that needs an operand says which one is missing" {
	local name
	for name in $(command_names); do
		[[ -n $(needed_operands "$name") ]] || continue
		ctl 2 "$name"
		[[ $stderr == *" is missing"* ]]
	done
}

@test "every command with a fixed number of operands refuses one more" {
	local name arguments
	for name in $(command_names); do
		arguments=$("$VDUSECTL" __commands | jq -r --arg name "$name" \
			'.commands[] | select(.name == $name) | .arguments[] |
			 if .many then "many" else .choices[0] // "x" end')
		[[ $arguments != *many* ]] || continue
		# shellcheck disable=SC2086 # one word each
		ctl 2 "$name" $arguments surplus
		[[ $stderr == *"'surplus' is one operand too many"* ]]
	done
}

@test "every option that takes a value says so when it has none" {
	local name option n=0
	while read -r name option; do
		ctl 2 "$name" "--$option"
		[[ $stderr == *"--$option needs a value"* ]]
		ctl 2 "$name" "--$option="
		[[ $stderr == *"--$option"* ]]
		n=$((n + 1))
	done < <("$VDUSECTL" __commands | jq -r '
		.global_options as $global | .commands[] | select(.hidden == false) |
		.name as $name | (.options + $global)[] | select(.takes_value) |
		"\($name) \(.name)"')
	[[ $n -gt 30 ]]
}

@test "every flag refuses a value" {
	local name option n=0
	while read -r name option; do
		ctl 2 "$name" "--$option=1"
		[[ $stderr == *"--$option takes no value"* ]]
		n=$((n + 1))
	done < <("$VDUSECTL" __commands | jq -r '
		.commands[] | select(.hidden == false) | .name as $name |
		.options[] | select(.takes_value == false) | "\($name) \(.name)"')
	[[ $n -gt 5 ]]
}

@test "every command with columns lists them and refuses others" {
	local name column
	for name in $("$VDUSECTL" __commands | jq -r '.commands[] |
		select(.hidden == false and (.columns | length) > 0) | .name'); do
		ctl 0 "$name" --list-columns
		local text=$output
		for column in $("$VDUSECTL" __commands | jq -r --arg name "$name" \
			'.commands[] | select(.name == $name) | .columns[]'); do
			grep -q "^$column " <<< "$text"
		done
		mapfile -t operands < <(needed_operands "$name")
		ctl 2 "$name" "${operands[@]}" -o NO_SUCH_COLUMN
		[[ $stderr == *"unknown column 'NO_SUCH_COLUMN'"* ]]
	done
}

@test "every error of every command is a JSON object with --json" {
	local name
	for name in $(command_names); do
		ctl 2 "$name" --no-such-option --json
		[[ -z $output ]]
		jq -e --arg name "$name" '.exit == 2 and .code == "EINVAL" and
			.command == $name and (.message | length > 0)' <<< "$stderr"
	done
}

@test "long options are not abbreviated" {
	ctl 2 list --jso
	[[ $stderr == *"unknown option '--jso': did you mean '--json'?"* ]]
	ctl 2 create blk --siz 1G
	[[ $stderr == *"did you mean '--size'?"* ]]
}

@test "a mistyped command or column is recognised" {
	ctl 2 destory
	[[ $stderr == *"unknown command 'destory': did you mean 'destroy'?"* ]]
	ctl 2 frobnicate
	[[ $stderr != *"did you mean"* ]]
	ctl 2 list -o NAEM
	[[ $stderr == *"did you mean 'NAME'?"* ]]
}

@test "global options stand before or after the command, short ones in clusters" {
	fake_device d
	ctl 0 --raw list
	local before=$output
	ctl 0 list --raw
	[[ $output == "$before" && -n $output ]]
	ctl 0 -no NAME list
	[[ $output == d ]]
	ctl 0 list -noNAME
	[[ $output == d ]]
	ctl 0 list -n --output=NAME
	[[ $output == d ]]
}

@test "-- ends options" {
	ctl 3 show -- --json
	[[ $stderr == *"no device '--json'"* && $stderr != "{"* ]]
	ctl 3 show -- -x
	[[ $stderr == *"no device '-x'"* ]]
}

@test "options that exclude each other are named" {
	ctl 2 list --raw --pairs
	[[ $stderr == *"--raw and --pairs exclude each other"* ]]
	ctl 2 bind virtio x --wait --no-wait
	[[ $stderr == *"--wait and --no-wait exclude each other"* ]]
}

@test "a word that is not among the choices names them" {
	ctl 2 create disk
	[[ $stderr == *"'disk' is not one of blk"* ]]
	ctl 2 bind both
	[[ $stderr == *"virtio, vhost"* ]]
	ctl 2 list --color sometimes
	[[ $stderr == *"auto, always, never"* ]]
}

@test "version, --version and -V print the same" {
	ctl 0 version
	[[ $output =~ ^vdusectl\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	local version=$output
	ctl 0 --version
	[[ $output == "$version" ]]
	ctl 0 list -V
	[[ $output == "$version" ]]
}

@test "control characters in a word are escaped in the message" {
	ctl 2 $'bad\e[31mword'
	[[ $stderr == *'bad\x1b[31mword'* ]]
	[[ $stderr != *$'\e'* ]]
}

@test "the table of fields has a type and a text for each" {
	ctl 0 __fields --json
	jq -e '.fields | length > 50 and all(.help != null and
		([.type] | inside(["string", "integer", "boolean", "array"])))' \
		<<< "$output"
}

@test "--all and NAME exclude each other; one of them is needed to destroy" {
	fake_devices
	ctl 2 destroy --all blk2
	[[ $stderr == *"--all and NAME exclude each other"* ]]
	ctl 2 unbind --all blk2
	ctl 2 destroy
	[[ $stderr == *"NAME is missing"* ]]
	ctl 0 destroy --all --dry-run
	[[ $output == *"would destroy blk2"*"would destroy blk10"* ]]
	[[ $output != *qsd* ]]
	ctl 0 destroy --all --force --dry-run
	[[ $output == *"would destroy qsd"* ]]
	ctl 0 unbind --all --dry-run
	[[ $output == *"would unbind blk10"* && $output != *qsd* ]]
	ctl 0 unbind --all --force --dry-run
	[[ $output == *"would unbind qsd from vhost"* ]]
	ctl 3 serve --rescue nosuchdevice
	ctl 2 serve --rescue a/b
}
