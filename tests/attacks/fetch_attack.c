// SPDX-License-Identifier: GPL-2.0-only
/*
 * Double fetch: a thread changes a field of the argument, back and forth, while
 * another makes the call, so that what the kernel checked is not what it would
 * use if it looked again. Either value may have its effect, and no mixture.
 *
 * The control: a callee that does look twice is fooled, and both values are seen
 * to be served.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "victim.h"

#define SECONDS	2
#define MANY	7

FIXTURE(fetch) {
	int fd;
	int victim;		/* another owner */
	__u64 own;
	__u64 theirs;
	char *page;		/* contents of own */
	char *buffer;
	/* The flipper's: */
	volatile void *field;
	size_t size;
	__u64 values[2];
	atomic_bool stop;
	pthread_t thread;
	time_t end;
	unsigned long seen[2];	/* outcomes of either value */
};

FIXTURE_SETUP(fetch)
{
	ASSERT_EQ(0, turn_into(NOBODY));
	self->fd = test_open_device(O_RDWR);
	self->victim = test_open_device(O_RDWR);
	test_alloc(self->fd, 0, 1, &self->own);
	test_alloc(self->victim, 0, 1, &self->theirs);
	ASSERT_EQ(0, put_pattern(self->fd, self->own, page_size(), 1));
	ASSERT_EQ(0, put_pattern(self->victim, self->theirs, page_size(), 2));
	self->page = malloc(page_size());
	self->buffer = malloc(page_size());
	fill_pattern(self->page, page_size(), 1);
}

/* Whatever was tried, the other owner's page is there and as it was. */
FIXTURE_TEARDOWN(fetch)
{
	EXPECT_EQ(1, used_pages(self->victim));
	EXPECT_EQ(0, check_pattern(self->victim, self->theirs, page_size(), 2));
	close(self->fd);
	close(self->victim);
	free(self->page);
	free(self->buffer);
}

static void *flip(void *arg)
{
	FIXTURE_DATA(fetch) *self = arg;

	for (unsigned int i = 0; !atomic_load(&self->stop); i++) {
		__u64 value = self->values[i % 2];

		if (self->size == sizeof(__u32))
			*(volatile __u32 *)self->field = value;
		else
			*(volatile __u64 *)self->field = value;
		/* Now and then long enough for a whole call. */
		if (!(i % 64))
			sched_yield();
	}
	return NULL;
}

static __u64 look(FIXTURE_DATA(fetch) *self)
{
	return self->size == sizeof(__u32) ? *(volatile __u32 *)self->field :
					     *(volatile __u64 *)self->field;
}

/* The control: checks, goes on, and looks again. True if it was fooled. */
static bool looks_twice(FIXTURE_DATA(fetch) *self)
{
	__u64 checked = look(self);

	sched_yield();
	return look(self) != checked;
}

static void flip_field(struct __test_metadata *_metadata,
		       FIXTURE_DATA(fetch) *self, void *field, size_t size,
		       __u64 one, __u64 other)
{
	self->field = field;
	self->size = size;
	self->values[0] = one;
	self->values[1] = other;
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, flip, self));
	ASSERT_TRUE(WAIT_UNTIL(looks_twice(self))) {
		TH_LOG("control: who looks twice is not fooled");
	}
	self->end = now_seconds() + SECONDS;
}

static bool goes_on(FIXTURE_DATA(fetch) *self)
{
	bool both = self->seen[0] && self->seen[1];

	return now_seconds() < self->end ||
	       (!both && now_seconds() < self->end + DEADLINE_SECONDS);
}

static void stop_flipping(struct __test_metadata *_metadata,
			  FIXTURE_DATA(fetch) *self)
{
	atomic_store(&self->stop, true);
	ASSERT_EQ(0, pthread_join(self->thread, NULL));
	TH_LOG("one value %lu times, the other %lu times", self->seen[0],
	       self->seen[1]);
	EXPECT_TRUE(self->seen[0] && self->seen[1]) {
		TH_LOG("control: only one of the two values was ever used");
	}
}

#define FLIP(field, one, other)						\
	flip_field(_metadata, self, &(field), sizeof(field), one, other)
#define STOP()	stop_flipping(_metadata, self)

static int raw(int fd, unsigned long nr, void *cmd)
{
	return ioctl(fd, nr, cmd) ? -errno : 0;
}

/* === Counts and flags ==================================================== */

#define ALLOC_FOR(array)						\
	((struct labyrinth_alloc){					\
		.size = sizeof(struct labyrinth_alloc),			\
		.count = 1,						\
		.fallback = LABYRINTH_FALLBACK_WAIT,			\
		.handles = (uintptr_t)(array),				\
	})

