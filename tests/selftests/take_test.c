// SPDX-License-Identifier: GPL-2.0-only
/*
 * TAKE, and how a receiver is told: order, poll, eventfd; many givers, several
 * takers.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "admin_util.h"

#define OWNER	"selftest.take"
#define BATCH	8

FIXTURE(take) {
	int giver;
	int taker;		/* accepts any */
	__u32 to;		/* its number */
	size_t page;
	__u64 handles[BATCH];
	__u64 got[BATCH];
};

FIXTURE_SETUP(take)
{
	owner_del(OWNER);
	ASSERT_TRUE(all_pages_are_back());
	self->page = page_size();
	self->giver = test_open_device(O_RDWR);
	self->taker = test_open_device(O_RDWR);
	self->to = owner_number(self->taker);
	test_accept(self->taker, LABYRINTH_ACCEPT_ANY, 0);
}

FIXTURE_TEARDOWN(take)
{
	close(self->giver);
	close(self->taker);
	owner_del(OWNER);
}

/* Takes one block and gives it away, with its tag. */
static int give_tagged(int giver, __u32 to, __u64 tag)
{
	__u64 handle;
	struct labyrinth_alloc cmd = {
		.count = 1,
		.tag = tag,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)&handle,
	};

	return _alloc_cmd(giver, &cmd) ?: _give(giver, to, 1, &handle);
}

static __u64 tag_of(int fd, __u64 handle)
{
	struct labyrinth_query query;

	return _query(fd, 0, handle, &query) ? LABYRINTH_UNLIMITED :
					       query.out_tag;
}

/* === Order and counts ==================================================== */

TEST_F(take, blocks_come_in_the_order_in_which_they_were_given)
{
	int givers[3] = { self->giver, test_open_device(O_RDWR),
			  test_open_device(O_RDWR) };
	__u64 got[60], handles[2];
	__u64 tag = 0;

	while (tag < ARRAY_SIZE(got)) {
		struct labyrinth_alloc cmd = {
			.count = 2,
			.tag = tag,
			.fallback = LABYRINTH_FALLBACK_FAIL,
			.handles = (uintptr_t)handles,
		};

		/* One now, and a batch of two then. */
		test_alloc_cmd(givers[tag % 3], &cmd);
		test_give(givers[tag % 3], self->to, 2, handles);
		tag += 2;
		ASSERT_EQ(0, give_tagged(givers[tag % 3], self->to, tag));
		tag++;
	}
	test_take(self->taker, ARRAY_SIZE(got), got);
	for (size_t i = 0; i < ARRAY_SIZE(got); i++)
		EXPECT_EQ(i, tag_of(self->taker, got[i]));
	close(givers[1]);
	close(givers[2]);
}

TEST_F(take, what_was_taken_is_listed_after_what_was_there)
{
	struct labyrinth_query query;
	__u64 own;

	test_alloc(self->taker, 0, 1, &own);
	ASSERT_EQ(0, give_tagged(self->giver, self->to, 1));
	ASSERT_EQ(0, give_tagged(self->giver, self->to, 2));
	test_take(self->taker, 2, self->got);
	test_query(self->taker, LABYRINTH_QUERY_NEXT, own, &query);
	EXPECT_EQ(self->got[0], query.out_handle);
	test_query(self->taker, LABYRINTH_QUERY_NEXT, self->got[0], &query);
	EXPECT_EQ(self->got[1], query.out_handle);
	test_err_query(ENODATA, self->taker, LABYRINTH_QUERY_NEXT, self->got[1],
		       &query);
}

TEST_F(take, as_many_are_taken_as_are_asked_for_and_there)
{
	struct labyrinth_take cmd = {
		.count = 2,
		.handles = (uintptr_t)self->got,
	};

	for (__u64 tag = 0; tag < 5; tag++)
		ASSERT_EQ(0, give_tagged(self->giver, self->to, tag));
	memset(self->got, 0xAA, sizeof(self->got));
	test_take_cmd(self->taker, &cmd);
	EXPECT_EQ(2, cmd.out_count);
	EXPECT_EQ(0, tag_of(self->taker, self->got[0]));
	EXPECT_EQ(1, tag_of(self->taker, self->got[1]));
	EXPECT_EQ(0xAAAAAAAAAAAAAAAAULL, self->got[2]);
	EXPECT_EQ(3, inbox_used(self->taker));

	cmd.count = BATCH;
	test_take_cmd(self->taker, &cmd);
	EXPECT_EQ(3, cmd.out_count);
	EXPECT_EQ(2, tag_of(self->taker, self->got[0]));
	EXPECT_EQ(4, tag_of(self->taker, self->got[2]));
	EXPECT_EQ(0xAAAAAAAAAAAAAAAAULL, self->got[3]);
	EXPECT_EQ(5, used_pages(self->taker));
	test_err_take(EAGAIN, self->taker, 1, self->got);
}

