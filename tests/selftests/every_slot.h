/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hog that takes every slot of the registry: from then on the refill can do
 * nothing, and what anybody gets is what somebody frees.
 *
 * The hog is a named owner, which keeps its pages from one test to the next: to take
 * and to wipe all of them lasts seconds. main_with_hog() ends it.
 */
#ifndef LABYRINTH_SELFTESTS_EVERY_SLOT_H
#define LABYRINTH_SELFTESTS_EVERY_SLOT_H

#include "admin_util.h"

#define HOG		"selftest.hog"
#define HOG_BATCH	1024

static inline bool every_slot_fits(__u64 slots)
{
	return slots <= (__u64)sysconf(_SC_AVPHYS_PAGES) / 4 * 3;
}

/* What the test before had is back: nobody but the hog has pages. */
static inline bool only_the_hog_has_pages(void)
{
	return WAIT_UNTIL(({
		__u64 used = owner_value(HOG, LABYRINTH_A_OWNER_USED);

		pages_out() == (used == NL_ABSENT ? 0 : (__s64)used);
	}));
}

/* A descriptor that acts as the hog; -errno. */
static inline int open_hog(__u64 slots)
{
	struct owner_options options = { .mode = 0600, .quota = 2 * slots };
	int fd = _open_device(O_RDWR), ret;

	if (fd < 0)
		return fd;
	ret = _attach(fd, HOG);
	if (ret == -ENOENT)
		ret = owner_add(HOG, options) ?: _attach(fd, HOG);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/* The @count that it has had longest. */
static inline int oldest_blocks(int hog, __u64 *handles, __u32 count)
{
	struct labyrinth_query query = {};
	int ret = 0;

	for (__u32 i = 0; i < count && !ret; i++) {
		ret = _query(hog, LABYRINTH_QUERY_NEXT, query.out_handle,
			     &query);
		handles[i] = query.out_handle;
	}
	return ret;
}

/* All slots, and what the ring and the ready stack of this CPU still have. */
static inline int take_all_from_here(int hog)
{
	__u64 batch[HOG_BATCH];
	struct labyrinth_alloc cmd = {
		.flags = LABYRINTH_ALLOC_PARTIAL,
		.count = HOG_BATCH,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)batch,
	};
	time_t end = now_seconds() + DEADLINE_SECONDS;
	struct books books;
	bool quiet = false;
	int ret = 0;

	/* Until the worker had nothing left to bring, and then once more. */
	while (!ret && now_seconds() < end) {
		if (!_alloc_cmd(hog, &cmd)) {
			quiet = false;
			continue;
		}
		if (cmd.out_reason != LABYRINTH_REASON_SLOTS)
			return -EIO;
		if (quiet)
			return 0;
		ret = books_get(&books);
		quiet = !books.vacant && !books.available &&
			books.taken - books.cpu == used_pages(hog);
	}
	return ret ?: -ETIMEDOUT;
}

static inline int take_all_from(int hog, int cpu)
{
	struct books books;
	int ret = books_get(&books);

	if (ret || (cpu && !books.cpu) || pin_to_cpu(cpu))
		return ret;
	return take_all_from_here(hog);
}

/*
 * All slots, and what is ready on any CPU: for a caller with the smallest reserve.
 * @handles gets @count of them.
 */
static inline int take_every_slot(int hog, __u64 *handles, __u32 count)
{
	int cpus = sysconf(_SC_NPROCESSORS_CONF), ret = 0;
	cpu_set_t before;

	if (sched_getaffinity(0, sizeof(before), &before))
		return -errno;
	for (int cpu = 0; cpu < cpus && !ret; cpu++)
		ret = take_all_from(hog, cpu);
	if (sched_setaffinity(0, sizeof(before), &before))
		return -errno;
	return ret ?: oldest_blocks(hog, handles, count);
}

static struct books before_hog;

static inline void end_hog(void)
{
	owner_del(HOG);
	reserve_set(before_hog.low, before_hog.high, before_hog.emergency);
}

/* All tests, whose own processes don't exit() but _exit(). */
static inline int main_with_hog(int argc, char **argv)
{
	if (!books_get(&before_hog))
		atexit(end_hog);
	return test_harness_run(argc, argv);
}

#endif /* LABYRINTH_SELFTESTS_EVERY_SLOT_H */
