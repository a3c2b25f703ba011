// SPDX-License-Identifier: GPL-2.0-only
/*
 * The frame of every call of /dev/labyrinth: sizes, numbers, flags, reserved
 * fields and pointers. Each test goes over all calls with one table. What a
 * call does with the values of its fields is ioctl_fields_test.c's.
 */
#include <sys/eventfd.h>

#include "util.h"

/* The ABI: the same for both word sizes, and it can only grow. */
_Static_assert(sizeof(struct labyrinth_info) == 112, "labyrinth_info");
_Static_assert(sizeof(struct labyrinth_alloc) == 64, "labyrinth_alloc");
_Static_assert(sizeof(struct labyrinth_free) == 32, "labyrinth_free");
_Static_assert(sizeof(struct labyrinth_query) == 80, "labyrinth_query");
_Static_assert(sizeof(struct labyrinth_rw) == 40, "labyrinth_rw");
_Static_assert(sizeof(struct labyrinth_set) == 32, "labyrinth_set");
_Static_assert(sizeof(struct labyrinth_attach) == 48, "labyrinth_attach");
_Static_assert(sizeof(struct labyrinth_give) == 64, "labyrinth_give");
_Static_assert(sizeof(struct labyrinth_take) == 24, "labyrinth_take");
_Static_assert(sizeof(struct labyrinth_eventfd) == 16, "labyrinth_eventfd");
_Static_assert(sizeof(struct labyrinth_accept_set) == 16,
	       "labyrinth_accept_set");
_Static_assert(sizeof(struct labyrinth_map) == 40, "labyrinth_map");

/* Of those that have grown: their first version's. */
#define INFO_FIRST	96
#define QUERY_FIRST	72

#define NONE	((size_t)-1)

enum {
	INFO, ALLOC, FREE, QUERY, READ, WRITE, SET, ATTACH, GIVE, TAKE, EVENTFD,
	ACCEPT, MAP, CALLS
};

static const struct shape {
	const char *name;
	unsigned long nr;
	size_t size;
	__u32 known_flags;
	size_t reserved;
	bool has_outputs;
	bool changes;	/* refused on a read-only descriptor */
	int result;	/* of the valid command that prepare() makes */
	size_t first;	/* size of the first version, 0: the same */
} shapes[CALLS] = {
	[INFO] = { "INFO", LABYRINTH_IOC_INFO, sizeof(struct labyrinth_info),
		   0, NONE, true, false, 0, INFO_FIRST },
	[ALLOC] = { "ALLOC", LABYRINTH_IOC_ALLOC,
		    sizeof(struct labyrinth_alloc),
		    LABYRINTH_ALLOC_STRICT | LABYRINTH_ALLOC_PARTIAL,
		    offsetof(struct labyrinth_alloc, __reserved),
		    true, true, 0 },
	[FREE] = { "FREE", LABYRINTH_IOC_FREE, sizeof(struct labyrinth_free),
		   LABYRINTH_FREE_PARTIAL,
		   offsetof(struct labyrinth_free, __reserved), true, true, 0 },
	[QUERY] = { "QUERY", LABYRINTH_IOC_QUERY,
		    sizeof(struct labyrinth_query), LABYRINTH_QUERY_NEXT, NONE,
		    true, false, 0, QUERY_FIRST },
	[READ] = { "READ", LABYRINTH_IOC_READ, sizeof(struct labyrinth_rw), 0,
		   offsetof(struct labyrinth_rw, __reserved), true, false, 0 },
	[WRITE] = { "WRITE", LABYRINTH_IOC_WRITE, sizeof(struct labyrinth_rw),
		    0, offsetof(struct labyrinth_rw, __reserved), true, true,
		    0 },
	[SET] = { "SET", LABYRINTH_IOC_SET, sizeof(struct labyrinth_set),
		  LABYRINTH_SET_TAG | LABYRINTH_SET_USED, NONE, false, true,
		  0 },
	[ATTACH] = { "ATTACH", LABYRINTH_IOC_ATTACH,
		     sizeof(struct labyrinth_attach), 0,
		     offsetof(struct labyrinth_attach, __reserved), true, false,
		     -ENOENT },
	[GIVE] = { "GIVE", LABYRINTH_IOC_GIVE, sizeof(struct labyrinth_give), 0,
		   NONE, true, true, 0 },
	[TAKE] = { "TAKE", LABYRINTH_IOC_TAKE, sizeof(struct labyrinth_take), 0,
		   NONE, true, true, 0 },
	[EVENTFD] = { "EVENTFD", LABYRINTH_IOC_EVENTFD,
		      sizeof(struct labyrinth_eventfd), 0,
		      offsetof(struct labyrinth_eventfd, __reserved), false,
		      false, 0 },
	[ACCEPT] = { "ACCEPT", LABYRINTH_IOC_ACCEPT,
		     sizeof(struct labyrinth_accept_set), 0, NONE, false, true,
		     0 },
	[MAP] = { "MAP", LABYRINTH_IOC_MAP, sizeof(struct labyrinth_map), 0,
		  NONE, true, false, 0 },
};

