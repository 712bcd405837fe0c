# SPDX-License-Identifier: GPL-2.0-or-later
# From the JSON of tests/bench/run to what people read.

def right(n): tostring | (" " * (n - length) // "") + .;
def left(n): tostring | . + (" " * (n - length) // "");
def fixed(n): if . then pow(10; n) as $p | (. * $p | round) as $i |
	($i / $p | floor | tostring) + if n == 0 then "" else "." +
	($i % $p | tostring | ("0" * (n - length) // "") + .) end
	else "-" end;
def ratio: fixed(2);
def whole: if . then round else "-" end;
def line(w): .[0] as $head | ($head | left(20)) + (.[1:] | map(right(w)) | join(""));
def uniq_by(f): reduce .[] as $x ([]; if any(.[]; f == ($x | f)) then . else . + [$x] end);

def of($server; $mod): map(select(.server == $server and
	.module == $mod) | .iops) | first;
def qsd($mod): map(select(.module == $mod and (.server | startswith("qsd")))
	| .iops) | max;

# Rows are workloads, columns servers: as measured, in that order.
def grid(value; $width):
	. as $all | (map({server, module: .module}) | unique_by([.server, .module]) |
		sort_by(.module as $m | [(["none", "stock", "own"] | index($m)),
			.server])) as $columns |
	([""] + ($columns | map(.server)) | line($width)),
	(["on module"] + ($columns | map(.module)) | line($width)),
	(uniq_by(.workload)[] | .workload as $w |
	 ($all | map(select(.workload == $w))) as $row |
	 [$w] + ($columns | map(. as $c | $row | of($c.server; $c.module) |
		if . then value else "-" end)) | line($width));

def io_tables:
	(uniq_by(.backend)[] | .backend) as $b |
	"I/Os per virtual second, back end: \($b)",
	(map(select(.backend == $b)) | grid(whole; 14)), "";

# The block layer's own share, by workload.
def instructions:
	(map(select(.server == "null_blk") | {(.workload): (250e6 / .iops)}) |
		add // {}) as $ceiling |
	map(select(.backend == "file" and (.workload | test("4k-(d|4x)")))) |
	if length == 0 then empty else
	"Instructions of a request of 4 KiB, back end: file",
	grid(250e6 / . | round; 14), "",
	if $ceiling == {} then empty else
	"The same above null_blk",
	(map(select($ceiling[.workload]) |
		.iops = 250e6 / .iops - $ceiling[.workload]) |
		grid(round; 14)), "" end end;

# What is asked for, one object a line: who, against whom, how much.
def workload($name): map(select(.backend == "file" and .workload == $name));
def wishes: [
	["randread-4k-d1", "qsd", "stock", 1.8, 2.5],
	["randread-4k-d32", "qsd", "stock", 1.8, 2.2],
	["randwrite-4k-d1", "qsd", "stock", 1.7, 2.4],
	["randwrite-4k-d32", "qsd", "stock", 1.7, 2.0],
	["randread-4k-d1", "loop", "none", null, 1.0],
	["randread-4k-d32", "loop", "none", null, 1.1],
	["randread-4k-d1", "nbdkit", "none", 1.4, 1.9],
	["randread-4k-d32", "nbdkit", "none", 2.2, 2.8],
	["read-1m", "loop", "none", null, 0.9],
	["write-1m", "loop", "none", null, 0.9]] |
	map({workload: .[0], peer: .[1], module: .[2], stock: .[3], own: .[4]});

def verdict($is; $want; $ok): if $is == null then ["-", "-", ""]
	elif $want == null then [$is, "", ""]
	else [$is, $want, if $ok then "reached" else "NOT reached" end] end;
def at_least($is; $want): verdict($is | if . then ratio else . end;
	$want | if . then ">= \(.)" else . end; ($is // 0) >= ($want // 0));

def wished($io; $multi): [
	(wishes[] as $w | ($io | workload($w.workload)) as $row |
	 (if $w.peer == "qsd" then $row | qsd($w.module)
	  else $row | of($w.peer; $w.module) end) as $peer |
	 ("stock", "own") as $mod |
	 ($row | of("ours"; $mod)) as $ours |
	 select($peer != null and $ours != null) |
	 {what: "\($w.workload) / \($w.peer)", module: $mod} +
	 {verdict: at_least($ours / $peer; $w[$mod])}),
	($io | (workload("randread-4k-d32")) as $row |
	 (map(select(.server == "null_blk" and .workload == "randread-4k-d32") |
		.iops) | first) as $ceiling |
	 ($row | of("loop"; "none")) as $loop | ("stock", "own") as $mod |
	 ($row | of("ours"; $mod)) as $ours |
	 select($ceiling != null and $loop != null and $ours != null) |
	 (250e6 / $ours - 250e6 / $ceiling) as $is |
	 (250e6 / $loop - 250e6 / $ceiling) as $want |
	 {what: "instructions", module: $mod,
	  verdict: (if $mod == "stock" then verdict($is | round; null; false)
	   else verdict($is | round; "<= \($want | round)"; $is <= $want) end)}),
	(("stock", "own") as $mod |
	 ($multi | map(select(.server == "ours" and .module == $mod) |
		{(.workload): .iops}) | add // {}) as $on |
	 select($on["randread-4k-d32"] != null and
		$on["randread-4k-4x32"] != null) |
	 ($on["randread-4k-4x32"] / $on["randread-4k-d32"]) as $is |
	 {what: "4 queues / 1 queue", module: $mod,
	  verdict: (if $mod == "stock" then verdict($is | ratio; null; false)
	   else verdict($is | ratio; "> 1.3"; $is > 1.3) end)})];

def wish_table($io; $multi):
	wished($io; $multi) as $all | $all | if length == 0 then empty else
	"What is asked for, and what is",
	("" | left(30)) + (["on stock", "asked", "", "on ours", "asked", ""] |
		map(right(13)) | join("")),
	(uniq_by(.what)[] | .what as $what | ($what | left(30)) +
	 ([("stock", "own") as $m | $all |
		(map(select(.what == $what and .module == $m) | .verdict) | first
		 // ["-", "", ""])[]] | map(right(13)) | join(""))),
	"(qsd: the better of its two ways of I/O, on the stock module; instructions:",
	"of a random read of 4 KiB at depth 32 above null_blk, asked: at most loop's)",
	"" end;

def multi_table:
	"I/Os per second on \(.[0].cpus) CPUs without counting, median of \(.[0].all | length); noisy",
	grid(whole; 14), "";

def vhost_table:
	(uniq_by(.backend)[] | .backend) as $b |
	"I/Os per virtual second through /dev/vhost-vdpa-N, back end: \($b)",
	(map(select(.backend == $b)) | grid(whole; 14)), "";

def ms: . * 1000 | fixed(if . < 10 then 2 else 1 end);
def tool_tables:
	(uniq_by(.devices)[] | .devices) as $n |
	map(select(.devices == $n)) |
	"\($n) device\(if $n == 1 then "" else "s" end), milliseconds for all",
	(["", "vdusectl", "vdpa", "losetup", "ours/vdpa", "ours/losetup"] | line(14)),
	((["create", "bind", "list", "unbind", "destroy"][]) as $what |
	(map(select(.what == $what) | {(.tool): .seconds}) | add // {}) as $on |
	[$what] + ([$on.vdusectl, $on.vdpa, $on.losetup] |
		map(if . then ms else "-" end)) +
	 ([$on.vdpa, $on.losetup] | map(if . and $on.vdusectl
		then $on.vdusectl / . | ratio else "-" end)) | line(14)), "";

def memory_table:
	"Memory of an idle server, USS in KiB",
	(["queues", "qsd", "vdusectl", "ours/qsd"] | line(14)),
	(group_by(.queues)[] | (map({(.server): .uss_kib}) | add) as $on |
	 [.[0].queues, $on.qsd, $on.ours, ($on.ours / $on.qsd | ratio)] | line(14)),
	"";

(.io // empty | io_tables), (.io // empty | instructions),
(.multi // empty | multi_table), (.vhost // empty | vhost_table),
(.tool // empty | tool_tables), (.memory // empty | memory_table),
wish_table(.io // []; .multi // [])
