// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP and mmap(2): what is mapped is what READ and WRITE see, as long as the block
 * is the owner's, and SIGBUS from then on. What is refused is map_refuse_test.c's.
 */
#include "admin_util.h"
#include "map_util.h"

#define OWNER	"selftest.map"
#define BLOCKS	6
#define MANY	64

FIXTURE(map) {
	struct books before;
	int fd;
	size_t page;
	__u64 handles[BLOCKS];
	__u32 orders[BLOCKS];
	size_t offsets[BLOCKS];	/* of each block in the batch */
	size_t length;		/* of all of them */
};

/* Mixed sizes, in an order that nothing sorts them into. */
static const __u32 mixed[BLOCKS] = { 1, 0, 3, 0, 2, 0 };

static int alloc_order(int fd, __u32 order, __u64 *handle)
{
	struct labyrinth_alloc cmd = {
		.count = 1,
		.order = order,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)handle,
	};

	return _alloc_cmd(fd, &cmd);
}

FIXTURE_SETUP(map)
{
	survive_touching();
	owner_del(OWNER);
	ASSERT_TRUE(all_pages_are_back());
	ASSERT_EQ(0, books_get(&self->before));
	self->fd = test_open_device(O_RDWR);
	self->page = page_size();
	for (int i = 0; i < BLOCKS; i++) {
		self->orders[i] = mixed[i];
		ASSERT_EQ(0, alloc_order(self->fd, mixed[i],
					 &self->handles[i]));
		self->offsets[i] = self->length;
		self->length += self->page << mixed[i];
	}
}

FIXTURE_TEARDOWN(map)
{
	close(self->fd);
	owner_del(OWNER);
	reserve_set(self->before.low, self->before.high,
		    self->before.emergency);
}

static size_t bytes(FIXTURE_DATA(map) *self, int i)
{
	return self->page << self->orders[i];
}

/* === What is seen ======================================================== */

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt;
}

/* What mmap itself inserted, a release would miss that came just before it was linked. */
TEST_F(map, no_page_is_mapped_before_it_is_touched)
{
	char *at = test_map_blocks(self->fd, 1, self->handles + 1);
	long before, first, second;
	__u64 value = 0;

	/* What a first call faults in, its code and the linker's tables, is not counted. */
	ASSERT_EQ(0, try_load(&value, &value));
	faults();
	before = faults();
	ASSERT_EQ(0, try_load(at, &value));
	first = faults();
	ASSERT_EQ(0, try_load(at, &value));
	second = faults();
	EXPECT_EQ(before + 1, first);
	/* The control: once it is mapped, there is none. */
	EXPECT_EQ(first, second);
	munmap(at, page_size());
}

TEST_F(map, one_page_is_read_and_written_as_memory)
{
	char *at = test_map_blocks(self->fd, 1, self->handles + 1);
	char byte = 0;

	at[17] = 'm';
	test_read(self->fd, self->handles[1], 17, 1, &byte);
	EXPECT_EQ('m', byte);
	byte = 'w';
	test_write(self->fd, self->handles[1], self->page - 1, 1, &byte);
	EXPECT_EQ('w', at[self->page - 1]);
	EXPECT_EQ('m', at[17]);
}

TEST_F(map, a_batch_is_one_range_in_the_order_of_its_handles)
{
	struct labyrinth_map cmd = {
		.count = BLOCKS,
		.handles = (uintptr_t)self->handles,
	};
	char *at;

	for (int i = 0; i < BLOCKS; i++)
		ASSERT_EQ(0, put_pattern(self->fd, self->handles[i],
					 bytes(self, i), i));
	test_map_cmd(self->fd, &cmd);
	EXPECT_EQ(self->length, cmd.out_length);
	EXPECT_EQ(BLOCKS, cmd.out_bad);
	EXPECT_NE(0, cmd.out_offset);
	EXPECT_EQ(0, cmd.out_offset % self->page);

	at = test_map_at(self->fd, PROT_READ | PROT_WRITE, self->length,
			 cmd.out_offset);
	for (int i = 0; i < BLOCKS; i++) {
		EXPECT_TRUE(shows_pattern(at + self->offsets[i],
					  bytes(self, i), i)) {
			TH_LOG("block %d", i);
		}
		fill_pattern(at + self->offsets[i], bytes(self, i), 100 + i);
	}
	for (int i = 0; i < BLOCKS; i++) {
		EXPECT_EQ(0, check_pattern(self->fd, self->handles[i],
					   bytes(self, i), 100 + i)) {
			TH_LOG("block %d", i);
		}
	}
}

