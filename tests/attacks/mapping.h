/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mapping to attack, and two ordinary ones to prove the attack on: every test
 * is run as nobody and as root.
 *
 * An attack on a mapping gets its target and a bag, memory that it shares with
 * its children: READS and WRITES (see below) say what it is for.
 */
#ifndef LABYRINTH_ATTACKS_MAPPING_H
#define LABYRINTH_ATTACKS_MAPPING_H

#include <sys/syscall.h>

#include "attack.h"

#define PAGES	4

struct target {
	char *address;
	int fd;			/* -1: none */
	__u64 offset;		/* where the mapping begins in it */
	__u64 seed;		/* of the first page's contents */
	__u64 handles[PAGES];
};

typedef int (*attack_fn)(struct target *target, char *bag);

static inline size_t target_size(void)
{
	return PAGES * page_size();
}

static inline char *page_of(char *address, int i)
{
	return address + i * page_size();
}

static inline void fill_target(struct target *target)
{
	for (int i = 0; i < PAGES; i++)
		fill_pattern(page_of(target->address, i), page_size(),
			     target->seed + i);
}

static inline int lay_memfd(struct target *target, __u64 seed)
{
	target->seed = seed;
	target->fd = memfd_create("ordinary", MFD_CLOEXEC);
	if (target->fd < 0 || ftruncate(target->fd, target_size()))
		return -errno;
	target->address = mmap(NULL, target_size(), PROT_READ | PROT_WRITE,
			       MAP_SHARED, target->fd, 0);
	if (target->address == MAP_FAILED)
		return -errno;
	fill_target(target);
	return 0;
}

static inline int lay_anonymous(struct target *target, __u64 seed)
{
	target->seed = seed;
	target->fd = -1;
	target->address = mmap(NULL, target_size(), PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (target->address == MAP_FAILED)
		return -errno;
	fill_target(target);
	return 0;
}

static inline int lay_secret(struct target *target, __u64 seed)
{
	int ret;

	target->seed = seed;
	target->fd = _open_device(O_RDWR);
	if (target->fd < 0)
		return target->fd;
	ret = _alloc(target->fd, 0, PAGES, target->handles) ?:
	      _map(target->fd, PAGES, target->handles, &target->offset);
	if (ret)
		return ret;
	target->address = map_at(target->fd, PROT_READ | PROT_WRITE,
				 target_size(), target->offset);
	if (target->address == MAP_FAILED)
		return -errno;
	fill_target(target);
	return 0;
}

/* By all ways that its owner has to see it. */
static inline bool is_intact(struct target *target)
{
	for (int i = 0; i < PAGES; i++) {
		char *page = page_of(target->address, i);

		if (touch(page, false) ||
		    !shows_pattern(page, page_size(), target->seed + i))
			return false;
		if (target->handles[i] &&
		    check_pattern(target->fd, target->handles[i], page_size(),
				  target->seed + i))
			return false;
	}
	return true;
}

static inline bool finds_target(const void *loot, size_t size,
				struct target *target)
{
	for (int i = 0; i < PAGES; i++) {
		if (finds_pattern(loot, size, page_size(), target->seed + i))
			return true;
	}
	return false;
}

static inline int protect(struct target *target, int first, int count, int prot)
{
	return mprotect(page_of(target->address, first), count * page_size(),
			prot) ? -errno : 0;
}

/* What a mapping shows goes into the bag, if there is a mapping. */
static inline int take_home(char *address, size_t size, char *bag)
{
	if (address == MAP_FAILED)
		return -errno;
	memcpy(bag, address, size);
	munmap(address, size);
	return 0;
}

/* The same attack by a child of the owner's. */
static inline int by_child(attack_fn attack, struct target *target, char *bag)
{
	pid_t pid = fork();

	if (!pid)
		_exit(-attack(target, bag));
	return attack_ended(pid);
}

FIXTURE(mapping) {
	struct target memfd;
	struct target anonymous;
	struct target secret;
	char *bag;
};

FIXTURE_VARIANT(mapping) {
	bool root;
};

FIXTURE_VARIANT_ADD(mapping, nobody) { .root = false };
FIXTURE_VARIANT_ADD(mapping, root) { .root = true };

FIXTURE_SETUP(mapping)
{
	survive_touching();
	if (!variant->root)
		ASSERT_EQ(0, become_nobody());
	self->bag = shared_memory(target_size());
	ASSERT_NE(MAP_FAILED, self->bag);
	ASSERT_EQ(0, lay_memfd(&self->memfd, 1000));
	ASSERT_EQ(0, lay_anonymous(&self->anonymous, 2000));
	ASSERT_EQ(0, lay_secret(&self->secret, 3000)) {
		TH_LOG("nothing to attack");
	}
}

FIXTURE_TEARDOWN(mapping)
{
	close(self->secret.fd);
}

/* The attack brings home, in its bag, what it found. */
#define READS(error, prey, attack)					\
do {									\
	memset(self->bag, 0, target_size());				\
	CONTROL(attack(&self->prey, self->bag));			\
	ASSERT_TRUE(finds_target(self->bag, target_size(), &self->prey)) { \
		TH_LOG("the control brought nothing home");		\
	}								\
	memset(self->bag, 0, target_size());				\
	REFUSED(error, attack(&self->secret, self->bag));		\
	EXPECT_FALSE(finds_target(self->bag, target_size(),		\
				  &self->secret)) {			\
		TH_LOG("the owner's contents have been read");		\
	}								\
	UNHARMED();							\
} while (0)

/* The attack puts there what it has in its bag, or anything else. */
#define WRITES(error, prey, attack)					\
do {									\
	memset(self->bag, 'W', target_size());				\
	ASSERT_TRUE(is_intact(&self->prey));				\
	CONTROL(attack(&self->prey, self->bag));			\
	ASSERT_FALSE(is_intact(&self->prey)) {				\
		TH_LOG("the control altered nothing");			\
	}								\
	REFUSED(error, attack(&self->secret, self->bag));		\
	UNHARMED();							\
} while (0)

/* The attack neither reads nor writes: it only has to be let. */
#define GETS_HOLD(error, prey, attack)					\
do {									\
	CONTROL(attack(&self->prey, self->bag));			\
	REFUSED(error, attack(&self->secret, self->bag));		\
	UNHARMED();							\
} while (0)

#define UNHARMED()							\
do {									\
	bool intact_ = is_intact(&self->secret);			\
									\
	EXPECT_TRUE(intact_) {						\
		TH_LOG("the owner's contents have been altered, or are gone"); \
	}								\
} while (0)

#endif /* LABYRINTH_ATTACKS_MAPPING_H */
