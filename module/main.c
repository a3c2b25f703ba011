// SPDX-License-Identifier: GPL-2.0-only
/*
 * Labyrinth: the one instance, its parameters, and the order in which its parts
 * come up and go down: the core first, the doors last.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "api.h"
#include "chardev.h"
#include "defer.h"
#include "latency.h"
#include "netlink.h"
#include "owner.h"
#include "reserve.h"
#include "system.h"
#include "thread.h"
#include "verify.h"
#include "version.h"

/* A parameter that was not given: the default fits the machine. Nobody types it. */
#define LAB_AUTO	LONG_MIN

static struct lab_settings settings = {
	.slots = LAB_AUTO,
	.low = LAB_AUTO,
	.high = LAB_AUTO,
	.emergency = LAB_AUTO,
	.cpu_depth = 16,
	.headroom = LAB_AUTO,
	.file_quota = LAB_AUTO,
	.ceiling = 50,
	.hibernation = true,
};

module_param_named(slots, settings.slots, long, 0444);
MODULE_PARM_DESC(slots, "Capacity of the registry in blocks, 1 to 16777216 (default: an eighth of the machine's pages, 1024 to 1048576)");
module_param_named(reserve_low, settings.low, long, 0444);
MODULE_PARM_DESC(reserve_low, "Pages of each node's reserve below which it is refilled (default: half of reserve_high)");
module_param_named(reserve_high, settings.high, long, 0444);
MODULE_PARM_DESC(reserve_high, "Pages of each node's reserve when full, at least 1 (default: a 256th of the machine's pages by node, 64 to 8192)");
module_param_named(reserve_emergency, settings.emergency, long, 0444);
MODULE_PARM_DESC(reserve_emergency, "Pages of each node's emergency part, on top of the reserve (default: an eighth of reserve_high)");
module_param_named(cpu_depth, settings.cpu_depth, long, 0444);
MODULE_PARM_DESC(cpu_depth, "Pages in each CPU's ready stack, on top of the reserve, 0 to 255 (default: 16)");
module_param_named(headroom, settings.headroom, long, 0444);
MODULE_PARM_DESC(headroom, "Pages that the refill leaves available to the system (default: a 64th of the machine's pages)");
module_param_named(file_quota, settings.file_quota, long, 0444);
MODULE_PARM_DESC(file_quota, "Default quota of an owner in pages (default: a quarter of the slots)");

module_param_named(ceiling, settings.ceiling, long, 0444);
MODULE_PARM_DESC(ceiling, "Percent of the machine's memory that is taken in all at most, 1 to 100 (default: 50)");
module_param_named(hibernation, settings.hibernation, bool, 0444);
MODULE_PARM_DESC(hibernation, "Suspend to disk is allowed while nobody holds a page; 0: never (default: 1)");

static struct labyrinth *labyrinth;

static void lab_default(long *setting, unsigned long value)
{
	if (*setting == LAB_AUTO)
		*setting = (long)value;
}

static void lab_settings_default(struct lab_settings *s)
{
	unsigned long pages = totalram_pages();
	unsigned int nodes = num_node_state(N_MEMORY);

	lab_default(&s->slots, clamp(pages / 8, 1024UL, 1048576UL));
	if (s->high == LAB_AUTO && s->low > 0)
		s->high = s->low * 2;
	lab_default(&s->high, clamp(pages / 256 / nodes, 64UL, 8192UL));
	lab_default(&s->low, s->high / 2);
	lab_default(&s->emergency, s->high / 8);
	lab_default(&s->headroom, pages / 64);
	lab_default(&s->file_quota, max(1L, s->slots / 4));
}

static int lab_range(const char *name, long value, long min, long max)
{
	if (value >= min && value <= max)
		return 0;
	pr_err("%s=%ld: must be %ld to %ld\n", name, value, min, max);
	return -EINVAL;
}

