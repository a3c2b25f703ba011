// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody else comes by the descriptor. In each attack a memfd goes the same
 * way and gives its contents away (the control); the device's descriptor gives
 * nothing to any other address space, and its owner goes on undisturbed.
 */
#include <pthread.h>
#include <sys/syscall.h>

#include "fd_passing.h"
#include "victim.h"

/* What the re-executed program is told: memfd, device, handle, offset. */
#define AFTER_EXEC	"--after-exec"

struct loot {
	int memfd;
	int device;
	__u64 handle;
	__u64 offset;
};

/* An owner with one page, mapped, with the secret in it. */
static int prepare(struct loot *loot, char **mapping)
{
	loot->memfd = secret_memfd();
	loot->device = _open_device(O_RDWR);
	if (loot->memfd < 0 || loot->device < 0 ||
	    _alloc(loot->device, 0, 1, &loot->handle) ||
	    _write_page(loot->device, loot->handle, 0, sizeof(secret), secret))
		return -1;
	if (_map(loot->device, 1, &loot->handle, &loot->offset))
		return -2;
	*mapping = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
			loot->device, loot->offset);
	if (*mapping == MAP_FAILED || memcmp(*mapping, secret, sizeof(secret)))
		return -3;
	return 0;
}

/* 0 if all calls answer EIO. */
static int every_call_fails(const struct loot *loot)
{
	struct labyrinth_query query;
	struct labyrinth_info info;
	char buffer[sizeof(secret)] = {};
	__u64 handle = loot->handle, other = 0, offset;
	int fd = loot->device;

	if (_read_page(fd, handle, 0, sizeof(buffer), buffer) != -EIO ||
	    !all_bytes_are(buffer, 0, sizeof(buffer)))
		return complain("READ answered");
	if (_write_page(fd, handle, 0, sizeof(buffer), buffer) != -EIO)
		return complain("WRITE answered");
	if (_info(fd, &info) != -EIO || _query(fd, 0, handle, &query) != -EIO)
		return complain("INFO or QUERY answered");
	if (_alloc(fd, 0, 1, &other) != -EIO || other)
		return complain("ALLOC answered");
	if (_map(fd, 1, &handle, &offset) != -EIO)
		return complain("MAP answered");
	if (_give(fd, 1, 1, &handle) != -EIO ||
	    _take(fd, 1, &other) != -EIO ||
	    _accept(fd, LABYRINTH_ACCEPT_ANY, 1) != -EIO ||
	    _set(fd, LABYRINTH_SET_TAG, handle, 9, 0) != -EIO ||
	    _free_pages(fd, 1, &handle) != -EIO)
		return complain("GIVE, TAKE, ACCEPT, SET or FREE answered");
	return 0;
}

static int cannot_be_mapped(const struct loot *loot, int prot, int flags)
{
	void *at = mmap(NULL, page_size(), prot, flags, loot->device,
			loot->offset);

	if (at != MAP_FAILED)
		return complain("mmap(prot %#x, flags %#x) gave a mapping",
				prot, flags);
	/* MAP_PRIVATE has two faults; which is told first does not matter. */
	if (errno == EIO || (errno == EINVAL && flags == MAP_PRIVATE))
		return 0;
	return complain("mmap(prot %#x, flags %#x): %s", prot, flags,
			strerror(errno));
}

/* What a thief gets out of the two: 0 if the memfd's secret and nothing more. */
static int plunder(const struct loot *loot)
{
	if (!maps_the_secret(loot->memfd))
		return complain("control: the memfd did not give its secret");
	return every_call_fails(loot) ?:
	       cannot_be_mapped(loot, PROT_READ, MAP_SHARED) ?:
	       cannot_be_mapped(loot, PROT_READ | PROT_WRITE, MAP_SHARED) ?:
	       cannot_be_mapped(loot, PROT_READ, MAP_PRIVATE);
}

/* 0 if the owner has what it had, and can do what it could. */
static int still_serves(const struct loot *loot, const char *mapping,
			__u64 pages)
{
	char buffer[sizeof(secret)];
	struct labyrinth_query query;
	__u64 other;

	if (_query(loot->device, 0, loot->handle, &query) || query.out_tag)
		return complain("the owner's page is not as it was");
	if (_read_page(loot->device, loot->handle, 0, sizeof(buffer), buffer) ||
	    memcmp(buffer, secret, sizeof(secret)) ||
	    memcmp(mapping, secret, sizeof(secret)))
		return complain("the owner's secret is not there");
	if (_alloc(loot->device, 0, 1, &other) ||
	    _free_pages(loot->device, 1, &other) ||
	    used_pages(loot->device) != pages)
		return complain("the owner is not served any more");
	return 0;
}

