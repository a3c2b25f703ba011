// SPDX-License-Identifier: GPL-2.0-only
/*
 * labyrinth_context: tests of the exported API, in every context. debugfs
 * labyrinth_context/: `tests` lists them; a name written to `run` runs that
 * one; `log` has what it found, lines of KTAP without numbers.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "context.h"

#define LT_LOG_SIZE	(64 * 1024)

unsigned int lt_nmis = 10000;
module_param_named(nmis, lt_nmis, uint, 0444);
MODULE_PARM_DESC(nmis, "least NMIs with calls in them, in the contended test");

unsigned int lt_seconds = 10;
module_param_named(seconds, lt_seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "least time that the contended tests take");

unsigned int lt_period_us = 400;
module_param_named(period_us, lt_period_us, uint, 0444);
MODULE_PARM_DESC(period_us, "time between two interrupts of each CPU");

unsigned int lt_reserve = 64;
module_param_named(reserve, lt_reserve, uint, 0444);
MODULE_PARM_DESC(reserve, "labyrinth's declared reserve (its low watermark)");

unsigned int lt_emergency;
module_param_named(emergency, lt_emergency, uint, 0444);
MODULE_PARM_DESC(emergency, "labyrinth's emergency part");

static const struct lt_test {
	const char *name;
	void (*run)(void);
} lt_tests[] = {
	{ "basic", lt_test_basic },
	{ "buddy", lt_test_buddy },
	{ "refuse", lt_test_refuse },
	{ "wait", lt_test_wait },
	{ "defer", lt_test_defer },
	{ "defer_cancel", lt_test_defer_cancel },
	{ "defer_running", lt_test_defer_running },
	{ "guarantee", lt_test_guarantee },
	{ "emergency", lt_test_emergency },
	{ "exhausted", lt_test_exhausted },
	{ "relay", lt_test_relay },
	{ "destroy", lt_test_destroy },
	{ "contended", lt_test_contended },
};

static DEFINE_MUTEX(lt_lock); /* one test at a time; the log */
static struct dentry *lt_dir;
static char *lt_log;
static size_t lt_log_used;

static __printf(2, 0) void lt_log_add(const char *before, const char *fmt, va_list args)
{
	size_t room = LT_LOG_SIZE - lt_log_used;
	char *at = lt_log + lt_log_used;
	int used = scnprintf(at, room, "%s", before);

	used += vscnprintf(at + used, room - used, fmt, args);
	used += scnprintf(at + used, room - used, "\n");
	lt_log_used += used;
}

void lt_result(bool ok, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	lt_log_add(ok ? "ok " : "not ok ", fmt, args);
	va_end(args);
}

void lt_note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	lt_log_add("# ", fmt, args);
	va_end(args);
}

static const struct lt_test *lt_test_find(const char *name)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(lt_tests); i++)
		if (!strcmp(name, lt_tests[i].name))
			return &lt_tests[i];
	return NULL;
}

static ssize_t lt_run_write(struct file *file, const char __user *user,
			    size_t size, loff_t *pos)
{
	const struct lt_test *test;
	char name[32] = {};

	if (size >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, user, size))
		return -EFAULT;
	test = lt_test_find(strim(name));
	if (!test)
		return -EINVAL;
	mutex_lock(&lt_lock);
	lt_log_used = 0;
	lt_book_open();
	test->run();
	lt_result(lt_book_close(), "%s: no page was shared, soiled, altered or lost",
		  test->name);
	mutex_unlock(&lt_lock);
	return (ssize_t)size;
}

static const struct file_operations lt_run_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = lt_run_write,
};

static int lt_log_show(struct seq_file *seq, void *v)
{
	mutex_lock(&lt_lock);
	seq_write(seq, lt_log, lt_log_used);
	mutex_unlock(&lt_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(lt_log);

static int lt_tests_show(struct seq_file *seq, void *v)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(lt_tests); i++)
		seq_printf(seq, "%s\n", lt_tests[i].name);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(lt_tests);

static int __init lt_init(void)
{
	int err;

	lt_log = vmalloc(LT_LOG_SIZE);
	if (!lt_log)
		return -ENOMEM;
	err = lt_book_init();
	if (err)
		goto err_log;
	err = lt_contexts_init();
	if (err)
		goto err_book;
	err = lt_storm_init();
	if (err)
		goto err_contexts;
	lt_dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("run", 0200, lt_dir, NULL, &lt_run_fops);
	debugfs_create_file("log", 0400, lt_dir, NULL, &lt_log_fops);
	debugfs_create_file("tests", 0400, lt_dir, NULL, &lt_tests_fops);
	return 0;

err_contexts:
	lt_contexts_exit();
err_book:
	lt_book_exit();
err_log:
	vfree(lt_log);
	return err;
}

static void __exit lt_exit(void)
{
	debugfs_remove(lt_dir);
	lt_storm_exit();
	lt_contexts_exit();
	lt_book_exit();
	vfree(lt_log);
}

module_init(lt_init);
module_exit(lt_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Labyrinth: tests of the exported API in every context");
