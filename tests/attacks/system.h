/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For attacks by the system's own hand, with root's means: a fixture with the
 * same fields as a mapping's, and where pages lie.
 */
#ifndef LABYRINTH_ATTACKS_SYSTEM_H
#define LABYRINTH_ATTACKS_SYSTEM_H

#include "mapping.h"

#define PRESENT		(1ULL << 63)
#define SWAPPED		(1ULL << 62)
#define FRAME_MASK	((1ULL << 55) - 1)

/* Its entry in /proc/self/pagemap; 0: not there. */
static inline __u64 page_entry(const char *address)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	off_t at = (uintptr_t)address / page_size() * sizeof(__u64);
	__u64 entry;

	if (fd < 0 || pread(fd, &entry, sizeof(entry), at) != sizeof(entry))
		entry = 0;
	close(fd);
	return entry;
}

/* Its page frame's number; 0: none. */
static inline __u64 frame_of(const char *address)
{
	__u64 entry = page_entry(address);

	return entry & PRESENT ? entry & FRAME_MASK : 0;
}

static inline bool is_swapped(const char *address)
{
	return page_entry(address) & SWAPPED;
}

/* A page's physical address, as the device tells root; 0: it does not. */
static inline __u64 address_of(struct target *target, int i)
{
	struct labyrinth_query query;

	return _query(target->fd, 0, target->handles[i], &query) ?
		0 : query.out_phys;
}

/*
 * What is written through the mapping must come to where the device reads it:
 * had a page been replaced behind its back, they would differ. (pagemap does not
 * tell of such a mapping.)
 */
static inline bool is_in_place(struct target *target)
{
	if (!is_intact(target))
		return false;
	target->seed += 100;
	fill_target(target);
	return is_intact(target);
}

static inline int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		ret = -errno;
	close(fd);
	return ret;
}

FIXTURE(system) {
	struct target memfd;
	struct target anonymous;
	struct target secret;
	char *bag;
};

FIXTURE_SETUP(system)
{
	survive_touching();
	self->bag = shared_memory(target_size());
	ASSERT_NE(MAP_FAILED, self->bag);
	ASSERT_EQ(0, lay_memfd(&self->memfd, 1000));
	ASSERT_EQ(0, lay_anonymous(&self->anonymous, 2000));
	ASSERT_EQ(0, lay_secret(&self->secret, 3000));
	ASSERT_NE(0, frame_of(self->anonymous.address)) {
		TH_LOG("no page frames in /proc/self/pagemap: not root?");
	}
	ASSERT_NE(0, address_of(&self->secret, 0));
}

FIXTURE_TEARDOWN(system)
{
	close(self->secret.fd);
}

#endif /* LABYRINTH_ATTACKS_SYSTEM_H */
