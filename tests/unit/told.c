// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What our module tells, and is asked for: lists, snapshots, checks, abort and
 * the extensions of a new device. The kernel's answers come from the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/vduse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vduse/inspect.h>
#include <vduse/module.h>

#include "kmod/uapi/linux/vduse_ext.h"
#include "lib/bus/bus.h"
#include "lib/kernel/control.h"
#include "lib/kernel/info.h"
#include "lib/util/ctx.h"
#include "lib/util/fs.h"

#define N 3
#define ALL (VDUSE_EXT_CONFIG | VDUSE_EXT_RECOVER | VDUSE_EXT_FEATURES | \
	     VDUSE_EXT_RESUME | VDUSE_EXT_VSTATS | VDUSE_EXT_INJECT | \
	     VDUSE_EXT_FILL)

struct host {
	char root[64];
	struct vdu_ctx *ctx;
};

/* The module: what it has, its devices, and what it was told. */
static struct {
	uint64_t extensions;		/* 0: the stock one */
	int fails;			/* errno of each call about a device */
	unsigned int n;
	struct vduse_ext_info infos[N];
	struct vduse_ext_queue queue;
	struct vduse_ext_message message;
	char aborted[VDUSE_EXT_NAME_MAX];
	struct vduse_ext_setup setup;
	uint64_t instance, instance_set;
	unsigned int setups, created;
	uint8_t access[4];
} module;

static int result(int error)
{
	errno = error;
	return error ? -1 : 0;
}

static struct vduse_ext_info *find(const struct vduse_ext_info *io)
{
	for (unsigned int i = 0; i < module.n; i++) {
		struct vduse_ext_info *info = &module.infos[i];

		if (io->name[0] ? !strcmp(io->name, info->name) :
				  info->cursor > io->cursor)
			return info;
	}
	return NULL;
}

static int get_info(struct vduse_ext_info *io)
{
	struct vduse_ext_info *info = find(io);
	struct vduse_ext_info out;

	if (module.fails || !info)
		return result(module.fails ? module.fails : ENOENT);
	out = *info;
	out.n_queues = MIN(io->n_queues, info->vq_num);
	out.n_messages = MIN(io->n_messages, info->pending);
	for (uint32_t i = 0; i < out.n_queues; i++)
		((struct vduse_ext_queue *)(uintptr_t)io->queues)[i] =
			module.queue;
	for (uint32_t i = 0; i < out.n_messages; i++)
		((struct vduse_ext_message *)(uintptr_t)io->messages)[i] =
			module.message;
	out.queues = io->queues;
	out.messages = io->messages;
	*io = out;
	return 0;
}

static int set_up(const struct vduse_ext_setup *setup)
{
	module.setup = *setup;
	module.setups++;
	if (setup->access_size) {
		assert_int_equal(setup->access_size, sizeof(module.access));
		memcpy(module.access, (const void *)(uintptr_t)setup->access,
		       sizeof(module.access));
	}
	return result(module.fails);
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	(void)fd;
	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == VDUSE_SET_API_VERSION)
		return 0;
	if (request == VDUSE_CREATE_DEV) {
		module.created++;
		return 0;
	}
	if (!module.extensions)
		return result(EINVAL);
	switch (request) {
	case VDUSE_EXT_GET:
		*(uint64_t *)arg = module.extensions;
		return 0;
	case VDUSE_EXT_GET_INSTANCE:
		*(uint64_t *)arg = module.instance;
		return 0;
	case VDUSE_EXT_SET_INSTANCE:
		module.instance_set = *(uint64_t *)arg;
		return 0;
	case VDUSE_EXT_GET_INFO:
		return get_info(arg);
	case VDUSE_EXT_ABORT:
		memcpy(module.aborted, arg, sizeof(module.aborted));
		return result(module.fails);
	case VDUSE_EXT_SETUP:
		return set_up(arg);
	default:
		return result(ENOTTY);
	}
}

