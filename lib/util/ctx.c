// SPDX-License-Identifier: LGPL-2.1-or-later
/* The library context: paths, deadline, cancellation, log. */
#include "lib/util/ctx.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#define DEFAULT_TIMEOUT_MS 30000

PUBLIC const char *vdu_version(void)
{
	return VDU_VERSION;
}

uint64_t vdu__now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

PUBLIC int vdu_ctx_new(struct vdu_ctx **ret)
{
	struct vdu_ctx *ctx = calloc(1, sizeof(*ctx));

	if (!ctx)
		return -ENOMEM;
	ctx->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ctx->cancel_fd < 0) {
		free(ctx);
		return -errno;
	}
	(void)snprintf(ctx->server_program, sizeof(ctx->server_program),
		       "/proc/self/exe");
	vdu_ctx_set_timeout(ctx, DEFAULT_TIMEOUT_MS);
	*ret = ctx;
	return 0;
}

PUBLIC struct vdu_ctx *vdu_ctx_free(struct vdu_ctx *ctx)
{
	if (ctx) {
		(void)close(ctx->cancel_fd);
		free(ctx);
	}
	return NULL;
}

PUBLIC void vdu_ctx_set_log(struct vdu_ctx *ctx, vdu_log_fn fn, void *data,
			    int level)
{
	ctx->log_fn = fn;
	ctx->log_data = data;
	ctx->log_level = level;
}

static int copy_path(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src);

	if (len >= size)
		return -ENAMETOOLONG;
	memcpy(dst, src, len + 1);
	return 0;
}

PUBLIC int vdu_ctx_set_root(struct vdu_ctx *ctx, const char *root)
{
	return copy_path(ctx->root, sizeof(ctx->root), root ? root : "");
}

PUBLIC int vdu_ctx_set_server_program(struct vdu_ctx *ctx, const char *path)
{
	return copy_path(ctx->server_program, sizeof(ctx->server_program),
			 path);
}

PUBLIC void vdu_ctx_set_timeout(struct vdu_ctx *ctx, uint64_t ms)
{
	uint64_t ns;

	if (!ms || __builtin_mul_overflow(ms, UINT64_C(1000000), &ns) ||
	    __builtin_add_overflow(ns, vdu__now_ns(), &ctx->deadline_ns))
		ctx->deadline_ns = UINT64_MAX;
}

PUBLIC void vdu_ctx_cancel(struct vdu_ctx *ctx)
{
	static const uint64_t one = 1;
	int saved = errno;

	atomic_store(&ctx->cancelled, true);
	/* Can only fail when the counter is full: then it is readable. */
	if (write(ctx->cancel_fd, &one, sizeof(one)) < 0)
		errno = saved;
}

PUBLIC bool vdu_ctx_cancelled(const struct vdu_ctx *ctx)
{
	return atomic_load(&ctx->cancelled);
}

PUBLIC void vdu_ctx_reset_cancel(struct vdu_ctx *ctx)
{
	uint64_t count;

	/* EAGAIN when it was not cancelled. */
	if (read(ctx->cancel_fd, &count, sizeof(count)) < 0)
		errno = 0;
	atomic_store(&ctx->cancelled, false);
}

int vdu__vpath(const struct vdu_ctx *ctx, char *buf, size_t size,
	       const char *fmt, va_list ap)
{
	size_t root_len = strlen(ctx->root);
	int n;

	if (root_len >= size)
		return -ENAMETOOLONG;
	memcpy(buf, ctx->root, root_len);
	n = vsnprintf(buf + root_len, size - root_len, fmt, ap);
	return n < 0 || (size_t)n >= size - root_len ? -ENAMETOOLONG : 0;
}

int vdu__path(const struct vdu_ctx *ctx, char *buf, size_t size,
	      const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vdu__vpath(ctx, buf, size, fmt, ap);
	va_end(ap);
	return r;
}

void vdu__log(const struct vdu_ctx *ctx, int level, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (!ctx->log_fn || level > ctx->log_level)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ctx->log_fn(ctx->log_data, level, text);
}

int vdu__remaining_ms(const struct vdu_ctx *ctx, int cap_ms)
{
	uint64_t now, ms;

	if (ctx->deadline_ns == UINT64_MAX)
		return cap_ms;
	now = vdu__now_ns();
	if (now >= ctx->deadline_ns)
		return 0;
	ms = (ctx->deadline_ns - now) / 1000000 + 1;
	if (cap_ms >= 0 && ms > (uint64_t)cap_ms)
		return cap_ms;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

uint64_t vdu__limit(struct vdu_ctx *ctx, unsigned int ms)
{
	uint64_t old = ctx->deadline_ns;
	uint64_t end = vdu__now_ns() + (uint64_t)ms * 1000000;

	ctx->deadline_ns = MIN(old, end);
	return old;
}

int vdu__wait_fd(const struct vdu_ctx *ctx, int fd, short events, int cap_ms)
{
	uint64_t cap_end = vdu__now_ns() + (uint64_t)MAX(cap_ms, 0) * 1000000;

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = ctx->undoing ? -1 : ctx->cancel_fd,
			  .events = POLLIN },
			{ .fd = fd, .events = events },
		};
		int n = poll(fds, 2, vdu__remaining_ms(ctx, cap_ms));

		/* The fd is shared with forked children, the flag is not. */
		if (!ctx->undoing &&
		    (vdu_ctx_cancelled(ctx) || (n > 0 && fds[0].revents)))
			return -EINTR;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && fds[1].revents)
			return 1;
		if (vdu__remaining_ms(ctx, -1) == 0)
			return -ETIMEDOUT;
		if (cap_ms >= 0 && vdu__now_ns() >= cap_end)
			return 0;
	}
}

int vdu__pause(const struct vdu_ctx *ctx, unsigned int *try)
{
	const uint64_t us = MIN(UINT64_C(50) << MIN(*try, 16u), UINT64_C(20000));
	const struct timespec time = { .tv_nsec = (long)us * 1000 };
	struct pollfd cancel = { .fd = ctx->undoing ? -1 : ctx->cancel_fd,
				 .events = POLLIN };
	int n = ppoll(&cancel, 1, &time, NULL);

	++*try;
	if (n < 0 && errno != EINTR)
		return -errno;
	if (!ctx->undoing && (vdu_ctx_cancelled(ctx) || n > 0))
		return -EINTR;
	return vdu__remaining_ms(ctx, -1) == 0 ? -ETIMEDOUT : 0;
}

int vdu__check_cancel(const struct vdu_ctx *ctx, const char *what,
		      struct vdu_error *err)
{
	if (!ctx->undoing && vdu_ctx_cancelled(ctx))
		return vdu__fail(err, VDU_STAGE_CANCEL, -EINTR,
				 "interrupted before %s", what);
	if (vdu__remaining_ms(ctx, -1) == 0)
		return vdu__fail(err, VDU_STAGE_CANCEL, -ETIMEDOUT,
				 "the time was up before %s", what);
	return 0;
}
