/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that answers only when it is told to: whoever reads or writes it, the
 * kernel on a call's behalf included, sleeps in userfaultfd until then.
 */
#ifndef LABYRINTH_ATTACKS_SLOW_PAGE_H
#define LABYRINTH_ATTACKS_SLOW_PAGE_H

#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/syscall.h>

#include "util.h"

struct slow_page {
	int uffd;
	char *at;
};

static inline __u64 slow_address(const struct slow_page *slow)
{
	return (uintptr_t)slow->at;
}

static inline int slow_page_register(struct slow_page *slow, __u64 mode)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	struct uffdio_register range = { .mode = mode };

	slow->at = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (slow->at == MAP_FAILED)
		return -errno;
	/* Faults of the kernel's too: for root only. */
	slow->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (slow->uffd < 0 || ioctl(slow->uffd, UFFDIO_API, &api))
		return -errno;
	range.range.start = slow_address(slow);
	range.range.len = page_size();
	return ioctl(slow->uffd, UFFDIO_REGISTER, &range) ? -errno : 0;
}

/* Slow to be read and to be written: there is nothing there yet. */
static inline int slow_page_missing(struct slow_page *slow)
{
	return slow_page_register(slow, UFFDIO_REGISTER_MODE_MISSING);
}

static inline int slow_page_protect(struct slow_page *slow, bool protect)
{
	struct uffdio_writeprotect args = {
		.range = { slow_address(slow), page_size() },
		.mode = protect ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(slow->uffd, UFFDIO_WRITEPROTECT, &args) ? -errno : 0;
}

/* Holds @data, and is read at once; slow to be written. */
static inline int slow_page_holding(struct slow_page *slow, const void *data,
				    size_t size)
{
	int ret = slow_page_register(slow, UFFDIO_REGISTER_MODE_WP);

	if (ret)
		return ret;
	memcpy(slow->at, data, size);
	return slow_page_protect(slow, true);
}

/* Until somebody waits for it: 0 or -errno. */
static inline int slow_page_await(struct slow_page *slow)
{
	struct pollfd pollfd = { .fd = slow->uffd, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&pollfd, 1, DEADLINE_SECONDS * 1000) != 1)
		return -ETIMEDOUT;
	if (read(slow->uffd, &msg, sizeof(msg)) != sizeof(msg))
		return -EIO;
	return msg.event == UFFD_EVENT_PAGEFAULT ? 0 : -EBADMSG;
}

/* A missing one is there from now on, all zeroes. */
static inline int slow_page_arrive(struct slow_page *slow)
{
	struct uffdio_zeropage args = {
		.range = { slow_address(slow), page_size() },
	};

	return ioctl(slow->uffd, UFFDIO_ZEROPAGE, &args) ? -errno : 0;
}

static inline void slow_page_drop(struct slow_page *slow)
{
	close(slow->uffd);
	munmap(slow->at, page_size());
}

#endif /* LABYRINTH_ATTACKS_SLOW_PAGE_H */
