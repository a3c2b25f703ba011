// SPDX-License-Identifier: GPL-2.0-only
/* Threads, processes, their beginnings and ends. See worker.h. */
#include <pthread.h>
#include <sys/prctl.h>

#include "worker.h"
#include "../selftests/map_util.h"

/* === Threads ============================================================= */

static atomic_ullong threads_block;
static atomic_int thread_step;
static int thread_error;

static void *hold_for_thread(void *arg)
{
	__u64 handle = 0;
	struct labyrinth_alloc cmd = {
		.count = 1,
		.scope = LABYRINTH_SCOPE_THREAD,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.tag = UNFINISHED,
		.handles = (uintptr_t)&handle,
	};

	(void)arg;
	thread_error = _alloc_cmd(self.fd, &cmd);
	atomic_store(&threads_block, thread_error ? 0 : handle);
	atomic_store(&thread_step, 1);
	while (atomic_load(&thread_step) == 1)
		usleep(100);
	return NULL;
}

void op_thread(void)
{
	unsigned long epoch = epoch_now();
	pthread_t thread;
	__u64 handle;
	char byte;
	int ret;

	atomic_store(&thread_step, 0);
	if (pthread_create(&thread, NULL, hold_for_thread, NULL))
		fail("pthread_create: %s", strerror(errno));
	while (!atomic_load(&thread_step))
		usleep(100);
	handle = atomic_load(&threads_block);
	ret = handle ? _read_page(self.fd, handle, 0, 1, &byte) : -EPERM;
	atomic_store(&thread_step, 2);
	pthread_join(thread, NULL);
	if (!handle) {
		if (thread_error != -ENOMEM && thread_error != -EDQUOT)
			fail("ALLOC for a thread: %s", strerror(-thread_error));
		return;
	}
	if (ret != -EPERM && !(ret == -ENOENT && revoked_since(epoch)))
		fail("another thread's READ: %s", strerror(-ret));
	ret = _read_page(self.fd, handle, 0, 1, &byte);
	if (ret != -EPERM && ret != -ENOENT)
		fail("READ of a dead thread's block: %s", strerror(-ret));
	did(self.board, OP_THREAD);
}

/* === Processes =========================================================== */

/* Nothing of its parent's is a child's. */
static void be_forked(void)
{
	struct labyrinth_info info;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (_info(self.fd, &info) != -EIO)
		fail("a forked child's INFO is not EIO");
	for (int i = 0; i < MOST_HELD; i++) {
		if (self.held[i].at && fault(self.held[i].at) != SIGSEGV)
			fail("a forked child has its parent's mapping");
		if (self.held[i].handle &&
		    _read_page(self.fd, self.held[i].handle, 0, 1, &byte) !=
			    -EIO)
			fail("a forked child reads its parent's block");
	}
	_exit(0);
}

void op_fork(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		be_forked();
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fail("fork: %s", strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status))
		_exit(1);	/* it has told why */
	did(self.board, OP_FORK);
}

/* The next image finds it open, and dead: see begin_after_exec(). */
void op_exec(void)
{
	struct held *block = some_block();
	char args[3][32];

	did(self.board, OP_EXEC);
	fcntl(self.fd, F_SETFD, 0);
	snprintf(args[0], sizeof(args[0]), "%d", self.index);
	snprintf(args[1], sizeof(args[1]), "%d", self.fd);
	snprintf(args[2], sizeof(args[2]), "%llu",
		 block ? (unsigned long long)block->handle : 0);
	atomic_store(&self.board->number[self.index], 0);
	execl(self.board->program, "storm", AFTER_EXEC, args[0], args[1],
	      args[2], NULL);
	fail("exec %s: %s", self.board->program, strerror(errno));
}

void begin_after_exec(int fd, __u64 handle)
{
	struct labyrinth_info info;
	char byte;

	if (_info(fd, &info) != -EIO ||
	    _read_page(fd, handle, 0, 1, &byte) != -EIO)
		fail("after exec the descriptor is not dead");
	if (mmap_error(fd, PROT_READ, MAP_SHARED, page_size(), page_size()) !=
	    -EIO)
		fail("after exec the descriptor can be mapped");
	close(fd);
}

void op_exit(void)
{
	did(self.board, OP_EXIT);
	atomic_store(&self.board->number[self.index], 0);
	_exit(0);
}

/* === Beginning =========================================================== */

static bool is_held(__u64 handle)
{
	for (int i = 0; i < MOST_HELD; i++)
		if (self.held[i].handle == handle)
			return true;
	return false;
}

/* Half-written, or one too many. */
static void free_what_was_left(__u64 handle)
{
	int ret = _free_pages(self.fd, 1, &handle);

	if (ret && ret != -ENOENT)
		fail("FREE of what was left: %s", strerror(-ret));
}

/*
 * What an earlier file of the named owner left: whole, or marked as not. True when
 * all of it has been looked at; false: a block went meanwhile.
 */
static bool adopt(unsigned long epoch)
{
	struct labyrinth_query query;
	__u64 handle = 0;
	int ret;

	while (!(ret = _query(self.fd, LABYRINTH_QUERY_NEXT, handle, &query))) {
		struct held *block = free_place();

		handle = query.out_handle;
		if (is_held(handle))
			continue;
		if (query.out_scope == LABYRINTH_SCOPE_THREAD)
			fail("a block of a thread has outlived it");
		if (!block || query.out_tag & UNFINISHED) {
			free_what_was_left(handle);
			return false;
		}
		*block = (struct held){ handle, 0, page_size(), NULL, epoch };
		receive(block, 0, "a block that was left");
	}
	if (ret != -ENODATA && ret != -ENOENT)
		fail("QUERY of what was left: %s", strerror(-ret));
	return ret == -ENODATA;
}

static bool attach_to_some(void)
{
	char name[LABYRINTH_NAME_SIZE];
	int ret;

	snprintf(name, sizeof(name), NAMED_PREFIX "%u", roll(NAMED_OWNERS));
	ret = _attach(self.fd, name);
	if (ret && ret != -EBUSY)
		fail("ATTACH %s: %s", name, strerror(-ret));
	return !ret;
}

void start(void)
{
	unsigned long epoch;
	bool named;
	int ret = 0;

	self.fd = _open_device(O_RDWR);
	if (self.fd < 0)
		fail("open: %s", strerror(-self.fd));
	epoch = epoch_now();
	named = !roll(4) && attach_to_some();
	if (!named)
		ret = _accept(self.fd, LABYRINTH_ACCEPT_ANY, INBOX);
	if (ret)
		fail("ACCEPT: %s", strerror(-ret));
	self.number = owner_number(self.fd);
	atomic_store(&self.board->number[self.index], self.number);
	if (!named)
		return;
	while (!adopt(epoch))
		;
	did(self.board, OP_ATTACH);
}
