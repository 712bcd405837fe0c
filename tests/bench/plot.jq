# SPDX-License-Identifier: GPL-2.0-or-later
# From the JSON of tests/bench/run to a picture (jq -r -f plot.jq FILE): one panel
# for each workload, one bar for each server. Colours and the grey of the text
# are chosen to be seen on white and on black; nothing is told by colour alone.

def panels: [
	["randread-4k-d1", "4 KiB random read, depth 1"],
	["randread-4k-d32", "4 KiB random read, depth 32"],
	["randwrite-4k-d1", "4 KiB random write, depth 1"],
	["randwrite-4k-d32", "4 KiB random write, depth 32"],
	["randread-4k-4x32", "4 KiB random read, 4 jobs of depth 32"],
	["randrw-4k-d32", "4 KiB random, 70 % read, depth 32"],
	["fsync-4k", "4 KiB random write, fsync after each"],
	["read-128k", "128 KiB sequential read"],
	["read-1m", "1 MiB sequential read"],
	["write-1m", "1 MiB sequential write"]];
def bars: [
	["null_blk", "none", "null_blk (block layer alone)", "#8a8f98"],
	["loop", "none", "loop", "#c98a1b"],
	["nbdkit", "none", "nbdkit, nbd-client", "#a06a3c"],
	["qsd", "stock", "storage daemon, stock module", "#b0508f"],
	["qsd", "own", "storage daemon, our module", "#cf7fb5"],
	["ours", "stock", "vdusectl, stock module", "#2f7fc1"],
	["ours", "own", "vdusectl, our module", "#1a9c7c"],
	["ours-poll", "own", "vdusectl, our module, polling", "#5fb84c"]];

def text_width: 215; def bar_width: 360; def bar_step: 17;

# The better of the storage daemon's two ways of I/O.
def iops($w; $server; $mod): map(select(.backend == "file" and
	.workload == $w and .module == $mod and
	(.server == $server or ($server == "qsd" and
		(.server | startswith("qsd-"))))) | .iops) | max;

def text($x; $y; $class; $what):
	"<text x=\"\($x)\" y=\"\($y)\" class=\"\($class)\">\($what)</text>";

def panel($title; $y): . as $rows | (map(.iops) | max) as $most |
	text(10; $y + 13; "title"; $title),
	(range(0; length) as $i | $rows[$i] as $row |
	 ($y + 22 + $i * bar_step) as $top |
	 ($row.iops / $most * bar_width * 10 | round / 10) as $long |
	 text(text_width - 6; $top + 11; "name"; $row.who),
	 "<rect x=\"\(text_width)\" y=\"\($top)\" width=\"\($long)\" height=\"13\" fill=\"\($row.colour)\"/>",
	 text(text_width + $long + 5; $top + 11; "value"; $row.iops | round));

[.io[]] as $io | [panels[] as [$w, $title] |
	{$title, rows: [bars[] as [$server, $mod, $who, $colour] |
		($io | iops($w; $server; $mod)) as $n | select($n != null) |
		{$who, $colour, iops: $n}]} | select(.rows != [])] |
reduce .[] as $p ({y: 46, panels: []};
	.panels += [$p + {y: .y}] |
	.y += 22 + ($p.rows | length) * bar_step + 16) |
"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"660\" height=\"\(.y)\" viewBox=\"0 0 660 \(.y)\" role=\"img\">",
"<title>I/Os per virtual second, file in the page cache</title>",
"<style>text{font:12px sans-serif;fill:#7a7f87}.head,.title{font-weight:bold}.head{font-size:14px}.name{text-anchor:end}</style>",
text(10; 20; "head"; "I/Os per virtual second (250 million instructions), longer is better"),
text(10; 36; "note"; "One file in the page cache; each panel has a scale of its own."),
(.panels[] | .y as $y | .title as $title | .rows | panel($title; $y)),
"</svg>"
