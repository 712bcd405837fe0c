// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-rows: memory of a vhost user, and the calls of the server that look it
 * up, also those of an i386 program.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rows.h"

#define PAGE 4096

static long map(int vhost, uint64_t iova, uint64_t size, void *addr)
{
	return vhost_iotlb(vhost, VHOST_IOTLB_UPDATE, iova, size, addr,
			   VHOST_ACCESS_RW);
}

static bool mapped(int fd, uint64_t iova)
{
	struct vduse_iotlb_entry entry = { .start = iova, .last = iova };
	int region = ioctl(fd, VDUSE_IOTLB_GET_FD, &entry);

	close(region);
	return region >= 0;
}

/*
 * The module was loaded with max_iotlb_entries=4: a fifth region is refused,
 * and there is room again when one goes.
 */
void row_entries(void)
{
	char *memory = shared_memory(8 * PAGE);
	struct user user;

	user_start(&user);
	for (uint64_t i = 0; i < 4; i++)
		check("map", !map(user.vhost, (2 * i + 1) * PAGE, PAGE,
				  memory + i * PAGE));
	check("map one too many", map(user.vhost, 0x100000, PAGE, memory));
	check("it is not there", !mapped(user.fd, 0x100000));
	check("unmap", !vhost_iotlb(user.vhost, VHOST_IOTLB_INVALIDATE, PAGE,
				    PAGE, NULL, 0));
	check("map", !map(user.vhost, 0x100000, PAGE, memory));
	check("it is there", mapped(user.fd, 0x100000));
	check("the others too", mapped(user.fd, 3 * PAGE) &&
	      mapped(user.fd, 5 * PAGE) && mapped(user.fd, 7 * PAGE));
	check("but for the one unmapped", !mapped(user.fd, PAGE));
	munmap(memory, 8 * PAGE);
	user_end(&user);
}

/* It was loaded with a limit that makes no sense. */
void row_no_entries(void)
{
	int fd = make_device();

	check("not attached", attach(PROBE_NAME, NULL));
	drop_device(fd);
}

/* The ioctl() of i386; its records lie below 4 GiB. Negative errno. */
static long ioctl_32(int fd, unsigned int cmd, void *arg)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a" (ret)
		     : "0" (54L), "b" ((long)fd), "c" ((long)cmd), "d" (arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

static void need_i386(int fd)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(ioctl_32(fd, 0, NULL) == -ENOTTY ? 0 : 1);
	waitpid(pid, &status, 0);
	check("this kernel has i386 system calls", status == 0);
}

static unsigned char *low_page(void)
{
	unsigned char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
				   -1, 0);

	check("low memory", page != MAP_FAILED);
	return page;
}

static void check_guard(const unsigned char *page, size_t size)
{
	for (size_t i = size; i < PAGE; i++)
		check("nothing behind the record", page[i] == 0xa5);
}

#define SIZED(nr, size) _IOC(_IOC_READ | _IOC_WRITE, VDUSE_BASE, nr, size)

static void compat_calls(struct user *user, unsigned char *page)
{
	struct vduse_iotlb_entry *entry = (void *)page;
	struct vduse_vq_info *info = (void *)page;
	int before;
	long fd;

	memset(page, 0xa5, PAGE);
	entry->start = entry->last = 0x100000;
	fd = ioctl_32(user->fd, SIZED(0x10, 28), entry);
	check("GET_FD", fd >= 0 && entry->start == 0x100000 &&
	      entry->last == 0x101fff && entry->offset == 0 &&
	      entry->perm == VDUSE_ACCESS_RW);
	check_guard(page, 28);
	close((int)fd);

	memset(page, 0xa5, PAGE);
	info->index = 1;
	check("VQ_GET_INFO", !ioctl_32(user->fd, SIZED(0x15, 44), info));
	check("its answer", info->ready == 1 && !info->desc_addr);
	check_guard(page, 44);

	before = count_fds();
	for (unsigned int size = 0; size < 64; size += 4) {
		entry->start = entry->last = 0x100000;
		if (size != 28 && size != sizeof(*entry))
			check("GET_FD of another size",
			      ioctl_32(user->fd, SIZED(0x10, size), entry) ==
			      -ENOTTY);
	}
	check("no descriptor of it", count_fds() == before);
}

/* The records of i386 are shorter, the answers the same. */
void row_compat(void)
{
	unsigned char *page = low_page();
	char *memory = shared_memory(2 * PAGE);
	struct user user;

	user_start(&user);
	need_i386(user.fd);
	user_enable(&user, 1);
	check("map", !map(user.vhost, 0x100000, 2 * PAGE, memory));
	compat_calls(&user, page);
	munmap(memory, 2 * PAGE);
	munmap(page, PAGE);
	user_end(&user);
}

