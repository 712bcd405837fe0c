# SPDX-License-Identifier: GPL-2.0-or-later
# Lines of tests/bench/profile/run, "INSTRUCTIONS FUNCTION", by what they are
# for: the first rule that fits.

BEGIN {
	add("server: copy", "^user: libc")
	add("server", "^user: vdusectl")
	add("clock", "vdso")
	add("fio, its libraries, other servers", "^user: ")
	add("copies in the kernel", "^(copy_page|rep_movs_alternative|_copy_to_iter|copy_page_(to|from)_iter.*|memcpy.*)$")
	add("vduse", "\\[vduse\\]")
	add("scheduler", "sched|update_load|update_curr|update_cfs|update_rq_clock|psi_|queue_entit|queue_task|place_entity|pick_|vruntime|set_next|put_prev|switch_|__switch|finish_task|try_to_wake|ttwu|resched|wakeup|yield|rseq|preempt|fpregs|fpstate|load_avg|rb_(insert|erase|next|first)|__rb_|rcu_note|mm_cid|__calc_delta|tick|timer|apic")
	add("system calls, seccomp", "syscall|sysret|entry_SYS|seccomp|x64_sys_call|exit_to_user")
	add("pages of requests", "gup|bio_iov|bio_set_pages|bio_check_pages|bio_release|iov_iter_extract|try_grab|try_get_folio|unpin|pte|folio_mark_dirty|bvec_try")
	add("virtio, block layer", "virt|vring|dma_|blk|bio|sbitmap|sg_|elv|plug|account|part_|bvec|disk|__submit")
	add("io_uring", "io_")
	add("file system, page cache", "ext4|jbd|filemap|folio|xas|xa_|inode|block_write|block_commit|generic_perform|balance_dirty|vfs|kiocb|file_|write_|timestamp|mark_buffer|aa_|rw_verify|fdget")
	add("rest", "")
}

function add(name, re) {
	names[++n] = name
	rules[n] = re
}

$2 == "all," { print; next }

{
	name = $0
	sub(/^ *[-0-9.]+ +/, "", name)
	for (i = 1; i < n; i++)
		if (name ~ rules[i])
			break
	sum[i] += $1
}

END {
	for (i = 1; i <= n; i++)
		printf "%10.0f  %s\n", sum[i], names[i]
}
