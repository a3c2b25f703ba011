// SPDX-License-Identifier: GPL-2.0-only
/*
 * The system's calls, on descriptors and mappings of the device; and other
 * processes and threads that go on with the same program.
 */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "vm_fuzz.h"

#define STEPS_ASIDE	6

static int answer(long ret)
{
	return ret < 0 ? -errno : 0;
}

/* === Descriptors ========================================================= */

static int run_open(struct cursor *at)
{
	static const int flags[] = { O_RDWR, O_RDWR, O_RDWR, O_RDONLY, O_WRONLY,
				     O_RDWR | O_NONBLOCK, O_RDWR | O_PATH,
				     O_RDWR | O_DIRECT, O_RDWR | O_APPEND };

	return state_open(choose(at, FILES),
			  maybe(at, flags[choose(at, ARRAY_SIZE(flags))]) &
			  ~(O_CREAT | O_TMPFILE | O_ASYNC));
}

static int close_file(u32 file)
{
	int ret;

	if (have.fd[file] < 0)
		return NOT_TRIED;
	ret = answer(close(have.fd[file]));
	have.fd[file] = -1;
	for (u32 i = 0; i < HANDLES; i++)
		if (have.held[i].file == file)
			have.held[i].live = false;
	return ret;
}

static int run_close(struct cursor *at)
{
	return close_file(choose(at, FILES));
}

static int run_dup(struct cursor *at)
{
	u32 from = some_file(at), to = choose(at, FILES);
	int fd;

	if (from == to)
		return NOT_TRIED;
	fd = dup(have.fd[from]);
	if (fd < 0)
		return -errno;
	close_file(to);
	have.fd[to] = fd;
	have.number[to] = have.number[from];
	return 0;
}

static int run_poll(struct cursor *at)
{
	struct pollfd poll_fd = {
		.fd = have.fd[some_file(at)],
		.events = maybe(at, POLLIN | POLLOUT),
	};

	return answer(poll(&poll_fd, 1, choose(at, 3)));
}

