// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel sends: extended acknowledgements and uevents, all hostile. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/netlink.h>

#include "lib/bus/extack.h"
#include "lib/bus/uevent.h"

#define FIXED (NLMSG_HDRLEN + sizeof(struct nlmsgerr))

/* A message under construction; parsed from an allocation of exact size. */
struct message {
	uint8_t bytes[1024];
	size_t len;
};

static struct message new_message(int error, uint16_t flags)
{
	struct message m = { .len = FIXED };
	struct nlmsghdr header = { .nlmsg_type = NLMSG_ERROR,
				   .nlmsg_flags = flags };
	struct nlmsgerr body = { .error = error,
				 .msg.nlmsg_len = sizeof(struct nlmsghdr) };

	memcpy(m.bytes, &header, sizeof(header));
	memcpy(m.bytes + NLMSG_HDRLEN, &body, sizeof(body));
	return m;
}

static void set_len(struct message *m, size_t len)
{
	uint32_t value = (uint32_t)len;

	memcpy(m->bytes + offsetof(struct nlmsghdr, nlmsg_len), &value,
	       sizeof(value));
}

/* claimed: the length that the attribute says it has. */
static void add_attr(struct message *m, uint16_t type, const void *data,
		     size_t len, uint16_t claimed)
{
	struct nlattr attr = { .nla_len = claimed, .nla_type = type };

	memcpy(m->bytes + m->len, &attr, sizeof(attr));
	if (len)
		memcpy(m->bytes + m->len + NLA_HDRLEN, data, len);
	m->len += NLA_ALIGN(NLA_HDRLEN + len);
}

static void add_text(struct message *m, const char *text)
{
	size_t len = strlen(text) + 1;

	add_attr(m, NLMSGERR_ATTR_MSG, text, len, (uint16_t)(NLA_HDRLEN + len));
}

static int parse(struct message *m, size_t len, struct vdu__extack *ret)
{
	uint8_t *copy = malloc(len ? len : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, m->bytes, len);
	r = vdu__extack_parse(copy, len, ret);
	free(copy);
	return r;
}

#define TLVS (NLM_F_CAPPED | NLM_F_ACK_TLVS)

static void extack_tells_error_and_text(void **state)
{
	struct message m = new_message(-ENODEV, TLVS);
	struct vdu__extack ack;
	uint32_t offset = 24;

	(void)state;
	add_attr(&m, NLMSGERR_ATTR_OFFS, &offset, sizeof(offset),
		 NLA_HDRLEN + sizeof(offset));
	add_text(&m, "device not found");
	set_len(&m, m.len);
	assert_int_equal(parse(&m, m.len, &ack), 0);
	assert_int_equal(ack.error, -ENODEV);
	assert_string_equal(ack.text, "device not found");
}

static void extack_without_words_has_no_text(void **state)
{
	struct message m = new_message(-EINVAL, NLM_F_CAPPED);
	struct vdu__extack ack;

	(void)state;
	/* Without NLM_F_ACK_TLVS what follows is no attribute. */
	add_text(&m, "not for you");
	set_len(&m, m.len);
	assert_int_equal(parse(&m, m.len, &ack), 0);
	assert_int_equal(ack.error, -EINVAL);
	assert_string_equal(ack.text, "");
}

static void extack_skips_the_request_that_is_sent_back(void **state)
{
	struct message m = new_message(-EEXIST, NLM_F_ACK_TLVS);
	uint32_t inner = sizeof(struct nlmsghdr) + 13;
	struct vdu__extack ack;

	(void)state;
	memcpy(m.bytes + NLMSG_HDRLEN + offsetof(struct nlmsgerr, msg), &inner,
	       sizeof(inner));
	m.len += 16;
	add_text(&m, "exists");
	set_len(&m, m.len);
	assert_int_equal(parse(&m, m.len, &ack), 0);
	assert_string_equal(ack.text, "exists");

	/* A request longer than the message: the errno stays. */
	inner = UINT32_MAX;
	memcpy(m.bytes + NLMSG_HDRLEN + offsetof(struct nlmsgerr, msg), &inner,
	       sizeof(inner));
	assert_int_equal(parse(&m, m.len, &ack), 0);
	assert_int_equal(ack.error, -EEXIST);
	assert_string_equal(ack.text, "");
	inner = sizeof(struct nlmsghdr) - 1;
	memcpy(m.bytes + NLMSG_HDRLEN + offsetof(struct nlmsgerr, msg), &inner,
	       sizeof(inner));
	assert_int_equal(parse(&m, m.len, &ack), -EBADMSG);
}

