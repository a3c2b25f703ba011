// SPDX-License-Identifier: GPL-2.0-only
/*
 * io_submit(2)'s IOCB_CMD_POLL: it waits in one queue, and what it is woken for
 * it looks at from a kernel thread.
 */
#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/syscall.h>

#include "admin_util.h"

#define OWNER	"selftest.aio"
#define MOMENT_NS	20000000
#define REFILLS	50
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
	self->context = 0;
	ASSERT_EQ(0, syscall(SYS_io_setup, 1, &self->context));
}

FIXTURE_TEARDOWN(aio)
{
	EXPECT_EQ(0, syscall(SYS_io_destroy, self->context));
	close(self->giver);
	close(self->fd);
	owner_del(OWNER);
}

static int submit(aio_context_t context, int fd, short events)
{
	struct iocb poll = {
		.aio_lio_opcode = IOCB_CMD_POLL,
		.aio_fildes = fd,
		.aio_buf = events,
	}, *polls = &poll;

	return syscall(SYS_io_submit, context, 1, &polls) == 1 ? 0 : -errno;
}

/* What it was told of; 0 if of nothing within @limit. */
static long long told_within(aio_context_t context, struct timespec limit)
{
	struct io_event event = {};
	long n = syscall(SYS_io_getevents, context, 1, 1, &event, &limit);

	return n == 1 ? event.res : n < 0 ? -errno : 0;
}

static long long told(aio_context_t context)
{
	return told_within(context, (struct timespec){ DEADLINE_SECONDS, 0 });
}

static long long told_yet(aio_context_t context)
{
	return told_within(context, (struct timespec){ 0, MOMENT_NS });
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
		ASSERT_EQ(0, submit(self->context, self->fd, POLLIN));
		ASSERT_EQ(POLLIN, told(self->context));
	}
}

TEST_F(aio, an_arrival_is_told)
{
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(0, submit(self->context, self->fd, POLLIN));
		ASSERT_EQ(0, give_one(self->giver, self->to));
		ASSERT_EQ(POLLIN, told(self->context));
		test_take(self->fd, 1, self->handles);
		test_free(self->fd, 1, self->handles);
	}
}

/* A refill wakes it, and it goes on waiting for what it was asked for. */
TEST_F(aio, a_refill_is_no_arrival)
{
	ASSERT_EQ(0, submit(self->context, self->fd, POLLIN));
	for (int i = 0; i < REFILLS; i++) {
		test_alloc(self->giver, 0, BATCH, self->handles);
		test_free(self->giver, BATCH, self->handles);
		ASSERT_EQ(0, told_yet(self->context));
	}
	ASSERT_EQ(0, give_one(self->giver, self->to));
	EXPECT_EQ(POLLIN, told(self->context));
}

/* Submitted while refills come: each of them is a wake-up in the middle of it. */
TEST_F(aio, what_has_come_is_told_while_the_reserve_is_refilled)
{
	ASSERT_EQ(0, give_one(self->giver, self->to));
	for (int i = 0; i < REFILLS; i++) {
		test_alloc(self->giver, 0, BATCH, self->handles);
		test_free(self->giver, BATCH, self->handles);
		for (int j = 0; j < 20; j++) {
			ASSERT_EQ(0, submit(self->context, self->fd, POLLIN));
			ASSERT_EQ(POLLIN, told(self->context));
		}
	}
}

TEST_F(aio, room_below_the_quota_is_told)
{
	ASSERT_EQ(0, file_quota_set(self->fd, 1));
	for (int i = 0; i < 20; i++) {
		test_alloc(self->fd, 0, 1, self->handles);
		ASSERT_EQ(0, submit(self->context, self->fd, POLLOUT));
		ASSERT_EQ(0, told_yet(self->context));
		test_free(self->fd, 1, self->handles);
		ASSERT_EQ(POLLOUT, told(self->context));
	}
}

TEST_F(aio, the_removal_of_the_owner_is_told)
{
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	test_attach(self->fd, OWNER);
	ASSERT_EQ(0, submit(self->context, self->fd, POLLIN));
	ASSERT_EQ(0, told_yet(self->context));
	ASSERT_EQ(0, owner_del(OWNER));
	EXPECT_EQ(POLLERR | POLLHUP, told(self->context));
}

/* The other process has a descriptor, and no part in it. */
static int told_from_elsewhere(void *arg)
{
	aio_context_t context = 0;

	if (syscall(SYS_io_setup, 1, &context) ||
	    submit(context, *(int *)arg, POLLIN | POLLOUT))
		return 1;
	return told(context) == (POLLERR | POLLHUP) ? 0 : 2;
}

TEST_F(aio, another_process_is_told_nothing)
{
	ASSERT_EQ(0, give_one(self->giver, self->to));
	EXPECT_EQ(0, in_child(told_from_elsewhere, &self->fd));
}

static int dies_waiting(void *arg)
{
	aio_context_t context = 0;
	__u64 handle;
	int fd = _open_device(O_RDWR);

	(void)arg;
	if (fd < 0 || _alloc(fd, 0, 1, &handle) ||
	    syscall(SYS_io_setup, 1, &context) || submit(context, fd, POLLIN))
		return 1;
	close(fd);
	raise(SIGKILL);
	return 2;
}

/* It keeps the descriptor open until then. */
TEST_F(aio, whoever_waits_dies_with_its_pages)
{
	__s64 out = pages_out();

	for (int i = 0; i < 20; i++)
		ASSERT_EQ(256 + SIGKILL, in_child(dies_waiting, NULL));
	EXPECT_TRUE(WAIT_UNTIL(pages_out() == out));
}

TEST_HARNESS_MAIN
