// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fallback "defer". As in wait_test.c, a hog takes every slot of the
 * registry: what comes then is what it frees, and it comes to whoever asked
 * first.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "every_slot.h"

#define OWNER	"selftest.defer"
#define CHUNK	1024
#define TAG	0x1000ULL

FIXTURE(defer) {
	int fd;
	int other;
	int hog;
	__u64 got[CHUNK];
	__u64 handles[CHUNK];	/* some of what the hog took */
	__u32 freed;		/* of these */
};

FIXTURE_SETUP(defer)
{
	struct books books;

	ASSERT_EQ(0, pin_to_cpu(0));
	owner_del(OWNER);
	ASSERT_TRUE(only_the_hog_has_pages());
	ASSERT_EQ(0, books_get(&books));
	if (owner_value(HOG, LABYRINTH_A_OWNER_USED) == NL_ABSENT &&
	    !every_slot_fits(books.slots))
		SKIP(return, "%llu slots are more than memory: load with fewer",
		     books.slots);
	self->fd = test_open_device(O_RDWR);
	self->other = test_open_device(O_RDWR);
	self->hog = open_hog(books.slots);
	ASSERT_LE(0, self->hog);
	ASSERT_EQ(0, reserve_set(0, 1, 0));
	ASSERT_EQ(0, take_every_slot(self->hog, self->handles, CHUNK));
}

FIXTURE_TEARDOWN(defer)
{
	close(self->fd);
	close(self->other);
	close(self->hog);
	owner_del(OWNER);
	/* Whatever a test left half-way, the books balance after it. */
	EXPECT_TRUE(only_the_hog_has_pages());
	EXPECT_EQ(0, verify_result());
}

static struct labyrinth_alloc deferred(FIXTURE_DATA(defer) *self, __u32 count)
{
	return (struct labyrinth_alloc){
		.flags = LABYRINTH_ALLOC_STRICT,
		.count = count,
		.fallback = LABYRINTH_FALLBACK_DEFER,
		.tag = TAG,
		.handles = (uintptr_t)self->got,
	};
}

/* All of it is to come later. */
static int _defer(FIXTURE_DATA(defer) *self, int fd, __u32 count, __u64 tag)
{
	struct labyrinth_alloc cmd = deferred(self, count);
	int ret;

	cmd.tag = tag;
	ret = _alloc_cmd(fd, &cmd);
	if (!ret && cmd.out_count)
		ret = -EUCLEAN;
	return ret;
}

#define test_defer(...)		ASSERT_EQ(0, _defer(self, __VA_ARGS__))
#define test_err_defer(e, ...)	test_err(e, _defer(self, __VA_ARGS__))

/* What the hog gives back goes to whoever waits, as long as somebody does. */
static int feed(FIXTURE_DATA(defer) *self, __u32 count)
{
	int ret = _free_pages(self->hog, count, self->handles + self->freed);

	self->freed += count;
	return ret;
}

#define test_feed(...)	ASSERT_EQ(0, feed(self, __VA_ARGS__))

static __u32 still_to_come(int fd)
{
	struct labyrinth_info info;

	return _info(fd, &info) ? ~0U : info.out_deferred;
}

/* What has come, and been taken, may be counted still, for a moment. */
#define EXPECT_TO_COME(n, fd)	EXPECT_TRUE(WAIT_UNTIL(still_to_come(fd) == (n)))

/* Takes so many, however long they need to come. */
static bool taken(int fd, __u32 count, __u64 *got)
{
	__u32 have = 0;

	return WAIT_UNTIL(({
		int ret = take_up_to(fd, count - have, got + have);

		have += ret > 0 ? ret : 0;
		have == count;
	}));
}

static __u64 tag_of(int fd, __u64 handle)
{
	struct labyrinth_query query;

	return _query(fd, 0, handle, &query) ? LABYRINTH_UNLIMITED :
					       query.out_tag;
}

#define EXPECT_TAGS(fd, first, count)					\
do {									\
	for (__u64 i_ = 0; i_ < (count); i_++)				\
		EXPECT_EQ((first) + i_, tag_of(fd, self->got[i_]));	\
} while (0)

