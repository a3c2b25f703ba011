// SPDX-License-Identifier: GPL-2.0-only
/* Counting steps. See steps.h. */
#include <linux/debugfs.h>
#include <linux/labyrinth.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>

#include "core.h"
#include "steps.h"

/* Of the call that this CPU runs, and the most that a call of each kind ran. */
static DEFINE_PER_CPU(u32, lab_steps);
static DEFINE_PER_CPU(u32[LAB_STEPS_KINDS], lab_steps_most);

void lab_step(void)
{
	this_cpu_inc(lab_steps);
}

/**
 * lab_steps_begin - a call begins
 *
 * Context: any, preemption off until lab_steps_end(). A call in an interrupt of
 * this one counts its own.
 *
 * Return: for lab_steps_end().
 */
u32 lab_steps_begin(void)
{
	return this_cpu_xchg(lab_steps, 0);
}

void lab_steps_end(enum lab_steps_of kind, u32 before)
{
	u32 steps = this_cpu_xchg(lab_steps, before);
	u32 most;

	/* An interrupt may write a larger one in between. */
	do {
		most = this_cpu_read(lab_steps_most[kind]);
	} while (steps > most &&
		 this_cpu_cmpxchg(lab_steps_most[kind], most, steps) != most);
}

/* What went on since lab_steps_begin() is not the interrupted call's, nor counted. */
void lab_steps_resume(u32 before)
{
	this_cpu_write(lab_steps, before);
}

static int lab_steps_table_show(struct seq_file *m, void *unused)
{
	const struct labyrinth *lab = m->private;
	const struct {
		const char *name;
		u32 bound;
	} kinds[LAB_STEPS_KINDS] = {
		{ "alloc", LABYRINTH_STEPS_ALLOC(lab->node_count) },
		{ "free", LABYRINTH_STEPS_FREE },
		{ "give", LABYRINTH_STEPS_GIVE },
		{ "take", LABYRINTH_STEPS_TAKE },
		{ "defer", LABYRINTH_STEPS_DEFER(lab->node_count) },
	};
	int cpu, kind;

	for (kind = 0; kind < LAB_STEPS_KINDS; kind++) {
		u32 most = 0;

		for_each_possible_cpu(cpu)
			most = max(most, per_cpu(lab_steps_most, cpu)[kind]);
		seq_printf(m, "%s %u bound %u\n", kinds[kind].name, most,
			   kinds[kind].bound);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(lab_steps_table);

/* debugfs: a line for each kind of call. */
void lab_steps_register(struct labyrinth *lab, struct dentry *dir)
{
	debugfs_create_file("steps", 0400, dir, lab, &lab_steps_table_fops);
}
