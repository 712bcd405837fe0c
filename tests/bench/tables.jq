# SPDX-License-Identifier: GPL-2.0-or-later
# From the JSON of tests/bench/run to what people read.

def right(n): tostring | (" " * (n - length) // "") + .;
def left(n): tostring | . + (" " * (n - length) // "");
def ratio: if . then (. * 100 | round) as $n |
	"\($n / 100 | floor).\($n % 100 | tostring | if length < 2 then "0" + . else . end)"
	else "-" end;
def line: .[0] as $head | ($head | left(30)) + (.[1:] | map(right(14)) | join(""));

def by_server: map({(.server): .iops}) | add;

def better_of: [.["qsd-threads"], .["qsd-io_uring"], .["qsd-null"]] | max;

def io_rows: map(select(.module == "stock")) | group_by([.backend, .rw, .depth])[] |
	.[0] as $of | by_server as $on |
	($on | better_of) as $qsd |
	"\($of.backend) \($of.rw) depth \($of.depth)" as $name |
	if $of.backend == "null" then
		[$name, ($qsd | round), ($on.ours | round), ($on.ours / $qsd | ratio)]
	else
		[$name, ($on["qsd-threads"] | round), ($on["qsd-io_uring"] | round),
		 ($on.ours | round), ($on.loop | round),
		 ($on.ours / $qsd | ratio), ($on.ours / $on.loop | ratio)]
	end | line;

# Both servers on our module, and how that compares with the stock one.
def own_rows: group_by([.backend, .rw, .depth])[] |
	.[0] as $of |
	(map(select(.module == "stock")) | by_server) as $stock |
	(map(select(.module == "own")) | by_server) as $own |
	["\($of.backend) \($of.rw) depth \($of.depth)",
	 ($own | better_of | round), ($own.ours | round),
	 (($own | better_of) / ($stock | better_of) | ratio),
	 ($own.ours / $stock.ours | ratio), ($own.ours / ($own | better_of) | ratio)] |
	line;

def io_tables:
	"4 KiB I/Os per virtual second on a file in the page cache",
	(["", "qsd threads", "qsd io_uring", "vdusectl", "loop", "ours/qsd",
	  "ours/loop"] | line),
	(map(select(.backend != "null")) | io_rows),
	"(ours/qsd: against the better of the two)",
	"",
	"4 KiB I/Os per virtual second without a back end",
	(["", "qsd null-co", "vdusectl", "ours/qsd"] | line),
	(map(select(.backend == "null")) | io_rows),
	"",
	"The same on our module",
	(["", "qsd", "vdusectl", "qsd /stock", "ours /stock", "ours/qsd"] | line),
	own_rows,
	"(qsd: the better of the two; /stock: against the same on the stock module)",
	"";

def list_table:
	"Listing \(.[0].devices) devices",
	(.[] | [.command, "\(.seconds * 10000 | round / 10) ms"] | line),
	(["ratio", (.[0].seconds / .[1].seconds | ratio)] | line),
	"";

def memory_table:
	"Memory of an idle server, USS in KiB",
	(["queues", "qsd", "vdusectl", "ours/qsd"] | line),
	(group_by(.queues)[] | (map({(.server): .uss_kib}) | add) as $on |
	 [.[0].queues, $on.qsd, $on.ours, ($on.ours / $on.qsd | ratio)] | line),
	"";

(.io // empty | io_tables), (.list // empty | list_table),
(.memory // empty | memory_table)
