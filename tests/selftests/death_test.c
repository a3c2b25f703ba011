// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of an address space, with mappings: its pages are wiped and back though
 * its descriptor, or another one's mapping of a socket, lives on. A named owner's
 * stay, and nothing reaches them until the next one maps them.
 */
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "admin_util.h"
#include "fd_passing.h"
#include "map_util.h"

#define OWNER	"selftest.death"
#define PAGES	16

FIXTURE(death) {
	struct books before;
	int sockets[2];
	__s64 out;
};

FIXTURE_SETUP(death)
{
	survive_touching();
	owner_del(OWNER);
	ASSERT_TRUE(all_pages_are_back());
	self->out = pages_out();
	ASSERT_EQ(0, books_get(&self->before));
	/* What was a dead one's is soon had again. */
	ASSERT_EQ(0, reserve_set(8, 16, KEEP));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, self->sockets));
}

FIXTURE_TEARDOWN(death)
{
	close(self->sockets[0]);
	close(self->sockets[1]);
	owner_del(OWNER);
	reserve_set(self->before.low, self->before.high,
		    self->before.emergency);
}

#define EXPECT_OUT(count)						\
	EXPECT_TRUE(WAIT_UNTIL(pages_out() == self->out + (count)))

/* What the child tells its parent. */
struct told {
	__u64 handles[PAGES];
	__u64 addresses[PAGES];
};

struct child {
	int socket;
	const char *name;	/* of the owner that it acts as, or NULL */
	int (*end)(void);
};

/* Maps, fills, tells, sends its descriptor, and ends when it is told to. */
static int map_tell_and_end(void *arg)
{
	struct child *child = arg;
	struct labyrinth_query query;
	struct told told;
	int fd = _open_device(O_RDWR);
	char *at;

	if (fd < 0 || (child->name && _attach(fd, child->name)) ||
	    _alloc(fd, 0, PAGES, told.handles))
		return 100;
	at = map_blocks(fd, PAGES, told.handles);
	if (at == MAP_FAILED)
		return 101;
	for (int i = 0; i < PAGES; i++) {
		fill_pattern(at + i * page_size(), page_size(), i);
		if (_query(fd, 0, told.handles[i], &query))
			return 102;
		told.addresses[i] = query.out_phys;
	}
	if (write(child->socket, &told, sizeof(told)) != sizeof(told) ||
	    send_fd(child->socket, fd) || await_peer(child->socket))
		return 103;
	return child->end();
}

static int leave(void)
{
	return 0;
}

static int get_killed(void)
{
	raise(SIGKILL);
	return 110;
}

static int execute(void)
{
	execl("/bin/true", "true", NULL);
	return 111;
}

static int execute_and_stay(void)
{
	execl("/bin/sleep", "sleep", "1000", NULL);
	return 112;
}

static bool is_dead(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN | POLLOUT };
	struct labyrinth_info info;
	char line[128];

	return _info(fd, &info) == -EIO && poll(&pollfd, 1, 0) == 1 &&
	       pollfd.revents == (POLLERR | POLLHUP) &&
	       fdinfo_line(fd, "labyrinth-owner:\tdead\n", line, sizeof(line));
}

/* Of all that can be had at once, nothing has anything in it. */
static bool all_comes_clean(const __u64 *addresses, int *seen_again)
{
	static char page[65536];
	__u64 handles[512];
	struct labyrinth_query query;
	int fd = _open_device(O_RDWR);
	bool clean = fd >= 0 && !file_quota_set(fd, ARRAY_SIZE(handles)) &&
		     !_alloc(fd, 0, ARRAY_SIZE(handles), handles);

	for (size_t i = 0; clean && i < ARRAY_SIZE(handles); i++) {
		clean = !_query(fd, 0, handles[i], &query) &&
			!_read_page(fd, handles[i], 0, page_size(), page) &&
			all_bytes_are(page, 0, page_size());
		for (int k = 0; k < PAGES; k++)
			*seen_again += query.out_phys == addresses[k];
	}
	close(fd);
	return clean;
}

static void child_dies(struct __test_metadata *_metadata,
		       FIXTURE_DATA(death) *self, int (*end)(void),
		       int expected)
{
	struct child child = { .socket = self->sockets[1], .end = end };
	pid_t pid = spawn(map_tell_and_end, &child);
	int fd, seen_again = 0;
	struct told told = {};

	ASSERT_EQ((ssize_t)sizeof(told),
		  read(self->sockets[0], &told, sizeof(told)));
	fd = receive_fd(self->sockets[0]);
	ASSERT_LE(0, fd);
	EXPECT_OUT(PAGES);
	ASSERT_EQ(0, signal_peer(self->sockets[0]));
	if (expected >= 0)
		EXPECT_EQ(expected, reap(pid));
	/* The descriptor is still open, here. */
	EXPECT_OUT(0);
	EXPECT_TRUE(is_dead(fd));
	test_err_mmap(EIO, fd, PROT_READ, MAP_SHARED, page_size(), page_size());
	EXPECT_TRUE(all_comes_clean(told.addresses, &seen_again));
	TH_LOG("%d of its pages were seen again", seen_again);
	if (expected < 0) {
		kill(pid, SIGKILL);
		EXPECT_EQ(256 + SIGKILL, reap(pid));
	}
	close(fd);
	EXPECT_OUT(0);
}

