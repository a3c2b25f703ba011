/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every Labyrinth selftest needs: the calls of the device, bounded waits,
 * children that report by exit status.
 *
 * _x() makes the call and returns 0 or -errno; test_x() asserts that it
 * succeeds; test_err_x(errno, ...) expects that errno. Every call starts with
 * its output fields full of 0xAA and checks that the kernel left the input
 * fields as they were: if not, it fails with -EUCLEAN, which no call returns.
 *
 * A forked child must not use EXPECT and ASSERT: it returns an exit status.
 */
#ifndef LABYRINTH_SELFTESTS_UTIL_H
#define LABYRINTH_SELFTESTS_UTIL_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/labyrinth.h>

#include "contents.h"

/* Who is no test, and of several files, can't have the harness. */
#ifndef LABYRINTH_NO_HARNESS
#include "kselftest_harness.h"
#else
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#endif

/* Emulated guests are slow: a bound is there to end, not to measure. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	300
#define DEADLINE_SECONDS	120

#define NOBODY		65534
#define OTHER_USER	65533
#define OTHER_GROUP	65532

static inline time_t now_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* True as soon as @cond is, false if it still is not after the deadline. */
#define WAIT_UNTIL(cond)						\
({									\
	time_t end_ = now_seconds() + DEADLINE_SECONDS;			\
	bool true_;							\
									\
	while (!(true_ = (cond)) && now_seconds() < end_)		\
		usleep(10000);						\
	true_;								\
})

static inline size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* For ranges of the struct that only the kernel writes. */
struct outputs {
	size_t from;
	size_t to;
};

#define OUTPUTS(type, first, last)					\
	((struct outputs){ offsetof(struct type, first),		\
			   offsetof(struct type, last) +		\
			   sizeof(((struct type *)0)->last) })

static inline int call(int fd, unsigned long nr, void *cmd, size_t size,
		       struct outputs outs)
{
	unsigned char before[256], *bytes = cmd;
	int ret;

	memset(bytes + outs.from, 0xAA, outs.to - outs.from);
	memcpy(before, bytes, size);
	ret = ioctl(fd, nr, cmd) < 0 ? -errno : 0;
	if (memcmp(before, bytes, outs.from) ||
	    memcmp(before + outs.to, bytes + outs.to, size - outs.to))
		return -EUCLEAN;
	return ret;
}

static inline int _open_device(int flags)
{
	int fd = open(LABYRINTH_DEVICE, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static inline int _info(int fd, struct labyrinth_info *cmd)
{
	memset(cmd, 0, sizeof(*cmd));
	cmd->size = sizeof(*cmd);
	return call(fd, LABYRINTH_IOC_INFO, cmd, sizeof(*cmd),
		    OUTPUTS(labyrinth_info, out_features, out_deferred));
}

static inline int _alloc_cmd(int fd, struct labyrinth_alloc *cmd)
{
	cmd->size = sizeof(*cmd);
	return call(fd, LABYRINTH_IOC_ALLOC, cmd, sizeof(*cmd),
		    OUTPUTS(labyrinth_alloc, out_count, out_reason));
}

/* The plain case: order 0, fail-hard. */
static inline int _alloc(int fd, __u32 flags, __u32 count, __u64 *handles)
{
	struct labyrinth_alloc cmd = {
		.flags = flags,
		.count = count,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)handles,
	};

	return _alloc_cmd(fd, &cmd);
}

static inline int _free_cmd(int fd, struct labyrinth_free *cmd)
{
	cmd->size = sizeof(*cmd);
	return call(fd, LABYRINTH_IOC_FREE, cmd, sizeof(*cmd),
		    OUTPUTS(labyrinth_free, out_count, out_bad));
}

static inline int _free_pages(int fd, __u32 count, const __u64 *handles)
{
	struct labyrinth_free cmd = {
		.count = count,
		.handles = (uintptr_t)handles,
	};

	return _free_cmd(fd, &cmd);
}

static inline int _query(int fd, __u32 flags, __u64 handle,
			 struct labyrinth_query *cmd)
{
	memset(cmd, 0, sizeof(*cmd));
	cmd->size = sizeof(*cmd);
	cmd->flags = flags;
	cmd->handle = handle;
	return call(fd, LABYRINTH_IOC_QUERY, cmd, sizeof(*cmd),
		    OUTPUTS(labyrinth_query, out_handle, out_offset));
}

static inline int _rw_cmd(int fd, unsigned long nr, struct labyrinth_rw *cmd)
{
	cmd->size = sizeof(*cmd);
	return call(fd, nr, cmd, sizeof(*cmd),
		    OUTPUTS(labyrinth_rw, out_length, out_length));
}

static inline int _rw(int fd, unsigned long nr, __u64 handle, __u32 offset,
		      __u32 length, void *buffer)
{
	struct labyrinth_rw cmd = {
		.handle = handle,
		.offset = offset,
		.length = length,
		.buffer = (uintptr_t)buffer,
	};
	int ret = _rw_cmd(fd, nr, &cmd);

	if (!ret && cmd.out_length != length)
		return -EUCLEAN;
	return ret;
}

static inline int _read_page(int fd, __u64 handle, __u32 offset, __u32 length,
			     void *buffer)
{
	return _rw(fd, LABYRINTH_IOC_READ, handle, offset, length, buffer);
}

static inline int _write_page(int fd, __u64 handle, __u32 offset, __u32 length,
			      const void *buffer)
{
	return _rw(fd, LABYRINTH_IOC_WRITE, handle, offset, length,
		   (void *)buffer);
}

static inline int _set(int fd, __u32 flags, __u64 handle, __u64 tag, __u64 used)
{
	struct labyrinth_set cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.handle = handle,
		.tag = tag,
		.used = used,
	};

	return call(fd, LABYRINTH_IOC_SET, &cmd, sizeof(cmd),
		    (struct outputs){ sizeof(cmd), sizeof(cmd) });
}

