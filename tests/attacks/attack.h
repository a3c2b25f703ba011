/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every attack needs.
 *
 * The rule: each attack first succeeds, in the same test, against ordinary
 * memory or an ordinary descriptor (CONTROL); an attack that cannot even do
 * that proves nothing, and its test fails. Then it is made on Labyrinth's, and
 * must end as said (REFUSED). What it got, or altered, is told by contents
 * (patterns) and not only by errno, and the owner's contents must be whole
 * afterwards.
 *
 * An attack is a function that returns 0 or -errno; one that is made in a child
 * may also end as -(256 + signal), see attack_in_child(). attacks.sh opens the
 * device file to everybody and sets up what the controls need.
 */
#ifndef LABYRINTH_ATTACKS_ATTACK_H
#define LABYRINTH_ATTACKS_ATTACK_H

#include <setjmp.h>
#include <sys/prctl.h>

#include "util.h"

#define DIES_OF(signal)		(256 + (signal))

#define CONTROL(result)							\
do {									\
	long long ret_ = (result);					\
									\
	ASSERT_EQ(0, ret_) {						\
		TH_LOG("the positive control failed: %s", #result);	\
	}								\
} while (0)

#define REFUSED(error, result)						\
do {									\
	long long ret_ = (result);					\
									\
	EXPECT_EQ(-(error), ret_) {					\
		TH_LOG("ended otherwise than it must: %s", #result);	\
	}								\
} while (0)

/*
 * Give up root for good, and stay an ordinary process: one that others of the
 * same user may trace, and that dumps core.
 */
static inline int become_nobody(void)
{
	int ret = become(NOBODY, NOBODY);

	if (!ret && (prctl(PR_SET_DUMPABLE, 1) ||
		     (prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY) &&
		      errno != EINVAL)))
		ret = -errno;
	return ret;
}

/* How a child's attack ended, whose exit status is its errno. */
static inline int attack_ended(pid_t pid)
{
	int ret = reap(pid);

	return ret > 0 ? -ret : ret;
}

static inline int attack_in_child(int (*attack)(void *arg), void *arg)
{
	pid_t pid = fork();

	if (!pid)
		_exit(-attack(arg));
	return attack_ended(pid);
}

static inline void *shared_memory(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/*
 * Takes @count pages and maps them, one behind the other. MAP_FAILED with
 * errno, and then nothing is held.
 */
static inline char *map_blocks(int fd, int prot, __u32 count, __u64 *handles,
			       __u64 *offset)
{
	char *address = MAP_FAILED;
	int ret = _alloc(fd, 0, count, handles);

	if (ret) {
		errno = -ret;
		return address;
	}
	ret = _map(fd, count, handles, offset);
	if (!ret) {
		address = mmap(NULL, count * page_size(), prot, MAP_SHARED, fd,
			       *offset);
		ret = address == MAP_FAILED ? -errno : 0;
	}
	if (ret) {
		_free_pages(fd, count, handles);
		errno = -ret;
	}
	return address;
}

static inline bool holds_pattern(const void *memory, size_t size, __u64 seed)
{
	char *pattern = malloc(size);
	bool same;

	fill_pattern(pattern, size, seed);
	same = !memcmp(memory, pattern, size);
	free(pattern);
	return same;
}

/* Pieces of a pattern, large enough for nobody to have made them by chance. */
#define PIECE		16
#define PIECE_EVERY	256

/* Is any of them anywhere in what was got? */
static inline bool finds_pattern(const void *loot, size_t loot_size,
				 size_t size, __u64 seed)
{
	char *pattern = malloc(size);
	bool found = false;

	fill_pattern(pattern, size, seed);
	for (size_t at = 0; at + PIECE <= size && !found; at += PIECE_EVERY)
		found = memmem(loot, loot_size, pattern + at, PIECE);
	free(pattern);
	return found;
}

static sigjmp_buf touch_jump;

static void touch_failed(int signal)
{
	siglongjmp(touch_jump, signal);
}

/* Reads, or writes, one byte: 0, or the signal that it brings. */
static inline int touch(volatile char *address, bool write)
{
	struct sigaction action = { .sa_handler = touch_failed };
	struct sigaction bus, segv;
	int signal;

	sigaction(SIGBUS, &action, &bus);
	sigaction(SIGSEGV, &action, &segv);
	signal = sigsetjmp(touch_jump, 1);
	if (!signal) {
		if (write)
			*address = 'w';
		else
			(void)*address;
	}
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return signal;
}

#endif /* LABYRINTH_ATTACKS_ATTACK_H */