static void extack_survives_hostile_attribute_lengths(void **state)
{
	static const uint16_t claims[] = { 0, 1, NLA_HDRLEN - 1, 9, 40, 0xffff };
	struct vdu__extack ack;

	(void)state;
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		struct message m = new_message(-EPERM, TLVS);

		add_attr(&m, NLMSGERR_ATTR_MSG, "abc", 4, claims[i]);
		set_len(&m, m.len);
		assert_int_equal(parse(&m, m.len, &ack), 0);
		assert_int_equal(ack.error, -EPERM);
		assert_string_equal(ack.text, "");
	}
}

static void extack_text_without_nul_or_with_controls(void **state)
{
	struct message m = new_message(-EPERM, TLVS);
	struct vdu__extack ack;
	char lots[600];

	(void)state;
	add_attr(&m, NLMSGERR_ATTR_MSG, "a\nb\x1b", 4, NLA_HDRLEN + 4);
	set_len(&m, m.len);
	assert_int_equal(parse(&m, m.len, &ack), 0);
	assert_string_equal(ack.text, "a b ");

	m = new_message(-EPERM, TLVS);
	memset(lots, 'x', sizeof(lots));
	add_attr(&m, NLMSGERR_ATTR_MSG, lots, sizeof(lots),
		 NLA_HDRLEN + sizeof(lots));
	set_len(&m, m.len);
	assert_int_equal(parse(&m, m.len, &ack), 0);
	assert_int_equal(strlen(ack.text), sizeof(ack.text) - 1);
}

static void extack_refuses_what_is_no_error_message(void **state)
{
	struct message m = new_message(-EPERM, TLVS);
	struct vdu__extack ack = { .error = 7 };

	(void)state;
	add_text(&m, "words");
	for (size_t len = 0; len < FIXED; len++) {
		set_len(&m, len);
		assert_int_equal(parse(&m, len, &ack), -EBADMSG);
		assert_int_equal(parse(&m, m.len, &ack), -EBADMSG);
	}
	/* Cut at every byte, whatever the header claims: no byte too far. */
	set_len(&m, UINT32_MAX);
	for (size_t len = FIXED; len < m.len; len++)
		assert_int_equal(parse(&m, len, &ack), 0);
	ack.error = 7;
	m.bytes[offsetof(struct nlmsghdr, nlmsg_type)] = NLMSG_DONE;
	assert_int_equal(parse(&m, m.len, &ack), -EBADMSG);
	m = new_message(5, TLVS);
	set_len(&m, m.len);
	assert_int_equal(parse(&m, m.len, &ack), -EBADMSG);
	m = new_message(INT32_MIN, TLVS);
	set_len(&m, m.len);
	assert_int_equal(parse(&m, m.len, &ack), -EBADMSG);
	assert_int_equal(ack.error, 7);
}

/* text with its NULs, without the last one that C adds. */
#define UEVENT(text, ret) parse_uevent(text, sizeof(text) - 1, ret)

static int parse_uevent(const char *text, size_t len, struct vdu_event *ret)
{
	char *copy = malloc(len ? len : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, text, len);
	r = vdu__uevent_parse(copy, len, ret);
	free(copy);
	return r;
}

#define DISK "/devices/virtual/vduse/blk0/blk0/virtio3/block/vda"

static void uevent_tells_all_fields(void **state)
{
	struct vdu_event event;

	(void)state;
	assert_int_equal(UEVENT("add@" DISK "\0ACTION=add\0DEVPATH=" DISK
				"\0SUBSYSTEM=block\0DEVNAME=vda\0SEQNUM=711\0",
				&event), 0);
	assert_string_equal(event.action, "add");
	assert_string_equal(event.devpath, DISK);
	assert_string_equal(event.device, "blk0");
	assert_string_equal(event.subsystem, "block");
	assert_string_equal(event.devnode, "/dev/vda");
	assert_string_equal(event.driver, "");
	assert_int_equal(event.seqnum, 711);

	assert_int_equal(UEVENT("bind@/devices/virtual/vduse/a/a\0DRIVER=x",
				&event), 0);
	assert_string_equal(event.device, "a");
	assert_string_equal(event.driver, "x");
	assert_int_equal(event.seqnum, 0);
}