static inline int _attach_cmd(int fd, struct labyrinth_attach *cmd)
{
	cmd->size = sizeof(*cmd);
	return call(fd, LABYRINTH_IOC_ATTACH, cmd, sizeof(*cmd),
		    OUTPUTS(labyrinth_attach, out_owner, out_owner));
}

static inline int _attach(int fd, const char *name)
{
	struct labyrinth_attach cmd = {};

	memcpy(cmd.name, name, strnlen(name, sizeof(cmd.name)));
	return _attach_cmd(fd, &cmd);
}

static inline int _give_cmd(int fd, struct labyrinth_give *cmd)
{
	cmd->size = sizeof(*cmd);
	return call(fd, LABYRINTH_IOC_GIVE, cmd, sizeof(*cmd),
		    OUTPUTS(labyrinth_give, out_bad, out_reason));
}

static inline int _give(int fd, __u32 to, __u32 count, const __u64 *handles)
{
	struct labyrinth_give cmd = {
		.count = count,
		.to = to,
		.handles = (uintptr_t)handles,
	};

	return _give_cmd(fd, &cmd);
}

static inline int _give_name(int fd, const char *name, __u32 count,
			     const __u64 *handles)
{
	struct labyrinth_give cmd = {
		.count = count,
		.handles = (uintptr_t)handles,
	};

	memcpy(cmd.name, name, strnlen(name, sizeof(cmd.name)));
	return _give_cmd(fd, &cmd);
}

static inline int _take_cmd(int fd, struct labyrinth_take *cmd)
{
	cmd->size = sizeof(*cmd);
	return call(fd, LABYRINTH_IOC_TAKE, cmd, sizeof(*cmd),
		    OUTPUTS(labyrinth_take, out_count, out_count));
}

/* How many came, or -errno. */
static inline int take_up_to(int fd, __u32 most, __u64 *handles)
{
	struct labyrinth_take cmd = {
		.count = most,
		.handles = (uintptr_t)handles,
	};
	int ret = _take_cmd(fd, &cmd);

	if (!ret && (!cmd.out_count || cmd.out_count > most))
		return -EUCLEAN;
	return ret ?: (int)cmd.out_count;
}

/* Exactly so many, at once. */
static inline int _take(int fd, __u32 count, __u64 *handles)
{
	int ret = take_up_to(fd, count, handles);

	if (ret < 0)
		return ret;
	return ret == (int)count ? 0 : -EUCLEAN;
}

static inline int _accept(int fd, __u32 accept, __u32 inbox)
{
	struct labyrinth_accept_set cmd = {
		.size = sizeof(cmd),
		.accept = accept,
		.inbox = inbox,
	};

	return call(fd, LABYRINTH_IOC_ACCEPT, &cmd, sizeof(cmd),
		    (struct outputs){ sizeof(cmd), sizeof(cmd) });
}

/* Its outputs are not in one piece. */
static inline int _map_cmd(int fd, struct labyrinth_map *cmd)
{
	struct labyrinth_map before;
	int ret;

	cmd->size = sizeof(*cmd);
	memset(&cmd->out_bad, 0xAA, sizeof(cmd->out_bad));
	memset(&cmd->out_offset, 0xAA, sizeof(cmd->out_offset));
	memset(&cmd->out_length, 0xAA, sizeof(cmd->out_length));
	before = *cmd;
	ret = ioctl(fd, LABYRINTH_IOC_MAP, cmd) < 0 ? -errno : 0;
	if (before.size != cmd->size || before.flags != cmd->flags ||
	    before.count != cmd->count || before.handles != cmd->handles)
		return -EUCLEAN;
	return ret;
}

