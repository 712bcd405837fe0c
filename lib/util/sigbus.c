// SPDX-License-Identifier: LGPL-2.1-or-later
/* Who mends memory that raised SIGBUS. */
#include "lib/util/sigbus.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include "lib/util/macro.h"

/* Driver memory, and a file. */
static struct {
	vdu__sigbus_mend *mend;
	void *_Atomic opaque;		/* set last; NULL: free */
} menders[2];

bool vdu__sigbus_cover(char *at, unsigned long page)
{
	void *start = (void *)((uintptr_t)at & ~(uintptr_t)(page - 1));

	return mmap(start, page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == start;
}

static void on_sigbus(int sig, siginfo_t *info, void *ucontext)
{
	(void)ucontext;
	for (unsigned int i = 0; i < ARRAY_SIZE(menders); i++) {
		void *opaque = atomic_load(&menders[i].opaque);

		if (opaque && menders[i].mend(opaque, info->si_addr))
			return;
	}
	/* A bug. Die of it at the next attempt. */
	(void)signal(sig, SIG_DFL);
}

int vdu__sigbus_add(vdu__sigbus_mend *mend, void *opaque)
{
	struct sigaction action = {
		.sa_flags = SA_SIGINFO | SA_NODEFER,
		.sa_sigaction = on_sigbus,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(menders); i++) {
		if (atomic_load(&menders[i].opaque))
			continue;
		menders[i].mend = mend;
		atomic_store(&menders[i].opaque, opaque);
		(void)sigemptyset(&action.sa_mask);
		(void)sigaction(SIGBUS, &action, NULL);
		return 0;
	}
	return -ENOSPC;
}

void vdu__sigbus_remove(const void *opaque)
{
	bool others = false;

	for (unsigned int i = 0; i < ARRAY_SIZE(menders); i++) {
		if (atomic_load(&menders[i].opaque) == opaque)
			atomic_store(&menders[i].opaque, NULL);
		others |= atomic_load(&menders[i].opaque) != NULL;
	}
	if (!others)
		(void)signal(SIGBUS, SIG_DFL);
}
