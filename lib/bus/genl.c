// SPDX-License-Identifier: LGPL-2.1-or-later
/* Requests of the generic netlink family "vdpa", with the kernel's words. */
#include "lib/bus/genl.h"

#include <linux/netlink.h>
#include <linux/vdpa.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/uapi.h"

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *msg, void *data)
{
	const char *header = (const char *)msg - NLMSG_HDRLEN;
	struct vdu__genl *genl = data;
	struct nlmsghdr copy;

	(void)from;
	/* libnl has checked that the whole message lies in its buffer. */
	memcpy(&copy, header, sizeof(copy));
	if (vdu__extack_parse(header, copy.nlmsg_len, &genl->ack) < 0)
		genl->ack.error = -EBADMSG;
	genl->done = true;
	return NL_STOP;
}

static int on_end(struct nl_msg *msg, void *data)
{
	struct vdu__genl *genl = data;

	(void)msg;
	genl->done = true;
	return NL_STOP;
}

static int on_reply(struct nl_msg *msg, void *data)
{
	struct nlattr *attrs[VDU__VDPA_ATTR_MAX + 1];
	struct vdu__genl *genl = data;

	if (genl->reply && genlmsg_parse(nlmsg_hdr(msg), 0, attrs,
					 VDU__VDPA_ATTR_MAX, NULL) == 0)
		genl->reply(attrs, genl->reply_data);
	return NL_OK;
}

static int set_option(int fd, int option)
{
	static const int on = 1;

	return setsockopt(fd, SOL_NETLINK, option, &on, sizeof(on));
}

int vdu__genl_open(struct vdu__genl *genl, struct vdu_error *err)
{
	int r;

	memset(genl, 0, sizeof(*genl));
	genl->sock = nl_socket_alloc();
	if (!genl->sock)
		return vdu__fail(err, VDU_STAGE_ATTACH, -ENOMEM,
				 "no memory for a netlink socket");
	r = genl_connect(genl->sock);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_ATTACH, -EIO,
				 "cannot open a generic netlink socket: %s",
				 nl_geterror(r));
	genl->family = genl_ctrl_resolve(genl->sock, VDPA_GENL_NAME);
	if (genl->family < 0)
		return vdu__fail(err, VDU_STAGE_MODULE, -ENODEV,
				 "no netlink family 'vdpa': module not loaded, or not the initial network namespace");
	/* Their absence costs words only. */
	(void)set_option(nl_socket_get_fd(genl->sock), NETLINK_EXT_ACK);
	(void)set_option(nl_socket_get_fd(genl->sock), NETLINK_CAP_ACK);
	nl_socket_modify_err_cb(genl->sock, NL_CB_CUSTOM, on_error, genl);
	nl_socket_modify_cb(genl->sock, NL_CB_ACK, NL_CB_CUSTOM, on_end, genl);
	nl_socket_modify_cb(genl->sock, NL_CB_FINISH, NL_CB_CUSTOM, on_end,
			    genl);
	nl_socket_modify_cb(genl->sock, NL_CB_VALID, NL_CB_CUSTOM, on_reply,
			    genl);
	return 0;
}

void vdu__genl_close(struct vdu__genl *genl)
{
	nl_socket_free(genl->sock);
	genl->sock = NULL;
}

struct nl_msg *vdu__genl_msg(const struct vdu__genl *genl, uint8_t command)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, genl->family,
				0, 0, command, VDPA_GENL_VERSION)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int vdu__genl_request(struct vdu__genl *genl, struct nl_msg *msg,
		      void (*reply)(struct nlattr *const attrs[], void *data),
		      void *data)
{
	int r;

	memset(&genl->ack, 0, sizeof(genl->ack));
	genl->done = false;
	genl->reply = reply;
	genl->reply_data = data;
	r = nl_send_auto(genl->sock, msg);
	nlmsg_free(msg);
	/* An error of the kernel ends a round with a negative r as well. */
	while (r >= 0 && !genl->done)
		r = nl_recvmsgs_default(genl->sock);
	return genl->done ? genl->ack.error : -EIO;
}

const char *vdu__genl_words(const struct vdu__genl *genl, char *buf,
			    size_t size)
{
	if (genl->ack.text[0])
		(void)snprintf(buf, size, "; the kernel says: %s",
			       genl->ack.text);
	else
		buf[0] = '\0';
	return buf;
}
