/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests that map: a touch that survives the signal it gets, and mappings.
 */
#ifndef LABYRINTH_SELFTESTS_MAP_UTIL_H
#define LABYRINTH_SELFTESTS_MAP_UTIL_H

#include <setjmp.h>

#include "util.h"

static __thread sigjmp_buf touch_back;
static __thread volatile sig_atomic_t touching;

static inline void touch_failed(int sig)
{
	if (touching)
		siglongjmp(touch_back, sig);
	/* Not ours: again, and for good. */
	signal(sig, SIG_DFL);
}

/* Before the first touch. It is not blocked while it is handled: see below. */
static inline void survive_touching(void)
{
	struct sigaction action = {
		.sa_handler = touch_failed,
		.sa_flags = SA_NODEFER,
	};

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

/* 0, or the signal that it got. The mask needs no restoring: no system call. */
static inline int try_load(const volatile void *at, __u64 *value)
{
	int sig = sigsetjmp(touch_back, 0);

	if (!sig) {
		touching = 1;
		*value = *(const volatile __u64 *)at;
	}
	touching = 0;
	return sig;
}

static inline int try_store(volatile void *at, __u64 value)
{
	int sig = sigsetjmp(touch_back, 0);

	if (!sig) {
		touching = 1;
		*(volatile __u64 *)at = value;
	}
	touching = 0;
	return sig;
}

/* True if every one of @count pages answers SIGBUS, to reading and to writing. */
static inline bool is_gone(const char *at, size_t count)
{
	__u64 value;

	for (size_t i = 0; i < count; i++)
		if (try_load(at + i * page_size(), &value) != SIGBUS ||
		    try_store((char *)at + i * page_size(), 1) != SIGBUS)
			return false;
	return true;
}

static inline void *map_at(int fd, int prot, size_t length, __u64 offset)
{
	return mmap(NULL, length, prot, MAP_SHARED, fd, offset);
}

static inline int mmap_error(int fd, int prot, int flags, size_t length,
			     __u64 offset)
{
	void *at = mmap(NULL, length, prot, flags, fd, offset);

	if (at == MAP_FAILED)
		return -errno;
	munmap(at, length);
	return 0;
}

/* MAP and mmap of all of it; MAP_FAILED if either was refused. */
static inline void *map_blocks(int fd, __u32 count, const __u64 *handles)
{
	struct labyrinth_map cmd = {
		.count = count,
		.handles = (uintptr_t)handles,
	};

	if (_map_cmd(fd, &cmd))
		return MAP_FAILED;
	return map_at(fd, PROT_READ | PROT_WRITE, cmd.out_length,
		      cmd.out_offset);
}

/* 0 and out_offset, or -errno; 0 is no place. */
static inline __u64 place_of(int fd, __u64 handle)
{
	struct labyrinth_query query;

	if (_query(fd, 0, handle, &query))
		return ~0ULL;
	if (!(query.out_flags & LABYRINTH_PAGE_MAPPED) != !query.out_offset)
		return ~0ULL;
	return query.out_offset;
}

#define test_map_blocks(...)						\
({									\
	char *at_ = map_blocks(__VA_ARGS__);				\
									\
	ASSERT_NE(MAP_FAILED, at_) {					\
		TH_LOG("mmap: %s", strerror(errno));			\
	}								\
	at_;								\
})

#define test_map_at(...)						\
({									\
	char *at_ = map_at(__VA_ARGS__);				\
									\
	ASSERT_NE(MAP_FAILED, at_) {					\
		TH_LOG("mmap: %s", strerror(errno));			\
	}								\
	at_;								\
})

#define test_err_mmap(error, ...) test_err(error, mmap_error(__VA_ARGS__))

#endif /* LABYRINTH_SELFTESTS_MAP_UTIL_H */
