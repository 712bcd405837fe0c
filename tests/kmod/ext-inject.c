// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-ext: interrupts for several queues at once, by a command of io_uring, and
 * by an eventfd.
 */
#include <errno.h>
#include <liburing.h>
#include <linux/vhost.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ext-tests.h"
#include "ext.h"

static struct host host;
static int fd, vhost, calls[2];

static void begin(void)
{
	const struct wish wish = {
		.extensions = VDUSE_EXT_INJECT | VDUSE_EXT_RECOVER,
	};

	fd = served_begin(&host, &wish, &vhost);
}

/* A reset forgets what is set up before it. */
static void drive(void)
{
	vmm_start(vhost, 0);
	for (unsigned int i = 0; i < 2; i++) {
		struct vhost_vring_file file = { .index = i };

		calls[i] = file.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		check("call", !ioctl(vhost, VHOST_SET_VRING_CALL, &file));
	}
}

static void end(void)
{
	served_end(&host, fd, vhost);
}

static void see_many(const char *key, uint32_t first, uint64_t queues)
{
	struct vduse_ext_inject args = { .first = first, .queues = queues };

	see_result(key, ioctl(fd, VDUSE_EXT_INJECT_MANY, &args));
	if (extended && calls[0])
		see(key, "refused 0x%llx, came %d %d",
		    (unsigned long long)args.queues, (int)events(calls[0]),
		    (int)events(calls[1]));
}

static long irqfd(uint32_t index, int event)
{
	struct vduse_vq_eventfd args = { .index = index, .fd = event };

	return ioctl(fd, VDUSE_EXT_SETUP_IRQFD, &args);
}

/* A command of io_uring: its result as that of a call. */
static long command(uint32_t op, uint32_t index)
{
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	int r;

	check("ring", !io_uring_queue_init(1, &ring, 0));
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, 0);
	sqe->cmd_op = op;
	memcpy(sqe->cmd, &index, sizeof(index));
	check("submit", io_uring_submit(&ring) == 1);
	check("done", !io_uring_wait_cqe(&ring, &cqe));
	r = cqe->res;
	io_uring_queue_exit(&ring);
	errno = r < 0 ? -r : 0;
	return r < 0 ? -1 : r;
}

static void see_command(const char *key, uint32_t index)
{
	see_result(key, command(VDUSE_VQ_INJECT_IRQ, index));
	if (extended && calls[0])
		see(key, "came %d %d", (int)events(calls[0]),
		    (int)events(calls[1]));
}

static void see_commands(void)
{
	see_command("command: the first", 0);
	see_command("command: the second", 1);
	see_command("command: one that there is not", 2);
	see_result("command: another", command(VDUSE_VQ_GET_INFO, 0));
}

/* 1: the call of that queue came; 0: not in a second. */
static int came(unsigned int index, bool expected)
{
	struct pollfd pfd = { .fd = calls[index], .events = POLLIN };

	poll(&pfd, 1, expected ? PATIENCE_MS : 1000);
	return events(calls[index]) > 0;
}

static void see_many_calls(void)
{
	see_many("both", 0, 3);
	see_many("the second", 1, 1);
	see_many("one that there is not", 0, 5);
	see_many("none", 0, 0);
	see_many("behind all", 0xffffffff, 3);
}

static void see_irqfd(void)
{
	int first = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int second = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	see_result("an eventfd", irqfd(0, first));
	eventfd_write(first, 1);
	see("its signal", "%d", came(0, true));
	see("is read", "%d", events(first) == 0);
	/* What was there already counts, and the old one no more. */
	eventfd_write(second, 1);
	see_result("another one", irqfd(0, second));
	see("its signal", "%d", came(0, true));
	eventfd_write(first, 1);
	see("the first one's", "%d", came(0, false));
	see_result("the same for both", irqfd(1, second));
	eventfd_write(second, 1);
	see("its signal", "%d %d", came(0, true), came(1, true));
	see_result("no file", irqfd(0, 1000000));
	see_result("no eventfd", irqfd(0, control()));
	see_result("no queue", irqfd(2, first));
	see_result("less than none", irqfd(0, -2));
	see_result("no more", irqfd(0, -1));
	eventfd_write(second, 1);
	see("its signal", "%d %d", came(0, false), came(1, true));
	close(first);
	/* Nobody but the module has it now: it ends with the server. */
	close(second);
}

void test_inject(void)
{
	struct vduse_ext_inject args = { .reserved = 1 };

	begin();
	if (!extended) {
		see_many("both", 0, 3);
		see_command("command: the first", 0);
		see_result("an eventfd", irqfd(0, 0));
		return end();
	}
	calls[0] = calls[1] = 0;
	see_many("before a driver", 0, 3);
	see_command("command: before a driver", 0);
	drive();
	see_many_calls();
	see_commands();
	see_result("reserved", ioctl(fd, VDUSE_EXT_INJECT_MANY, &args));
	see_result("nowhere", ioctl(fd, VDUSE_EXT_INJECT_MANY, 8));
	see_irqfd();
	close(calls[0]);
	close(calls[1]);
	end();
}