TEST_F(defer, what_cannot_be_had_at_once_comes_into_the_inbox)
{
	struct labyrinth_alloc cmd = deferred(self, 4);
	__u64 requests = stat_value(LABYRINTH_A_STATS_DEFERRED, 0);
	struct timespec boot;
	struct labyrinth_query query;
	struct labyrinth_info info;
	char byte = 'x';

	test_alloc_cmd(self->fd, &cmd);
	EXPECT_EQ(0, cmd.out_count);
	EXPECT_EQ(LABYRINTH_REASON_EMPTY, cmd.out_reason);
	EXPECT_EQ(requests + 4, stat_value(LABYRINTH_A_STATS_DEFERRED, 0));
	test_info(self->fd, &info);
	EXPECT_EQ(4, info.out_used);
	EXPECT_EQ(LABYRINTH_INBOX_DEFAULT, info.out_inbox);
	EXPECT_EQ(4, info.out_inbox_used);
	EXPECT_EQ(4, info.out_deferred);
	/* It has an inbox now, but accepts from nobody still. */
	EXPECT_EQ(LABYRINTH_ACCEPT_NONE, info.out_accept);
	test_err_take(EAGAIN, self->fd, 4, self->got);
	test_err_query(ENODATA, self->fd, LABYRINTH_QUERY_NEXT, 0, &query);
	EXPECT_EQ(0, verify_result());

	test_feed(4);
	ASSERT_TRUE(taken(self->fd, 4, self->got));
	EXPECT_TAGS(self->fd, TAG, 4);
	clock_gettime(CLOCK_MONOTONIC, &boot);
	for (int i = 0; i < 4; i++) {
		test_query(self->fd, 0, self->got[i], &query);
		EXPECT_EQ(0, query.out_order);
		EXPECT_EQ(0, query.out_used);
		EXPECT_EQ(LABYRINTH_RUNG_FALLBACK, query.out_rung);
		EXPECT_EQ(LABYRINTH_SCOPE_PROCESS, query.out_scope);
		/* Born in this test, and not with the machine. */
		EXPECT_GT(boot.tv_sec * 1000000000ULL / 2, query.out_age_ns);
		test_read(self->fd, self->got[i], 0, 1, &byte);
		EXPECT_EQ(0, byte);
	}
	EXPECT_TO_COME(0, self->fd);
	test_info(self->fd, &info);
	EXPECT_EQ(4, info.out_used);
	EXPECT_EQ(0, info.out_inbox_used);
	test_free(self->fd, 4, self->got);
	EXPECT_EQ(0, used_pages(self->fd));
}

TEST_F(defer, without_strict_it_is_the_same)
{
	struct labyrinth_alloc cmd = deferred(self, 2);

	cmd.flags = 0;
	test_alloc_cmd(self->fd, &cmd);
	EXPECT_EQ(0, cmd.out_count);
	EXPECT_EQ(LABYRINTH_REASON_SLOTS, cmd.out_reason);
	test_feed(2);
	ASSERT_TRUE(taken(self->fd, 2, self->got));
	EXPECT_TAGS(self->fd, TAG, 2);
}

TEST_F(defer, a_part_is_had_at_once_and_the_rest_later)
{
	struct labyrinth_alloc cmd = deferred(self, 64);
	__u32 now;

	test_feed(1);
	ASSERT_TRUE(WAIT_UNTIL(reserve_available(self->fd) == 1));
	memset(self->got, 0xAA, sizeof(self->got));
	test_alloc_cmd(self->fd, &cmd);
	now = cmd.out_count;
	EXPECT_LE(1, now);
	ASSERT_GT(64, now);
	EXPECT_NE(LABYRINTH_REASON_NONE, cmd.out_reason);
	EXPECT_NE(LABYRINTH_RUNG_NONE, cmd.out_rung);
	EXPECT_EQ(64, used_pages(self->fd));
	EXPECT_EQ(64 - now, inbox_used(self->fd));
	EXPECT_EQ(64 - now, still_to_come(self->fd));
	EXPECT_EQ(0xAAAAAAAAAAAAAAAAULL, self->got[now]);
	EXPECT_TAGS(self->fd, TAG, now);

	test_feed(64 - now);
	ASSERT_TRUE(taken(self->fd, 64 - now, self->got + now));
	EXPECT_TAGS(self->fd, TAG, 64);
}

TEST_F(defer, what_other_cpus_keep_ready_comes_too)
{
	struct books books;

	test_feed(CHUNK);
	ASSERT_EQ(0, take_all_from_here(self->hog));
	ASSERT_EQ(0, books_get(&books));
	if (!books.cpu)
		SKIP(return, "there is no other CPU");
	/* Nothing else will ever come. */
	test_defer(self->fd, books.cpu, TAG);
	ASSERT_TRUE(taken(self->fd, books.cpu, self->got));
	EXPECT_TAGS(self->fd, TAG, books.cpu);
}

