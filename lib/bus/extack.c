// SPDX-License-Identifier: LGPL-2.1-or-later
/* Extended acknowledgements of netlink, parsed by hand. */
#include "lib/bus/extack.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <string.h>

/* Copy what can be shown on one line; the kernel's text need not end in NUL. */
static void copy_text(struct vdu__extack *ret, const uint8_t *text, size_t len)
{
	size_t n = 0;

	while (n < len && n < sizeof(ret->text) - 1 && text[n]) {
		ret->text[n] = text[n] < ' ' || text[n] == 0x7f ? ' ' :
								  (char)text[n];
		n++;
	}
	ret->text[n] = '\0';
}

static void parse_attrs(struct vdu__extack *ret, const uint8_t *p, size_t len)
{
	while (len >= NLA_HDRLEN) {
		struct nlattr attr;
		size_t step;

		memcpy(&attr, p, sizeof(attr));
		if (attr.nla_len < NLA_HDRLEN || attr.nla_len > len)
			return;
		if ((attr.nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG) {
			copy_text(ret, p + NLA_HDRLEN, attr.nla_len - NLA_HDRLEN);
			return;
		}
		step = NLA_ALIGN((size_t)attr.nla_len);
		if (step > len)
			return;
		p += step;
		len -= step;
	}
}

int vdu__extack_parse(const void *msg, size_t len, struct vdu__extack *ret)
{
	const size_t fixed = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nlmsgerr));
	struct vdu__extack out = { 0 };
	struct nlmsghdr header;
	struct nlmsgerr body;
	size_t offset = fixed;

	if (len < fixed)
		return -EBADMSG;
	memcpy(&header, msg, sizeof(header));
	if (header.nlmsg_type != NLMSG_ERROR || header.nlmsg_len < fixed)
		return -EBADMSG;
	if (header.nlmsg_len < len)
		len = header.nlmsg_len;
	memcpy(&body, (const uint8_t *)msg + NLMSG_HDRLEN, sizeof(body));
	/* No errno is larger; anything else would overflow on negation. */
	if (body.error > 0 || body.error < -4095)
		return -EBADMSG;
	out.error = body.error;
	/* Without CAP_ACK the payload of the request stands before them. */
	if (!(header.nlmsg_flags & NLM_F_CAPPED)) {
		if (body.msg.nlmsg_len < sizeof(body.msg))
			return -EBADMSG;
		offset += NLMSG_ALIGN((size_t)body.msg.nlmsg_len) -
			  sizeof(body.msg);
	}
	if ((header.nlmsg_flags & NLM_F_ACK_TLVS) && offset <= len)
		parse_attrs(&out, (const uint8_t *)msg + offset, len - offset);
	*ret = out;
	return 0;
}
