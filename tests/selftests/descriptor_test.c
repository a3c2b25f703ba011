// SPDX-License-Identifier: GPL-2.0-only
/*
 * A descriptor serves the address space that opened it. However it gets
 * elsewhere, there it answers EIO, and its owner goes on undisturbed.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "fd_passing.h"
#include "util.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open		434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd		438
#endif

/* What the re-executed program is told: its descriptor and its handle. */
#define AFTER_EXEC	"--after-exec"

FIXTURE(descriptor) {
	int fd;
	__u64 handle;
};

FIXTURE_SETUP(descriptor)
{
	char byte = 'p';

	self->fd = test_open_device(O_RDWR);
	test_alloc(self->fd, 0, 1, &self->handle);
	test_write(self->fd, self->handle, 0, 1, &byte);
}

FIXTURE_TEARDOWN(descriptor)
{
	close(self->fd);
}

/* 0 if every call answers EIO and poll says dead; else which one did not. */
static int every_call_is_eio(int fd, __u64 handle)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN | POLLOUT };
	struct labyrinth_query query;
	struct labyrinth_info info;
	__u64 other = 0;
	char byte = 'c';

	if (_info(fd, &info) != -EIO)
		return 1;
	if (_alloc(fd, 0, 1, &other) != -EIO || other)
		return 2;
	if (_free_pages(fd, 1, &handle) != -EIO)
		return 3;
	if (_query(fd, 0, handle, &query) != -EIO ||
	    _query(fd, LABYRINTH_QUERY_NEXT, 0, &query) != -EIO)
		return 4;
	if (_read_page(fd, handle, 0, 1, &byte) != -EIO || byte != 'c')
		return 5;
	if (_write_page(fd, handle, 0, 1, &byte) != -EIO)
		return 6;
	if (_set(fd, LABYRINTH_SET_TAG, handle, 9, 0) != -EIO)
		return 7;
	if (_attach(fd, "no.such.owner") != -EIO)
		return 8;
	if (_give(fd, 1, 1, &handle) != -EIO ||
	    _take(fd, 1, &other) != -EIO || other)
		return 9;
	if (_accept(fd, LABYRINTH_ACCEPT_ANY, 1) != -EIO ||
	    _eventfd(fd, -1) != -EIO)
		return 10;
	if (_map(fd, 1, &handle, NULL) != -EIO)
		return 11;
	if (mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd,
		 page_size()) != MAP_FAILED || errno != EIO)
		return 12;
	if (poll(&pollfd, 1, 0) != 1 ||
	    pollfd.revents != (POLLERR | POLLHUP))
		return 13;
	return 0;
}

/* 0 if the owner can do what it could, and its page is as it was. */
static int still_serves(int fd, __u64 handle)
{
	struct labyrinth_query query;
	__u64 other;
	char byte;

	if (_query(fd, 0, handle, &query) || query.out_tag)
		return 1;
	if (_read_page(fd, handle, 0, 1, &byte) || byte != 'p')
		return 2;
	if (_alloc(fd, 0, 1, &other) || _free_pages(fd, 1, &other))
		return 3;
	return used_pages(fd) != 1;
}

static int child_uses_it(void *arg)
{
	FIXTURE_DATA(descriptor) *self = arg;

	return every_call_is_eio(self->fd, self->handle);
}

TEST_F(descriptor, a_forked_child_gets_eio_and_the_parent_goes_on)
{
	EXPECT_EQ(0, in_child(child_uses_it, self));
	EXPECT_EQ(0, still_serves(self->fd, self->handle));
}

static int grandchild_uses_it(void *arg)
{
	return in_child(child_uses_it, arg);
}

TEST_F(descriptor, a_grandchild_gets_eio)
{
	EXPECT_EQ(0, in_child(grandchild_uses_it, self));
	EXPECT_EQ(0, still_serves(self->fd, self->handle));
}

static int closes_it(void *arg)
{
	return close(*(int *)arg);
}

TEST_F(descriptor, a_child_that_closes_its_copy_takes_nothing_away)
{
	EXPECT_EQ(0, in_child(closes_it, &self->fd));
	EXPECT_EQ(0, still_serves(self->fd, self->handle));
}

TEST_F(descriptor, a_childs_own_descriptor_is_its_own)
{
	int sockets[2], theirs;
	pid_t pid;

	/* Opened by the child, used here: the other way round. */
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	pid = fork();
	if (!pid) {
		int fd = _open_device(O_RDWR);

		_exit(fd < 0 || send_fd(sockets[1], fd) ||
		      await_peer(sockets[1]) || used_pages(fd));
	}
	theirs = receive_fd(sockets[0]);
	ASSERT_LE(0, theirs);
	EXPECT_EQ(0, every_call_is_eio(theirs, self->handle));
	ASSERT_EQ(0, signal_peer(sockets[0]));
	EXPECT_EQ(0, reap(pid));
}

TEST_F(descriptor, it_is_closed_on_exec_if_asked_for)
{
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->fd, F_GETFD));
}

static int executes_itself(void *arg)
{
	char fd[16], handle[32];
	int mine = _open_device(O_RDWR);
	__u64 page;

	/* Its own, so that only exec can be the reason. */
	if (mine < 0 || _alloc(mine, 0, 1, &page) ||
	    fcntl(mine, F_SETFD, 0) || used_pages(mine) != 1)
		return 100;
	(void)arg;
	snprintf(fd, sizeof(fd), "%d", mine);
	snprintf(handle, sizeof(handle), "%llu", (unsigned long long)page);
	execl("/proc/self/exe", "descriptor_test", AFTER_EXEC, fd, handle,
	      NULL);
	return 101;
}

