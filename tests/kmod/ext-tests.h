/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For kmod-ext: its tests, by the file they are in. */
#pragma once

/* ext-setup.c */
void test_negotiate(void);
void test_wce(void);
void test_used_once(void);
void test_device_calls(void);

/* ext-config.c */
void test_update(void);
void test_update_limits(void);
void test_update_storm(void);
void test_read_in_flight(void);

/* ext-write.c */
void test_write(void);
void test_write_refused(void);
void test_write_pieces(void);

/* ext-writer.c */
void test_write_killed(void);
void test_write_broken(void);
void test_write_restart(void);
void test_write_full(void);
void test_write_virtio(void);

/* ext-clear.c */
void test_clear(void);
void test_clear_alone(void);

/* ext-features.c */
void test_features(void);
void test_features_virtio(void);

/* ext-status.c */
void test_needs_reset(void);
void test_reset_refused(void);
void test_reset_late(void);
void test_reset_abort(void);
void test_reset_driver(void);

/* ext-late.c */
void test_late(void);
void test_late_disk(void);
void test_vhost_waits(void);
void test_vhost_killed(void);

/* ext-abort.c */
void test_abort(void);
void test_abort_bind(void);
void test_abort_memory(void);
void test_killed_vmm(void);

/* ext-hostile.c */
void test_hostile(void);
void test_hostile_mmap(void);
void test_detached(void);

/* ext-info.c */
void test_info(void);
void test_info_list(void);
void test_info_sysfs(void);
void test_info_name(void);
void test_vstats(void);
void test_inject(void);

/* ext-fill.c */
void test_fill(void);
void test_fill_late(void);

/* ext-suspend.c */
void test_suspend(void);
void test_suspend_reset(void);
void test_queue_ready(void);
