// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-ext: a field with an error code that a read resets.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ext-tests.h"
#include "ext.h"

#define FIELD	40
#define LENGTH	4
#define CODES	200
#define EVERYWHERE 0x01010101	/* a code stands in each byte of it */
#define READERS	4

static const struct wish clear_wish = {
	.extensions = VDUSE_EXT_CONFIG,
	.stretches = { { FIELD, LENGTH, VDUSE_EXT_CLEAR } },
};

static struct host host;
static int fd, vhost;
static atomic_bool readers_end;
static atomic_uint got[CODES + 1], strange;

static void begin(void)
{
	fd = served_begin(&host, &clear_wish, &vhost);
}

static void end(void)
{
	served_end(&host, fd, vhost);
}

static uint32_t driver_reads(void)
{
	uint32_t code = 0;

	check("get config", !vmm_get_config(vhost, FIELD, &code, LENGTH));
	return code;
}

static void *read_codes(void *arg)
{
	uint32_t code;

	(void)arg;
	while (!readers_end) {
		code = driver_reads();
		if (code % EVERYWHERE || code / EVERYWHERE > CODES)
			strange++;
		else if (code)
			got[code / EVERYWHERE]++;
	}
	return NULL;
}

/* Each code, when the one before has been read: as the server can see. */
static void report_codes(void)
{
	uint32_t code, left, field;

	for (code = 1; code <= CODES; code++) {
		field = code * EVERYWHERE;
		check("set", !server_set_config(fd, FIELD, &field, LENGTH, 0,
						NULL));
		do {
			check("read back", !server_get_config(fd, FIELD, &left,
							      LENGTH, NULL));
		} while (left);
	}
}

static void see_codes(void)
{
	unsigned int once = 0, lost = 0, twice = 0;

	for (unsigned int code = 1; code <= CODES; code++) {
		once += got[code] == 1;
		lost += !got[code];
		twice += got[code] > 1;
	}
	see("codes", "%u read once, %u lost, %u read twice, %u strange", once,
	    lost, twice, strange);
}

static void see_told(void)
{
	unsigned int reads = 0, others = 0;
	uint64_t end_ms = now_ms() + PATIENCE_MS;
	const struct request *req;

	while (reads != CODES && now_ms() < end_ms) {
		reads = others = 0;
		for (unsigned int i = 0; i < host.count; i++) {
			req = &host.log[i];
			if (req->type != VDUSE_EXT_MSG_CONFIG_CLEARED)
				continue;
			reads += req->cleared.reads;
			others += req->cleared.offset != FIELD ||
				  req->cleared.length != LENGTH;
		}
	}
	see("the server hears", "of %u reads, %u of other bytes", reads, others);
}

static void many_readers(void)
{
	pthread_t readers[READERS];

	readers_end = false;
	for (int i = 0; i < READERS; i++)
		pthread_create(&readers[i], NULL, read_codes, NULL);
	report_codes();
	readers_end = true;
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	see_codes();
	see_told();
	see("counted", "%llu", info_of(PROBE_NAME).config_cleared);
}

static void set_whole(int byte)
{
	struct {
		struct vduse_config_data head;
		uint8_t bytes[60];
	} config = { .head = { .length = sizeof(config.bytes) } };

	memset(config.bytes, byte, sizeof(config.bytes));
	check("SET_CONFIG", !ioctl(fd, VDUSE_DEV_SET_CONFIG, &config));
}

void test_clear(void)
{
	uint8_t bytes[60];
	unsigned int left = 0, generations;

	begin();
	set_whole(0xaa);
	generations = info_of(PROBE_NAME).generation;
	see("a read", "0x%x", driver_reads());
	see("another one", "0x%x", driver_reads());
	check("get config", !vmm_get_config(vhost, 0, bytes, sizeof(bytes)));
	for (size_t i = 0; i < sizeof(bytes); i++)
		left += bytes[i] == 0xaa;
	see("bytes left", "%u", left);
	generations = info_of(PROBE_NAME).generation - generations;
	if (own)
		see("generations", "%u", generations);
	end();
	see("messages of it", "%u",
	    host_heard(&host, VDUSE_EXT_MSG_CONFIG_CLEARED));
	if (!extended)
		return;
	begin();
	many_readers();
	end();
}

static long read_code(void *arg)
{
	(void)arg;
	return driver_reads();
}

/* Nobody answers, and no read waits; later the server hears of all of them. */
void test_clear_alone(void)
{
	unsigned int reads = 0, first = 1000, last = 0;
	struct request req;
	uint32_t field;
	struct act act;

	if (!extended)
		return;
	begin();
	host_stop(&host);
	for (uint32_t code = 1; code <= 3; code++) {
		field = code * EVERYWHERE;
		check("set", !server_set_config(fd, FIELD, &field, LENGTH, 0,
						NULL));
		act_start(&act, read_code, NULL);
		see("a read", "%ld", act_end(&act) / EVERYWHERE);
	}
	while (message_waits(fd)) {
		req = message(fd);
		check("of reads", req.type == VDUSE_EXT_MSG_CONFIG_CLEARED);
		reads += req.cleared.reads;
		if (req.cleared.offset < first)
			first = req.cleared.offset;
		if (req.cleared.offset + req.cleared.length > last)
			last = req.cleared.offset + req.cleared.length;
		check("answer", !answer(fd, &req, true));
	}
	see("the server hears", "of %u reads, from %u to %u", reads, first,
	    last);
	host_start(&host, fd);
	end();
}
