#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel log scanner, on lines as kernels print them: one sample for each
# class of dmesg-deny, a clean log, and every way in which it cannot tell.

bats_require_minimum_version 1.5.0

scan=$BATS_TEST_DIRNAME/../../vm/scan-dmesg

# hit LINE...: each alone must be found, with a time stamp and without.
hit() {
	local line

	for line in "$@"; do
		echo "sample: $line"
		run -1 "$scan" <<< "[    7.123456] $line"
		[ "$output" = "[    7.123456] $line" ]
		run -1 "$scan" <<< "[    7.123456][  T123] $line"
		run -1 "$scan" <<< "<4>[    7.123456] $line"
		run -1 "$scan" <<< "$line"
	done
}

clean() {
	cat <<-'END'
	[    0.000000] Linux version 6.12.117+deb12-cloud-amd64 (gcc-12)
	[    0.000000] Command line: console=ttyS0 panic=-1 oops=panic
	[    1.383473] mtrr: your CPUs had inconsistent fixed MTRR settings
	[    2.643764] amd_pstate: the _CPC object is not present in SBIOS
	[    2.290945] RAS: Correctable Errors collector initialized.
	[    6.100000] vduse: loading out-of-tree module taints kernel.
	[    6.200000] virtio_blk vdpa0: 1/0/0 default/read/poll queues
	[    6.200001] virtio_blk vdpa0: [vda] 2048 512-byte logical blocks
	[    7.000000] EXT4-fs (vda): mounted filesystem r/w without journal.
	[    7.100000] vdusectl-test: 3 test_a_BUG_is_named $EPOCHREALTIME
	END
}

@test "scan-dmesg: a clean log" {
	run -0 "$scan" < <(clean)
	[ -z "$output" ]
}

@test "scan-dmesg: warnings and crashes" {
	hit "------------[ cut here ]------------" \
		"WARNING: CPU: 1 PID: 345 at kernel/x.c:123 fn+0x12/0x30 [vduse]" \
		"kernel BUG at drivers/vdpa/vdpa_user/vduse_dev.c:1234!" \
		"BUG: unable to handle page fault for address: ffffc90000a7d000" \
		"BUG: kernel NULL pointer dereference, address: 0000000000000010" \
		"Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI" \
		"Oops: general protection fault, probably for address 0xdead0001" \
		"Kernel panic - not syncing: sysrq triggered crash" \
		"Call Trace:"
}

@test "scan-dmesg: memory checkers" {
	hit "BUG: KASAN: slab-use-after-free in bad_init+0x590/0x1000 [m]" \
		"BUG: KASAN: slab-out-of-bounds in bad_init [m]" \
		"BUG: KCSAN: data-race in racer [m] / racer [m]" \
		"BUG: KFENCE: out-of-bounds read in f+0x12/0x20" \
		"UBSAN: shift-out-of-bounds in /src/m.c:21:7" \
		"ODEBUG: free active (active state 0) object: 0000 timer_list" \
		"DMA-API: vdpa vd0: device driver frees DMA memory" \
		"BUG kmalloc-64 (Tainted: G    B      O      ): Object corrupt" \
		"kmemleak: 16 new suspected memory leaks (see /sys/kernel/debug)" \
		"refcount_t: underflow; use-after-free." \
		"list_add corruption. prev->next should be next (ffff8)." \
		"cache_of_ours: Slab cache still has objects when called from x" \
		"BUG: Bad page state in process vdusectl  pfn:12345" \
		"vdusectl: page allocation failure: order:4, mode:0x40dc0"
}

@test "scan-dmesg: locking" {
	hit "WARNING: possible circular locking dependency detected" \
		"WARNING: possible recursive locking detected" \
		"WARNING: inconsistent lock state" \
		"WARNING: bad unlock balance detected!" \
		"WARNING: suspicious RCU usage" \
		"WARNING: lock held when returning to user space!" \
		"BUG: scheduling while atomic: insmod/123/0x00000002" \
		"BUG: sleeping function called from invalid context at mm/x.c:1" \
		"turning off the locking correctness validator." \
		"Disabling lock debugging due to kernel taint" \
		"INFO: trying to register non-static key."
}

@test "scan-dmesg: hangs" {
	hit "INFO: task vdpa:345 blocked for more than 60 seconds." \
		"rcu: INFO: rcu_preempt self-detected stall on CPU" \
		"rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:" \
		"rcu: rcu_preempt kthread starved for 5250 jiffies!" \
		"watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [vdpa:123]" \
		"watchdog: Watchdog detected hard LOCKUP on cpu 0" \
		"BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0"
}

