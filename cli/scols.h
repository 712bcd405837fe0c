// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libsmartcols, loaded by who prints a table: to find its symbols takes longer
 * than most commands do, and the server prints none.
 */
#pragma once

#include <libsmartcols.h>

#define SCOLS_FUNCTIONS(do) \
	do(new_table) do(unref_table) do(print_table) \
	do(table_new_column) do(table_new_line) \
	do(table_enable_noheadings) do(table_enable_colors) \
	do(line_set_data) do(line_get_cell) do(cell_set_color)

#define SCOLS_MEMBER(name) __typeof__(&scols_##name) name;
struct scols {
	SCOLS_FUNCTIONS(SCOLS_MEMBER)
};
#undef SCOLS_MEMBER

/* The library, which stays loaded; NULL: there is none. */
const struct scols *scols_load(void);