TEST_F(fetch, count_of_alloc)
{
	__u64 handles[MANY];
	struct labyrinth_alloc cmd = ALLOC_FOR(handles);

	FLIP(cmd.count, 1, MANY);
	while (goes_on(self)) {
		__u64 n = 0;

		memset(handles, 0, sizeof(handles));
		ASSERT_EQ(0, raw(self->fd, LABYRINTH_IOC_ALLOC, &cmd));
		while (n < MANY && handles[n])
			n++;
		ASSERT_TRUE(n == 1 || n == MANY);
		ASSERT_EQ(1 + n, used_pages(self->fd));
		test_free(self->fd, n, handles);
		self->seen[n == MANY]++;
	}
	STOP();
}

TEST_F(fetch, count_of_free)
{
	__u64 handles[MANY];
	struct labyrinth_free cmd = {
		.size = sizeof(cmd),
		.handles = (uintptr_t)handles,
	};

	FLIP(cmd.count, 1, MANY);
	while (goes_on(self)) {
		__u64 n;

		ASSERT_EQ(0, take_pages(self->fd, MANY, handles));
		ASSERT_EQ(0, raw(self->fd, LABYRINTH_IOC_FREE, &cmd));
		n = 1 + MANY - used_pages(self->fd);
		ASSERT_TRUE(n == 1 || n == MANY);
		if (n < MANY)
			test_free(self->fd, MANY - n, handles + n);
		ASSERT_EQ(1, used_pages(self->fd));
		self->seen[n == MANY]++;
	}
	STOP();
}

TEST_F(fetch, flags_of_alloc)
{
	__u64 handle;
	struct labyrinth_alloc cmd = ALLOC_FOR(&handle);

	FLIP(cmd.flags, LABYRINTH_ALLOC_STRICT, 0x80);
	while (goes_on(self)) {
		int ret = raw(self->fd, LABYRINTH_IOC_ALLOC, &cmd);

		ASSERT_TRUE(!ret || ret == -EINVAL);
		ASSERT_EQ(1 + !ret, used_pages(self->fd));
		if (!ret)
			test_free(self->fd, 1, &handle);
		self->seen[ret == -EINVAL]++;
	}
	STOP();
}

/* Of one thread alone, or mapped: never both. */
TEST_F(fetch, scope_of_alloc)
{
	__u64 handle;
	struct labyrinth_alloc cmd = ALLOC_FOR(&handle);

	FLIP(cmd.scope, LABYRINTH_SCOPE_PROCESS, LABYRINTH_SCOPE_THREAD);
	while (goes_on(self)) {
		struct labyrinth_query query;
		int ret;

		ASSERT_EQ(0, raw(self->fd, LABYRINTH_IOC_ALLOC, &cmd));
		test_query(self->fd, 0, handle, &query);
		ASSERT_GE(LABYRINTH_SCOPE_THREAD, query.out_scope);
		ret = _map(self->fd, 1, &handle, NULL);
		ASSERT_EQ(query.out_scope ? -EOPNOTSUPP : 0, ret);
		test_free(self->fd, 1, &handle);
		self->seen[query.out_scope]++;
	}
	STOP();
}

/* The struct ends where memory ends: who believes the larger size falls off. */
TEST_F(fetch, size_of_info)
{
	char *pages = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct labyrinth_info *cmd = (void *)(pages + page_size() -
					      sizeof(*cmd));

	ASSERT_NE(MAP_FAILED, pages);
	ASSERT_EQ(0, mprotect(pages + page_size(), page_size(), PROT_NONE));
	FLIP(cmd->size, sizeof(*cmd), sizeof(*cmd) + 64);
	while (goes_on(self)) {
		int ret = raw(self->fd, LABYRINTH_IOC_INFO, cmd);

		ASSERT_TRUE(!ret || ret == -EFAULT);
		if (!ret)
			ASSERT_EQ(1, cmd->out_used);
		self->seen[ret == -EFAULT]++;
	}
	STOP();
}

/* === Ranges, pointers, handles =========================================== */

static bool got_page_or_nothing(FIXTURE_DATA(fetch) *self, int ret)
{
	return ret ? all_bytes_are(self->buffer, 0xEE, page_size()) :
		     !memcmp(self->page, self->buffer, page_size());
}

