// SPDX-License-Identifier: GPL-2.0-or-later
/* The bus side of the first sort of devices: attach, detach, drivers. */
#include <errno.h>
#include <linux/vdpa.h>

#include "bus.h"
#include "fuzz.h"

static const char *const drivers[] = { "virtio_vdpa", "vhost_vdpa" };

/* bus.c returns -errno, the counters want what calls return. */
static long counted(enum kind kind, int ret)
{
	errno = -ret;
	return note(kind, ret ? -1 : 0);
}

static void see_status(const char *name)
{
	int status = bus_virtio_status(name);

	if (status >= 0)
		note(K_DRIVER_OK, (status & 4) ? 0 : -1);
}

static void attach(struct rng *rng, const char *name)
{
	static const char autoprobe[] = "/sys/bus/vdpa/drivers_autoprobe";
	const char *driver = drivers[below(rng, 2)];
	bool with_probe = chance(rng, 10);

	/* A probe in there holds up all users of netlink. */
	if (with_probe)
		write_text(autoprobe, "1");
	counted(K_ATTACH, bus_attach(name));
	if (with_probe)
		write_text(autoprobe, "0");
	if (chance(rng, 70))
		counted(K_OVERRIDE, bus_override(name, driver));
	if (chance(rng, 80))
		counted(K_BIND, bus_driver(driver, "bind", name));
	see_status(name);
}

static void ask(struct rng *rng, const char *name)
{
	static const uint8_t commands[] = {
		VDPA_CMD_MGMTDEV_GET, VDPA_CMD_DEV_GET, VDPA_CMD_DEV_CONFIG_GET,
		VDPA_CMD_DEV_VSTATS_GET,
	};
	uint8_t command = commands[below(rng, 4)];

	if (chance(rng, 50) && command != VDPA_CMD_DEV_VSTATS_GET)
		counted(K_DUMP, bus_dump(command));
	else
		counted(K_DUMP, bus_ask(command, name));
}

static void probe(const char *name)
{
	counted(K_PROBE, write_text("/sys/bus/vdpa/drivers_probe", name));
	see_status(name);
}

void take_away(struct rng *rng, int chaos, bool detach)
{
	const char *name = chaos_names[chaos];

	lock_device(chaos);
	if (!detach || chance(rng, 80))
		counted(K_UNBIND, bus_driver(drivers[below(rng, 2)], "unbind",
					     name));
	if (detach)
		counted(K_DETACH, bus_detach(name));
	unlock_device(chaos);
}

void role_bus(struct rng *rng, int unused)
{
	static const char *const overrides[] = {
		"virtio_vdpa", "vhost_vdpa", "none", "\n",
	};

	(void)unused;
	while (running()) {
		struct rng own = fork_rng(rng);
		int chaos = (int)below(&own, FUZZ_CHAOS);
		const char *name = chaos_names[chaos];
		const char *driver = drivers[below(&own, 2)];
		uint32_t which = below(&own, 100);

		if (which < 35)
			attach(&own, name);
		else if (which < 50)
			take_away(&own, chaos, true);
		else if (which < 55)
			counted(K_OVERRIDE, bus_override(name,
							 overrides[below(&own, 4)]));
		else if (which < 67)
			counted(K_BIND, bus_driver(driver, "bind", name));
		else if (which < 76)
			take_away(&own, chaos, false);
		else if (which < 80)
			probe(name);
		else
			ask(&own, name);
		nap(below(&own, 5));
	}
}

/*
 * The second processor goes and comes back. Linux 6.12 sometimes warns that it
 * "was not properly vacated": its scheduler forgets a server of its own there.
 */
void role_hotplug(struct rng *rng, int unused)
{
	static const char path[] = "/sys/devices/system/cpu/cpu1/online";

	(void)unused;
	while (running()) {
		nap(2000 + below(rng, 8000));
		counted(K_HOTPLUG, write_text(path, "0"));
		nap(below(rng, 2000));
		counted(K_HOTPLUG, write_text(path, "1"));
	}
}
