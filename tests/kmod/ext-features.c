// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-ext: which features a driver may take, and must.
 */
#include <glob.h>
#include <linux/vhost.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ext-tests.h"
#include "ext.h"

#define PLAIN		(1ULL << 32 | 1ULL << 33)
#define RO		(1ULL << 5)	/* VIRTIO_BLK_F_RO */
#define NEVER		(1ULL << 7)	/* VIRTIO_BLK_F_SCSI, not offered */
#define UNHEARD_OF	(1ULL << 3)	/* no driver has it */

static bool refuses_features(const struct request *req)
{
	return req->type == VDUSE_SET_STATUS && req->status.status == 0xb;
}

/* As far as a driver comes with these features. */
static void take(int vhost, const char *what, uint64_t features)
{
	char key[64];

	check("driver", !vmm_set_status(vhost, 0) &&
	      vmm_set_status(vhost, 3) == 3);
	snprintf(key, sizeof(key), "%s: taken", what);
	see_result(key, ioctl(vhost, VHOST_SET_FEATURES, &features));
	snprintf(key, sizeof(key), "%s: status", what);
	see(key, "0x%x", vmm_set_status(vhost, 0xb));
}

/* A VMM is no virtio core: nobody looks at what it takes but the module. */
void test_features(void)
{
	const struct wish wish = {
		.extensions = VDUSE_EXT_FEATURES,
		.features = RO,
		.required = RO | 1ULL << 33,
	};
	int fd = device(PROBE_NAME, &wish), vhost;
	struct host host = { 0 };

	host_start(&host, fd);
	check("attach", !attach(PROBE_NAME, "vhost_vdpa"));
	vhost = vmm_open(PROBE_NAME);
	take(vhost, "never offered", PLAIN | RO | NEVER);
	take(vhost, "without one that is required", PLAIN);
	take(vhost, "none", 0);
	take(vhost, "all", PLAIN | RO);
	host.refuses = refuses_features;
	take(vhost, "refused by the server", PLAIN | RO);
	host.refuses = NULL;
	take(vhost, "all again", PLAIN | RO);
	if (own)
		see("driver features", "0x%llx",
		    (unsigned long long)info_of(PROBE_NAME).driver_features);
	close(vhost);
	check("detach", !detach(PROBE_NAME));
	host_stop(&host);
	device_end(PROBE_NAME, fd);
}

static int disks(const char *name)
{
	char pattern[300];
	glob_t found = { 0 };
	int count;

	snprintf(pattern, sizeof(pattern),
		 "/sys/bus/vdpa/devices/%s/virtio*/block/*", name);
	count = glob(pattern, 0, NULL, &found) ? 0 : (int)found.gl_pathc;
	globfree(&found);
	return count;
}

/* The driver of the kernel does not know what is required of it. */
void test_features_virtio(void)
{
	struct wish wish = {
		.extensions = VDUSE_EXT_FEATURES,
		.features = RO | UNHEARD_OF,
		.required = UNHEARD_OF,
	};
	struct host host = { 0 };
	int fd;

	for (int i = 0; i < 2; i++) {
		fd = device(PROBE_NAME, &wish);
		host_start(&host, fd);
		attach(PROBE_NAME, "virtio_vdpa");
		see(i ? "required, and the driver knows it" :
		    "required, and the driver does not know it",
		    "%d disks", disks(PROBE_NAME));
		check("detach", !detach(PROBE_NAME));
		host_stop(&host);
		device_end(PROBE_NAME, fd);
		wish.required = RO;
	}
}
