// SPDX-License-Identifier: GPL-2.0-only
/*
 * What MAP and mmap(2) refuse, with which errno, and that nothing has changed
 * then.
 */
#include <sys/statvfs.h>

#include "admin_util.h"
#include "map_util.h"

#define OWNER	"selftest.maprefuse"
#define PAGES	4

FIXTURE(refuse) {
	int fd;
	size_t page;
	__u64 handles[PAGES];
	__u64 offset;
	struct labyrinth_info info;
};

FIXTURE_SETUP(refuse)
{
	survive_touching();
	self->fd = test_open_device(O_RDWR);
	self->page = page_size();
	test_info(self->fd, &self->info);
	test_alloc(self->fd, 0, PAGES, self->handles);
	test_map(self->fd, PAGES, self->handles, &self->offset);
}

FIXTURE_TEARDOWN(refuse)
{
	close(self->fd);
}

/* === MAP ================================================================= */

TEST_F(refuse, map_takes_1_to_max_batch_handles)
{
	const __u32 bad[] = { 0, self->info.out_max_batch + 1, 0x7fffffff,
			      0x80000000, 0xffffffff };
	struct labyrinth_map cmd = { .handles = (uintptr_t)self->handles };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cmd.count = bad[i];
		test_err_map_cmd(EINVAL, self->fd, &cmd);
	}
	EXPECT_EQ(self->offset, place_of(self->fd, self->handles[0]));
}

TEST_F(refuse, the_largest_batch_is_mapped)
{
	__u32 count = self->info.out_max_batch;
	__u64 *handles = calloc(count, sizeof(*handles));
	char *at;
	int ret;

	ASSERT_NE(NULL, handles);
	ASSERT_EQ(0, file_quota_set(self->fd, LABYRINTH_UNLIMITED));
	ret = _alloc(self->fd, 0, count, handles);
	if (ret)
		SKIP(return, "no room for the largest batch: %s",
		     strerror(-ret));
	at = test_map_blocks(self->fd, count, handles);
	for (__u32 i = 0; i < count; i++)
		ASSERT_EQ(0, try_store(at + i * self->page, i + 1));
	for (__u32 i = 0; i < count; i += 97) {
		__u64 value;

		test_read(self->fd, handles[i], 0, sizeof(value), &value);
		EXPECT_EQ(i + 1, value);
	}
	free(handles);
}

TEST_F(refuse, map_is_all_or_nothing_and_names_the_first_bad_handle)
{
	__u64 stale, batch[PAGES];
	struct labyrinth_map cmd = {
		.count = PAGES,
		.handles = (uintptr_t)batch,
	};

	test_alloc(self->fd, 0, 1, &stale);
	test_free(self->fd, 1, &stale);
	for (__u32 bad = 0; bad < PAGES; bad++) {
		memcpy(batch, self->handles, sizeof(batch));
		batch[bad] = bad % 2 ? stale : 0;
		test_err_map_cmd(ENOENT, self->fd, &cmd);
		EXPECT_EQ(bad, cmd.out_bad);
		for (__u32 i = 0; i < PAGES; i++)
			EXPECT_EQ(self->offset + i * self->page,
				  place_of(self->fd, self->handles[i]));
	}
	memcpy(batch, self->handles, sizeof(batch));
	batch[1] = stale;
	batch[3] = 0;
	test_err_map_cmd(ENOENT, self->fd, &cmd);
	EXPECT_EQ(1, cmd.out_bad);
}

TEST_F(refuse, a_handle_that_is_there_twice_is_refused)
{
	__u64 batch[PAGES];
	struct labyrinth_map cmd = {
		.count = PAGES,
		.handles = (uintptr_t)batch,
	};

	for (__u32 second = 1; second < PAGES; second++) {
		for (__u32 first = 0; first < second; first++) {
			memcpy(batch, self->handles, sizeof(batch));
			batch[second] = batch[first];
			test_err_map_cmd(EINVAL, self->fd, &cmd);
			for (__u32 i = 0; i < PAGES; i++)
				EXPECT_EQ(self->offset + i * self->page,
					  place_of(self->fd,
						   self->handles[i]));
		}
	}
}

