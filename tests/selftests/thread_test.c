// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scope `thread`: a block for the allocating thread alone: every other one is
 * refused. What happens when that one ends is thread_end_test.c's.
 */
#include "admin_util.h"
#include "thread_util.h"

#define PAGES	3

FIXTURE(thread) {
	int fd;
	__u64 handles[PAGES];
};

FIXTURE_SETUP(thread)
{
	ASSERT_TRUE(all_pages_are_back());
	self->fd = test_open_device(O_RDWR);
}

FIXTURE_TEARDOWN(thread)
{
	close(self->fd);
}

/* === Who may ============================================================= */

TEST_F(thread, another_thread_is_refused_by_every_call)
{
	struct visitor visitor = { .fd = self->fd, .expected = -EPERM };

	ASSERT_EQ(0, alloc_for_thread(self->fd, 0, 1, self->handles));
	ASSERT_EQ(0, put_pattern(self->fd, self->handles[0], page_size(), 3));
	visitor.handle = self->handles[0];
	EXPECT_EQ(NULL, in_thread(try_every_call, &visitor));
	/* Its own thread goes on as if nothing had been. */
	EXPECT_EQ(0, check_pattern(self->fd, self->handles[0], page_size(),
				   3));
	EXPECT_EQ(1, used_pages(self->fd));
	test_free(self->fd, 1, self->handles);
	visitor.expected = -ENOENT;
	EXPECT_EQ(NULL, in_thread(try_every_call, &visitor));
}

TEST_F(thread, its_own_thread_does_everything_but_map)
{
	int peer = test_open_device(O_RDWR);
	struct labyrinth_query query;

	test_accept(peer, LABYRINTH_ACCEPT_ANY, 0);
	for (__u32 order = 0; order <= 3; order++) {
		ASSERT_EQ(0, alloc_for_thread(self->fd, order, PAGES,
					      self->handles));
		test_query(self->fd, 0, self->handles[1], &query);
		EXPECT_EQ(LABYRINTH_SCOPE_THREAD, query.out_scope);
		EXPECT_EQ(order, query.out_order);
		EXPECT_EQ(0, query.out_flags);
		EXPECT_EQ(0, put_pattern(self->fd, self->handles[1],
					 page_size() << order, order));
		EXPECT_EQ(0, check_pattern(self->fd, self->handles[1],
					   page_size() << order, order));
		test_set(self->fd, LABYRINTH_SET_TAG, self->handles[1], 9, 0);
		test_err_map(EOPNOTSUPP, self->fd, 1, self->handles + 1, NULL);
		test_free(self->fd, PAGES, self->handles);
	}
	EXPECT_EQ(0, used_pages(self->fd));
	close(peer);
}

/* The first blocks that QUERY lists to the calling thread, 0 where there are no more. */
struct listing {
	int fd;
	__u64 handles[PAGES];
};

static void *list_blocks(void *arg)
{
	struct listing *listing = arg;
	struct labyrinth_query query = {};

	for (int i = 0; i < PAGES; i++) {
		int ret = _query(listing->fd, LABYRINTH_QUERY_NEXT,
				 query.out_handle, &query);

		if (ret)
			return ret == -ENODATA ? NULL : (void *)1;
		listing->handles[i] = query.out_handle;
	}
	return NULL;
}

TEST_F(thread, another_threads_blocks_are_left_out_of_the_list)
{
	struct listing mine = { .fd = self->fd }, theirs = mine;

	ASSERT_EQ(0, alloc_for_thread(self->fd, 0, 1, self->handles));
	test_alloc(self->fd, 0, 1, self->handles + 1);
	ASSERT_EQ(0, alloc_for_thread(self->fd, 0, 1, self->handles + 2));
	EXPECT_EQ(NULL, list_blocks(&mine));
	for (int i = 0; i < PAGES; i++)
		EXPECT_EQ(self->handles[i], mine.handles[i]);
	EXPECT_EQ(NULL, in_thread(list_blocks, &theirs));
	EXPECT_EQ(self->handles[1], theirs.handles[0]);
	EXPECT_EQ(0, theirs.handles[1]);
}

