// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel's own test of VM_PFNMAP (mm/pfnmap, since Linux 6.16, which
 * Debian's sources lack) asks of any such mapping: advices that are refused, and
 * splitting, moving, shrinking, growing and forking, which must leave the memory
 * management whole. fork() differs: here a child gets nothing.
 *
 * The control is an ordinary shared mapping, which takes all of them.
 */
#include "advice.h"
#include "victim.h"

FIXTURE(pfnmap) {
	int fd;
	__u64 handles[2];
	char *at;		/* two pages */
	char *ordinary;
	size_t size;
	char *reserved;		/* as large, and a page more */
};

FIXTURE_SETUP(pfnmap)
{
	int memfd;

	survive_touching();
	ASSERT_EQ(0, turn_into(NOBODY));
	self->size = 2 * page_size();
	self->fd = test_open_device(O_RDWR);
	test_alloc(self->fd, 0, 2, self->handles);
	self->at = test_map_blocks(self->fd, 2, self->handles);
	memfd = memfd_create("ordinary", 0);
	ASSERT_EQ(0, ftruncate(memfd, 2 * self->size));
	self->ordinary = test_map_at(memfd, PROT_READ | PROT_WRITE, self->size,
				     0);
	fill_pattern(self->ordinary, self->size, 1);
	fill_pattern(self->at, self->size, 1);
	self->reserved = mmap(NULL, self->size + page_size(), PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->reserved);
}

/* However it was cut up: released, it is gone everywhere. */
FIXTURE_TEARDOWN(pfnmap)
{
	EXPECT_EQ(0, _free_pages(self->fd, 2, self->handles));
	for (int i = 0; i < 2; i++) {
		__u64 value;

		EXPECT_NE(0, try_load(self->at + i * page_size(), &value));
		EXPECT_NE(0, try_load(self->reserved + i * page_size(),
				      &value));
	}
	close(self->fd);
}

TEST_F(pfnmap, advice_is_refused)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_DONTNEED_LOCKED, MADV_COLD, MADV_PAGEOUT,
		MADV_POPULATE_READ, MADV_POPULATE_WRITE,
		/* For anonymous memory alone. */
		MADV_FREE, MADV_WIPEONFORK,
	};
	char *anonymous = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < ARRAY_SIZE(advices); i++) {
		ASSERT_EQ(0, madvise(i < ARRAY_SIZE(advices) - 2 ?
				     self->ordinary : anonymous, page_size(),
				     advices[i])) {
			TH_LOG("control: advice %d", advices[i]);
		}
		EXPECT_EQ(-1, madvise(self->at, page_size(), advices[i])) {
			TH_LOG("advice %d was taken", advices[i]);
		}
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_TRUE(shows_pattern(self->at, self->size, 1));
	munmap(anonymous, page_size());
}

TEST_F(pfnmap, munmap_splits_it)
{
	char *again;
	__u64 value;

	ASSERT_EQ(0, munmap(self->ordinary, page_size()));
	ASSERT_EQ(SIGSEGV, try_load(self->ordinary, &value));
	ASSERT_EQ(0, try_load(self->ordinary + page_size(), &value));

	ASSERT_EQ(0, munmap(self->at, page_size()));
	EXPECT_EQ(SIGSEGV, try_load(self->at, &value));
	EXPECT_EQ(0, try_load(self->at + page_size(), &value));
	/* The first once more, while the second is still mapped. */
	again = test_map_at(self->fd, PROT_READ, page_size(),
			    place_of(self->fd, self->handles[0]));
	EXPECT_TRUE(shows_pattern(again, page_size(), 1));
	EXPECT_EQ(0, munmap(again, page_size()));
}

/* Allowed or refused, but then whole: nothing is left where it was. */
TEST_F(pfnmap, mremap_moves_it)
{
	char *to = mmap(NULL, self->size, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *moved;
	int flags = MREMAP_FIXED | MREMAP_MAYMOVE;
	__u64 value;

	ASSERT_EQ(to, mremap(self->ordinary, self->size, self->size, flags,
			     to));
	ASSERT_EQ(SIGSEGV, try_load(self->ordinary, &value));
	ASSERT_TRUE(shows_pattern(to, self->size, 1));

	moved = mremap(self->at, self->size, self->size, flags, self->reserved);
	if (moved == MAP_FAILED)
		SKIP(return, "moving is refused: %s", strerror(errno));
	EXPECT_EQ(SIGSEGV, try_load(self->at, &value));
	EXPECT_TRUE(shows_pattern(moved, self->size, 1));
}

TEST_F(pfnmap, mremap_shrinks_it)
{
	__u64 value;

	ASSERT_EQ(self->ordinary, mremap(self->ordinary, self->size,
					 page_size(), 0));
	ASSERT_EQ(SIGSEGV, try_load(self->ordinary + page_size(), &value));

	EXPECT_EQ(self->at, mremap(self->at, self->size, page_size(), 0));
	EXPECT_EQ(SIGSEGV, try_load(self->at + page_size(), &value));
	EXPECT_TRUE(shows_pattern(self->at, page_size(), 1));
}

TEST_F(pfnmap, mremap_does_not_grow_it)
{
	size_t larger = self->size + page_size();

	self->ordinary = mremap(self->ordinary, self->size, larger,
				MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, self->ordinary);
	ASSERT_EQ(0, self->ordinary[self->size]);

	EXPECT_EQ(MAP_FAILED, mremap(self->at, self->size, larger,
				     MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(shows_pattern(self->at, self->size, 1));
}

struct ranges {
	char *ordinary;
	char *at;
};

static int child_looks(void *arg)
{
	struct ranges *ranges = arg;
	__u64 value;

	if (try_load(ranges->ordinary, &value) || !value)
		return complain("control: it sees no ordinary mapping");
	if (try_load(ranges->at, &value) != SIGSEGV ||
	    try_store(ranges->at, 1) != SIGSEGV)
		return complain("the child reaches its parent's block");
	return 0;
}

TEST_F(pfnmap, fork_leaves_it_behind)
{
	struct ranges ranges = { self->ordinary, self->at };

	EXPECT_EQ(0, in_child(child_looks, &ranges));
	EXPECT_TRUE(shows_pattern(self->at, self->size, 1));
}

TEST_HARNESS_MAIN
