// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From a descriptor chain to a block request. A driver may cut the header, the
 * data and the status byte into whatever pieces it likes (virtio 1.2, 5.2.6):
 * the first 16 readable bytes are the header, the last writable byte is the
 * status, the rest is data.
 */
#include "lib/blk/request.h"

#include <endian.h>
#include <linux/virtio_blk.h>
#include <stddef.h>
#include <string.h>

#include "lib/ring/barrier.h"
#include "lib/util/macro.h"

#define SECTOR_SHIFT 9
#define SECTOR_SIZE (1u << SECTOR_SHIFT)

/* Pieces of memory of which a part is used up. */
struct pieces {
	struct iovec *iov;
	unsigned int n;
	uint64_t bytes;
};

/* What a request came to, while it is parsed. */
struct answer {
	enum vdu__blk_next next;
	uint8_t status;
	uint32_t len;
	bool malformed;
};

static const struct answer submit = { .next = VDU_BLK_SUBMIT };

static struct answer done(uint8_t status)
{
	return (struct answer){ .next = VDU_BLK_DONE, .status = status };
}

static struct answer malformed(void)
{
	return (struct answer){
		.next = VDU_BLK_DONE,
		.status = VIRTIO_BLK_S_IOERR,
		.malformed = true,
	};
}

/* Use up len bytes at the front, at most pieces->bytes; dst may be NULL. */
static void take(struct pieces *pieces, void *dst, size_t len)
{
	uint8_t *to = dst;

	pieces->bytes -= len;
	while (len > 0) {
		struct iovec *iov = pieces->iov;
		size_t part = MIN(len, iov->iov_len);

		vdu__copy_in(to, iov->iov_base, part);
		to += part;
		len -= part;
		iov->iov_base = (uint8_t *)iov->iov_base + part;
		iov->iov_len -= part;
		if (iov->iov_len == 0) {
			pieces->iov++;
			pieces->n--;
		}
	}
}

static void cut_last_byte(struct pieces *pieces)
{
	struct iovec *last = &pieces->iov[pieces->n - 1];

	pieces->bytes--;
	if (--last->iov_len == 0)
		pieces->n--;
}

static void fill(const struct pieces *pieces, const void *src, size_t len)
{
	const uint8_t *from = src;

	for (unsigned int i = 0; i < pieces->n && len > 0; i++) {
		size_t part = MIN(len, pieces->iov[i].iov_len);

		vdu__copy_out(pieces->iov[i].iov_base, from, part);
		from += part;
		len -= part;
	}
}

static bool negotiated(const struct vdu__blk_rules *rules, unsigned int bit)
{
	return rules->features & (1ULL << bit);
}

static bool inside(const struct vdu__blk_rules *rules, uint64_t sector,
		   uint64_t n_sectors)
{
	return sector <= rules->capacity &&
	       n_sectors <= rules->capacity - sector;
}

static struct answer parse_data(const struct vdu__blk_rules *rules,
				const struct pieces *data,
				const struct pieces *other,
				struct vdu__blk_request *req)
{
	if (other->bytes > 0 || data->bytes % SECTOR_SIZE)
		return malformed();
	if (req->type == VIRTIO_BLK_T_OUT && rules->read_only)
		return done(VIRTIO_BLK_S_IOERR);
	if (!inside(rules, req->sector, data->bytes >> SECTOR_SHIFT))
		return done(VIRTIO_BLK_S_IOERR);
	/*
	 * No data is a multiple of 512, too: the standard allows it, Linux
	 * never sends it. There is nothing to do for it.
	 */
	if (data->bytes == 0)
		return done(VIRTIO_BLK_S_OK);
	req->bytes = data->bytes;
	req->data = data->iov;
	req->n_data = data->n;
	return submit;
}

/* One segment of DISCARD or WRITE_ZEROES; returns a status. */
static uint8_t parse_range(const struct vdu__blk_rules *rules, uint32_t type,
			   const struct virtio_blk_discard_write_zeroes *raw,
			   struct vdu__blk_range *ret)
{
	uint64_t sector = le64toh(raw->sector);
	uint32_t n_sectors = le32toh(raw->num_sectors);
	uint32_t flags = le32toh(raw->flags);
	bool discard = type == VIRTIO_BLK_T_DISCARD;
	uint32_t known = discard ? 0 : VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	uint32_t max = discard ? rules->max_discard_sectors :
				 rules->max_write_zeroes_sectors;

	if (flags & ~known)
		return VIRTIO_BLK_S_UNSUPP;
	if (n_sectors > max || !inside(rules, sector, n_sectors))
		return VIRTIO_BLK_S_IOERR;
	ret->offset = sector << SECTOR_SHIFT;
	ret->len = (uint64_t)n_sectors << SECTOR_SHIFT;
	ret->unmap = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	return VIRTIO_BLK_S_OK;
}