/* === Another process gets it ============================================= */

enum way { BY_FORK, BY_SCM_RIGHTS, BY_PIDFD_GETFD };

FIXTURE(theft) {
	int socket;
	pid_t thief;
	struct loot loot;
	char *mapping;
};

FIXTURE_VARIANT(theft) {
	enum way way;
	uid_t thief;
};

FIXTURE_VARIANT_ADD(theft, fork) { BY_FORK, NOBODY };
FIXTURE_VARIANT_ADD(theft, scm_rights) { BY_SCM_RIGHTS, NOBODY };
FIXTURE_VARIANT_ADD(theft, scm_rights_to_root) { BY_SCM_RIGHTS, 0 };
FIXTURE_VARIANT_ADD(theft, pidfd_getfd) { BY_PIDFD_GETFD, NOBODY };
FIXTURE_VARIANT_ADD(theft, pidfd_getfd_by_root) { BY_PIDFD_GETFD, 0 };

static int get_hold_of(struct loot *loot, enum way way, int socket)
{
	int pidfd;

	if (way == BY_SCM_RIGHTS) {
		loot->memfd = receive_fd(socket);
		loot->device = receive_fd(socket);
	} else if (way == BY_PIDFD_GETFD) {
		pidfd = syscall(SYS_pidfd_open, getppid(), 0);
		loot->memfd = syscall(SYS_pidfd_getfd, pidfd, loot->memfd, 0);
		loot->device = syscall(SYS_pidfd_getfd, pidfd, loot->device, 0);
	}
	if (loot->memfd < 0 || loot->device < 0)
		return complain("the descriptors did not come: %s",
				strerror(errno));
	return 0;
}

static int steal(int socket, enum way way, uid_t uid)
{
	struct loot loot;

	/* A child that it forked is the owner's user already. */
	if ((way != BY_FORK && turn_into(uid)) ||
	    read(socket, &loot, sizeof(loot)) != sizeof(loot))
		return complain("the thief is not ready");
	return get_hold_of(&loot, way, socket) ?: plunder(&loot);
}

FIXTURE_SETUP(theft)
{
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	self->socket = sockets[0];
	/* Before there is anything that it could inherit, but for BY_FORK. */
	if (variant->way != BY_FORK) {
		self->thief = fork();
		if (!self->thief)
			_exit(steal(sockets[1], variant->way, variant->thief));
	}
	ASSERT_EQ(0, turn_into(NOBODY));
	ASSERT_EQ(0, prepare(&self->loot, &self->mapping));
	if (variant->way == BY_FORK) {
		self->thief = fork();
		if (!self->thief)
			_exit(steal(sockets[1], variant->way, variant->thief));
	}
}

FIXTURE_TEARDOWN(theft)
{
	close(self->loot.device);
}

TEST_F(theft, the_descriptor_is_worth_nothing_elsewhere)
{
	struct loot *loot = &self->loot;

	ASSERT_EQ(sizeof(*loot), write(self->socket, loot, sizeof(*loot)));
	if (variant->way == BY_SCM_RIGHTS) {
		ASSERT_EQ(0, send_fd(self->socket, loot->memfd));
		ASSERT_EQ(0, send_fd(self->socket, loot->device));
	}
	EXPECT_EQ(0, reap(self->thief));
	EXPECT_EQ(0, still_serves(loot, self->mapping, 1));
}

/* === It outlives its owner =============================================== */

static int sends_and_dies(void *arg)
{
	struct loot loot;
	char *mapping;
	int socket = *(int *)arg;

	if (turn_into(NOBODY) || prepare(&loot, &mapping) ||
	    write(socket, &loot, sizeof(loot)) != sizeof(loot) ||
	    send_fd(socket, loot.memfd) || send_fd(socket, loot.device))
		return 100;
	raise(SIGKILL);
	return 101;
}

