// SPDX-License-Identifier: GPL-2.0-only
/*
 * capture_relay: a second consumer between labyrinth_capture and its checker,
 * which passes on what it is given, and harms one page on purpose: the checker
 * has to find out. See help().
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "device.h"
#include "stream.h"

static const struct harm {
	const char *name;
	int (*give)(int fd, const char *to, __u64 handle);
} harms[];

static volatile sig_atomic_t stop;

static void help(FILE *to)
{
	fputs("usage: capture_relay FROM TO [HARM N]\n"
	      "\n"
	      "Gives every page that owner FROM is given to owner TO, until SIGTERM; the N-th,\n"
	      "counted from 0, is dropped, doubled, altered (one bit of it), tagged (its tag)\n"
	      "or swapped (with the next one). Exit status: 0 if that was done.\n", to);
}

static _Noreturn void fail(const char *what, int err)
{
	fprintf(stderr, "capture_relay: %s: %s\n", what, strerror(-err));
	exit(2);
}

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

/* Waits for room: nothing must be lost here but on purpose. */
static int give(int fd, const char *to, __u64 handle)
{
	struct labyrinth_give command = {
		.size = sizeof(command),
		.count = 1,
		.handles = (uintptr_t)&handle,
	};
	int err;

	memcpy(command.name, to, strnlen(to, sizeof(command.name)));
	while ((err = device_call(fd, LABYRINTH_IOC_GIVE, &command)) == -ENOSPC)
		usleep(1000);
	return err;
}

static int drop(int fd, const char *to, __u64 handle)
{
	(void)to;
	return device_free(fd, &handle, 1);
}

static int set(int fd, __u64 handle, __u64 tag, __u64 used)
{
	struct labyrinth_set command = {
		.size = sizeof(command),
		.flags = LABYRINTH_SET_TAG | LABYRINTH_SET_USED,
		.handle = handle,
		.tag = tag,
		.used = used,
	};

	return device_call(fd, LABYRINTH_IOC_SET, &command);
}

/* A page of ours that says what the other one does. */
static int copy_of(int fd, const struct capture_page *page, __u64 *copy)
{
	struct labyrinth_alloc alloc = {
		.size = sizeof(alloc),
		.count = 1,
		.fallback = LABYRINTH_FALLBACK_WAIT,
		.handles = (uintptr_t)copy,
	};
	int err = device_call(fd, LABYRINTH_IOC_ALLOC, &alloc);

	if (!err)
		err = device_rw(fd, LABYRINTH_IOC_WRITE, *copy, (void *)page->data,
				sizeof(page->data));
	return err ? err : set(fd, *copy, page->tag, page->used);
}

static int twice(int fd, const char *to, __u64 handle)
{
	static struct capture_page page;
	__u64 copy;
	int err = device_read(fd, handle, &page);

	if (!err)
		err = copy_of(fd, &page, &copy);
	if (!err)
		err = give(fd, to, handle);
	return err ? err : give(fd, to, copy);
}

/* One bit, in the payload; the used length as it was. */
static int alter(int fd, const char *to, __u64 handle)
{
	static struct capture_page page;
	int err = device_read(fd, handle, &page);

	if (err)
		return err;
	page.data[page.used - 1] ^= 0x10;
	err = device_rw(fd, LABYRINTH_IOC_WRITE, handle, page.data,
			sizeof(page.data));
	if (!err)
		err = set(fd, handle, page.tag, page.used);
	return err ? err : give(fd, to, handle);
}

static int retag(int fd, const char *to, __u64 handle)
{
	static struct capture_page page;
	int err = device_read(fd, handle, &page);

	if (!err)
		err = set(fd, handle, page.tag + 1, page.used);
	return err ? err : give(fd, to, handle);
}

static int swap(int fd, const char *to, __u64 handle)
{
	__u64 next;
	int taken;

	while ((taken = device_take(fd, &next, 1)) == -EAGAIN)
		usleep(1000);
	if (taken < 0)
		return taken;
	taken = give(fd, to, next);
	return taken ? taken : give(fd, to, handle);
}

static const struct harm harms[] = {
	{ "none", give },
	{ "drop", drop },
	{ "double", twice },
	{ "alter", alter },
	{ "tag", retag },
	{ "swap", swap },
	{ NULL, NULL },
};

static const struct harm *find_harm(const char *name)
{
	const struct harm *harm;

	for (harm = harms; harm->name; harm++)
		if (!strcmp(harm->name, name))
			return harm;
	help(stderr);
	exit(2);
}

static __u64 relay(int fd, const char *to, const struct harm *harm, __u64 at)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	__u64 handle, count = 0;
	int err;

	while (!stop) {
		err = device_take(fd, &handle, 1);
		if (err == -EAGAIN) {
			poll(&wait, 1, 50);
			continue;
		}
		if (err > 0)
			err = (count++ == at ? harm->give : give)(fd, to, handle);
		if (err)
			fail("relay", err);
	}
	return count;
}

int main(int argc, char **argv)
{
	__u64 at, count;
	int fd;

	if (argc != 3 && argc != 5) {
		help(stderr);
		return 2;
	}
	signal(SIGTERM, on_signal);
	at = argc == 5 ? strtoull(argv[4], NULL, 0) : UINT64_MAX;
	fd = device_attach(argv[1]);
	if (fd < 0)
		fail(argv[1], fd);
	count = relay(fd, argv[2], find_harm(argc == 5 ? argv[3] : "none"), at);
	printf("relayed: %llu\n", count);
	return argc == 5 && count <= at ? 1 : 0;
}
