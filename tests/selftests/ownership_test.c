// SPDX-License-Identifier: GPL-2.0-only
/*
 * One page, one owner: nobody else reaches it by any handle, and nothing of
 * what it held is ever seen again.
 */
#include "util.h"

#define RANDOM_GUESSES	100000
#define CYCLES		2000
#define MANY		256

FIXTURE(ownership) {
	int fd;
	int other;		/* another owner of the same process */
	struct labyrinth_info info;
	size_t size;
	char *buffer;
	__u64 handles[MANY];
};

FIXTURE_SETUP(ownership)
{
	self->fd = test_open_device(O_RDWR);
	self->other = test_open_device(O_RDWR);
	test_info(self->fd, &self->info);
	self->size = page_size();
	ASSERT_EQ(0, open_to_all(true));
	self->buffer = malloc(self->size << self->info.out_max_order);
	ASSERT_NE(NULL, self->buffer);
	ASSERT_LE(MANY, self->info.out_max_batch);
}

FIXTURE_TEARDOWN(ownership)
{
	close(self->fd);
	close(self->other);
	open_to_all(false);
}

TEST_F(ownership, a_fresh_block_of_any_order_is_all_zero)
{
	for (__u32 order = 0; order <= self->info.out_max_order; order++) {
		struct labyrinth_alloc cmd = {
			.count = 1,
			.order = order,
			.fallback = LABYRINTH_FALLBACK_FAIL,
			.handles = (uintptr_t)self->handles,
		};

		/* Twice: the second one may be the first one's pages. */
		for (int i = 0; i < 2; i++) {
			test_alloc_cmd(self->fd, &cmd);
			memset(self->buffer, 0xAA, self->size << order);
			test_read(self->fd, self->handles[0], 0,
				  self->size << order, self->buffer);
			EXPECT_TRUE(all_bytes_are(self->buffer, 0,
						  self->size << order));
			memset(self->buffer, 0x55, self->size << order);
			test_write(self->fd, self->handles[0], 0,
				   self->size << order, self->buffer);
			test_free(self->fd, 1, self->handles);
		}
	}
}

TEST_F(ownership, contents_are_gone_after_free_over_many_cycles)
{
	struct labyrinth_query query;

	for (int i = 0; i < CYCLES; i++) {
		int fd = i % 2 ? self->other : self->fd;
		__u64 handle;

		test_alloc(fd, 0, 1, &handle);
		test_query(fd, 0, handle, &query);
		ASSERT_EQ(0, query.out_tag);
		ASSERT_EQ(0, query.out_used);
		test_read(fd, handle, 0, self->size, self->buffer);
		ASSERT_TRUE(all_bytes_are(self->buffer, 0, self->size));
		memset(self->buffer, 1 + i % 255, self->size);
		test_write(fd, handle, 0, self->size, self->buffer);
		test_set(fd, LABYRINTH_SET_TAG, handle, i + 1, 0);
		test_free(fd, 1, &handle);
	}
}

TEST_F(ownership, many_pages_keep_their_contents_apart)
{
	__u64 word;

	test_alloc(self->fd, 0, MANY, self->handles);
	for (int i = 0; i < MANY; i++) {
		word = i * 0x9E3779B97F4A7C15ULL;
		test_write(self->fd, self->handles[i], self->size - 8, 8,
			   &word);
	}
	for (int i = 0; i < MANY; i++) {
		test_read(self->fd, self->handles[i], self->size - 8, 8, &word);
		EXPECT_EQ(i * 0x9E3779B97F4A7C15ULL, word);
	}
}

TEST_F(ownership, another_descriptor_finds_no_such_page)
{
	char byte = 's';

	test_alloc(self->fd, 0, 1, self->handles);
	test_write(self->fd, self->handles[0], 0, 1, &byte);
	EXPECT_EQ(0, every_call_refuses(self->other, self->handles[0]));

	/* Not even where the other one holds pages itself. */
	test_alloc(self->other, 0, 1, self->handles + 1);
	EXPECT_EQ(0, every_call_refuses(self->other, self->handles[0]));
	EXPECT_EQ(0, every_call_refuses(self->fd, self->handles[1]));

	test_read(self->fd, self->handles[0], 0, 1, &byte);
	EXPECT_EQ('s', byte);
	EXPECT_EQ(1, used_pages(self->fd));
	EXPECT_EQ(1, used_pages(self->other));
}

static int stranger(void *handle)
{
	int fd = _open_device(O_RDWR);

	if (fd < 0)
		return 1;
	return every_call_refuses(fd, *(__u64 *)handle) ? 2 : 0;
}

static int unprivileged_stranger(void *handle)
{
	return become(NOBODY, NOBODY) ? 3 : stranger(handle);
}