struct batch {
	int fd;
	__u32 number;		/* of whom it would be given to */
	__u64 handles[PAGES];	/* the last one is the main thread's */
};

static void *try_batch(void *arg)
{
	struct batch *batch = arg;
	struct labyrinth_free free = {
		.count = PAGES,
		.handles = (uintptr_t)batch->handles,
	};
	struct labyrinth_give give = {
		.count = PAGES,
		.to = batch->number,
		.handles = (uintptr_t)batch->handles,
	};

	if (_free_cmd(batch->fd, &free) != -EPERM)
		return (void *)1;
	if (_give_cmd(batch->fd, &give) != -EPERM || give.out_bad != PAGES - 1)
		return (void *)2;
	if (_map(batch->fd, PAGES, batch->handles, NULL) != -EPERM)
		return (void *)3;
	if (used_pages(batch->fd) != PAGES)
		return (void *)4;
	/* In part: the others, and not that one. */
	free.flags = LABYRINTH_FREE_PARTIAL;
	if (_free_cmd(batch->fd, &free) || free.out_count != PAGES - 1 ||
	    free.out_bad != PAGES - 1)
		return (void *)5;
	return NULL;
}

TEST_F(thread, a_batch_with_another_threads_block_is_refused_as_a_whole)
{
	int peer = test_open_device(O_RDWR);
	struct batch batch = { .fd = self->fd, .number = owner_number(peer) };

	test_accept(peer, LABYRINTH_ACCEPT_ANY, 0);
	test_alloc(self->fd, 0, PAGES - 1, batch.handles);
	ASSERT_EQ(0, alloc_for_thread(self->fd, 0, 1,
				      batch.handles + PAGES - 1));
	EXPECT_EQ(NULL, in_thread(try_batch, &batch));
	EXPECT_EQ(1, used_pages(self->fd));
	EXPECT_EQ(0, used_pages(peer));
	test_free(self->fd, 1, batch.handles + PAGES - 1);
	close(peer);
}

TEST_F(thread, it_is_not_deferred)
{
	struct labyrinth_alloc cmd = {
		.count = 1,
		.scope = LABYRINTH_SCOPE_THREAD,
		.fallback = LABYRINTH_FALLBACK_DEFER,
		.handles = (uintptr_t)self->handles,
	};

	test_accept(self->fd, LABYRINTH_ACCEPT_NONE, 8);
	test_err_alloc_cmd(EOPNOTSUPP, self->fd, &cmd);
	EXPECT_EQ(0, used_pages(self->fd));
	/* But waited for it may be. */
	cmd.fallback = LABYRINTH_FALLBACK_WAIT;
	test_alloc_cmd(self->fd, &cmd);
}

static void *read_it(void *arg)
{
	struct visitor *visitor = arg;

	return (void *)(long)check_pattern(visitor->fd, visitor->handle,
					   page_size(), 4);
}

TEST_F(thread, given_away_it_is_its_receivers_process)
{
	int peer = test_open_device(O_RDWR);
	struct visitor visitor = { .fd = peer };
	struct labyrinth_query query;
	__u64 got;

	test_accept(peer, LABYRINTH_ACCEPT_UID, 0);
	ASSERT_EQ(0, alloc_for_thread(self->fd, 0, 1, self->handles));
	ASSERT_EQ(0, put_pattern(self->fd, self->handles[0], page_size(), 4));
	test_give(self->fd, owner_number(peer), 1, self->handles);
	test_take(peer, 1, &got);
	test_query(peer, 0, got, &query);
	EXPECT_EQ(LABYRINTH_SCOPE_PROCESS, query.out_scope);
	visitor.handle = got;
	EXPECT_EQ(NULL, in_thread(read_it, &visitor));
	test_map(peer, 1, &got, NULL);
	close(peer);
}

TEST_HARNESS_MAIN
