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

#include <sys/prctl.h>

#include "map_util.h"

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

/* Reads, or writes, a word: 0, or the signal that it brings. */
static inline int touch(char *address, bool write)
{
	__u64 value;

	return write ? try_store(address, 'w') : try_load(address, &value);
}

#endif /* LABYRINTH_ATTACKS_ATTACK_H */