TEST(a_descriptor_that_outlives_its_owner_keeps_nothing)
{
	struct loot loot;
	int sockets[2];

	ASSERT_TRUE(all_pages_are_back());
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	EXPECT_EQ(256 + SIGKILL, in_child(sends_and_dies, &sockets[1]));
	ASSERT_EQ(sizeof(loot), read(sockets[0], &loot, sizeof(loot)));
	ASSERT_EQ(0, get_hold_of(&loot, BY_SCM_RIGHTS, sockets[0]));
	EXPECT_EQ(0, plunder(&loot));
	/* Still open here, and all that its owner had is wiped. */
	EXPECT_TRUE(all_pages_are_back());
}

/* === exec ================================================================ */

static bool maps_mention(const char *name)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	bool found = false;

	while (maps && fgets(line, sizeof(line), maps))
		found |= !!strstr(line, name);
	if (maps)
		fclose(maps);
	return found;
}

static int after_exec(char **args)
{
	struct loot loot = {
		.memfd = atoi(args[0]),
		.device = atoi(args[1]),
		.handle = strtoull(args[2], NULL, 10),
		.offset = strtoull(args[3], NULL, 10),
	};

	if (maps_mention(LABYRINTH_DEVICE))
		return complain("the device is mapped after exec");
	return plunder(&loot);
}

static int executes_itself(void *arg)
{
	char memfd[16], device[16], handle[32], offset[32], *mapping;
	struct loot loot;

	(void)arg;
	if (turn_into(NOBODY) || prepare(&loot, &mapping))
		return 100;
	if (!maps_mention(LABYRINTH_DEVICE))
		return complain("control: no mapping is seen before exec");
	/* dup(2) drops close-on-exec, as a careless program's would. */
	snprintf(memfd, sizeof(memfd), "%d", dup(loot.memfd));
	snprintf(device, sizeof(device), "%d", dup(loot.device));
	snprintf(handle, sizeof(handle), "%llu", loot.handle);
	snprintf(offset, sizeof(offset), "%llu", loot.offset);
	execl("/proc/self/exe", "descriptor_attack", AFTER_EXEC, memfd, device,
	      handle, offset, NULL);
	return 101;
}

TEST(dup_and_exec_keep_nothing)
{
	ASSERT_TRUE(all_pages_are_back());
	EXPECT_EQ(0, in_child(executes_itself, NULL));
	EXPECT_TRUE(all_pages_are_back());
}

/* === Who shares the address space ======================================== */

FIXTURE(sharer) {
	struct loot loot;	/* scope `process` */
	char *mapping;
	__u64 mine;		/* scope `thread` */
	__u32 receiver;		/* would take it */
	bool written;		/* the control: ordinary memory is shared */
};

FIXTURE_VARIANT(sharer) {
	int flags;		/* of clone(2), 0: a thread */
};

FIXTURE_VARIANT_ADD(sharer, thread) { 0 };
FIXTURE_VARIANT_ADD(sharer, clone_vm) { CLONE_VM | SIGCHLD };
FIXTURE_VARIANT_ADD(sharer, vfork) { CLONE_VM | CLONE_VFORK | SIGCHLD };

FIXTURE_SETUP(sharer)
{
	struct labyrinth_alloc cmd = {
		.count = 1,
		.scope = LABYRINTH_SCOPE_THREAD,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)&self->mine,
	};

	int receiver;

	ASSERT_EQ(0, turn_into(NOBODY));
	ASSERT_EQ(0, prepare(&self->loot, &self->mapping));
	receiver = test_open_device(O_RDWR);
	test_accept(receiver, LABYRINTH_ACCEPT_ANY, 0);
	self->receiver = owner_number(receiver);
	test_alloc_cmd(self->loot.device, &cmd);
	test_write(self->loot.device, self->mine, 0, sizeof(secret), secret);
}

FIXTURE_TEARDOWN(sharer)
{
	close(self->loot.device);
}

