// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fallback "wait". For it to be needed at all a hog takes every slot of the
 * registry, so that the refill can do nothing: what a waiter gets then is what
 * somebody frees.
 */
#include <pthread.h>

#include "aio_util.h"
#include "every_slot.h"

#define CHUNK	1024
#define SECOND	1000000000ULL
#define GUARANTEE	4
#define RESERVE		8

FIXTURE(wait) {
	int fd;			/* the waiter's */
	int hog;
	__u64 handles[CHUNK];	/* some of what the hog took */
};

FIXTURE_SETUP(wait)
{
	struct books books;

	ASSERT_EQ(0, pin_to_cpu(0));
	ASSERT_TRUE(only_the_hog_has_pages());
	ASSERT_EQ(0, books_get(&books));
	if (owner_value(HOG, LABYRINTH_A_OWNER_USED) == NL_ABSENT &&
	    !every_slot_fits(books.slots))
		SKIP(return, "%llu slots are more than memory: load with fewer",
		     books.slots);
	self->fd = test_open_device(O_RDWR);
	self->hog = open_hog(books.slots);
	ASSERT_LE(0, self->hog);
	ASSERT_EQ(0, reserve_set(0, 1, 0));
	ASSERT_EQ(0, take_every_slot(self->hog, self->handles, CHUNK));
}

FIXTURE_TEARDOWN(wait)
{
	/* Or no later test could set the reserve below it. */
	owner_set(owner_value(HOG, LABYRINTH_A_OWNER_ID), LABYRINTH_A_OWNER_GUARANTEE, 0);
	close(self->fd);
	close(self->hog);
}

static struct labyrinth_alloc waiting(__u64 timeout_ns, __u32 count,
				      __u64 *handles)
{
	return (struct labyrinth_alloc){
		.flags = LABYRINTH_ALLOC_STRICT,
		.count = count,
		.fallback = LABYRINTH_FALLBACK_WAIT,
		.timeout_ns = timeout_ns,
		.handles = (uintptr_t)handles,
	};
}

TEST_F(wait, the_timeout_passes_and_nothing_is_held)
{
	__u64 handles[4];
	struct labyrinth_alloc cmd = waiting(SECOND / 4, 4, handles);

	test_err_alloc_cmd(ETIMEDOUT, self->fd, &cmd);
	EXPECT_EQ(0, cmd.out_count);
	EXPECT_EQ(LABYRINTH_REASON_TIMEOUT, cmd.out_reason);
	EXPECT_EQ(LABYRINTH_RUNG_FALLBACK, cmd.out_rung);
	EXPECT_EQ(0, used_pages(self->fd));
}

/*
 * A bound that a slow machine keeps too, and one whose tick is late: from many
 * points between two ticks, and for hardly less than three of 4 ms.
 */
TEST_F(wait, no_timeout_passes_before_its_time)
{
	__u64 handle, timeout = 11900000;

	for (int i = 0; i < 50; i++) {
		struct labyrinth_alloc cmd = waiting(timeout, 1, &handle);
		struct timespec from, to;

		clock_gettime(CLOCK_MONOTONIC, &from);
		test_err_alloc_cmd(ETIMEDOUT, self->fd, &cmd);
		clock_gettime(CLOCK_MONOTONIC, &to);
		ASSERT_LE(timeout, (to.tv_sec - from.tv_sec) * SECOND +
				   to.tv_nsec - from.tv_nsec);
		usleep(700 * (i % 7));
	}
}

TEST_F(wait, without_waiting_the_same_request_fails_at_once)
{
	__u64 handle;
	struct labyrinth_alloc cmd = waiting(0, 1, &handle);

	cmd.fallback = LABYRINTH_FALLBACK_FAIL;
	test_err_alloc_cmd(ENOMEM, self->fd, &cmd);
	EXPECT_EQ(LABYRINTH_REASON_EMPTY, cmd.out_reason);
	cmd.flags = 0;
	test_err_alloc_cmd(ENOMEM, self->fd, &cmd);
	EXPECT_EQ(LABYRINTH_REASON_SLOTS, cmd.out_reason);
	EXPECT_EQ(0, used_pages(self->fd));
}

struct waiter {
	int ready;	/* told just before it waits */
	int owner;	/* inherited: to be closed, or it would stay alive */
};

/* Opens for itself, and exits with 0 when it has got what it waited for. */
static int wait_for_pages(void *arg)
{
	struct waiter *waiter = arg;
	__u64 handles[4];
	struct labyrinth_alloc cmd = waiting(0, 4, handles);
	int fd = _open_device(O_RDWR);

	close(waiter->owner);
	if (fd < 0 || signal_peer(waiter->ready))
		return 1;
	return _alloc_cmd(fd, &cmd) || cmd.out_count != 4 ||
	       used_pages(fd) != 4 ? 2 : 0;
}

