// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection: what a thread's n-th allocation is, as the kernel counts it: slab
 * and page allocator, those that may sleep and single pages too, and copies from and
 * to user space where it can make them fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "failnth.h"

#define DEBUGFS	"/sys/kernel/debug/"

static int fail_nth = -1;

/* Goes down with each that fails: by that it is known what it was. */
#define TIMES	"1000000"

static struct {
	const char *path;
	long before;
} times[FAULTS] = {
	[FAULT_SLAB] = { .path = DEBUGFS "failslab/times" },
	[FAULT_PAGE] = { .path = DEBUGFS "fail_page_alloc/times" },
	[FAULT_COPY] = { .path = DEBUGFS "fail_usercopy/times" },
};

struct knob {
	const char *path;
	const char *value;
};

/* Nothing fails but by fail-nth; and none of it says so with a stack trace. */
static const struct knob knobs[] = {
	{ DEBUGFS "failslab/probability", "0" },
	{ DEBUGFS "failslab/verbose", "0" },
	{ DEBUGFS "failslab/ignore-gfp-wait", "N" },
	{ DEBUGFS "fail_page_alloc/probability", "0" },
	{ DEBUGFS "fail_page_alloc/verbose", "0" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ DEBUGFS "fail_page_alloc/min-order", "0" },
	{ DEBUGFS "fail_usercopy/probability", "0" },
	{ DEBUGFS "fail_usercopy/verbose", "0" },
	{ DEBUGFS "failslab/times", TIMES },
	{ DEBUGFS "fail_page_alloc/times", TIMES },
	{ DEBUGFS "fail_usercopy/times", TIMES },
	{}
};

static bool turn(const struct knob *knob)
{
	int fd = open(knob->path, O_WRONLY | O_CLOEXEC);
	bool turned;

	if (fd < 0)
		return false;
	turned = write(fd, knob->value, strlen(knob->value)) > 0;
	close(fd);
	return turned;
}

/* These files can only be read once from their beginning. */
static long times_left(int kind)
{
	int fd = open(times[kind].path, O_RDONLY | O_CLOEXEC);
	char text[32] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0) {
		perror(times[kind].path);
		abort();
	}
	close(fd);
	return atol(text);
}

static bool inject_open(void)
{
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	return fail_nth < 0;
}

const char *inject_begin(void)
{
	static char why[128];
	const struct knob *knob;

	if (inject_open())
		return "no /proc/self/fail-nth: the kernel has no fault injection";
	for (knob = knobs; knob->path; knob++) {
		if (turn(knob))
			continue;
		snprintf(why, sizeof(why), "%s can't be set to %s", knob->path,
			 knob->value);
		return why;
	}
	/* Or else what a copy finds not to be there yet is allocated in it: EFAULT. */
	return mlockall(MCL_CURRENT) ? "the sweep's memory can't be locked" : NULL;
}

/* What it inherits is its parent's. */
void inject_in_child(void)
{
	if (fail_nth < 0 || !inject_open())
		return;
	perror("fail-nth");
	abort();
}

static void inject_write(int n, int may_be)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", n);

	if (pwrite(fail_nth, text, length, 0) == length || errno == may_be)
		return;
	perror("fail-nth");
	abort();
}

void inject_arm(int n)
{
	int kind;

	if (fail_nth < 0)
		return;
	for (kind = FAULT_SLAB; kind < FAULTS; kind++)
		times[kind].before = times_left(kind);
	inject_resume(n);
}

void inject_resume(int left)
{
	if (fail_nth >= 0)
		inject_write(left, 0);
}

/*
 * What disarms copies too, each time once, and may be what fails, by EFAULT. Of the
 * read: then one was left before it. Of the write: two. None is now.
 */
int inject_disarm(void)
{
	char text[16] = "1";

	if (fail_nth < 0)
		return 0;
	if (pread(fail_nth, text, sizeof(text) - 1, 0) <= 0 && errno != EFAULT) {
		perror("fail-nth");
		abort();
	}
	inject_write(0, EFAULT);
	return atoi(text);
}

enum fault inject_kind(void)
{
	int kind;

	if (fail_nth < 0)
		return FAULT_NONE;
	for (kind = FAULT_SLAB; kind < FAULTS; kind++)
		if (times_left(kind) < times[kind].before)
			return kind;
	return FAULT_NONE;
}
