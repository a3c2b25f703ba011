// SPDX-License-Identifier: GPL-2.0-only
/*
 * The owner's own process, tricked or taken over, has the kernel handle the
 * mapping as it handles other memory: advice, and page faults that somebody
 * else answers (userfaultfd).
 */
#include <linux/userfaultfd.h>
#include <sys/uio.h>

#include "advice.h"
#include "mapping.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open		434
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise	440
#endif
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY	1
#endif

static int advise(struct target *target, int which)
{
	return madvise(target->address, target_size(), which) ? -errno : 0;
}

static int advice;

static int take_advice(struct target *target, char *bag)
{
	(void)bag;
	return advise(target, advice);
}

/* The next touch would find other contents. */
TEST_F(mapping, madv_dontneed)
{
	advice = MADV_DONTNEED;
	WRITES(EINVAL, anonymous, take_advice);
}

TEST_F(mapping, madv_dontneed_locked)
{
	advice = MADV_DONTNEED_LOCKED;
	WRITES(EINVAL, anonymous, take_advice);
}

/* No file system punches holes into a character device. */
TEST_F(mapping, madv_remove)
{
	advice = MADV_REMOVE;
	WRITES(ENODEV, memfd, take_advice);
}

TEST_F(mapping, madv_free)
{
	advice = MADV_FREE;
	GETS_HOLD(EINVAL, anonymous, take_advice);
}

TEST_F(mapping, madv_pageout)
{
	advice = MADV_PAGEOUT;
	GETS_HOLD(EINVAL, anonymous, take_advice);
}

TEST_F(mapping, madv_cold)
{
	advice = MADV_COLD;
	GETS_HOLD(EINVAL, anonymous, take_advice);
}

TEST_F(mapping, madv_wipeonfork)
{
	advice = MADV_WIPEONFORK;
	GETS_HOLD(EINVAL, anonymous, take_advice);
}

/* They take references, for a moment. */
TEST_F(mapping, madv_populate)
{
	advice = MADV_POPULATE_READ;
	GETS_HOLD(EINVAL, memfd, take_advice);
	advice = MADV_POPULATE_WRITE;
	GETS_HOLD(EINVAL, memfd, take_advice);
}

/* Another process's advice: only who may set its priorities is asked in. */
static int page_parent_out(struct target *target, char *bag)
{
	struct iovec iov = { target->address, target_size() };
	int fd = syscall(SYS_pidfd_open, getppid(), 0);

	(void)bag;
	if (fd < 0)
		return -errno;
	if (syscall(SYS_process_madvise, fd, &iov, 1, MADV_PAGEOUT, 0) < 0)
		return -errno;
	return 0;
}

static int child_pages_out(struct target *target, char *bag)
{
	return by_child(page_parent_out, target, bag);
}

TEST_F(mapping, process_madvise)
{
	if (!variant->root)
		SKIP(return, "needs CAP_SYS_NICE");
	GETS_HOLD(EINVAL, anonymous, child_pages_out);
}

static int open_userfaultfd(__u64 features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (fd < 0)
		return -errno;
	if (ioctl(fd, UFFDIO_API, &api)) {
		close(fd);
		return -EOPNOTSUPP;
	}
	return fd;
}

static int register_faults(int fd, struct target *target, __u64 mode)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)target->address, target_size() },
		.mode = mode,
	};

	return ioctl(fd, UFFDIO_REGISTER, &reg) ? -errno : 0;
}

static int catch_faults(struct target *target, __u64 mode, __u64 features)
{
	int fd = open_userfaultfd(features), ret;

	if (fd < 0)
		return fd;
	ret = register_faults(fd, target, mode);
	close(fd);
	return ret;
}

static int catch_protected(struct target *target, char *bag)
{
	(void)bag;
	return catch_faults(target, UFFDIO_REGISTER_MODE_WP, 0);
}

static int catch_minor(struct target *target, char *bag)
{
	(void)bag;
	return catch_faults(target, UFFDIO_REGISTER_MODE_MINOR,
			    UFFD_FEATURE_MINOR_SHMEM);
}

/* Whoever answers faults says what the memory's contents are. */
static int supply_contents(struct target *target, char *bag)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)target->address,
		.src = (uintptr_t)bag,
		.len = target_size(),
	};
	int fd = open_userfaultfd(0), ret, copied;

	if (fd < 0)
		return fd;
	ret = register_faults(fd, target, UFFDIO_REGISTER_MODE_MISSING);
	advise(target, MADV_DONTNEED);
	copied = ioctl(fd, UFFDIO_COPY, &copy) ? -errno : 0;
	close(fd);
	return ret ?: copied;
}

TEST_F(mapping, userfaultfd_missing)
{
	WRITES(EINVAL, anonymous, supply_contents);
}

TEST_F(mapping, userfaultfd_protect)
{
	GETS_HOLD(EINVAL, anonymous, catch_protected);
}

TEST_F(mapping, userfaultfd_minor)
{
	GETS_HOLD(EINVAL, memfd, catch_minor);
}

TEST_HARNESS_MAIN