static size_t least_size(int i)
{
	return shapes[i].first ?: shapes[i].size;
}

FIXTURE(frame) {
	int fd;
	char *area;		/* two pages, zero, for commands */
	__u64 handle;		/* a page that is there all the time */
	__u64 handles[1];	/* what ALLOC and TAKE fill, FREE and GIVE read */
	char byte;
	int peer;		/* another owner: to give to, and to take from */
	int event;
};

FIXTURE_SETUP(frame)
{
	self->fd = test_open_device(O_RDWR);
	test_alloc(self->fd, 0, 1, &self->handle);
	self->area = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->area);
	self->peer = test_open_device(O_RDWR);
	test_accept(self->fd, LABYRINTH_ACCEPT_ANY, 0);
	test_accept(self->peer, LABYRINTH_ACCEPT_ANY, 0);
	self->event = eventfd(0, EFD_CLOEXEC);
	ASSERT_LE(0, self->event);
}

FIXTURE_TEARDOWN(frame)
{
	close(self->fd);
	close(self->peer);
	close(self->event);
}

/* If this fails, so does the call that is prepared: with ENOENT or EAGAIN. */
static void prepare_page(FIXTURE_DATA(frame) *self, int fd)
{
	self->handles[0] = 0;
	_alloc(fd, 0, 1, self->handles);
}

/* A valid command at @at, with outputs that are full of 0xAA. */
static void prepare(FIXTURE_DATA(frame) *self, int i, void *at)
{
	union {
		struct labyrinth_info info;
		struct labyrinth_alloc alloc;
		struct labyrinth_free free;
		struct labyrinth_query query;
		struct labyrinth_rw rw;
		struct labyrinth_set set;
		struct labyrinth_attach attach;
		struct labyrinth_give give;
		struct labyrinth_take take;
		struct labyrinth_eventfd eventfd;
		struct labyrinth_accept_set accept;
		struct labyrinth_map map;
	} *cmd = at;

	memset(cmd, 0xAA, shapes[i].size);
	if (shapes[i].reserved != NONE)
		memset((char *)at + shapes[i].reserved, 0, sizeof(__u32));
	cmd->info.size = shapes[i].size;
	cmd->info.flags = 0;

	switch (i) {
	case ALLOC:
		cmd->alloc.count = 1;
		cmd->alloc.order = 0;
		cmd->alloc.scope = LABYRINTH_SCOPE_PROCESS;
		cmd->alloc.fallback = LABYRINTH_FALLBACK_FAIL;
		cmd->alloc.timeout_ns = 0;
		cmd->alloc.tag = 0;
		cmd->alloc.handles = (uintptr_t)self->handles;
		break;
	case FREE:
		prepare_page(self, self->fd);
		cmd->free.count = 1;
		cmd->free.handles = (uintptr_t)self->handles;
		break;
	case QUERY:
		cmd->query.handle = self->handle;
		break;
	case READ:
	case WRITE:
		cmd->rw.handle = self->handle;
		cmd->rw.offset = 0;
		cmd->rw.length = 1;
		cmd->rw.buffer = (uintptr_t)&self->byte;
		break;
	case SET:
		cmd->set.flags = LABYRINTH_SET_TAG;
		cmd->set.handle = self->handle;
		cmd->set.tag = 1;
		cmd->set.used = 0;
		break;
	case ATTACH:
		memset(cmd->attach.name, 0, sizeof(cmd->attach.name));
		memcpy(cmd->attach.name, "no.such.owner", 14);
		break;
	case GIVE:
		prepare_page(self, self->fd);
		cmd->give.count = 1;
		cmd->give.to = owner_number(self->peer);
		cmd->give.handles = (uintptr_t)self->handles;
		memset(cmd->give.name, 0, sizeof(cmd->give.name));
		break;
	case TAKE:
		prepare_page(self, self->peer);
		_give(self->peer, owner_number(self->fd), 1, self->handles);
		cmd->take.count = 1;
		cmd->take.handles = (uintptr_t)self->handles;
		break;
	case EVENTFD:
		cmd->eventfd.fd = self->event;
		break;
	case ACCEPT:
		cmd->accept.accept = LABYRINTH_ACCEPT_ANY;
		cmd->accept.inbox = 0;
		break;
	case MAP:
		cmd->map.count = 1;
		cmd->map.handles = (uintptr_t)&self->handle;
		break;
	}
}

