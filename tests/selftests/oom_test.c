// SPDX-License-Identifier: GPL-2.0-only
/*
 * What has been freed is the system's only when it has been wiped: nobody is killed
 * for want of memory that is just coming.
 */
#include "admin_util.h"
#include "worker_util.h"

#define LEAST		8192	/* pages, for it to matter */
#define STALL		6	/* looks, of LOOK each, at somebody who waits */
#define LOOK		10000	/* microseconds: all of them are far less than a second */
#define SCORE		"/proc/self/oom_score_adj"
#define BATCH		4096

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
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED || set_text(SCORE, "1000"))
		_exit(1);
	while (*had < pages) {
		all[*had * page_size()] = 1;
		++*had;
	}
	_exit(0);
}

/* Until it gets no further. False if it has ended. */
static bool stalls(pid_t child, _Atomic __u64 *had, int *status)
{
	__u64 last = 0;
	int looks = 0;

	while (looks < STALL) {
		usleep(LOOK);
		if (waitpid(child, status, WNOHANG))
			return false;
		looks = *had && *had == last ? looks + 1 : 0;
		last = *had;
	}
	return true;
}

TEST_F(oom, what_is_just_being_wiped_is_waited_for)
{
	__u64 wanted;
	pid_t child;
	int status = 0;

	if (self->held < LEAST)
		SKIP(return, "%llu pages are too few to tell", self->held);
	ASSERT_EQ(0, worker_stop(&self->worker));
	close(self->fd);
	wanted = pages_of("MemAvailable:") + self->held / 4 * 3;
	child = have_pages(wanted, self->had);
	ASSERT_LT(0, child);
	EXPECT_TRUE(stalls(child, self->had, &status)) {
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

TEST_HARNESS_MAIN
