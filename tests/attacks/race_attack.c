// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another thread gets at a block while a call on it is half-way: handles that
 * ALLOC has not published yet, blocks that MAP is placing, or TAKE is taking.
 * The calls are held there by memory that does not answer (userfaultfd).
 * FREE and GIVE are in leaving_attack.c.
 *
 * The controls: the same call of the same thread is served before, or after.
 */
#include <stdatomic.h>

#include "stuck.h"
#include "victim.h"

#define OWNER	"attack.race"
#define COUNT	64

FIXTURE(race) {
	int fd;
	int other;		/* accepts what it is given */
	__u32 owner;
	__u64 handles[COUNT];
};

FIXTURE_SETUP(race)
{
	survive_touching();
	ASSERT_TRUE(all_pages_are_back());
	self->fd = test_open_device(O_RDWR);
	self->other = test_open_device(O_RDWR);
	self->owner = owner_number(self->fd);
	test_accept(self->other, LABYRINTH_ACCEPT_ANY, 0);
	test_accept(self->fd, LABYRINTH_ACCEPT_ANY, 0);
}

FIXTURE_TEARDOWN(race)
{
	close(self->fd);
	close(self->other);
	owner_del(OWNER);
	EXPECT_EQ(0, verify_result());
	EXPECT_TRUE(all_pages_are_back());
}

/* === ALLOC =============================================================== */

struct seen {
	__u32 count;
	__u64 handles[COUNT];
};

static int see_page(const struct nlmsghdr *nlh, void *arg)
{
	struct seen *seen = arg;

	if (seen->count < COUNT)
		seen->handles[seen->count] =
			nl_get(nlh, LABYRINTH_A_PAGE_HANDLE);
	seen->count++;
	return 0;
}

/* The best guess there is: root is told, as the words say whose they are. */
static int guess_handles(__u32 owner, struct seen *seen)
{
	static struct nl_message msg;
	struct nl nl;
	int ret = nl_open(&nl);

	memset(seen, 0, sizeof(*seen));
	if (ret)
		return ret;
	nl_start(&nl, &msg, LABYRINTH_CMD_PAGE_GET, NLM_F_DUMP);
	nl_put_u32(&msg, LABYRINTH_A_PAGE_OWNER, owner);
	ret = nl_run(&nl, &msg, see_page, seen);
	nl_close(&nl);
	return ret;
}

static int compare(const void *a, const void *b)
{
	__u64 left = *(const __u64 *)a, right = *(const __u64 *)b;

	return left < right ? -1 : left > right;
}

static bool same_handles(__u64 *a, __u64 *b)
{
	qsort(a, COUNT, sizeof(*a), compare);
	qsort(b, COUNT, sizeof(*b), compare);
	return !memcmp(a, b, COUNT * sizeof(*a));
}

#define ALLOC_INTO(slow)						\
	((struct labyrinth_alloc){					\
		.size = sizeof(struct labyrinth_alloc),			\
		.count = COUNT,						\
		.fallback = LABYRINTH_FALLBACK_WAIT,			\
		.handles = slow_address(slow),				\
	})

/* It stands where it writes its first handle, until the page arrives. */
static int start_alloc(struct stuck *stuck, int fd, struct labyrinth_alloc *cmd,
		       struct slow_page *slow)
{
	int ret = slow_page_missing(slow);

	if (ret)
		return ret;
	*cmd = ALLOC_INTO(slow);
	*stuck = (struct stuck){
		.fd = fd, .nr = LABYRINTH_IOC_ALLOC, .cmd = cmd,
	};
	return start_call(stuck) ?: slow_page_await(slow);
}

TEST_F(race, free_finds_no_block_that_alloc_has_not_published)
{
	struct stuck stuck;
	struct labyrinth_alloc alloc;
	struct slow_page slow;
	struct seen seen;

	ASSERT_EQ(0, start_alloc(&stuck, self->fd, &alloc, &slow));
	ASSERT_EQ(0, guess_handles(self->owner, &seen));
	ASSERT_EQ(COUNT, seen.count) {
		TH_LOG("control: %u of %u blocks were guessed", seen.count,
		       COUNT);
	}

	for (int i = 0; i < COUNT; i++) {
		EXPECT_EQ(0, every_call_refuses(self->fd, seen.handles[i]));
		test_err_give(ENOENT, self->fd, owner_number(self->other), 1,
			      &seen.handles[i]);
	}
	test_err_free(ENOENT, self->fd, COUNT, seen.handles);

	ASSERT_EQ(0, slow_page_arrive(&slow));
	ASSERT_EQ(0, end_call(&stuck));
	memcpy(self->handles, slow.at, sizeof(self->handles));
	slow_page_drop(&slow);
	EXPECT_TRUE(same_handles(self->handles, seen.handles)) {
		TH_LOG("control: the guesses were wrong");
	}
	EXPECT_EQ(COUNT, used_pages(self->fd));
	/* The control: now it frees them, once. */
	test_free(self->fd, COUNT, seen.handles);
	test_err_free(ENOENT, self->fd, COUNT, self->handles);
	EXPECT_EQ(0, used_pages(self->fd));
}

