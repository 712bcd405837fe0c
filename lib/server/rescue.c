// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The rescue server: set up, messages of the kernel, and the loop of its one
 * thread. rescue.h says what it is for.
 */
#include "lib/server/rescue.h"

#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <vduse/manage.h>

#include "kmod/uapi/linux/vduse_ext.h"
#include "lib/bus/bus.h"
#include "lib/bus/sysfs.h"
#include "lib/kernel/device.h"
#include "lib/kernel/spec-file.h"
#include "lib/server/notify.h"
#include "lib/server/rescue-queue.h"
#include "lib/server/sandbox.h"
#include "lib/util/fs.h"
#include "lib/util/lock.h"

/* A server that has just died may be about to let go of the device. */
#define OPEN_MS 2000

int vdu__rescue_dir(struct vdu_ctx *ctx, const char *name,
		    struct vdu_error *err)
{
	CLEANUP_CLOSE int fd = -EBADF;
	char path[PATH_MAX];
	int r;

	if (!vdu__device_exists(ctx, name))
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no device '%s'", name);
	r = vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR);
	if (r == 0)
		r = vdu__mkdir_p(path, 0755);
	if (r == 0)
		r = vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/%s", name);
	if (r == 0 && mkdir(path, 0700) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0)
		r = vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/%s/lock",
			      name);
	if (r == 0)
		fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			  0600);
	if (r == 0 && fd < 0)
		r = -errno;
	return r < 0 ? vdu__fail(err, VDU_STAGE_STATE, r,
				 "cannot make its run directory: %s",
				 strerror(-r)) : 0;
}

void vdu__rescue_clear(struct vdu_ctx *ctx, const char *name)
{
	char path[PATH_MAX];

	if (!vdu__device_ours(ctx, name) && !vdu__server_pid(ctx, name) &&
	    vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/%s", name) == 0)
		(void)vdu__remove_dir(path);
}

/* --- messages ---------------------------------------------------------- */

static void reply(struct vdu__rescue *rescue,
		  const struct vduse_dev_request *request, bool ok)
{
	struct vduse_dev_response response = {
		.request_id = request->request_id,
		.result = ok ? VDUSE_REQ_RESULT_OK : VDUSE_REQ_RESULT_FAILED,
	};

	if (request->type == VDUSE_GET_VQ_STATE && ok) {
		uint32_t index = request->vq_state.index;

		response.vq_state.index = index;
		if (rescue->features & (UINT64_C(1) << VIRTIO_F_RING_PACKED))
			vdu__device_packed_state(rescue->queues[index].last_avail,
						 &response.vq_state.packed);
		else
			response.vq_state.split.avail_index =
				rescue->queues[index].last_avail;
	}
	/* ENOENT: the caller has given up waiting. */
	if (write(rescue->device_fd, &response, sizeof(response)) < 0 &&
	    (errno == EPERM || errno == ENOTCONN))
		rescue->lost = true;
}

static void reset(struct vdu__rescue *rescue)
{
	vdu__rescue_stop_queues(rescue);
	for (unsigned int i = 0; i < rescue->n_queues; i++)
		rescue->queues[i] = (struct vdu__rescue_queue){ .index = i };
	rescue->driver_ok = rescue->suspended = false;
	rescue->left = false;
	rescue->features = 0;
	if (rescue->inflight)
		vdu__inflight_empty(rescue->inflight);
}

/*
 * A driver may go, none may come: a device that only gives errors is refused
 * before its driver has begun to use it.
 */
static void set_status(struct vdu__rescue *rescue,
		       const struct vduse_dev_request *request)
{
	const uint8_t status = request->s.status,
		      begins = VIRTIO_CONFIG_S_FEATURES_OK |
			       VIRTIO_CONFIG_S_DRIVER_OK;

	if (status == 0)
		reset(rescue);
	reply(rescue, request, rescue->driver_ok || !(status & begins) ||
			       (status & VIRTIO_CONFIG_S_FAILED));
}

/* Noted for the real server, which may come back. */
static void suspend(struct vdu__rescue *rescue, bool suspended)
{
	rescue->suspended = suspended;
	if (rescue->inflight)
		vdu__inflight_suspend(rescue->inflight, suspended);
	if (suspended)
		vdu__rescue_stop_queues(rescue);
}

static void start_queues(struct vdu__rescue *rescue)
{
	if (rescue->driver_ok && !rescue->suspended)
		vdu__rescue_start_queues(rescue);
}

static void take_message(struct vdu__rescue *rescue)
{
	struct vduse_dev_request request;
	ssize_t n = read(rescue->device_fd, &request, sizeof(request));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof(request)) {
		rescue->lost = true;
		return;
	}
	switch (request.type) {
	case VDUSE_SET_STATUS:
		set_status(rescue, &request);
		break;
	case VDUSE_UPDATE_IOTLB:
		vdu__rescue_stop_queues(rescue);
		start_queues(rescue);
		reply(rescue, &request, true);
		break;
	case VDUSE_GET_VQ_STATE:
		reply(rescue, &request,
		      request.vq_state.index < rescue->n_queues);
		break;
	case VDUSE_EXT_MSG_CONFIG_WRITE:
	case VDUSE_EXT_MSG_CONFIG_CLEARED:
		/* Whatever it says: no write is done here. */
		reply(rescue, &request, true);
		break;
	case VDUSE_EXT_MSG_SUSPEND:
		suspend(rescue, true);
		reply(rescue, &request, true);
		break;
	case VDUSE_EXT_MSG_RESUME:
		suspend(rescue, false);
		reply(rescue, &request, true);
		start_queues(rescue);
		break;
	default:
		reply(rescue, &request, false);
		break;
	}
}