static void uevent_knows_whose_device_it_is(void **state)
{
	struct vdu_event event;

	(void)state;
	assert_int_equal(UEVENT("add@/devices/virtual/vduse/blk1\0", &event), 0);
	assert_string_equal(event.device, "blk1");
	assert_int_equal(UEVENT("add@/devices/virtual/vduse/\0", &event), 0);
	assert_string_equal(event.device, "");
	assert_int_equal(UEVENT("add@/devices/virtual/vdusex/b\0", &event), 0);
	assert_string_equal(event.device, "");
	assert_int_equal(UEVENT("add@/devices/pci0000:00/virtio0\0", &event), 0);
	assert_string_equal(event.device, "");
}

static void uevent_cuts_what_does_not_fit(void **state)
{
	char text[2000] = "add@/devices/virtual/vduse/";
	struct vdu_event event;
	size_t len = strlen(text);

	(void)state;
	memset(text + len, 'n', 300);
	len += 300;
	text[len++] = '\0';
	memcpy(text + len, "SUBSYSTEM=", 10);
	memset(text + len + 10, 's', 300);
	len += 310;
	text[len++] = '\0';
	memcpy(text + len, "DEVNAME=", 8);
	memset(text + len + 8, 'd', 300);
	len += 308;
	assert_int_equal(parse_uevent(text, len, &event), 0);
	/* A name that was cut would be that of another device. */
	assert_string_equal(event.device, "");
	assert_int_equal(strlen(event.devpath), sizeof(event.devpath) - 1);
	assert_int_equal(strlen(event.subsystem), sizeof(event.subsystem) - 1);
	assert_int_equal(strlen(event.devnode), sizeof(event.devnode) - 1);
}

static void uevent_refuses_garbage(void **state)
{
	static const char good[] = "add@/d\0SUBSYSTEM=block\0SEQNUM=1";
	struct vdu_event event = { .seqnum = 42 };

	(void)state;
	assert_int_equal(UEVENT("", &event), -EBADMSG);
	assert_int_equal(UEVENT("\0\0\0", &event), -EBADMSG);
	assert_int_equal(UEVENT("@/d\0", &event), -EBADMSG);
	assert_int_equal(UEVENT("add@\0", &event), -EBADMSG);
	assert_int_equal(UEVENT("add@d\0", &event), -EBADMSG);
	assert_int_equal(UEVENT("add", &event), -EBADMSG);
	assert_int_equal(UEVENT("libudev\0\xfe\xed\xca\xfe", &event), -EBADMSG);
	assert_int_equal(UEVENT("sixteen-letters-@/d", &event), -EBADMSG);
	assert_int_equal(event.seqnum, 42);
	assert_int_equal(UEVENT("add@/d\0=\0SEQNUM=-1\0SEQNUM\0\0=x", &event), 0);
	assert_int_equal(event.seqnum, 0);
	/* Cut at every byte: ASan is the judge of the rest. */
	for (size_t len = 0; len < sizeof(good); len++)
		assert_int_equal(parse_uevent(good, len, &event),
				 len > strlen("add@") ? 0 : -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(extack_tells_error_and_text),
		cmocka_unit_test(extack_without_words_has_no_text),
		cmocka_unit_test(extack_skips_the_request_that_is_sent_back),
		cmocka_unit_test(extack_survives_hostile_attribute_lengths),
		cmocka_unit_test(extack_text_without_nul_or_with_controls),
		cmocka_unit_test(extack_refuses_what_is_no_error_message),
		cmocka_unit_test(uevent_tells_all_fields),
		cmocka_unit_test(uevent_knows_whose_device_it_is),
		cmocka_unit_test(uevent_cuts_what_does_not_fit),
		cmocka_unit_test(uevent_refuses_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
