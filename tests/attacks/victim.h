/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the attacks on descriptors, handles and owners share: the control's
 * secret, users, and what is said of an attack that was not refused. The device
 * file is open to everybody: attacks.sh sees to it.
 */
#ifndef LABYRINTH_ATTACKS_VICTIM_H
#define LABYRINTH_ATTACKS_VICTIM_H

#include <stdarg.h>
#include <sys/prctl.h>

#include "admin_util.h"
#include "map_util.h"

/* The child's word for what went wrong, as it can't use EXPECT. */
static inline __printf(1, 2) int complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	return 1;
}

static const char secret[] = "what only its owner may read";

/* An ordinary file that keeps nothing from anybody: each attack's control. */
static inline int secret_memfd(void)
{
	int fd = memfd_create("control", 0);

	if (fd < 0 || ftruncate(fd, page_size()) ||
	    pwrite(fd, secret, sizeof(secret), 0) != sizeof(secret))
		return -1;
	return fd;
}

static inline bool maps_the_secret(int fd)
{
	char *at = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0);
	bool same;

	if (at == MAP_FAILED)
		return false;
	same = !memcmp(at, secret, sizeof(secret));
	munmap(at, page_size());
	return same;
}

/* === Users =============================================================== */

/* As open to others of that user as a process that never was root. */
static inline int turn_into(uid_t uid)
{
	int ret = uid ? become(uid, uid) : 0;

	return ret ?: prctl(PR_SET_DUMPABLE, 1);
}

static inline int open_as(uid_t uid)
{
	int ret = turn_into(uid);

	return ret ?: _open_device(O_RDWR);
}

/* === Pages =============================================================== */

/* However many others take and free meanwhile. */
static inline int take_pages(int fd, __u32 count, __u64 *handles)
{
	struct labyrinth_alloc cmd = {
		.count = count,
		.fallback = LABYRINTH_FALLBACK_WAIT,
		.timeout_ns = DEADLINE_SECONDS * 1000000000ULL,
		.handles = (uintptr_t)handles,
	};

	return _alloc_cmd(fd, &cmd);
}

#endif /* LABYRINTH_ATTACKS_VICTIM_H */
