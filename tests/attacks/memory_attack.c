// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another process, of the same user or root's, reads and writes the owner's
 * mapping: inherited by fork, by process_vm_readv(2), ptrace(2) and
 * /proc/PID/mem.
 */
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "mapping.h"

static int copy_out(struct target *target, char *bag)
{
	memcpy(bag, target->address, target_size());
	return 0;
}

static int copy_in(struct target *target, char *bag)
{
	memcpy(target->address, bag, target_size());
	return 0;
}

static int child_reads(struct target *target, char *bag)
{
	return by_child(copy_out, target, bag);
}

static int child_writes(struct target *target, char *bag)
{
	return by_child(copy_in, target, bag);
}

TEST_F(mapping, fork_child_reads)
{
	READS(DIES_OF(SIGSEGV), memfd, child_reads);
	READS(DIES_OF(SIGSEGV), anonymous, child_reads);
}

TEST_F(mapping, fork_child_writes)
{
	WRITES(DIES_OF(SIGSEGV), memfd, child_writes);
}

/* Undoes what keeps a mapping from children; they try even if it was refused. */
static int child_reads_after_dofork(struct target *target, char *bag)
{
	int ret;

	if (!target->handles[0] &&
	    madvise(target->address, target_size(), MADV_DONTFORK))
		return -errno;
	ret = madvise(target->address, target_size(), MADV_DOFORK) ? -errno : 0;
	return child_reads(target, bag) ?: ret;
}

TEST_F(mapping, fork_after_madv_dofork)
{
	READS(DIES_OF(SIGSEGV), memfd, child_reads_after_dofork);
	EXPECT_EQ(-1, madvise(self->secret.address, target_size(),
			      MADV_DOFORK));
	EXPECT_EQ(EINVAL, errno);
}

static int all_of(ssize_t done)
{
	if (done < 0)
		return -errno;
	return done == (ssize_t)target_size() ? 0 : -ENODATA;
}

static int vm_readv(struct target *target, char *bag)
{
	struct iovec here = { bag, target_size() };
	struct iovec there = { target->address, target_size() };

	return all_of(process_vm_readv(getppid(), &here, 1, &there, 1, 0));
}

static int vm_writev(struct target *target, char *bag)
{
	struct iovec here = { bag, target_size() };
	struct iovec there = { target->address, target_size() };

	return all_of(process_vm_writev(getppid(), &here, 1, &there, 1, 0));
}

static int child_vm_readv(struct target *target, char *bag)
{
	return by_child(vm_readv, target, bag);
}

static int child_vm_writev(struct target *target, char *bag)
{
	return by_child(vm_writev, target, bag);
}

TEST_F(mapping, process_vm_readv)
{
	READS(EFAULT, memfd, child_vm_readv);
	READS(EFAULT, anonymous, child_vm_readv);
}

TEST_F(mapping, process_vm_writev)
{
	WRITES(EFAULT, memfd, child_vm_writev);
}

/* Reads, or writes, all of the parent's pages, word by word. */
static int trace_words(pid_t parent, char *there, long *words, bool poke)
{
	size_t count = target_size() / sizeof(long);

	for (size_t i = 0; i < count; i++) {
		char *at = there + i * sizeof(long);

		errno = 0;
		if (poke)
			ptrace(PTRACE_POKEDATA, parent, at, words[i]);
		else
			words[i] = ptrace(PTRACE_PEEKDATA, parent, at, NULL);
		if (errno)
			return -errno;
	}
	return 0;
}

static int trace(struct target *target, char *bag, bool poke)
{
	pid_t parent = getppid();
	int ret;

	if (ptrace(PTRACE_ATTACH, parent, NULL, NULL))
		return -errno;
	if (waitpid(parent, NULL, __WALL) != parent)
		return -errno;
	ret = trace_words(parent, target->address, (long *)bag, poke);
	if (ptrace(PTRACE_DETACH, parent, NULL, NULL))
		return -errno;
	return ret;
}

static int peek(struct target *target, char *bag)
{
	return trace(target, bag, false);
}

static int poke(struct target *target, char *bag)
{
	return trace(target, bag, true);
}

static int child_peeks(struct target *target, char *bag)
{
	return by_child(peek, target, bag);
}

static int child_pokes(struct target *target, char *bag)
{
	return by_child(poke, target, bag);
}

TEST_F(mapping, ptrace_peek)
{
	READS(EIO, memfd, child_peeks);
}

TEST_F(mapping, ptrace_poke)
{
	WRITES(EIO, memfd, child_pokes);
}

static int open_memory_of(pid_t pid, int flags)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int read_memory_of(pid_t pid, struct target *target, char *bag)
{
	int fd = open_memory_of(pid, O_RDONLY), ret;

	if (fd < 0)
		return fd;
	ret = all_of(pread(fd, bag, target_size(), (uintptr_t)target->address));
	close(fd);
	return ret;
}

static int write_memory_of(pid_t pid, struct target *target, char *bag)
{
	int fd = open_memory_of(pid, O_RDWR), ret;

	if (fd < 0)
		return fd;
	ret = all_of(pwrite(fd, bag, target_size(),
			    (uintptr_t)target->address));
	close(fd);
	return ret;
}

static int read_parent(struct target *target, char *bag)
{
	return read_memory_of(getppid(), target, bag);
}

static int write_parent(struct target *target, char *bag)
{
	return write_memory_of(getppid(), target, bag);
}

static int child_reads_proc(struct target *target, char *bag)
{
	return by_child(read_parent, target, bag);
}

static int child_writes_proc(struct target *target, char *bag)
{
	return by_child(write_parent, target, bag);
}

TEST_F(mapping, proc_mem_read)
{
	READS(EIO, memfd, child_reads_proc);
	READS(EIO, anonymous, child_reads_proc);
}

TEST_F(mapping, proc_mem_write)
{
	WRITES(EIO, memfd, child_writes_proc);
}

/* The owner's own is a way round its own protections: not here. */
static int read_self(struct target *target, char *bag)
{
	return read_memory_of(getpid(), target, bag);
}

static int write_self(struct target *target, char *bag)
{
	return write_memory_of(getpid(), target, bag);
}

TEST_F(mapping, proc_self_mem_read)
{
	READS(EIO, memfd, read_self);
}

TEST_F(mapping, proc_self_mem_write)
{
	WRITES(EIO, memfd, write_self);
}

TEST_HARNESS_MAIN