TEST_F(take, an_empty_inbox_and_none_at_all_say_so)
{
	test_err_take(EAGAIN, self->taker, 1, self->got);
	test_err_take(EAGAIN, self->giver, 1, self->got);
	test_err_take(EAGAIN, self->giver, BATCH, self->got);
}

TEST_F(take, who_cannot_be_told_has_taken_nothing)
{
	char *area = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct labyrinth_take cmd = { .count = 3 };
	__u64 bad[5];

	ASSERT_NE(MAP_FAILED, area);
	ASSERT_EQ(0, mprotect(area + self->page, self->page, PROT_READ));
	bad[0] = 0;
	bad[1] = (uintptr_t)(area + self->page);	/* read-only */
	bad[2] = (uintptr_t)(area + self->page - 8);	/* the second one is */
	bad[3] = -8ULL;
	bad[4] = 0xffff888000000000ULL;
	for (__u64 tag = 0; tag < 3; tag++)
		ASSERT_EQ(0, give_tagged(self->giver, self->to, tag));

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct labyrinth_query query;

		cmd.handles = bad[i];
		test_err_take_cmd(EFAULT, self->taker, &cmd);
		EXPECT_EQ(3, inbox_used(self->taker));
		test_err_query(ENODATA, self->taker, LABYRINTH_QUERY_NEXT, 0,
			       &query);
	}
	test_take(self->taker, 3, self->got);
	for (__u64 tag = 0; tag < 3; tag++)
		EXPECT_EQ(tag, tag_of(self->taker, self->got[tag]));
}

/* === poll ================================================================ */

static int events_now(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, 0) == 1 ? pollfd.revents : 0;
}

TEST_F(take, poll_says_in_while_blocks_wait)
{
	EXPECT_EQ(0, events_now(self->taker));
	ASSERT_EQ(0, give_tagged(self->giver, self->to, 1));
	ASSERT_EQ(0, give_tagged(self->giver, self->to, 2));
	EXPECT_EQ(POLLIN, events_now(self->taker));
	EXPECT_EQ(0, events_now(self->giver));
	test_take(self->taker, 1, self->got);
	EXPECT_EQ(POLLIN, events_now(self->taker));
	test_take(self->taker, 1, self->got + 1);
	EXPECT_EQ(0, events_now(self->taker));
	/* A refused one is no arrival. */
	ASSERT_EQ(0, file_quota_set(self->taker, 2));
	EXPECT_EQ(-EDQUOT, give_tagged(self->giver, self->to, 3));
	EXPECT_EQ(0, events_now(self->taker));
}

/* Polls in a thread of its own; tells its number first, to be seen asleep. */
struct poller {
	int fd;
	int revents;
	pid_t id;
	pthread_t thread;
};

static void *poll_in_thread(void *arg)
{
	struct poller *poller = arg;
	struct pollfd pollfd = { .fd = poller->fd, .events = POLLIN };

	__atomic_store_n(&poller->id, syscall(SYS_gettid), __ATOMIC_RELEASE);
	if (poll(&pollfd, 1, DEADLINE_SECONDS * 1000) == 1)
		poller->revents = pollfd.revents;
	return NULL;
}

static int start_poller(struct poller *poller, int fd)
{
	poller->fd = fd;
	poller->revents = 0;
	poller->id = 0;
	if (pthread_create(&poller->thread, NULL, poll_in_thread, poller))
		return -EAGAIN;
	if (!WAIT_UNTIL(__atomic_load_n(&poller->id, __ATOMIC_ACQUIRE)))
		return -ESRCH;
	return WAIT_UNTIL(is_asleep(poller->id)) ? 0 : -ETIMEDOUT;
}

TEST_F(take, an_arrival_wakes_whoever_polls)
{
	struct poller poller;

	for (int round = 0; round < 20; round++) {
		ASSERT_EQ(0, start_poller(&poller, self->taker));
		ASSERT_EQ(0, give_tagged(self->giver, self->to, 1));
		ASSERT_EQ(0, pthread_join(poller.thread, NULL));
		EXPECT_EQ(POLLIN, poller.revents);
		test_take(self->taker, 1, self->got);
	}
}

