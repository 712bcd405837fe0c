// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What to do about an error. The library states facts; advice is here. The
 * first row that fits wins; 0 as errno and NULL as command fit all; "{}" is
 * the device.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "cli/message.h"

struct hint {
	int stage;		/* VDU_STAGE_NONE: any */
	int code;
	const char *command;
	const char *text;
};

static const struct hint hints[] = {
	{ VDU_STAGE_DEVICE, EPERM, "restart",
	  "'vdusectl destroy --force {}' removes it: nothing makes it work again" },
	{ VDU_STAGE_NONE, EPERM, NULL,
	  "this needs root: try it with sudo" },
	{ VDU_STAGE_NONE, EACCES, NULL,
	  "this needs root: try it with sudo" },
	{ VDU_STAGE_MODULE, EOPNOTSUPP, "abort",
	  "that takes the vduse module of this project ('vdusectl doctor'); 'vdusectl unbind --force {}' ends its server and what waits for it" },
	{ VDU_STAGE_MODULE, EOPNOTSUPP, NULL,
	  "that takes the vduse module of this project: 'vdusectl doctor' says which one is loaded" },
	{ VDU_STAGE_MODULE, 0, NULL,
	  "'vdusectl doctor' says what is missing here, and the command that mends it" },
	{ VDU_STAGE_STATE, EEXIST, "create",
	  "'vdusectl show {}' tells what is there; choose another name, or destroy it first" },
	{ VDU_STAGE_BACKEND, EEXIST, "create",
	  "remove that file if nobody needs it, use it with --backend file:PATH, or choose another name" },
	{ VDU_STAGE_LOOKUP, EEXIST, "create",
	  "'vdusectl restore {}' brings it back, 'vdusectl destroy {}' forgets it" },
	{ VDU_STAGE_NONE, EEXIST, "create",
	  "choose another name, or say --if-not-exists to accept an equal device" },
	{ VDU_STAGE_LOOKUP, ENOENT, "destroy",
	  "'vdusectl list' shows the devices; --if-exists accepts that there is none" },
	{ VDU_STAGE_STATE, EEXIST, "restore",
	  "'vdusectl set {} persist=yes' records what is there; or destroy it first" },
	{ VDU_STAGE_STATE, EBADMSG, "restore",
	  "mend that file (it must be root's, with mode 0600), or remove it" },
	{ VDU_STAGE_LOOKUP, ENOENT, "restore",
	  "'ls /etc/vdusectl/devices' shows the persistent devices" },
	{ VDU_STAGE_LOOKUP, 0, NULL,
	  "'vdusectl list' shows the devices" },
	{ VDU_STAGE_HOLDER, 0, NULL,
	  "end that use (umount, swapoff, stop the VM), then try again" },
	{ VDU_STAGE_SERVER, ETIMEDOUT, "destroy",
	  "--force ends a server that does not answer, and gives errors to I/O" },
	{ VDU_STAGE_SERVER, ETIMEDOUT, "unbind",
	  "--force ends a server that does not answer, and gives errors to I/O" },
	{ VDU_STAGE_SERVER, EBUSY, "destroy",
	  "'vdusectl start {}' starts its server, if the device is one of ours; --force needs none" },
	{ VDU_STAGE_BIND, EBUSY, "bind",
	  "'vdusectl bind --rebind' takes it from the other driver" },
	{ VDU_STAGE_BIND, ENOTCONN, "bench",
	  "'vdusectl bind virtio {}' gives it a node on this host" },
	{ VDU_STAGE_BIND, EOPNOTSUPP, "bench",
	  "measure it in the VM: 'man vdusectl-bench' has a job for fio" },
	{ VDU_STAGE_BIND, ENODEV, NULL,
	  "'modprobe virtio_vdpa' or 'modprobe vhost_vdpa' loads the driver" },
	{ VDU_STAGE_BACKEND, EBUSY, NULL,
	  "another device or process uses that file: give each device its own" },
	{ VDU_STAGE_BACKEND, ENODATA, NULL,
	  "'vdusectl unbind --force {}' takes the driver away; then 'vdusectl start {}' begins with zeroes" },
	{ VDU_STAGE_STATE, ENODATA, NULL,
	  "'vdusectl unbind --force {}' ends what is in flight with errors; then 'vdusectl start {}' works" },
	{ VDU_STAGE_SERVER, EOPNOTSUPP, "dump",
	  "the vduse module of this project tells of foreign devices, too: 'vdusectl doctor' says which one is loaded" },
	{ VDU_STAGE_SERVER, EOPNOTSUPP, NULL,
	  "start it with the version of vdusectl that its driver began under, or 'vdusectl unbind --force {}'" },
	{ VDU_STAGE_BACKEND, ENOENT, "create",
	  "create the file first: truncate -s 10G FILE" },
	{ VDU_STAGE_BACKEND, ENOSPC, NULL,
	  "make room, choose a smaller --size or another file system" },
	{ VDU_STAGE_SERVER, EBUSY, "bind",
	  "'vdusectl start {}' starts its server, if the device is one of ours" },
	{ VDU_STAGE_SERVER, EBUSY, "unbind",
	  "'vdusectl start {}' starts its server, if the device is one of ours; --force needs none" },
	{ VDU_STAGE_SERVER, ENOENT, NULL,
	  "nobody serves '{}': 'vdusectl start {}' starts its server" },
	{ VDU_STAGE_SERVER, ETIMEDOUT, NULL,
	  "the server does not answer: 'vdusectl show {}' says what is known, --timeout waits longer" },
	{ VDU_STAGE_NONE, ETIMEDOUT, NULL,
	  "--timeout 2min waits longer; 'vdusectl show {}' says what is known" },
};

const char *hint_for(const char *command, const struct vdu_error *err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hints); i++) {
		const struct hint *hint = &hints[i];

		if ((hint->stage && hint->stage != err->stage) ||
		    (hint->code && hint->code != -err->code))
			continue;
		if (hint->command &&
		    (!command || strcmp(hint->command, command)))
			continue;
		return hint->text;
	}
	return NULL;
}
