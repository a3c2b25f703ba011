// SPDX-License-Identifier: GPL-2.0-only
/* Loading and unloading, without a program in between. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "failnth.h"

/* Small, so that it is loaded quickly and all of its slots are soon looked at. */
#define PARAMS	"slots=4096 reserve_low=64 reserve_high=128 reserve_emergency=16 cpu_depth=8 ceiling=3"

int module_insert(int fd, const char *params)
{
	return syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;
}

/* Somebody may still be looking at it for an instant. */
int module_remove(const char *name)
{
	int tries;

	for (tries = 0; tries < 200; tries++) {
		if (!syscall(SYS_delete_module, name, O_NONBLOCK))
			return 0;
		if (errno != EBUSY && errno != EAGAIN)
			return -errno;
		usleep(10000);
	}
	return -EBUSY;
}

bool module_loaded(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return !access(path, F_OK);
}

/* Where `make module` and `make samples` put it, or kbuild does. */
static int file_open(const char *name)
{
	const char *ko = getenv("LABYRINTH_KO"), *slash = ko ? strrchr(ko, '/') : NULL;
	int length = slash ? slash - ko + 1 : 0, fd;
	char path[4096];

	if (!ko)
		return -ENOENT;
	if (!strcmp(name, "labyrinth"))
		snprintf(path, sizeof(path), "%s", ko);
	else
		snprintf(path, sizeof(path), "%.*s%s.ko", length, ko, name);
	if (access(path, F_OK))
		snprintf(path, sizeof(path), "%.*ssamples/%s.ko", length, ko, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int copy(int from, int to)
{
	static char bytes[1 << 16];
	ssize_t length;

	while ((length = read(from, bytes, sizeof(bytes))) > 0)
		if (write(to, bytes, length) != length)
			return -EIO;
	return length < 0 ? -errno : 0;
}

/*
 * In memory: a file system in which something has failed may be of no use any more. No
 * module is read from what is open for writing.
 */
int module_open(const char *name)
{
	int from = file_open(name), to, fd, ret;
	char path[64];

	if (from < 0)
		return from;
	to = memfd_create(name, MFD_CLOEXEC);
	ret = to < 0 ? -errno : copy(from, to);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", to);
	fd = ret ? ret : open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		fd = -errno;
	close(from);
	if (to >= 0)
		close(to);
	return fd;
}

int module_load(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = module_open("labyrinth");
	return fd < 0 ? fd : module_insert(fd, PARAMS);
}

int module_unload(void)
{
	return module_loaded("labyrinth") ? module_remove("labyrinth") : 0;
}

int module_reload(void)
{
	int ret = module_unload();

	return ret ?: module_load();
}
