// SPDX-License-Identifier: LGPL-2.1-or-later
/* /dev/vduse/NAME: thin, typed wrappers of the device ioctls. */
#include "lib/kernel/device.h"

#include <fcntl.h>
#include <linux/vduse.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kmod/uapi/linux/vduse_ext.h"

int vdu__device_open(struct vdu_ctx *ctx, const char *name,
		     struct vdu_error *err)
{
	char path[PATH_MAX];
	int r, fd;

	r = vdu__path(ctx, path, sizeof(path), "/dev/vduse/%s", name);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_DEVICE, r, "path too long");
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		return fd;
	if (errno == EBUSY)
		return vdu__fail(err, VDU_STAGE_SERVER, -EBUSY,
				 "another process serves it");
	return vdu__fail(err, VDU_STAGE_DEVICE, -errno,
			 "cannot open /dev/vduse/%s: %s", name,
			 strerror(errno));
}

static int call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

int vdu__device_setup_vq(int fd, uint32_t index, uint16_t max_size)
{
	struct vduse_vq_config config = { .index = index,
					  .max_size = max_size };

	return call(fd, VDUSE_VQ_SETUP, &config);
}

/* Its wrap counter is the uppermost bit, as in lib/ring/packed.h. */
static uint16_t packed_place(const struct vduse_vq_state_packed *state)
{
	return (uint16_t)((state->last_avail_idx & 0x7fff) |
			  (state->last_avail_counter ? 0x8000 : 0));
}

void vdu__device_packed_state(uint16_t place,
			      struct vduse_vq_state_packed *ret)
{
	*ret = (struct vduse_vq_state_packed){
		.last_avail_counter = place >> 15,
		.last_avail_idx = place & 0x7fff,
		.last_used_counter = place >> 15,
		.last_used_idx = place & 0x7fff,
	};
}

int vdu__device_vq_info(int fd, uint32_t index, struct vdu__vq_info *ret)
{
	struct vduse_vq_info info = { .index = index };
	int r = call(fd, VDUSE_VQ_GET_INFO, &info);

	if (r < 0)
		return r;
	*ret = (struct vdu__vq_info){
		.num = info.num,
		.desc = info.desc_addr,
		.avail = info.driver_addr,
		.used = info.device_addr,
		.avail_index = info.split.avail_index,
		.packed_place = packed_place(&info.packed),
		.ready = info.ready,
	};
	return 0;
}

int vdu__device_set_kick(int fd, uint32_t index, int kick_fd)
{
	struct vduse_vq_eventfd kick = { .index = index, .fd = kick_fd };

	return call(fd, VDUSE_VQ_SETUP_KICKFD, &kick);
}

int vdu__device_interrupt(int fd, uint32_t index)
{
	return call(fd, VDUSE_VQ_INJECT_IRQ, &index);
}

int vdu__device_features(int fd, uint64_t *ret)
{
	return call(fd, VDUSE_DEV_GET_FEATURES, ret);
}

int vdu__device_region(int fd, uint64_t iova, struct vdu__region *ret)
{
	struct vduse_iotlb_entry entry = { .start = iova, .last = iova };
	int region_fd = ioctl(fd, VDUSE_IOTLB_GET_FD, &entry);

	if (region_fd < 0)
		return -errno;
	/* The kernel installs it without close-on-exec. */
	(void)fcntl(region_fd, F_SETFD, FD_CLOEXEC);
	*ret = (struct vdu__region){
		.start = entry.start,
		.last = entry.last,
		.offset = entry.offset,
		.readable = entry.perm & VDUSE_ACCESS_RO,
		.writable = entry.perm & VDUSE_ACCESS_WO,
		.fd = region_fd,
	};
	return 0;
}

bool vdu__device_cut_off(int fd)
{
	uint64_t features;

	return vdu__device_features(fd, &features) == -ENOTCONN;
}

int vdu__device_status(int fd, uint8_t *ret)
{
	return call(fd, VDUSE_EXT_GET_STATUS, ret);
}

int vdu__device_config_byte(int fd, uint32_t offset, uint8_t *ret)
{
	struct vduse_ext_config config = {
		.offset = offset, .length = 1, .buffer = (uintptr_t)ret,
	};

	return call(fd, VDUSE_EXT_GET_CONFIG, &config);
}

int vdu__device_set_config_byte(int fd, uint32_t offset, uint8_t value,
				bool tell)
{
	struct vduse_ext_config config = {
		.offset = offset, .length = 1, .buffer = (uintptr_t)&value,
		.flags = tell ? VDUSE_EXT_INTERRUPT : 0,
	};

	return call(fd, VDUSE_EXT_SET_CONFIG, &config);
}
