/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sweep: of each call, the n-th allocation that it makes inside the kernel fails,
 * for each n until it makes no more. Each time the call must say so as it is
 * documented to, and have changed nothing.
 */
#ifndef LABYRINTH_FAILNTH_H
#define LABYRINTH_FAILNTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define OP_ERRORS	4

/**
 * struct op - a call
 * @name: what it does
 * @ioctl: its number, if it is one
 * @command: its number, if it is an operation of the netlink family
 * @errors: errnos that are documented for it. Besides EFAULT, for a copy from or to
 *	its caller that fails, and for nothing else
 * @untold: the call may have been made though it says ENOBUFS or EFAULT: the
 *	answer could not be delivered
 * @less: what it does may be less than all, without an error
 * @idle: why nothing in it can fail; NULL: something can
 * @first: the n before which nothing is of interest; -errno
 * @begin: once; 0 or -errno
 * @before: before each attempt, so that @run can be made
 * @run: the call; 0 or -errno
 * @after: after each that has been made: back to what @before left
 * @end: once
 *
 * All but @run may be left out; they run without faults. After @run that has failed,
 * @run comes again.
 */
struct op {
	const char *name;
	unsigned long ioctl;
	int command;
	int errors[OP_ERRORS];
	bool untold;
	bool less;
	const char *idle;
	int (*first)(void);
	int (*begin)(void);
	int (*before)(void);
	int (*run)(void);
	int (*after)(void);
	void (*end)(void);
};

/* A table of them, which ends with one that has no name. */
extern const struct op device_ops[];
extern const struct op page_ops[];
extern const struct op netlink_ops[];
extern const struct op load_ops[];

/* === sweep.c === */

/**
 * struct sweep_settings - how thorough it is
 * @dry: nothing fails: each call is made once
 * @full: each n, however many there are, from the first
 */
struct sweep_settings {
	bool dry;
	bool full;
};

/* Return: it passed. */
bool sweep(const struct op *op, const struct sweep_settings *settings);
/* Of all calls together: what failed in them. */
void sweep_report(void);
/* Begins to say what was wrong with the attempt at hand; false: enough has been said. */
bool complain_begin(void);
#define complain(...)							\
	do {								\
		if (complain_begin()) {					\
			printf(__VA_ARGS__);				\
			printf("\n");					\
		}							\
	} while (0)

/* === inject.c === */

enum fault {
	FAULT_NONE,
	FAULT_SLAB,
	FAULT_PAGE,
	FAULT_COPY,
	FAULTS,
};

/* Nobody allocates and copies as much. */
#define INJECT_NEVER	100000

/* NULL, or why nothing can be made to fail here. */
const char *inject_begin(void);
/* Without inject_begin() the others do nothing. */
void inject_in_child(void);
/* From here on, the n-th of this thread's fails. */
void inject_arm(int n);
/* After a child has gone on with it: as many as it left. */
void inject_resume(int left);
/* Not any more. Return: how many it was from failing; 0: it has failed. */
int inject_disarm(void);
/* What has failed since it was armed, as the kernel tells. */
enum fault inject_kind(void);

/* === state.c === */

#define STATE_SUMS	160

/*
 * All that is told of owners, pages, watermarks and settings, as lines; and of each
 * attribute that is no name, number or place, the sum: that is the same for the same.
 */
struct state {
	unsigned long long sum[STATE_SUMS];
	size_t length;
	char text[1 << 18];
};

/* 0 or -errno. */
int state_read(struct state *state);
/* NULL, or the first line of @now that is not in @before, or the other way round. */
const char *state_differs(const struct state *before, const struct state *now);
/* -1, or one of the sums that differ. */
int state_sums_differ(const struct state *one, const struct state *other);

/* === module.c === */

/* Each 0 or -errno. The parameters are the sweep's. */
int module_load(void);
int module_unload(void);
int module_reload(void);
bool module_loaded(const char *name);
/* For other modules; @path NULL: there is none. */
int module_insert(int fd, const char *params);
int module_remove(const char *name);
/* A copy of a module's file: LABYRINTH_KO, or what is beside it. -errno. */
int module_open(const char *name);

#endif /* LABYRINTH_FAILNTH_H */
