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
#include <unistd.h>

#include "failnth.h"

#define DEBUGFS	"/sys/kernel/debug/"

static int fail_nth = -1;

struct knob {
	const char *path;
	const char *value;
	bool must;
};

/* Nothing fails but by fail-nth; and none of it says so with a stack trace. */
static const struct knob knobs[] = {
	{ DEBUGFS "failslab/probability", "0", true },
	{ DEBUGFS "failslab/verbose", "0", true },
	{ DEBUGFS "failslab/ignore-gfp-wait", "N", true },
	{ DEBUGFS "fail_page_alloc/probability", "0", true },
	{ DEBUGFS "fail_page_alloc/verbose", "0", true },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N", true },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N", true },
	{ DEBUGFS "fail_page_alloc/min-order", "0", true },
	{ DEBUGFS "fail_usercopy/probability", "0", false },
	{ DEBUGFS "fail_usercopy/verbose", "0", false },
	{}
};

static bool turn(const struct knob *knob)
{
	int fd = open(knob->path, O_WRONLY | O_CLOEXEC);
	bool turned;

	if (fd < 0)
		return !knob->must;
	turned = write(fd, knob->value, strlen(knob->value)) > 0;
	close(fd);
	return turned;
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
	return NULL;
}

/* What it inherits is its parent's. */
void inject_in_child(void)
{
	if (fail_nth < 0 || !inject_open())
		return;
	perror("fail-nth");
	abort();
}

/*
 * These calls copy too, and may be what fails, by EFAULT: then there was one left
 * before it, and none is now.
 */
static void inject_write(int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", n);

	if (fail_nth < 0 || pwrite(fail_nth, text, length, 0) == length ||
	    errno == EFAULT)
		return;
	perror("fail-nth");
	abort();
}

/* Nothing is armed: so this copy does not fail. */
void inject_arm(int n)
{
	inject_write(n);
}

int inject_disarm(void)
{
	char text[16] = "1";

	if (fail_nth < 0)
		return 0;
	if (pread(fail_nth, text, sizeof(text) - 1, 0) <= 0 && errno != EFAULT) {
		perror("fail-nth");
		abort();
	}
	inject_write(0);
	return atoi(text);
}