/* Afterwards only the fixture's page is there. True if what was held is. */
static bool settle(FIXTURE_DATA(frame) *self, __u64 held)
{
	bool as_expected = used_pages(self->fd) == held;
	struct labyrinth_query query;
	__u64 handle;

	while (take_up_to(self->fd, 1, &handle) == 1)
		;
	while (take_up_to(self->peer, 1, &handle) == 1)
		_free_pages(self->peer, 1, &handle);
	while (!_query(self->fd, LABYRINTH_QUERY_NEXT, self->handle, &query))
		_free_pages(self->fd, 1, &query.out_handle);
	return as_expected && used_pages(self->fd) == 1 &&
	       !used_pages(self->peer);
}

static int run(FIXTURE_DATA(frame) *self, int i, void *at)
{
	return ioctl(self->fd, shapes[i].nr, at) < 0 ? -errno : 0;
}

/*
 * Pages held after the command: the page for FREE or GIVE is there if it was
 * refused, what was given for TAKE is charged before.
 */
static __u64 held_after(int i, int ret)
{
	switch (i) {
	case ALLOC:
		return ret ? 1 : 2;
	case FREE:
	case GIVE:
		return ret ? 2 : 1;
	case TAKE:
		return 2;
	default:
		return 1;
	}
}

#define EXPECT_CALL_HOLDING(held, expected, i, at)			\
do {									\
	int ret_ = run(self, i, at);					\
									\
	EXPECT_EQ(expected, ret_) {					\
		TH_LOG("in %s", shapes[i].name);			\
	}								\
	EXPECT_TRUE(settle(self, held)) {				\
		TH_LOG("%s left another number of pages",		\
		       shapes[i].name);					\
	}								\
} while (0)

#define EXPECT_CALL(expected, i, at)					\
	EXPECT_CALL_HOLDING(held_after(i, expected), expected, i, at)

TEST_F(frame, every_call_succeeds_on_its_exact_size)
{
	for (int i = 0; i < CALLS; i++) {
		prepare(self, i, self->area);
		EXPECT_CALL(shapes[i].result, i, self->area);
	}
}

TEST_F(frame, a_struct_that_is_too_short_is_refused)
{
	for (int i = 0; i < CALLS; i++) {
		const __u32 sizes[] = { 0, 1, 4, 7, 8, least_size(i) - 8,
					least_size(i) - 1 };

		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
			prepare(self, i, self->area);
			*(__u32 *)self->area = sizes[k];
			EXPECT_CALL(-EINVAL, i, self->area);
		}
	}
}

TEST_F(frame, an_older_callers_struct_is_taken_and_written_no_further)
{
	for (int i = 0; i < CALLS; i++) {
		for (size_t size = least_size(i); size <= shapes[i].size;
		     size++) {
			prepare(self, i, self->area);
			*(__u32 *)self->area = size;
			/* What the caller has behind it is none of the call's. */
			memset(self->area + size, 0x55, shapes[i].size - size);
			EXPECT_CALL(shapes[i].result, i, self->area);
			EXPECT_TRUE(all_bytes_are(self->area + size, 0x55,
						  shapes[i].size - size));
			EXPECT_EQ(size, *(__u32 *)self->area);
		}
	}
}

TEST_F(frame, an_older_callers_info_says_what_the_new_one_does)
{
	struct labyrinth_info new, *old = (struct labyrinth_info *)self->area;

	test_info(self->fd, &new);
	prepare(self, INFO, old);
	old->size = INFO_FIRST;
	ASSERT_EQ(0, run(self, INFO, old));
	/* What others hold meanwhile changes what is at hand. */
	old->out_reserve_available = new.out_reserve_available;
	new.size = old->size;
	EXPECT_EQ(0, memcmp(old, &new, INFO_FIRST));
}