@test "scan-dmesg: driver model" {
	hit "kobject_add_internal failed for vd0 with -EEXIST" \
		"kobject: 'vd0' (000): tried to init an initialized object" \
		"sysfs: cannot create duplicate filename '/class/vduse/vd0'" \
		"unregister_netdevice: waiting for eth1 to become free." \
		"debugfs: File 'x' in directory 'y' already present!"
}

@test "scan-dmesg: block devices and file systems" {
	hit "I/O error, dev vda, sector 2048 op 0x1:(WRITE) flags 0x800" \
		"Buffer I/O error on dev vda, logical block 0, async page read" \
		"critical medium error, dev vda, sector 8 op 0x0:(READ)" \
		"EXT4-fs error (device vda): ext4_find_entry:1455: inode #2" \
		"XFS (vda): Metadata corruption detected at xfs_agf_verify" \
		"XFS (vda): Filesystem has been shut down: Shutting down" \
		"virtio_blk vdpa0: Failed to suspend, request timeout"
}

@test "scan-dmesg: user processes" {
	hit "vdusectl[812]: segfault at 0 ip 000055d0 sp 00007ffd error 4" \
		"traps: vdusectl[812] trap invalid opcode ip:55d0 sp:7ffd" \
		"traps: vdusectl[812] general protection fault ip:55d0 sp:7ffd" \
		"audit: type=1326 audit(1.1:2): auid=0 comm=\"vdusectl\" sig=31" \
		"Out of memory: Killed process 812 (vdusectl) total-vm:1kB"
}

@test "scan-dmesg: only what follows the marker counts" {
	run -0 "$scan" --since "marker 7" <<-'END'
	[    1.0] BUG: KASAN: an older test's
	[    2.0] marker 7
	[    3.0] all is well
	END
	run -1 "$scan" --since "marker 7" <<-'END'
	[    2.0] marker 7
	[    3.0] BUG: KASAN: ours
	END
	[ "$output" = "[    3.0] BUG: KASAN: ours" ]
}

@test "scan-dmesg: an announced line is allowed, others are not" {
	run -1 "$scan" --allow 'I/O error, dev vda' --allow 'nothing' <<-'END'
	[    1.0] I/O error, dev vda, sector 0 op 0x0:(READ) flags 0x0
	[    2.0] I/O error, dev vdb, sector 0 op 0x0:(READ) flags 0x0
	END
	[[ $output == *vdb* && $output != *vda* ]]
}

@test "scan-dmesg: an allow entry needs its reason" {
	printf '# known: see the release notes\n^BUG: known\n' \
		> "$BATS_TEST_TMPDIR/allow"
	run -0 "$scan" --allow-file "$BATS_TEST_TMPDIR/allow" \
		<<< "[    1.0] BUG: known"
	printf '# only the first has one\n^BUG: known\n^BUG: other\n' \
		> "$BATS_TEST_TMPDIR/allow"
	run -2 "$scan" --allow-file "$BATS_TEST_TMPDIR/allow" \
		<<< "[    1.0] BUG: known"
	[[ $output == *"no reason above: ^BUG: other"* ]]
}

@test "scan-dmesg: fails when it cannot tell" {
	run -2 "$scan" --deny-file "$BATS_TEST_TMPDIR/missing" < <(clean)
	[[ $output == *"cannot read"* ]]
	printf '# nothing\n\n' > "$BATS_TEST_TMPDIR/deny"
	run -2 "$scan" --deny-file "$BATS_TEST_TMPDIR/deny" < <(clean)
	[[ $output == *"no patterns"* ]]
	run -2 "$scan" --allow-file "$BATS_TEST_TMPDIR/missing" < <(clean)
	run -2 "$scan" --since "no such marker" < <(clean)
	[[ $output == *"marker not in the log"* ]]
	run -2 "$scan" --since "no such marker" < /dev/null
	run -2 "$scan" --since
	run -2 "$scan" --unknown value
}

@test "scan-dmesg: every pattern of the lists is a valid expression" {
	local file line

	for file in "${scan%/*}"/dmesg-deny "${scan%/*}"/dmesg-allow; do
		while read -r line; do
			[[ -n $line && $line != "#"* ]] || continue
			echo "pattern: $line"
			run grep -E -e "$line" /dev/null
			[ "$status" -eq 1 ]
		done < "$file"
	done
}