TEST_F(defer, whoever_asked_first_is_served_first)
{
	const int order[] = { 0, 0, 1, 1, 1, 0, 1 };
	int fds[] = { self->fd, self->other };
	__u64 next[] = { TAG, 2 * TAG };

	test_defer(self->fd, 2, TAG);
	test_defer(self->other, 3, 2 * TAG);
	test_defer(self->fd, 1, TAG + 2);
	test_defer(self->other, 1, 2 * TAG + 3);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		int who = order[i];

		test_feed(1);
		ASSERT_TRUE(taken(fds[who], 1, self->got));
		EXPECT_EQ(next[who], tag_of(fds[who], self->got[0]));
		next[who]++;
		test_err_take(EAGAIN, fds[!who], 1, self->got);
	}
	EXPECT_TO_COME(0, self->fd);
	EXPECT_TO_COME(0, self->other);
}

TEST_F(defer, blocks_of_several_pages_come_too)
{
	struct labyrinth_alloc cmd = deferred(self, 2);
	struct labyrinth_query query;

	cmd.flags = 0;
	cmd.order = 2;
	test_alloc_cmd(self->fd, &cmd);
	EXPECT_EQ(0, cmd.out_count);
	EXPECT_EQ(8, used_pages(self->fd));
	EXPECT_EQ(2, still_to_come(self->fd));
	EXPECT_EQ(2, inbox_used(self->fd));
	EXPECT_EQ(0, verify_result());
	/* The stacks of the CPUs want some of it first. */
	test_feed(CHUNK);
	ASSERT_TRUE(taken(self->fd, 2, self->got));
	for (int i = 0; i < 2; i++) {
		test_query(self->fd, 0, self->got[i], &query);
		EXPECT_EQ(2, query.out_order);
		EXPECT_EQ(TAG + i, query.out_tag);
		ASSERT_EQ(0, put_pattern(self->fd, self->got[i],
					 page_size() << 2, i));
	}
	EXPECT_EQ(8, used_pages(self->fd));
	test_free(self->fd, 2, self->got);
	EXPECT_EQ(0, used_pages(self->fd));
}

TEST_F(defer, while_some_are_to_come_nothing_is_had_at_once)
{
	struct labyrinth_alloc block = deferred(self, 1), page = block;

	/* A block needs a slot, so it waits while single pages are there. */
	block.flags = 0;
	block.order = 2;
	test_alloc_cmd(self->fd, &block);
	test_feed(1);
	ASSERT_TRUE(WAIT_UNTIL(reserve_available(self->fd) == 1));

	page.tag = 7;
	test_alloc_cmd(self->fd, &page);
	EXPECT_EQ(0, page.out_count);
	ASSERT_TRUE(taken(self->fd, 1, self->got));
	EXPECT_EQ(7, tag_of(self->fd, self->got[0]));
	EXPECT_TO_COME(1, self->fd);

	/* Who asks otherwise, or is another, is not held back. */
	test_feed(1);
	ASSERT_TRUE(WAIT_UNTIL(reserve_available(self->fd) == 1));
	test_alloc(self->fd, LABYRINTH_ALLOC_STRICT, 1, self->got);
	test_feed(1);
	ASSERT_TRUE(WAIT_UNTIL(reserve_available(self->fd) == 1));
	test_alloc_cmd(self->other, &page);
	EXPECT_EQ(1, page.out_count);
}

/* === Charges and room ==================================================== */

TEST_F(defer, what_is_to_come_counts_against_the_quota)
{
	struct labyrinth_alloc cmd = deferred(self, 1);

	ASSERT_EQ(0, file_quota_set(self->fd, 4));
	test_err_defer(EDQUOT, self->fd, 5, TAG);
	EXPECT_EQ(0, used_pages(self->fd));
	EXPECT_EQ(0, still_to_come(self->fd));
	test_defer(self->fd, 4, TAG);
	test_err_alloc_cmd(EDQUOT, self->fd, &cmd);
	EXPECT_EQ(LABYRINTH_REASON_QUOTA, cmd.out_reason);
	EXPECT_EQ(0, cmd.out_count);
	test_err_alloc(EDQUOT, self->fd, 0, 1, self->got);

	test_feed(4);
	ASSERT_TRUE(taken(self->fd, 4, self->got));
	test_err_defer(EDQUOT, self->fd, 1, TAG);
	test_free(self->fd, 1, self->got);
	test_alloc_cmd(self->fd, &cmd);
}