/* Each by itself first; so the sums below can't overflow. */
static int lab_settings_range(const struct lab_settings *s)
{
	return lab_range("slots", s->slots, 1, LAB_MAX_SLOTS) ?:
	       lab_range("reserve_high", s->high, 1, LAB_MAX_SLOTS) ?:
	       lab_range("reserve_low", s->low, 0, s->high) ?:
	       lab_range("reserve_emergency", s->emergency, 0, LAB_MAX_SLOTS) ?:
	       lab_range("cpu_depth", s->cpu_depth, 0, LAB_MAX_CPU_DEPTH) ?:
	       lab_range("headroom", s->headroom, 0, totalram_pages()) ?:
	       lab_range("file_quota", s->file_quota, 1, LONG_MAX) ?:
	       lab_range("ceiling", s->ceiling, 1, 100);
}

static int lab_settings_check(const struct lab_settings *s)
{
	int err = lab_settings_range(s);
	long parked;

	if (err)
		return err;
	parked = (s->high + s->emergency) * num_node_state(N_MEMORY) +
		 s->cpu_depth * num_possible_cpus();
	if (parked > s->slots) {
		pr_err("slots=%ld: too few for reserve_high, reserve_emergency and cpu_depth, which need %ld\n",
		       s->slots, parked);
		return -EINVAL;
	}
	if ((unsigned long)parked > lab_ceiling(s)) {
		pr_err("ceiling=%ld: too low for reserve_high, reserve_emergency and cpu_depth, which need %ld of the %lu pages that it allows\n",
		       s->ceiling, parked, lab_ceiling(s));
		return -EINVAL;
	}
	return 0;
}

/* === Core ================================================================ */

static void lab_core_exit(struct labyrinth *lab)
{
	lab_reserve_exit(lab);
	lab_owners_exit(lab);
	lab_registry_exit(&lab->reg);
	lab_latency_exit(lab);
	free_percpu(lab->cpu);
	kfree(lab);
}

static int lab_core_init(struct labyrinth *lab)
{
	int err, cpu;

	lab->settings = settings;
	lab->ceiling = lab_ceiling(&settings);
	atomic_long_set(&lab->room, (long)lab->ceiling);
	lab_threads_init(lab);
	lab_owners_init(&lab->owners);
	lab_defer_init(&lab->defer);
	lab->cpu = alloc_percpu_gfp(struct lab_cpu, GFP_KERNEL | __GFP_NOWARN);
	if (!lab->cpu)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		lab_stack_init(&per_cpu_ptr(lab->cpu, cpu)->ready);
	err = lab_latency_init(lab);
	if (err)
		return err;
	err = lab_registry_init(&lab->reg, settings.slots);
	if (err) {
		pr_err("slots=%ld: no memory for the registry, %zu bytes for each\n",
		       settings.slots, sizeof(struct lab_slot));
		return err;
	}
	return lab_reserve_init(lab);
}

/* === Module ============================================================== */

static int __init labyrinth_init(void)
{
	struct labyrinth *lab;
	int err;

	lab_settings_default(&settings);
	err = lab_settings_check(&settings);
	if (err)
		return err;
	lab = kzalloc(sizeof(*lab), GFP_KERNEL);
	if (!lab)
		return -ENOMEM;
	err = lab_core_init(lab);
	if (err)
		goto err_core;
	err = lab_debug_init(lab);
	if (err)
		goto err_core;
	lab_api_init(lab);
	err = lab_system_init(lab);
	if (err)
		goto err_debug;
	err = lab_netlink_init(lab);
	if (err)
		goto err_system;
	err = lab_chardev_init(lab);
	if (err)
		goto err_netlink;
	labyrinth = lab;
	return 0;

err_netlink:
	lab_netlink_exit();
err_system:
	lab_system_exit(lab);
err_debug:
	lab_api_exit();
	lab_debug_exit();
err_core:
	lab_core_exit(lab);
	return err;
}

static void __exit labyrinth_exit(void)
{
	lab_chardev_exit();
	lab_netlink_exit();
	lab_system_exit(labyrinth);
	lab_api_exit();
	lab_debug_exit();
	lab_owners_kill(labyrinth);
	lab_threads_exit(labyrinth);
	lab_core_exit(labyrinth);
}

module_init(labyrinth_init);
module_exit(labyrinth_exit);

MODULE_DESCRIPTION("Pages that exactly one owner can touch, in any context, in bounded time");
MODULE_VERSION(LABYRINTH_VERSION);
MODULE_LICENSE("GPL");