TEST_F(take, what_waits_wakes_whoever_polls_when_its_owner_is_attached)
{
	int fd = test_open_device(O_RDWR);
	struct poller poller;

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.mode = 0600, .accept = LABYRINTH_ACCEPT_ANY }));
	test_alloc(self->giver, 0, 1, self->handles);
	test_give_name(self->giver, OWNER, 1, self->handles);
	ASSERT_EQ(0, start_poller(&poller, fd));
	test_attach(fd, OWNER);
	ASSERT_EQ(0, pthread_join(poller.thread, NULL));
	EXPECT_EQ(POLLIN, poller.revents);
	close(fd);
}

TEST_F(take, an_arrival_at_an_attached_owner_wakes_whoever_polls)
{
	int fd = test_open_device(O_RDWR);
	struct poller poller;

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.mode = 0600, .accept = LABYRINTH_ACCEPT_ANY }));
	test_attach(fd, OWNER);
	ASSERT_EQ(0, start_poller(&poller, fd));
	test_alloc(self->giver, 0, 1, self->handles);
	test_give_name(self->giver, OWNER, 1, self->handles);
	ASSERT_EQ(0, pthread_join(poller.thread, NULL));
	EXPECT_EQ(POLLIN, poller.revents);
	close(fd);
}

TEST_F(take, epoll_tells_each_arrival_once_by_edge_and_always_by_level)
{
	int level = epoll_create1(EPOLL_CLOEXEC);
	int edge = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };

	ASSERT_EQ(0, epoll_ctl(level, EPOLL_CTL_ADD, self->taker, &event));
	event.events |= EPOLLET;
	ASSERT_EQ(0, epoll_ctl(edge, EPOLL_CTL_ADD, self->taker, &event));
	EXPECT_EQ(0, epoll_wait(level, &event, 1, 0));
	EXPECT_EQ(0, epoll_wait(edge, &event, 1, 0));
	for (int round = 0; round < 3; round++) {
		ASSERT_EQ(0, give_tagged(self->giver, self->to, round));
		EXPECT_EQ(1, epoll_wait(edge, &event, 1,
					DEADLINE_SECONDS * 1000));
		EXPECT_EQ(EPOLLIN, event.events);
		for (int i = 0; i < 2; i++)
			EXPECT_EQ(1, epoll_wait(level, &event, 1, 0));
	}
	test_take(self->taker, 3, self->got);
	EXPECT_EQ(0, epoll_wait(level, &event, 1, 0));
	close(level);
	close(edge);
}

/* What is to be watched is changed: the queues are those of the first call. */
TEST_F(take, epoll_tells_of_what_it_is_asked_for_later)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_EQ(0, file_quota_set(self->taker, 1));
	test_alloc(self->taker, 0, 1, self->got);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->taker, &event));
	event.events = EPOLLOUT;
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_MOD, self->taker, &event));
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	test_free(self->taker, 1, self->got);
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, DEADLINE_SECONDS * 1000));
	EXPECT_EQ(EPOLLOUT, event.events);
	close(epoll);
}

#define WAITING		512
#define POLLING_SECONDS	8

struct eager {
	int giver, taker;
	int failed;
};

/* Takes one after the other, and never the last one. */
static void *take_all_but_one(void *arg)
{
	struct eager *eager = arg;
	__u32 to = owner_number(eager->taker);
	time_t end = now_seconds() + POLLING_SECONDS;
	__u64 got[WAITING];

	while (!eager->failed && now_seconds() < end) {
		for (int i = 0; i < WAITING; i++)
			eager->failed |= _take(eager->taker, 1, got + i);
		eager->failed |= _free_pages(eager->taker, WAITING, got) ?:
				 _alloc(eager->giver, 0, WAITING, got) ?:
				 _give(eager->giver, to, WAITING, got);
	}
	return NULL;
}

TEST_F(take, poll_overlooks_nothing_while_another_thread_takes)
{
	struct eager eager = { self->giver, self->taker, 0 };
	__u64 handles[WAITING + 1];
	int overlooked = 0;
	pthread_t thread;

	test_alloc(self->giver, 0, WAITING + 1, handles);
	test_give(self->giver, self->to, WAITING + 1, handles);
	ASSERT_EQ(0, pthread_create(&thread, NULL, take_all_but_one, &eager));
	while (pthread_tryjoin_np(thread, NULL))
		overlooked += events_now(self->taker) != POLLIN;
	EXPECT_EQ(0, eager.failed);
	EXPECT_EQ(0, overlooked);
	EXPECT_EQ(WAITING + 1, inbox_used(self->taker));
}

