// SPDX-License-Identifier: GPL-2.0-only
/*
 * io_uring keeps references for as long as the ring lives: to fixed buffers,
 * and to rings of provided buffers.
 */
#include <linux/io_uring.h>
#include <sys/uio.h>

#include "mapping.h"

/* One submission at a time is all that is needed. */
struct ring {
	int fd;
	struct io_uring_params params;
	char *rings;
	struct io_uring_sqe *sqe;
};

static int open_ring(struct ring *ring)
{
	struct io_uring_params *p = &ring->params;
	size_t size;

	memset(ring, 0, sizeof(*ring));
	ring->fd = syscall(SYS_io_uring_setup, 1, p);
	if (ring->fd < 0)
		return -errno;
	size = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	ring->rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			   ring->fd, IORING_OFF_SQ_RING);
	ring->sqe = mmap(NULL, sizeof(*ring->sqe), PROT_READ | PROT_WRITE,
			 MAP_SHARED, ring->fd, IORING_OFF_SQES);
	if (ring->rings == MAP_FAILED || ring->sqe == MAP_FAILED)
		return -errno;
	return 0;
}

/* What the kernel forbids everybody, or can't do: no attack. */
static int no_ring(void)
{
	struct ring ring;
	int ret = open_ring(&ring);

	if (!ret)
		close(ring.fd);
	return ret;
}

static unsigned int *ring_word(struct ring *ring, unsigned int offset)
{
	return (unsigned int *)(ring->rings + offset);
}

/* Submits what is in the one entry, and waits: its result. */
static int submit(struct ring *ring)
{
	struct io_uring_params *p = &ring->params;
	struct io_uring_cqe *cqes = (void *)ring_word(ring, p->cq_off.cqes);
	unsigned int *tail = ring_word(ring, p->sq_off.tail);

	*ring_word(ring, p->sq_off.array) = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS,
		    NULL, 0) != 1)
		return -EPROTO;
	if (__atomic_load_n(ring_word(ring, p->cq_off.tail),
			    __ATOMIC_ACQUIRE) != 1)
		return -EPROTO;
	return cqes[0].res;
}

static int fix_buffer(struct ring *ring, struct target *target)
{
	struct iovec iov = { target->address, target_size() };

	return syscall(SYS_io_uring_register, ring->fd,
		       IORING_REGISTER_BUFFERS, &iov, 1) ? -errno : 0;
}

/* Moves the fixed buffer's contents to or from @file. */
static int move_fixed(int opcode, struct target *target, int file)
{
	struct ring ring;
	int ret = open_ring(&ring), moved;

	if (ret)
		return ret;
	ret = fix_buffer(&ring, target);
	*ring.sqe = (struct io_uring_sqe){
		.opcode = opcode,
		.fd = file,
		.addr = (uintptr_t)target->address,
		.len = target_size(),
	};
	moved = submit(&ring);
	close(ring.fd);
	if (ret || moved < 0)
		return ret ?: moved;
	return moved == (int)target_size() ? 0 : -ENODATA;
}

static int write_fixed(struct target *target, char *bag)
{
	int file = memfd_create("fixed", MFD_CLOEXEC), ret;

	if (file < 0)
		return -errno;
	ret = move_fixed(IORING_OP_WRITE_FIXED, target, file);
	if (pread(file, bag, target_size(), 0) < 0)
		ret = -EBADFD;
	close(file);
	return ret;
}

static int read_fixed(struct target *target, char *bag)
{
	int file = memfd_create("fixed", MFD_CLOEXEC), ret;

	if (file < 0)
		return -errno;
	ret = pwrite(file, bag, target_size(), 0) < 0 ? -errno :
		move_fixed(IORING_OP_READ_FIXED, target, file);
	close(file);
	return ret;
}

TEST_F(mapping, fixed_buffer_read)
{
	int ret = no_ring();

	if (ret)
		SKIP(return, "no io_uring: %s", strerror(-ret));
	READS(EFAULT, memfd, write_fixed);
	READS(EFAULT, anonymous, write_fixed);
}

TEST_F(mapping, fixed_buffer_write)
{
	int ret = no_ring();

	if (ret)
		SKIP(return, "no io_uring: %s", strerror(-ret));
	WRITES(EFAULT, memfd, read_fixed);
}

/* The kernel reads its entries through pages that it holds. */
static int register_ring(struct target *target, char *bag)
{
	struct io_uring_buf_reg reg = {
		.ring_addr = (uintptr_t)target->address,
		.ring_entries = 4,
	};
	struct ring ring;
	int ret = open_ring(&ring);

	(void)bag;
	if (ret)
		return ret;
	ret = syscall(SYS_io_uring_register, ring.fd,
		      IORING_REGISTER_PBUF_RING, &reg, 1) ? -errno : 0;
	close(ring.fd);
	return ret;
}

TEST_F(mapping, provided_buffer_ring)
{
	int ret = no_ring();

	if (ret)
		SKIP(return, "no io_uring: %s", strerror(-ret));
	GETS_HOLD(EFAULT, anonymous, register_ring);
}

TEST_HARNESS_MAIN