TEST_F(refuse, another_owners_block_is_not_there)
{
	int other = test_open_device(O_RDWR);
	__u64 batch[2];

	test_alloc(other, 0, 1, batch);
	batch[1] = self->handles[0];
	test_err_map(ENOENT, other, 2, batch, NULL);
	test_err_map(ENOENT, other, 1, self->handles, NULL);
	EXPECT_EQ(0, place_of(other, batch[0]));
	/* What another descriptor has at that place is none of this one's. */
	test_err_mmap(ENXIO, other, PROT_READ, MAP_SHARED, self->page,
		      self->offset);
	close(other);
}

TEST_F(refuse, an_unreadable_handle_array_maps_nothing)
{
	char *area = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u64 *last = (__u64 *)(area + self->page - sizeof(*last));

	ASSERT_NE(MAP_FAILED, area);
	memcpy(last, self->handles, sizeof(*last));
	ASSERT_EQ(0, munmap(area + self->page, self->page));
	test_err_map(EFAULT, self->fd, 2, last, NULL);
	test_err_map(EFAULT, self->fd, 1, NULL, NULL);
	EXPECT_EQ(self->offset, place_of(self->fd, self->handles[0]));
}

TEST_F(refuse, a_block_for_one_thread_is_not_mapped)
{
	__u64 batch[2] = { self->handles[1] };
	struct labyrinth_alloc cmd = {
		.count = 1,
		.scope = LABYRINTH_SCOPE_THREAD,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)&batch[1],
	};

	test_alloc_cmd(self->fd, &cmd);
	test_err_map(EOPNOTSUPP, self->fd, 1, batch + 1, NULL);
	test_err_map(EOPNOTSUPP, self->fd, 2, batch, NULL);
	EXPECT_EQ(0, place_of(self->fd, batch[1]));
	EXPECT_EQ(self->offset + self->page, place_of(self->fd, batch[0]));
}

/* === mmap: where ========================================================= */

TEST_F(refuse, an_offset_that_was_never_given_out_is_not_there)
{
	const __u64 bad[] = { 0, self->page, self->offset - self->page,
			      self->offset + PAGES * self->page,
			      1ULL << 32, 1ULL << 40,
			      (1ULL << 43) - self->page };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (bad[i] >= self->offset &&
		    bad[i] < self->offset + PAGES * self->page)
			continue;
		EXPECT_EQ(-ENXIO, mmap_error(self->fd, PROT_READ, MAP_SHARED,
					     self->page, bad[i])) {
			TH_LOG("offset %#llx", (unsigned long long)bad[i]);
		}
	}
}

TEST_F(refuse, a_range_beyond_either_end_is_not_there)
{
	size_t all = PAGES * self->page;

	test_err_mmap(ENXIO, self->fd, PROT_READ, MAP_SHARED, all + self->page,
		      self->offset);
	test_err_mmap(ENXIO, self->fd, PROT_READ, MAP_SHARED, 2 * self->page,
		      self->offset + all - self->page);
	test_err_mmap(ENXIO, self->fd, PROT_READ, MAP_SHARED,
		      all + self->page, self->offset - self->page);
	test_err_mmap(ENXIO, self->fd, PROT_READ, MAP_SHARED, all * 1024,
		      self->offset);
	test_err_mmap(0, self->fd, PROT_READ, MAP_SHARED, all, self->offset);
	/* An end that is not a page's is the kernel's to round up. */
	test_err_mmap(0, self->fd, PROT_READ, MAP_SHARED, all - 1,
		      self->offset);
	test_err_mmap(EINVAL, self->fd, PROT_READ, MAP_SHARED, self->page,
		      self->offset + 512);
	test_err_mmap(EINVAL, self->fd, PROT_READ, MAP_SHARED, 0,
		      self->offset);
}

