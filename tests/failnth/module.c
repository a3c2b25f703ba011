// SPDX-License-Identifier: GPL-2.0-only
/* Loading and unloading, without a program in between. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
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
int module_open(const char *name)
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

int module_load_with(const char *params)
{
	int fd = module_open("labyrinth"), ret;

	if (fd < 0)
		return fd;
	ret = module_insert(fd, params);
	close(fd);
	return ret;
}

int module_load(void)
{
	return module_load_with(PARAMS);
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
