// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records of persistent devices: who may change and remove them. The host is
 * made up; what cannot be written there has a directory in its place.
 */
#include "tests/unit/supervised.h"

#include <linux/capability.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include <vduse/inspect.h>
#include <vduse/persist.h>

#include "lib/kernel/persist.h"

#define RECORD VDU_PERSIST_DIR "/d.json"
#define DEVICE "/sys/class/vduse/d"

static const char *whole(struct fixture *f, const char *path)
{
	static char buf[PATH_MAX];

	(void)snprintf(buf, sizeof(buf), "%s%s", f->root, path);
	return buf;
}

static bool there(struct fixture *f, const char *path)
{
	struct stat st;

	return lstat(whole(f, path), &st) == 0;
}

static void make_dir(struct fixture *f, const char *path)
{
	assert_int_equal(vdu__mkdir_p(whole(f, path), 0755), 0);
}

static void shell(const char *command, const char *path)
{
	char text[PATH_MAX + 40];

	(void)snprintf(text, sizeof(text), "%s '%s'", command, path);
	assert_int_equal(system(text), 0);
}

static void remove_all(struct fixture *f, const char *path)
{
	shell("rm -rf", whole(f, path));
}

static void make_device(struct fixture *f)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s" DEVICE, f->root);
	assert_int_equal(vdu__mkdir_p(path, 0755), 0);
	tell(f, DEVICE "/dev", "250:7\n");
}

/* What is in a file, up to a few KiB. */
static const char *content(struct fixture *f, const char *path)
{
	static char text[8192];

	assert_true(vdu__read_file(whole(f, path), text, sizeof(text)) >= 0);
	return text;
}

static struct vdu__spec_file spec_of(struct fixture *f)
{
	struct vdu__spec_file file;

	assert_int_equal(vdu__spec_load(f->ctx, "d", &file, NULL), 0);
	return file;
}

/* Recorded as bound, which it is not: as bind has left it. */
static void persist(struct fixture *f)
{
	char command[200];

	assert_int_equal(vdu_persist(f->ctx, "d", true, NULL), 0);
	(void)snprintf(command, sizeof(command), "sed -i '%s'",
		       "s/\"bind\":\"\"/\"bind\":\"virtio\"/");
	shell(command, whole(f, RECORD));
}

static struct vdu__persist recorded(struct fixture *f)
{
	struct vdu__persist record;
	struct vdu_error err = { 0 };

	if (vdu__persist_load(f->ctx, "d", &record, &err) < 0)
		fail_msg("%s", err.text);
	return record;
}

/* A default image, with data. */
static void give_image(struct fixture *f)
{
	struct vdu__spec_file file = spec_of(f);

	make_dir(f, VDU_STATE_DIR);
	tell(f, VDU_STATE_DIR "/d.img", "data");
	(void)snprintf(file.spec.backend, sizeof(file.spec.backend), "file");
	(void)snprintf(file.spec.serial, sizeof(file.spec.serial), "d");
	(void)snprintf(file.spec.path, sizeof(file.spec.path), "%s",
		       whole(f, VDU_STATE_DIR "/d.img"));
	file.spec.image_owned = 1;
	assert_int_equal(vdu__spec_save(f->ctx, &file, NULL), 0);
}

/* --- repair --------------------------------------------------------------- */

struct told {
	unsigned int n, left_alone;
};

static void on_orphan(void *data, const struct vdu_orphan *orphan,
		      const struct vdu_error *err)
{
	struct told *told = data;

	(void)orphan;
	told->n++;
	told->left_alone += err != NULL;
}

static struct told repair(struct fixture *f)
{
	struct told told = { 0 };

	vdu_ctx_set_timeout(f->ctx, DEADLINE_MS);
	assert_int_equal(vdu_doctor_repair(f->ctx, 0, on_orphan, &told, NULL),
			 0);
	return told;
}

static void repair_clears_files_but_no_record(void **state)
{
	struct fixture *f = *state;

	give_image(f);
	persist(f);
	remove_all(f, DEVICE);
	assert_int_equal(repair(f).left_alone, 0);
	assert_false(there(f, "/run/vdusectl/d"));
	assert_true(there(f, RECORD));
	assert_true(there(f, VDU_STATE_DIR "/d.img"));
}

