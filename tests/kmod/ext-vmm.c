// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For kmod-ext: what a VMM does with a vhost node.
 */
#include <errno.h>
#include <linux/vhost.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ext.h"

int vmm_open(const char *name)
{
	int vhost = vhost_open(name);

	check("open the vhost node", vhost >= 0);
	check("own it", !ioctl(vhost, VHOST_SET_OWNER));
	return vhost;
}

int served_begin(struct host *host, const struct wish *wish, int *ret_vhost)
{
	int fd = device(PROBE_NAME, wish);

	memset(host, 0, sizeof(*host));
	host_start(host, fd);
	check("attach", !attach(PROBE_NAME, "vhost_vdpa"));
	*ret_vhost = vmm_open(PROBE_NAME);
	return fd;
}

void served_end(struct host *host, int fd, int vhost)
{
	close(vhost);
	check("detach", !detach(PROBE_NAME));
	host_stop(host);
	device_end(PROBE_NAME, fd);
}

uint8_t vmm_status(int vhost)
{
	uint8_t status = 0;

	check("get status", !ioctl(vhost, VHOST_VDPA_GET_STATUS, &status));
	return status;
}

uint8_t vmm_set_status(int vhost, uint8_t status)
{
	ioctl(vhost, VHOST_VDPA_SET_STATUS, &status);
	return vmm_status(vhost);
}

void vmm_start(int vhost, uint64_t features)
{
	struct vhost_vring_state state = { .num = 1 };

	check("reset", !vmm_set_status(vhost, 0));
	check("driver", vmm_set_status(vhost, 3) == 3);
	features |= 1ULL << 32 | 1ULL << 33;
	check("features", !ioctl(vhost, VHOST_SET_FEATURES, &features));
	check("features ok", vmm_set_status(vhost, 0xb) == 0xb);
	for (state.index = 0; state.index < 2; state.index++)
		check("enable", !ioctl(vhost, VHOST_VDPA_SET_VRING_ENABLE,
				       &state));
	check("driver ok", vmm_set_status(vhost, 0xf) == 0xf);
}

#define CONFIG_MAX 4096

struct config {
	struct vhost_vdpa_config head;
	uint8_t data[CONFIG_MAX];
};

long vmm_get_config(int vhost, uint32_t offset, void *data, uint32_t length)
{
	struct config config = { .head = { .off = offset, .len = length } };
	long ret = ioctl(vhost, VHOST_VDPA_GET_CONFIG, &config);

	if (!ret)
		memcpy(data, config.data, length);
	return ret;
}

long vmm_set_config(int vhost, uint32_t offset, const void *data,
		    uint32_t length)
{
	struct config config = { .head = { .off = offset, .len = length } };

	memcpy(config.data, data, length);
	return ioctl(vhost, VHOST_VDPA_SET_CONFIG, &config);
}

int vmm_config_call(int vhost)
{
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	check("config call", event >= 0 &&
	      !ioctl(vhost, VHOST_VDPA_SET_CONFIG_CALL, &event));
	return event;
}
