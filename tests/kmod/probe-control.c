// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Conformance probe: the control node, names and attributes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe.h"

static long undo(long ret, const char *name)
{
	int error = errno;

	if (!ret)
		destroy(name);
	errno = error;
	return ret;
}

static void try_config(const char *key, const struct vduse_dev_config *config)
{
	say(key, undo(create(config), config->name));
}

#define TRY(key, change) do {						\
	struct vduse_dev_config *config = block_config();		\
									\
	change;								\
	try_config(key, config);					\
} while (0)

static void probe_create_fields(void)
{
	TRY("create.good", (void)0);
	TRY("create.reserved", config->reserved[12] = 1);
	TRY("create.align=0", config->vq_align = 0);
	TRY("create.align=2", config->vq_align = 2);
	TRY("create.align=4", config->vq_align = 4);
	TRY("create.align=12", config->vq_align = 12);
	TRY("create.align=8192", config->vq_align = 8192);
	TRY("create.config_size=0", config->config_size = 0);
	TRY("create.config_size=4096", config->config_size = 4096);
	TRY("create.config_size=4097", config->config_size = 4097);
	TRY("create.vq_num=0", config->vq_num = 0);
	TRY("create.vq_num=0x10000", config->vq_num = 0x10000);
	TRY("create.device_id=0", config->device_id = 0);
	TRY("create.device_id=1", config->device_id = 1);
	TRY("create.device_id=3", config->device_id = 3);
	TRY("create.device_id=26", config->device_id = 26);
	TRY("create.features=0", config->features = 0);
	TRY("create.legacy", config->features = 1ULL << 33);
	TRY("create.config_wce", config->features |= 1ULL << 11);
	TRY("create.net.ctrl_vq",
	    config->device_id = 1; config->features |= 1ULL << 17);
	TRY("create.net.legacy",
	    config->device_id = 1; config->features = 1ULL << 33);
	TRY("create.net.wce",
	    config->device_id = 1; config->features |= 1ULL << 11);
}

void probe_control(void)
{
	uint64_t version = 0;
	struct stat st;
	int fd;

	if (!stat("/dev/vduse/control", &st))
		say_text("control.mode", "%o", st.st_mode & 07777);
	say("version.get", ioctl(control(), VDUSE_GET_API_VERSION, &version));
	say_text("version", "%llu", (unsigned long long)version);
	version = 0;
	say("version.set=0", ioctl(control(), VDUSE_SET_API_VERSION, &version));
	version = 99;
	say("version.set=99", ioctl(control(), VDUSE_SET_API_VERSION, &version));
	say("version.bad", ioctl(control(), VDUSE_GET_API_VERSION, 8));
	say("control.unknown", ioctl(control(), _IO(VDUSE_BASE, 0x77), 0));
	say("create.bad", ioctl(control(), VDUSE_CREATE_DEV, 8));
	say("destroy.bad", ioctl(control(), VDUSE_DESTROY_DEV, 8));
	say("destroy.unknown", destroy("nothing"));

	probe_create_fields();

	fd = make_device();
	if (!stat("/dev/vduse/" PROBE_NAME, &st))
		say_text("device.mode", "%o", st.st_mode & 07777);
	say("create.duplicate", create(block_config()));
	say("open.second", open("/dev/vduse/" PROBE_NAME, O_RDWR));
	say("destroy.open", destroy(PROBE_NAME));
	close(fd);
	say("destroy", destroy(PROBE_NAME));
	say("destroy.again", destroy(PROBE_NAME));
}

static void try_name(const char *key, const char *name)
{
	struct vduse_dev_config *config = block_config();

	/* One that fills the field goes without its NUL. */
	memset(config->name, 0, sizeof(config->name));
	memcpy(config->name, name, strnlen(name, sizeof(config->name)));
	try_config(key, config);
}

/* The stock module dumps its stack at "control": that name is left out. */
void probe_names(void)
{
	static const char * const names[] = {
		"", ".", "..", "a/b", "/", "vq0", "vq1", "vq01", "vq", "vqx",
		"power", "uevent", "dev", "subsystem", "msg_timeout",
		"bounce_size", "a b", "-", "_", "ext",
	};
	char key[300], longest[VDUSE_NAME_MAX + 1];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(key, sizeof(key), "name \"%s\"", names[i]);
		try_name(key, names[i]);
	}
	memset(longest, 'x', VDUSE_NAME_MAX);
	longest[VDUSE_NAME_MAX] = '\0';
	try_name("name of 256", longest);
}

static void try_attr(const char *attr, const char *value)
{
	char key[128];

	snprintf(key, sizeof(key), "%s=\"%s\"", attr, value);
	say(key, attr_write(attr, value));
	attr_say(attr, attr);
}

void probe_attrs(void)
{
	static const char * const timeouts[] = {
		"0", "5", "4294967295", "4294967296", "-1", "x", "", "0x10",
	};
	static const char * const sizes[] = {
		"1048576", "1048575", "1073741824", "1073741825", "5000000",
		"x", "0",
	};
	static const char * const masks[] = {
		"1", "2", "3", "0", "x", "100000000,00000000,00000000",
	};
	int fd = make_device();

	attr_say("msg_timeout", "msg_timeout");
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(*timeouts); i++)
		try_attr("msg_timeout", timeouts[i]);
	attr_say("bounce_size", "bounce_size");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		try_attr("bounce_size", sizes[i]);
	attr_say("vq0/irq_cb_affinity", "vq0/irq_cb_affinity");
	for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++)
		try_attr("vq0/irq_cb_affinity", masks[i]);
	drop_device(fd);
}