/* @offset may be NULL. */
static inline int _map(int fd, __u32 count, const __u64 *handles, __u64 *offset)
{
	struct labyrinth_map cmd = {
		.count = count,
		.handles = (uintptr_t)handles,
	};
	int ret = _map_cmd(fd, &cmd);

	if (!ret && offset)
		*offset = cmd.out_offset;
	return ret;
}

static inline int _eventfd(int fd, int eventfd)
{
	struct labyrinth_eventfd cmd = { .size = sizeof(cmd), .fd = eventfd };

	return call(fd, LABYRINTH_IOC_EVENTFD, &cmd, sizeof(cmd),
		    (struct outputs){ sizeof(cmd), sizeof(cmd) });
}

/* The number by which others give to it; 0, which none is, if it is dead. */
static inline __u32 owner_number(int fd)
{
	struct labyrinth_info info;

	return _info(fd, &info) ? 0 : info.out_owner;
}

static inline __u32 inbox_used(int fd)
{
	struct labyrinth_info info;

	return _info(fd, &info) ? ~0U : info.out_inbox_used;
}

static inline __u64 used_pages(int fd)
{
	struct labyrinth_info info;

	return _info(fd, &info) ? LABYRINTH_UNLIMITED : info.out_used;
}

static inline __u64 reserve_available(int fd)
{
	struct labyrinth_info info;

	return _info(fd, &info) ? 0 : info.out_reserve_available;
}

#define test_open_device(flags)						\
({									\
	int fd_ = _open_device(flags);					\
									\
	ASSERT_LE(0, fd_) {						\
		TH_LOG("cannot open " LABYRINTH_DEVICE ": %s",		\
		       strerror(-fd_));					\
	}								\
	fd_;								\
})

#define test_info(...)		ASSERT_EQ(0, _info(__VA_ARGS__))
#define test_alloc(...)		ASSERT_EQ(0, _alloc(__VA_ARGS__))
#define test_alloc_cmd(...)	ASSERT_EQ(0, _alloc_cmd(__VA_ARGS__))
#define test_free(...)		ASSERT_EQ(0, _free_pages(__VA_ARGS__))
#define test_free_cmd(...)	ASSERT_EQ(0, _free_cmd(__VA_ARGS__))
#define test_query(...)		ASSERT_EQ(0, _query(__VA_ARGS__))
#define test_read(...)		ASSERT_EQ(0, _read_page(__VA_ARGS__))
#define test_write(...)		ASSERT_EQ(0, _write_page(__VA_ARGS__))
#define test_set(...)		ASSERT_EQ(0, _set(__VA_ARGS__))
#define test_attach(...)	ASSERT_EQ(0, _attach(__VA_ARGS__))
#define test_give(...)		ASSERT_EQ(0, _give(__VA_ARGS__))
#define test_give_cmd(...)	ASSERT_EQ(0, _give_cmd(__VA_ARGS__))
#define test_give_name(...)	ASSERT_EQ(0, _give_name(__VA_ARGS__))
#define test_take(...)		ASSERT_EQ(0, _take(__VA_ARGS__))
#define test_take_cmd(...)	ASSERT_EQ(0, _take_cmd(__VA_ARGS__))
#define test_accept(...)	ASSERT_EQ(0, _accept(__VA_ARGS__))
#define test_map(...)		ASSERT_EQ(0, _map(__VA_ARGS__))
#define test_map_cmd(...)	ASSERT_EQ(0, _map_cmd(__VA_ARGS__))
#define test_eventfd(...)	ASSERT_EQ(0, _eventfd(__VA_ARGS__))

#define test_err(error, ret)	EXPECT_EQ(-(error), ret)
#define test_err_info(e, ...)	test_err(e, _info(__VA_ARGS__))
#define test_err_alloc(e, ...)	test_err(e, _alloc(__VA_ARGS__))
#define test_err_alloc_cmd(e, ...) test_err(e, _alloc_cmd(__VA_ARGS__))
#define test_err_free(e, ...)	test_err(e, _free_pages(__VA_ARGS__))
#define test_err_free_cmd(e, ...) test_err(e, _free_cmd(__VA_ARGS__))
#define test_err_query(e, ...)	test_err(e, _query(__VA_ARGS__))
#define test_err_read(e, ...)	test_err(e, _read_page(__VA_ARGS__))
#define test_err_write(e, ...)	test_err(e, _write_page(__VA_ARGS__))
#define test_err_set(e, ...)	test_err(e, _set(__VA_ARGS__))
#define test_err_attach(e, ...)	test_err(e, _attach(__VA_ARGS__))
#define test_err_give(e, ...)	test_err(e, _give(__VA_ARGS__))
#define test_err_give_cmd(e, ...) test_err(e, _give_cmd(__VA_ARGS__))
#define test_err_give_name(e, ...) test_err(e, _give_name(__VA_ARGS__))
#define test_err_take(e, ...)	test_err(e, _take(__VA_ARGS__))
#define test_err_take_cmd(e, ...) test_err(e, _take_cmd(__VA_ARGS__))
#define test_err_accept(e, ...)	test_err(e, _accept(__VA_ARGS__))
#define test_err_map(e, ...)	test_err(e, _map(__VA_ARGS__))
#define test_err_map_cmd(e, ...) test_err(e, _map_cmd(__VA_ARGS__))
#define test_err_eventfd(e, ...) test_err(e, _eventfd(__VA_ARGS__))