TEST_F(map, at_first_sight_all_is_zero)
{
	__u64 handles[MANY];
	char *at;

	/* What is wiped here is soon had again. */
	ASSERT_EQ(0, reserve_set(8, 16, KEEP));
	for (int round = 0; round < 8; round++) {
		test_alloc(self->fd, 0, MANY, handles);
		at = test_map_blocks(self->fd, MANY, handles);
		EXPECT_TRUE(all_bytes_are(at, 0, MANY * self->page));
		memset(at, 0xE5, MANY * self->page);
		test_free(self->fd, MANY, handles);
		ASSERT_EQ(0, munmap(at, MANY * self->page));
	}
	at = test_map_blocks(self->fd, BLOCKS, self->handles);
	EXPECT_TRUE(all_bytes_are(at, 0, self->length));
}

TEST_F(map, any_part_of_a_range_can_be_mapped)
{
	size_t pages = self->length / self->page;
	__u64 offset, value;
	char *whole;

	test_map(self->fd, BLOCKS, self->handles, &offset);
	whole = test_map_at(self->fd, PROT_READ | PROT_WRITE, self->length,
			    offset);
	for (size_t i = 0; i < pages; i++)
		*(__u64 *)(whole + i * self->page) = i + 1;
	for (size_t first = 0; first < pages; first++) {
		for (size_t count = 1; first + count <= pages; count++) {
			char *part = map_at(self->fd, PROT_READ,
					    count * self->page,
					    offset + first * self->page);

			ASSERT_NE(MAP_FAILED, part);
			for (size_t i = 0; i < count; i++) {
				ASSERT_EQ(0, try_load(part + i * self->page,
						      &value));
				EXPECT_EQ(first + i + 1, value);
			}
			munmap(part, count * self->page);
		}
	}
}

TEST_F(map, several_mappings_of_a_place_show_the_same_page)
{
	struct labyrinth_query query;
	__u64 offset, value;
	char *at[8];

	test_map(self->fd, 1, self->handles + 1, &offset);
	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		at[i] = test_map_at(self->fd, PROT_READ | PROT_WRITE,
				    self->page, offset);
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		ASSERT_EQ(0, try_store(at[i], i + 1));
		for (size_t k = 0; k < ARRAY_SIZE(at); k++) {
			ASSERT_EQ(0, try_load(at[k], &value));
			EXPECT_EQ(i + 1, value);
		}
	}
	munmap(at[0], self->page);
	test_query(self->fd, 0, self->handles[1], &query);
	EXPECT_EQ(LABYRINTH_PAGE_MAPPED, query.out_flags);
	test_free(self->fd, 1, self->handles + 1);
	for (size_t i = 1; i < ARRAY_SIZE(at); i++)
		EXPECT_TRUE(is_gone(at[i], 1));
}

TEST_F(map, query_tells_the_place_of_each_block)
{
	__u64 offset;

	for (int i = 0; i < BLOCKS; i++)
		EXPECT_EQ(0, place_of(self->fd, self->handles[i]));
	test_map(self->fd, BLOCKS, self->handles, &offset);
	for (int i = 0; i < BLOCKS; i++)
		EXPECT_EQ(offset + self->offsets[i],
			  place_of(self->fd, self->handles[i]));
}

TEST_F(map, what_is_mapped_is_read_into_by_other_files)
{
	char *at = test_map_blocks(self->fd, 1, self->handles + 1);
	int pipes[2];

	/* They copy: that is the owner at work. */
	ASSERT_EQ(0, pipe(pipes));
	memset(at, 'c', self->page);
	ASSERT_EQ((ssize_t)self->page, write(pipes[1], at, self->page));
	memset(at, 0, self->page);
	ASSERT_EQ((ssize_t)self->page, read(pipes[0], at, self->page));
	EXPECT_TRUE(all_bytes_are(at, 'c', self->page));
}