/* One that is over, with its effect, when repair comes to have the lock. */
struct command {
	struct fixture *f;
	void (*effect)(struct fixture *f);
	int lock;
};

static void *end_command(void *arg)
{
	struct command *command = arg;

	(void)poll(NULL, 0, 100);
	command->effect(command->f);
	(void)close(command->lock);
	return NULL;
}

static void repair_amid(struct fixture *f, void (*effect)(struct fixture *f))
{
	struct command command = {
		f, effect,
		open(whole(f, "/run/vdusectl/d/lock"), O_RDWR | O_CLOEXEC),
	};
	pthread_t thread;
	struct told told;

	assert_int_equal(flock(command.lock, LOCK_EX), 0);
	assert_int_equal(pthread_create(&thread, NULL, end_command, &command),
			 0);
	told = repair(f);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.left_alone, 1);
}

static void repair_leaves_what_create_has_just_made(void **state)
{
	struct fixture *f = *state;
	pid_t served;

	start(f);
	served = server(f);
	remove_all(f, DEVICE);
	repair_amid(f, make_device);
	assert_true(there(f, "/run/vdusectl/d/spec.json"));
	assert_int_equal(server(f), served);
}

static void bind_device(struct fixture *f)
{
	assert_int_equal(symlink("../../../../bus/vdpa/drivers/vhost_vdpa",
				 whole(f, DEVICE "/d/driver")), 0);
}

static void repair_leaves_what_bind_has_just_bound(void **state)
{
	struct fixture *f = *state;

	make_dir(f, DEVICE "/d");
	tell(f, DEVICE "/d/driver_override", "");
	make_dir(f, "/sys/bus/vdpa/drivers/vhost_vdpa");
	tell(f, "/sys/bus/vdpa/drivers/vhost_vdpa/unbind", "");
	/* Unbinding would need no server. */
	tell(f, "/run/vdusectl/d/broken", "");
	repair_amid(f, bind_device);
	assert_string_equal(content(f, "/sys/bus/vdpa/drivers/vhost_vdpa/unbind"),
			    "");
}

/* --- destroy -------------------------------------------------------------- */

static void destroy_keeps_the_image_if_the_record_stays(void **state)
{
	struct fixture *f = *state;

	give_image(f);
	make_dir(f, RECORD);
	remove_all(f, DEVICE);
	assert_true(vdu_destroy(f->ctx, "d", 0, NULL) < 0);
	assert_true(there(f, VDU_STATE_DIR "/d.img"));
}

/* Whether root may write where nobody may. */
static void be_mighty(bool mighty)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	uint32_t bit = CAP_TO_MASK(CAP_DAC_OVERRIDE);

	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	data[0].effective = mighty ? data[0].permitted :
				     data[0].effective & ~bit;
	assert_int_equal(syscall(SYS_capset, &header, data), 0);
}

/* It was not restored. */
static void forgetting_keeps_the_image_if_the_record_stays(void **state)
{
	struct fixture *f = *state;

	give_image(f);
	persist(f);
	remove_all(f, DEVICE);
	remove_all(f, "/run/vdusectl/d");
	assert_int_equal(chmod(whole(f, VDU_PERSIST_DIR), 0555), 0);
	be_mighty(false);
	assert_true(vdu_destroy(f->ctx, "d", 0, NULL) < 0);
	be_mighty(true);
	assert_int_equal(chmod(whole(f, VDU_PERSIST_DIR), 0755), 0);
	assert_true(there(f, VDU_STATE_DIR "/d.img"));
	assert_int_equal(vdu_destroy(f->ctx, "d", 0, NULL), 0);
	assert_false(there(f, VDU_STATE_DIR "/d.img"));
}

/* --- set ------------------------------------------------------------------ */

static void set_changes_nothing_if_the_record_cannot_be_written(void **state)
{
	const char *texts[] = { "on-death=fail=5", "persist=yes" };
	struct fixture *f = *state;

	make_dir(f, RECORD);
	assert_true(vdu_set(f->ctx, "d", texts, 2, NULL) < 0);
	assert_int_equal(spec_of(f).spec.on_death, VDU_ON_DEATH_QUEUE);
}

