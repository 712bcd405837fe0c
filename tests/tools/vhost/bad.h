// SPDX-License-Identifier: GPL-2.0-or-later
/* The bad command: requests that no correct driver sends, one kind each. */
#pragma once

#include "tests/tools/vhost/io.h"

/* Descriptors 0.. that the cases write themselves. */
#define BAD_DESCS 16

struct bad {
	struct dev *dev;
	struct queue *queue;
	struct io io;
	struct region *extra;		/* if the case asks for it */
	struct vring_desc *desc;	/* of the ring */
	struct vring_desc *table;	/* in good memory, for indirect ones */
	uint8_t before[4096];		/* start of the disk */
	unsigned int answer_ms;		/* how long to wait for one */
};

enum bad_expect {
	BAD_ERROR,	/* used, with an error in the status byte */
	BAD_USED,	/* used, the status byte not OK */
	BAD_TWICE,	/* used once or twice, whatever the status */
	BAD_SURVIVE,	/* whatever, if a reset mends it */
	BAD_RESET,	/* the ring is dead until a reset */
};

struct bad_case {
	const char *name, *help;
	enum bad_expect expect;
	uint64_t extra;			/* bytes of memory it wants */
	/* Prepare desc[0..] and offer them; the caller kicks. */
	int (*send)(struct bad *bad);
};

extern const struct bad_case bad_cases[];	/* ends with a NULL name */

/* Kick and wait for one used entry: 1, 0: none in time, negative errno. */
int bad_await(struct bad *bad, uint32_t *id, uint32_t *len);

/* One case by name, or "list", or "all". 0: all as expected. */
int bad_main(const struct dev *wishes, const char *path, const char *name);
