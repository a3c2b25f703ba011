/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer of the module: processes run programs, which are sequences of calls.
 *
 * A program is bytes. Each of its steps names a kind of call; its other bytes
 * decide all that the call leaves open, one after the other. A step is tame, and
 * then as right as what was there before it allows, or wild: then any of its values
 * may be anything. So a program can be made by lot, changed a byte or a step at a
 * time, and be run again.
 */
#ifndef LABYRINTH_VM_FUZZ_H
#define LABYRINTH_VM_FUZZ_H

#define LABYRINTH_NO_HARNESS
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>

#include "../selftests/admin_util.h"

typedef __u8 u8;
typedef __u32 u32;
typedef __u64 u64;

/* === Programs ============================================================ */

#define STEP_BYTES	40
#define MOST_STEPS	40
/* Below it a step is tame; from there on more or less is anything. */
#define WILD		144
#define VERY_WILD	232

struct step {
	u8 kind;
	u8 wild;
	u8 bytes[STEP_BYTES];
};

struct program {
	u32 count;
	struct step step[MOST_STEPS];
};

/**
 * struct cursor - where in a program a process or a thread is
 * @program: which
 * @step: the one that is being run
 * @byte: the next of its bytes
 */
struct cursor {
	const struct program *program;
	u32 step;
	u32 byte;
};

struct dice {
	u64 state;
};

struct dice dice_of(u64 seed, u64 stream);
u32 throw(struct dice *dice, u32 sides);

void program_make(struct program *program, struct dice *dice);
/* @other: for what it takes from a second one. */
void program_change(struct program *program, const struct program *other,
		    struct dice *dice);
/* From the cursor's step on, @steps at most. */
void program_run(struct cursor *at, u32 steps);

/* What a step leaves open. When its bytes are used up, all that is left is 0. */
u32 choose(struct cursor *at, u32 choices);
bool wild(struct cursor *at);
u64 any(struct cursor *at);
/* @tame, or where it is wild anything. */
u64 maybe(struct cursor *at, u64 tame);

/* === Kinds of calls ====================================================== */

/**
 * struct kind - a kind of call
 * @name: for the figures
 * @weight: how often it is in a program made by lot
 * @run: makes the call: 0 or -errno, NOT_TRIED if there is nothing to call it on
 * @then: the kind that is tried after it more often than others; or NULL
 * @may_fail: it need not succeed even once
 */
struct kind {
	const char *name;
	u32 weight;
	int (*run)(struct cursor *at);
	const char *then;
	bool may_fail;
};

#define NOT_TRIED	1

#define DEVICE_KINDS	14
#define SYSTEM_KINDS	18
#define NETLINK_KINDS	16
#define KINDS		(DEVICE_KINDS + SYSTEM_KINDS + NETLINK_KINDS)

extern const struct kind device_kinds[DEVICE_KINDS], system_kinds[SYSTEM_KINDS],
	netlink_kinds[NETLINK_KINDS];

const struct kind *kind_of(u32 kind);

/* Turn the record of latencies on or off; alone, before the others and after them. */
int recording(bool on);

/* === What a process has ================================================== */

#define FILES		6
#define HANDLES		128
#define PLACES		16
#define RANGES		12
/* Where the system puts nothing by itself: what a hole in a range shows is no other's. */
#define RANGES_AT	0x100000000000ULL
#define RANGE_ROOM	0x100000000ULL

struct holding {
	u64 handle;
	u32 file;
	bool live;
};

struct place {
	u64 offset, length;
	u32 file;
};

struct range {
	char *at;
	size_t length;
};

struct state {
	int fd[FILES];
	u32 number[FILES];
	struct holding held[HANDLES];
	u32 holdings;
	struct place place[PLACES];
	u32 places;
	size_t range[RANGES];	/* how long it was when it was mapped; 0: none */
	pthread_t thread;
	bool threaded;
	pid_t child;
	int eventfd;
	struct nl nl;
};

extern struct state have;

void state_begin(void);
void state_end(void);
/* Opens it, and asks for its owner's number. */
int state_open(u32 file, int flags);

u32 some_file(struct cursor *at);
char *range_at(u32 range);
u32 some_range(struct cursor *at);
/* One that holds something, if any does. */
u32 some_holder(struct cursor *at);
u64 some_handle(struct cursor *at, u32 file);
/* Another than @file's, if it is tame. */
u32 some_owner(struct cursor *at, u32 file);
void some_name(struct cursor *at, void *name);
void keep_handles(u32 file, const u64 *handles, u32 count);
void drop_handles(const u64 *handles, u32 count);

/* === Memory that calls are given ========================================= */

#define ROLE_PAGES	8
enum role {
	ROLE_COMMAND,
	ROLE_HANDLES,
	ROLE_BUFFER,
	ROLES,
};

int spots_prepare(void);
/*
 * An address for @size bytes: good, or where it is wild maybe not. @content is put
 * there, as far as that is possible.
 */
void *spot(struct cursor *at, enum role what_for, const void *content, size_t size);
/* 0, or the signal that came of it. */
int copy_guarded(void *to, const void *from, size_t size);
int touch_guarded(char *at, bool store);

/* === The board, that all processes see =================================== */

#define MOST_WORKERS	64
/* Beyond the last errno: what is none. */
#define ANSWERS		136
#define NAMES		6
#define SHARED		64
#define COVER_BITS	1048576
#define CORPUS		512

struct board {
	u64 seed;
	atomic_bool stop, failed;
	char text[256];
	atomic_ulong answers[KINDS][ANSWERS];
	atomic_ulong beat[MOST_WORKERS];
	atomic_ulong programs, zeroes;
	atomic_ullong handle[SHARED];
	atomic_uint number[SHARED];
	int post[2];
	/* Coverage. */
	u64 text_from, text_to;
	atomic_uint cover[COVER_BITS / 32];
	atomic_ulong edges;
	atomic_uint kept;
	atomic_bool kept_ready[CORPUS];
	struct program corpus[CORPUS];
};

extern struct board *board;

void complain(const char *what, u64 value);
/* That a step is about to be run: for the watch, and with FUZZ_TRACE the log. */
void step_told(const struct cursor *at, u32 kind);
/* One of those that reached something new; NULL: there are none. */
const struct program *corpus_some(struct dice *dice);
void corpus_keep(const struct program *program);

/* === KCOV ================================================================ */

/* Of the thread that asks; without it all the others do nothing. */
bool cover_open(void);
void cover_begin(void);
/* How many edges were new. */
u32 cover_end(void);
/* Where the module lies, so that other code is not counted. */
void cover_find_text(void);

#endif /* LABYRINTH_VM_FUZZ_H */
