// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-rows: messages whose sender goes while the server reads them, and a
 * server that refuses. The server reads into a page that is not there yet, so
 * that its read() stands still in the middle of the copy.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rows.h"

#define PAGE 4096

/* A read() of the device that stands still in the copy. */
struct stuck {
	int fd;
	int uffd;
	char *page;
	pthread_t thread;
	ssize_t ret;
};

static void *stuck_read(void *arg)
{
	struct stuck *stuck = arg;

	stuck->ret = read(stuck->fd, stuck->page,
			  sizeof(struct vduse_dev_request));
	if (stuck->ret < 0)
		stuck->ret = -errno;
	return NULL;
}

static bool readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 20000) == 1 && pfd.revents & POLLIN;
}

static short events(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };

	poll(&pfd, 1, 0);
	return pfd.revents;
}

static void stuck_start(struct stuck *stuck, int fd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffd_msg event;

	stuck->fd = fd;
	stuck->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stuck->uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	range.range.start = (uintptr_t)stuck->page;
	range.range.len = PAGE;
	check("userfaultfd", stuck->page != MAP_FAILED && stuck->uffd >= 0 &&
	      !ioctl(stuck->uffd, UFFDIO_API, &api) &&
	      !ioctl(stuck->uffd, UFFDIO_REGISTER, &range));
	check("a message", readable(fd));
	check("thread", !pthread_create(&stuck->thread, NULL, stuck_read, stuck));
	check("a fault", readable(stuck->uffd) &&
	      read(stuck->uffd, &event, sizeof(event)) == sizeof(event));
	check("read and not answered", events(fd) == POLLOUT);
}

/* Let the copy succeed, or fail; what read() returned. */
static ssize_t stuck_end(struct stuck *stuck, bool succeed)
{
	struct uffdio_range range = { (uintptr_t)stuck->page, PAGE };
	struct uffdio_zeropage zero = { .range = range };

	if (succeed)
		check("a page", !ioctl(stuck->uffd, UFFDIO_ZEROPAGE, &zero));
	else
		check("no page", !mprotect(stuck->page, PAGE, PROT_NONE) &&
		      !ioctl(stuck->uffd, UFFDIO_WAKE, &range));
	pthread_join(stuck->thread, NULL);
	close(stuck->uffd);
	return stuck->ret;
}

static void answer(int fd, uint32_t id, bool wanted)
{
	struct vduse_dev_response resp = { .request_id = id };
	ssize_t ret = write(fd, &resp, sizeof(resp));

	if (wanted)
		check("answer", ret == sizeof(resp));
	else
		check("answer to nobody", ret < 0 && errno == ENOENT);
}

static uint32_t take(int fd)
{
	struct vduse_dev_request req;

	check("a message", readable(fd));
	check("read", read(fd, &req, sizeof(req)) == sizeof(req));
	check("a status", req.type == VDUSE_SET_STATUS && req.s.status == 0);
	return req.request_id;
}

static int exit_of(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Opening the node is a reset, closing it another. */
static void answer_opener(int fd, pid_t pid)
{
	answer(fd, take(fd), true);
	answer(fd, take(fd), true);
	check("open", !exit_of(pid));
}

/* A message that did not arrive is read again, unless its sender is gone. */
void row_copy_fails(void)
{
	struct stuck stuck;
	int fd = make_device();
	pid_t pid;

	check("attach", !attach(PROBE_NAME, "vhost_vdpa"));
	pid = opener(fd);
	stuck_start(&stuck, fd);
	check("the copy fails", stuck_end(&stuck, false) == -EFAULT);
	check("to be read again", events(fd) == POLLIN);
	answer_opener(fd, pid);

	pid = opener(fd);
	stuck_start(&stuck, fd);
	kill(pid, SIGKILL);
	check("sender killed", exit_of(pid) == -SIGKILL);
	check("the copy fails", stuck_end(&stuck, false) == -EFAULT);
	check("nothing to read", !events(fd));

	answer_opener(fd, opener(fd));
	check("detach", !detach(PROBE_NAME));
	drop_device(fd);
}

/* The time of a message passes while the server reads it. */
void row_copy_outlived(void)
{
	struct vduse_dev_request *req;
	struct stuck stuck;
	int fd = make_device();
	pid_t pid;

	check("attach", !attach(PROBE_NAME, "vhost_vdpa"));
	check("msg_timeout", !attr_write("msg_timeout", "1"));
	pid = opener(fd);
	stuck_start(&stuck, fd);
	check("open", exit_of(pid) == EIO);
	check("broken", events(fd) == POLLERR);
	check("the copy succeeds", stuck_end(&stuck, true) == sizeof(*req));
	req = (void *)stuck.page;
	check("a status", req->type == VDUSE_SET_STATUS);
	answer(fd, req->request_id, false);
	check("broken", events(fd) == POLLERR);
	check("detach", !detach(PROBE_NAME));
	drop_device(fd);
}

/* After a reset that the server refused the device is reset all the same. */
void row_refused_reset(void)
{
	struct vduse_vq_eventfd kick = { .fd = eventfd(0, EFD_CLOEXEC) };
	struct vduse_vq_info info = { 0 };
	uint32_t index = 0;
	uint64_t features = 1;
	struct user user;

	user_start(&user);
	check("driver", user_status(&user, 3) == 3);
	check("features", !ioctl(user.vhost, _IOW(0xAF, 0x00, uint64_t),
				 &(uint64_t){ 1ULL << 32 | 1ULL << 33 }));
	user_enable(&user, 0);
	check("driver ok", user_status(&user, 0xf) == 0xf);
	check("inject", !ioctl(user.fd, VDUSE_VQ_INJECT_IRQ, &index));

	user.server.fail = true;
	check("reset", user_status(&user, 0) == 0);
	user.server.fail = false;
	check("VQ_GET_INFO", !ioctl(user.fd, VDUSE_VQ_GET_INFO, &info));
	check("queue not ready", !info.ready && !info.num && !info.desc_addr);
	check("no features", !ioctl(user.fd, VDUSE_DEV_GET_FEATURES, &features) &&
	      !features);
	check("no interrupt", ioctl(user.fd, VDUSE_VQ_INJECT_IRQ, &index) &&
	      errno == EINVAL);
	check("kickfd", !ioctl(user.fd, VDUSE_VQ_SETUP_KICKFD, &kick));
	check("driver", user_status(&user, 3) == 3);
	close(kick.fd);
	user_end(&user);
}