TEST_F(death, of_one_who_exits)
{
	child_dies(_metadata, self, leave, 0);
}

TEST_F(death, of_one_who_is_killed)
{
	child_dies(_metadata, self, get_killed, 256 + SIGKILL);
}

TEST_F(death, of_one_who_executes)
{
	child_dies(_metadata, self, execute, 0);
}

TEST_F(death, of_one_who_executes_and_lives_on)
{
	child_dies(_metadata, self, execute_and_stay, -1);
}

/* The descriptor is in a message that nobody has received. */
TEST_F(death, while_the_descriptor_is_in_a_message)
{
	struct child child = { .socket = self->sockets[1], .end = leave };
	pid_t pid = spawn(map_tell_and_end, &child);
	struct told told;

	ASSERT_EQ((ssize_t)sizeof(told),
		  read(self->sockets[0], &told, sizeof(told)));
	EXPECT_OUT(PAGES);
	ASSERT_EQ(0, signal_peer(self->sockets[0]));
	EXPECT_EQ(0, reap(pid));
	EXPECT_OUT(0);
}

/* === vfork, clone ======================================================== */

/* A vfork with an exec behind it. */
static pid_t spawn_true(void)
{
	static char *const nothing[] = { "true", NULL };
	pid_t pid;

	return posix_spawn(&pid, "/bin/true", NULL, NULL, nothing, NULL) ?
		-1 : pid;
}

TEST_F(death, a_vforked_child_that_executes_takes_nothing_along)
{
	int fd = test_open_device(O_RDWR);
	__u64 handles[PAGES], value;
	char *at;

	test_alloc(fd, 0, PAGES, handles);
	at = test_map_blocks(fd, PAGES, handles);
	ASSERT_EQ(0, try_store(at, 42));
	EXPECT_EQ(0, reap(spawn_true()));
	EXPECT_EQ(0, try_load(at, &value));
	EXPECT_EQ(42, value);
	EXPECT_EQ(PAGES, used_pages(fd));
	test_free(fd, PAGES, handles);
	EXPECT_TRUE(is_gone(at, PAGES));
	close(fd);
}

struct sharer {
	int fd;
	char *at;
	__u64 handles[PAGES];
};

/* Shares the address space: the pages are its own, and outlive it. */
static int share_and_exit(void *arg)
{
	struct sharer *sharer = arg;

	sharer->fd = _open_device(O_RDWR);
	if (sharer->fd < 0 || _alloc(sharer->fd, 0, PAGES, sharer->handles))
		return 1;
	sharer->at = map_blocks(sharer->fd, PAGES, sharer->handles);
	if (sharer->at == MAP_FAILED)
		return 2;
	memset(sharer->at, 's', PAGES * page_size());
	return 0;
}

TEST_F(death, of_a_process_is_not_the_address_spaces)
{
	static _Alignas(16) char stack[65536];
	static struct sharer sharer;
	__u64 handle;

	/* CLONE_FILES, so that its descriptor is here too. */
	EXPECT_EQ(0, reap(clone(share_and_exit, stack + sizeof(stack),
				CLONE_VM | CLONE_FILES | SIGCHLD, &sharer)));
	EXPECT_TRUE(all_bytes_are(sharer.at, 's', PAGES * page_size()));
	EXPECT_EQ(PAGES, used_pages(sharer.fd));
	test_alloc(sharer.fd, 0, 1, &handle);
	test_free(sharer.fd, PAGES, sharer.handles);
	EXPECT_TRUE(is_gone(sharer.at, PAGES));
	close(sharer.fd);
}

/* === A named owner is left =============================================== */

/* Nothing of its pages has changed, and the next one has them. */
static void next_one_has_them(struct __test_metadata *_metadata,
			      const struct told *told)
{
	struct labyrinth_query query;
	int fd = test_open_device(O_RDWR);
	char *at;

	EXPECT_TRUE(WAIT_UNTIL(!owner_value(OWNER,
					    LABYRINTH_A_OWNER_ATTACHED)));
	EXPECT_EQ(PAGES, owner_value(OWNER, LABYRINTH_A_OWNER_USED));
	test_attach(fd, OWNER);
	for (int i = 0; i < PAGES; i++) {
		test_query(fd, 0, told->handles[i], &query);
		EXPECT_EQ(told->addresses[i], query.out_phys);
		EXPECT_EQ(0, query.out_flags);
		EXPECT_EQ(0, query.out_offset);
	}
	at = test_map_blocks(fd, PAGES, told->handles);
	for (int i = 0; i < PAGES; i++)
		EXPECT_TRUE(shows_pattern(at + i * page_size(), page_size(),
					  i));
	munmap(at, PAGES * page_size());
	close(fd);
}

