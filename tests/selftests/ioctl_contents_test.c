// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fields of READ, WRITE, SET and ATTACH: ranges, buffers, what a caller
 * may keep with a block, and names.
 */
#include "util.h"

FIXTURE(contents) {
	int fd;
	__u64 page;		/* a block of order 0 */
	__u64 pair;		/* a block of order 1 */
	size_t size;		/* of a base page */
	char *buffer;		/* of three pages, the last can't be touched */
};

FIXTURE_SETUP(contents)
{
	struct labyrinth_alloc cmd = {
		.count = 1,
		.order = 1,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)&self->pair,
	};

	self->fd = test_open_device(O_RDWR);
	self->size = page_size();
	test_alloc(self->fd, 0, 1, &self->page);
	test_alloc_cmd(self->fd, &cmd);
	self->buffer = mmap(NULL, 3 * self->size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->buffer);
	ASSERT_EQ(0, mprotect(self->buffer + 2 * self->size, self->size,
			      PROT_NONE));
}

FIXTURE_TEARDOWN(contents)
{
	close(self->fd);
}

static __u64 used_length(FIXTURE_DATA(contents) *self, __u64 handle)
{
	struct labyrinth_query query;

	return _query(self->fd, 0, handle, &query) ? ~0ULL : query.out_used;
}

TEST_F(contents, what_is_written_anywhere_in_a_block_is_read_there)
{
	const struct {
		__u32 offset, length;
	} ranges[] = {
		{ 0, 1 }, { 1, 7 }, { self->size - 1, 1 },
		{ self->size - 1, 2 }, { self->size, self->size },
		{ 2 * self->size - 1, 1 }, { 3, 2 * self->size - 3 },
		{ 0, 2 * self->size },
	};
	char expected[2 * self->size];

	memset(expected, 0, sizeof(expected));
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		memset(expected + ranges[i].offset, 'a' + i, ranges[i].length);
		test_write(self->fd, self->pair, ranges[i].offset,
			   ranges[i].length, expected + ranges[i].offset);
		test_read(self->fd, self->pair, 0, 2 * self->size,
			  self->buffer);
		ASSERT_EQ(0, memcmp(expected, self->buffer, sizeof(expected)));

		memset(self->buffer, '.', 2 * self->size);
		test_read(self->fd, self->pair, ranges[i].offset,
			  ranges[i].length, self->buffer);
		ASSERT_EQ(0, memcmp(expected + ranges[i].offset, self->buffer,
				    ranges[i].length));
		ASSERT_TRUE(all_bytes_are(self->buffer + ranges[i].length, '.',
					  2 * self->size - ranges[i].length));
	}
}

TEST_F(contents, a_range_that_leaves_the_block_is_refused)
{
	const struct {
		__u32 offset, length;
	} ranges[] = {
		{ 0, self->size + 1 }, { 1, self->size }, { self->size, 1 },
		{ self->size + 1, 0 }, { 0, 0x7fffffff }, { 0, 0x80000000 },
		{ 0, 0xffffffff }, { 0xffffffff, 1 }, { 0xffffffff, 0 },
		{ 0xffffffff, 0xffffffff }, { 0x80000000, 0x80000000 },
		{ 16, 0xfffffff0 }, { 0xfffff000, 0x1000 },
		{ 0xfffff000, 0x1001 },
	};

	memset(self->buffer, '.', self->size);
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		test_err_read(EINVAL, self->fd, self->page, ranges[i].offset,
			      ranges[i].length, self->buffer);
		test_err_write(EINVAL, self->fd, self->page, ranges[i].offset,
			       ranges[i].length, self->buffer);
	}
	EXPECT_TRUE(all_bytes_are(self->buffer, '.', self->size));
	EXPECT_EQ(0, used_length(self, self->page));
	test_read(self->fd, self->page, 0, self->size, self->buffer);
	EXPECT_TRUE(all_bytes_are(self->buffer, 0, self->size));
}

TEST_F(contents, length_0_only_checks_the_handle)
{
	test_read(self->fd, self->page, 0, 0, NULL);
	test_write(self->fd, self->page, 0, 0, NULL);
	test_read(self->fd, self->page, self->size, 0, NULL);
	test_err_read(ENOENT, self->fd, self->page + self->pair, 0, 0, NULL);
	test_err_write(ENOENT, self->fd, 0, 0, 0, NULL);
}

TEST_F(contents, a_buffer_that_cannot_be_touched_is_refused)
{
	char *wall = self->buffer + 2 * self->size;
	const __u64 bad[] = { 0, (uintptr_t)wall, -4096ULL,
			      0xffff888000000000ULL };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct labyrinth_rw cmd = {
			.handle = self->page,
			.length = 16,
			.buffer = bad[i],
		};

		test_err(EFAULT, _rw_cmd(self->fd, LABYRINTH_IOC_READ, &cmd));
		EXPECT_EQ(0, cmd.out_length);
		test_err(EFAULT, _rw_cmd(self->fd, LABYRINTH_IOC_WRITE, &cmd));
		EXPECT_EQ(0, cmd.out_length);
	}
	ASSERT_EQ(0, mprotect(self->buffer, self->size, PROT_READ));
	test_err_read(EFAULT, self->fd, self->page, 0, 16, self->buffer);
	test_write(self->fd, self->page, 0, 16, self->buffer);
}

