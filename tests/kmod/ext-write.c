// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-ext: drivers write to the configuration space.
 */
#include <string.h>
#include <unistd.h>

#include "ext-tests.h"
#include "ext-write.h"

static const struct wish write_wish = {
	.extensions = VDUSE_EXT_CONFIG | VDUSE_EXT_RECOVER,
	.stretches = {
		{ POSTED, ACKED - POSTED, VDUSE_EXT_WRITABLE },
		{ ACKED, SPACE - ACKED, VDUSE_EXT_WRITABLE | VDUSE_EXT_ACKED },
	},
	.config_size = SPACE,
};

struct writer writer;

void writer_begin_with(uint64_t extensions)
{
	struct wish wish = write_wish;

	wish.extensions = extensions;
	writer.fd = served_begin(&writer.host, &wish, &writer.vhost);
}

void writer_begin(void)
{
	writer_begin_with(write_wish.extensions);
}

void writer_end(void)
{
	served_end(&writer.host, writer.fd, writer.vhost);
}

long driver_writes(void *arg)
{
	struct driver_write *write = arg;

	return vmm_set_config(writer.vhost, write->offset, write->data,
			      write->length);
}

uint8_t driver_reads(uint32_t offset)
{
	uint8_t byte = 0;

	check("get config", !vmm_get_config(writer.vhost, offset, &byte, 1));
	return byte;
}

static void see_write(const char *key, const struct request *req)
{
	bool posted = req->write.flags & VDUSE_EXT_M_POSTED;
	uint32_t generation = info_of(PROBE_NAME).generation;

	see(key, "type 0x%x, offset %u, length %u, %s, first byte %u, "
	    "generation %s", req->type, req->write.offset, req->write.length,
	    posted ? "posted" : "acknowledged", req->write.data[0],
	    req->write.generation == generation ? "of now" : "of before");
}

/* The server stands still: a posted write does not wait for it. */
static void posted_write(void)
{
	struct driver_write write = { POSTED, 1, { 7 } };
	struct request req;
	struct act act;

	act_start(&act, driver_writes, &write);
	see_result("posted write", act_end(&act));
	see("posted write", "reads %u", driver_reads(POSTED));
	see("posted write", "%s", message_waits(writer.fd) ?
	    "the server is told" : "the server does not hear of it");
	if (!extended)
		return;
	req = message(writer.fd);
	see_write("posted write", &req);
	see_result("posted write: answered", answer(writer.fd, &req, true));
}

static void acked_write(bool good)
{
	struct driver_write write = { ACKED, 2, { 8 + good, 1 } };
	struct request req;
	uint8_t bytes[2];
	struct act act;

	act_start(&act, driver_writes, &write);
	if (!extended) {
		see_result("acknowledged write", act_end(&act));
		see("acknowledged write", "reads %u", driver_reads(ACKED));
		see("acknowledged write", "%s", message_waits(writer.fd) ?
		    "the server is told" : "the server does not hear of it");
		return;
	}
	req = message(writer.fd);
	see_write("acknowledged write", &req);
	see("acknowledged write", "%s before the answer",
	    act_returns(&act, false) ? "returns" : "waits");
	check("read back", !server_get_config(writer.fd, ACKED, bytes, 2, NULL));
	see("acknowledged write", "the server reads %u", bytes[0]);
	check("answer", !answer(writer.fd, &req, good));
	see_result(good ? "accepted" : "refused", act_end(&act));
	see(good ? "accepted" : "refused", "reads %u", driver_reads(ACKED));
}

/* A write that puts old bytes back is a change of its own. */
static void put_back(void)
{
	uint32_t before = info_of(PROBE_NAME).generation;

	acked_write(false);
	see("refused", "%u generations",
	    info_of(PROBE_NAME).generation - before);
}

void test_write(void)
{
	writer_begin();
	vmm_start(writer.vhost, 0);
	host_stop(&writer.host);
	posted_write();
	acked_write(true);
	if (extended)
		put_back();
	host_start(&writer.host, writer.fd);
	writer_end();
}

static void refused(const char *key, uint32_t offset, uint32_t length)
{
	struct vduse_ext_info before = info_of(PROBE_NAME), after;
	struct driver_write write = { offset, length, { 0 } };
	uint8_t bytes[SPACE], again[SPACE];

	check("get config", !vmm_get_config(writer.vhost, 0, bytes, SPACE));
	memset(write.data, 0x5a, length);
	see_result(key, driver_writes(&write));
	check("get config", !vmm_get_config(writer.vhost, 0, again, SPACE));
	see(key, "bytes %s", memcmp(bytes, again, SPACE) ? "changed" :
	    "as before");
	after = info_of(PROBE_NAME);
	if (own)
		see(key, "taken %llu, refused %llu, generations %u",
		    after.config_writes - before.config_writes,
		    after.config_refused - before.config_refused,
		    after.generation - before.generation);
}

/* Neither bus can carry an errno: it is counted. */
void test_write_refused(void)
{
	unsigned int heard;

	writer_begin();
	vmm_start(writer.vhost, 0);
	heard = writer.host.count;
	refused("outside", CLOSED, 4);
	refused("half outside", POSTED - 1, 2);
	refused("from outside to its end", 0, SPACE);
	refused("behind the end", SPACE, 1);
	see("messages", "%u", writer.host.count - heard);
	refused("inside", ACKED, 4);
	see("messages of one inside", "%u",
	    host_heard(&writer.host, VDUSE_EXT_MSG_CONFIG_WRITE));
	writer_end();
}

/* More than a message holds, over the border between the two sorts. */
void test_write_pieces(void)
{
	struct driver_write write = { ACKED, 300, { 0 } };
	unsigned int at = 0, pieces = 0;
	const struct request *req;

	for (unsigned int i = 0; i < write.length; i++)
		write.data[i] = (uint8_t)(i * 7 + 1);
	writer_begin();
	vmm_start(writer.vhost, 0);
	see_result("a long write", driver_writes(&write));
	for (unsigned int i = 0; i < writer.host.count; i++) {
		req = &writer.host.log[i];
		if (req->type != VDUSE_EXT_MSG_CONFIG_WRITE)
			continue;
		check("the next piece", req->write.offset == ACKED + at &&
		      at + req->write.length <= write.length &&
		      !memcmp(req->write.data, write.data + at,
			      req->write.length));
		at += req->write.length;
		pieces++;
	}
	see("pieces", "%u, %u bytes", pieces, at);
	see("reads", "%s", driver_reads(ACKED + 299) == write.data[299] ?
	    "what was written" : "as before");
	if (extended) {
		memset(write.data, 0xee, write.length);
		writer.host.refuses = NULL;
		write.offset = POSTED;
		write.length = ACKED - POSTED + 1;
		see_result("over the border", driver_writes(&write));
		req = &writer.host.log[writer.host.count - 1];
		see("over the border", "%s, %u bytes", req->write.flags &
		    VDUSE_EXT_M_POSTED ? "posted" : "acknowledged",
		    req->write.length);
	}
	writer_end();
}
