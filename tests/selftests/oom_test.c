// SPDX-License-Identifier: GPL-2.0-only
/*
 * What has been freed is the system's only when it has been wiped: nobody is killed
 * for want of memory that is just coming, and somebody is if none is.
 */
#include <sys/prctl.h>

#include "admin_util.h"
#include "worker_util.h"

#define LEAST		8192	/* pages, for it to matter */
#define LOOK		5000	/* microseconds; a wait ends after a second */
/* What waits, in the module: as /proc/PID/wchan has it. */
#define WAITS		"lab_wait_returned"
#define SCORE		"/proc/self/oom_score_adj"
#define BATCH		4096
#define STRIDE		64	/* pages that are asked for at once */
#define PATIENCE	900	/* seconds: to have all memory takes long under KASAN */

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif

FIXTURE(oom) {
	struct worker_hold worker;
	struct books before;
	int fd;
	__u64 held;
	__u64 handles[BATCH];
	/* Shared with the child: pages that it has had. */
	_Atomic __u64 *had;
};

/* In pages, or 0. */
static __u64 pages_of(const char *name)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	__u64 kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			kib = strtoull(line + strlen(name), NULL, 10);
	if (file)
		fclose(file);
	return kib * 1024 / page_size();
}

/* A quarter of the memory, if so much can be had. */
static __u64 hold(int fd, __u64 *handles, __u64 most)
{
	__u64 held = 0;

	while (held < most) {
		struct labyrinth_alloc cmd = {
			.flags = LABYRINTH_ALLOC_PARTIAL,
			.count = BATCH,
			.fallback = LABYRINTH_FALLBACK_FAIL,
			.handles = (uintptr_t)handles,
		};

		if (_alloc_cmd(fd, &cmd))
			break;
		held += cmd.out_count;
	}
	return held;
}

FIXTURE_SETUP(oom)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) <= WORKER_CPU)
		SKIP(return, "one CPU: the worker can't be kept from it");
	ASSERT_EQ(0, pin_to_cpu(0));
	ASSERT_TRUE(all_pages_are_back());
	ASSERT_EQ(0, books_get(&self->before));
	ASSERT_EQ(0, worker_confine(&self->worker));
	ASSERT_EQ(0, reserve_set(64, 128, KEEP));
	self->had = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->had);
	self->fd = test_open_device(O_RDWR);
	ASSERT_EQ(0, file_quota_set(self->fd, LABYRINTH_UNLIMITED));
	self->held = hold(self->fd, self->handles, pages_of("MemTotal:") / 4);
	/* Whoever watches must not wait for memory. */
	ASSERT_EQ(0, mlockall(MCL_CURRENT | MCL_FUTURE));
}

FIXTURE_TEARDOWN(oom)
{
	worker_free(&self->worker);
	close(self->fd);
	reserve_set(self->before.low, self->before.high,
		    self->before.emergency);
	EXPECT_TRUE(all_pages_are_back());
	EXPECT_EQ(0, verify_result());
}

/* Has so many pages, and ends; is the first to be killed. */
static pid_t have_pages(__u64 pages, _Atomic __u64 *had)
{
	pid_t child = fork();
	char *all;

	if (child)
		return child;
	all = mmap(NULL, pages * page_size(), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (all == MAP_FAILED || set_text(SCORE, "1000") ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL))
		_exit(1);
	for (; *had + STRIDE <= pages; *had += STRIDE)
		if (madvise(all + *had * page_size(), STRIDE * page_size(),
			    MADV_POPULATE_WRITE))
			_exit(errno);
	_exit(0);
}

/* Until it waits for the wiping. False if it has ended. */
static bool waits(pid_t child, int *status)
{
	char path[64], where[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/wchan", child);
	while (strcmp(where, WAITS)) {
		usleep(LOOK);
		get_text(path, where, sizeof(where));
		if (waitpid(child, status, WNOHANG))
			return false;
	}
	return true;
}

/* Idle when this returns, with nothing to do: it holds no lock. Then it is held up. */
static int stop_idle_worker(struct worker_hold *worker)
{
	return reserve_set(64, 128, KEEP) ?: worker_stop(worker);
}

TEST_F_TIMEOUT(oom, what_is_just_being_wiped_is_waited_for, PATIENCE)
{
	__u64 wanted;
	pid_t child;
	int status = 0;

	if (self->held < LEAST)
		SKIP(return, "%llu pages are too few to tell", self->held);
	ASSERT_EQ(0, stop_idle_worker(&self->worker));
	close(self->fd);
	self->fd = -1;
	wanted = pages_of("MemAvailable:") + self->held / 4 * 3;
	child = have_pages(wanted, self->had);
	ASSERT_LT(0, child);
	EXPECT_TRUE(waits(child, &status)) {
		TH_LOG("it ended with %#x, at %llu of %llu pages, of which %llu were to come",
		       status, *self->had, wanted, self->held);
		child = 0;
	}
	worker_go(&self->worker);
	if (child)
		EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status) {
		TH_LOG("it had %llu of %llu pages", *self->had, wanted);
	}
}

/* === Nor does it keep anybody alive ====================================== */

#define CHURNERS	2

/* Takes and frees what always goes back to the system, without end. */
static pid_t churn(int cpu)
{
	struct labyrinth_alloc cmd = {
		.flags = LABYRINTH_ALLOC_PARTIAL,
		.count = 64,
		.order = 1,
		.fallback = LABYRINTH_FALLBACK_FAIL,
	};
	pid_t child = fork();
	__u64 handles[64];
	int fd;

	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cmd.handles = (uintptr_t)handles;
	fd = _open_device(O_RDWR);
	pin_to_cpu(cpu);
	for (;;)
		if (!_alloc_cmd(fd, &cmd))
			_free_pages(fd, cmd.out_count, handles);
}

TEST_F_TIMEOUT(oom, who_takes_and_frees_without_end_saves_nobody, PATIENCE)
{
	__u64 wanted = pages_of("MemTotal:") * 2;
	pid_t churners[CHURNERS], child;
	int status = 0;

	close(self->fd);
	self->fd = -1;
	worker_free(&self->worker);
	ASSERT_TRUE(all_pages_are_back());
	for (int i = 0; i < CHURNERS; i++)
		churners[i] = churn(i);
	/* tests/vm/reports knows it. */
	ASSERT_EQ(0, set_text("/dev/kmsg", "selftest: OOM killer: wanted"));
	child = have_pages(wanted, self->had);
	EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		TH_LOG("status %#x, at %llu of %llu pages", status, *self->had,
		       wanted);
	}
	set_text("/dev/kmsg", "selftest: OOM killer: unwanted");
	for (int i = 0; i < CHURNERS; i++) {
		kill(churners[i], SIGKILL);
		waitpid(churners[i], NULL, 0);
	}
}

TEST_HARNESS_MAIN