TEST_F(race, revoke_and_alloc_leave_no_block_to_two)
{
	struct stuck stuck;
	struct labyrinth_alloc alloc;
	struct slow_page slow;
	__u64 valid = 0;
	int ret;

	test_alloc(self->fd, 0, COUNT, self->handles);
	ASSERT_EQ(0, start_alloc(&stuck, self->fd, &alloc, &slow));
	/* At least those that are published. */
	EXPECT_LE(COUNT, revoke_from(self->owner, NULL, 0));
	EXPECT_EQ(0, every_call_refuses(self->fd, self->handles[0]));
	ASSERT_EQ(0, slow_page_arrive(&slow));
	ret = end_call(&stuck);
	ASSERT_EQ(0, ret);
	memcpy(self->handles, slow.at, sizeof(self->handles));
	slow_page_drop(&slow);
	for (int i = 0; i < COUNT; i++)
		valid += !put_pattern(self->fd, self->handles[i], 64, i);
	EXPECT_EQ(valid, used_pages(self->fd));
	EXPECT_EQ(0, verify_result());
}

/* Its handles have been written when the owner dies: they must not look like any. */
TEST_F(race, alloc_whose_owner_is_removed_says_that_there_is_nothing)
{
	struct stuck stuck;
	struct labyrinth_alloc alloc;
	struct slow_page slow;

	owner_del(OWNER);
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	test_attach(self->fd, OWNER);
	/* The control: it takes pages while there is an owner. */
	test_alloc(self->fd, 0, COUNT, self->handles);
	ASSERT_EQ(0, start_alloc(&stuck, self->fd, &alloc, &slow));
	EXPECT_EQ(0, owner_del(OWNER));
	ASSERT_EQ(0, slow_page_arrive(&slow));
	EXPECT_EQ(-ESHUTDOWN, end_call(&stuck));
	EXPECT_EQ(0, alloc.out_count);
	EXPECT_EQ(LABYRINTH_REASON_DYING, alloc.out_reason);
	slow_page_drop(&slow);
}

static int stuck_for_good(void *arg)
{
	struct labyrinth_alloc alloc;
	struct slow_page slow;
	struct stuck stuck = { .nr = LABYRINTH_IOC_ALLOC, .cmd = &alloc };

	if (slow_page_missing(&slow))
		return 100;
	stuck.fd = open_as(NOBODY);
	alloc = ALLOC_INTO(&slow);
	if (stuck.fd < 0 || start_call(&stuck) || slow_page_await(&slow))
		return 101;
	/* Its own descriptor, and all that it stands for, from under it. */
	close(stuck.fd);
	if (signal_peer(*(int *)arg))
		return 102;
	pause();
	return 103;
}

TEST_F(race, who_is_killed_in_alloc_leaves_nothing)
{
	int sockets[2];
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	pid = spawn(stuck_for_good, &sockets[1]);
	ASSERT_EQ(0, await_peer(sockets[0]));
	EXPECT_EQ(COUNT, pages_out()) {
		TH_LOG("control: it held nothing");
	}
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(256 + SIGKILL, reap(pid));
	EXPECT_TRUE(all_pages_are_back());
}

/* The handles can be read where ALLOC puts them, before they are worth anything. */
struct snatcher {
	int fd;
	atomic_bool stop;
	atomic_ullong handle;
	unsigned long early;	/* refused */
	unsigned long freed;
	int error;
};

static void *snatch(void *arg)
{
	struct snatcher *it = arg;
	__u64 handle;

	while (!atomic_load(&it->stop)) {
		int ret;

		handle = atomic_load(&it->handle);
		if (!handle)
			continue;
		ret = _free_pages(it->fd, 1, &handle);
		if (!ret)
			it->freed++;
		else if (ret == -ENOENT)
			it->early++;
		else
			it->error = ret;
	}
	return NULL;
}

