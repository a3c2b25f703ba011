/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls that are held half-way: made by a thread of their own, with arguments in
 * memory that does not answer.
 */
#ifndef LABYRINTH_ATTACKS_STUCK_H
#define LABYRINTH_ATTACKS_STUCK_H

#include <pthread.h>

#include "slow_page.h"

struct stuck {
	int fd;
	unsigned long nr;
	void *cmd;
	int ret;
	pthread_t thread;
};

static inline void *make_call(void *arg)
{
	struct stuck *stuck = arg;

	stuck->ret = ioctl(stuck->fd, stuck->nr, stuck->cmd) ? -errno : 0;
	return NULL;
}

static inline int start_call(struct stuck *stuck)
{
	return pthread_create(&stuck->thread, NULL, make_call, stuck);
}

static inline int end_call(struct stuck *stuck)
{
	return pthread_join(stuck->thread, NULL) ?: stuck->ret;
}

#endif /* LABYRINTH_ATTACKS_STUCK_H */
