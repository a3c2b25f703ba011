// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each call of /dev/labyrinth does with the values of its fields: the
 * smallest, the largest, the first beyond, and what makes no sense.
 */
#include <sys/eventfd.h>

#include "util.h"

#define SOME	64

FIXTURE(fields) {
	int fd;
	struct labyrinth_info info;
	__u64 *handles;		/* two more than a batch holds */
	size_t page;
	char *buffer;		/* of two pages */
};

FIXTURE_SETUP(fields)
{
	self->fd = test_open_device(O_RDWR);
	test_info(self->fd, &self->info);
	self->page = page_size();
	self->handles = calloc(self->info.out_max_batch + 2, sizeof(__u64));
	ASSERT_NE(NULL, self->handles);
	ASSERT_LE(SOME, self->info.out_max_batch);
	self->buffer = malloc(2 * self->page);
	ASSERT_NE(NULL, self->buffer);
}

FIXTURE_TEARDOWN(fields)
{
	close(self->fd);
}

static struct labyrinth_alloc one_block(FIXTURE_DATA(fields) *self)
{
	return (struct labyrinth_alloc){
		.count = 1,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)self->handles,
	};
}

TEST_F(fields, info_tells_the_limits_and_a_fresh_owner_holds_nothing)
{
	EXPECT_EQ(0, self->info.out_features);
	EXPECT_EQ(self->page, self->info.out_page_size);
	EXPECT_LE(self->info.out_max_order, 9);
	EXPECT_LE(1, self->info.out_max_batch);
	EXPECT_LE(1, self->info.out_slots);
	EXPECT_LE(self->info.out_slots, 1U << 24);
	EXPECT_EQ(LABYRINTH_OWNER_FILE, self->info.out_kind);
	EXPECT_EQ(0, self->info.out_used);
	EXPECT_EQ(0, self->info.out_guarantee);
	EXPECT_LE(1, self->info.out_quota);
	EXPECT_NE(0xAAAAAAAAAAAAAAAAULL, self->info.out_memlock_used);
	EXPECT_NE(0xAAAAAAAAAAAAAAAAULL, self->info.out_memlock_limit);
	EXPECT_LE(self->info.out_reserve_available, 1ULL << 24);
	EXPECT_LE(self->info.out_reserve_high, 1ULL << 24);
	EXPECT_EQ(LABYRINTH_ACCEPT_NONE, self->info.out_accept);
	EXPECT_EQ(0, self->info.out_inbox);
	EXPECT_EQ(0, self->info.out_inbox_used);
	EXPECT_EQ(0, self->info.out_deferred);
}

TEST_F(fields, two_descriptors_are_two_owners)
{
	int other = test_open_device(O_RDWR);
	struct labyrinth_info info;

	test_info(other, &info);
	EXPECT_NE(info.out_owner, self->info.out_owner);
	test_alloc(self->fd, 0, 1, self->handles);
	EXPECT_EQ(1, used_pages(self->fd));
	EXPECT_EQ(0, used_pages(other));
}

TEST_F(fields, alloc_takes_1_to_max_batch_blocks)
{
	const __u32 bad[] = { 0, self->info.out_max_batch + 1, 0x7fffffff,
			      0x80000000, 0xffffffff };
	struct labyrinth_alloc cmd = one_block(self);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cmd.count = bad[i];
		test_err_alloc_cmd(EINVAL, self->fd, &cmd);
		EXPECT_EQ(0, used_pages(self->fd));
	}

	cmd.count = SOME;
	self->handles[SOME] = 0xAAAA;
	test_alloc_cmd(self->fd, &cmd);
	EXPECT_EQ(SOME, cmd.out_count);
	EXPECT_EQ(LABYRINTH_REASON_NONE, cmd.out_reason);
	EXPECT_LT(LABYRINTH_RUNG_NONE, cmd.out_rung);
	EXPECT_GE(LABYRINTH_RUNG_FALLBACK, cmd.out_rung);
	EXPECT_EQ(0xAAAA, self->handles[SOME]);
	EXPECT_EQ(SOME, used_pages(self->fd));
	for (int i = 0; i < SOME; i++)
		EXPECT_NE(0, self->handles[i]);
}