/* --- the loop ---------------------------------------------------------- */

static int loop(struct vdu__rescue *rescue)
{
	struct pollfd fds[] = {
		{ .fd = rescue->device_fd, .events = POLLIN },
		{ .fd = rescue->signal_fd, .events = POLLIN },
		{ .fd = rescue->kick_fd, .events = POLLIN },
	};

	while (!fds[1].revents && !rescue->lost) {
		uint64_t count;

		if (poll(fds, ARRAY_SIZE(fds), vdu__rescue_turn(rescue)) < 0 &&
		    errno != EINTR)
			return -errno;
		if (fds[0].revents & (POLLERR | POLLNVAL))
			rescue->lost = true;
		else if (fds[0].revents)
			take_message(rescue);
		/* A queue that was made ready late is known by its kick. */
		if (fds[2].revents &&
		    read(rescue->kick_fd, &count, sizeof(count)) > 0)
			start_queues(rescue);
	}
	return rescue->lost ? -EPERM : 0;
}

/* --- setting up -------------------------------------------------------- */

static int open_device(struct vdu__rescue *rescue, struct vdu_error *err)
{
	uint64_t end = vdu__now_ns() + UINT64_C(1000000) * OPEN_MS;
	uint64_t features;
	unsigned int try = 0;
	int r;

	do {
		rescue->device_fd = vdu__device_open(rescue->ctx, rescue->name,
						     err);
		if (rescue->device_fd != -EBUSY)
			break;
	} while (vdu__pause(rescue->ctx, &try) == 0 &&
		 vdu__now_ns() < end);
	if (rescue->device_fd < 0)
		return rescue->device_fd;
	r = vdu__device_features(rescue->device_fd, &features);
	if (r == -EPERM)
		return vdu__fail(err, VDU_STAGE_DEVICE, r,
				 "the kernel has given the device up");
	rescue->iotlb = vdu__iotlb_new(rescue->device_fd);
	if (!rescue->iotlb)
		return vdu__fail(err, VDU_STAGE_SERVER, -ENOMEM,
				 "out of memory");
	return vdu__iotlb_guard(rescue->iotlb);
}

/* Ours is a disk; of others only a virtio driver on this host knows. */
static uint32_t find_type(const struct vdu__rescue *rescue)
{
	struct vdu__binding binding;
	unsigned int id = 0;
	char text[32];

	if (vdu__device_ours(rescue->ctx, rescue->name))
		return VIRTIO_ID_BLOCK;
	vdu__binding_read(rescue->ctx, rescue->name, &binding);
	if (!binding.virtio[0] ||
	    vdu__read_at(rescue->ctx, text, sizeof(text),
			 VDU__SYS_VDPA "/%s/device", rescue->name,
			 rescue->name, binding.virtio) < 0 ||
	    sscanf(text, "0x%x", &id) != 1)
		return 0;
	return id;
}

static int make_queues(struct vdu__rescue *rescue, struct vdu_error *err)
{
	CLEANUP_DIR DIR *dir = vdu__opendir_at(rescue->ctx, VDU__SYS_DEVICE,
					       rescue->name);
	char entry[16];

	while (dir && vdu__find_entry(dir, "vq", entry, sizeof(entry)) == 0)
		rescue->n_queues++;
	rescue->queues = calloc(rescue->n_queues + 1, sizeof(*rescue->queues));
	if (!rescue->queues)
		return vdu__fail(err, VDU_STAGE_SERVER, -ENOMEM,
				 "out of memory");
	for (unsigned int i = 0; i < rescue->n_queues; i++)
		rescue->queues[i].index = i;
	rescue->type = find_type(rescue);
	return 0;
}

