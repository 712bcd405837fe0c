// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A disk whose bounce memory changes sides while it is in use: kernel pages,
 * memory of the server (VDUSE_IOTLB_REG_UMEM), kernel pages again. What is
 * read and written must arrive in every state and across the changes. Prints
 * ok or what went wrong.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "disk.h"
#include "probe.h"

#define ROUNDS 4
#define ROUNDS_IN_USE 20
#define WRITERS 2
#define PIECE (DISK_SIZE / WRITERS)

static void set_limit(rlim_t bytes)
{
	struct rlimit limit = { bytes, bytes };

	check("setrlimit", !setrlimit(RLIMIT_MEMLOCK, &limit));
}

static void register_memory(struct vduse_iova_umem *umem)
{
	struct vduse_iova_umem wrong = *umem;

	set_limit(umem->size - 4096);
	check("over the limit", ioctl(disk.fd, VDUSE_IOTLB_REG_UMEM, umem) &&
	      errno == ENOMEM);
	set_limit(umem->size);
	wrong.uaddr += 512;
	check("unaligned", ioctl(disk.fd, VDUSE_IOTLB_REG_UMEM, &wrong) &&
	      errno == EINVAL);
	wrong = *umem;
	wrong.size -= 4096;
	check("wrong size", ioctl(disk.fd, VDUSE_IOTLB_REG_UMEM, &wrong) &&
	      errno == EINVAL);
	check("register", !ioctl(disk.fd, VDUSE_IOTLB_REG_UMEM, umem));
	check("register again", ioctl(disk.fd, VDUSE_IOTLB_REG_UMEM, umem) &&
	      errno == EEXIST);
	check("deregister wrong size",
	      ioctl(disk.fd, VDUSE_IOTLB_DEREG_UMEM, &wrong) &&
	      errno == EINVAL);
}

static void check_info(size_t size)
{
	struct vduse_iova_info info = { .start = 4096, .last = 4096 };

	check("GET_INFO", !ioctl(disk.fd, VDUSE_IOTLB_GET_INFO, &info));
	check("bounce region", info.start == 0 && info.last == size - 1 &&
	      info.capability == VDUSE_IOVA_CAP_UMEM);
}

/* Each writer has a piece of the disk, and reads back what it wrote. */
static atomic_bool writers_stop;
static atomic_uint writes;

static void *write_piece(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	off_t at = (off_t)seed * PIECE;
	char *out, *in;
	size_t len;
	int node = disk_open();

	out = aligned_alloc(4096, PIECE);
	in = aligned_alloc(4096, PIECE);
	check("memory", out && in);
	while (!writers_stop) {
		len = 4096 * (1 + (size_t)rand_r(&seed) % (PIECE / 4096));
		memset(out, rand_r(&seed), len);
		memset(in, ~out[0], len);
		disk_check("write in use",
			   pwrite(node, out, len, at) == (ssize_t)len);
		disk_check("read in use",
			   pread(node, in, len, at) == (ssize_t)len);
		disk_check("data in use", !memcmp(in, out, len));
		writes++;
	}
	free(out);
	free(in);
	close(node);
	return NULL;
}

/* The server stands still for a change; the driver goes on. */
static void change(struct vduse_iova_umem *umem, bool ours)
{
	pthread_mutex_lock(&disk.lock);
	if (ours)
		check("register in use",
		      !ioctl(disk.fd, VDUSE_IOTLB_REG_UMEM, umem));
	else
		check("deregister in use",
		      !ioctl(disk.fd, VDUSE_IOTLB_DEREG_UMEM, umem));
	disk.bounce = ours ? (char *)(uintptr_t)umem->uaddr :
			     disk.kernel_bounce;
	pthread_mutex_unlock(&disk.lock);
}

static void change_in_use(struct vduse_iova_umem *umem)
{
	pthread_t writers[WRITERS];
	unsigned int before;

	for (uintptr_t i = 0; i < WRITERS; i++)
		check("thread", !pthread_create(&writers[i], NULL, write_piece,
						(void *)i));
	for (int round = 0; round < ROUNDS_IN_USE; round++) {
		change(umem, !(round % 2));
		before = writes;
		while (writes == before)
			usleep(1000);
	}
	writers_stop = true;
	for (int i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
}

int main(void)
{
	struct vduse_iova_umem umem = { 0 };
	char *memory;
	int node;

	disk_start("4194304", NULL);
	node = disk_open();
	disk_exercise(node, 1);

	umem.size = disk.bounce_size;
	check_info(umem.size);
	memory = mmap(NULL, umem.size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	umem.uaddr = (uintptr_t)memory;
	for (unsigned int round = 1; round <= ROUNDS; round++) {
		register_memory(&umem);
		disk.bounce = memory;
		disk_exercise(node, 2 * round);
		change(&umem, false);
		disk_exercise(node, 2 * round + 1);
	}
	check("deregister again", ioctl(disk.fd, VDUSE_IOTLB_DEREG_UMEM,
					&umem) && errno == ENOENT);
	change_in_use(&umem);
	register_memory(&umem);
	disk.bounce = memory;
	close(node);
	disk_end();
	puts("ok");
	return 0;
}