TEST_F(fields, the_largest_batch_is_served_or_refused_for_a_good_reason)
{
	struct labyrinth_alloc cmd = one_block(self);
	int ret;

	cmd.count = self->info.out_max_batch;
	ret = _alloc_cmd(self->fd, &cmd);
	switch (ret) {
	case 0:
		EXPECT_EQ(cmd.count, cmd.out_count);
		EXPECT_EQ(cmd.count, used_pages(self->fd));
		break;
	case -EDQUOT:
	case -ENOMEM:
		EXPECT_EQ(0, cmd.out_count);
		EXPECT_NE(LABYRINTH_REASON_NONE, cmd.out_reason);
		EXPECT_EQ(0, used_pages(self->fd));
		break;
	default:
		EXPECT_EQ(0, ret);
	}
}

TEST_F(fields, each_block_of_a_batch_gets_the_next_tag)
{
	const __u64 first = ~0ULL;	/* and then it wraps to 0 */
	struct labyrinth_alloc cmd = one_block(self);
	struct labyrinth_query query;

	cmd.count = 2;
	cmd.tag = first;
	test_alloc_cmd(self->fd, &cmd);
	for (int i = 0; i < 2; i++) {
		test_query(self->fd, 0, self->handles[i], &query);
		EXPECT_EQ(first + i, query.out_tag);
	}
}

TEST_F(fields, alloc_takes_order_0_to_the_maximum)
{
	const __u32 bad[] = { self->info.out_max_order + 1, 10, 11, 31, 32, 63,
			      64, 0x80000000, 0xffffffff };
	struct labyrinth_alloc cmd = one_block(self);
	struct labyrinth_query query;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cmd.order = bad[i];
		test_err_alloc_cmd(EINVAL, self->fd, &cmd);
	}
	EXPECT_EQ(0, used_pages(self->fd));

	for (__u32 order = 0; order <= self->info.out_max_order; order++) {
		cmd.order = order;
		test_alloc_cmd(self->fd, &cmd);
		EXPECT_EQ(1, cmd.out_count);
		test_query(self->fd, 0, self->handles[0], &query);
		EXPECT_EQ(order, query.out_order);
		EXPECT_EQ(cmd.out_rung, query.out_rung);
		EXPECT_EQ(1U << order, used_pages(self->fd));
		test_free(self->fd, 1, self->handles);
		EXPECT_EQ(0, used_pages(self->fd));
	}
}

TEST_F(fields, strict_is_for_order_0_only)
{
	struct labyrinth_alloc cmd = one_block(self);

	cmd.flags = LABYRINTH_ALLOC_STRICT;
	for (cmd.order = 1; cmd.order <= self->info.out_max_order; cmd.order++)
		test_err_alloc_cmd(EOPNOTSUPP, self->fd, &cmd);
	EXPECT_EQ(0, used_pages(self->fd));
}

TEST_F(fields, a_scope_is_one_of_those_that_are_known)
{
	struct labyrinth_alloc cmd = one_block(self);
	struct labyrinth_query query;

	for (int bit = 1; bit < 32; bit++) {
		cmd.scope = 1U << bit;
		test_err_alloc_cmd(EINVAL, self->fd, &cmd);
	}
	EXPECT_EQ(0, used_pages(self->fd));
	for (cmd.scope = 0; cmd.scope <= LABYRINTH_SCOPE_THREAD; cmd.scope++) {
		test_alloc_cmd(self->fd, &cmd);
		test_query(self->fd, 0, self->handles[0], &query);
		EXPECT_EQ(cmd.scope, query.out_scope);
		test_free(self->fd, 1, self->handles);
	}
}

TEST_F(fields, a_request_must_name_a_fallback)
{
	const __u32 bad[] = { LABYRINTH_FALLBACK_UNSET,
			      LABYRINTH_FALLBACK_DEFER + 1, 0x80000000,
			      0xffffffff };
	struct labyrinth_alloc cmd = one_block(self);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cmd.fallback = bad[i];
		test_err_alloc_cmd(EINVAL, self->fd, &cmd);
	}
	EXPECT_EQ(0, used_pages(self->fd));

	cmd.fallback = LABYRINTH_FALLBACK_WAIT;
	test_alloc_cmd(self->fd, &cmd);
}

