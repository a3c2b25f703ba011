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
 * @errors: errnos that are documented for it, besides EFAULT, which a failing copy
 *	from or to its caller is
 * @untold: the call may have been made though it says ENOBUFS or EFAULT: the
 *	answer could not be delivered
 * @idle: why it need not allocate anything; NULL: it does
 * @first: the n to begin with, if not 1; -errno
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
	int errors[OP_ERRORS];
	bool untold;
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

/* With @dry nothing fails: each call is made once. Return: it passed. */
bool sweep(const struct op *op, bool dry);
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

/* NULL, or why nothing can be made to fail here. */
const char *inject_begin(void);
/* Without inject_begin() the others do nothing. */
void inject_in_child(void);
/* From here on, the n-th of this thread's fails. */
void inject_arm(int n);
/* Not any more. Return: how many it was from failing; 0: it has failed. */
int inject_disarm(void);

/* === state.c === */

/* All that is told of owners, pages, watermarks and settings, as lines. */
struct state {
	size_t length;
	char text[1 << 18];
};

/* 0 or -errno. */
int state_read(struct state *state);
/* NULL, or the first line of @now that is not in @before, or the other way round. */
const char *state_differs(const struct state *before, const struct state *now);

/* === module.c === */

/* Each 0 or -errno. The parameters are the sweep's. */
int module_load(void);
int module_load_with(const char *params);
int module_unload(void);
int module_reload(void);
bool module_loaded(const char *name);
/* For other modules; @path NULL: there is none. */
int module_insert(int fd, const char *params);
int module_remove(const char *name);
/* A file of a module: LABYRINTH_KO, or beside it. -errno. */
int module_open(const char *name);

#endif /* LABYRINTH_FAILNTH_H */
