// SPDX-License-Identifier: GPL-2.0-only
/*
 * Batches: all or nothing unless PARTIAL is asked for, and the answer says
 * which handle was at fault. A page is freed once, however often it is named.
 */
#include "admin_util.h"

#define QUOTA	10

FIXTURE(batch) {
	int fd;
	struct labyrinth_info info;
	__u64 handles[QUOTA];
};

FIXTURE_SETUP(batch)
{
	self->fd = test_open_device(O_RDWR);
	test_info(self->fd, &self->info);
	ASSERT_EQ(0, file_quota_set(self->fd, QUOTA));
}

FIXTURE_TEARDOWN(batch)
{
	close(self->fd);
}

static struct labyrinth_free free_of(const __u64 *handles, __u32 count,
				     __u32 flags)
{
	return (struct labyrinth_free){
		.flags = flags,
		.count = count,
		.handles = (uintptr_t)handles,
	};
}

TEST_F(batch, double_free_is_refused)
{
	struct labyrinth_free cmd = free_of(self->handles, 1, 0);

	test_alloc(self->fd, 0, 1, self->handles);
	test_free_cmd(self->fd, &cmd);
	test_err_free_cmd(ENOENT, self->fd, &cmd);
	EXPECT_EQ(0, cmd.out_count);
	EXPECT_EQ(0, cmd.out_bad);
	EXPECT_EQ(0, used_pages(self->fd));
}

TEST_F(batch, a_handle_named_twice_frees_nothing)
{
	for (__u32 first = 0; first < 4; first++) {
		for (__u32 second = first + 1; second < 5; second++) {
			struct labyrinth_free cmd;
			__u64 twice[5];

			test_alloc(self->fd, 0, 5, self->handles);
			memcpy(twice, self->handles, sizeof(twice));
			twice[second] = twice[first];
			cmd = free_of(twice, 5, 0);
			test_err_free_cmd(ENOENT, self->fd, &cmd);
			EXPECT_EQ(0, cmd.out_count);
			EXPECT_EQ(second, cmd.out_bad);
			EXPECT_EQ(5, used_pages(self->fd));
			test_free(self->fd, 5, self->handles);
		}
	}
}

TEST_F(batch, one_bad_handle_frees_nothing_and_is_named)
{
	char byte = 'k';

	test_alloc(self->fd, 0, 5, self->handles);
	test_write(self->fd, self->handles[0], 0, 1, &byte);
	for (__u32 bad = 0; bad < 5; bad++) {
		struct labyrinth_free cmd;
		__u64 mixed[5];

		memcpy(mixed, self->handles, sizeof(mixed));
		mixed[bad] ^= 1ULL << 63;
		cmd = free_of(mixed, 5, 0);
		test_err_free_cmd(ENOENT, self->fd, &cmd);
		EXPECT_EQ(0, cmd.out_count);
		EXPECT_EQ(bad, cmd.out_bad);
		EXPECT_EQ(5, used_pages(self->fd));
	}
	/* What was kept is as it was, and in its place. */
	test_read(self->fd, self->handles[0], 0, 1, &byte);
	EXPECT_EQ('k', byte);
	for (int i = 0; i < 5; i++) {
		struct labyrinth_query query;

		test_query(self->fd, LABYRINTH_QUERY_NEXT,
			   i ? self->handles[i - 1] : 0, &query);
		EXPECT_EQ(self->handles[i], query.out_handle);
	}
}

TEST_F(batch, the_first_of_several_bad_handles_is_named)
{
	struct labyrinth_free cmd;

	test_alloc(self->fd, 0, 5, self->handles);
	self->handles[2] = 0;
	self->handles[4] = ~0ULL;
	cmd = free_of(self->handles, 5, 0);
	test_err_free_cmd(ENOENT, self->fd, &cmd);
	EXPECT_EQ(2, cmd.out_bad);
}

TEST_F(batch, partial_free_frees_what_it_can)
{
	struct labyrinth_free cmd;

	test_alloc(self->fd, 0, 5, self->handles);
	self->handles[1] = self->handles[0];
	self->handles[3] = 0;
	cmd = free_of(self->handles, 5, LABYRINTH_FREE_PARTIAL);
	test_free_cmd(self->fd, &cmd);
	EXPECT_EQ(3, cmd.out_count);
	EXPECT_EQ(1, cmd.out_bad);
	EXPECT_EQ(2, used_pages(self->fd));
}

