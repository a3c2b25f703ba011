// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linked with the kernel's mm/pfnmap (--wrap): where that maps a character device,
 * which is ours, it gets two blocks of this very process's, as the descriptor that it
 * brings is of the process that it was forked from; and an ordinary file, for the
 * control, is let pass for a device's.
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <linux/labyrinth.h>

#include "pfnmap_stand_in.h"

#define BLOCKS	2

static bool ordinary;

/* A descriptor of this process's, and where its blocks are. */
static int own_device(off_t *offset)
{
	static off_t at;
	static pid_t opener;
	static int fd;
	__u64 handles[BLOCKS];
	struct labyrinth_alloc alloc = {
		.size = sizeof(alloc),
		.count = BLOCKS,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)handles,
	};
	struct labyrinth_map map = {
		.size = sizeof(map),
		.count = BLOCKS,
		.handles = (uintptr_t)handles,
	};

	if (opener != getpid()) {
		fd = open(LABYRINTH_DEVICE, O_RDWR | O_CLOEXEC);
		if (fd < 0 || ioctl(fd, LABYRINTH_IOC_ALLOC, &alloc) ||
		    ioctl(fd, LABYRINTH_IOC_MAP, &map))
			return -1;
		opener = getpid();
		at = map.out_offset;
	}
	*offset += at;
	return fd;
}

void *__wrap_mmap(void *address, size_t length, int prot, int flags, int fd,
		  off_t offset)
{
	struct stat is;

	if (!fstat(fd, &is)) {
		ordinary = S_ISREG(is.st_mode);
		if (S_ISCHR(is.st_mode))
			fd = own_device(&offset);
	}
	return __real_mmap(address, length, prot, flags, fd, offset);
}

bool __wrap_check_vmflag_pfnmap(void *address)
{
	return ordinary || __real_check_vmflag_pfnmap(address);
}
