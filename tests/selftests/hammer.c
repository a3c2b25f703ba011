// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user who cares for nothing: opens, asks, takes, writes, gives, frees, closes
 * and talks netlink in a loop, whether the module is there or not, until SIGTERM.
 * Exit status 1, with the call and the errno, for an answer that nobody should
 * get; 3 if the module was never there. With "closing" the hand-out may be closed
 * at times.
 */
#include <poll.h>

#include "netlink_util.h"

#define PAGES	8

static volatile sig_atomic_t stop;

/* What an allocation may be refused with, besides for want of pages. */
static int closing = ENOMEM;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static bool one_of(int ret, const int *allowed, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ret == -allowed[i])
			return true;
	return ret >= 0;
}

#define ALLOW(what, ret, ...)						\
({									\
	const int allowed_[] = { __VA_ARGS__ };				\
	int ret_ = (ret);						\
									\
	if (!one_of(ret_, allowed_, ARRAY_SIZE(allowed_))) {		\
		fprintf(stderr, "hammer: %s: %s\n", what,		\
			strerror(-ret_));				\
		exit(1);						\
	}								\
	ret_;								\
})

/* Of two pages one is taken; what waits, or is to come, is for close. */
static void use_inbox(int fd, const __u64 *handles)
{
	__u64 got[PAGES];
	struct labyrinth_alloc later = {
		.count = PAGES,
		.fallback = LABYRINTH_FALLBACK_DEFER,
		.handles = (uintptr_t)got,
	};
	int other = ALLOW("open", _open_device(O_RDWR), ENODEV, ENXIO);

	if (other < 0)
		return;
	ALLOW("accept", _accept(other, LABYRINTH_ACCEPT_UID, PAGES), 0);
	ALLOW("give", _give(fd, owner_number(other), 2, handles), 0);
	ALLOW("take", _take(other, 1, got), 0);
	ALLOW("defer", _alloc_cmd(other, &later), EDQUOT, ENOSPC, closing);
	close(other);
}

static bool use_device(void)
{
	static unsigned int rounds;
	int fd = ALLOW("open", _open_device(O_RDWR), ENOENT, ENODEV, ENXIO);
	struct pollfd pollfd = { .fd = fd, .events = POLLOUT };
	struct labyrinth_info info;
	__u64 handles[PAGES];
	char text[64] = "hammer";

	if (fd < 0)
		return false;
	ALLOW("info", _info(fd, &info), 0);
	poll(&pollfd, 1, 0);
	if (!ALLOW("alloc", _alloc(fd, 0, PAGES, handles), ENOMEM, EDQUOT, closing)) {
		ALLOW("write", _write_page(fd, handles[0], 0, sizeof(text),
					   text), 0);
		ALLOW("read", _read_page(fd, handles[0], 0, sizeof(text),
					 text), 0);
		/* The rest is for close. */
		ALLOW("free", _free_pages(fd, PAGES / 2, handles), 0);
		/* Its end takes a while, in which rmmod finds no moment. */
		if (!(rounds++ % 8))
			use_inbox(fd, handles + PAGES / 2);
	}
	close(fd);
	return true;
}

static int ignore(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(void)arg;
	return 0;
}

static void use_netlink(void)
{
	static struct nl_message msg;
	struct nl nl;

	if (ALLOW("family", nl_open(&nl), ENOENT) < 0)
		return;
	nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_GET, NLM_F_DUMP);
	/* EPROTONOSUPPORT: the module is on its way out. */
	ALLOW("dump", nl_run(&nl, &msg, ignore, NULL), ENOENT,
	      EPROTONOSUPPORT);
	nl_start(&nl, &msg, LABYRINTH_CMD_INFO_GET, 0);
	ALLOW("info", nl_call(&nl, &msg), ENOENT);
	nl_close(&nl);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_term,
				    .sa_flags = SA_RESTART };
	unsigned long there = 0, absent = 0;

	if (argc > 1 && !strcmp(argv[1], "closing"))
		closing = ESHUTDOWN;
	sigaction(SIGTERM, &action, NULL);
	while (!stop) {
		if (use_device())
			there++;
		else
			absent++;
		use_netlink();
		/* For rmmod to find a moment when nobody has it open. */
		usleep(1000);
	}
	printf("# hammer: there %lu times, absent %lu times\n", there, absent);
	return there ? 0 : 3;
}
