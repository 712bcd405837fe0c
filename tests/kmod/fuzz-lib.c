// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For the fuzzer: random numbers, counting, locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#include "fuzz.h"

/* splitmix64 */
uint64_t draw(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint32_t below(struct rng *rng, uint32_t n)
{
	return (uint32_t)((draw(rng) >> 32) * n >> 32);
}

bool chance(struct rng *rng, uint32_t percent)
{
	return below(rng, 100) < percent;
}

uint64_t number(struct rng *rng)
{
	uint64_t n = 1ULL << below(rng, 64);

	switch (below(rng, 6)) {
	case 0:
		return below(rng, 8);
	case 1:
		return n;
	case 2:
		return n - 1;
	case 3:
		return n + 1;
	case 4:
		return -n;
	default:
		return draw(rng);
	}
}

unsigned int my_slot = FUZZ_SLOTS - 1;

long note(enum kind kind, long ret)
{
	int error = errno;

	atomic_fetch_add_explicit(&shared->progress[my_slot], 1,
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&shared->count[kind].calls, 1,
				  memory_order_relaxed);
	if (ret >= 0)
		atomic_fetch_add_explicit(&shared->count[kind].good, 1,
					  memory_order_relaxed);
	coverage_collect();
	errno = error;
	return ret;
}

const char *kind_name(enum kind kind)
{
	static const char *const names[KINDS] = {
		[K_CREATE] = "create", [K_DESTROY] = "destroy",
		[K_OPEN] = "open", [K_CLOSE] = "close",
		[K_VERSION] = "version", [K_FEATURES] = "get-features",
		[K_SET_CONFIG] = "set-config", [K_CONFIG_IRQ] = "config-irq",
		[K_VQ_SETUP] = "vq-setup", [K_VQ_INFO] = "vq-get-info",
		[K_KICKFD] = "vq-kickfd", [K_IRQ] = "vq-inject-irq",
		[K_GET_FD] = "iotlb-get-fd", [K_GET_FD2] = "iotlb-get-fd2",
		[K_GET_INFO] = "iotlb-get-info", [K_MAP] = "map",
		[K_TOUCH] = "touch", [K_REG_UMEM] = "reg-umem",
		[K_DEREG_UMEM] = "dereg-umem", [K_RAW_IOCTL] = "raw-ioctl",
		[K_READ] = "read", [K_ANSWER] = "answer",
		[K_BAD_ANSWER] = "bad-answer", [K_POLL] = "poll",
		[K_TIMEOUT_ATTR] = "msg_timeout",
		[K_BOUNCE_ATTR] = "bounce_size", [K_QUEUE_ATTR] = "queue-attr",
		[K_RING] = "ring-start", [K_ATTACH] = "attach",
		[K_DETACH] = "detach", [K_OVERRIDE] = "driver_override",
		[K_BIND] = "bind", [K_UNBIND] = "unbind",
		[K_PROBE] = "drivers_probe", [K_DUMP] = "netlink-get",
		[K_DRIVER_OK] = "driver-ok", [K_VHOST_OPEN] = "vhost-open",
		[K_VHOST_IOCTL] = "vhost-ioctl",
		[K_VHOST_RUNNING] = "vhost-driver-ok",
		[K_VHOST_IOTLB] = "vhost-iotlb", [K_VHOST_KICK] = "vhost-kick",
		[K_DISK_IO] = "disk-io", [K_KILL] = "kill",
		[K_HOTPLUG] = "cpu-hotplug", [K_SETUP] = "ext-setup",
		[K_INSTANCE] = "ext-instance", [K_INFO] = "ext-get-info",
		[K_ABORT] = "ext-abort", [K_EXT_GET_CONFIG] = "ext-get-config",
		[K_EXT_SET_CONFIG] = "ext-set-config",
		[K_NEEDS_RESET] = "ext-needs-reset",
		[K_EXT_STATUS] = "ext-get-status",
		[K_EXT_INJECT] = "ext-inject", [K_EXT_IRQFD] = "ext-irqfd",
		[K_EXT_FILL] = "ext-fill",
		[K_EXT_ATTR] = "ext-attr",
		[K_CONFIG_WRITE] = "vhost-set-config",
		[K_SUSPEND] = "vhost-suspend", [K_RESUME] = "vhost-resume",
	};

	return names[kind];
}

bool running(void)
{
	return shared->stage == STAGE_RUN;
}

void nap(unsigned int ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&ts, NULL);
}

static int lock_file;

int locks_init(void)
{
	lock_file = memfd_create("locks", MFD_CLOEXEC);
	return lock_file < 0 ? -1 : 0;
}

static void set_lock(int chaos, short type)
{
	struct flock lock = { .l_type = type, .l_start = chaos, .l_len = 1 };

	while (fcntl(lock_file, F_SETLKW, &lock) && errno == EINTR)
		;
}

void lock_device(int chaos)
{
	set_lock(chaos, F_WRLCK);
}

void unlock_device(int chaos)
{
	set_lock(chaos, F_UNLCK);
}