static void set_changes_no_record_if_the_spec_cannot_be_written(void **state)
{
	const char *yes[] = { "on-death=fail=5", "persist=yes" };
	const char *no[] = { "on-death=fail=5", "persist=no" };
	struct fixture *f = *state;
	char before[8192];

	make_dir(f, "/run/vdusectl/d/spec.json.new");
	assert_true(vdu_set(f->ctx, "d", yes, 2, NULL) < 0);
	assert_false(there(f, RECORD));
	remove_all(f, "/run/vdusectl/d/spec.json.new");
	give_image(f);
	persist(f);
	strcpy(before, content(f, RECORD));
	make_dir(f, "/run/vdusectl/d/spec.json.new");
	assert_true(vdu_set(f->ctx, "d", yes, 2, NULL) < 0);
	assert_string_equal(content(f, RECORD), before);
	assert_true(vdu_set(f->ctx, "d", no, 2, NULL) < 0);
	assert_string_equal(content(f, RECORD), before);
	assert_true(vdu_set(f->ctx, "d", yes, 1, NULL) < 0);
	assert_string_equal(content(f, RECORD), before);
}

static void set_counts_though_the_record_stays(void **state)
{
	struct fixture *f = *state;
	char before[8192];

	give_image(f);
	persist(f);
	strcpy(before, content(f, RECORD));
	assert_int_equal(chmod(whole(f, VDU_PERSIST_DIR), 0555), 0);
	be_mighty(false);
	set(f, "on-death=fail=5");
	be_mighty(true);
	assert_int_equal(spec_of(f).spec.fail_seconds, 5);
	assert_string_equal(content(f, RECORD), before);
}

/* --- what a record holds -------------------------------------------------- */

static void a_record_keeps_what_was_edited(void **state)
{
	struct fixture *f = *state;

	give_image(f);
	persist(f);
	shell("sed -i 's/\"queues\":1/\"queues\":2/'", whole(f, RECORD));
	set(f, "on-death=fail=5");
	assert_int_equal(recorded(f).file.spec.n_queues, 2);
	assert_int_equal(recorded(f).file.spec.fail_seconds, 5);
	assert_int_equal(recorded(f).driver, VDU_DRIVER_VIRTIO);
	assert_int_equal(vdu_unbind(f->ctx, "d", 0, NULL), 0);
	assert_int_equal(recorded(f).file.spec.n_queues, 2);
	assert_int_equal(recorded(f).driver, VDU_DRIVER_NONE);
}

static void a_damaged_record_is_left_alone(void **state)
{
	struct fixture *f = *state;

	give_image(f);
	persist(f);
	tell(f, RECORD, "{ half");
	set(f, "on-death=fail=5");
	assert_int_equal(spec_of(f).spec.fail_seconds, 5);
	assert_int_equal(vdu_unbind(f->ctx, "d", 0, NULL), 0);
	assert_string_equal(content(f, RECORD), "{ half");
}

static void a_path_of_any_bytes_is_recorded(void **state)
{
	static const char path[] = "/tmp/gr\xfc\xdf\x01\\\"e.img";
	struct fixture *f = *state;
	struct vdu__spec_file file;

	give_image(f);
	file = spec_of(f);
	file.spec.image_owned = 0;
	strcpy(file.spec.path, path);
	assert_int_equal(vdu__spec_save(f->ctx, &file, NULL), 0);
	persist(f);
	assert_string_equal(recorded(f).file.spec.path, path);
}

static int set_up_device(void **state)
{
	int r = set_up(state);

	make_device(*state);
	return r;
}

int main(int argc, char **argv)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up_device, tear_down)
	const struct CMUnitTest tests[] = {
		T(repair_clears_files_but_no_record),
		T(repair_leaves_what_create_has_just_made),
		T(repair_leaves_what_bind_has_just_bound),
		T(destroy_keeps_the_image_if_the_record_stays),
		T(forgetting_keeps_the_image_if_the_record_stays),
		T(set_changes_nothing_if_the_record_cannot_be_written),
		T(set_changes_no_record_if_the_spec_cannot_be_written),
		T(set_counts_though_the_record_stays),
		T(a_record_keeps_what_was_edited),
		T(a_damaged_record_is_left_alone),
		T(a_path_of_any_bytes_is_recorded),
	};

	if (argc > 2 && !strcmp(argv[1], "serve"))
		return serve(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
