// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For the fault sweep: the extensions of our module. What else a device does,
 * the other groups sweep, with FAULTS_EXT=1 for one that has them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "faults.h"
#include "kmod/uapi/linux/vduse_ext.h"
#include "probe.h"

#define POSTED	16
#define ACKED	20
#define CLEAR	24
#define FIELD	4	/* bytes of each of them */

#define NODE "/dev/vduse/" PROBE_NAME
#define VDPA_RESUME _IO(VHOST_VIRTIO, 0x7e)	/* Linux 6.3 */
#define OPS(list) .ops = list, .count = sizeof(list) / sizeof(*list)

static int result(long ret)
{
	return ret < 0 ? -errno : 0;
}

/* --- the control node ------------------------------------------------------ */

static int set_instance(void)
{
	uint64_t instance = VDUSE_EXT_INST_QUEUE_READY |
			    VDUSE_EXT_INST_SUSPEND;

	return result(ioctl(control(), VDUSE_EXT_SET_INSTANCE, &instance));
}

static int setup(void)
{
	static uint8_t access_map[4096];
	struct vduse_ext_setup argument = {
		.extensions = VDUSE_EXT_CONFIG | VDUSE_EXT_RECOVER |
			      VDUSE_EXT_FEATURES | VDUSE_EXT_RESUME |
			      VDUSE_EXT_VSTATS,
		.access = (uintptr_t)access_map,
		.access_size = block_config()->config_size,
	};

	memset(access_map + POSTED, VDUSE_EXT_WRITABLE, FIELD);
	memset(access_map + ACKED, VDUSE_EXT_WRITABLE | VDUSE_EXT_ACKED, FIELD);
	memset(access_map + CLEAR, VDUSE_EXT_CLEAR, FIELD);
	return result(ioctl(control(), VDUSE_EXT_SETUP, &argument));
}

int fault_wish(void)
{
	int ret = set_instance();

	return ret ? ret : setup();
}

static int get_extensions(void)
{
	uint64_t extensions;

	return result(ioctl(control(), VDUSE_EXT_GET, &extensions));
}

/* A create that fails leaves what was negotiated. */
static int create_extended(void)
{
	int ret = fault_wish();

	return ret ? ret : result(create(block_config()));
}

static struct vduse_ext_info info;

static int get_info(void)
{
	static struct vduse_ext_queue queues[1];
	static struct vduse_ext_message messages[4];

	info = (struct vduse_ext_info){
		.name = PROBE_NAME,
		.queues = (uintptr_t)queues,
		.n_queues = 1,
		.messages = (uintptr_t)messages,
		.n_messages = 4,
	};
	return result(ioctl(control(), VDUSE_EXT_GET_INFO, &info));
}

static bool created(void)
{
	return !get_info() && info.extensions & VDUSE_EXT_CONFIG;
}

static void undo_create(void)
{
	must(!destroy(PROBE_NAME), "destroy");
	unlink(NODE);
}

static int abort_it(void)
{
	char name[VDUSE_EXT_NAME_MAX] = PROBE_NAME;

	return result(ioctl(control(), VDUSE_EXT_ABORT, name));
}

static bool aborted(void)
{
	return !get_info() && info.flags & VDUSE_EXT_I_ABORTED;
}