TEST_F(fields, what_can_be_had_at_once_is_not_deferred)
{
	struct labyrinth_alloc cmd = one_block(self);
	struct labyrinth_info info;

	cmd.fallback = LABYRINTH_FALLBACK_DEFER;
	for (cmd.order = 0; cmd.order < 3; cmd.order++) {
		test_alloc_cmd(self->fd, &cmd);
		EXPECT_EQ(1, cmd.out_count);
		EXPECT_GT(LABYRINTH_RUNG_FALLBACK, cmd.out_rung);
		EXPECT_EQ(LABYRINTH_REASON_NONE, cmd.out_reason);
		test_info(self->fd, &info);
		EXPECT_EQ(1U << cmd.order, info.out_used);
		EXPECT_EQ(0, info.out_inbox_used);
		EXPECT_EQ(0, info.out_deferred);
		test_free(self->fd, 1, self->handles);
	}
}

/* A part at once, and the rest never, or later: which of the two? */
TEST_F(fields, the_fallback_defer_takes_no_part_and_no_timeout)
{
	struct labyrinth_alloc cmd = one_block(self);

	cmd.fallback = LABYRINTH_FALLBACK_DEFER;
	cmd.flags = LABYRINTH_ALLOC_PARTIAL;
	test_err_alloc_cmd(EINVAL, self->fd, &cmd);
	cmd.flags |= LABYRINTH_ALLOC_STRICT;
	test_err_alloc_cmd(EINVAL, self->fd, &cmd);
	cmd.flags = 0;
	cmd.timeout_ns = 1;
	test_err_alloc_cmd(EINVAL, self->fd, &cmd);
	EXPECT_EQ(0, used_pages(self->fd));
}

TEST_F(fields, a_timeout_needs_the_fallback_wait)
{
	struct labyrinth_alloc cmd = one_block(self);

	for (int bit = 0; bit < 64; bit++) {
		cmd.timeout_ns = 1ULL << bit;
		test_err_alloc_cmd(EINVAL, self->fd, &cmd);
	}
	EXPECT_EQ(0, used_pages(self->fd));

	/* Not waited for: a page is there. */
	cmd.fallback = LABYRINTH_FALLBACK_WAIT;
	cmd.timeout_ns = ~0ULL;
	test_alloc_cmd(self->fd, &cmd);
}

TEST_F(fields, alloc_leaves_no_page_behind_a_bad_handle_array)
{
	char *area = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct labyrinth_alloc cmd = one_block(self);
	__u64 bad[6];

	ASSERT_NE(MAP_FAILED, area);
	ASSERT_EQ(0, mprotect(area + self->page, self->page, PROT_READ));
	bad[0] = 0;
	bad[1] = (uintptr_t)(area + self->page);	/* read-only */
	bad[2] = (uintptr_t)(area + self->page - 8);	/* its second half is */
	bad[3] = -8ULL;
	bad[4] = 0xffff888000000000ULL;
	bad[5] = (1ULL << 32) * 0x10000 + (uintptr_t)self->handles;

	cmd.count = 2;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cmd.handles = bad[i];
		cmd.flags = 0;
		test_err_alloc_cmd(EFAULT, self->fd, &cmd);
		EXPECT_EQ(0, used_pages(self->fd));
		cmd.flags = LABYRINTH_ALLOC_PARTIAL;
		test_err_alloc_cmd(EFAULT, self->fd, &cmd);
		EXPECT_EQ(0, used_pages(self->fd));
	}
}

#if __SIZEOF_POINTER__ == 4
TEST_F(fields, a_pointer_is_not_cut_to_the_callers_word_size)
{
	struct labyrinth_alloc cmd = one_block(self);

	cmd.handles += 1ULL << 32;
	test_err_alloc_cmd(EFAULT, self->fd, &cmd);
	EXPECT_EQ(0, used_pages(self->fd));
}
#endif

TEST_F(fields, free_takes_1_to_max_batch_handles)
{
	const __u32 bad[] = { 0, self->info.out_max_batch + 1, 0x7fffffff,
			      0x80000000, 0xffffffff };
	struct labyrinth_free cmd = { .handles = (uintptr_t)self->handles };

	test_alloc(self->fd, 0, SOME, self->handles);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cmd.count = bad[i];
		test_err_free_cmd(EINVAL, self->fd, &cmd);
		EXPECT_EQ(SOME, used_pages(self->fd));
	}
	cmd.count = SOME;
	test_free_cmd(self->fd, &cmd);
	EXPECT_EQ(SOME, cmd.out_count);
	EXPECT_EQ(SOME, cmd.out_bad);
	EXPECT_EQ(0, used_pages(self->fd));
}