/* A GET_FD that fails late leaves no descriptor. */
void row_no_descriptor_left(void)
{
	unsigned char *page = low_page();
	struct vduse_iotlb_entry *entry = (void *)page;
	char *memory = shared_memory(2 * PAGE);
	struct rlimit limit, low = { 3, 3 };
	struct user user;
	int before;

	user_start(&user);
	check("map", !map(user.vhost, 0x100000, 2 * PAGE, memory));
	entry->start = entry->last = 0x100000;
	before = count_fds();
	check("mprotect", !mprotect(page, PAGE, PROT_READ));
	check("GET_FD into what cannot be written",
	      ioctl(user.fd, VDUSE_IOTLB_GET_FD, entry) < 0 && errno == EFAULT);
	check("no descriptor of it", count_fds() == before);
	check("mprotect", !mprotect(page, PAGE, PROT_READ | PROT_WRITE));

	check("limit", !getrlimit(RLIMIT_NOFILE, &limit));
	low.rlim_max = limit.rlim_max;
	check("limit", !setrlimit(RLIMIT_NOFILE, &low));
	check("GET_FD without a free descriptor",
	      ioctl(user.fd, VDUSE_IOTLB_GET_FD, entry) < 0 && errno == EMFILE);
	check("limit", !setrlimit(RLIMIT_NOFILE, &limit));
	check("GET_FD", mapped(user.fd, 0x100000));
	check("no descriptor of it", count_fds() == before);
	munmap(memory, 2 * PAGE);
	munmap(page, PAGE);
	user_end(&user);
}

#define GUEST_MEMORY (1UL << 31)
#define GUEST_TOUCHED (64UL << 20)

/* A VMM: maps all that rings may use, says so, and hangs. */
static void be_vmm(int server, int ready)
{
	char *memory;
	int vhost;

	close(server);
	vhost = vhost_open(PROBE_NAME);
	memory = shared_memory(GUEST_MEMORY);
	memset(memory, 1, GUEST_TOUCHED);
	if (vhost < 0 || ioctl(vhost, VHOST_SET_OWNER) ||
	    map(vhost, PAGE, GUEST_MEMORY - PAGE, memory))
		_exit(1);
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void check_ring_is_ours(int fd)
{
	struct vduse_iotlb_entry entry = { 0 };
	struct vduse_vq_info info = { 0 };
	char path[64], link[64] = "";
	int region;

	check("VQ_GET_INFO", !ioctl(fd, VDUSE_VQ_GET_INFO, &info));
	entry.start = entry.last = info.desc_addr;
	region = ioctl(fd, VDUSE_IOTLB_GET_FD, &entry);
	check("GET_FD of the ring", region >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", region);
	check("readlink", readlink(path, link, sizeof(link) - 1) > 0);
	printf("the ring is in %s\n", link);
	check("not in the dead VM's memory", strstr(link, "vduse-domain"));
	close(region);
}

/* A killed VMM: its memory goes, and the next driver's rings are its own. */
void row_crash(void)
{
	long before = memory_kib("Shmem");
	struct server server = { 0 };
	int fd = make_device(), ready[2], status;
	char byte;
	pid_t pid;

	server_start(&server, fd);
	check("attach", !attach(PROBE_NAME, "vhost_vdpa"));
	check("pipe", !pipe(ready));
	pid = fork();
	if (!pid)
		be_vmm(fd, ready[1]);
	close(ready[1]);
	check("a VMM", read(ready[0], &byte, 1) == 1);
	check("its memory", mapped(fd, 0x40000000));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	check("no memory left", !mapped(fd, PAGE) && !mapped(fd, 0x40000000));
	check("none held", memory_kib("Shmem") - before <
			   (long)(GUEST_TOUCHED >> 11));

	check("detach", !detach(PROBE_NAME));
	check("attach", !attach(PROBE_NAME, "virtio_vdpa"));
	check_ring_is_ours(fd);
	check("detach", !detach(PROBE_NAME));
	server_stop(&server);
	close(ready[0]);
	drop_device(fd);
}

/* Numbers of a vhost user that no queue or group has. */
void row_vhost_bounds(void)
{
	static const unsigned int sizes[] = { 0, 3, 65, 0x8000, 0xffff };
	struct vhost_vring_state state = { 0 };
	struct user user;

	user_start(&user);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		state.num = sizes[i];
		check("vring num", ioctl(user.vhost, VHOST_SET_VRING_NUM,
					 &state));
	}
	state.num = 64;
	check("vring num", !ioctl(user.vhost, VHOST_SET_VRING_NUM, &state));
	state.index = 2;
	check("queue", ioctl(user.vhost, VHOST_VDPA_SET_VRING_ENABLE, &state) &&
	      errno == ENOBUFS);
	check("queue's group", ioctl(user.vhost, VHOST_VDPA_GET_VRING_GROUP,
				     &state));
	state.index = 9;
	check("group", ioctl(user.vhost, VHOST_VDPA_SET_GROUP_ASID, &state));
	check("doorbell of no queue",
	      mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, user.vhost,
		   (off_t)65536 * PAGE) == MAP_FAILED);
	user_end(&user);
}
