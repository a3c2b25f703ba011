// SPDX-License-Identifier: GPL-2.0-only
/* The descriptor: opening and closing it, and the calls that are about the owner. */
#include <poll.h>
#include <sys/eventfd.h>

#include "failnth.h"
#include "admin_util.h"

static int fd = -1, event = -1;

static int open_one(void)
{
	fd = _open_device(O_RDWR);
	return fd < 0 ? fd : 0;
}

static int close_one(void)
{
	int ret = fd >= 0 && close(fd) ? -errno : 0;

	fd = -1;
	return ret;
}

/* For a call that is to be made on a file that has just been opened. */
static int open_anew(void)
{
	close_one();
	return open_one();
}

static void end_one(void)
{
	close_one();
	if (event >= 0)
		close(event);
	event = -1;
}

/* === open, close ========================================================= */

/* Its process has opened none before: what the kernel keeps for its mm is made. */
struct first {
	int ret;
	int left;
	int n;
};

static struct first *first;

static int first_begin(void)
{
	first = mmap(NULL, sizeof(*first), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return first == MAP_FAILED ? -errno : 0;
}

static void first_end(void)
{
	munmap(first, sizeof(*first));
}

static int first_child(void *arg)
{
	int one;

	(void)arg;
	inject_in_child();
	inject_arm(first->n);
	one = _open_device(O_RDWR);
	first->left = inject_disarm();
	first->ret = one < 0 ? one : 0;
	return 0;
}

/* What fails, fails in the child; what is told of it is as if it had here. */
static int first_run(void)
{
	first->n = inject_disarm();
	if (in_child(first_child, NULL))
		return -ECHILD;
	inject_resume(first->left);
	return first->ret;
}

/* A file that has pages, in its index and in its inbox, and an eventfd. */
static int close_before(void)
{
	__u64 handle[3];
	int ret = open_anew();

	ret = ret ?: _alloc(fd, 0, 3, handle);
	ret = ret ?: _map(fd, 2, handle, NULL);
	return ret ?: _accept(fd, LABYRINTH_ACCEPT_ANY, 100);
}

/* === Calls about the owner =============================================== */

static int info_run(void)
{
	struct labyrinth_info info;

	return _info(fd, &info);
}

static int accept_run(void)
{
	return _accept(fd, LABYRINTH_ACCEPT_ANY, 3000);
}

#define NAMED	"failnth.device"

static int attach_begin(void)
{
	return owner_add(NAMED, (struct owner_options){ .mode = 0600 });
}

static int attach_run(void)
{
	return _attach(fd, NAMED);
}

static void attach_end(void)
{
	end_one();
	owner_del(NAMED);
}

static int eventfd_before(void)
{
	if (event < 0)
		event = eventfd(0, EFD_CLOEXEC);
	return event < 0 ? -errno : open_anew();
}

static int eventfd_run(void)
{
	return _eventfd(fd, event);
}

static int poll_run(void)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&p, 1, 0) < 0 ? -errno : 0;
}

/* What a look at a file in /proc says of it. */
static int fdinfo_run(void)
{
	char path[64], text[1024];
	ssize_t length;
	int one, ret;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	one = open(path, O_RDONLY | O_CLOEXEC);
	if (one < 0)
		return -errno;
	length = read(one, text, sizeof(text) - 1);
	ret = length < 0 ? -errno : 0;
	close(one);
	if (ret)
		return ret;
	text[length] = '\0';
	return strstr(text, "labyrinth-owner:") ? 0 : -EBADMSG;
}

const struct op device_ops[] = {
	{
		.name = "open",
		.errors = { ENOMEM },
		.run = open_one,
		.after = close_one,
	},
	{
		.name = "open, the first of its process",
		.errors = { ENOMEM },
		.begin = first_begin,
		.run = first_run,
		.end = first_end,
	},
	{
		.name = "close",
		.idle = "what ends something has all that it needs",
		.before = close_before,
		.run = close_one,
		.end = end_one,
	},
	{
		.name = "INFO",
		.ioctl = LABYRINTH_IOC_INFO,
		.before = open_anew,
		.run = info_run,
		.end = end_one,
	},
	{
		.name = "ACCEPT",
		.ioctl = LABYRINTH_IOC_ACCEPT,
		.errors = { ENOMEM },
		.before = open_anew,
		.run = accept_run,
		.end = end_one,
	},
	{
		.name = "ATTACH",
		.ioctl = LABYRINTH_IOC_ATTACH,
		.begin = attach_begin,
		.before = open_anew,
		.run = attach_run,
		.end = attach_end,
	},
	{
		.name = "EVENTFD",
		.ioctl = LABYRINTH_IOC_EVENTFD,
		.before = eventfd_before,
		.run = eventfd_run,
		.end = end_one,
	},
	{
		.name = "poll",
		.before = open_anew,
		.run = poll_run,
		.end = end_one,
	},
	{
		.name = "fdinfo",
		.errors = { ENOMEM },
		.before = open_anew,
		.run = fdinfo_run,
		.end = end_one,
	},
	{}
};
