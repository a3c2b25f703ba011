// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel is made to take references to the owner's pages, which would reach
 * them for as long as it likes: vmsplice(2), O_DIRECT, MSG_ZEROCOPY, shared
 * futexes, AF_XDP. What is read from, or written to, the descriptor itself is
 * tried here too.
 */
#include <arpa/inet.h>
#include <linux/futex.h>
#include <linux/if_xdp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "mapping.h"

/* What a call that moves bytes returned: all of them, or how it failed. */
static int all_of(ssize_t done)
{
	if (done < 0)
		return -errno;
	return done == (ssize_t)target_size() ? 0 : -ENODATA;
}

/* Whatever has come so far. */
static void drain(int fd, char *bag)
{
	size_t got = 0;
	ssize_t more;

	while (got < target_size()) {
		more = read(fd, bag + got, target_size() - got);
		if (more <= 0)
			break;
		got += more;
	}
}

static int splice_memory(struct target *target, char *bag, int flags)
{
	struct iovec iov = { target->address, target_size() };
	int ends[2], ret;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	ret = all_of(vmsplice(ends[1], &iov, 1, flags));
	drain(ends[0], bag);
	close(ends[0]);
	close(ends[1]);
	return ret;
}

static int vmsplice_plain(struct target *target, char *bag)
{
	return splice_memory(target, bag, 0);
}

static int vmsplice_gift(struct target *target, char *bag)
{
	return splice_memory(target, bag, SPLICE_F_GIFT);
}

TEST_F(mapping, vmsplice)
{
	READS(EFAULT, memfd, vmsplice_plain);
	READS(EFAULT, anonymous, vmsplice_plain);
}

TEST_F(mapping, vmsplice_gift)
{
	READS(EFAULT, anonymous, vmsplice_gift);
}

/* A file of the caller's where O_DIRECT works, of the pages' size and zeroes. */
static int open_direct(void)
{
	const char *dir = getenv("ATTACKS_DIR");
	char path[256];
	int fd;

	if (!dir)
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/direct.%d", dir, getpid());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_DIRECT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	unlink(path);
	if (ftruncate(fd, target_size())) {
		close(fd);
		return -errno;
	}
	return fd;
}

static int write_direct(struct target *target, char *bag)
{
	int fd = open_direct(), ret;

	if (fd < 0)
		return fd;
	ret = all_of(pwrite(fd, target->address, target_size(), 0));
	if (pread(fd, bag, target_size(), 0) < 0)
		ret = -EBADFD;
	close(fd);
	return ret;
}

static int read_direct(struct target *target, char *bag)
{
	int fd = open_direct(), ret;

	if (fd < 0)
		return fd;
	ret = all_of(pwrite(fd, bag, target_size(), 0));
	ret = ret ?: all_of(pread(fd, target->address, target_size(), 0));
	close(fd);
	return ret;
}

TEST_F(mapping, o_direct_write)
{
	READS(EFAULT, memfd, write_direct);
	READS(EFAULT, anonymous, write_direct);
}

TEST_F(mapping, o_direct_read)
{
	WRITES(EFAULT, memfd, read_direct);
}

/* Two ends of a connection through the loopback device. */
static int connect_ends(int ends[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || ends[0] < 0 ||
	    bind(listener, (void *)&address, sizeof(address)) ||
	    listen(listener, 1) ||
	    getsockname(listener, (void *)&address, &length) ||
	    connect(ends[0], (void *)&address, length))
		return -errno;
	ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	return ends[1] < 0 ? -errno : 0;
}

static int send_zerocopy(struct target *target, char *bag)
{
	int ends[2] = { -1, -1 }, one = 1, ret = connect_ends(ends);

	if (ret)
		return ret;
	if (setsockopt(ends[0], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		return -errno;
	ret = all_of(send(ends[0], target->address, target_size(),
			  MSG_ZEROCOPY));
	shutdown(ends[0], SHUT_WR);
	drain(ends[1], bag);
	close(ends[0]);
	close(ends[1]);
	return ret;
}

TEST_F(mapping, msg_zerocopy_send)
{
	READS(EFAULT, memfd, send_zerocopy);
	READS(EFAULT, anonymous, send_zerocopy);
}

/* A shared futex is known by its page. EAGAIN says that its value was looked at. */
static int wait_on_futex(struct target *target, char *bag)
{
	struct timespec soon = { .tv_nsec = 1 };
	unsigned int other;

	(void)bag;
	memcpy(&other, target->address, sizeof(other));
	other++;
	if (!syscall(SYS_futex, target->address, FUTEX_WAIT, other, &soon))
		return -EPROTO;
	return errno == EAGAIN ? 0 : -errno;
}

static int wake_futex(struct target *target, char *bag)
{
	(void)bag;
	return syscall(SYS_futex, target->address, FUTEX_WAKE, 1) < 0 ? -errno : 0;
}

TEST_F(mapping, shared_futex)
{
	GETS_HOLD(EFAULT, memfd, wait_on_futex);
	GETS_HOLD(EFAULT, memfd, wake_futex);
}

/* Packets would be written there by a network card. */
static int register_umem(struct target *target, char *bag)
{
	struct xdp_umem_reg reg = {
		.addr = (uintptr_t)target->address,
		.len = target_size(),
		.chunk_size = page_size(),
	};
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), ret;

	(void)bag;
	if (fd < 0)
		return -errno;
	ret = setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof(reg)) ?
		-errno : 0;
	close(fd);
	return ret;
}

TEST_F(mapping, af_xdp_umem)
{
	int fd;

	if (!variant->root)
		SKIP(return, "needs CAP_NET_RAW");
	fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 && errno == EAFNOSUPPORT)
		SKIP(return, "no AF_XDP in this kernel");
	close(fd);
	GETS_HOLD(EFAULT, anonymous, register_umem);
}

/* Where there are positions in a descriptor, it is at its mapping now. */
static void go_to_mapping(struct target *target)
{
	lseek(target->fd, target->offset, SEEK_SET);
}

static int read_descriptor(struct target *target, char *bag)
{
	go_to_mapping(target);
	return all_of(read(target->fd, bag, target_size()));
}

static int write_descriptor(struct target *target, char *bag)
{
	go_to_mapping(target);
	return all_of(write(target->fd, bag, target_size()));
}

static int splice_descriptor(struct target *target, char *bag)
{
	int ends[2], ret;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	go_to_mapping(target);
	ret = all_of(splice(target->fd, NULL, ends[1], NULL, target_size(), 0));
	drain(ends[0], bag);
	close(ends[0]);
	close(ends[1]);
	return ret;
}

static int sendfile_descriptor(struct target *target, char *bag)
{
	int copy = memfd_create("copy", MFD_CLOEXEC), ret;

	if (copy < 0)
		return -errno;
	go_to_mapping(target);
	ret = all_of(sendfile(copy, target->fd, NULL, target_size()));
	if (pread(copy, bag, target_size(), 0) < 0)
		ret = -EBADFD;
	close(copy);
	return ret;
}

TEST_F(mapping, descriptor_read)
{
	READS(EINVAL, memfd, read_descriptor);
}

TEST_F(mapping, descriptor_write)
{
	WRITES(EINVAL, memfd, write_descriptor);
}

TEST_F(mapping, descriptor_splice)
{
	READS(EINVAL, memfd, splice_descriptor);
}

TEST_F(mapping, descriptor_sendfile)
{
	READS(EINVAL, memfd, sendfile_descriptor);
}

TEST_HARNESS_MAIN