static __u64 locked_pages(int fd)
{
	struct labyrinth_info info;

	return _info(fd, &info) ? NL_ABSENT : info.out_memlock_used;
}

TEST_F(defer, what_is_to_come_is_charged_to_the_user_until_it_is_freed)
{
	__u64 before = locked_pages(self->other);

	test_defer(self->fd, 8, TAG);
	EXPECT_EQ(before + 8, locked_pages(self->other));
	/* The hog's go away as ours come. */
	test_feed(8);
	ASSERT_TRUE(taken(self->fd, 8, self->got));
	EXPECT_EQ(before, locked_pages(self->other));
	test_free(self->fd, 8, self->got);
	EXPECT_EQ(before - 8, locked_pages(self->other));
}

TEST_F(defer, a_place_in_the_inbox_is_kept_for_each)
{
	const int reason = LABYRINTH_REASON_INBOX;
	__u64 failed = stat_value(LABYRINTH_A_STATS_FAIL, reason);
	struct labyrinth_alloc cmd = deferred(self, 5);
	__u64 handle;

	test_accept(self->fd, LABYRINTH_ACCEPT_ANY, 4);
	test_err_alloc_cmd(ENOSPC, self->fd, &cmd);
	EXPECT_EQ(reason, cmd.out_reason);
	EXPECT_EQ(0, cmd.out_count);
	EXPECT_EQ(0, used_pages(self->fd));
	EXPECT_EQ(0, inbox_used(self->fd));
	EXPECT_EQ(0, still_to_come(self->fd));
	EXPECT_LT(failed, stat_value(LABYRINTH_A_STATS_FAIL, reason));

	/* One that is given, and three that are to come. */
	test_give(self->hog, owner_number(self->fd), 1,
		  self->handles + CHUNK - 1);
	test_defer(self->fd, 3, TAG);
	test_err_defer(ENOSPC, self->fd, 1, TAG);
	test_err_give(ENOSPC, self->hog, owner_number(self->fd), 1,
		      self->handles + CHUNK - 2);
	EXPECT_EQ(4, used_pages(self->fd));

	/* Come, and not taken, they are there still. */
	test_feed(3);
	EXPECT_TO_COME(0, self->fd);
	EXPECT_EQ(4, inbox_used(self->fd));
	test_err_defer(ENOSPC, self->fd, 1, TAG);
	ASSERT_TRUE(taken(self->fd, 1, &handle));
	test_defer(self->fd, 1, TAG + 3);
	test_err_defer(ENOSPC, self->fd, 1, TAG);
	ASSERT_TRUE(taken(self->fd, 3, self->got));
	EXPECT_TAGS(self->fd, TAG, 3);
}

TEST_F(defer, a_full_inbox_is_no_matter_to_what_is_had_at_once)
{
	struct labyrinth_alloc cmd = deferred(self, 1);

	test_accept(self->fd, LABYRINTH_ACCEPT_ANY, 1);
	test_give(self->hog, owner_number(self->fd), 1,
		  self->handles + CHUNK - 1);
	test_err_defer(ENOSPC, self->fd, 1, TAG);
	test_feed(1);
	ASSERT_TRUE(WAIT_UNTIL(reserve_available(self->fd) == 1));
	test_alloc_cmd(self->fd, &cmd);
	EXPECT_EQ(1, cmd.out_count);
}

TEST_F(defer, a_request_without_room_gives_back_what_it_had_at_once)
{
	struct labyrinth_alloc cmd = deferred(self, 64);

	test_accept(self->fd, LABYRINTH_ACCEPT_NONE, 1);
	test_feed(1);
	ASSERT_TRUE(WAIT_UNTIL(reserve_available(self->fd) == 1));
	test_err_alloc_cmd(ENOSPC, self->fd, &cmd);
	EXPECT_EQ(0, cmd.out_count);
	EXPECT_EQ(0, used_pages(self->fd));
	EXPECT_EQ(0, inbox_used(self->fd));
	EXPECT_TRUE(WAIT_UNTIL(reserve_available(self->fd) == 1));
}