static pid_t sleeping_waiter(int owner)
{
	struct waiter waiter = { .owner = owner };
	int pipefd[2];
	pid_t pid;

	if (pipe(pipefd))
		return -1;
	waiter.ready = pipefd[1];
	pid = spawn(wait_for_pages, &waiter);
	close(pipefd[1]);
	if (pid < 0 || await_peer(pipefd[0]) || !WAIT_UNTIL(is_asleep(pid))) {
		kill(pid, SIGKILL);
		return -1;
	}
	close(pipefd[0]);
	return pid;
}

TEST_F(wait, what_another_process_frees_reaches_the_waiter)
{
	pid_t pid = sleeping_waiter(self->hog);
	int status;

	ASSERT_LT(0, pid);
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	test_free(self->hog, CHUNK, self->handles);
	EXPECT_EQ(0, reap(pid));
}

TEST_F(wait, what_a_dying_owner_held_reaches_the_waiter)
{
	int dying = test_open_device(O_RDWR);
	__u64 got[CHUNK];
	pid_t pid;

	test_accept(dying, LABYRINTH_ACCEPT_ANY, CHUNK);
	test_give(self->hog, owner_number(dying), CHUNK, self->handles);
	test_take(dying, CHUNK, got);
	pid = sleeping_waiter(dying);
	ASSERT_LT(0, pid);
	close(dying);
	EXPECT_EQ(0, reap(pid));
}

TEST_F(wait, a_waiter_can_be_killed)
{
	__s64 out = pages_out();
	pid_t pid = sleeping_waiter(self->hog);

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(256 + SIGKILL, reap(pid));
	EXPECT_EQ(out, pages_out());
}

#define EMERGENCY	4

/* The hog takes what there is, but for the emergency part, which is full. */
static bool only_the_emergency_part_is_left(int hog)
{
	static __u64 handles[CHUNK];
	struct labyrinth_alloc cmd = {
		.flags = LABYRINTH_ALLOC_PARTIAL,
		.count = CHUNK,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)handles,
	};
	struct books books;

	_alloc_cmd(hog, &cmd);
	return !books_get(&books) && !books.vacant && !books.available &&
	       books.emergency_available == EMERGENCY;
}

TEST_F(wait, poll_tells_of_the_emergency_part_only_whom_it_is_for)
{
	struct pollfd hog = { .fd = self->hog, .events = POLLOUT };
	struct pollfd other = { .fd = self->fd, .events = POLLOUT };

	ASSERT_EQ(0, owner_set_named(HOG, LABYRINTH_A_OWNER_EMERGENCY, 1));
	EXPECT_EQ(0, poll(&hog, 1, 0));
	ASSERT_EQ(0, owner_set_named(HOG, LABYRINTH_A_OWNER_EMERGENCY, 0));
	EXPECT_EQ(0, poll(&hog, 1, 0));
	ASSERT_EQ(0, reserve_set(0, 1, EMERGENCY));
	test_free(self->hog, CHUNK, self->handles);
	ASSERT_TRUE(WAIT_UNTIL(only_the_emergency_part_is_left(self->hog)));
	EXPECT_EQ(0, poll(&hog, 1, 0));
	ASSERT_EQ(0, owner_set_named(HOG, LABYRINTH_A_OWNER_EMERGENCY, 1));
	EXPECT_EQ(1, poll(&hog, 1, 0));
	EXPECT_EQ(POLLOUT, hog.revents);
	EXPECT_EQ(0, poll(&other, 1, 0));
	EXPECT_EQ(0, owner_set_named(HOG, LABYRINTH_A_OWNER_EMERGENCY, 0));
	EXPECT_EQ(0, poll(&hog, 1, 0));
}

TEST_F(wait, the_emergency_part_is_told_of_when_it_is_opened)
{
	aio_context_t context;

	ASSERT_EQ(0, reserve_set(0, 1, EMERGENCY));
	test_free(self->hog, CHUNK, self->handles);
	ASSERT_TRUE(WAIT_UNTIL(only_the_emergency_part_is_left(self->hog)));
	ASSERT_EQ(0, aio_begin(&context));
	ASSERT_EQ(0, aio_submit(context, self->hog, POLLOUT));
	ASSERT_EQ(-ETIME, aio_told_yet(context));
	ASSERT_EQ(0, owner_set_named(HOG, LABYRINTH_A_OWNER_EMERGENCY, 1));
	EXPECT_EQ(POLLOUT, aio_told(context));
	EXPECT_EQ(0, owner_set_named(HOG, LABYRINTH_A_OWNER_EMERGENCY, 0));
	EXPECT_EQ(0, syscall(SYS_io_destroy, context));
}

