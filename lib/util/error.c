// SPDX-License-Identifier: LGPL-2.1-or-later
/* Filling struct vdu_error: no allocation, so it works when memory is out. */
#include "lib/util/error.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const stage_names[VDU_STAGE_MAX] = {
	[VDU_STAGE_NONE] = "none",
	[VDU_STAGE_USAGE] = "usage",
	[VDU_STAGE_BACKEND] = "backend",
	[VDU_STAGE_MODULE] = "module",
	[VDU_STAGE_CONTROL] = "control",
	[VDU_STAGE_DEVICE] = "device",
	[VDU_STAGE_SERVER] = "server",
	[VDU_STAGE_ATTACH] = "attach",
	[VDU_STAGE_BIND] = "bind",
	[VDU_STAGE_UNBIND] = "unbind",
	[VDU_STAGE_NODE] = "node",
	[VDU_STAGE_HOLDER] = "holder",
	[VDU_STAGE_STATE] = "state",
	[VDU_STAGE_LOOKUP] = "lookup",
	[VDU_STAGE_CANCEL] = "cancel",
};

PUBLIC const char *vdu_stage_name(int stage)
{
	if (stage < 0 || stage >= VDU_STAGE_MAX)
		return "unknown";
	return stage_names[stage];
}

int vdu__fail(struct vdu_error *err, enum vdu_stage stage, int code,
	      const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	err->code = code;
	err->stage = stage;
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}