TEST_F(batch, partial_free_of_good_handles_names_none)
{
	struct labyrinth_free cmd;

	test_alloc(self->fd, 0, 5, self->handles);
	cmd = free_of(self->handles, 5, LABYRINTH_FREE_PARTIAL);
	test_free_cmd(self->fd, &cmd);
	EXPECT_EQ(5, cmd.out_count);
	EXPECT_EQ(5, cmd.out_bad);
	EXPECT_EQ(0, used_pages(self->fd));
}

TEST_F(batch, blocks_of_several_orders_are_freed_in_one_batch)
{
	struct labyrinth_alloc alloc = {
		.count = 1,
		.fallback = LABYRINTH_FALLBACK_FAIL,
	};
	struct labyrinth_free cmd = free_of(self->handles, 3, 0);

	for (__u32 order = 0; order < 3; order++) {
		alloc.order = order;
		alloc.handles = (uintptr_t)&self->handles[order];
		test_alloc_cmd(self->fd, &alloc);
	}
	EXPECT_EQ(1 + 2 + 4, used_pages(self->fd));
	test_free_cmd(self->fd, &cmd);
	EXPECT_EQ(3, cmd.out_count);
	EXPECT_EQ(0, used_pages(self->fd));
}

TEST_F(batch, alloc_beyond_the_quota_takes_nothing)
{
	__u64 handles[QUOTA + 1];
	struct labyrinth_alloc cmd = {
		.count = QUOTA + 1,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)handles,
	};

	test_err_alloc_cmd(EDQUOT, self->fd, &cmd);
	EXPECT_EQ(0, cmd.out_count);
	EXPECT_EQ(LABYRINTH_REASON_QUOTA, cmd.out_reason);
	EXPECT_EQ(0, used_pages(self->fd));
}

TEST_F(batch, partial_alloc_keeps_what_could_be_had)
{
	__u64 handles[QUOTA + 5];
	struct labyrinth_query query;
	struct labyrinth_alloc cmd = {
		.flags = LABYRINTH_ALLOC_PARTIAL,
		.count = QUOTA + 5,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)handles,
	};

	test_alloc_cmd(self->fd, &cmd);
	EXPECT_EQ(QUOTA, cmd.out_count);
	EXPECT_EQ(QUOTA, used_pages(self->fd));
	for (__u32 i = 0; i < cmd.out_count; i++)
		test_query(self->fd, 0, handles[i], &query);

	/* Nothing at all is a failure. */
	test_err_alloc_cmd(EDQUOT, self->fd, &cmd);
	EXPECT_EQ(0, cmd.out_count);
	EXPECT_EQ(LABYRINTH_REASON_QUOTA, cmd.out_reason);
	EXPECT_EQ(QUOTA, used_pages(self->fd));
}

TEST_F(batch, a_block_counts_with_all_its_pages_against_the_quota)
{
	struct labyrinth_alloc cmd = {
		.count = 3,
		.order = 2,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)self->handles,
	};

	test_err_alloc_cmd(EDQUOT, self->fd, &cmd);	/* 12 of 10 pages */
	EXPECT_EQ(0, used_pages(self->fd));
	cmd.count = 2;
	test_alloc_cmd(self->fd, &cmd);
	test_alloc(self->fd, 0, 2, self->handles);
	test_err_alloc(EDQUOT, self->fd, 0, 1, self->handles);
	EXPECT_EQ(QUOTA, used_pages(self->fd));
}

struct racer {
	int fd;
	__u64 *handles;
	int freed;
};

static int free_each(void *arg)
{
	struct racer *racer = arg;

	for (int i = 0; i < QUOTA; i++) {
		if (!_free_pages(racer->fd, 1, &racer->handles[i]))
			racer->freed++;
		sched_yield();
	}
	return 0;
}

TEST_F(batch, two_threads_free_a_page_once)
{
	for (int round = 0; round < 200; round++) {
		static _Alignas(16) char stack[65536];
		struct racer other = { self->fd, self->handles, 0 };
		struct racer mine = { self->fd, self->handles, 0 };
		int status;
		pid_t pid;

		test_alloc(self->fd, 0, QUOTA, self->handles);
		/* The same address space, so the same owner. */
		pid = clone(free_each, stack + sizeof(stack),
			    CLONE_VM | SIGCHLD, &other);
		ASSERT_LT(0, pid);
		free_each(&mine);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_EQ(0, status);
		ASSERT_EQ(QUOTA, mine.freed + other.freed);
		ASSERT_EQ(0, used_pages(self->fd));
	}
}

TEST_HARNESS_MAIN