TEST_F(contents, a_copy_that_breaks_off_tells_how_far_it_came)
{
	char *wall = self->buffer + 2 * self->size;
	struct labyrinth_rw cmd = {
		.handle = self->pair,
		.length = 2 * self->size,
		.buffer = (uintptr_t)wall - self->size - 64,
	};

	/* The first page is there; of the second 64 bytes at most. */
	memset(self->buffer, 'x', 2 * self->size);
	test_err(EFAULT, _rw_cmd(self->fd, LABYRINTH_IOC_WRITE, &cmd));
	EXPECT_LE(self->size, cmd.out_length);
	EXPECT_GE(self->size + 64, cmd.out_length);

	memset(self->buffer, '.', 2 * self->size);
	test_err(EFAULT, _rw_cmd(self->fd, LABYRINTH_IOC_READ, &cmd));
	EXPECT_LE(self->size, cmd.out_length);
	EXPECT_GE(self->size + 64, cmd.out_length);
	EXPECT_TRUE(all_bytes_are(wall - self->size - 64, 'x', self->size));
}

TEST_F(contents, write_raises_the_used_length_and_never_lowers_it)
{
	test_write(self->fd, self->page, 100, 28, self->buffer);
	EXPECT_EQ(128, used_length(self, self->page));
	test_write(self->fd, self->page, 0, 8, self->buffer);
	EXPECT_EQ(128, used_length(self, self->page));
	test_write(self->fd, self->page, 0, self->size, self->buffer);
	EXPECT_EQ(self->size, used_length(self, self->page));
	EXPECT_EQ(0, used_length(self, self->pair));
}

TEST_F(contents, set_keeps_tag_and_used_length_with_the_block)
{
	struct labyrinth_query query;

	test_set(self->fd, LABYRINTH_SET_TAG, self->pair, ~0ULL, 0);
	test_set(self->fd, LABYRINTH_SET_USED, self->pair, 0, 2 * self->size);
	test_query(self->fd, 0, self->pair, &query);
	EXPECT_EQ(~0ULL, query.out_tag);
	EXPECT_EQ(2 * self->size, query.out_used);

	test_set(self->fd, LABYRINTH_SET_TAG | LABYRINTH_SET_USED, self->pair,
		 0, 0);
	test_query(self->fd, 0, self->pair, &query);
	EXPECT_EQ(0, query.out_tag);
	EXPECT_EQ(0, query.out_used);
}

TEST_F(contents, set_refuses_what_it_was_not_asked_to_set)
{
	const __u32 tag = LABYRINTH_SET_TAG, used = LABYRINTH_SET_USED;
	struct labyrinth_query query;

	test_err_set(EINVAL, self->fd, 0, self->page, 0, 0);
	test_err_set(EINVAL, self->fd, used, self->page, 1, 0);
	test_err_set(EINVAL, self->fd, tag, self->page, 0, 1);
	test_err_set(EINVAL, self->fd, used, self->page, 0, self->size + 1);
	test_err_set(EINVAL, self->fd, used, self->page, 0, 1ULL << 32);
	test_err_set(EINVAL, self->fd, used, self->page, 0, ~0ULL);
	test_err_set(EINVAL, self->fd, tag | used, self->page, 7, ~0ULL);
	test_err_set(ENOENT, self->fd, tag, 0, 7, 0);
	test_query(self->fd, 0, self->page, &query);
	EXPECT_EQ(0, query.out_tag);
	EXPECT_EQ(0, query.out_used);
}

TEST_F(contents, attach_refuses_a_name_that_no_owner_can_have)
{
	static const char * const bad[] = {
		"", " ", "a b", "a/b", "../a", "a\n", "\x7f", "\xc3\xa4", "a*",
		"a:b", "a\\b", "%s%s%s%n", "a,", "@",
	};
	int fd = test_open_device(O_RDWR);
	struct labyrinth_attach cmd = {};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		test_err_attach(EINVAL, fd, bad[i]) {
			TH_LOG("name '%s'", bad[i]);
		}
	}

	/* 32 characters and no end; bytes after the end. */
	memset(cmd.name, 'a', sizeof(cmd.name));
	test_err(EINVAL, _attach_cmd(fd, &cmd));
	cmd.name[LABYRINTH_NAME_SIZE - 1] = '\0';
	test_err(ENOENT, _attach_cmd(fd, &cmd));
	close(fd);
}

TEST_F(contents, attach_to_an_owner_that_is_not_there_is_refused)
{
	int fd = test_open_device(O_RDWR);
	__u64 handle;

	test_err_attach(ENOENT, fd, "no.such-owner_0");
	test_err_attach(ENOENT, fd, ".");
	/* And the descriptor goes on as it was. */
	test_alloc(fd, 0, 1, &handle);
	EXPECT_EQ(1, used_pages(fd));
	close(fd);
}

TEST_HARNESS_MAIN