/*
 * Only a log that a server has left tells anything. One that cannot be believed
 * must not keep the device: the rings alone tell most of it.
 */
static void open_log(struct vdu__rescue *rescue)
{
	struct vdu_error why = { 0 };
	struct vdu__spec_file file;

	if (vdu__spec_load(rescue->ctx, rescue->name, &file, NULL) < 0 ||
	    !vdu__exists(rescue->ctx, VDU_RUN_DIR "/%s/inflight",
			 rescue->name) ||
	    file.spec.n_queues < rescue->n_queues)
		return;
	if (vdu__inflight_open(rescue->ctx, rescue->name, file.spec.n_queues,
			       file.spec.queue_size, file.spec.packed,
			       &rescue->inflight, &why) < 0)
		vdu__log(rescue->ctx, 4, "%s", why.text);
	rescue->log_size = file.spec.queue_size;
}

static int open_fds(struct vdu__rescue *rescue, struct vdu_error *err)
{
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	rescue->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	/* One for all queues: there may be many. */
	rescue->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (rescue->signal_fd < 0 || rescue->kick_fd < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, -errno,
				 "cannot make its file descriptors: %s",
				 strerror(errno));
	return 0;
}

static int set_up(struct vdu__rescue *rescue, struct vdu_error *err)
{
	int r = vdu__rescue_dir(rescue->ctx, rescue->name, err);

	if (r == 0)
		r = vdu__claim_rescue(rescue->ctx, rescue->name,
				      &rescue->lock_fd, err);
	if (r == 0)
		r = open_fds(rescue, err);
	if (r == 0)
		r = open_device(rescue, err);
	if (r == 0)
		r = make_queues(rescue, err);
	if (r < 0)
		return r;
	open_log(rescue);
	return vdu__sandbox_enter(rescue->ctx, rescue->name, false, err);
}

/* A driver was there before us, if a queue is ready, or the kernel says so. */
static void take_over(struct vdu__rescue *rescue)
{
	struct vdu__vq_info info;
	uint8_t status;

	rescue->mem = (struct vdu__mem){
		.translate = vdu__iotlb_translate,
		.opaque = rescue->iotlb,
		.torn = &rescue->iotlb->torn,
	};
	for (unsigned int i = 0; i < rescue->n_queues; i++)
		if (vdu__device_vq_info(rescue->device_fd, i, &info) == 0 &&
		    info.ready)
			rescue->driver_ok = true;
	if (vdu__device_status(rescue->device_fd, &status) == 0)
		rescue->driver_ok = status & VIRTIO_CONFIG_S_DRIVER_OK;
	rescue->left = rescue->driver_ok &&
		vdu__device_features(rescue->device_fd, &rescue->features) == 0;
	/* Or another driver's, whose reset its server did not live to see. */
	if (rescue->inflight &&
	    (!vdu__inflight_fits(rescue->inflight) ||
	     (rescue->left &&
	      !vdu__inflight_is_of(rescue->inflight, rescue->features)))) {
		vdu__inflight_close(rescue->inflight);
		rescue->inflight = NULL;
	}
	rescue->suspended = rescue->left && rescue->inflight &&
			    vdu__inflight_suspended(rescue->inflight);
	if (rescue->left)
		start_queues(rescue);
}

static void tear_down(struct vdu__rescue *rescue)
{
	vdu__inflight_close(rescue->inflight);
	vdu__iotlb_unguard(rescue->iotlb);
	vdu__iotlb_free(rescue->iotlb);
	free(rescue->queues);
	vdu__closep(&rescue->device_fd);
	vdu__closep(&rescue->signal_fd);
	vdu__closep(&rescue->kick_fd);
	/* Last: who sees the lock free may start the next server. */
	vdu__closep(&rescue->lock_fd);
}

PUBLIC int vdu_rescue(struct vdu_ctx *ctx, const char *name,
		      struct vdu_error *err)
{
	struct vdu__rescue rescue = {
		.ctx = ctx, .name = name,
		.lock_fd = -EBADF, .device_fd = -EBADF,
		.signal_fd = -EBADF, .kick_fd = -EBADF,
	};
	struct vdu_error own = { 0 };
	int r = set_up(&rescue, &own);

	if (r == 0) {
		take_over(&rescue);
		vdu__notify_ready();
		vdu__log(ctx, 6, "rescuing %s: every request gets an error",
			 name);
		r = loop(&rescue);
		if (r < 0)
			vdu__fail(&own, VDU_STAGE_DEVICE, r,
				  "the kernel has given the device up");
	} else {
		vdu__notify_failed(&own);
	}
	tear_down(&rescue);
	if (r < 0 && err)
		*err = own;
	return r;
}