/* All that is left is a reserve that is full: nothing is refilled. */
static bool only_the_reserve_is_left(int hog)
{
	static __u64 handles[CHUNK];
	struct labyrinth_alloc cmd = {
		.flags = LABYRINTH_ALLOC_PARTIAL,
		.order = 1,
		.count = CHUNK,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)handles,
	};
	struct books books;

	_alloc_cmd(hog, &cmd);
	return !books_get(&books) && !books.vacant &&
	       books.available == RESERVE;
}

static void *wait_in_vain(void *fd)
{
	__u64 handle;
	struct labyrinth_alloc cmd = waiting(3 * SECOND, 1, &handle);

	cmd.flags = 0;
	cmd.order = 1;
	return (void *)(intptr_t)_alloc_cmd(*(int *)fd, &cmd);
}

TEST_F(wait, the_room_of_a_wait_in_vain_is_told)
{
	aio_context_t context;
	pthread_t thread;
	void *err;

	ASSERT_EQ(0, reserve_set(RESERVE / 2, RESERVE, 0));
	test_free(self->hog, CHUNK, self->handles);
	ASSERT_TRUE(WAIT_UNTIL(only_the_reserve_is_left(self->hog)));
	ASSERT_EQ(0, owner_set(owner_number(self->fd), LABYRINTH_A_OWNER_QUOTA, 2));
	ASSERT_EQ(0, aio_begin(&context));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_in_vain, &self->fd));
	ASSERT_TRUE(WAIT_UNTIL(used_pages(self->fd) == 2));
	ASSERT_EQ(0, aio_submit(context, self->fd, POLLOUT));
	EXPECT_EQ(-ETIME, aio_told_yet(context));
	ASSERT_EQ(0, pthread_join(thread, &err));
	EXPECT_EQ(-ETIMEDOUT, (intptr_t)err);
	EXPECT_EQ(POLLOUT, aio_told(context));
	EXPECT_EQ(0, syscall(SYS_io_destroy, context));
}

static bool only_the_guarantee_is_left(void)
{
	struct books books;

	return !books_get(&books) && books.guaranteed == GUARANTEE &&
	       !books.available && !books.emergency_available;
}

TEST_F(wait, poll_tells_of_a_guarantee_only_whose_it_is)
{
	__u32 id = owner_value(HOG, LABYRINTH_A_OWNER_ID);
	struct pollfd hog = { .fd = self->hog, .events = POLLOUT };
	struct pollfd other = { .fd = self->fd, .events = POLLOUT };

	ASSERT_EQ(0, reserve_set(GUARANTEE, GUARANTEE, 0));
	test_free(self->hog, CHUNK, self->handles);
	ASSERT_EQ(0, owner_set(id, LABYRINTH_A_OWNER_GUARANTEE, GUARANTEE));
	ASSERT_TRUE(WAIT_UNTIL(only_the_guarantee_is_left()));
	EXPECT_EQ(1, poll(&hog, 1, 0));
	EXPECT_EQ(POLLOUT, hog.revents);
	EXPECT_EQ(0, poll(&other, 1, 0));
}

#define REMOVED	"selftest.wait.removed"

static int wait_for_a_named_owner(void *arg)
{
	__u64 handle;
	struct labyrinth_alloc cmd = waiting(60 * SECOND, 1, &handle);
	int fd = _open_device(O_RDWR);

	(void)arg;
	if (fd < 0 || _attach(fd, REMOVED) || _alloc_cmd(fd, &cmd) != -ESHUTDOWN)
		return 100;
	return cmd.out_reason != LABYRINTH_REASON_DYING || cmd.out_count;
}

TEST_F(wait, who_waits_for_an_owner_that_is_removed_is_told)
{
	pid_t pid;

	owner_del(REMOVED);
	ASSERT_EQ(0, owner_add(REMOVED, (struct owner_options){ .mode = 0600 }));
	pid = spawn(wait_for_a_named_owner, NULL);
	/* What is waited for is charged. */
	EXPECT_TRUE(WAIT_UNTIL(owner_value(REMOVED, LABYRINTH_A_OWNER_USED) == 1));
	EXPECT_EQ(0, owner_del(REMOVED));
	EXPECT_EQ(0, reap(pid));
}

static void ignore(int sig)
{
	(void)sig;
}

TEST_F(wait, a_signal_that_does_not_kill_does_not_end_the_wait)
{
	struct sigaction action = { .sa_handler = ignore };
	__u64 handle;
	struct labyrinth_alloc cmd = waiting(2 * SECOND, 1, &handle);
	timer_t timer;
	struct itimerspec soon = {
		.it_value.tv_nsec = SECOND / 10,
		.it_interval.tv_nsec = SECOND / 10,
	};

	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, timer_create(CLOCK_MONOTONIC, NULL, &timer));
	ASSERT_EQ(0, timer_settime(timer, 0, &soon, NULL));
	test_err_alloc_cmd(ETIMEDOUT, self->fd, &cmd);
	timer_delete(timer);
}

int main(int argc, char **argv)
{
	return main_with_hog(argc, argv);
}
