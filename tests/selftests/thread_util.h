/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests of the scope `thread`. */
#ifndef LABYRINTH_SELFTESTS_THREAD_UTIL_H
#define LABYRINTH_SELFTESTS_THREAD_UTIL_H

#include <pthread.h>

#include "util.h"

static inline int alloc_for_thread(int fd, __u32 order, __u32 count, __u64 *handles)
{
	struct labyrinth_alloc cmd = {
		.count = count,
		.order = order,
		.scope = LABYRINTH_SCOPE_THREAD,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)handles,
	};

	return _alloc_cmd(fd, &cmd);
}

struct visitor {
	int fd;
	__u64 handle;
	int expected;
};

/* NULL, or the number of the call that did not answer as expected. */
static inline void *try_every_call(void *arg)
{
	struct visitor *visitor = arg;
	struct labyrinth_query query;
	__u64 handle = visitor->handle;
	int fd = visitor->fd, expected = visitor->expected, peer;
	char byte = 'v';

	if (_query(fd, 0, handle, &query) != expected)
		return (void *)1;
	if (_query(fd, LABYRINTH_QUERY_NEXT, handle, &query) != expected)
		return (void *)2;
	if (_read_page(fd, handle, 0, 1, &byte) != expected || byte != 'v')
		return (void *)3;
	if (_read_page(fd, handle, 0, 0, &byte) != expected)
		return (void *)4;
	if (_write_page(fd, handle, 0, 1, &byte) != expected)
		return (void *)5;
	if (_set(fd, LABYRINTH_SET_TAG, handle, 1, 0) != expected)
		return (void *)6;
	if (_map(fd, 1, &handle, NULL) != expected)
		return (void *)7;
	if (_free_pages(fd, 1, &handle) != expected)
		return (void *)8;
	peer = _open_device(O_RDWR);
	if (peer < 0 || _accept(peer, LABYRINTH_ACCEPT_ANY, 0) ||
	    _give(fd, owner_number(peer), 1, &handle) != expected ||
	    used_pages(peer))
		return (void *)9;
	close(peer);
	return NULL;
}

static inline void *in_thread(void *(*fn)(void *), void *arg)
{
	pthread_t thread;
	void *result = (void *)-1L;

	if (pthread_create(&thread, NULL, fn, arg) ||
	    pthread_join(thread, &result))
		return (void *)-1L;
	return result;
}

#endif /* LABYRINTH_SELFTESTS_THREAD_UTIL_H */
