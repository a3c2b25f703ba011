// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process that touches its mapping until it dies of it, for cli_revoke.sh:
 *
 *	toucher [NAME]
 *
 * As the named owner, or one of its own, it takes and maps four pages, prints
 * their handles, one on a line, and from then on writes and reads the first three,
 * without end. Exit status 2 if it could not begin, 3 if a page lost what was
 * written there.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/labyrinth.h>

enum { PAGES = 4, TOUCHED = 3 };

static void attach(int fd, const char *name)
{
	struct labyrinth_attach attach = { .size = sizeof(attach) };

	if (strlen(name) >= sizeof(attach.name))
		errx(2, "%s: too long", name);
	memcpy(attach.name, name, strlen(name));
	if (ioctl(fd, LABYRINTH_IOC_ATTACH, &attach))
		err(2, "ATTACH %s", name);
}

static unsigned char *take(int fd, size_t page, uint64_t *handles)
{
	struct labyrinth_alloc alloc = {
		.size = sizeof(alloc),
		.count = PAGES,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)handles,
	};
	struct labyrinth_map map = {
		.size = sizeof(map),
		.count = PAGES,
		.handles = (uintptr_t)handles,
	};
	void *at;

	if (ioctl(fd, LABYRINTH_IOC_ALLOC, &alloc))
		err(2, "ALLOC");
	if (ioctl(fd, LABYRINTH_IOC_MAP, &map))
		err(2, "MAP");
	at = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		  (off_t)map.out_offset);
	if (at == MAP_FAILED)
		err(2, "mmap");
	return at;
}

int main(int argc, char **argv)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = open(LABYRINTH_DEVICE, O_RDWR | O_CLOEXEC);
	volatile unsigned char *at;
	uint64_t handles[PAGES];

	if (fd < 0)
		err(2, LABYRINTH_DEVICE);
	if (argc > 1)
		attach(fd, argv[1]);
	at = take(fd, page, handles);
	for (int i = 0; i < PAGES; i++)
		printf("%#018llx\n", (unsigned long long)handles[i]);
	fflush(stdout);
	for (unsigned char round = 1;; round++) {
		for (int i = 0; i < TOUCHED; i++)
			at[(size_t)i * page] = round;
		nanosleep(&moment, NULL);
		for (int i = 0; i < TOUCHED; i++)
			if (at[(size_t)i * page] != round)
				return 3;
	}
}
