// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Split rings in hostile memory: whatever is popped lies in memory of the
 * driver, ends, and comes back as it was pushed.
 *
 * Under test: lib/ring/split.c lib/ring/chain.c
 */
#include <endian.h>
#include <errno.h>

#include "tests/fuzz/guest.h"

#define HELD_MAX 64
#define IOV_MAX_HERE 20

struct state {
	struct guest guest;
	struct vdu__ring ring;
	uint16_t held[HELD_MAX];	/* popped, not pushed */
	unsigned int n_held;
	uint16_t pushed;		/* the used index that must come out */
	uint16_t published;
	bool published_once;
};

static uint16_t get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return le16toh(value);
}

static void start(struct state *s, uint16_t next_avail)
{
	struct guest *g = &s->guest;
	uint8_t how = fuzz_u8(g->in);

	CHECK(vdu__ring_init(&s->ring, &g->mem, g->num, g->desc, g->avail,
			     g->used, next_avail, how & 1, how & 2) == 0);
	s->pushed = s->published = get16(g->used + 2);
	s->published_once = false;
	s->n_held = 0;
}

static void check_chain(struct state *s, const struct vdu__chain *c)
{
	uint64_t out = 0, in = 0, bytes;

	CHECK(c->n_out + c->n_in <= c->max_iov);
	for (unsigned int i = 0; i < c->n_out + c->n_in; i++) {
		const struct iovec *v = &c->iov[i];

		CHECK(guest_has(&s->guest, v->iov_base, v->iov_len,
				i >= c->n_out));
		*(i < c->n_out ? &out : &in) += v->iov_len;
	}
	CHECK((unsigned int)c->fault < VDU_CHAIN_FAULT_MAX);
	CHECK(strcmp(vdu__chain_fault_name(c->fault), "unknown") != 0);
	if (c->last_in)
		CHECK(guest_has(&s->guest, c->last_in, 1, true));
	if (c->fault == VDU_CHAIN_OK) {
		CHECK(out == c->out_bytes && in == c->in_bytes);
		CHECK(out + in <= UINT32_MAX);
		CHECK((c->last_in != NULL) == (c->n_in > 0));
		CHECK(s->guest.changing ||
		      (guest_chain_ends(&s->guest, c->head, &bytes) &&
		       bytes == out + in));
	}
	/* A descriptor of an indirect table may come in 16 pieces. */
	CHECK(s->guest.n_translated <=
	      s->guest.num * 17U + c->max_iov + 3U);
}

static void pop(struct state *s, struct vdu__chain *chain)
{
	uint16_t before = s->ring.last_avail;
	uint16_t waiting = s->ring.seen_avail - before;
	int r;

	if (s->n_held == HELD_MAX)
		return;
	if (!waiting)
		waiting = get16(s->guest.avail + 2) - before;
	s->guest.n_translated = 0;
	r = vdu__ring_pop(&s->ring, chain);
	CHECK(r == (waiting > s->guest.num ? -EPROTO : waiting > 0));
	CHECK(s->ring.last_avail == (uint16_t)(before + (r == 1)));
	if (r != 1)
		return;
	check_chain(s, chain);
	s->held[s->n_held++] = chain->head;
}

static void push(struct state *s)
{
	unsigned int i = s->n_held ? fuzz_u8(s->guest.in) % s->n_held : 0;
	uint32_t len = fuzz_u16(s->guest.in), entry[2];

	if (!s->n_held)
		return;
	vdu__ring_push(&s->ring, s->held[i], len);
	memcpy(entry, s->guest.used + 4 + (s->pushed & (s->guest.num - 1)) * 8,
	       sizeof(entry));
	CHECK(le32toh(entry[0]) == s->held[i] && le32toh(entry[1]) == len);
	CHECK(vdu__ring_used_head(&s->ring, s->pushed) == s->held[i]);
	s->held[i] = s->held[--s->n_held];
	s->pushed++;
}

static void publish(struct state *s)
{
	const struct guest *g = &s->guest;
	uint16_t event = get16(g->avail + 4 + g->num * 2);
	bool first = !s->published_once, wanted = first;
	bool got = vdu__ring_publish(&s->ring);

	if (!first && s->published == s->pushed) {
		CHECK(!got);
		return;
	}
	/* Is the event among the entries that became visible? */
	for (uint16_t i = s->published; i != s->pushed; i++)
		wanted |= i == event;
	if (!s->ring.event_idx)
		wanted = !(get16(g->avail) & 1);
	CHECK(got == wanted);
	CHECK(get16(g->used + 2) == s->pushed);
	s->published = s->pushed;
	s->published_once = true;
}

static void arm(struct state *s)
{
	bool more = vdu__ring_arm_kick(&s->ring, 0);
	uint8_t *event = s->guest.used + 4 + s->guest.num * 8;

	CHECK(more == (s->ring.seen_avail != s->ring.last_avail));
	if (s->ring.event_idx)
		CHECK(get16(event) == s->ring.last_avail);
	else
		CHECK(get16(s->guest.used) == 0);
}

static void step(struct state *s, struct vdu__chain *chain)
{
	struct vdu__ring_view view;

	switch (fuzz_u8(s->guest.in) % 10) {
	case 0:
	case 1:
		pop(s, chain);
		break;
	case 2:
		push(s);
		break;
	case 3:
		publish(s);
		break;
	case 4:
		arm(s);
		break;
	case 5:
		vdu__ring_disarm_kick(&s->ring);
		vdu__ring_look(s->guest.num, s->guest.avail, s->guest.used,
			       &view);
		break;
	case 6:
		/* Another server takes over what this one had taken. */
		if (fuzz_u8(s->guest.in) % 8)
			break;
		start(s, get16(s->guest.used + 2));
		s->guest.n_translated = 0;
		vdu__ring_retake(&s->ring, fuzz_u16(s->guest.in), chain);
		check_chain(s, chain);
		s->held[s->n_held++] = chain->head;
		break;
	default:
		guest_step(&s->guest);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz in = { data, size };
	struct iovec iov[IOV_MAX_HERE];
	struct vdu__chain chain = { .iov = iov, .max_iov = IOV_MAX_HERE };
	struct state s = { 0 };

	guest_init(&s.guest, &in);
	start(&s, fuzz_u8(&in) & 1 ? fuzz_u16(&in) : 0);
	while (in.left)
		step(&s, &chain);
	while (s.n_held)
		push(&s);
	publish(&s);
	guest_free(&s.guest);
	return 0;
}