static void open_anew(void)
{
	close(fault_fd);
	fault_fd = open(NODE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	must(fault_fd >= 0, "open");
}

static int set_vhost_timeout(void)
{
	return result(attr_write("ext/vhost_timeout", "30"));
}

/* --- the device node ------------------------------------------------------- */

static uint8_t value = 1;

static void next_value(void)
{
	value++;
}

static long config_call(unsigned long call, uint32_t offset, void *bytes)
{
	struct vduse_ext_config config = {
		.offset = offset,
		.length = FIELD,
		.buffer = (uintptr_t)bytes,
	};

	return ioctl(fault_fd, call, &config);
}

static int get_config(void)
{
	uint8_t bytes[FIELD];

	return result(config_call(VDUSE_EXT_GET_CONFIG, POSTED, bytes));
}

static int set_field(uint32_t offset)
{
	uint8_t bytes[FIELD];

	memset(bytes, value, FIELD);
	return result(config_call(VDUSE_EXT_SET_CONFIG, offset, bytes));
}

static int set_config(void)
{
	return set_field(POSTED);
}

static bool field_is(uint32_t offset, uint8_t want)
{
	uint8_t bytes[FIELD] = { 0 };

	must(!config_call(VDUSE_EXT_GET_CONFIG, offset, bytes), "GET_CONFIG");
	for (int i = 0; i < FIELD; i++)
		if (bytes[i] != want)
			return false;
	return true;
}

static bool posted_is_set(void)
{
	return field_is(POSTED, value);
}

static bool acked_is_set(void)
{
	return field_is(ACKED, value);
}

static int get_status(void)
{
	uint8_t status;

	return result(ioctl(fault_fd, VDUSE_EXT_GET_STATUS, &status));
}

/* --- a virtual machine ----------------------------------------------------- */

struct vmm_config {
	struct vhost_vdpa_config head;
	uint8_t bytes[FIELD];
};

/* The bus does not say that there was no memory for the message. */
static int driver_writes(uint32_t offset)
{
	struct vmm_config config = {
		.head = { .off = offset, .len = FIELD },
	};
	int ret;

	memset(config.bytes, value, FIELD);
	ret = result(ioctl(fault_vhost, VHOST_VDPA_SET_CONFIG, &config));
	disarm();
	return ret ? ret : field_is(offset, value) ? 0 : -ENOMEM;
}

static int write_posted(void)
{
	return driver_writes(POSTED);
}

static int write_acked(void)
{
	return driver_writes(ACKED);
}

static int read_clear(void)
{
	struct vmm_config config = { .head = { .off = CLEAR, .len = FIELD } };

	return result(ioctl(fault_vhost, VHOST_VDPA_GET_CONFIG, &config));
}

static void set_clear(void)
{
	must(!set_field(CLEAR), "SET_CONFIG");
}

static void open_clear(void)
{
	fault_vhost_open();
	set_clear();
}

/* A machine that runs. */
static void set_status(uint8_t status)
{
	must(!ioctl(fault_vhost, VHOST_VDPA_SET_STATUS, &status), "SET_STATUS");
}

static void start_machine(void)
{
	uint64_t features = 1ULL << 32 | 1ULL << 33;

	set_status(3);
	must(!ioctl(fault_vhost, VHOST_SET_FEATURES, &features), "features");
	set_status(0xb);
	set_status(0xf);
}

static void open_running(void)
{
	fault_vhost_open();
	start_machine();
}

static int needs_reset(void)
{
	return result(ioctl(fault_fd, VDUSE_EXT_NEEDS_RESET));
}

static void start_anew(void)
{
	set_status(0);
	start_machine();
}

static bool queue_is(bool ready)
{
	struct vduse_vq_info queue = { .index = 0 };

	must(!ioctl(fault_fd, VDUSE_VQ_GET_INFO, &queue), "VQ_GET_INFO");
	return queue.ready == ready;
}

static int enable(void)
{
	struct vhost_vring_state state = { .index = 0, .num = 1 };

	return result(ioctl(fault_vhost, VHOST_VDPA_SET_VRING_ENABLE, &state));
}

static bool enabled(void)
{
	return queue_is(true);
}

static void disable(void)
{
	struct vhost_vring_state state = { .index = 0, .num = 0 };

	must(!ioctl(fault_vhost, VHOST_VDPA_SET_VRING_ENABLE, &state),
	     "disable");
}

static int suspend(void)
{
	return result(ioctl(fault_vhost, VHOST_VDPA_SUSPEND));
}

static int resume(void)
{
	return result(ioctl(fault_vhost, VDPA_RESUME));
}

static bool suspended(void)
{
	return !get_info() && info.flags & VDUSE_EXT_I_SUSPENDED;
}

static bool resumed(void)
{
	return !get_info() && !(info.flags & VDUSE_EXT_I_SUSPENDED);
}

static void expect_resume(void)
{
	must(!resume(), "resume");
}

static void expect_suspend(void)
{
	must(!suspend(), "suspend");
}

static void open_suspended(void)
{
	open_running();
	expect_suspend();
}

#define ON_DEVICE .setup = fault_device, .teardown = fault_device_end
#define OPENED .setup = fault_vhost_open, .teardown = fault_vhost_close
#define RUNNING .setup = open_running, .teardown = fault_vhost_close

static const struct op ext_ops[] = {
	{ .name = "ext-get", .errors = { EFAULT }, .run = get_extensions },
	{ .name = "set-instance", .errors = { EFAULT }, .run = set_instance },
	{ .name = "ext-setup", .errors = { ENOMEM, EFAULT }, .run = setup },
	{ .name = "create", .errors = { ENOMEM, EFAULT },
	  .run = create_extended, .done = created, .undo = undo_create },
	{ .name = "ext-get-info", .errors = { ENOMEM, EFAULT }, ON_DEVICE,
	  .run = get_info },
	{ .name = "ext-abort", .errors = { EFAULT }, ON_DEVICE,
	  .run = abort_it, .done = aborted, .undo = open_anew },
	{ .name = "vhost-timeout", .errors = { ENOMEM, EFAULT }, ON_DEVICE,
	  .run = set_vhost_timeout },
	{ .name = "ext-get-config", .errors = { ENOMEM, EFAULT }, ON_DEVICE,
	  .run = get_config },
	{ .name = "ext-set-config", .errors = { ENOMEM, EFAULT }, ON_DEVICE,
	  .run = set_config, .done = posted_is_set, .undo = next_value },
	{ .name = "ext-get-status", .errors = { EFAULT }, ON_DEVICE,
	  .run = get_status },
	{ .name = "posted write", .errors = { ENOMEM, EFAULT }, OPENED,
	  .run = write_posted, .done = posted_is_set, .undo = next_value },
	{ .name = "acknowledged write", .errors = { ENOMEM, EFAULT }, OPENED,
	  .run = write_acked, .done = acked_is_set, .undo = next_value },
	{ .name = "read that clears", .errors = { ENOMEM, EFAULT },
	  .setup = open_clear, .run = read_clear, .mend = set_clear,
	  .undo = set_clear, .teardown = fault_vhost_close },
	{ .name = "needs-reset", .errors = { EFAULT }, RUNNING,
	  .run = needs_reset, .undo = start_anew },
	{ .name = "queue ready", .errors = { EFAULT }, RUNNING,
	  .run = enable, .done = enabled, .undo = disable },
	{ .name = "suspend", .errors = { EFAULT }, RUNNING,
	  .run = suspend, .done = suspended, .undo = expect_resume },
	{ .name = "resume", .errors = { EFAULT }, .setup = open_suspended,
	  .run = resume, .done = resumed, .undo = expect_suspend,
	  .teardown = fault_vhost_close },
};

const struct group ext_group = { .name = "ext", OPS(ext_ops) };
