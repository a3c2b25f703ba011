// SPDX-License-Identifier: GPL-2.0-only
/*
 * io_submit(2)'s IOCB_CMD_POLL: it waits in one queue, and what it is woken for it
 * looks at from a kernel thread.
 */
#include "admin_util.h"
#include "aio_util.h"

#define OWNER	"selftest.aio"
#define REFILLS	50
#define SUBMITS	5000
#define BATCH	64

FIXTURE(aio) {
	int giver;
	int fd;			/* accepts any */
	__u32 to;		/* its number */
	aio_context_t context;
	__u64 handles[BATCH];
};

FIXTURE_SETUP(aio)
{
	owner_del(OWNER);
	ASSERT_TRUE(all_pages_are_back());
	self->giver = test_open_device(O_RDWR);
	self->fd = test_open_device(O_RDWR);
	self->to = owner_number(self->fd);
	test_accept(self->fd, LABYRINTH_ACCEPT_ANY, 0);
	ASSERT_EQ(0, aio_begin(&self->context));
}

FIXTURE_TEARDOWN(aio)
{
	EXPECT_EQ(0, syscall(SYS_io_destroy, self->context));
	close(self->giver);
	close(self->fd);
	owner_del(OWNER);
}

static int give_one(int giver, __u32 to)
{
	__u64 handle;

	return _alloc(giver, 0, 1, &handle) ?: _give(giver, to, 1, &handle);
}

TEST_F(aio, what_has_come_is_told_at_once)
{
	ASSERT_EQ(0, give_one(self->giver, self->to));
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(0, aio_submit(self->context, self->fd, POLLIN));
		ASSERT_EQ(POLLIN, aio_told(self->context));
	}
}

TEST_F(aio, an_arrival_is_told)
{
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(0, aio_submit(self->context, self->fd, POLLIN));
		ASSERT_EQ(0, give_one(self->giver, self->to));
		ASSERT_EQ(POLLIN, aio_told(self->context));
		test_take(self->fd, 1, self->handles);
		test_free(self->fd, 1, self->handles);
	}
}

/* A refill wakes it, and it goes on waiting for what it was asked for. */
TEST_F(aio, a_refill_is_no_arrival)
{
	ASSERT_EQ(0, aio_submit(self->context, self->fd, POLLIN));
	for (int i = 0; i < REFILLS; i++) {
		test_alloc(self->giver, 0, BATCH, self->handles);
		test_free(self->giver, BATCH, self->handles);
		ASSERT_EQ(-ETIME, aio_told_yet(self->context));
	}
	ASSERT_EQ(0, give_one(self->giver, self->to));
	EXPECT_EQ(POLLIN, aio_told(self->context));
}

/* Makes the worker wake whoever waits for refills, until it is killed. */
static int refill_without_pause(void *arg)
{
	__u64 handles[BATCH];
	int fd = _open_device(O_RDWR);

	(void)arg;
	while (fd >= 0 && !_alloc(fd, 0, BATCH, handles) &&
	       !_free_pages(fd, BATCH, handles))
		;
	return 1;
}

/* Each refill may be a wake-up in the middle of it. */
TEST_F(aio, what_has_come_is_told_while_the_reserve_is_refilled)
{
	pid_t pid = spawn(refill_without_pause, NULL);

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, give_one(self->giver, self->to));
	for (int i = 0; i < SUBMITS; i++) {
		EXPECT_EQ(0, aio_submit(self->context, self->fd, POLLIN));
		EXPECT_EQ(POLLIN, aio_told(self->context));
	}
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(256 + SIGKILL, reap(pid));
}

TEST_F(aio, room_below_the_quota_is_told)
{
	ASSERT_EQ(0, file_quota_set(self->fd, 1));
	for (int i = 0; i < 20; i++) {
		test_alloc(self->fd, 0, 1, self->handles);
		ASSERT_EQ(0, aio_submit(self->context, self->fd, POLLOUT));
		ASSERT_EQ(-ETIME, aio_told_yet(self->context));
		test_free(self->fd, 1, self->handles);
		ASSERT_EQ(POLLOUT, aio_told(self->context));
	}
}

