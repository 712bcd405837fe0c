// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-ext: a server that stands still holds up nobody but its own driver.
 */
#include <errno.h>
#include <linux/vdpa.h>
#include <linux/vhost.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus.h"
#include "disk.h"
#include "ext-tests.h"
#include "ext.h"

#define HOSTILE "probe1"
#define OTHER "probe2"

/* Waits for its server for ever. */
static const struct wish hostile_wish = {
	.extensions = VDUSE_EXT_RECOVER,
	.timeouts = true,
};

static int hostile(const char *name)
{
	int fd = device(name, &hostile_wish);
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/vduse/%s/msg_timeout", name);
	if (!extended)
		check("msg_timeout", !write_text(path, "0"));
	return fd;
}

static long attach_hostile(void *arg)
{
	(void)arg;
	errno = -bus_attach(HOSTILE);
	return errno ? -1 : 0;
}

static long detach_hostile(void *arg)
{
	(void)arg;
	errno = -bus_detach(HOSTILE);
	return errno ? -1 : 0;
}

static long find_family(void *arg)
{
	(void)arg;
	errno = -bus_init();
	return errno ? -1 : 0;
}

static long dump_devices(void *arg)
{
	(void)arg;
	errno = -bus_dump(VDPA_CMD_DEV_GET);
	return errno ? -1 : 0;
}

static long attach_other(void *arg)
{
	(void)arg;
	errno = -bus_attach(OTHER);
	if (!errno)
		errno = -bus_detach(OTHER);
	return errno ? -1 : 0;
}

/* What others do meanwhile. */
static const struct {
	const char *name;
	long (*run)(void *arg);
} calls[] = {
	{ "the look-up of a netlink family", find_family },
	{ "a list of devices", dump_devices },
	{ "attaching and detaching another one", attach_other },
};

#define N_CALLS (sizeof(calls) / sizeof(*calls))

static void see_others(struct act *acts)
{
	for (size_t i = 0; i < N_CALLS; i++)
		act_start(&acts[i], calls[i].run, NULL);
	for (size_t i = 0; i < N_CALLS; i++)
		see(calls[i].name, "%s", act_returns(&acts[i], extended) ?
		    "goes on" : "waits");
}

static void see_disk(int node)
{
	disk_exercise(node, 3);
	see("I/O of a disk", "goes on");
}

static void end_others(struct act *acts)
{
	for (size_t i = 0; i < N_CALLS; i++)
		act_end(&acts[i]);
}

static bool goes_away(const char *name)
{
	uint64_t end = now_ms() + PATIENCE_MS;
	char path[256];

	while (!bus_find(name, "", path, sizeof(path)) && now_ms() < end)
		nap(10);
	return bus_find(name, "", path, sizeof(path)) != 0;
}

static bool has_disk(const char *name)
{
	uint64_t end = now_ms() + PATIENCE_MS;
	char path[256];

	while (bus_find(name, "virtio*/block/*", path, sizeof(path)) &&
	       now_ms() < end)
		nap(10);
	return !bus_find(name, "virtio*/block/*", path, sizeof(path));
}

/*
 * Attached, its driver waits in its first reset; then detached, in its last.
 * Only virtio_vdpa is loaded: it takes what is attached.
 */
void test_hostile(void)
{
	struct act change, others[N_CALLS];
	struct host host = { 0 };
	int fd, other, node;

	check("netlink", !bus_init());
	disk_start("4194304", NULL);
	node = disk_open();
	fd = hostile(HOSTILE);
	other = device(OTHER, &(struct wish){ 0 });
	write_text("/sys/bus/vdpa/drivers_autoprobe", "1");
	act_start(&change, attach_hostile, NULL);
	check("a message", message_comes(fd));
	write_text("/sys/bus/vdpa/drivers_autoprobe", "0");
	see_others(others);
	see_disk(node);
	see("it is attached", "%s", act_returns(&change, extended) ? "soon" :
	    "when it answers");
	host_start(&host, fd);
	end_others(others);
	act_end(&change);
	see("when it answers", "%s", has_disk(HOSTILE) ? "it is a disk" :
	    "it is none");

	host_stop(&host);
	act_start(&change, detach_hostile, NULL);
	check("a message", message_comes(fd));
	see_others(others);
	see_disk(node);
	see("it is detached", "%s", act_returns(&change, extended) ? "soon" :
	    "when it answers");
	host_start(&host, fd);
	end_others(others);
	act_end(&change);
	see("when it answers", "%s", goes_away(HOSTILE) ? "it is gone" :
	    "it stays");
	host_stop(&host);
	device_end(HOSTILE, fd);
	device_end(OTHER, other);
	close(node);
	disk_end();
}

