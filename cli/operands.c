// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands on one or several devices, named or understood. */
#include "cli/operands.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/device.h"
#include "cli/message.h"
#include "cli/text.h"

const char *operand_problem(const char *name)
{
	if (!*name)
		return "is empty";
	if (strchr(name, '/'))
		return "has a '/'";
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return "is a directory";
	if (!strcmp(name, "control"))
		return "is the control node, not a device";
	if (strlen(name) > NAME_MAX)
		return "is longer than 255 bytes";
	for (; *name; name++)
		if ((unsigned char)*name < 0x20 || *name == 0x7f)
			return "has a control character";
	return NULL;
}

bool device_is_bound(struct vdu_dev *dev)
{
	return vdu_dev_driver(dev)[0] || vdu_dev_attached(dev) == 1;
}

bool device_is_unbound(struct vdu_dev *dev)
{
	return !vdu_dev_driver(dev)[0];
}

bool device_is_ours_or_dead(struct vdu_dev *dev)
{
	return device_is_ours(dev) || !vdu_dev_pid(dev);
}

int operand_understood(struct cli *cli, device_test fits, const char *what,
		       char **ret)
{
	CLEANUP_LIST struct vdu_list *list = NULL;
	struct vdu_error err = { 0 };
	struct vdu_dev *dev, *found = NULL;
	char names[300] = "";
	size_t n = 0, used = 0;

	if (vdu_list_new(cli->ctx, &list, &err))
		return message_error(cli, NULL, &err);
	for (dev = vdu_list_first(list); dev; dev = vdu_list_next(list, dev)) {
		if (!fits(dev))
			continue;
		if (used < sizeof(names))
			used += (size_t)snprintf(names + used,
						 sizeof(names) - used, "%s%s",
						 n ? ", " : "",
						 vdu_dev_name(dev));
		found = dev;
		n++;
	}
	if (!n)
		return message_fail(cli, NULL, VDU_STAGE_LOOKUP, -ENOENT,
				    "no device is %s", what);
	if (n > 1)
		return message_usage(cli, "NAME is missing: %zu devices are %s: %s",
				     n, what, names);
	*ret = strdup(vdu_dev_name(found));
	if (!*ret)
		return message_fail(cli, NULL, VDU_STAGE_NONE, -ENOMEM,
				    "out of memory");
	message_step(cli, "understood NAME as %s", *ret);
	return EXIT_OK;
}

int operand_all(struct cli *cli, device_test fits, char ***ret, size_t *ret_n)
{
	CLEANUP_LIST struct vdu_list *list = NULL;
	struct vdu_error err = { 0 };
	struct vdu_dev *dev;
	size_t n = 0, bytes = 0;
	char *text;

	if (vdu_list_new(cli->ctx, &list, &err))
		return message_error(cli, NULL, &err);
	for (dev = vdu_list_first(list); dev; dev = vdu_list_next(list, dev))
		if (fits(dev)) {
			bytes += sizeof(char *) + strlen(vdu_dev_name(dev)) + 1;
			n++;
		}
	*ret = malloc(bytes + 1);
	if (!*ret)
		return message_fail(cli, NULL, VDU_STAGE_NONE, -ENOMEM,
				    "out of memory");
	text = (char *)(*ret + n);
	*ret_n = 0;
	for (dev = vdu_list_first(list); dev; dev = vdu_list_next(list, dev))
		if (fits(dev)) {
			(*ret)[(*ret_n)++] = text;
			text = stpcpy(text, vdu_dev_name(dev)) + 1;
		}
	return EXIT_OK;
}

int operand_or_all(struct cli *cli, bool all, bool name_needed)
{
	if (all && cli->n_operands)
		return message_usage(cli, "--all and NAME exclude each other");
	if (!all && name_needed && !cli->n_operands)
		return message_usage(cli, "NAME is missing");
	return EXIT_OK;
}

static int one(struct cli *cli, const char *name, device_action action,
	       void *data)
{
	const char *problem = operand_problem(name);
	struct vdu_error err = { 0 };

	if (problem)
		return message_fail(cli, name, VDU_STAGE_USAGE, -EINVAL,
				    "name '%s' %s", name, problem);
	cli_restart_clock(cli, DEFAULT_TIMEOUT_MS);
	err.code = action(cli, name, data, &err);
	if (!err.code)
		return EXIT_OK;
	return message_error(cli, name, &err);
}

int operands_each(struct cli *cli, const char *const *names, size_t n,
		  device_action action, void *data)
{
	enum exit_code code = EXIT_OK;
	size_t i;

	for (i = 0; i < n && !vdu_ctx_cancelled(cli->ctx); i++)
		code = exit_merge(code, (enum exit_code)one(cli, names[i],
							    action, data));
	if (i == n && code == EXIT_OK)
		cli_done();
	return code;
}

struct json_object *result_row(const char *name, const char *node)
{
	struct json_object *row = json_object_new_object();

	row_text(row, "name", name);
	row_text(row, "node", node);
	return row;
}

int results_print(struct cli *cli, struct json_object *rows, const char *key)
{
	const struct section section = { &kind_results, rows };
	size_t i;

	if (output_for_programs(cli))
		return output_sections(cli, NULL, &section, 1);
	if (cli->globals.quiet || !key)
		return EXIT_OK;
	for (i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *word = json_object_object_get(
			json_object_array_get_idx(rows, i), key);

		if (word)
			(void)puts(json_object_get_string(word));
	}
	return EXIT_OK;
}