TEST_F(map, a_mapping_outlives_its_descriptors_number)
{
	char *at = test_map_blocks(self->fd, BLOCKS, self->handles);
	__s64 out = pages_out();
	__u64 value;

	at[0] = 'x';
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, try_load(at, &value));
	EXPECT_EQ('x', value & 0xff);
	EXPECT_EQ(out, pages_out());
	/* The last one holds the file. */
	munmap(at, self->page);
	EXPECT_EQ(0, try_store(at + self->page, 1));
	munmap(at + self->page, self->length - self->page);
	EXPECT_TRUE(all_pages_are_back());
}

/* === Where it is no more ================================================= */

TEST_F(map, a_freed_block_is_gone_at_once_and_its_neighbours_are_not)
{
	size_t pages = self->length / self->page;
	char *at = test_map_blocks(self->fd, BLOCKS, self->handles);
	__u64 value;

	memset(at, 1, self->length);
	test_free(self->fd, 1, self->handles + 2);
	for (size_t i = 0; i < pages; i++) {
		size_t here = i * self->page;
		bool freed = here >= self->offsets[2] &&
			     here < self->offsets[3];

		EXPECT_EQ(freed ? SIGBUS : 0, try_load(at + here, &value));
		EXPECT_EQ(freed ? SIGBUS : 0, try_store(at + here, i));
	}
	test_free(self->fd, 2, self->handles);
	test_free(self->fd, 3, self->handles + 3);
	EXPECT_TRUE(is_gone(at, pages));
}

TEST_F(map, what_was_never_touched_is_gone_too)
{
	char *at = test_map_blocks(self->fd, BLOCKS, self->handles);

	test_free(self->fd, BLOCKS, self->handles);
	EXPECT_TRUE(is_gone(at, self->length / self->page));
}

TEST_F(map, a_given_block_is_gone_and_its_receiver_maps_it)
{
	int taker = test_open_device(O_RDWR);
	char *at = test_map_blocks(self->fd, BLOCKS, self->handles), *theirs;
	__u64 got[BLOCKS], value;

	test_accept(taker, LABYRINTH_ACCEPT_UID, 0);
	for (int i = 0; i < BLOCKS; i++)
		fill_pattern(at + self->offsets[i], bytes(self, i), i);
	test_give(self->fd, owner_number(taker), BLOCKS, self->handles);
	EXPECT_TRUE(is_gone(at, self->length / self->page));
	for (int i = 0; i < BLOCKS; i++)
		test_err_map(ENOENT, taker, 1, self->handles + i, NULL);

	test_take(taker, BLOCKS, got);
	for (int i = 0; i < BLOCKS; i++)
		EXPECT_EQ(0, place_of(taker, got[i]));
	theirs = test_map_blocks(taker, BLOCKS, got);
	for (int i = 0; i < BLOCKS; i++)
		EXPECT_TRUE(shows_pattern(theirs + self->offsets[i],
					  bytes(self, i), i));
	EXPECT_TRUE(is_gone(at, self->length / self->page));
	EXPECT_EQ(0, try_store(theirs, 1));

	/* And back again: the old place stays empty. */
	test_accept(self->fd, LABYRINTH_ACCEPT_UID, 0);
	test_give(taker, owner_number(self->fd), BLOCKS, got);
	test_take(self->fd, BLOCKS, self->handles);
	EXPECT_TRUE(is_gone(theirs, self->length / self->page));
	EXPECT_TRUE(is_gone(at, self->length / self->page));
	EXPECT_EQ(0, place_of(self->fd, self->handles[0]));
	test_read(self->fd, self->handles[0], 0, sizeof(value), &value);
	EXPECT_EQ(1, value);
	close(taker);
}

TEST_F(map, a_give_that_is_refused_leaves_the_mapping_as_it_was)
{
	int taker = test_open_device(O_RDWR);
	char *at = test_map_blocks(self->fd, BLOCKS, self->handles);
	struct labyrinth_give cmd = {
		.count = BLOCKS,
		.to = owner_number(taker),
		.handles = (uintptr_t)self->handles,
	};

	fill_pattern(at, self->length, 7);
	test_err_give_cmd(EACCES, self->fd, &cmd);
	EXPECT_TRUE(shows_pattern(at, self->length, 7));
	test_accept(taker, LABYRINTH_ACCEPT_ANY, BLOCKS - 1);
	test_err_give_cmd(ENOSPC, self->fd, &cmd);
	EXPECT_TRUE(shows_pattern(at, self->length, 7));
	EXPECT_EQ(0, try_store(at, 1));
	close(taker);
}