static struct answer parse_ranges(const struct vdu__blk_rules *rules,
				  struct pieces *out, const struct pieces *in,
				  struct vdu__blk_request *req)
{
	struct virtio_blk_discard_write_zeroes raw;
	unsigned int bit = req->type == VIRTIO_BLK_T_DISCARD ?
			   VIRTIO_BLK_F_DISCARD : VIRTIO_BLK_F_WRITE_ZEROES;

	if (rules->read_only)
		return done(VIRTIO_BLK_S_IOERR);
	if (!negotiated(rules, bit))
		return done(VIRTIO_BLK_S_UNSUPP);
	if (in->bytes > 0 || out->bytes == 0 || out->bytes % sizeof(raw) ||
	    out->bytes / sizeof(raw) > VDU_BLK_RANGES_MAX)
		return malformed();
	while (out->bytes > 0) {
		uint8_t status;

		take(out, &raw, sizeof(raw));
		status = parse_range(rules, req->type, &raw,
				     &req->ranges[req->n_ranges]);
		if (status != VIRTIO_BLK_S_OK)
			return done(status);
		req->n_ranges++;
	}
	return submit;
}

static struct answer answer_id(const struct vdu__blk_rules *rules,
			       const struct pieces *out,
			       const struct pieces *in)
{
	struct answer answer = done(VIRTIO_BLK_S_OK);

	if (out->bytes > 0 || in->bytes < sizeof(rules->serial))
		return malformed();
	fill(in, rules->serial, sizeof(rules->serial));
	answer.len = sizeof(rules->serial);
	return answer;
}

#define HEADER_SIZE 16

_Static_assert(sizeof(struct virtio_blk_outhdr) == HEADER_SIZE, "no padding");
_Static_assert(offsetof(struct virtio_blk_outhdr, sector) == 8, "as read here");

static void take_header_in_pieces(struct pieces *out,
				  struct vdu__blk_request *req)
{
	struct virtio_blk_outhdr header;

	take(out, &header, sizeof(header));
	req->type = le32toh(header.type);
	req->sector = le64toh(header.sector);
}

/* Most headers are a piece by themselves: two loads. */
static void take_header(struct pieces *out, struct vdu__blk_request *req)
{
	const uint8_t *from = out->iov->iov_base;

	if (out->iov->iov_len != HEADER_SIZE ||
	    (uintptr_t)from % sizeof(uint64_t)) {
		take_header_in_pieces(out, req);
		return;
	}
	req->type = (uint32_t)vdu__load64(from);
	req->sector = vdu__load64(from + 8);
	out->iov++;
	out->n--;
	out->bytes -= HEADER_SIZE;
}

static struct answer parse(const struct vdu__blk_rules *rules,
			   struct pieces *out, struct pieces *in,
			   struct vdu__blk_request *req)
{
	if (out->bytes < HEADER_SIZE)
		return malformed();
	take_header(out, req);
	switch (req->type) {
	case VIRTIO_BLK_T_IN:
		return parse_data(rules, in, out, req);
	case VIRTIO_BLK_T_OUT:
		return parse_data(rules, out, in, req);
	case VIRTIO_BLK_T_FLUSH:
		/* A driver only *should not* send data here: ignore it. */
		if (!negotiated(rules, VIRTIO_BLK_F_FLUSH))
			return done(VIRTIO_BLK_S_UNSUPP);
		return submit;
	case VIRTIO_BLK_T_GET_ID:
		return answer_id(rules, out, in);
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return parse_ranges(rules, out, in, req);
	default:
		return done(VIRTIO_BLK_S_UNSUPP);
	}
}

enum vdu__blk_next vdu__blk_parse(const struct vdu__blk_rules *rules,
				  struct vdu__chain *chain,
				  struct vdu__blk_request *req,
				  uint8_t *ret_status, uint32_t *ret_len,
				  bool *ret_malformed)
{
	struct pieces out = { chain->iov, chain->n_out, chain->out_bytes };
	struct pieces in = { chain->iov + chain->n_out, chain->n_in,
			     chain->in_bytes };
	struct answer answer;

	/* The ranges are left as they are: n_ranges counts the valid ones. */
	req->type = UINT32_MAX;
	req->sector = 0;
	req->bytes = 0;
	req->data = NULL;
	req->n_data = 0;
	req->n_ranges = 0;
	req->status = chain->last_in;
	if (chain->fault != VDU_CHAIN_OK || !chain->last_in) {
		answer = malformed();
	} else {
		cut_last_byte(&in);
		answer = parse(rules, &out, &in, req);
	}
	*ret_status = answer.status;
	*ret_len = answer.len;
	*ret_malformed = answer.malformed;
	return answer.next;
}

uint32_t vdu__blk_finish(const struct vdu__blk_request *req, uint8_t status,
			 uint32_t data_len)
{
	if (!req->status)
		return 0;
	*(volatile uint8_t *)req->status = status;
	return status == VIRTIO_BLK_S_OK ? data_len + 1 : 1;
}