/* === eventfd ============================================================= */

/* True once it has been signalled, and forgets it. */
static bool signalled(int event)
{
	struct pollfd pollfd = { .fd = event, .events = POLLIN };
	__u64 count;

	return poll(&pollfd, 1, DEADLINE_SECONDS * 1000) == 1 &&
	       read(event, &count, sizeof(count)) == sizeof(count) && count;
}

static bool is_silent(int event)
{
	return !events_now(event);
}

TEST_F(take, an_arrival_signals_the_eventfd)
{
	int event = eventfd(0, EFD_CLOEXEC);

	ASSERT_LE(0, event);
	test_eventfd(self->taker, event);
	EXPECT_TRUE(is_silent(event));
	for (int round = 0; round < 5; round++) {
		ASSERT_EQ(0, give_tagged(self->giver, self->to, round));
		EXPECT_TRUE(signalled(event));
	}
	close(event);
	/* It has a reference of its own. */
	ASSERT_EQ(0, give_tagged(self->giver, self->to, 9));
}

TEST_F(take, an_eventfd_replaces_the_one_before)
{
	int first = eventfd(0, EFD_CLOEXEC), second = eventfd(0, EFD_CLOEXEC);
	struct poller poller;

	test_eventfd(self->taker, first);
	test_eventfd(self->taker, second);
	ASSERT_EQ(0, give_tagged(self->giver, self->to, 1));
	EXPECT_TRUE(signalled(second));
	EXPECT_TRUE(is_silent(first));

	test_err_eventfd(EINVAL, self->taker, -2);
	/* None: whoever polls is told all the same, and after the eventfds. */
	test_take(self->taker, 1, self->got);
	test_eventfd(self->taker, -1);
	ASSERT_EQ(0, start_poller(&poller, self->taker));
	ASSERT_EQ(0, give_tagged(self->giver, self->to, 2));
	ASSERT_EQ(0, pthread_join(poller.thread, NULL));
	EXPECT_EQ(POLLIN, poller.revents);
	EXPECT_TRUE(is_silent(first));
	EXPECT_TRUE(is_silent(second));

	/* A refused one replaces nothing. */
	test_take(self->taker, 1, self->got);
	test_eventfd(self->taker, first);
	test_err_eventfd(EINVAL, self->taker, self->giver);
	ASSERT_EQ(0, give_tagged(self->giver, self->to, 3));
	EXPECT_TRUE(signalled(first));
	close(first);
	close(second);
}

TEST_F(take, an_eventfd_is_told_of_the_owner_that_its_descriptor_acts_as)
{
	int event = eventfd(0, EFD_CLOEXEC), fd = test_open_device(O_RDWR);

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.mode = 0600, .accept = LABYRINTH_ACCEPT_ANY }));
	test_eventfd(fd, event);
	test_attach(fd, OWNER);
	test_alloc(self->giver, 0, 2, self->handles);
	test_give_name(self->giver, OWNER, 1, self->handles);
	EXPECT_TRUE(signalled(event));
	close(fd);
	/* Nobody is there to be told. */
	test_give_name(self->giver, OWNER, 1, self->handles + 1);
	EXPECT_TRUE(is_silent(event));
	close(event);
}

TEST_F(take, eventfds_come_and_go_while_blocks_arrive)
{
	int events[2] = { eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC) };

	for (int round = 0; round < 300; round++) {
		ASSERT_EQ(0, give_tagged(self->giver, self->to, round));
		test_eventfd(self->taker, events[round % 2]);
		test_take(self->taker, 1, self->got);
		test_free(self->taker, 1, self->got);
		if (!(round % 3))
			test_eventfd(self->taker, -1);
		if (!(round % 10)) {
			close(events[0]);
			events[0] = eventfd(0, EFD_CLOEXEC);
		}
	}
	test_eventfd(self->taker, events[1]);
	ASSERT_EQ(0, give_tagged(self->giver, self->to, 1));
	EXPECT_TRUE(signalled(events[1]));
	close(events[0]);
	close(events[1]);
}

/* === Many at once ======================================================== */

#define TAKERS		3
#define SHARED		3000

/* Each tag is counted by whoever took its block: once, in all. */
struct shared {
	int fd;
	unsigned int seen[SHARED];
	unsigned int total;
	unsigned int failed;
};