TEST_F(map, another_map_moves_a_block)
{
	__u64 first, second, value;
	char *old, *new;

	test_map(self->fd, BLOCKS, self->handles, &first);
	old = test_map_at(self->fd, PROT_READ | PROT_WRITE, self->length,
			  first);
	for (int i = 0; i < BLOCKS; i++)
		fill_pattern(old + self->offsets[i], bytes(self, i), i);

	test_map(self->fd, 1, self->handles + 2, &second);
	new = test_map_at(self->fd, PROT_READ | PROT_WRITE, bytes(self, 2),
			  second);
	EXPECT_EQ(second, place_of(self->fd, self->handles[2]));
	EXPECT_TRUE(shows_pattern(new, bytes(self, 2), 2));
	EXPECT_TRUE(is_gone(old + self->offsets[2],
			    bytes(self, 2) / self->page));
	EXPECT_TRUE(shows_pattern(old + self->offsets[1], bytes(self, 1), 1));
	EXPECT_TRUE(shows_pattern(old + self->offsets[3], bytes(self, 3), 3));
	EXPECT_EQ(0, try_store(new, 99));
	test_read(self->fd, self->handles[2], 0, sizeof(value), &value);
	EXPECT_EQ(99, value);
	test_err_mmap(ENXIO, self->fd, PROT_READ, MAP_SHARED, self->length,
		      first);
}

static int by_number(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

TEST_F(map, no_offset_is_given_twice)
{
	static __u64 offsets[1024];

	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		__u64 fresh;

		if (i % 3) {
			test_map(self->fd, 1, self->handles + 2, &offsets[i]);
			continue;
		}
		ASSERT_EQ(0, alloc_order(self->fd, mixed[2], &fresh));
		test_map(self->fd, 1, &fresh, &offsets[i]);
		test_free(self->fd, 1, &fresh);
	}
	qsort(offsets, ARRAY_SIZE(offsets), sizeof(*offsets), by_number);
	for (size_t i = 1; i < ARRAY_SIZE(offsets); i++)
		ASSERT_LE(offsets[i - 1] + bytes(self, 2), offsets[i]);
}

TEST_F(map, a_mapping_that_was_moved_or_cut_ends_with_its_blocks)
{
	size_t pages = self->length / self->page;
	char *at = test_map_blocks(self->fd, BLOCKS, self->handles), *there;

	memset(at, 1, self->length);
	there = mremap(at, self->length, self->length,
		       MREMAP_MAYMOVE | MREMAP_FIXED,
		       mmap(NULL, self->length, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	if (there == MAP_FAILED) {
		EXPECT_EQ(EINVAL, errno);	/* refused: as good */
		there = at;
	}
	EXPECT_TRUE(all_bytes_are(there, 1, self->length));
	ASSERT_EQ(0, munmap(there + self->page, self->page));
	EXPECT_EQ(0, try_store(there, 1));
	EXPECT_EQ(SIGSEGV, try_store(there + self->page, 1));
	EXPECT_EQ(0, try_store(there + 2 * self->page, 1));
	test_free(self->fd, BLOCKS, self->handles);
	EXPECT_TRUE(is_gone(there, 1));
	EXPECT_TRUE(is_gone(there + 2 * self->page, pages - 2));
}

TEST_F(map, a_named_owners_pages_have_no_place_until_its_next_file_maps_them)
{
	int fd = test_open_device(O_RDWR);
	__u64 handles[2], value;
	char *at;

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	test_attach(fd, OWNER);
	test_alloc(fd, 0, 2, handles);
	at = test_map_blocks(fd, 2, handles);
	ASSERT_EQ(0, try_store(at + self->page, 0x1234));
	munmap(at, 2 * self->page);
	close(fd);

	EXPECT_TRUE(WAIT_UNTIL(!owner_value(OWNER,
					    LABYRINTH_A_OWNER_ATTACHED)));
	fd = test_open_device(O_RDWR);
	test_attach(fd, OWNER);
	EXPECT_EQ(0, place_of(fd, handles[1]));
	at = test_map_blocks(fd, 2, handles);
	EXPECT_EQ(0, try_load(at + self->page, &value));
	EXPECT_EQ(0x1234, value);
	munmap(at, 2 * self->page);
	close(fd);
}

TEST_HARNESS_MAIN