TEST_F(fields, the_largest_batch_is_freed)
{
	__u32 count = self->info.out_max_batch;
	struct labyrinth_free cmd = {
		.flags = LABYRINTH_FREE_PARTIAL,
		.count = count,
		.handles = (uintptr_t)self->handles,
	};

	/* A good handle at each end, and none (0) between them. */
	test_alloc(self->fd, 0, 1, self->handles);
	test_alloc(self->fd, 0, 1, self->handles + count - 1);
	test_free_cmd(self->fd, &cmd);
	EXPECT_EQ(2, cmd.out_count);
	EXPECT_EQ(1, cmd.out_bad);
	EXPECT_EQ(0, used_pages(self->fd));
}

TEST_F(fields, freeing_in_part_what_is_wrong_altogether_is_refused)
{
	struct labyrinth_free cmd = {
		.flags = LABYRINTH_FREE_PARTIAL,
		.count = 2,
		.handles = (uintptr_t)self->handles,
	};

	self->handles[0] = 0;
	self->handles[1] = ~0ULL;
	test_err_free_cmd(ENOENT, self->fd, &cmd);
	EXPECT_EQ(0, cmd.out_count);
	EXPECT_EQ(0, cmd.out_bad);
}

TEST_F(fields, free_with_an_unreadable_handle_array_frees_nothing)
{
	char *area = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct labyrinth_free cmd = { .count = 2 };
	__u64 *last = (__u64 *)(area + self->page - sizeof(*last));

	ASSERT_NE(MAP_FAILED, area);
	test_alloc(self->fd, 0, 2, self->handles);
	memcpy(last, self->handles, sizeof(*last));
	ASSERT_EQ(0, munmap(area + self->page, self->page));

	cmd.handles = (uintptr_t)last;
	test_err_free_cmd(EFAULT, self->fd, &cmd);
	cmd.flags = LABYRINTH_FREE_PARTIAL;
	test_err_free_cmd(EFAULT, self->fd, &cmd);
	cmd.handles = 0;
	test_err_free_cmd(EFAULT, self->fd, &cmd);
	EXPECT_EQ(2, used_pages(self->fd));
}

TEST_F(fields, give_and_take_move_1_to_max_batch_blocks)
{
	const __u32 bad[] = { 0, self->info.out_max_batch + 1, 0x7fffffff,
			      0x80000000, 0xffffffff };
	int peer = test_open_device(O_RDWR);
	struct labyrinth_give give = {
		.to = owner_number(peer),
		.handles = (uintptr_t)self->handles,
	};
	struct labyrinth_take take = { .handles = give.handles };

	test_accept(peer, LABYRINTH_ACCEPT_ANY, 0);
	test_alloc(self->fd, 0, SOME, self->handles);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		give.count = bad[i];
		test_err_give_cmd(EINVAL, self->fd, &give);
		EXPECT_EQ(SOME, used_pages(self->fd));
	}
	give.count = SOME;
	test_give_cmd(self->fd, &give);
	EXPECT_EQ(SOME, give.out_bad);
	EXPECT_EQ(LABYRINTH_REASON_NONE, give.out_reason);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		take.count = bad[i];
		test_err_take_cmd(EINVAL, peer, &take);
		EXPECT_EQ(SOME, inbox_used(peer));
	}
	take.count = self->info.out_max_batch;
	self->handles[SOME] = 0xAAAA;
	test_take_cmd(peer, &take);
	EXPECT_EQ(SOME, take.out_count);
	EXPECT_EQ(0xAAAA, self->handles[SOME]);
	test_free(peer, SOME, self->handles);
	close(peer);
}

TEST_F(fields, accept_takes_the_values_it_knows)
{
	const __u32 unknown[] = { LABYRINTH_ACCEPT_ANY + 1, 0x80000000,
				  0xffffffff };
	const __u32 too_many[] = { LABYRINTH_INBOX_MAX + 1, 0x80000000,
				   0xffffffff };
	struct labyrinth_info info;

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		test_err_accept(EINVAL, self->fd, unknown[i], 1);
	for (size_t i = 0; i < ARRAY_SIZE(too_many); i++)
		test_err_accept(EINVAL, self->fd, LABYRINTH_ACCEPT_ANY,
				too_many[i]);
	test_info(self->fd, &info);
	EXPECT_EQ(LABYRINTH_ACCEPT_NONE, info.out_accept);
	EXPECT_EQ(0, info.out_inbox);

	for (__u32 accept = 0; accept <= LABYRINTH_ACCEPT_ANY; accept++) {
		test_accept(self->fd, accept, LABYRINTH_INBOX_MAX);
		test_info(self->fd, &info);
		EXPECT_EQ(accept, info.out_accept);
		EXPECT_EQ(LABYRINTH_INBOX_MAX, info.out_inbox);
	}
}