static int run_epoll(struct cursor *at)
{
	struct epoll_event event = { .events = maybe(at, EPOLLIN | EPOLLOUT | EPOLLET) };
	u32 file = some_file(at);
	int fd = epoll_create1(EPOLL_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = answer(epoll_ctl(fd, EPOLL_CTL_ADD, have.fd[file], &event));
	if (!ret)
		ret = answer(epoll_wait(fd, &event, 1, choose(at, 2)));
	/* It is watched when it goes. */
	if (!ret && !choose(at, 4))
		close_file(file);
	close(fd);
	return ret;
}

/* The device has none of these: they must say so. */
static int run_other_calls(struct cursor *at)
{
	int fd = have.fd[some_file(at)];
	u32 length = choose(at, 8192);
	void *buffer = spot(at, ROLE_BUFFER, NULL, length);
	struct iovec vector = { buffer, length };
	loff_t offset = any(at);

	switch (choose(at, 10)) {
	case 0:
		return answer(read(fd, buffer, length));
	case 1:
		return answer(write(fd, buffer, length));
	case 2:
		return answer(pread(fd, buffer, length, offset));
	case 3:
		return answer(pwritev2(fd, &vector, 1, offset, any(at) & 0x1f));
	case 4:
		return answer(lseek(fd, offset, choose(at, 6)));
	case 5:
		return answer(splice(fd, NULL, board->post[0], NULL, length, SPLICE_F_NONBLOCK));
	case 6:
		return answer(fsync(fd));
	case 7:
		return answer(ftruncate(fd, offset));
	case 8:
		return answer(fcntl(fd, F_SETFL, any(at) & O_NONBLOCK));
	default:
		return answer(posix_fadvise(fd, 0, length, choose(at, 6)));
	}
}

static int run_fdinfo(struct cursor *at)
{
	char path[64], text[512];
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", have.fd[some_file(at)]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = answer(read(fd, text, sizeof(text)));
	close(fd);
	return ret;
}

union passed {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static int run_send(struct cursor *at)
{
	char byte = 0;
	struct iovec vector = { &byte, 1 };
	union passed passed = {};
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1,
		.msg_control = &passed, .msg_controllen = sizeof(passed) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	*header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
				    .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(header), &have.fd[some_file(at)], sizeof(int));
	return answer(sendmsg(board->post[1], &message, MSG_DONTWAIT));
}

static int run_receive(struct cursor *at)
{
	char byte;
	struct iovec vector = { &byte, 1 };
	union passed passed = {};
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1,
		.msg_control = &passed, .msg_controllen = sizeof(passed) };
	struct cmsghdr *header;
	u32 file = 2 + choose(at, FILES - 2);

	if (recvmsg(board->post[0], &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return -errno;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return -ENOMSG;
	close_file(file);
	memcpy(&have.fd[file], CMSG_DATA(header), sizeof(int));
	return 0;
}

/* === Mappings ============================================================ */

static int run_mmap(struct cursor *at)
{
	struct place place = { .length = page_size(), .offset = any(at) };
	u32 file, all = have.places < PLACES ? have.places : PLACES;
	int protection = PROT_READ | PROT_WRITE;
	u32 range = choose(at, RANGES);

	if (!all && !wild(at))
		return NOT_TRIED;
	if (all)
		place = have.place[choose(at, all)];
	if (choose(at, 8) == 1)
		place.offset += page_size() * choose(at, 3);
	file = wild(at) ? some_file(at) : place.file;
	if (!choose(at, 6))
		protection = choose(at, 8);
	place.length = maybe(at, place.length) & 0xffffffff;
	/* What was there goes. */
	if (mmap(range_at(range), place.length, protection,
		 MAP_FIXED | (wild(at) ? MAP_PRIVATE :
			      MAP_SHARED | (choose(at, 4) ? 0 : MAP_POPULATE)),
		 have.fd[file], maybe(at, place.offset)) == MAP_FAILED)
		return -errno;
	have.range[range] = place.length;
	return 0;
}

/* A part of one, in pages: another thread may be changing it. */
static bool some_part(struct cursor *at, struct range *part)
{
	u32 range = some_range(at);
	size_t pages = (have.range[range] + page_size() - 1) / page_size(), from;

	if (!pages)
		return false;
	from = choose(at, 2) ? 0 : choose(at, 512) % pages;
	pages = choose(at, 2) ? pages - from : 1 + choose(at, 512) % (pages - from);
	*part = (struct range){ range_at(range) + from * page_size(), pages * page_size() };
	return true;
}

static int run_munmap(struct cursor *at)
{
	struct range part;

	if (!some_part(at, &part))
		return NOT_TRIED;
	if (munmap(part.at, part.length))
		return -errno;
	for (u32 i = 0; i < RANGES; i++)
		if (part.at == range_at(i) && part.length >= have.range[i])
			have.range[i] = 0;
	return 0;
}

static int run_mremap(struct cursor *at)
{
	u32 range = choose(at, RANGES);
	struct range part;
	size_t length;
	int flags;

	if (!some_part(at, &part))
		return NOT_TRIED;
	length = choose(at, 2) ? part.length : page_size() * (1 + choose(at, 16));
	flags = !choose(at, 6) ? 0 : MREMAP_MAYMOVE | MREMAP_FIXED |
		(choose(at, 5) ? 0 : MREMAP_DONTUNMAP);
	/* Moved, it takes the place of whatever is there: no more than of a range. */
	length = maybe(at, length) & (flags ? 0xffffffff : ~0ULL);
	if (mremap(part.at, wild(at) ? 0 : part.length, length, flags,
		   range_at(range)) == MAP_FAILED)
		return -errno;
	if (flags)
		have.range[range] = length;
	return 0;
}

static int run_mprotect(struct cursor *at)
{
	struct range part;

	if (!some_part(at, &part))
		return NOT_TRIED;
	return answer(mprotect(part.at, part.length, maybe(at, choose(at, 4)) & 0xff));
}

/* Not MADV_HWPOISON and MADV_SOFT_OFFLINE: those are the administrator's to suffer. */
static int run_madvise(struct cursor *at)
{
	struct range part;
	int advice = choose(at, 26);

	if (!some_part(at, &part))
		return NOT_TRIED;
	return answer(madvise(part.at, part.length, advice));
}

static int run_touch(struct cursor *at)
{
	struct range part;
	int signal;

	if (!some_part(at, &part))
		return NOT_TRIED;
	signal = touch_guarded(part.at + choose(at, 4096), choose(at, 2));
	return !signal ? 0 : signal == SIGBUS ? -EFAULT : -EACCES;
}

static int run_other_memory(struct cursor *at)
{
	struct range part;
	char bytes[64];
	unsigned char there[512];
	struct iovec to = { bytes, sizeof(bytes) }, from;

	if (!some_part(at, &part))
		return NOT_TRIED;
	from = (struct iovec){ part.at, sizeof(bytes) };
	switch (choose(at, 6)) {
	case 0:
		return answer(mlock(part.at, part.length));
	case 1:
		return answer(munlock(part.at, part.length));
	case 2:
		return answer(msync(part.at, part.length, choose(at, 8)));
	case 3:
		return part.length <= sizeof(there) * page_size() ?
		       answer(mincore(part.at, part.length, there)) : NOT_TRIED;
	case 4:
		return answer(process_vm_readv(getpid(), &to, 1, &from, 1, 0));
	default:
		return answer(write(board->post[1], part.at, 1));
	}
}

/* === Others, who go on with the same program ============================= */

static int run_fork(struct cursor *at)
{
	struct cursor ahead = { at->program, at->step + 1, 0 };
	pid_t pid;

	if (have.child || have.threaded)
		return NOT_TRIED;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid) {
		have.child = pid;
		return 0;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	have.child = -1;
	program_run(&ahead, STEPS_ASIDE);
	_exit(0);
}

static struct cursor thread_at;

static void *thread_run(void *unused)
{
	struct cursor at = thread_at;

	(void)unused;
	program_run(&at, STEPS_ASIDE);
	return NULL;
}

static int run_thread(struct cursor *at)
{
	if (have.threaded || have.child)
		return NOT_TRIED;
	have.threaded = true;
	thread_at = (struct cursor){ at->program, at->step + 1, 0 };
	if (pthread_create(&have.thread, NULL, thread_run, NULL)) {
		have.threaded = false;
		return -EAGAIN;
	}
	return 0;
}

const struct kind system_kinds[SYSTEM_KINDS] = {
	{ "open", 3, run_open },
	{ "close", 3, run_close },
	{ "dup", 2, run_dup },
	{ "poll", 2, run_poll },
	{ "epoll", 1, run_epoll },
	{ "read...", 2, run_other_calls },
	{ "fdinfo", 1, run_fdinfo },
	{ "send fd", 2, run_send, "receive fd" },
	{ "receive fd", 2, run_receive },
	{ "mmap", 7, run_mmap, "touch" },
	{ "munmap", 3, run_munmap },
	{ "mremap", 4, run_mremap, "touch" },
	{ "mprotect", 3, run_mprotect, "touch" },
	{ "madvise", 3, run_madvise },
	{ "touch", 7, run_touch },
	{ "mlock...", 3, run_other_memory },
	{ "fork", 2, run_fork },
	{ "thread", 2, run_thread },
};