/* 0 if every call answers ENOENT to @handle, else the first other answer. */
static inline int every_call_refuses(int fd, __u64 handle)
{
	struct labyrinth_query query;
	char byte = 'x';
	int ret;

	ret = _query(fd, 0, handle, &query);
	if (ret == -ENOENT && handle)
		ret = _query(fd, LABYRINTH_QUERY_NEXT, handle, &query);
	if (ret == -ENOENT)
		ret = _read_page(fd, handle, 0, 1, &byte);
	if (ret == -ENOENT)
		ret = _write_page(fd, handle, 0, 1, &byte);
	if (ret == -ENOENT)
		ret = _set(fd, LABYRINTH_SET_TAG, handle, 1, 0);
	if (ret == -ENOENT)
		ret = _map(fd, 1, &handle, NULL);
	if (ret == -ENOENT)
		ret = _free_pages(fd, 1, &handle);
	if (ret == -ENOENT)
		return 0;
	return ret ?: -EEXIST;
}

/* Write @size bytes of a pattern to a block. */
static inline int put_pattern(int fd, __u64 handle, size_t size, __u64 seed)
{
	char *buffer = malloc(size);
	int ret;

	fill_pattern(buffer, size, seed);
	ret = _write_page(fd, handle, 0, size, buffer);
	free(buffer);
	return ret;
}

/* 0 if it is there, -EBADMSG if something else is. */
static inline int check_pattern(int fd, __u64 handle, size_t size, __u64 seed)
{
	char *buffer = malloc(2 * size);
	int ret;

	fill_pattern(buffer, size, seed);
	ret = _read_page(fd, handle, 0, size, buffer + size);
	if (!ret && memcmp(buffer, buffer + size, size))
		ret = -EBADMSG;
	free(buffer);
	return ret;
}

/*
 * The device file is root's until the administrator says otherwise: which a
 * test does that has somebody else open it.
 */
static inline int open_to_all(bool open)
{
	static struct stat before;

	if (open && stat(LABYRINTH_DEVICE, &before))
		return -errno;
	return chmod(LABYRINTH_DEVICE, open ? 0666 : before.st_mode & 0777) ?
		-errno : 0;
}

/* Give up root for good: what the process does from here is nobody's. */
static inline int become(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) ||
	    setresuid(uid, uid, uid))
		return -errno;
	return 0;
}

static inline int limit_memlock(__u64 pages)
{
	struct rlimit limit = { pages * page_size(), pages * page_size() };

	return setrlimit(RLIMIT_MEMLOCK, &limit) ? -errno : 0;
}

/* A process, or a thread of this one. */
static inline bool is_asleep(pid_t id)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", id);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(file);
	return state == 'S' || state == 'D';
}

/* The line that begins with @start in @fd's fdinfo goes to @line. False: none. */
static inline bool fdinfo_line(int fd, const char *start, char *line, int size)
{
	char path[64];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	if (!file)
		return false;
	while (!found && fgets(line, size, file))
		found = !strncmp(line, start, strlen(start));
	fclose(file);
	return found;
}

static inline pid_t spawn(int (*fn)(void *arg), void *arg)
{
	pid_t pid = fork();

	if (!pid)
		_exit(fn(arg));
	return pid;
}

/* The exit status, 256 + signal, or -ETIMEDOUT, and then it is killed. */
static inline int reap(pid_t pid)
{
	int status;

	if (pid < 0)
		return -ECHILD;
	if (!WAIT_UNTIL(waitpid(pid, &status, WNOHANG) == pid)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return -ETIMEDOUT;
	}
	return WIFSIGNALED(status) ? 256 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

static inline int in_child(int (*fn)(void *arg), void *arg)
{
	return reap(spawn(fn, arg));
}

/* From here on one CPU, so that no other's ready stack holds pages back. */
static inline int pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

/* A child and its parent take turns: a byte each way. */
static inline int signal_peer(int fd)
{
	return write(fd, "x", 1) == 1 ? 0 : -EPIPE;
}

static inline int await_peer(int fd)
{
	char byte;

	return read(fd, &byte, 1) == 1 ? 0 : -EPIPE;
}

#endif /* LABYRINTH_SELFTESTS_UTIL_H */