TEST_F(defer, a_refused_request_makes_no_inbox)
{
	struct labyrinth_info info;

	test_err_defer(ENOSPC, self->fd, LABYRINTH_INBOX_DEFAULT + 1, TAG);
	test_info(self->fd, &info);
	EXPECT_EQ(0, info.out_inbox);
	EXPECT_EQ(0, info.out_used);
	test_accept(self->fd, LABYRINTH_ACCEPT_NONE,
		    2 * LABYRINTH_INBOX_DEFAULT);
	test_defer(self->fd, LABYRINTH_INBOX_DEFAULT + 1, TAG);
}

/* === Being told ========================================================== */

static bool events_come(int fd, int events)
{
	struct pollfd pollfd = { .fd = fd, .events = events };

	return poll(&pollfd, 1, DEADLINE_SECONDS * 1000) == 1 &&
	       pollfd.revents & events;
}

static void *feed_a_bit_later(void *arg)
{
	FIXTURE_DATA(defer) *self = arg;

	usleep(200000);
	return (void *)(intptr_t)feed(self, 1);
}

TEST_F(defer, poll_and_eventfd_tell_that_it_has_come)
{
	struct pollfd pollfd = { .fd = self->fd, .events = POLLIN };
	int event = eventfd(0, EFD_CLOEXEC);
	pthread_t thread;
	void *ret;

	ASSERT_LE(0, event);
	test_eventfd(self->fd, event);
	test_defer(self->fd, 2, TAG);
	EXPECT_EQ(0, poll(&pollfd, 1, 0));
	pollfd.fd = event;
	EXPECT_EQ(0, poll(&pollfd, 1, 0));
	for (int i = 0; i < 2; i++) {
		__u64 count;

		ASSERT_EQ(0, pthread_create(&thread, NULL, feed_a_bit_later,
					    self));
		EXPECT_TRUE(events_come(self->fd, POLLIN));
		EXPECT_TRUE(events_come(event, POLLIN));
		ASSERT_EQ(sizeof(count),
			  (size_t)read(event, &count, sizeof(count)));
		test_take(self->fd, 1, self->got);
		ASSERT_EQ(0, pthread_join(thread, &ret));
		EXPECT_EQ(NULL, ret);
	}
	close(event);
}

/* === Cancelled =========================================================== */

TEST_F(defer, a_closed_descriptors_requests_are_cancelled)
{
	__u64 dropped = stat_value(LABYRINTH_A_STATS_DROPPED, 0);
	__u64 before = locked_pages(self->other);
	__s64 out = pages_out();

	test_defer(self->fd, 8, TAG);
	test_defer(self->other, 1, 2 * TAG);
	close(self->fd);
	EXPECT_EQ(0, verify_result());
	EXPECT_TRUE(WAIT_UNTIL(locked_pages(self->other) == before + 1));
	/* Those behind them need not wait for them any more. */
	test_feed(1);
	ASSERT_TRUE(taken(self->other, 1, self->got));
	EXPECT_EQ(2 * TAG, tag_of(self->other, self->got[0]));
	/* Nobody waits: it stays at hand. */
	test_feed(1);
	EXPECT_TRUE(WAIT_UNTIL(reserve_available(self->other) == 1));
	EXPECT_EQ(out - 1, pages_out());
	/* They never had a page that could have been dropped. */
	EXPECT_EQ(dropped, stat_value(LABYRINTH_A_STATS_DROPPED, 0));
	EXPECT_EQ(0, verify_result());
	self->fd = test_open_device(O_RDWR);
}

TEST_F(defer, blocks_are_cancelled_too)
{
	struct labyrinth_alloc cmd = deferred(self, 3);

	cmd.flags = 0;
	for (cmd.order = 1; cmd.order < 4; cmd.order++)
		test_alloc_cmd(self->fd, &cmd);
	EXPECT_EQ(9, still_to_come(self->fd));
	close(self->fd);
	test_feed(CHUNK);
	EXPECT_EQ(0, verify_result());
	self->fd = test_open_device(O_RDWR);
}

TEST_F(defer, what_came_and_was_not_taken_is_dropped)
{
	__u64 dropped = stat_value(LABYRINTH_A_STATS_DROPPED, 0);

	test_defer(self->fd, 8, TAG);
	test_feed(3);
	EXPECT_TO_COME(5, self->fd);
	/* What is told of may be on its last step. */
	EXPECT_TRUE(events_come(self->fd, POLLIN));
	EXPECT_EQ(0, verify_result());
	close(self->fd);
	EXPECT_TRUE(WAIT_UNTIL(stat_value(LABYRINTH_A_STATS_DROPPED, 0) ==
			       dropped + 3));
	EXPECT_EQ(0, verify_result());
	self->fd = test_open_device(O_RDWR);
}