static int refused_to_other_threads(int fd, __u64 handle, __u32 receiver)
{
	struct labyrinth_query query;
	char buffer[sizeof(secret)] = {};
	__u64 offset;

	if (_read_page(fd, handle, 0, sizeof(buffer), buffer) != -EPERM ||
	    !all_bytes_are(buffer, 0, sizeof(buffer)))
		return complain("READ of another thread's page");
	if (_write_page(fd, handle, 0, sizeof(buffer), buffer) != -EPERM)
		return complain("WRITE to another thread's page");
	if (_query(fd, 0, handle, &query) != -EPERM ||
	    _set(fd, LABYRINTH_SET_TAG, handle, 1, 0) != -EPERM)
		return complain("QUERY or SET of another thread's page");
	if (_map(fd, 1, &handle, &offset) != -EPERM)
		return complain("MAP of another thread's page: %s",
				strerror(errno));
	if (_give(fd, receiver, 1, &handle) != -EPERM ||
	    _free_pages(fd, 1, &handle) != -EPERM)
		return complain("GIVE or FREE of another thread's page");
	return 0;
}

static int use_as_sharer(void *arg)
{
	FIXTURE_DATA(sharer) *self = arg;

	self->written = true;
	/* One address space is one owner: documented, and so it works. */
	return still_serves(&self->loot, self->mapping, 2) ?:
	       refused_to_other_threads(self->loot.device, self->mine,
					self->receiver);
}

static void *use_in_thread(void *arg)
{
	return (void *)(intptr_t)use_as_sharer(arg);
}

static int run_sharer(int flags, void *arg)
{
	static _Alignas(16) char stack[131072];
	pthread_t thread;
	void *result;

	if (flags)
		return reap(clone(use_as_sharer, stack + sizeof(stack), flags,
				  arg));
	if (pthread_create(&thread, NULL, use_in_thread, arg) ||
	    pthread_join(thread, &result))
		return -1;
	return (intptr_t)result;
}

TEST_F(sharer, is_served_but_for_pages_of_one_thread)
{
	char buffer[sizeof(secret)];

	EXPECT_EQ(0, run_sharer(variant->flags, self));
	EXPECT_TRUE(self->written) {
		TH_LOG("control: no memory was shared");
	}
	/* Its own thread still has it. */
	test_read(self->loot.device, self->mine, 0, sizeof(buffer), buffer);
	EXPECT_EQ(0, memcmp(buffer, secret, sizeof(secret)));
	test_free(self->loot.device, 1, &self->mine);
}

/* === A thread's number comes again ======================================= */

struct impostor {
	int fd;
	__u64 handle;
	pid_t tid;
	int read;		/* -errno */
};

static void *allocate_and_leave(void *arg)
{
	struct impostor *it = arg;
	struct labyrinth_alloc cmd = {
		.count = 1,
		.scope = LABYRINTH_SCOPE_THREAD,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)&it->handle,
	};
	char byte;

	it->tid = gettid();
	it->read = _alloc_cmd(it->fd, &cmd) ?:
		   _read_page(it->fd, it->handle, 0, 1, &byte);
	return NULL;
}

static void *read_as_impostor(void *arg)
{
	struct impostor *it = arg;
	char byte;

	it->tid = gettid();
	it->read = _read_page(it->fd, it->handle, 0, 1, &byte);
	return NULL;
}

static int run_thread(void *(*fn)(void *arg), struct impostor *it)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, fn, it) ?:
	       pthread_join(thread, NULL);
}

static int next_pid(pid_t pid)
{
	FILE *file = fopen("/proc/sys/kernel/ns_last_pid", "w");

	return !file || fprintf(file, "%d", pid - 1) < 0 || fclose(file);
}

TEST(a_thread_with_a_dead_threads_number_is_not_that_thread)
{
	struct impostor it = { .fd = test_open_device(O_RDWR) };
	pid_t owner;
	bool same = false;

	for (int i = 0; i < 1000 && !same; i++) {
		ASSERT_EQ(0, run_thread(allocate_and_leave, &it));
		ASSERT_EQ(0, it.read) {
			TH_LOG("control: the thread can't read its own page");
		}
		owner = it.tid;
		ASSERT_EQ(0, next_pid(owner));
		ASSERT_EQ(0, run_thread(read_as_impostor, &it));
		same = it.tid == owner;
		/* Whether it has been reclaimed by now is a matter of luck. */
		ASSERT_TRUE(it.read == -EPERM || it.read == -ENOENT) {
			TH_LOG("thread %d: %s", it.tid, strerror(-it.read));
		}
	}
	EXPECT_TRUE(same) {
		TH_LOG("control: no thread got the number of one before");
	}
	close(it.fd);
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], AFTER_EXEC))
		return after_exec(argv + 2);
	return test_harness_run(argc, argv);
}
