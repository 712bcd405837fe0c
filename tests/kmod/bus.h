/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For long tests of the kernel module: the vDPA bus without the vdpa tool,
 * which would cost a process for each call. All return 0 or negative errno.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Ask for the netlink family once, before anything can hold it up. */
int bus_init(void);
int bus_attach(const char *name);
int bus_detach(const char *name);
/* Dump all devices with a command of the family; what comes is thrown away. */
int bus_dump(uint8_t command);
/* A command about one device. */
int bus_ask(uint8_t command, const char *name);

int write_text(const char *path, const char *text);
/* "bind" or "unbind" of a driver on the bus. */
int bus_driver(const char *driver, const char *action, const char *name);
int bus_override(const char *name, const char *driver);
/* The first path that fits below the device's directory on the bus. */
int bus_find(const char *name, const char *pattern, char *path, size_t size);
/* Number in the status file of the virtio device below it, or -errno. */
int bus_virtio_status(const char *name);