TEST_F(aio, a_higher_quota_is_told)
{
	ASSERT_EQ(0, file_quota_set(self->fd, 1));
	test_alloc(self->fd, 0, 1, self->handles);
	ASSERT_EQ(0, aio_submit(self->context, self->fd, POLLOUT));
	ASSERT_EQ(-ETIME, aio_told_yet(self->context));
	ASSERT_EQ(0, file_quota_set(self->fd, 2));
	EXPECT_EQ(POLLOUT, aio_told(self->context));
}

TEST_F(aio, what_waits_is_told_when_its_owner_is_attached)
{
	int fd = test_open_device(O_RDWR);

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.mode = 0600, .accept = LABYRINTH_ACCEPT_ANY }));
	test_alloc(self->giver, 0, 1, self->handles);
	test_give_name(self->giver, OWNER, 1, self->handles);
	ASSERT_EQ(0, aio_submit(self->context, fd, POLLIN));
	ASSERT_EQ(-ETIME, aio_told_yet(self->context));
	test_attach(fd, OWNER);
	EXPECT_EQ(POLLIN, aio_told(self->context));
	close(fd);
}

TEST_F(aio, the_removal_of_the_owner_is_told)
{
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	test_attach(self->fd, OWNER);
	ASSERT_EQ(0, aio_submit(self->context, self->fd, POLLIN));
	ASSERT_EQ(-ETIME, aio_told_yet(self->context));
	ASSERT_EQ(0, owner_del(OWNER));
	EXPECT_EQ(POLLERR | POLLHUP, aio_told(self->context));
}

/* The other process has a descriptor, and no part in it. */
static int told_from_elsewhere(void *arg)
{
	aio_context_t context;

	if (aio_begin(&context))
		return 1;
	for (int i = 0; i < SUBMITS; i++) {
		if (aio_submit(context, *(int *)arg, POLLIN | POLLOUT))
			return 2;
		if (aio_told(context) != (POLLERR | POLLHUP))
			return 3;
	}
	return 0;
}

TEST_F(aio, another_process_is_told_nothing)
{
	pid_t pid = spawn(refill_without_pause, NULL);

	ASSERT_LT(0, pid);
	ASSERT_EQ(0, give_one(self->giver, self->to));
	EXPECT_EQ(0, in_child(told_from_elsewhere, &self->fd));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(256 + SIGKILL, reap(pid));
}

/* Holds a page by a descriptor that only what it waits for keeps open. */
static int wait_and(int (*end)(void))
{
	aio_context_t context;
	__u64 handle;
	int fd = _open_device(O_RDWR);

	if (fd < 0 || _alloc(fd, 0, 1, &handle) || aio_begin(&context) ||
	    aio_submit(context, fd, POLLIN))
		return 1;
	close(fd);
	return pages_out() ? end() : 2;
}

static int wait_and_end(void *end)
{
	return wait_and(end);
}

static int get_killed(void)
{
	return raise(SIGKILL) ?: 3;
}

static int execute(void)
{
	return execl("/bin/true", "true", NULL) ?: 4;
}

TEST_F(aio, whoever_waits_dies_with_its_pages)
{
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(256 + SIGKILL, in_child(wait_and_end, get_killed));
		ASSERT_TRUE(all_pages_are_back());
	}
}

TEST_F(aio, whoever_waits_and_executes_loses_its_pages)
{
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(0, in_child(wait_and_end, execute));
		ASSERT_TRUE(all_pages_are_back());
	}
}

/* A kernel thread closes it then, and others' files wait behind it. */
TEST_F(aio, what_is_waited_for_no_longer_is_closed)
{
	for (int i = 0; i < 20; i++) {
		aio_context_t context;
		int fd = test_open_device(O_RDWR);

		test_accept(fd, LABYRINTH_ACCEPT_ANY, 0);
		test_alloc(fd, 0, 1, self->handles);
		ASSERT_EQ(0, give_one(self->giver, owner_number(fd)));
		ASSERT_EQ(0, aio_begin(&context));
		ASSERT_EQ(0, aio_submit(context, fd, POLLERR));
		close(fd);
		ASSERT_EQ(2, pages_out());
		ASSERT_EQ(0, syscall(SYS_io_destroy, context));
		ASSERT_TRUE(all_pages_are_back());
	}
}

TEST_HARNESS_MAIN