TEST_F(descriptor, after_exec_it_is_dead)
{
	EXPECT_EQ(0, in_child(executes_itself, self));
	EXPECT_EQ(0, still_serves(self->fd, self->handle));
}

TEST_F(descriptor, a_receiver_of_scm_rights_gets_eio)
{
	int sockets[2];
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	pid = fork();
	if (!pid) {
		int fd;

		close(self->fd);
		fd = receive_fd(sockets[1]);
		_exit(fd < 0 ? 100 : every_call_is_eio(fd, self->handle));
	}
	ASSERT_EQ(0, send_fd(sockets[0], self->fd));
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, still_serves(self->fd, self->handle));
}

TEST_F(descriptor, sent_to_itself_it_serves_on)
{
	int sockets[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	ASSERT_EQ(0, send_fd(sockets[0], self->fd));
	close(self->fd);
	/* Only the message holds it now. */
	fd = receive_fd(sockets[1]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, still_serves(fd, self->handle));
	close(fd);
}

static int takes_it_from_its_parent(void *arg)
{
	FIXTURE_DATA(descriptor) *self = arg;
	int pidfd = syscall(SYS_pidfd_open, getppid(), 0), fd;

	if (pidfd < 0)
		return 100;
	fd = syscall(SYS_pidfd_getfd, pidfd, self->fd, 0);
	return fd < 0 ? 101 : every_call_is_eio(fd, self->handle);
}

TEST_F(descriptor, taken_by_pidfd_getfd_it_answers_eio)
{
	EXPECT_EQ(0, in_child(takes_it_from_its_parent, self));
	EXPECT_EQ(0, still_serves(self->fd, self->handle));
}

static int opens_it_by_proc(void *arg)
{
	FIXTURE_DATA(descriptor) *self = arg;
	struct labyrinth_query query;
	char path[64];
	int fd;

	/* A new open of the same file: another owner, with nothing. */
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getppid(), self->fd);
	fd = open(path, O_RDWR);
	if (fd < 0)
		return 100;
	if (used_pages(fd) || _query(fd, 0, self->handle, &query) != -ENOENT)
		return 101;
	return 0;
}

TEST_F(descriptor, opened_again_through_proc_it_is_another_owner)
{
	EXPECT_EQ(0, in_child(opens_it_by_proc, self));
	EXPECT_EQ(0, still_serves(self->fd, self->handle));
}

static void *use_in_thread(void *arg)
{
	FIXTURE_DATA(descriptor) *self = arg;

	return (void *)(intptr_t)still_serves(self->fd, self->handle);
}

/* The number behind @name in the file's fdinfo, or -1. */
static long fdinfo_value(int fd, const char *name)
{
	char line[128];

	return fdinfo_line(fd, name, line, sizeof(line)) ?
		atol(line + strlen(name)) : -1;
}

TEST_F(descriptor, its_fdinfo_tells_whose_it_is_and_what_that_has)
{
	struct labyrinth_info info;

	test_info(self->fd, &info);
	EXPECT_EQ(info.out_owner, fdinfo_value(self->fd, "labyrinth-owner:\t"));
	EXPECT_EQ(1, fdinfo_value(self->fd, "labyrinth-used:\t"));
	EXPECT_EQ(info.out_quota, fdinfo_value(self->fd, "labyrinth-quota:\t"));
	test_free(self->fd, 1, &self->handle);
	EXPECT_EQ(0, fdinfo_value(self->fd, "labyrinth-used:\t"));
}

TEST_F(descriptor, every_thread_of_the_opener_is_served)
{
	pthread_t thread;
	void *result;

	ASSERT_EQ(0, pthread_create(&thread, NULL, use_in_thread, self));
	ASSERT_EQ(0, pthread_join(thread, &result));
	EXPECT_EQ(NULL, result);
}

static int use_in_clone(void *arg)
{
	FIXTURE_DATA(descriptor) *self = arg;

	return still_serves(self->fd, self->handle);
}

/* The address space counts, not the process. */
TEST_F(descriptor, a_process_that_shares_the_address_space_is_served)
{
	static _Alignas(16) char stack[65536];
	pid_t pid;

	pid = clone(use_in_clone, stack + sizeof(stack), CLONE_VM | SIGCHLD,
		    self);
	EXPECT_EQ(0, reap(pid));
	EXPECT_EQ(0, still_serves(self->fd, self->handle));
}

static void nothing(int signal)
{
	(void)signal;
}

TEST(a_signal_does_not_make_open_fail)
{
	struct sigaction action = { .sa_handler = nothing };
	struct itimerval often = { { 0, 3000 }, { 0, 3000 } };
	struct itimerval never = {};

	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
	for (int i = 0; i < 500; i++) {
		int fd = _open_device(O_RDWR);

		ASSERT_LE(0, fd) {
			TH_LOG("open: %s", strerror(-fd));
		}
		close(fd);
	}
	setitimer(ITIMER_REAL, &never, NULL);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], AFTER_EXEC))
		return every_call_is_eio(atoi(argv[2]),
					 strtoull(argv[3], NULL, 10));
	return test_harness_run(argc, argv);
}
