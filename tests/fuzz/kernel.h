// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel's side of a device: messages are what the caller sends on the
 * descriptor, ioctls are answered as the input says.
 */
#pragma once

#include "tests/fuzz/server.h"

/* Or the stock module; the target says, before each input. */
extern bool kernel_is_ours;

/* Give the server a device and an IOTLB; returns the kernel's end. */
int kernel_open(struct vdu__server *server, struct fuzz *in);
/* The driver writes something somewhere. */
void kernel_scribble(void);