static void named_child_ends(struct __test_metadata *_metadata,
			     FIXTURE_DATA(death) *self, int (*end)(void),
			     int expected)
{
	struct child child = { .socket = self->sockets[1], .name = OWNER,
			       .end = end };
	struct told told = {};
	pid_t pid;
	int fd;

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	pid = spawn(map_tell_and_end, &child);
	ASSERT_EQ((ssize_t)sizeof(told),
		  read(self->sockets[0], &told, sizeof(told)));
	fd = receive_fd(self->sockets[0]);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, signal_peer(self->sockets[0]));
	if (expected >= 0)
		EXPECT_EQ(expected, reap(pid));
	EXPECT_OUT(PAGES);
	next_one_has_them(_metadata, &told);
	EXPECT_TRUE(is_dead(fd));
	if (expected < 0) {
		kill(pid, SIGKILL);
		EXPECT_EQ(256 + SIGKILL, reap(pid));
	}
	close(fd);
	/* Once more: the dead descriptor's end was nobody's. */
	next_one_has_them(_metadata, &told);
}

TEST_F(death, of_one_who_acted_for_a_named_owner)
{
	named_child_ends(_metadata, self, get_killed, 256 + SIGKILL);
}

TEST_F(death, by_exec_of_one_who_acted_for_a_named_owner)
{
	named_child_ends(_metadata, self, execute_and_stay, -1);
}

/* Everything closed, mappings and all, while the process goes on. */
TEST_F(death, of_the_descriptor_of_a_named_owner_is_the_last_mappings)
{
	int fd = test_open_device(O_RDWR), other = test_open_device(O_RDWR);
	struct told told;
	struct labyrinth_query query;
	char *at;

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	test_attach(fd, OWNER);
	test_alloc(fd, 0, PAGES, told.handles);
	at = test_map_blocks(fd, PAGES, told.handles);
	for (int i = 0; i < PAGES; i++) {
		fill_pattern(at + i * page_size(), page_size(), i);
		test_query(fd, 0, told.handles[i], &query);
		told.addresses[i] = query.out_phys;
	}
	close(fd);
	/* The mapping holds the file: it still acts as the owner. */
	usleep(100000);
	test_err_attach(EBUSY, other, OWNER);
	EXPECT_TRUE(shows_pattern(at, page_size(), 0));
	munmap(at, PAGES * page_size());
	close(other);
	next_one_has_them(_metadata, &told);
}

/* Removed by the administrator while it is attached and mapped. */
TEST_F(death, of_a_named_owner_under_its_file)
{
	int fd = test_open_device(O_RDWR);
	__u64 handles[PAGES], offset;
	struct labyrinth_info info;
	char *at;

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	test_attach(fd, OWNER);
	test_alloc(fd, 0, PAGES, handles);
	test_map(fd, PAGES, handles, &offset);
	at = test_map_at(fd, PROT_READ | PROT_WRITE, PAGES * page_size(),
			 offset);
	memset(at, 1, PAGES * page_size());
	ASSERT_EQ(0, owner_del(OWNER));
	EXPECT_TRUE(is_gone(at, PAGES));
	EXPECT_OUT(0);
	test_info(fd, &info);
	EXPECT_EQ(0, info.out_used);
	test_err_map(ESHUTDOWN, fd, 1, handles, NULL);
	test_err_mmap(ESHUTDOWN, fd, PROT_READ, MAP_SHARED, page_size(),
		      offset);
	munmap(at, PAGES * page_size());
	close(fd);
}

/* === Threads at it ======================================================= */

static atomic_int mapping;

static void *map_and_touch(void *arg)
{
	struct sharer *sharer = arg;

	while (atomic_load(&mapping) >= 0) {
		char *at = map_blocks(sharer->fd, PAGES, sharer->handles);

		/* The other thread may have moved the blocks meanwhile. */
		if (at == MAP_FAILED)
			continue;
		for (int i = 0; i < PAGES; i++)
			try_store(at + i * page_size(), 1);
		munmap(at, PAGES * page_size());
		atomic_fetch_add(&mapping, 1);
	}
	return NULL;
}

static int die_mapping(void *arg)
{
	static struct sharer sharer;
	pthread_t thread;

	(void)arg;
	sharer.fd = _open_device(O_RDWR);
	if (sharer.fd < 0 || _alloc(sharer.fd, 0, PAGES, sharer.handles))
		return 100;
	for (int i = 0; i < 2; i++)
		if (pthread_create(&thread, NULL, map_and_touch, &sharer))
			return 101;
	if (!WAIT_UNTIL(atomic_load(&mapping) > 5))
		return 102;
	raise(SIGKILL);
	return 103;
}

TEST_F(death, of_one_whose_threads_are_mapping)
{
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(256 + SIGKILL, in_child(die_mapping, NULL));
	EXPECT_OUT(0);
}

TEST_HARNESS_MAIN