TEST_F(frame, a_longer_struct_with_a_zero_tail_is_taken_as_the_exact_one)
{
	for (int i = 0; i < CALLS; i++) {
		const __u32 sizes[] = { shapes[i].size + 1, shapes[i].size + 8,
					page_size() };

		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
			memset(self->area, 0, page_size());
			prepare(self, i, self->area);
			*(__u32 *)self->area = sizes[k];
			EXPECT_CALL(shapes[i].result, i, self->area);
			EXPECT_TRUE(all_bytes_are(self->area + shapes[i].size,
						  0,
						  sizes[k] - shapes[i].size));
		}
	}
}

TEST_F(frame, a_longer_struct_with_a_tail_that_is_not_zero_is_refused)
{
	for (int i = 0; i < CALLS; i++) {
		const size_t tails[] = { 1, 8, page_size() - shapes[i].size };

		for (size_t k = 0; k < ARRAY_SIZE(tails); k++) {
			memset(self->area, 0, page_size());
			prepare(self, i, self->area);
			*(__u32 *)self->area = shapes[i].size + tails[k];
			self->area[shapes[i].size + tails[k] - 1] = 1;
			EXPECT_CALL(-E2BIG, i, self->area);
		}
	}
}

TEST_F(frame, a_struct_larger_than_a_page_is_refused)
{
	for (int i = 0; i < CALLS; i++) {
		const __u32 sizes[] = { page_size() + 1, 2 * page_size(),
					0x7fffffff, 0x80000000, 0xffffffff };

		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
			memset(self->area, 0, page_size());
			prepare(self, i, self->area);
			*(__u32 *)self->area = sizes[k];
			EXPECT_CALL(-E2BIG, i, self->area);
		}
	}
}

TEST_F(frame, an_unknown_number_is_refused)
{
	for (int nr = 0x0d; nr <= 0xff; nr++) {
		prepare(self, INFO, self->area);
		EXPECT_EQ(-1, ioctl(self->fd, _IOWR(LABYRINTH_IOC_TYPE, nr,
						    struct labyrinth_info),
				    self->area));
		EXPECT_EQ(ENOTTY, errno);
	}
}

/* No call, though it is like @i's but for @nr. */
static void refused_number(struct __test_metadata *_metadata,
			   FIXTURE_DATA(frame) *self, int i, unsigned long nr)
{
	prepare(self, i, self->area);
	EXPECT_EQ(-1, ioctl(self->fd, nr, self->area));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_TRUE(settle(self, held_after(i, -ENOTTY)));
}

TEST_F(frame, another_direction_is_refused)
{
	const unsigned long others[] = { _IOC_NONE, _IOC_READ, _IOC_WRITE };

	for (int i = 0; i < CALLS; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(others); k++) {
			unsigned long nr = shapes[i].nr;

			nr &= ~((unsigned long)_IOC_DIRMASK << _IOC_DIRSHIFT);
			nr |= others[k] << _IOC_DIRSHIFT;
			refused_number(_metadata, self, i, nr);
		}
	}
}

TEST_F(frame, another_type_is_refused)
{
	const int types[] = { 0xb9, 0xbb, 0x3a, 0xff, 1 };

	for (size_t k = 0; k < ARRAY_SIZE(types); k++) {
		for (int i = 0; i < CALLS; i++) {
			unsigned long nr = shapes[i].nr;

			nr &= ~(0xffUL << _IOC_TYPESHIFT);
			nr |= (unsigned long)types[k] << _IOC_TYPESHIFT;
			refused_number(_metadata, self, i, nr);
		}
	}
}

/* As if the struct had grown since: dispatch is by type and number. */
TEST_F(frame, the_size_in_the_number_does_not_matter)
{
	for (int i = 0; i < CALLS; i++) {
		unsigned long nr = shapes[i].nr;

		nr &= ~((unsigned long)_IOC_SIZEMASK << _IOC_SIZESHIFT);
		for (unsigned long size = 0; size <= 256; size += 128) {
			prepare(self, i, self->area);
			EXPECT_EQ(shapes[i].result,
				  ioctl(self->fd, nr | size << _IOC_SIZESHIFT,
					self->area) ? -errno : 0);
			EXPECT_TRUE(settle(self, held_after(i,
							    shapes[i].result)));
		}
	}
}

TEST_F(frame, each_flag_that_is_not_defined_is_refused)
{
	for (int i = 0; i < CALLS; i++) {
		for (int bit = 0; bit < 32; bit++) {
			__u32 flag = 1U << bit;

			if (shapes[i].known_flags & flag)
				continue;
			prepare(self, i, self->area);
			((__u32 *)self->area)[1] |= flag;
			EXPECT_CALL(-EINVAL, i, self->area);
		}
	}
}

