// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Who may change what, and who serves: locks on files under /run/vdusectl.
 *
 * flock(2) on /run/vdusectl/lock: the host's bus state (names, autoprobe).
 * flock(2) on /run/vdusectl/NAME/lock: management of one device.
 * fcntl(2) record locks on the same file, byte 0: held by the server while it
 * lives, so that anyone can ask the kernel for its pid without asking the
 * server; byte 1: likewise by its supervisor.
 * Order: device before host.
 */
#pragma once

#include <sys/types.h>

#include "lib/util/ctx.h"

/* Wait for the lock (within the context's limits); *ret_fd owns it. */
int vdu__lock_host(struct vdu_ctx *ctx, int *ret_fd, struct vdu_error *err);

/* -ENOENT if the device has no run directory, i.e. is not ours. */
int vdu__lock_device(struct vdu_ctx *ctx, const char *name, int *ret_fd,
		     struct vdu_error *err);

/* The server's claim; -EBUSY with the pid in the text if another has it. */
int vdu__claim_server(struct vdu_ctx *ctx, const char *name, int *ret_fd,
		      struct vdu_error *err);

/* The same of a rescue server: a read lock, so that it can be told apart. */
int vdu__claim_rescue(struct vdu_ctx *ctx, const char *name, int *ret_fd,
		      struct vdu_error *err);

/*
 * Pid of the living server of a device with a run directory, be it a rescue
 * server; 0 if none.
 */
pid_t vdu__server_pid(const struct vdu_ctx *ctx, const char *name);
/* Its pid if that is a rescue server, else 0. */
pid_t vdu__rescue_pid(const struct vdu_ctx *ctx, const char *name);

/*
 * The same for its supervisor. Who has claimed must not open that file again:
 * closing any descriptor of it drops the claim (fcntl(2)).
 */
int vdu__claim_supervisor(struct vdu_ctx *ctx, const char *name, int *ret_fd,
			  struct vdu_error *err);
/* fd holds that claim of this process already, from before execve(2): 0. */
int vdu__keep_supervisor(struct vdu_ctx *ctx, const char *name, int fd);
pid_t vdu__supervisor_pid(const struct vdu_ctx *ctx, const char *name);

/*
 * The same as pidfds, for who is to wait for them or to signal them: that pid
 * may soon be another's. The last one for who has claimed. -ESRCH: none.
 */
int vdu__server_pidfd(const struct vdu_ctx *ctx, const char *name,
		      pid_t *ret_pid);
int vdu__supervisor_pidfd(const struct vdu_ctx *ctx, const char *name,
			  pid_t *ret_pid);
int vdu__server_pidfd_at(int claim_fd, pid_t *ret_pid);