TEST_F(race, what_two_threads_free_at_birth_is_freed_once)
{
	struct snatcher it = { .fd = self->fd };
	unsigned long rounds = 0, freed = 0;
	time_t end = now_seconds() + 20;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, snatch, &it));
	for (; now_seconds() < end || !it.freed; rounds++) {
		__u64 handle;
		int ret;

		ASSERT_GT(end + DEADLINE_SECONDS, now_seconds());
		ASSERT_EQ(0, take_pages(self->fd, 1, (__u64 *)&it.handle));
		if (rounds % 2)
			sched_yield();
		handle = atomic_load(&it.handle);
		ret = _free_pages(self->fd, 1, &handle);
		ASSERT_TRUE(!ret || ret == -ENOENT);
		freed += !ret;
		atomic_store(&it.handle, 0);
	}
	atomic_store(&it.stop, true);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	TH_LOG("%lu blocks: %lu freed by their thread, %lu by the other",
	       rounds, freed, it.freed);
	TH_LOG("the other came too early or too late %lu times", it.early);
	EXPECT_EQ(0, it.error);
	EXPECT_EQ(rounds, freed + it.freed);
	EXPECT_LT(0, it.freed) {
		TH_LOG("control: the other thread never freed one");
	}
	EXPECT_EQ(0, used_pages(self->fd));
}

/* === MAP ================================================================= */

TEST_F(race, what_is_freed_while_it_is_placed_is_not_mapped)
{
	struct stuck stuck = { .fd = self->fd, .nr = LABYRINTH_IOC_MAP };
	struct labyrinth_map map = {
		.size = sizeof(map),
		.count = COUNT,
		.handles = (uintptr_t)self->handles,
	};
	struct slow_page slow;
	size_t size = COUNT * page_size();
	char *before, *after, *expected = malloc(size);

	test_alloc(self->fd, 0, COUNT, self->handles);
	before = test_map_blocks(self->fd, COUNT, self->handles);
	fill_pattern(before, size, 1);
	fill_pattern(expected, size, 1);
	ASSERT_EQ(0, slow_page_holding(&slow, &map, sizeof(map)));
	stuck.cmd = slow.at;
	ASSERT_EQ(0, start_call(&stuck));
	ASSERT_EQ(0, slow_page_await(&slow));
	/* The control: until it is told, each is where it was. */
	EXPECT_EQ(0, memcmp(before, expected, size));

	test_free(self->fd, COUNT / 2, self->handles);
	EXPECT_TRUE(is_gone(before, COUNT / 2));
	ASSERT_EQ(0, slow_page_protect(&slow, false));
	ASSERT_EQ(0, end_call(&stuck));
	memcpy(&map, slow.at, sizeof(map));
	slow_page_drop(&slow);
	EXPECT_TRUE(is_gone(before, COUNT));
	test_err_mmap(ENXIO, self->fd, PROT_READ, MAP_SHARED, size,
		      map.out_offset);
	/* The other half has moved, with its contents. */
	after = test_map_at(self->fd, PROT_READ, size / 2,
			    map.out_offset + size / 2);
	EXPECT_EQ(0, memcmp(after, expected + size / 2, size / 2));
	/* A mapping keeps the descriptor open. */
	munmap(before, size);
	munmap(after, size / 2);
	free(expected);
}

/* === TAKE ================================================================ */

TEST_F(race, what_two_threads_take_comes_once)
{
	struct stuck stuck = { .fd = self->other, .nr = LABYRINTH_IOC_TAKE };
	struct labyrinth_take take = { .size = sizeof(take), .count = COUNT };
	struct slow_page slow;
	__u64 got[COUNT], *late;
	int n, ret;

	test_alloc(self->fd, 0, COUNT, self->handles);
	test_give(self->fd, owner_number(self->other), COUNT, self->handles);
	ASSERT_EQ(0, slow_page_missing(&slow));
	late = (__u64 *)slow.at;
	take.handles = slow_address(&slow);
	stuck.cmd = &take;
	ASSERT_EQ(0, start_call(&stuck));
	ASSERT_EQ(0, slow_page_await(&slow));

	/* Told to one, they may still be another's: then they are not the one's. */
	n = take_up_to(self->other, COUNT / 2, got);
	ASSERT_TRUE(n > 0 || n == -EAGAIN);
	n = n < 0 ? 0 : n;
	for (int i = 0; i < n; i++)
		EXPECT_EQ(0, put_pattern(self->other, got[i], page_size(), i));
	ASSERT_EQ(0, slow_page_arrive(&slow));
	ret = end_call(&stuck);
	ASSERT_TRUE(!ret || ret == -EAGAIN);
	for (__u32 i = 0; !ret && i < take.out_count; i++) {
		for (int j = 0; j < n; j++)
			EXPECT_NE(got[j], late[i]);
	}
	EXPECT_EQ(n + (ret ? 0 : take.out_count), COUNT - inbox_used(self->other));
	EXPECT_EQ(COUNT, used_pages(self->other));
	slow_page_drop(&slow);
}

TEST_HARNESS_MAIN
