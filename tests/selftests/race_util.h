/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A thread that writes to a range all the time, whatever happens to it; and an heir,
 * another owner who takes pages and watches that nobody else writes to them.
 *
 * The page table of a device's mapping is shown nowhere (pagemap leaves it out), so
 * whether a page is reached is found out by touching it.
 */
#ifndef LABYRINTH_SELFTESTS_RACE_UTIL_H
#define LABYRINTH_SELFTESTS_RACE_UTIL_H

#include <pthread.h>
#include <stdatomic.h>

#include "map_util.h"

#define RACE_PAGES	4
/* On two CPUs one races, and a second one takes the time of those that it races. */
#define TOUCHERS	1
#define HEIR_PAGES	(2 * RACE_PAGES)
#define REMEMBERED	256

/* Nothing else is ever written through the range. */
#define STAMP		0x57A3570000000000ULL

struct touchers {
	_Atomic(char *) at;	/* the range */
	atomic_bool stop;
	atomic_ulong stores;	/* that landed */
	atomic_ulong refused;	/* by a signal */
	pthread_t threads[TOUCHERS];
};

static inline void *keep_touching(void *arg)
{
	struct touchers *touchers = arg;
	static atomic_ulong number;
	__u64 stamp = STAMP + (atomic_fetch_add(&number, 1) << 24);

	while (!atomic_load(&touchers->stop)) {
		char *at = atomic_load(&touchers->at);
		int refused = 0;

		for (int i = 0; i < RACE_PAGES; i++) {
			/* Another place each time, so that all of it is tried. */
			size_t word = stamp++ % (page_size() / 8);

			refused += !!try_store(at + i * page_size() + 8 * word,
					       stamp);
		}
		atomic_fetch_add(&touchers->refused, refused);
		atomic_fetch_add(&touchers->stores, RACE_PAGES - refused);
		/* Nothing there: the next round is more to the point. */
		if (refused == RACE_PAGES)
			usleep(20);
	}
	return NULL;
}

/* A range of address space with nothing in it: SIGSEGV. @at: there, or NULL. */
static inline char *empty_range(char *at)
{
	return mmap(at, RACE_PAGES * page_size(), PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);
}

static inline int start_touching(struct touchers *touchers)
{
	int ret = 0;

	memset(touchers, 0, sizeof(*touchers));
	atomic_store(&touchers->at, empty_range(NULL));
	for (int i = 0; i < TOUCHERS && !ret; i++)
		ret = pthread_create(&touchers->threads[i], NULL, keep_touching,
				     touchers);
	/* They take all the time that they get: who ends things goes first. */
	setpriority(PRIO_PROCESS, 0, -15);
	return -ret;
}

static inline void stop_touching(struct touchers *touchers)
{
	atomic_store(&touchers->stop, true);
	for (int i = 0; i < TOUCHERS; i++)
		pthread_join(touchers->threads[i], NULL);
}

static inline long long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

/* Until some store landed from now on; or 20 ms: it need not. */
static inline void let_them_touch(struct touchers *touchers)
{
	unsigned long before = atomic_load(&touchers->stores);
	long long end = now_us() + 20000;

	while (atomic_load(&touchers->stores) == before && now_us() < end)
		usleep(20);
}

/* How many of the pages can still be seen. */
static inline int still_reached(const char *at)
{
	__u64 value;
	int reached = 0;

	for (int i = 0; i < RACE_PAGES; i++)
		reached += !try_load(at + i * page_size(), &value);
	return reached;
}

static inline void scribble(char *at)
{
	for (int i = 0; i < RACE_PAGES; i++)
		try_store(at + i * page_size(), STAMP);
}

struct heir {
	int fd;
	__u64 handles[HEIR_PAGES];
	__u64 ended[REMEMBERED];	/* physical addresses of pages that were theirs */
	unsigned long remembered;
	unsigned long inherited;	/* of these, how many came to the heir */
	unsigned long soiled;		/* pages that were not zero: none may be */
};

static inline __u64 physical(int fd, __u64 handle)
{
	struct labyrinth_query query;

	return _query(fd, 0, handle, &query) ? 0 : query.out_phys;
}

static inline void remember(struct heir *heir, int fd, const __u64 *handles)
{
	for (int i = 0; i < RACE_PAGES; i++)
		heir->ended[heir->remembered++ % REMEMBERED] =
			physical(fd, handles[i]);
}

static inline bool was_theirs(const struct heir *heir, __u64 address)
{
	for (int i = 0; i < REMEMBERED; i++)
		if (address && heir->ended[i] == address)
			return true;
	return false;
}

static inline bool is_clean(int fd, __u64 handle)
{
	static char page[65536];

	return !_read_page(fd, handle, 0, page_size(), page) &&
	       all_bytes_are(page, 0, page_size());
}

/* Takes new pages, which must be zero; those from before must have stayed so. */
static inline int inherit(struct heir *heir)
{
	int ret;

	for (int i = 0; heir->handles[0] && i < HEIR_PAGES; i++)
		heir->soiled += !is_clean(heir->fd, heir->handles[i]);
	ret = heir->handles[0] ?
		_free_pages(heir->fd, HEIR_PAGES, heir->handles) : 0;
	ret = ret ?: _alloc(heir->fd, 0, HEIR_PAGES, heir->handles);
	for (int i = 0; !ret && i < HEIR_PAGES; i++) {
		heir->soiled += !is_clean(heir->fd, heir->handles[i]);
		heir->inherited += was_theirs(heir, physical(heir->fd,
							     heir->handles[i]));
	}
	return ret;
}

#endif /* LABYRINTH_SELFTESTS_RACE_UTIL_H */
