#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What make bench prints and draws, from a few measured results (bench.json, put
# together from several runs: its figures say nothing).

bats_require_minimum_version 1.5.0

bench=$BATS_TEST_DIRNAME/../../bench
results=$BATS_TEST_DIRNAME/bench.json

# row TEXT...: a line has these words, whatever blanks are between them.
row() {
	local words="$*"

	tr -s ' ' <<< "$output" | grep -qxF -- "${words}" ||
		tr -s ' ' <<< "$output" | grep -qxF -- " ${words}"
}

@test "bench: the tables say what was measured, asked and reached" {
	run -0 jq -r -f "$bench/tables.jq" "$results"
	row randread-4k-d32 14414 4199 29412 13180 8969 6339 12987 8999 6334
	row randread-4k-d32 8844 51031 0 10469 19375 30937 10750 19281 30969
	row randread-4k-d32 / qsd 1.47 '>=' 1.8 NOT reached 1.45 '>=' 2.2 NOT reached
	row randread-4k-d32 / nbdkit 3.14 '>=' 2.2 reached 3.09 '>=' 2.8 reached
	row instructions 10469 10750 '<=' 8844 NOT reached
	row 4 queues / 1 queue - 2.20 '>' 1.3 reached
	row randread-4k-d32 51952 26371
	row list 88.9 63.9 120.9 1.39 0.74
	run -0 jq -r -f "$bench/tables.jq" <<< '{}'
	[ -z "$output" ]
}

@test "bench: without a peer there is a table, and no verdict" {
	local alone

	alone=$(jq '{io: [.io[] | select(.server == "ours")]}' "$results")
	run -0 jq -r -f "$bench/tables.jq" <<< "$alone"
	row randread-4k-d32 13180 12987
	[[ $output != *reached* ]]
}

@test "bench: the plot has a bar and a figure for each server" {
	run -0 jq -r -f "$bench/plot.jq" "$results"
	[ "$(grep -c '<rect ' <<< "$output")" -eq 14 ]
	[ "$(grep -c 'class="value">14414<' <<< "$output")" -eq 1 ]
	[ "$(grep -c 'class="title"' <<< "$output")" -eq 2 ]
	[[ $output == '<svg '*'</svg>' ]]
}

@test "bench: run refuses what it does not know" {
	local args

	run -0 "$bench/run" --help
	[[ $output == usage:* ]]
	for args in --nonsense nonsense "--runs 0" "--backend disk" --save; do
		# shellcheck disable=SC2086 # words
		run -2 "$bench/run" $args
	done
}