static void *take_shared(void *arg)
{
	struct shared *shared = arg;
	__u64 got[BATCH], before = 0;

	while (__atomic_load_n(&shared->total, __ATOMIC_RELAXED) < SHARED) {
		int count = take_up_to(shared->fd, BATCH, got);

		if (count == -EAGAIN)
			continue;
		if (count < 0) {
			__atomic_fetch_add(&shared->failed, 1,
					   __ATOMIC_RELAXED);
			return NULL;
		}
		for (int i = 0; i < count; i++) {
			__u64 tag = tag_of(shared->fd, got[i]);

			/* For one taker they come in order, too. */
			if (tag >= SHARED || (before && tag <= before)) {
				__atomic_fetch_add(&shared->failed, 1,
						   __ATOMIC_RELAXED);
				return NULL;
			}
			before = tag;
			__atomic_fetch_add(&shared->seen[tag], 1,
					   __ATOMIC_RELAXED);
		}
		if (_free_pages(shared->fd, count, got))
			__atomic_fetch_add(&shared->failed, 1,
					   __ATOMIC_RELAXED);
		__atomic_fetch_add(&shared->total, count, __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST_F(take, what_several_threads_take_is_neither_lost_nor_doubled)
{
	static struct shared shared;
	pthread_t threads[TAKERS];

	shared.fd = self->taker;
	for (int i = 0; i < TAKERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, take_shared,
					    &shared));
	for (__u64 tag = 0; tag < SHARED; ) {
		int ret = give_tagged(self->giver, self->to, tag);
		struct labyrinth_query query;

		if (!ret) {
			tag++;
			continue;
		}
		ASSERT_EQ(-ENOSPC, ret);
		test_query(self->giver, LABYRINTH_QUERY_NEXT, 0, &query);
		test_free(self->giver, 1, &query.out_handle);
	}
	for (int i = 0; i < TAKERS; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	EXPECT_EQ(0, shared.failed);
	EXPECT_EQ(SHARED, shared.total);
	for (int i = 0; i < SHARED; i++)
		ASSERT_EQ(1, shared.seen[i]);
	EXPECT_EQ(0, used_pages(self->taker));
}

#define GIVERS		4
#define EACH		400

struct source {
	__u32 to;
	__u64 number;
};

/* Gives EACH pages, full of what only they hold; waits where there is no room. */
static int give_many(void *arg)
{
	const struct source *source = arg;
	time_t end = now_seconds() + DEADLINE_SECONDS;
	int fd = _open_device(O_RDWR);

	for (__u64 i = 0; i < EACH; i++) {
		__u64 tag = source->number << 32 | i, handle;
		int ret;

		if (fd < 0 || _alloc(fd, 0, 1, &handle) ||
		    put_pattern(fd, handle, page_size(), tag) ||
		    _set(fd, LABYRINTH_SET_TAG, handle, tag, 0))
			return 1;
		while ((ret = _give(fd, source->to, 1, &handle)) == -ENOSPC) {
			if (now_seconds() > end)
				return 2;
			usleep(500);
		}
		if (ret)
			return 3;
	}
	return used_pages(fd) ? 4 : 0;
}

TEST_F(take, many_givers_lose_and_mix_up_nothing)
{
	int taker = test_open_device(O_RDWR);
	struct source sources[GIVERS];
	__u64 next[GIVERS] = {};
	pid_t pids[GIVERS];
	int total = 0;

	/* Small, so that it is full most of the time. */
	test_accept(taker, LABYRINTH_ACCEPT_ANY, BATCH);
	for (int i = 0; i < GIVERS; i++) {
		sources[i] = (struct source){ owner_number(taker), i };
		pids[i] = spawn(give_many, &sources[i]);
	}
	while (total < GIVERS * EACH) {
		struct pollfd pollfd = { .fd = taker, .events = POLLIN };
		int count;

		ASSERT_EQ(1, poll(&pollfd, 1, DEADLINE_SECONDS * 1000));
		count = take_up_to(taker, BATCH, self->got);
		ASSERT_LT(0, count);
		for (int i = 0; i < count; i++) {
			__u64 tag = tag_of(taker, self->got[i]);

			ASSERT_GT(GIVERS, tag >> 32);
			ASSERT_EQ(next[tag >> 32], (__u32)tag);
			next[tag >> 32]++;
			ASSERT_EQ(0, check_pattern(taker, self->got[i],
						   self->page, tag));
		}
		test_free(taker, count, self->got);
		total += count;
	}
	for (int i = 0; i < GIVERS; i++)
		EXPECT_EQ(0, reap(pids[i]));
	test_err_take(EAGAIN, taker, 1, self->got);
	EXPECT_EQ(0, used_pages(taker));
	close(taker);
}

TEST_HARNESS_MAIN
