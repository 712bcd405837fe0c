// SPDX-License-Identifier: GPL-2.0-or-later
/* The list of devices, their holders and the doctor, on a made-up /sys. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <vduse/inspect.h>
#include <vduse/manage.h>

#include "lib/bus/autoprobe.h"
#include "lib/bus/bus.h"
#include "lib/bus/module.h"
#include "lib/kernel/spec-file.h"
#include "lib/util/fs.h"
#include "lib/util/lock.h"

struct tree {
	char root[64];
	struct vdu_ctx *ctx;
	pid_t server;			/* of own(); 0: none */
};

static void make_parent(const char *path)
{
	char dir[512];

	(void)snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	assert_int_equal(vdu__mkdir_p(dir, 0755), 0);
}

/* A file with text; the path is a format below the root. */
__attribute__((format(printf, 3, 4)))
static void put(struct tree *tree, const char *text, const char *fmt, ...)
{
	char tail[256], path[512];
	va_list ap;
	FILE *file;

	va_start(ap, fmt);
	(void)vsnprintf(tail, sizeof(tail), fmt, ap);
	va_end(ap);
	(void)snprintf(path, sizeof(path), "%s%s", tree->root, tail);
	make_parent(path);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

__attribute__((format(printf, 3, 4)))
static void link_to(struct tree *tree, const char *target, const char *fmt, ...)
{
	char tail[256], path[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(tail, sizeof(tail), fmt, ap);
	va_end(ap);
	(void)snprintf(path, sizeof(path), "%s%s", tree->root, tail);
	make_parent(path);
	assert_int_equal(symlink(target, path), 0);
}

static int setup(void **state)
{
	struct tree *tree = calloc(1, sizeof(*tree));

	assert_non_null(tree);
	(void)snprintf(tree->root, sizeof(tree->root), "/tmp/vdu-list.XXXXXX");
	assert_non_null(mkdtemp(tree->root));
	assert_int_equal(vdu_ctx_new(&tree->ctx), 0);
	assert_int_equal(vdu_ctx_set_root(tree->ctx, tree->root), 0);
	put(tree, "240:0\n", "/sys/class/vduse/control/dev");
	*state = tree;
	return 0;
}

static int teardown(void **state)
{
	struct tree *tree = *state;
	char command[128];

	if (tree->server) {
		(void)kill(tree->server, SIGKILL);
		(void)waitpid(tree->server, NULL, 0);
	}
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", tree->root);
	assert_int_equal(system(command), 0);
	vdu_ctx_free(tree->ctx);
	free(tree);
	return 0;
}

static void add_device(struct tree *tree, const char *name, const char *dev)
{
	put(tree, dev, "/sys/class/vduse/%s/dev", name);
	put(tree, "30\n", "/sys/class/vduse/%s/msg_timeout", name);
	put(tree, "67108864\n", "/sys/class/vduse/%s/bounce_size", name);
	put(tree, "ff\n", "/sys/class/vduse/%s/vq0/irq_cb_affinity", name);
	put(tree, "ff\n", "/sys/class/vduse/%s/vq1/irq_cb_affinity", name);
}

static void attach(struct tree *tree, const char *name, const char *driver)
{
	char target[128];

	put(tree, "(null)\n", "/sys/class/vduse/%s/%s/driver_override", name,
	    name);
	(void)snprintf(target, sizeof(target), "../../bus/vdpa/drivers/%s",
		       driver ? driver : "");
	if (driver)
		link_to(tree, target, "/sys/class/vduse/%s/%s/driver", name,
			name);
}

/* A disk of 20480 sectors with one partition, as virtio_blk shows it. */
static void add_disk(struct tree *tree, const char *name, const char *status)
{
	char driver[128];

	(void)snprintf(driver, sizeof(driver), "%s/sys/virtio_blk", tree->root);
	put(tree, "", "/sys/virtio_blk/bind");
	put(tree, status, "/sys/class/vduse/%s/%s/virtio3/status", name, name);
	put(tree, "0x0002\n", "/sys/class/vduse/%s/%s/virtio3/device", name,
	    name);
	link_to(tree, driver, "/sys/class/vduse/%s/%s/virtio3/driver", name,
		name);
	put(tree, "254:16\n", "/sys/class/vduse/%s/%s/virtio3/block/vdb/dev",
	    name, name);
	put(tree, "254:16\n", "/sys/block/vdb/dev");
	put(tree, "254:17\n", "/sys/block/vdb/vdb1/dev");
	put(tree, "20480\n", "/sys/block/vdb/size");
	put(tree, "1\n", "/sys/block/vdb/ro");
	put(tree, "4096\n", "/sys/block/vdb/queue/logical_block_size");
}

/* Make it one of ours, with a server if asked for. */
static void own(struct tree *tree, const char *name, bool served)
{
	struct vdu__spec_file file = {
		.spec = {
			.size_of = sizeof(file.spec),
			.size_bytes = 1 << 30,
			.backend = "file",
			.path = "/x y",
			.serial = "SN1",
			.n_queues = 4,
			.queue_size = 128,
			.block_size = 512,
		},
	};
	int fds[2];
	char ok;

	(void)snprintf(file.spec.name, sizeof(file.spec.name), "%s", name);
	put(tree, "", VDU_RUN_DIR "/%s/lock", name);
	assert_int_equal(vdu__spec_save(tree->ctx, &file, NULL), 0);
	if (!served)
		return;
	assert_int_equal(pipe(fds), 0);
	tree->server = fork();
	assert_true(tree->server >= 0);
	if (tree->server == 0) {
		int fd;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (vdu__claim_server(tree->ctx, name, &fd, NULL) < 0 ||
		    write(fds[1], "1", 1) != 1)
			_exit(1);
		(void)pause();
		_exit(0);
	}
	(void)close(fds[1]);
	assert_int_equal(read(fds[0], &ok, 1), 1);
	(void)close(fds[0]);
}

/* A process that has the device behind a node of this host open. */
static void add_opener(struct tree *tree, int pid, const char *node)
{
	put(tree, "a server\n", "/proc/%d/comm", pid);
	link_to(tree, "/etc/passwd", "/proc/%d/fd/0", pid);
	link_to(tree, node, "/proc/%d/fd/3", pid);
}

static struct vdu_list *list_all(struct tree *tree)
{
	struct vdu_list *list = NULL;
	struct vdu_error err = { 0 };

	assert_int_equal(vdu_list_new(tree->ctx, &list, &err), 0);
	assert_int_equal(err.code, 0);
	return list;
}

static void state_is(struct tree *tree, const char *name, const char *state)
{
	struct vdu_list *list = NULL;

	assert_int_equal(vdu_list_new_one(tree->ctx, name, &list, NULL), 0);
	assert_string_equal(vdu_dev_state(vdu_list_first(list)), state);
	assert_null(vdu_list_next(list, vdu_list_first(list)));
	vdu_list_free(list);
}

static void no_module_no_devices(void **state)
{
	struct tree *tree = *state;
	struct vdu_list *list;

	assert_int_equal(vdu_ctx_set_root(tree->ctx, "/tmp/vdu-no-such"), 0);
	list = list_all(tree);
	assert_null(vdu_list_first(list));
	vdu_list_free(list);
}

static void names_sort_by_number(void **state)
{
	static const char *const names[] = {
		"a", "blk1", "blk01", "blk2", "blk10", "blk10a", "c",
	};
	struct tree *tree = *state;
	struct vdu_list *list;
	struct vdu_dev *dev;

	for (size_t i = sizeof(names) / sizeof(names[0]); i-- > 0;)
		add_device(tree, names[i], "240:1\n");
	list = list_all(tree);
	dev = vdu_list_first(list);
	assert_string_equal(vdu_dev_name(dev), "a");
	/* Equal by value, so by character. */
	dev = vdu_list_next(list, dev);
	assert_string_equal(vdu_dev_name(dev), "blk01");
	dev = vdu_list_next(list, dev);
	assert_string_equal(vdu_dev_name(dev), "blk1");
	for (size_t i = 3; i < sizeof(names) / sizeof(names[0]); i++) {
		dev = vdu_list_next(list, dev);
		assert_string_equal(vdu_dev_name(dev), names[i]);
	}
	assert_null(vdu_list_next(list, dev));
	vdu_list_free(list);
}

static void foreign_disk_is_read_from_sysfs(void **state)
{
	struct tree *tree = *state;
	struct vdu_list *list;
	struct vdu_dev *dev;

	add_device(tree, "foo", "1:3\n");
	attach(tree, "foo", "virtio_vdpa");
	add_disk(tree, "foo", "0x0000000f\n");
	add_opener(tree, 77, "/dev/null");
	list = list_all(tree);
	dev = vdu_list_first(list);
	assert_string_equal(vdu_dev_name(dev), "foo");
	assert_string_equal(vdu_dev_owner(dev), "foreign");
	assert_string_equal(vdu_dev_type(dev), "blk");
	assert_string_equal(vdu_dev_state(dev), "bound");
	assert_string_equal(vdu_dev_driver(dev), "virtio");
	assert_string_equal(vdu_dev_node(dev), "/dev/vdb");
	assert_string_equal(vdu_dev_backend(dev), "");
	assert_string_equal(vdu_dev_serial(dev), "");
	assert_int_equal(vdu_dev_pid(dev), 77);
	assert_int_equal(vdu_dev_size_bytes(dev), 20480 * 512);
	assert_int_equal(vdu_dev_block_size(dev), 4096);
	assert_int_equal(vdu_dev_read_only(dev), 1);
	assert_int_equal(vdu_dev_n_queues(dev), 2);
	assert_int_equal(vdu_dev_queue_size(dev), -1);
	assert_int_equal(vdu_dev_attached(dev), 1);
	assert_int_equal(vdu_dev_virtio_status(dev), 0xf);
	assert_int_equal(vdu_dev_msg_timeout(dev), 30);
	assert_int_equal(vdu_dev_bounce_size(dev), 67108864);
	assert_null(vdu_list_next(list, dev));
	vdu_list_free(list);
}

static void our_disk_is_what_its_spec_says(void **state)
{
	struct tree *tree = *state;
	struct vdu_list *list;
	struct vdu_dev *dev;

	add_device(tree, "blk0", "240:1\n");
	own(tree, "blk0", true);
	list = list_all(tree);
	dev = vdu_list_first(list);
	assert_string_equal(vdu_dev_owner(dev), "vdusectl");
	assert_string_equal(vdu_dev_type(dev), "blk");
	assert_string_equal(vdu_dev_state(dev), "serving");
	assert_string_equal(vdu_dev_driver(dev), "");
	assert_string_equal(vdu_dev_node(dev), "");
	assert_string_equal(vdu_dev_backend(dev), "file:/x y");
	assert_string_equal(vdu_dev_serial(dev), "SN1");
	assert_int_equal(vdu_dev_pid(dev), tree->server);
	assert_int_equal(vdu_dev_size_bytes(dev), 1 << 30);
	assert_int_equal(vdu_dev_n_queues(dev), 4);
	assert_int_equal(vdu_dev_queue_size(dev), 128);
	assert_int_equal(vdu_dev_read_only(dev), 0);
	assert_int_equal(vdu_dev_attached(dev), 0);
	assert_int_equal(vdu_dev_virtio_status(dev), -1);
	vdu_list_free(list);
}

static void damaged_spec_still_lists(void **state)
{
	struct tree *tree = *state;
	struct vdu_list *list;

	add_device(tree, "blk0", "240:1\n");
	put(tree, "{ \"version\": 1, ", VDU_RUN_DIR "/blk0/spec.json");
	list = list_all(tree);
	assert_string_equal(vdu_dev_owner(vdu_list_first(list)), "vdusectl");
	assert_string_equal(vdu_dev_state(vdu_list_first(list)), "created");
	assert_int_equal(vdu_dev_size_bytes(vdu_list_first(list)), -1);
	vdu_list_free(list);
}

static void every_state_has_its_cause(void **state)
{
	struct tree *tree = *state;

	add_device(tree, "created", "240:1\n");
	own(tree, "created", false);
	state_is(tree, "created", "created");
	attach(tree, "created", NULL);
	state_is(tree, "created", "created");

	add_device(tree, "stalled", "240:2\n");
	own(tree, "stalled", false);
	attach(tree, "stalled", "vhost_vdpa");
	state_is(tree, "stalled", "stalled");

	add_device(tree, "marked", "240:3\n");
	put(tree, "", VDU_RUN_DIR "/marked/broken");
	state_is(tree, "marked", "broken");

	add_device(tree, "served", "240:4\n");
	own(tree, "served", true);
	attach(tree, "served", "virtio_vdpa");
	add_disk(tree, "served", "0x0000000f\n");
	state_is(tree, "served", "bound");
	put(tree, "0x00000083\n", "/sys/class/vduse/served/served/virtio3/status");
	state_is(tree, "served", "broken");
	put(tree, "0x00000000\n", "/sys/class/vduse/served/served/virtio3/status");
	state_is(tree, "served", "broken");
}

static void vhost_node_and_unknown_driver(void **state)
{
	struct tree *tree = *state;
	struct vdu__binding binding;

	add_device(tree, "vm", "240:1\n");
	attach(tree, "vm", "vhost_vdpa");
	put(tree, "511:0\n", "/sys/class/vduse/vm/vm/vhost-vdpa-4/dev");
	vdu__binding_read(tree->ctx, "vm", &binding);
	assert_int_equal(binding.driver, VDU_DRIVER_VHOST);
	assert_string_equal(binding.node, "/dev/vhost-vdpa-4");
	assert_int_equal(binding.virtio_status, -1);

	add_device(tree, "odd", "240:2\n");
	attach(tree, "odd", "other_vdpa");
	vdu__binding_read(tree->ctx, "odd", &binding);
	assert_int_equal(binding.driver, VDU_DRIVER_OTHER);
	assert_string_equal(binding.driver_name, "other_vdpa");
	assert_string_equal(binding.node, "");
}

static void what_is_no_device_is_not_found(void **state)
{
	static const char *const names[] = {
		"", ".", "..", "control", "../vduse/foo", "foo/foo", "nosuch",
		"gone",
	};
	struct tree *tree = *state;
	struct vdu_list *list = NULL;

	add_device(tree, "foo", "240:1\n");
	/* A run directory without a device of the kernel. */
	own(tree, "gone", false);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct vdu_error err = { 0 };

		assert_int_equal(vdu_list_new_one(tree->ctx, names[i], &list,
						  &err), -ENOENT);
		assert_int_equal(err.stage, VDU_STAGE_LOOKUP);
		assert_int_equal(vdu_unbind(tree->ctx, names[i], 0, NULL), -ENOENT);
	}
	assert_null(list);
	assert_int_equal(vdu_unbind(tree->ctx, "foo", 0, NULL), 0);
}

static void dead_server_forbids_unbind(void **state)
{
	struct tree *tree = *state;
	char node[VDU_NODE_MAX] = "untouched";
	struct vdu_error err = { 0 };

	add_device(tree, "foo", "240:1\n");
	own(tree, "foo", false);
	attach(tree, "foo", "virtio_vdpa");
	add_disk(tree, "foo", "0x0000000f\n");
	assert_int_equal(vdu_unbind(tree->ctx, "foo", 0, &err), -EBUSY);
	assert_int_equal(err.stage, VDU_STAGE_SERVER);
	assert_int_equal(vdu_bind(tree->ctx, "foo", VDU_DRIVER_VHOST, 0, node,
				  &err), -EBUSY);
	assert_int_equal(err.stage, VDU_STAGE_BIND);
	assert_string_equal(node, "untouched");
}

static void holders_of_every_kind(void **state)
{
	struct tree *tree = *state;
	char text[300];
	int n;

	add_device(tree, "foo", "240:1\n");
	attach(tree, "foo", "virtio_vdpa");
	add_disk(tree, "foo", "0x0000000f\n");
	assert_int_equal(vdu_holders(tree->ctx, "foo", text, sizeof(text),
				     NULL), 0);
	assert_string_equal(text, "");
	put(tree, "", "/proc/1/ns/mnt");
	put(tree,
	    "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
	    "30 22 254:17 /sub /mnt/x\\040y rw,noatime shared:1 - ext4 /dev/vdb1 rw\n"
	    "31 22 0:45 / /btr rw - btrfs /dev/vdb rw\n"
	    "garbage\n31 22\n",
	    "/proc/1/mountinfo");
	put(tree, "Filename Type Size\n/dev/vdb1 partition 9\n/dev/vda 9\n",
	    "/proc/swaps");
	put(tree, "", "/sys/block/vdb/vdb1/holders/dm-0");
	put(tree, "vg-lv\n", "/sys/block/dm-0/dm/name");
	put(tree, "", "/sys/block/vdb/holders/md0");
	n = vdu_holders(tree->ctx, "foo", text, sizeof(text), NULL);
	assert_int_equal(n, 5);
	assert_string_equal(text, "mounted on /mnt/x y in the mount namespace of pid 1, "
			    "mounted on /btr in the mount namespace of pid 1, "
			    "swap on /dev/vdb1, used by md0, "
			    "used by dm-0 (vg-lv)");
	assert_int_equal(vdu_holders(tree->ctx, "foo", text, 40, NULL), 5);
	assert_string_equal(text, " ...");
}

static void holder_of_a_vhost_node_is_named(void **state)
{
	struct tree *tree = *state;
	char text[300], own_pid[64];

	add_device(tree, "vm", "240:1\n");
	attach(tree, "vm", "vhost_vdpa");
	put(tree, "1:3\n", "/sys/class/vduse/vm/vm/vhost-vdpa-0/dev");
	(void)snprintf(own_pid, sizeof(own_pid), "/proc/%d/fd/9", getpid());
	link_to(tree, "/dev/null", "%s", own_pid);
	assert_int_equal(vdu_holders(tree->ctx, "vm", text, sizeof(text),
				     NULL), 0);
	add_opener(tree, 78, "/dev/null");
	add_opener(tree, 79, "/dev/zero");
	assert_int_equal(vdu_holders(tree->ctx, "vm", text, sizeof(text),
				     NULL), 1);
	assert_string_equal(text, "open in pid 78 (a server)");
}

#define AUTOPROBE "/sys/bus/vdpa/drivers_autoprobe"

static void autoprobe_is(struct tree *tree, char first, bool record)
{
	char text[16];

	assert_true(vdu__read_at(tree->ctx, text, sizeof(text), AUTOPROBE) > 0);
	assert_int_equal(text[0], first);
	assert_int_equal(vdu__exists(tree->ctx, VDU_RUN_DIR "/.autoprobe"),
			 record);
}

static void autoprobe_comes_back(void **state)
{
	struct tree *tree = *state;
	struct vdu__autoprobe guard;

	put(tree, "1\n", AUTOPROBE);
	put(tree, "", VDU_RUN_DIR "/lock");
	assert_int_equal(vdu__autoprobe_off(tree->ctx, &guard, NULL), 0);
	autoprobe_is(tree, '0', true);
	/* As if we were killed here: the next one mends it. */
	assert_int_equal(vdu__autoprobe_off(tree->ctx, &guard, NULL), 0);
	autoprobe_is(tree, '0', true);
	vdu__autoprobe_restore(&guard);
	autoprobe_is(tree, '1', false);

	/* The admin's own 0 stays. */
	put(tree, "0\n", AUTOPROBE);
	assert_int_equal(vdu__autoprobe_off(tree->ctx, &guard, NULL), 0);
	autoprobe_is(tree, '0', false);
	vdu__autoprobe_restore(&guard);
	autoprobe_is(tree, '0', false);
}

static void check_named(struct tree *tree, const char *name,
			struct vdu_check *ret)
{
	unsigned int i = 0;

	ret->size_of = sizeof(*ret);
	while (vdu_doctor_check(tree->ctx, i, ret) == 0) {
		if (!strcmp(ret->name, name))
			return;
		i++;
	}
	fail_msg("no check '%s'", name);
}

static void doctor_finds_what_is_wrong(void **state)
{
	struct tree *tree = *state;
	struct vdu_check check;

	check_named(tree, "devices", &check);
	assert_int_equal(check.status, VDU_CHECK_OK);
	check_named(tree, "leftovers", &check);
	assert_int_equal(check.status, VDU_CHECK_OK);

	add_device(tree, "foo", "240:1\n");
	own(tree, "foo", false);
	check_named(tree, "devices", &check);
	assert_int_equal(check.status, VDU_CHECK_WARN);
	assert_string_equal(check.detail, "without a server: foo");
	put(tree, "", VDU_RUN_DIR "/foo/broken");
	check_named(tree, "devices", &check);
	assert_int_equal(check.status, VDU_CHECK_FAIL);
	assert_string_equal(check.detail, "broken: foo");

	own(tree, "left", false);
	check_named(tree, "leftovers", &check);
	assert_int_equal(check.status, VDU_CHECK_WARN);
	assert_non_null(strstr(check.detail, "left"));

	put(tree, "0\n", AUTOPROBE);
	check_named(tree, "autoprobe", &check);
	assert_int_equal(check.status, VDU_CHECK_WARN);
	put(tree, "2\n", "/proc/sys/kernel/io_uring_disabled");
	check_named(tree, "io_uring", &check);
	assert_int_equal(check.status, VDU_CHECK_FAIL);
	put(tree, "none [integrity] confidentiality\n",
	    "/sys/kernel/security/lockdown");
	check_named(tree, "lockdown", &check);
	assert_int_equal(check.status, VDU_CHECK_WARN);
	check_named(tree, "module-vhost_vdpa", &check);
	assert_int_equal(check.status, VDU_CHECK_FAIL);
	put(tree, "", "/sys/module/vhost_vdpa/refcnt");
	check_named(tree, "module-vhost_vdpa", &check);
	assert_int_equal(check.status, VDU_CHECK_OK);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(no_module_no_devices),
		TEST(names_sort_by_number),
		TEST(foreign_disk_is_read_from_sysfs),
		TEST(our_disk_is_what_its_spec_says),
		TEST(damaged_spec_still_lists),
		TEST(every_state_has_its_cause),
		TEST(vhost_node_and_unknown_driver),
		TEST(what_is_no_device_is_not_found),
		TEST(dead_server_forbids_unbind),
		TEST(holders_of_every_kind),
		TEST(holder_of_a_vhost_node_is_named),
		TEST(autoprobe_comes_back),
		TEST(doctor_finds_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