#define TIMES 50

/* With a server that answers all is as ever: what is detached can go at once. */
void test_detached(void)
{
	unsigned int busy = 0;
	int fd;

	check("netlink", !bus_init());
	write_text("/sys/bus/vdpa/drivers_autoprobe", "0");
	for (int i = 0; i < TIMES; i++) {
		fd = device(PROBE_NAME, &hostile_wish);
		check("attach", !bus_attach(PROBE_NAME));
		check("detach", !bus_detach(PROBE_NAME));
		close(fd);
		while (destroy(PROBE_NAME)) {
			check("destroy", errno == EBUSY);
			busy++;
		}
	}
	see("destroyed when detached", "%u times busy", busy);
}

/* --- a VMM ---------------------------------------------------------------- */

#define MEMORY 65536

static int vhost;
static void *memory;

static void *map_memory(void *arg)
{
	(void)arg;
	vhost_iotlb(vhost, VHOST_IOTLB_UPDATE, 0x100000, MEMORY, memory,
		    VHOST_ACCESS_RW);
	return NULL;
}

static void say_byte(int to, char byte)
{
	if (write(to, &byte, 1) != 1)
		_exit(1);
}

/*
 * One thread tells the device of memory, another one wants some of the kernel.
 * Nothing is said in between: to say it could need memory, too.
 */
static void be_vmm(int server, int to, int from)
{
	pthread_t thread;
	char byte;
	int file;

	close(server);
	vhost = vmm_open(PROBE_NAME);
	file = memfd_create("vmm", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, MEMORY))
		_exit(1);
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	say_byte(to, 'r');
	if (read(from, &byte, 1) != 1 ||
	    pthread_create(&thread, NULL, map_memory, NULL) ||
	    read(from, &byte, 1) != 1)
		_exit(1);
	mmap(NULL, MEMORY, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	say_byte(to, 'm');
	pthread_join(thread, NULL);
	say_byte(to, 'u');
	pause();
}

static bool hears(int from, char want, bool expected)
{
	struct pollfd pfd = { .fd = from, .events = POLLIN };
	char byte = 0;

	if (poll(&pfd, 1, expected ? PATIENCE_MS : 1000) != 1)
		return false;
	check("the VMM", read(from, &byte, 1) == 1 && byte == want);
	return true;
}

void test_hostile_mmap(void)
{
	int fd = hostile(PROBE_NAME), to[2], from[2];
	struct host host = { 0 };
	bool mapped;
	pid_t pid;

	host_start(&host, fd);
	check("attach", !attach(PROBE_NAME, "vhost_vdpa"));
	check("pipe", !pipe(to) && !pipe(from));
	pid = fork();
	if (!pid)
		be_vmm(fd, from[1], to[0]);
	check("a VMM", hears(from[0], 'r', true));
	host_stop(&host);
	say_byte(to[1], 'u');
	check("a message", message_comes(fd));
	say_byte(to[1], 'm');
	mapped = hears(from[0], 'm', extended);
	see("mmap() of a VMM whose update is not answered", "%s", mapped ?
	    "goes on" : "waits");
	host_start(&host, fd);
	check("mmap", mapped || hears(from[0], 'm', true));
	check("update", hears(from[0], 'u', true));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	check("detach", !detach(PROBE_NAME));
	host_stop(&host);
	device_end(PROBE_NAME, fd);
	for (int i = 0; i < 2; i++) {
		close(to[i]);
		close(from[i]);
	}
}
