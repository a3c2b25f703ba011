// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages are to be written to swap: on advice, and because the process's
 * cgroup has to give up memory. ATTACKS_SWAP, set by attacks.sh, is the device
 * that is swapped to: nothing of the owner's may be found there.
 */
#include "system.h"

#define CGROUP		"/sys/fs/cgroup/labyrinth-attack"
#define CHUNK		(1 << 20)

/* On the device itself, of which the page cache would show an old state. */
static int find_in_swap(const char *device, struct target *target)
{
	int fd = open(device, O_RDONLY | O_DIRECT | O_CLOEXEC);
	int ret = -ENODATA;
	char *chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t got;

	if (fd < 0 || chunk == MAP_FAILED)
		return -EPROTO;
	while (ret == -ENODATA && (got = read(fd, chunk, CHUNK)) > 0) {
		if (finds_target(chunk, got, target))
			ret = 0;
	}
	munmap(chunk, CHUNK);
	close(fd);
	return ret;
}

#define NO_SWAP	"nothing to swap to: attacks.sh found no zram"

#define NOT_IN(device)							\
do {									\
	CONTROL(find_in_swap(device, &self->anonymous));		\
	REFUSED(ENODATA, find_in_swap(device, &self->secret));		\
	EXPECT_TRUE(is_in_place(&self->secret)) {			\
		TH_LOG("the owner's pages are altered, or not where they were"); \
	}								\
	EXPECT_TRUE(is_intact(&self->anonymous));			\
} while (0)

static int page_out(struct target *target)
{
	return madvise(target->address, target_size(), MADV_PAGEOUT) ? -errno :
								      0;
}

static bool is_paged_out(struct target *target)
{
	return !page_out(target) && is_swapped(target->address);
}

/* Not locked: that would keep ordinary memory from being swapped as well. */
TEST_F(system, swap_on_advice)
{
	const char *device = getenv("ATTACKS_SWAP");

	if (!device)
		SKIP(return, NO_SWAP);
	ASSERT_EQ(0, munlockall());
	ASSERT_EQ(0, munlock(self->secret.address, target_size()));
	CONTROL(WAIT_UNTIL(is_paged_out(&self->anonymous)) ? 0 : -ETIMEDOUT);
	REFUSED(EINVAL, page_out(&self->secret));
	NOT_IN(device);
}

static int enter_cgroup(void)
{
	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP, 0755) && errno != EEXIST)
		return -errno;
	if (access(CGROUP "/memory.reclaim", W_OK))
		return -errno;
	return write_text(CGROUP "/cgroup.procs", "0");
}

static void leave_cgroup(void)
{
	write_text("/sys/fs/cgroup/cgroup.procs", "0");
	rmdir(CGROUP);
}

/* EAGAIN says that it could have been more. */
static bool is_reclaimed(struct target *target)
{
	write_text(CGROUP "/memory.reclaim", "16M");
	return is_swapped(target->address);
}

TEST_F(system, swap_under_pressure)
{
	const char *device = getenv("ATTACKS_SWAP");
	int ret = device ? enter_cgroup() : 0;

	if (!device)
		SKIP(return, NO_SWAP);
	if (ret)
		SKIP(return, "no memory.reclaim in a cgroup here: %s",
		     strerror(-ret));
	/* What there is already is charged elsewhere. */
	munmap(self->anonymous.address, target_size());
	ASSERT_EQ(0, lay_anonymous(&self->anonymous, 2500));
	CONTROL(WAIT_UNTIL(is_reclaimed(&self->anonymous)) ? 0 : -ETIMEDOUT);
	NOT_IN(device);
	leave_cgroup();
}

TEST_HARNESS_MAIN
