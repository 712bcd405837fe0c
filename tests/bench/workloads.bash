# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# For the guest parts of tests/bench: what fio does to each server. A fixed
# number of I/Os: with a fixed time, a slow server would get fewer.

# Those with ratios that are asked for are repeated; a back end without a file
# gets some of them only.
# name			fio's rw	bs	depth	jobs	I/Os	asked	on
workloads='
randread-4k-d1		randread	4k	1	1	2000	yes	all
randwrite-4k-d1		randwrite	4k	1	1	2000	yes	all
randread-4k-d32		randread	4k	32	1	8000	yes	all
randwrite-4k-d32	randwrite	4k	32	1	8000	yes	all
randread-4k-4x32	randread	4k	32	4	2000	no	file
randwrite-4k-4x32	randwrite	4k	32	4	2000	no	file
read-128k		read		128k	8	1	256	no	file
write-128k		write		128k	8	1	256	no	file
read-1m			read		1m	8	1	96	yes	memory
write-1m		write		1m	8	1	96	yes	memory
fsync-4k		randwrite	4k	1	1	300	no	file
randrw-4k-d32		randrw		4k	32	1	6000	no	file'

# chosen BACKEND REGEX [JOBS]: the lines of workloads that are asked for.
chosen() {
	awk -v backend="$1" -v re="$2" -v jobs="${3-}" '
		NF && $1 ~ "^(" re ")$" && (jobs == "" || jobs == $5) &&
		($8 == "all" || backend == "file" || backend == $8)' \
		<<< "$workloads"
}

fio_global() {
	printf '[global]\nfilename=%s\n' "$1"
	printf '%s\n' direct=1 ioengine=io_uring randrepeat=1 norandommap=1 \
		clocksource=clock_gettime group_reporting=1 "size=64M" \
		io_size=10G thread=1
}

# These are thrown away: they meet bounce pages not yet allocated, and parts of
# fio not yet read from the host.
fio_warm() {
	printf '%s\n' '[warm]' stonewall rw=randrw bs=4k iodepth=32 \
		number_ios=4000
	printf '%s\n' '[warm]' stonewall rw=write bs=1m iodepth=8 number_ios=64
	printf '%s\n' '[warm]' stonewall rw=randwrite bs=4k iodepth=1 fsync=1 \
		number_ios=50
}

# fio_jobs NODE RUNS SCALE: a job file; standard input: lines of workloads, each
# with SCALE times its I/Os. If there are more runs, then of what is asked for.
fio_jobs() {
	local node=$1 runs=$2 scale=$3
	local lines run name rw bs depth jobs ios asked rest

	lines=$(cat)
	fio_global "$node"
	fio_warm
	for ((run = 0; run < runs; run++)); do
		while read -r name rw bs depth jobs ios asked rest; do
			[ "$run" = 0 ] || [ "$asked" = yes ] || continue
			printf '%s\n' "[$name]" stonewall "rw=$rw" "bs=$bs" \
				"iodepth=$depth" "numjobs=$jobs" \
				"number_ios=$((ios * scale))"
			case $name in
			fsync-*) echo fsync=1 ;;
			randrw-*) echo rwmixread=70 ;;
			esac
		done <<< "$lines"
	done
}

# fio_results KEY VALUE...: one JSON object for each workload, with these keys,
# from fio's own output on standard input.
fio_results() {
	local args=()

	while [ $# -gt 0 ]; do
		args+=(--arg "$1" "$2")
		shift 2
	done
	jq -c "${args[@]}" '
		[.jobs[] | if .error != 0 then error("I/O error") else . end |
		 select(.jobname != "warm") |
		 {jobname, iops: (.read.iops + .write.iops)}] |
		group_by(.jobname)[] |
		$ARGS.named +
		{workload: .[0].jobname,
		 iops: (map(.iops) | sort | .[length / 2 | floor]),
		 all: map(.iops)}'
}
