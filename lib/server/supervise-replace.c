// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A new server in the place of the one that runs, of the program as it is
 * installed now, and then a new supervisor:
 *
 *   SIGUSR2 ──► successor starts ──► takes over ──► READY, the old one ends
 *                    │                                      │
 *                    └── fails: the old one goes on         └── exec of ourselves
 */
#include "lib/server/supervise.h"

#include <string.h>
#include <sys/wait.h>

#include "lib/server/launch.h"

void vdu__replace(struct vdu__supervisor *s)
{
	const struct vdu__child *child = &s->child;
	struct vdu_error err;

	if (s->old.pid || !child->ready || child->killed || child->stopping ||
	    s->leaving) {
		(void)vdu__fail(&err, VDU_STAGE_SERVER, -EAGAIN,
				"its server is just starting or ending");
		vdu__supervisor_failed(s, &err);
		return;
	}
	vdu__log(s->ctx, 6, "replacing its server, pid %d", child->pid);
	s->old = s->child;
	vdu__child_start(s, VDU_SUCCESSOR);
}

/* What we become finds the server by its claim, and tells who waits for us. */
static void renew(struct vdu__supervisor *s)
{
	int r = vdu__become(s->ctx, s->name, "--supervise", s->lock_fd,
			    s->memory_fd);

	vdu__log(s->ctx, 4, "cannot run the program anew: %s; the supervisor stays the old one",
		 strerror(-r));
	s->child.successor = false;
	vdu__supervisor_ready(s);
}

void vdu__replace_ready(struct vdu__supervisor *s)
{
	if (!s->old.pid && !s->leaving)
		renew(s);
}

void vdu__replace_reap(struct vdu__supervisor *s)
{
	(void)waitpid(s->old.pid, NULL, 0);
	vdu__debug(s->ctx, "the server before, pid %d, has ended", s->old.pid);
	vdu__closep(&s->old.pidfd);
	s->old = (struct vdu__child){ .pidfd = -EBADF };
	if (s->leaving)
		s->done = !s->child.pid;
	else if (s->child.successor && s->child.ready)
		renew(s);
}

bool vdu__replace_failed(struct vdu__supervisor *s,
			 const struct vdu__child *successor)
{
	/* It has let go: a crash like any other. */
	if (!s->old.pid || s->old.handed_over || successor->ready)
		return false;
	vdu__log(s->ctx, 4, "the new server, pid %d: %s; the one before it goes on",
		 successor->pid, successor->failure.text);
	s->child = s->old;
	s->old = (struct vdu__child){ .pidfd = -EBADF };
	vdu__supervisor_failed(s, &successor->failure);
	return true;
}