TEST_F(refuse, a_range_with_a_hole_is_not_there)
{
	test_free(self->fd, 1, self->handles + 1);
	test_err_mmap(ENXIO, self->fd, PROT_READ, MAP_SHARED,
		      PAGES * self->page, self->offset);
	test_err_mmap(ENXIO, self->fd, PROT_READ, MAP_SHARED, self->page,
		      self->offset + self->page);
	test_err_mmap(0, self->fd, PROT_READ, MAP_SHARED, self->page,
		      self->offset);
	test_err_mmap(0, self->fd, PROT_READ, MAP_SHARED, 2 * self->page,
		      self->offset + 2 * self->page);
}

TEST_F(refuse, two_ranges_are_not_one)
{
	__u64 more[2], second;

	/* Their offsets may well adjoin: then it is one, and the same pages. */
	test_alloc(self->fd, 0, 2, more);
	test_map(self->fd, 2, more, &second);
	test_err_mmap(ENXIO, self->fd, PROT_READ, MAP_SHARED,
		      3 * self->page, second);
	if (second != self->offset + PAGES * self->page)
		test_err_mmap(ENXIO, self->fd, PROT_READ, MAP_SHARED,
			      (PAGES + 1) * self->page, self->offset);
}

/* === mmap: how =========================================================== */

TEST_F(refuse, only_a_shared_mapping_is_exclusive)
{
	int reader = test_open_device(O_RDONLY);

	test_err_mmap(EINVAL, self->fd, PROT_READ, MAP_PRIVATE, self->page,
		      self->offset);
	test_err_mmap(EINVAL, self->fd, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		      self->page, self->offset);
	test_err_mmap(EINVAL, self->fd, PROT_NONE, MAP_PRIVATE, self->page,
		      self->offset);
	/* A read-only file's shared mapping has lost the flag that tells. */
	test_err_mmap(EINVAL, reader, PROT_READ, MAP_PRIVATE, self->page,
		      self->offset);
	close(reader);
}

