/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device's calls, as capture's programs need them. Each returns 0 or -errno.
 */
#ifndef CAPTURE_DEVICE_H
#define CAPTURE_DEVICE_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/labyrinth.h>

#include "stream.h"

static inline int device_call(int fd, unsigned long number, void *command)
{
	return ioctl(fd, number, command) < 0 ? -errno : 0;
}

/* Return: a descriptor that acts as the named owner. */
static inline int device_attach(const char *owner)
{
	struct labyrinth_attach attach = { .size = sizeof(attach) };
	int fd = open(LABYRINTH_DEVICE, O_RDWR | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	memcpy(attach.name, owner, strnlen(owner, sizeof(attach.name)));
	err = device_call(fd, LABYRINTH_IOC_ATTACH, &attach);
	return err ? err : fd;
}

/* Return: handles taken; -EAGAIN: there are none. */
static inline int device_take(int fd, __u64 *handles, uint32_t count)
{
	struct labyrinth_take take = {
		.size = sizeof(take),
		.count = count,
		.handles = (uintptr_t)handles,
	};
	int err = device_call(fd, LABYRINTH_IOC_TAKE, &take);

	return err ? err : (int)take.out_count;
}

static inline int device_rw(int fd, unsigned long number, __u64 handle,
			    void *data, uint32_t length)
{
	struct labyrinth_rw rw = {
		.size = sizeof(rw),
		.handle = handle,
		.length = length,
		.buffer = (uintptr_t)data,
	};

	return device_call(fd, number, &rw);
}

/* Everything that there is to know of a page. */
static inline int device_read(int fd, __u64 handle, struct capture_page *page)
{
	struct labyrinth_query query = { .size = sizeof(query), .handle = handle };
	int err = device_call(fd, LABYRINTH_IOC_QUERY, &query);

	page->tag = query.out_tag;
	page->used = query.out_used;
	return err ? err : device_rw(fd, LABYRINTH_IOC_READ, handle, page->data,
				     sizeof(page->data));
}

static inline int device_free(int fd, const __u64 *handles, uint32_t count)
{
	struct labyrinth_free command = {
		.size = sizeof(command),
		.count = count,
		.handles = (uintptr_t)handles,
	};

	return device_call(fd, LABYRINTH_IOC_FREE, &command);
}

#endif /* CAPTURE_DEVICE_H */
