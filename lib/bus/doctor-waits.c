// SPDX-License-Identifier: LGPL-2.1-or-later
/* Checks of what our module tells: is it ours, and what waits for a server? */
#include <linux/virtio_config.h>
#include <stdio.h>
#include <string.h>

#include <vduse/module.h>

#include "lib/bus/doctor.h"
#include "lib/kernel/info.h"

/* No server that lives takes so long. */
#define OLD_NS UINT64_C(5000000000)

/* A list of names, cut where there is no room; from an empty text. */
static void append(char *text, size_t size, const char *name)
{
	size_t len = strlen(text);

	if (snprintf(text + len, size - len, "%s%s", len ? ", " : "",
		     name) < 0)
		text[len] = '\0';
}

void vdu__check_extensions(struct vdu_ctx *ctx, struct vdu_check *check)
{
	CLEANUP_CLOSE int fd = vdu__ext_open(ctx);
	char text[128] = "";
	uint64_t has;

	if (fd == -ENOENT || fd == -EOPNOTSUPP) {
		vdu__check_set(check, VDU_CHECK_OK, NULL, fd == -ENOENT ?
			       "the module is not loaded" :
			       "none, as of the stock module: no abort, and a late server breaks its device");
		return;
	}
	if (fd < 0) {
		vdu__check_set(check, VDU_CHECK_WARN, "see control-node",
			       "cannot ask: %s", strerror(-fd));
		return;
	}
	has = vdu__ext_get(fd);
	for (unsigned int bit = 0; vdu_extension_name(bit); bit++)
		if (has >> bit & 1)
			append(text, sizeof(text), vdu_extension_name(bit));
	vdu__check_set(check, VDU_CHECK_OK, NULL, "%s", text);
}

static bool has_old(const struct vduse_ext_info *info,
		    const struct vduse_ext_message *oldest)
{
	return info->n_messages && oldest->age_ns >= OLD_NS;
}

static bool needs_reset(const struct vduse_ext_info *info,
			const struct vduse_ext_message *oldest)
{
	(void)oldest;
	return info->status & VIRTIO_CONFIG_S_NEEDS_RESET;
}

static bool is_late(const struct vduse_ext_info *info,
		    const struct vduse_ext_message *oldest)
{
	(void)oldest;
	return info->flags & VDUSE_EXT_I_LATE;
}

static bool is_aborted(const struct vduse_ext_info *info,
		       const struct vduse_ext_message *oldest)
{
	(void)oldest;
	return info->flags & VDUSE_EXT_I_ABORTED;
}

/* What each check is about, by its name in the table of checks. */
static const struct condition {
	const char *check;
	bool (*is)(const struct vduse_ext_info *info,
		   const struct vduse_ext_message *oldest);
	enum vdu_check_status status;
	const char *what, *remedy;
} conditions[] = {
	{ "old-messages", has_old, VDU_CHECK_WARN,
	  "messages that no server answers",
	  "vdusectl show --messages NAME; vdusectl restart NAME, or vdusectl abort NAME" },
	{ "needs-reset", needs_reset, VDU_CHECK_FAIL,
	  "broken until a server and a reset mend them",
	  "vdusectl start NAME, then vdusectl unbind NAME and bind it again" },
	{ "late-servers", is_late, VDU_CHECK_WARN,
	  "the last answer did not come in time", "vdusectl restart NAME" },
	{ "aborted", is_aborted, VDU_CHECK_WARN,
	  "aborted, and not served since", "vdusectl start NAME" },
};

/* The next device behind io->cursor, with its oldest message. */
static int next_device(int fd, struct vduse_ext_info *io,
		       struct vduse_ext_message *oldest)
{
	*io = (struct vduse_ext_info){
		.cursor = io->cursor,
		.messages = (uintptr_t)oldest,
		.n_messages = 1,
	};
	return vdu__info_get(fd, io);
}

void vdu__check_waits(struct vdu_ctx *ctx, struct vdu_check *check)
{
	CLEANUP_CLOSE int fd = vdu__ext_open(ctx);
	const struct condition *condition = conditions;
	struct vduse_ext_message oldest = { 0 };
	struct vduse_ext_info info = { 0 };
	char text[160] = "";

	while (strcmp(condition->check, check->name) != 0)
		condition++;
	if (fd < 0) {
		vdu__check_set(check, VDU_CHECK_OK, NULL, fd == -EOPNOTSUPP ?
			       "the stock module does not tell" :
			       "not known");
		return;
	}
	while (next_device(fd, &info, &oldest) == 0)
		if (condition->is(&info, &oldest))
			append(text, sizeof(text), info.name);
	if (text[0])
		vdu__check_set(check, condition->status, condition->remedy,
			       "%s: %s", condition->what, text);
	else
		vdu__check_set(check, VDU_CHECK_OK, NULL, "none");
}
