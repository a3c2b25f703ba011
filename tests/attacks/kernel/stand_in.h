/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included ahead of the kernel's memfd_secret test, which then gets, instead of
 * the secret memory that it asks for, what STAND_IN in its environment names:
 * "device" is a mapped block of Labyrinth's, "memfd" is ordinary shared memory,
 * "secret" is what it asked for.
 */
#ifndef LABYRINTH_ATTACKS_STAND_IN_H
#define LABYRINTH_ATTACKS_STAND_IN_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/labyrinth.h>

/* Where the device has the block. */
static off_t stand_in_offset;

static bool stand_in_is(const char *name)
{
	const char *wanted = getenv("STAND_IN");

	return wanted && !strcmp(wanted, name);
}

static int stand_in_open(long number, unsigned int flags)
{
	if (stand_in_is("device"))
		return open(LABYRINTH_DEVICE, O_RDWR | O_CLOEXEC);
	if (stand_in_is("memfd"))
		return memfd_create("ordinary", MFD_CLOEXEC);
	return syscall(number, flags);
}

/* The test gives its file a size; a device's block is allocated and placed. */
static int stand_in_truncate(int fd, off_t size)
{
	__u64 handle;
	struct labyrinth_alloc alloc = {
		.size = sizeof(alloc),
		.count = 1,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)&handle,
	};
	struct labyrinth_map map = {
		.size = sizeof(map),
		.count = 1,
		.handles = (uintptr_t)&handle,
	};

	if (!stand_in_is("device"))
		return ftruncate(fd, size);
	if (ioctl(fd, LABYRINTH_IOC_ALLOC, &alloc) ||
	    ioctl(fd, LABYRINTH_IOC_MAP, &map))
		return -1;
	stand_in_offset = map.out_offset;
	return 0;
}

static void *stand_in_mmap(void *address, size_t length, int prot, int flags,
			   int fd, off_t offset)
{
	return mmap(address, length, prot, flags, fd, offset + stand_in_offset);
}

#define syscall			stand_in_open
#define ftruncate		stand_in_truncate
#define mmap			stand_in_mmap

#endif /* LABYRINTH_ATTACKS_STAND_IN_H */