/* With the first offset the range is the block, with the second it is not. */
TEST_F(fetch, offset_of_read)
{
	struct labyrinth_rw cmd = {
		.size = sizeof(cmd),
		.handle = self->own,
		.length = page_size(),
		.buffer = (uintptr_t)self->buffer,
	};

	FLIP(cmd.offset, 0, page_size() - 16);
	while (goes_on(self)) {
		int ret;

		memset(self->buffer, 0xEE, page_size());
		ret = raw(self->fd, LABYRINTH_IOC_READ, &cmd);
		ASSERT_TRUE(!ret || ret == -EINVAL);
		ASSERT_TRUE(got_page_or_nothing(self, ret));
		self->seen[ret == -EINVAL]++;
	}
	STOP();
}

/* Memory of the kernel's must not come into the page. */
TEST_F(fetch, buffer_of_write)
{
	struct labyrinth_rw cmd = {
		.size = sizeof(cmd),
		.handle = self->own,
		.length = page_size(),
	};

	FLIP(cmd.buffer, (uintptr_t)self->page, 0xffff888000000000ULL);
	while (goes_on(self)) {
		int ret = raw(self->fd, LABYRINTH_IOC_WRITE, &cmd);

		ASSERT_TRUE(!ret || ret == -EFAULT);
		ASSERT_EQ(0, check_pattern(self->fd, self->own, page_size(),
					   1));
		self->seen[ret == -EFAULT]++;
	}
	STOP();
}

TEST_F(fetch, handle_of_read_and_write)
{
	struct labyrinth_rw cmd = {
		.size = sizeof(cmd),
		.length = page_size(),
	};

	FLIP(cmd.handle, self->own, self->theirs);
	while (goes_on(self)) {
		int ret;

		memset(self->buffer, 0xEE, page_size());
		cmd.buffer = (uintptr_t)self->buffer;
		ret = raw(self->fd, LABYRINTH_IOC_READ, &cmd);
		ASSERT_TRUE(!ret || ret == -ENOENT);
		ASSERT_TRUE(got_page_or_nothing(self, ret));
		self->seen[ret == -ENOENT]++;
		cmd.buffer = (uintptr_t)self->page;
		ret = raw(self->fd, LABYRINTH_IOC_WRITE, &cmd);
		ASSERT_TRUE(!ret || ret == -ENOENT);
	}
	STOP();
}

/* The array is checked, and used: one of them must not be freed. */
TEST_F(fetch, handles_of_free)
{
	__u64 handles[2], own;
	struct labyrinth_free cmd = {
		.size = sizeof(cmd),
		.count = 2,
		.handles = (uintptr_t)handles,
	};

	test_alloc(self->fd, 0, 1, &own);
	FLIP(handles[1], self->own, self->theirs);
	while (goes_on(self)) {
		int ret;

		handles[0] = own;
		ret = raw(self->fd, LABYRINTH_IOC_FREE, &cmd);
		ASSERT_TRUE(!ret || ret == -ENOENT);
		ASSERT_EQ(ret ? 2 : 0, used_pages(self->fd));
		self->seen[ret == -ENOENT]++;
		if (ret)
			continue;
		ASSERT_EQ(0, take_pages(self->fd, 1, &own));
		ASSERT_EQ(0, take_pages(self->fd, 1, &self->own));
		self->values[0] = self->own;
		/* The flipper may hold the one before for a moment: ENOENT. */
	}
	STOP();
}

TEST_F(fetch, handles_of_map_and_give)
{
	__u64 handle = self->own;
	struct labyrinth_map map = {
		.size = sizeof(map),
		.count = 1,
		.handles = (uintptr_t)&handle,
	};
	struct labyrinth_give give = {
		.size = sizeof(give),
		.count = 1,
		.handles = (uintptr_t)&handle,
		.to = owner_number(self->victim),
	};

	FLIP(handle, self->own, self->theirs);
	while (goes_on(self)) {
		int ret = raw(self->fd, LABYRINTH_IOC_MAP, &map);

		ASSERT_TRUE(!ret || ret == -ENOENT);
		self->seen[ret == -ENOENT]++;
		if (!ret) {
			char *at = map_at(self->fd, PROT_READ, page_size(),
					  map.out_offset);

			ASSERT_NE(MAP_FAILED, at);
			ASSERT_EQ(0, memcmp(at, self->page, page_size()));
			ASSERT_EQ(0, munmap(at, page_size()));
		}
		/* It does not accept anything: whichever it was, it stays. */
		ret = raw(self->fd, LABYRINTH_IOC_GIVE, &give);
		ASSERT_TRUE(ret == -EACCES || ret == -ENOENT);
	}
	STOP();
}

TEST_HARNESS_MAIN
