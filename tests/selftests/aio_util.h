/* SPDX-License-Identifier: GPL-2.0-only */
/* io_submit(2)'s IOCB_CMD_POLL, one request at a time. */
#ifndef AIO_UTIL_H
#define AIO_UTIL_H

#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/syscall.h>

#include "util.h"

/* 0 or -errno. */
static inline int aio_begin(aio_context_t *context)
{
	*context = 0;
	return syscall(SYS_io_setup, 1, context) ? -errno : 0;
}

/* Asks to be told of @events. 0 or -errno. */
static inline int aio_submit(aio_context_t context, int fd, short events)
{
	struct iocb poll = {
		.aio_lio_opcode = IOCB_CMD_POLL,
		.aio_fildes = fd,
		.aio_buf = events,
	}, *polls = &poll;

	return syscall(SYS_io_submit, context, 1, &polls) == 1 ? 0 : -errno;
}

static inline long long aio_told_within(aio_context_t context,
					struct timespec limit)
{
	struct io_event event = {};
	long n = syscall(SYS_io_getevents, context, 1, 1, &event, &limit);

	return n == 1 ? event.res : n < 0 ? -errno : -ETIME;
}

/* The events, or -errno: -ETIME if it was told nothing. */
static inline long long aio_told(aio_context_t context)
{
	return aio_told_within(context,
			       (struct timespec){ DEADLINE_SECONDS, 0 });
}

static inline long long aio_told_yet(aio_context_t context)
{
	return aio_told_within(context, (struct timespec){ 0, 20000000 });
}

#endif /* AIO_UTIL_H */
