// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: failnth [--dry] [NAME]...
 *
 * Sweeps all calls, or those whose name has a NAME in it. TAP. The module must not be
 * in use: it is loaded anew, and not loaded in the end. LABYRINTH_KO is its file. With
 * FULL in the environment nothing is left out, however many there are of a kind.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/labyrinth.h>
#include <linux/labyrinth_netlink.h>

#include "failnth.h"

#define TABLES	4

static const struct op *const tables[TABLES] = {
	device_ops, page_ops, netlink_ops, load_ops,
};

static int number, failed;

static void say(bool passed, const char *name)
{
	failed += !passed;
	printf("%s %d - %s\n", passed ? "ok" : "not ok", ++number, name);
}

/* === Nothing is forgotten ================================================= */

static bool has_ioctl(unsigned int nr)
{
	const struct op *op;
	int i;

	for (i = 0; i < TABLES; i++)
		for (op = tables[i]; op->name; op++)
			if (op->ioctl && _IOC_NR(op->ioctl) == nr)
				return true;
	return false;
}

static bool has_command(int command)
{
	const struct op *op;
	int i;

	for (i = 0; i < TABLES; i++)
		for (op = tables[i]; op->name; op++)
			if (op->command == command)
				return true;
	return false;
}

/* Does the device know it? The size is not looked at. */
static bool knows(int fd, unsigned int nr)
{
	return ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, LABYRINTH_IOC_TYPE, nr, 0), NULL) &&
	       errno != ENOTTY;
}

static bool every_ioctl(void)
{
	int fd = open(LABYRINTH_DEVICE, O_RDWR | O_CLOEXEC);
	unsigned int nr, known = 0, missing = 0;

	for (nr = 0; nr <= _IOC_NRMASK; nr++) {
		if (!knows(fd, nr))
			continue;
		known++;
		if (has_ioctl(nr))
			continue;
		missing++;
		printf("# the device knows ioctl %u, which is not swept\n", nr);
	}
	close(fd);
	return known && !missing;
}

static bool every_command(void)
{
	int command, missing = 0;

	for (command = 1; command <= LABYRINTH_CMD_MAX; command++) {
		if (has_command(command))
			continue;
		missing++;
		printf("# there is netlink operation %d, which is not swept\n", command);
	}
	return !missing;
}

/* === All of them ========================================================== */

static bool is_wanted(const struct op *op, char **names)
{
	for (; *names; names++)
		if (strstr(op->name, *names))
			return true;
	return false;
}

static void run_all(const struct sweep_settings *settings, char **names)
{
	const struct op *op;
	int i;

	for (i = 0; i < TABLES; i++)
		for (op = tables[i]; op->name; op++)
			if (!*names || is_wanted(op, names))
				say(sweep(op, settings), op->name);
	if (!number)
		say(false, "no call has such a name");
	if (!settings->dry)
		sweep_report();
}

int main(int argc, char **argv)
{
	bool dry = argc > 1 && !strcmp(argv[1], "--dry");
	struct sweep_settings settings = { .dry = dry, .full = getenv("FULL") };
	const char *why = dry ? NULL : inject_begin();
	char **names = argv + 1 + dry;
	int ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (why) {
		printf("not ok 1 - allocations can be made to fail\n# %s\n1..1\n", why);
		return 1;
	}
	ret = module_reload();
	if (ret) {
		printf("Bail out! the module can't be loaded: %s\n", strerror(-ret));
		return 1;
	}
	if (!*names) {
		say(every_ioctl(), "every ioctl is swept");
		say(every_command(), "every netlink operation is swept");
	}
	run_all(&settings, names);
	say(!module_unload(), "the module can be unloaded");
	printf("1..%d\n", number);
	return failed != 0;
}
