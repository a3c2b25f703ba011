// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two threads MAP one block at the same time, and one of them can never be told
 * where: its calls change nothing, whatever stands beside them.
 */
#include <pthread.h>

#include "map_util.h"

#define SECONDS	3

struct aborter {
	int fd;
	const __u64 *handle;
	struct labyrinth_map *readonly;
	unsigned long refused;
	int other;
	bool stop;
};

/* The struct can be read, and not be written. */
static void *keep_aborting(void *arg)
{
	struct aborter *a = arg;

	while (!__atomic_load_n(&a->stop, __ATOMIC_RELAXED)) {
		if (ioctl(a->fd, LABYRINTH_IOC_MAP, a->readonly) == 0)
			a->other = 1;
		else if (errno != EFAULT)
			a->other = errno;
		else
			a->refused++;
	}
	return NULL;
}

static struct labyrinth_map *readonly_map(const __u64 *handle)
{
	struct labyrinth_map *map = mmap(NULL, page_size(),
					 PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	map->size = sizeof(*map);
	map->count = 1;
	map->handles = (uintptr_t)handle;
	return mprotect(map, page_size(), PROT_READ) ? NULL : map;
}

FIXTURE(map_abort) {
	int fd;
	__u64 handle;
	struct aborter aborter;
	pthread_t thread;
};

FIXTURE_SETUP(map_abort)
{
	struct labyrinth_alloc alloc = {
		.size = sizeof(alloc),
		.count = 1,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)&self->handle,
	};

	survive_touching();
	self->fd = open(LABYRINTH_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, ioctl(self->fd, LABYRINTH_IOC_ALLOC, &alloc));
	self->aborter.fd = self->fd;
	self->aborter.handle = &self->handle;
	self->aborter.readonly = readonly_map(&self->handle);
	ASSERT_NE(NULL, self->aborter.readonly);
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, keep_aborting,
				    &self->aborter));
}

FIXTURE_TEARDOWN(map_abort)
{
	close(self->fd);
}

static void stop_aborting(struct aborter *aborter, pthread_t thread)
{
	__atomic_store_n(&aborter->stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

/* What was mapped is there, and is where QUERY says. */
TEST_F(map_abort, what_is_aborted_moves_nothing)
{
	time_t end = now_seconds() + SECONDS;
	unsigned long rounds = 0, lost = 0;

	while (now_seconds() < end || rounds < 1000) {
		struct labyrinth_map map = {
			.size = sizeof(map),
			.count = 1,
			.handles = (uintptr_t)&self->handle,
		};
		void *at;

		ASSERT_EQ(0, ioctl(self->fd, LABYRINTH_IOC_MAP, &map));
		at = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
			  self->fd, map.out_offset);
		ASSERT_NE(MAP_FAILED, at) {
			TH_LOG("round %lu: %s", rounds, strerror(errno));
		}
		if (try_store(at, rounds))
			lost++;
		munmap(at, page_size());
		rounds++;
	}
	stop_aborting(&self->aborter, self->thread);
	EXPECT_EQ(0, lost);
	EXPECT_EQ(0, self->aborter.other);
	EXPECT_LT(100, self->aborter.refused);
}

/* Once it is freed, nothing reaches it: the end finds what was mapped. */
TEST_F(map_abort, what_was_mapped_meanwhile_ends_with_the_block)
{
	struct labyrinth_free args = {
		.size = sizeof(args),
		.count = 1,
		.handles = (uintptr_t)&self->handle,
	};
	void *at = MAP_FAILED;
	int i;

	for (i = 0; i < 1000; i++) {
		if (at != MAP_FAILED)
			munmap(at, page_size());
		at = map_blocks(self->fd, 1, &self->handle);
		ASSERT_NE(MAP_FAILED, at);
		ASSERT_EQ(0, try_store(at, i));
	}
	stop_aborting(&self->aborter, self->thread);
	ASSERT_EQ(0, ioctl(self->fd, LABYRINTH_IOC_FREE, &args));
	EXPECT_TRUE(is_gone(at, 1));
	munmap(at, page_size());
}

TEST_HARNESS_MAIN
