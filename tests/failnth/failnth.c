// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: failnth [--dry] [NAME]
 *
 * Sweeps all calls, or those whose name has NAME in it. TAP. The module must not be
 * in use: it is loaded anew, and not loaded in the end. LABYRINTH_KO is its file.
 */
#include <string.h>
#include <unistd.h>

#include "failnth.h"

static const struct op *const tables[] = {
	device_ops, page_ops, netlink_ops, load_ops,
};

static int run_all(bool dry, const char *wanted)
{
	int number = 0, failed = 0;
	const struct op *op;
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		for (op = tables[i]; op->name; op++) {
			bool passed;

			if (wanted && !strstr(op->name, wanted))
				continue;
			passed = sweep(op, dry);
			failed += !passed;
			printf("%s %d - %s\n", passed ? "ok" : "not ok", ++number,
			       op->name);
		}
	}
	printf("1..%d\n", number);
	return failed || !number;
}

int main(int argc, char **argv)
{
	bool dry = argc > 1 && !strcmp(argv[1], "--dry");
	const char *wanted = argv[1 + dry], *why = dry ? NULL : inject_begin();
	int ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (why) {
		printf("ok 1 - failing allocations # SKIP %s\n1..1\n", why);
		return 0;
	}
	ret = module_reload();
	if (ret) {
		printf("Bail out! the module can't be loaded: %s\n", strerror(-ret));
		return 1;
	}
	ret = run_all(dry, wanted);
	if (module_unload()) {
		printf("not ok - the module can't be unloaded\n");
		ret = 1;
	}
	return ret;
}