TEST_F(ownership, another_process_finds_no_such_page)
{
	char byte = 's';

	test_alloc(self->fd, 0, 1, self->handles);
	test_write(self->fd, self->handles[0], 0, 1, &byte);
	EXPECT_EQ(0, in_child(stranger, self->handles));
	EXPECT_EQ(0, in_child(unprivileged_stranger, self->handles));
	test_read(self->fd, self->handles[0], 0, 1, &byte);
	EXPECT_EQ('s', byte);
}

TEST_F(ownership, a_stale_handle_is_refused_for_good)
{
	test_alloc(self->fd, 0, 1, self->handles);
	test_free(self->fd, 1, self->handles);
	EXPECT_EQ(0, every_call_refuses(self->fd, self->handles[0]));

	/* Its slot is somebody's again, and again: never under this handle. */
	for (int i = 0; i < CYCLES; i++) {
		test_alloc(self->fd, 0, 1, self->handles + 1);
		ASSERT_NE(self->handles[0], self->handles[1]);
		ASSERT_EQ(0, every_call_refuses(self->fd, self->handles[0]));
		test_free(self->fd, 1, self->handles + 1);
	}
}

TEST_F(ownership, a_handle_of_a_closed_descriptor_is_refused)
{
	int fd = test_open_device(O_RDWR);

	test_alloc(fd, 0, 1, self->handles);
	close(fd);
	EXPECT_EQ(0, every_call_refuses(self->fd, self->handles[0]));
}

TEST_F(ownership, a_neighbour_of_a_real_handle_is_refused)
{
	__u64 handle, old;

	/* The generation of a slot that was used before has a past, too. */
	test_alloc(self->other, 0, 1, &old);
	test_free(self->other, 1, &old);
	test_alloc(self->fd, 0, 1, &handle);

	for (int bit = 0; bit < 64; bit++) {
		__u64 step = 1ULL << bit;

		EXPECT_EQ(0, every_call_refuses(self->fd, handle ^ step));
		EXPECT_EQ(0, every_call_refuses(self->fd, handle + step));
		EXPECT_EQ(0, every_call_refuses(self->fd, handle - step));
		EXPECT_EQ(0, every_call_refuses(self->other, handle ^ step));
	}
	EXPECT_EQ(0, every_call_refuses(self->other, handle));
	EXPECT_EQ(0, every_call_refuses(self->fd, old));
	EXPECT_EQ(1, used_pages(self->fd));
}

TEST_F(ownership, a_slot_that_does_not_exist_is_refused)
{
	const __u64 slots[] = { self->info.out_slots, self->info.out_slots + 1,
				0xfffffe, 0xffffff };
	__u64 handle;

	test_alloc(self->fd, 0, 1, &handle);
	for (size_t i = 0; i < ARRAY_SIZE(slots); i++) {
		/* Whichever end of the handle the index is at. */
		__u64 low = (handle & ~0xffffffULL) | slots[i];
		__u64 high = (handle & (~0ULL >> 24)) | slots[i] << 40;

		EXPECT_EQ(0, every_call_refuses(self->fd, low));
		EXPECT_EQ(0, every_call_refuses(self->fd, high));
	}
	EXPECT_EQ(0, every_call_refuses(self->fd, 0));
	EXPECT_EQ(0, every_call_refuses(self->fd, ~0ULL));
}

TEST_F(ownership, a_random_guess_is_refused)
{
	__u64 guess = 88172645463325252ULL;
	struct labyrinth_query query;

	test_alloc(self->fd, 0, MANY, self->handles);
	for (int i = 0; i < RANDOM_GUESSES; i++) {
		guess ^= guess << 13;
		guess ^= guess >> 7;
		guess ^= guess << 17;
		/* Half of them near what is there. */
		if (i % 2)
			guess = self->handles[i % MANY] ^
				(guess & 0xff000000ffULL);
		ASSERT_EQ(-ENOENT, _query(self->other, 0, guess, &query));
		if (i % 10)
			continue;
		ASSERT_EQ(0, every_call_refuses(self->other, guess));
	}
	EXPECT_EQ(MANY, used_pages(self->fd));
}

TEST_F(ownership, freed_pages_do_not_come_twice)
{
	/* What two owners hold at one time is disjoint: handles and frames. */
	for (int round = 0; round < 20; round++) {
		struct labyrinth_query mine, theirs;
		__u64 a[8], b[8];

		test_alloc(self->fd, 0, 8, a);
		test_alloc(self->other, 0, 8, b);
		for (int i = 0; i < 8; i++) {
			test_query(self->fd, 0, a[i], &mine);
			for (int k = 0; k < 8; k++) {
				test_query(self->other, 0, b[k], &theirs);
				ASSERT_NE(a[i], b[k]);
				ASSERT_NE(mine.out_phys, theirs.out_phys);
			}
		}
		test_free(self->fd, 8, a);
		test_free(self->other, 8, b);
	}
}

TEST_HARNESS_MAIN
