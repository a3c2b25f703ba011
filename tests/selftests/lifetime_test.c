// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages die with their owner: by close, exit, exec and kill -9, also where the
 * descriptor itself lives on elsewhere.
 */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "admin_util.h"
#include "fd_passing.h"

#define PAGES	64

FIXTURE(lifetime) {
	__s64 out;	/* pages that are somebody's, before */
};

FIXTURE_SETUP(lifetime)
{
	ASSERT_TRUE(all_pages_are_back());
	self->out = pages_out();
}

FIXTURE_TEARDOWN(lifetime)
{
}

#define EXPECT_OUT(count)						\
	EXPECT_TRUE(WAIT_UNTIL(pages_out() == self->out + (count)))

#define EXPECT_ALL_BACK()	EXPECT_OUT(0)

TEST_F(lifetime, close_gives_everything_back)
{
	__u64 handles[PAGES];
	int fd = test_open_device(O_RDWR);

	test_alloc(fd, 0, PAGES, handles);
	EXPECT_OUT(PAGES);
	close(fd);
	EXPECT_ALL_BACK();
}

static int allocate_and(int (*end)(void))
{
	struct labyrinth_alloc cmd = {
		.count = 2,
		.order = 3,
		.fallback = LABYRINTH_FALLBACK_FAIL,
	};
	__u64 handles[PAGES];
	int fd = _open_device(O_RDWR);

	cmd.handles = (uintptr_t)handles;
	if (fd < 0 || _alloc_cmd(fd, &cmd) || _alloc(fd, 0, PAGES, handles))
		return 100;
	return end();
}

static int leave(void)
{
	return 0;
}

static int get_killed(void)
{
	raise(SIGKILL);
	return 101;
}

static int crash(void)
{
	char *wall = mmap(NULL, page_size(), PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*wall = 102;
	return *wall;
}

static int execute(void)
{
	execl("/bin/true", "true", NULL);
	return 103;
}

static int allocate_and_end(void *end)
{
	return allocate_and(end);
}

TEST_F(lifetime, exit_gives_everything_back)
{
	EXPECT_EQ(0, in_child(allocate_and_end, leave));
	EXPECT_ALL_BACK();
}

TEST_F(lifetime, kill_9_gives_everything_back)
{
	EXPECT_EQ(256 + SIGKILL, in_child(allocate_and_end, get_killed));
	EXPECT_ALL_BACK();
}

TEST_F(lifetime, a_crash_gives_everything_back)
{
	EXPECT_EQ(256 + SIGSEGV, in_child(allocate_and_end, crash));
	EXPECT_ALL_BACK();
}

TEST_F(lifetime, exec_gives_everything_back)
{
	EXPECT_EQ(0, in_child(allocate_and_end, execute));
	EXPECT_ALL_BACK();
}

TEST_F(lifetime, many_owners_come_and_go)
{
	for (int i = 0; i < 200; i++) {
		__u64 handles[4];
		int fd = test_open_device(O_RDWR);

		test_alloc(fd, 0, 4, handles);
		if (i % 2)
			test_free(fd, 2, handles);
		close(fd);
	}
	EXPECT_ALL_BACK();
}

TEST_F(lifetime, a_duplicate_keeps_the_owner_alive)
{
	int fd = test_open_device(O_RDWR), twin = dup(fd);
	__u64 handle;
	char byte = 'd';

	ASSERT_LE(0, twin);
	test_alloc(fd, 0, 1, &handle);
	test_write(fd, handle, 0, 1, &byte);
	close(fd);
	byte = 0;
	test_read(twin, handle, 0, 1, &byte);
	EXPECT_EQ('d', byte);
	EXPECT_OUT(1);
	close(twin);
	EXPECT_ALL_BACK();
}

/* Sends its descriptor, with pages, to the parent; then waits for its end. */
struct opener {
	int socket;
	int (*end)(void);
};

static int open_and_send(void *arg)
{
	struct opener *opener = arg;
	__u64 handles[PAGES];
	int fd = _open_device(O_RDWR);

	if (fd < 0 || _alloc(fd, 0, PAGES, handles) ||
	    send_fd(opener->socket, fd) || await_peer(opener->socket))
		return 100;
	return opener->end();
}

/* What a dead descriptor says. */
static bool is_dead(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN | POLLOUT };
	struct labyrinth_info info;
	__u64 handle;

	return _info(fd, &info) == -EIO && _alloc(fd, 0, 1, &handle) == -EIO &&
	       poll(&pollfd, 1, 0) == 1 &&
	       pollfd.revents == (POLLERR | POLLHUP);
}

static void opener_dies(struct __test_metadata *_metadata,
			FIXTURE_DATA(lifetime) *self, int (*end)(void),
			int expected)
{
	int sockets[2], fd;
	struct opener opener = { .end = end };
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	opener.socket = sockets[1];
	pid = spawn(open_and_send, &opener);
	fd = receive_fd(sockets[0]);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(is_dead(fd));	/* for us it always was */
	EXPECT_OUT(PAGES);

	ASSERT_EQ(0, signal_peer(sockets[0]));
	EXPECT_EQ(expected, reap(pid));
	EXPECT_ALL_BACK();
	EXPECT_TRUE(is_dead(fd));
	close(fd);
	EXPECT_ALL_BACK();
}

TEST_F(lifetime, a_descriptor_that_outlives_its_exited_opener_keeps_no_page)
{
	opener_dies(_metadata, self, leave, 0);
}

TEST_F(lifetime, a_descriptor_that_outlives_its_killed_opener_keeps_no_page)
{
	opener_dies(_metadata, self, get_killed, 256 + SIGKILL);
}

TEST_F(lifetime, a_descriptor_that_outlives_its_openers_exec_keeps_no_page)
{
	opener_dies(_metadata, self, execute, 0);
}

TEST_F(lifetime, poll_tells_when_the_reserve_has_a_page)
{
	int fd = test_open_device(O_RDWR);
	struct pollfd pollfd = { .fd = fd, .events = POLLOUT | POLLIN };

	EXPECT_EQ(1, poll(&pollfd, 1, DEADLINE_SECONDS * 1000));
	EXPECT_EQ(POLLOUT, pollfd.revents);
	close(fd);
}

TEST_F(lifetime, epoll_survives_the_close_of_its_descriptor)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	int fd = test_open_device(O_RDWR);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int twin = dup(fd);

	ASSERT_LE(0, epoll);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	close(fd);
	/* Still open under another number, so still watched. */
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, DEADLINE_SECONDS * 1000));
	close(twin);
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	close(epoll);
}

static int watch_and_die(void *arg)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLIN };
	int epoll = epoll_create1(0), fd = _open_device(O_RDWR);
	__u64 handle;

	(void)arg;
	if (epoll < 0 || fd < 0 || _alloc(fd, 0, 1, &handle) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		return 100;
	close(fd);
	raise(SIGKILL);
	return 101;
}

TEST_F(lifetime, a_watched_descriptor_dies_with_its_process)
{
	for (int i = 0; i < 20; i++)
		EXPECT_EQ(256 + SIGKILL, in_child(watch_and_die, NULL));
	EXPECT_ALL_BACK();
}

TEST_HARNESS_MAIN