TEST_F(fields, an_inbox_keeps_its_capacity)
{
	struct labyrinth_info info;

	test_accept(self->fd, LABYRINTH_ACCEPT_UID, 0);
	test_info(self->fd, &info);
	EXPECT_EQ(LABYRINTH_INBOX_DEFAULT, info.out_inbox);
	test_err_accept(EBUSY, self->fd, LABYRINTH_ACCEPT_ANY, 1);
	test_err_accept(EBUSY, self->fd, LABYRINTH_ACCEPT_NONE,
			LABYRINTH_INBOX_DEFAULT + 1);
	test_info(self->fd, &info);
	EXPECT_EQ(LABYRINTH_ACCEPT_UID, info.out_accept);
	EXPECT_EQ(LABYRINTH_INBOX_DEFAULT, info.out_inbox);
	test_accept(self->fd, LABYRINTH_ACCEPT_ANY, LABYRINTH_INBOX_DEFAULT);
	test_accept(self->fd, LABYRINTH_ACCEPT_NONE, 0);
	test_info(self->fd, &info);
	EXPECT_EQ(LABYRINTH_ACCEPT_NONE, info.out_accept);
	EXPECT_EQ(LABYRINTH_INBOX_DEFAULT, info.out_inbox);
}

TEST_F(fields, eventfd_takes_an_eventfd_and_nothing_else)
{
	int event = eventfd(0, EFD_CLOEXEC), closed = dup(event);

	ASSERT_LE(0, closed);
	close(closed);
	test_err_eventfd(EINVAL, self->fd, self->fd);
	test_err_eventfd(EINVAL, self->fd, 0);
	test_err_eventfd(EBADF, self->fd, closed);
	test_err_eventfd(EBADF, self->fd, 0x7fffffff);
	test_eventfd(self->fd, event);
	test_eventfd(self->fd, event);
	test_eventfd(self->fd, -1);
	test_eventfd(self->fd, -1);
	close(event);
}

TEST_F(fields, query_describes_a_fresh_block)
{
	struct labyrinth_alloc cmd = one_block(self);
	struct labyrinth_query query;
	__u64 age;

	cmd.tag = 42;
	test_alloc_cmd(self->fd, &cmd);
	test_query(self->fd, 0, self->handles[0], &query);
	EXPECT_EQ(self->handles[0], query.out_handle);
	EXPECT_EQ(42, query.out_tag);
	EXPECT_EQ(0, query.out_used);
	EXPECT_EQ(0, query.out_order);
	EXPECT_EQ(LABYRINTH_SCOPE_PROCESS, query.out_scope);
	EXPECT_EQ(cmd.out_rung, query.out_rung);
	EXPECT_EQ(0, query.out_flags);
	EXPECT_EQ(0, query.out_offset);
	EXPECT_NE(0, query.out_phys);	/* root asks */
	EXPECT_EQ(0, query.out_phys % self->page);
	age = query.out_age_ns;
	usleep(20000);
	test_query(self->fd, 0, self->handles[0], &query);
	EXPECT_LT(age, query.out_age_ns);
}

TEST_F(fields, query_next_walks_in_the_order_of_taking)
{
	struct labyrinth_query query;
	__u64 handle = 0;

	test_err_query(ENODATA, self->fd, LABYRINTH_QUERY_NEXT, 0, &query);
	test_alloc(self->fd, 0, 4, self->handles);
	test_alloc(self->fd, 0, 1, self->handles + 4);
	test_free(self->fd, 1, self->handles + 1);
	test_alloc(self->fd, 0, 1, self->handles + 5);

	for (int i = 0; i < 6; i++) {
		if (i == 1)
			continue;
		test_query(self->fd, LABYRINTH_QUERY_NEXT, handle, &query);
		EXPECT_EQ(self->handles[i], query.out_handle);
		handle = query.out_handle;
	}
	test_err_query(ENODATA, self->fd, LABYRINTH_QUERY_NEXT, handle, &query);
	test_err_query(ENOENT, self->fd, LABYRINTH_QUERY_NEXT,
		       self->handles[1], &query);
	test_err_query(ENOENT, self->fd, 0, 0, &query);
}

TEST_HARNESS_MAIN