struct waiter {
	int socket;
	int hog;		/* inherited, as the next: to be closed */
	int other;
	void *self;
};

static int wait_until_killed(void *arg)
{
	struct waiter *waiter = arg;
	int fd = _open_device(O_RDWR);

	close(waiter->hog);
	close(waiter->other);
	if (fd < 0 || _defer(waiter->self, fd, 8, TAG) ||
	    signal_peer(waiter->socket))
		return 1;
	events_come(fd, POLLIN);
	return 2;
}

TEST_F(defer, a_killed_waiter_leaves_nothing)
{
	struct waiter waiter = { .hog = self->hog, .other = self->other,
				 .self = self };
	__s64 out = pages_out();
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	waiter.socket = sockets[1];
	for (int round = 0; round < 5; round++) {
		pid_t pid = spawn(wait_until_killed, &waiter);

		ASSERT_EQ(0, await_peer(sockets[0]));
		ASSERT_TRUE(WAIT_UNTIL(is_asleep(pid)));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		EXPECT_EQ(256 + SIGKILL, reap(pid));
	}
	EXPECT_EQ(0, verify_result());
	EXPECT_EQ(out, pages_out());
	test_feed(1);
	EXPECT_TRUE(WAIT_UNTIL(reserve_available(self->fd) == 1));
}

TEST_F(defer, a_detached_owners_requests_are_served)
{
	struct labyrinth_info info;

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	test_attach(self->fd, OWNER);
	test_defer(self->fd, 2, TAG);
	close(self->fd);
	EXPECT_EQ(2, owner_value(OWNER, LABYRINTH_A_OWNER_DEFERRED));
	EXPECT_EQ(2, owner_value(OWNER, LABYRINTH_A_OWNER_USED));
	test_feed(2);
	EXPECT_TRUE(WAIT_UNTIL(!owner_value(OWNER,
					    LABYRINTH_A_OWNER_DEFERRED)));
	self->fd = test_open_device(O_RDWR);
	test_attach(self->fd, OWNER);
	ASSERT_TRUE(taken(self->fd, 2, self->got));
	EXPECT_TAGS(self->fd, TAG, 2);
	test_info(self->fd, &info);
	EXPECT_EQ(2, info.out_used);
}

TEST_F(defer, a_removed_owners_requests_are_cancelled)
{
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	test_attach(self->fd, OWNER);
	test_defer(self->fd, 4, TAG);
	test_defer(self->other, 1, 2 * TAG);
	ASSERT_EQ(0, owner_del(OWNER));
	test_err_take(ESHUTDOWN, self->fd, 1, self->got);
	test_err_defer(ESHUTDOWN, self->fd, 1, TAG);
	test_feed(1);
	ASSERT_TRUE(taken(self->other, 1, self->got));
	EXPECT_EQ(0, verify_result());
}

#define ROUNDS	40

/* Asks, takes what has come, frees it, and now and then dies. */
static int ask_and_take(void *arg)
{
	FIXTURE_DATA(defer) *self = arg;
	int fd = -1;

	close(self->hog);
	srand(getpid());
	for (int round = 0; round < ROUNDS; round++) {
		__u32 count = 1 + rand() % 16;
		struct labyrinth_alloc cmd = deferred(self, count);

		if (fd < 0)
			fd = _open_device(O_RDWR);
		if (fd < 0 || _alloc_cmd(fd, &cmd))
			return 1;
		if (cmd.out_count && _free_pages(fd, cmd.out_count, self->got))
			return 2;
		if (rand() % 4) {
			if (!taken(fd, count - cmd.out_count, self->got))
				return 3;
			for (__u32 i = 0; i < count - cmd.out_count; i++)
				if (tag_of(fd, self->got[i]) !=
				    TAG + cmd.out_count + i)
					return 4;
			if (cmd.out_count != count &&
			    _free_pages(fd, count - cmd.out_count, self->got))
				return 5;
			if (used_pages(fd))
				return 6;
		} else {
			close(fd);
			fd = -1;
		}
	}
	return 0;
}

TEST_F(defer, several_who_ask_take_and_die_share_what_there_is)
{
	pid_t pids[3];

	/* Fewer than they ask for together. */
	test_feed(24);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = spawn(ask_and_take, self);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		EXPECT_EQ(0, reap(pids[i]));
	EXPECT_EQ(0, verify_result());
}

int main(int argc, char **argv)
{
	return main_with_hog(argc, argv);
}