static void put(struct host *host, const char *path, const char *text)
{
	char whole[400], dir[400];
	FILE *file;

	(void)snprintf(whole, sizeof(whole), "%s%s", host->root, path);
	(void)snprintf(dir, sizeof(dir), "%s", whole);
	*strrchr(dir, '/') = '\0';
	assert_int_equal(vdu__mkdir_p(dir, 0755), 0);
	file = fopen(whole, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* A foreign disk that is served, on no bus. */
static struct vduse_ext_info *add(struct host *host, const char *name)
{
	struct vduse_ext_info *info = &module.infos[module.n++];
	char path[128];

	*info = (struct vduse_ext_info){
		.cursor = 10 * module.n,
		.device_id = 2,
		.vq_num = 1,
		.flags = VDUSE_EXT_I_CONNECTED,
		.server_pid = getpid(),
	};
	(void)snprintf(info->name, sizeof(info->name), "%s", name);
	(void)snprintf(path, sizeof(path), "/sys/class/vduse/%s/dev", name);
	put(host, path, "250:1\n");
	return info;
}

static int setup(void **state)
{
	struct host *host = calloc(1, sizeof(*host));

	assert_non_null(host);
	memset(&module, 0, sizeof(module));
	module.extensions = ALL;
	(void)snprintf(host->root, sizeof(host->root), "/tmp/vdu-told.XXXXXX");
	assert_non_null(mkdtemp(host->root));
	assert_int_equal(vdu_ctx_new(&host->ctx), 0);
	assert_int_equal(vdu_ctx_set_root(host->ctx, host->root), 0);
	put(host, "/dev/vduse/control", "");
	*state = host;
	return 0;
}

static int teardown(void **state)
{
	struct host *host = *state;
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", host->root);
	assert_int_equal(system(command), 0);
	vdu_ctx_free(host->ctx);
	free(host);
	return 0;
}

/* --- lists ---------------------------------------------------------------- */

static void state_is(struct host *host, const char *name, const char *state)
{
	struct vdu_list *list = NULL;

	assert_int_equal(vdu_list_new_one(host->ctx, name, &list, NULL), 0);
	assert_string_equal(vdu_dev_state(vdu_list_first(list)), state);
	vdu_list_free(list);
}

static void one_pass_lists_all(void **state)
{
	struct host *host = *state;
	struct vdu_list *list = NULL;
	struct vdu_dev *dev;

	(void)add(host, "b10");
	(void)add(host, "b2");
	module.infos[1].device_id = 1;
	module.infos[1].vq_num = 3;
	/* What only sysfs has is not asked for. */
	put(*state, "/sys/class/vduse/other/dev", "250:9\n");
	assert_int_equal(vdu_list_new(host->ctx, &list, NULL), 0);
	dev = vdu_list_first(list);
	assert_string_equal(vdu_dev_name(dev), "b2");
	assert_string_equal(vdu_dev_type(dev), "net");
	assert_int_equal(vdu_dev_n_queues(dev), 3);
	dev = vdu_list_next(list, dev);
	assert_string_equal(vdu_dev_name(dev), "b10");
	assert_string_equal(vdu_dev_type(dev), "blk");
	assert_string_equal(vdu_dev_state(dev), "serving");
	assert_string_equal(vdu_dev_owner(dev), "foreign");
	assert_int_equal(vdu_dev_pid(dev), getpid());
	assert_int_equal(vdu_dev_attached(dev), 0);
	assert_int_equal(vdu_dev_virtio_status(dev), 0);
	assert_int_equal(vdu_dev_needs_reset(dev), 0);
	assert_null(vdu_list_next(list, dev));
	vdu_list_free(list);
}

static void states_follow_from_what_is_told(void **state)
{
	struct host *host = *state;
	struct vduse_ext_info *info = add(host, "d");

	state_is(host, "d", "serving");
	/* In a PID namespace that is not ours. */
	info->server_pid = 0;
	state_is(host, "d", "serving");
	info->flags = VDUSE_EXT_I_ABORTED;
	state_is(host, "d", "created");
	info->bus = VDUSE_EXT_BUS_UNBOUND;
	info->flags = VDUSE_EXT_I_CONNECTED | VDUSE_EXT_I_LATE;
	state_is(host, "d", "serving");
	info->status = 0x40;
	state_is(host, "d", "broken");
	info->status = 0;
	info->flags |= VDUSE_EXT_I_BROKEN;
	state_is(host, "d", "broken");
	/* Its guest has given up: the next one begins anew. */
	info->flags = VDUSE_EXT_I_CONNECTED;
	info->status = 0x80;
	state_is(host, "d", "serving");
}

static void a_pid_of_ours_that_is_cut_off_serves_nothing(void **state)
{
	struct host *host = *state;
	struct vduse_ext_info *info = add(host, "d");
	struct vdu_list *list = NULL;

	put(host, VDU_RUN_DIR "/d/spec.json", "{");
	info->flags = VDUSE_EXT_I_ABORTED;
	state_is(host, "d", "created");
	/* Somebody has it, but no server of ours. */
	info->flags = VDUSE_EXT_I_CONNECTED;
	assert_int_equal(vdu_list_new_one(host->ctx, "d", &list, NULL), 0);
	assert_string_equal(vdu_dev_owner(vdu_list_first(list)), "vdusectl");
	assert_string_equal(vdu_dev_state(vdu_list_first(list)), "created");
	assert_int_equal(vdu_dev_pid(vdu_list_first(list)), 0);
	vdu_list_free(list);
}

static void without_our_module_it_is_sysfs(void **state)
{
	struct host *host = *state;
	struct vdu_list *list = NULL;

	(void)add(host, "d");
	module.extensions = 0;
	assert_int_equal(vdu_list_new(host->ctx, &list, NULL), 0);
	assert_string_equal(vdu_dev_name(vdu_list_first(list)), "d");
	assert_string_equal(vdu_dev_state(vdu_list_first(list)), "created");
	assert_int_equal(vdu_dev_needs_reset(vdu_list_first(list)), -1);
	vdu_list_free(list);
	/* Nor if it fails. */
	module.extensions = ALL;
	module.fails = ENOMEM;
	assert_int_equal(vdu_list_new(host->ctx, &list, NULL), 0);
	assert_string_equal(vdu_dev_name(vdu_list_first(list)), "d");
	vdu_list_free(list);
}

/* --- snapshots and abort -------------------------------------------------- */

static void a_snapshot_has_queues_and_messages(void **state)
{
	struct vdu_inspection_info info = { .size_of = sizeof(info) };
	struct vdu_inspection_queue queue = { .size_of = sizeof(queue) };
	struct vdu_inspection_message message = {
		.size_of = sizeof(message)
	};
	struct host *host = *state;
	struct vduse_ext_info *device = add(host, "d");
	struct vdu_inspection *inspection = NULL;

	device->vq_num = 2;
	device->pending = 1;
	device->last_error = ETIMEDOUT;
	device->last_error_age_ns = 5000;
	module.queue.num_max = 256;
	module.queue.flags = VDUSE_EXT_Q_READY | VDUSE_EXT_Q_KICKED;
	module.message = (struct vduse_ext_message){
		.type = VDUSE_EXT_MSG_CONFIG_WRITE, .age_ns = 7000,
		.flags = VDUSE_EXT_M_POSTED, .arg = 32,
	};
	assert_int_equal(vdu_inspect(host->ctx, "d", &inspection, NULL), 0);
	vdu_inspection_info(inspection, &info);
	assert_int_equal(info.size_of, sizeof(info));
	assert_int_equal(info.device_id, 2);
	assert_int_equal(info.n_queues, 2);
	assert_int_equal(info.connected, 1);
	assert_int_equal(info.last_error, -ETIMEDOUT);
	assert_int_equal(info.last_error_age_us, 5);
	assert_int_equal(vdu_inspection_queue(inspection, 1, &queue), 0);
	assert_int_equal(queue.size_max, 256);
	assert_true(queue.ready && queue.kicked && !queue.heard);
	assert_int_equal(vdu_inspection_queue(inspection, 2, &queue), -ENOENT);
	assert_int_equal(vdu_inspection_message(inspection, 0, &message), 0);
	assert_string_equal(vdu_message_name(message.type), "CONFIG_WRITE");
	assert_true(message.posted && !message.read);
	assert_int_equal(message.age_us, 7);
	assert_int_equal(message.waiter, 0);
	assert_int_equal(vdu_inspection_message(inspection, 1, &message),
			 -ENOENT);
	vdu_inspection_free(inspection);
}

/* A program that was built when the structure was shorter. */
static void an_older_structure_is_not_overrun(void **state)
{
	struct host *host = *state;
	struct vdu_inspection *inspection = NULL;
	union {
		struct vdu_inspection_info info;
		unsigned char bytes[sizeof(struct vdu_inspection_info)];
	} u;

	(void)add(host, "d");
	assert_int_equal(vdu_inspect(host->ctx, "d", &inspection, NULL), 0);
	memset(&u, 0x55, sizeof(u));
	u.info.size_of = 16;
	vdu_inspection_info(inspection, &u.info);
	assert_int_equal(u.info.device_id, 2);
	for (size_t i = 16; i < sizeof(u); i++)
		assert_int_equal(u.bytes[i], 0x55);
	vdu_inspection_free(inspection);
}

static void what_cannot_be_asked_is_told_apart(void **state)
{
	struct host *host = *state;
	struct vdu_inspection *inspection = NULL;
	struct vdu_error err = { 0 };

	assert_int_equal(vdu_inspect(host->ctx, "d", &inspection, &err),
			 -ENOENT);
	assert_int_equal(err.stage, VDU_STAGE_LOOKUP);
	assert_int_equal(vdu_abort(host->ctx, "", &err), -ENOENT);
	(void)add(host, "d");
	module.fails = EFAULT;
	assert_int_equal(vdu_inspect(host->ctx, "d", &inspection, &err),
			 -EFAULT);
	assert_int_equal(err.stage, VDU_STAGE_CONTROL);
	assert_int_equal(vdu_abort(host->ctx, "d", &err), -EFAULT);
	module.fails = ENOENT;
	assert_int_equal(vdu_abort(host->ctx, "d", &err), -ENOENT);
	assert_int_equal(err.stage, VDU_STAGE_LOOKUP);
	module.extensions = 0;
	assert_int_equal(vdu_inspect(host->ctx, "d", &inspection, &err),
			 -EOPNOTSUPP);
	assert_int_equal(err.stage, VDU_STAGE_MODULE);
	assert_int_equal(vdu_abort(host->ctx, "d", &err), -EOPNOTSUPP);
	assert_int_equal(err.stage, VDU_STAGE_MODULE);
	assert_null(inspection);
}

static void abort_names_the_device(void **state)
{
	struct host *host = *state;

	(void)add(host, "d");
	assert_int_equal(vdu_abort(host->ctx, "d", NULL), 0);
	assert_string_equal(module.aborted, "d");
}

/* --- the doctor ----------------------------------------------------------- */

static struct vdu_check check(struct host *host, const char *name)
{
	struct vdu_check check = { .size_of = sizeof(check) };

	for (unsigned int i = 0;
	     vdu_doctor_check(host->ctx, i, &check) == 0; i++)
		if (!strcmp(check.name, name))
			return check;
	fail_msg("no check %s", name);
	return check;
}

static void the_doctor_names_what_waits(void **state)
{
	struct host *host = *state;
	struct vduse_ext_info *good = add(host, "good"), *bad = add(host, "bad");

	assert_string_equal(check(host, "extensions").detail,
			    "config, recover, features, resume, vstats, "
			    "inject, fill");
	assert_string_equal(check(host, "old-messages").detail, "none");
	good->pending = bad->pending = 1;
	module.message.age_ns = 4900000000;
	assert_string_equal(check(host, "old-messages").detail, "none");
	good->pending = 0;
	module.message.age_ns = 5000000000;
	assert_string_equal(check(host, "old-messages").detail,
			    "messages that no server answers: bad");
	bad->flags |= VDUSE_EXT_I_LATE;
	assert_int_equal(check(host, "late-servers").status, VDU_CHECK_WARN);
	bad->flags = good->flags = VDUSE_EXT_I_ABORTED;
	assert_string_equal(check(host, "aborted").detail,
			    "aborted, and not served since: good, bad");
	bad->status = 0x4f;
	assert_int_equal(check(host, "needs-reset").status, VDU_CHECK_FAIL);
	assert_non_null(strstr(check(host, "needs-reset").detail, ": bad"));
	/* What a reset mends is not to be destroyed. */
	assert_null(strstr(check(host, "devices").detail, "bad"));
}

/* --- the extensions of a new device --------------------------------------- */

static int make(struct vdu_error *err)
{
	static const uint8_t config[4], access[4] = { 0, 0, 3, 0 };
	const struct vdu__device_config device = {
		.name = "d",
		.device_id = 2,
		.features = UINT64_C(1) << 32,
		.n_queues = 1,
		.config = config,
		.config_size = sizeof(config),
		.ext = {
			.extensions = ALL,
			.instance = VDUSE_EXT_INST_SUSPEND,
			.required = UINT64_C(1) << 32,
			.access = access,
		},
	};

	return vdu__control_create(-1, &device, err);
}

static void a_device_gets_what_the_module_has(void **state)
{
	(void)state;
	module.instance = VDUSE_EXT_INST_QUEUE_READY | VDUSE_EXT_INST_SUSPEND;
	assert_int_equal(make(NULL), 0);
	assert_int_equal(module.setup.extensions, ALL);
	assert_int_equal(module.setup.required, UINT64_C(1) << 32);
	assert_int_equal(module.setup.flags, 0);
	assert_int_equal(module.access[2],
			 VDUSE_EXT_WRITABLE | VDUSE_EXT_ACKED);
	assert_int_equal(module.instance_set, VDUSE_EXT_INST_SUSPEND);
	assert_int_equal(module.created, 1);
}

static void a_device_goes_without_what_it_lacks(void **state)
{
	(void)state;
	module.extensions = VDUSE_EXT_RECOVER;
	assert_int_equal(make(NULL), 0);
	assert_int_equal(module.setup.extensions, VDUSE_EXT_RECOVER);
	assert_int_equal(module.setup.required, 0);
	assert_int_equal(module.setup.access_size, 0);
	assert_int_equal(module.instance_set, 0);
	module.extensions = 0;
	assert_int_equal(make(NULL), 0);
	assert_int_equal(module.setups, 1);
	assert_int_equal(module.created, 2);
}

static void no_device_without_what_was_refused(void **state)
{
	struct vdu_error err = { 0 };

	(void)state;
	module.fails = EINVAL;
	assert_int_equal(make(&err), -EINVAL);
	assert_int_equal(err.stage, VDU_STAGE_CONTROL);
	assert_int_equal(module.created, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_pass_lists_all),
		T(states_follow_from_what_is_told),
		T(a_pid_of_ours_that_is_cut_off_serves_nothing),
		T(without_our_module_it_is_sysfs),
		T(a_snapshot_has_queues_and_messages),
		T(an_older_structure_is_not_overrun),
		T(what_cannot_be_asked_is_told_apart),
		T(abort_names_the_device),
		T(the_doctor_names_what_waits),
		T(a_device_gets_what_the_module_has),
		T(a_device_goes_without_what_it_lacks),
		T(no_device_without_what_was_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
