// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading the module, and one that stands on it and makes an owner of its own. What
 * the kernel's loader allocates before it calls the module is its own affair: that is
 * counted by a load that the module refuses at once. The loader's end of that is
 * counted with it, so that this is some too many.
 */
#include "failnth.h"
#include "admin_util.h"

#define SLACK	50
#define SINK	"failnth.sink"

static int fd = -1;

static int loader_allocates(int (*refused)(void))
{
	/* Once before: then its file is in memory, as for those that are not refused. */
	int ret = refused(), left;

	if (ret != -EINVAL)
		return ret ?: -EUCLEAN;
	inject_arm(INJECT_NEVER);
	ret = refused();
	left = inject_disarm();
	if (ret != -EINVAL)
		return ret ?: -EUCLEAN;
	ret = INJECT_NEVER - left - SLACK;
	return ret > 0 ? ret : 1;
}

/* === The module itself =================================================== */

static int load_begin(void)
{
	int ret = module_unload();

	if (ret)
		return ret;
	fd = module_open("labyrinth");
	return fd < 0 ? fd : 0;
}

static int refused_run(void)
{
	return module_insert(fd, "slots=0");
}

static int load_first(void)
{
	return loader_allocates(refused_run);
}

static int load_run(void)
{
	return module_load();
}

static void close_file(void)
{
	if (fd >= 0)
		close(fd);
	fd = -1;
}

static void load_end(void)
{
	close_file();
	if (!module_loaded("labyrinth"))
		module_load();
}

/* === One that stands on it =============================================== */

static int capture_begin(void)
{
	int ret = owner_add(SINK, (struct owner_options){
		.mode = 0600, .accept = LABYRINTH_ACCEPT_ANY,
	});

	if (ret)
		return ret;
	fd = module_open("labyrinth_capture");
	return fd < 0 ? fd : 0;
}

static int capture_refused(void)
{
	return module_insert(fd, "rate_hz=0");
}

static int capture_first(void)
{
	return loader_allocates(capture_refused);
}

/* One interrupt, whose page goes to an owner that takes none: it is the same after. */
static int capture_run(void)
{
	return module_insert(fd, "to=" SINK " rate_hz=1 count=1");
}

static int capture_after(void)
{
	return module_loaded("labyrinth_capture") ?
	       module_remove("labyrinth_capture") : 0;
}

static void capture_end(void)
{
	capture_after();
	close_file();
	owner_del(SINK);
}

const struct op load_ops[] = {
	{
		.name = "load of a module with an owner",
		.errors = { ENOMEM },
		.first = capture_first,
		.begin = capture_begin,
		.run = capture_run,
		.after = capture_after,
		.end = capture_end,
	},
	{
		.name = "load",
		.errors = { ENOMEM },
		.first = load_first,
		.begin = load_begin,
		.run = load_run,
		.after = module_unload,
		.end = load_end,
	},
	{}
};
