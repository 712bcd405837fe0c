// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Whether to try a thing that pays or is wasted, which nobody knows before: each
 * time that it was wasted in a row it is left out twice as often.
 */
#pragma once

#include <stdbool.h>

#define VDU_PACE_MAX 256U

struct vdu__pace {
	unsigned int skip;	/* so many times from now on */
	unsigned int step;	/* so many after the next miss; 0: 1 */
};

static inline bool vdu__pace_may(struct vdu__pace *pace)
{
	if (!pace->skip)
		return true;
	pace->skip--;
	return false;
}

static inline void vdu__pace_paid(struct vdu__pace *pace)
{
	pace->step = 0;
}

static inline void vdu__pace_missed(struct vdu__pace *pace)
{
	pace->step = pace->step ? pace->step * 2 : 1;
	if (pace->step > VDU_PACE_MAX)
		pace->step = VDU_PACE_MAX;
	pace->skip = pace->step;
}