TEST_F(frame, each_bit_of_a_reserved_field_is_refused)
{
	for (int i = 0; i < CALLS; i++) {
		if (shapes[i].reserved == NONE)
			continue;
		for (int bit = 0; bit < 32; bit++) {
			prepare(self, i, self->area);
			*(__u32 *)(self->area + shapes[i].reserved) =
				1U << bit;
			EXPECT_CALL(-EINVAL, i, self->area);
		}
	}
}

TEST_F(frame, a_struct_that_cannot_be_read_is_refused)
{
	char *second = self->area + page_size();

	ASSERT_EQ(0, mprotect(second, page_size(), PROT_NONE));
	for (int i = 0; i < CALLS; i++) {
		EXPECT_CALL_HOLDING(1, -EFAULT, i, NULL);
		EXPECT_CALL_HOLDING(1, -EFAULT, i, second);
		EXPECT_CALL_HOLDING(1, -EFAULT, i, (void *)(uintptr_t)-4096);

		/* The size is readable, what it announces is not. */
		for (size_t here = 4; here < shapes[i].size; here += 4) {
			char whole[256];

			prepare(self, i, whole);
			memcpy(second - here, whole, here);
			EXPECT_CALL(-EFAULT, i, second - here);
		}
	}
}

TEST_F(frame, an_unmapped_struct_is_refused)
{
	char *second = self->area + page_size();

	ASSERT_EQ(0, munmap(second, page_size()));
	for (int i = 0; i < CALLS; i++) {
		char whole[256];

		prepare(self, i, whole);
		memcpy(second - 8, whole, 8);
		EXPECT_CALL(-EFAULT, i, second - 8);
	}
}

TEST_F(frame, a_caller_that_cannot_be_answered_has_changed_nothing)
{
	for (int i = 0; i < CALLS; i++) {
		if (!shapes[i].has_outputs || shapes[i].result)
			continue;
		ASSERT_EQ(0, mprotect(self->area, page_size(),
				      PROT_READ | PROT_WRITE));
		prepare(self, i, self->area);
		ASSERT_EQ(0, mprotect(self->area, page_size(), PROT_READ));
		EXPECT_CALL(-EFAULT, i, self->area);
	}
}

/* Refused with @err, of which more is told; and what if that can't be. */
static void refused_untold(struct __test_metadata *_metadata,
			   FIXTURE_DATA(frame) *self, int i, int err)
{
	EXPECT_EQ(err, run(self, i, self->area));
	ASSERT_EQ(0, mprotect(self->area, page_size(), PROT_READ));
	EXPECT_EQ(-EFAULT, run(self, i, self->area)) {
		TH_LOG("in %s", shapes[i].name);
	}
	ASSERT_EQ(0, mprotect(self->area, page_size(), PROT_READ | PROT_WRITE));
}

TEST_F(frame, a_caller_that_cannot_be_told_why_is_told_that)
{
	struct labyrinth_give *give = (void *)self->area;
	struct labyrinth_map *map = (void *)self->area;
	__u64 none = 0;

	prepare(self, GIVE, give);
	give->handles = (uintptr_t)&none;
	refused_untold(_metadata, self, GIVE, -ENOENT);
	give->to = -1;
	refused_untold(_metadata, self, GIVE, -ESRCH);
	prepare(self, MAP, map);
	map->handles = (uintptr_t)&none;
	refused_untold(_metadata, self, MAP, -ENOENT);
	EXPECT_TRUE(settle(self, 2));
}

TEST_F(frame, a_read_only_descriptor_reads_and_changes_nothing)
{
	int fd = test_open_device(O_RDONLY);

	for (int i = 0; i < CALLS; i++) {
		int expected = shapes[i].changes ? -EBADF : -ENOENT;

		if (i == INFO || i == EVENTFD)
			expected = 0;
		prepare(self, i, self->area);
		EXPECT_EQ(expected,
			  ioctl(fd, shapes[i].nr, self->area) ? -errno : 0) {
			TH_LOG("in %s", shapes[i].name);
		}
		EXPECT_TRUE(settle(self, held_after(i, -EBADF)));
	}
	close(fd);
}

TEST_F(frame, a_write_only_descriptor_reads_no_contents)
{
	int fd = test_open_device(O_WRONLY);
	__u64 handle;
	char byte = 'w';

	test_alloc(fd, 0, 1, &handle);
	test_write(fd, handle, 0, 1, &byte);
	test_err_read(EBADF, fd, handle, 0, 1, &byte);
	test_free(fd, 1, &handle);
	close(fd);
}

TEST_HARNESS_MAIN
