// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What the kernel adds to a netlink error: extended acknowledgements. libnl
 * has no parser for them. Pure: bytes in, text out.
 */
#pragma once

#include <stddef.h>

struct vdu__extack {
	int error;		/* negative errno; 0: success */
	char text[200];		/* the kernel's words; "" if it had none */
};

/*
 * Parse one NLMSG_ERROR message of len bytes, starting at its nlmsghdr. No
 * length inside it is trusted. 0, or -EBADMSG if it is not such a message;
 * damaged attributes only cost the text.
 */
int vdu__extack_parse(const void *msg, size_t len, struct vdu__extack *ret);
