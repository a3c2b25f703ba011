/* SPDX-License-Identifier: GPL-2.0-only */
/* Descriptors through a socket (SCM_RIGHTS). */
#ifndef LABYRINTH_SELFTESTS_FD_PASSING_H
#define LABYRINTH_SELFTESTS_FD_PASSING_H

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

union fd_control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

static inline int send_fd(int socket, int fd)
{
	union fd_control control = {};
	struct iovec iov = { "f", 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -errno;
}

static inline int receive_fd(int socket)
{
	union fd_control control = {};
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -EPIPE;
	if (control.header.cmsg_type != SCM_RIGHTS)
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

#endif /* LABYRINTH_SELFTESTS_FD_PASSING_H */