TEST_F(refuse, nothing_is_mapped_to_be_executed)
{
	char *at = test_map_at(self->fd, PROT_READ | PROT_WRITE,
			       PAGES * self->page, self->offset);
	struct statvfs fs;
	/* The kernel's own word, before the device is asked. */
	int expected = statvfs(LABYRINTH_DEVICE, &fs) ||
		       !(fs.f_flag & ST_NOEXEC) ? EACCES : EPERM;

	test_err_mmap(expected, self->fd, PROT_EXEC, MAP_SHARED, self->page,
		      self->offset);
	test_err_mmap(expected, self->fd, PROT_READ | PROT_WRITE | PROT_EXEC,
		      MAP_SHARED, self->page, self->offset);
	EXPECT_EQ(-1, mprotect(at, self->page, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(at, PAGES * self->page, PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(0, try_store(at, 1));
}

TEST_F(refuse, a_mapping_is_protected_as_any_memory)
{
	char *at = test_map_at(self->fd, PROT_READ, PAGES * self->page,
			       self->offset);
	__u64 value;

	EXPECT_EQ(0, try_load(at, &value));
	EXPECT_EQ(SIGSEGV, try_store(at, 1));
	ASSERT_EQ(0, mprotect(at + self->page, self->page,
			      PROT_READ | PROT_WRITE));
	EXPECT_EQ(SIGSEGV, try_store(at, 1));
	EXPECT_EQ(0, try_store(at + self->page, 1));
	EXPECT_EQ(SIGSEGV, try_store(at + 2 * self->page, 1));
	ASSERT_EQ(0, mprotect(at, PAGES * self->page, PROT_NONE));
	EXPECT_EQ(SIGSEGV, try_load(at + self->page, &value));
	ASSERT_EQ(0, mprotect(at, PAGES * self->page, PROT_READ));
	EXPECT_EQ(0, try_load(at + self->page, &value));
	EXPECT_EQ(1, value);
	EXPECT_EQ(SIGSEGV, try_store(at + self->page, 2));
}

TEST_F(refuse, a_read_only_descriptor_maps_to_read_and_no_more)
{
	int fd = test_open_device(O_RDWR);
	__u64 handle, offset, value = 77;
	char *at;

	owner_del(OWNER);
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	test_attach(fd, OWNER);
	test_alloc(fd, 0, 1, &handle);
	test_write(fd, handle, 0, sizeof(value), &value);
	close(fd);
	EXPECT_TRUE(WAIT_UNTIL(!owner_value(OWNER,
					    LABYRINTH_A_OWNER_ATTACHED)));

	fd = test_open_device(O_RDONLY);
	test_attach(fd, OWNER);
	test_map(fd, 1, &handle, &offset);
	at = test_map_at(fd, PROT_READ, self->page, offset);
	value = 0;
	EXPECT_EQ(0, try_load(at, &value));
	EXPECT_EQ(77, value);
	EXPECT_EQ(SIGSEGV, try_store(at, 1));
	test_err_mmap(EACCES, fd, PROT_READ | PROT_WRITE, MAP_SHARED,
		      self->page, offset);
	test_err_mmap(EACCES, fd, PROT_WRITE, MAP_SHARED, self->page, offset);
	EXPECT_EQ(-1, mprotect(at, self->page, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(SIGSEGV, try_store(at, 1));
	munmap(at, self->page);
	close(fd);
	owner_del(OWNER);
}

TEST_F(refuse, a_write_only_descriptor_is_not_mapped)
{
	int fd = test_open_device(O_WRONLY);
	__u64 handle, offset;

	test_alloc(fd, 0, 1, &handle);
	if (!_map(fd, 1, &handle, &offset)) {
		test_err_mmap(EACCES, fd, PROT_READ, MAP_SHARED, self->page,
			      offset);
		test_err_mmap(EACCES, fd, PROT_WRITE, MAP_SHARED, self->page,
			      offset);
		test_err_mmap(EACCES, fd, PROT_NONE, MAP_SHARED, self->page,
			      offset);
	}
	close(fd);
}

/* === Where the descriptor serves ========================================= */

static int child_maps(void *arg)
{
	FIXTURE_DATA(refuse) *self = arg;
	__u64 offset;

	if (_map(self->fd, 1, self->handles, &offset) != -EIO)
		return 1;
	if (mmap_error(self->fd, PROT_READ, MAP_SHARED, self->page,
		       self->offset) != -EIO)
		return 2;
	return 0;
}

TEST_F(refuse, a_forked_child_maps_nothing)
{
	char *at = test_map_at(self->fd, PROT_READ | PROT_WRITE, self->page,
			       self->offset);
	__u64 value = 5;

	ASSERT_EQ(0, try_store(at, value));
	EXPECT_EQ(0, in_child(child_maps, self));
	EXPECT_EQ(0, try_load(at, &value));
	EXPECT_EQ(5, value);
}

static int child_touches(void *arg)
{
	__u64 value;

	return try_load(arg, &value);
}

TEST_F(refuse, a_forked_child_has_no_mapping)
{
	char *at = test_map_at(self->fd, PROT_READ | PROT_WRITE, self->page,
			       self->offset);

	EXPECT_EQ(0, try_store(at, 1));
	EXPECT_EQ(SIGSEGV, in_child(child_touches, at));
	EXPECT_EQ(0, try_store(at, 2));
}

TEST_F(refuse, a_mapping_does_not_grow)
{
	char *at = test_map_at(self->fd, PROT_READ | PROT_WRITE, self->page,
			       self->offset);
	void *more = mremap(at, self->page, 2 * self->page, MREMAP_MAYMOVE);

	EXPECT_EQ(MAP_FAILED, more);
	more = mremap(at, 0, self->page, MREMAP_MAYMOVE);
	EXPECT_EQ(MAP_FAILED, more);
	EXPECT_EQ(0, try_store(at, 1));
}

TEST_HARNESS_MAIN
