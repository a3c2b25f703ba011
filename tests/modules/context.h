/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * labyrinth_context: tests of the exported API, in every context.
 *
 * Layers: nmi.c, contexts.c and storm.c bring a function into a context, once
 * or all the time; book.c is what the tests know of pages, independent of
 * labyrinth; owner.c makes labyrinth's calls and holds each answer against the
 * book. The tests stand on these and know no lock: what they do is done in NMI.
 */
#ifndef LT_CONTEXT_H
#define LT_CONTEXT_H

#include <linux/atomic.h>
#include <linux/labyrinth.h>
#include <linux/limits.h>
#include <linux/types.h>

enum lt_context {
	LT_PROCESS,
	LT_SOFTIRQ,
	LT_HARDIRQ,
	LT_RAW,		/* raw spinlock held, interrupts off */
	LT_NMI,
	LT_CONTEXTS,
};

extern const char *const lt_context_name[LT_CONTEXTS];

typedef void (*lt_fn)(enum lt_context context, void *arg);

/* === Reporting: main.c, process context ================================== */

extern unsigned int lt_nmis;
extern unsigned int lt_seconds;
extern unsigned int lt_period_us;
extern unsigned int lt_reserve;
extern unsigned int lt_emergency;

__printf(2, 3) void lt_result(bool ok, const char *fmt, ...);
__printf(1, 2) void lt_note(const char *fmt, ...);

/* === Contexts: contexts.c, nmi.c ========================================= */

int lt_contexts_init(void);
void lt_contexts_exit(void);
int lt_in_context(enum lt_context context, lt_fn fn, void *arg);
int lt_on_cpu(unsigned int cpu, enum lt_context context, lt_fn fn, void *arg);
bool lt_is_context(enum lt_context context);
bool lt_buddy_legal(enum lt_context context);

int lt_nmi_init(void);
void lt_nmi_exit(void);
void lt_nmi_set(void (*fn)(unsigned int cpu, void *arg), void *arg);
bool lt_nmi_send(unsigned int cpu);
bool lt_nmi_pending(unsigned int cpu);

/* === All contexts on all CPUs at once: storm.c =========================== */

/**
 * struct lt_storm - what is to be done all the time
 * @op: called in each context on each CPU; not re-entered for the same pair
 * @arg: for @op
 * @buddy: have threads take and free pages of the page allocator meanwhile
 */
struct lt_storm {
	void (*op)(enum lt_context context, unsigned int cpu, void *arg);
	void *arg;
	bool buddy;
};

int lt_storm_init(void);
void lt_storm_exit(void);
int lt_storm_start(const struct lt_storm *storm);
void lt_storm_stop(void);
unsigned long lt_storm_count(enum lt_context context);
unsigned long lt_storm_buddy_count(void);
bool lt_storm_enough(unsigned long started);
void lt_storm_report(void);

/* === Who reaches the page allocator: probe.c ============================= */

int lt_probe_start(void);
void lt_probe_stop(void);
void lt_probe_report(void);
int lt_probe_enter(enum lt_context context);
void lt_probe_leave(int before);

/* === The book: book.c, any context ======================================= */

/**
 * enum lt_fault - what must never happen
 * @LT_SHARED: a page was handed out that somebody else has
 * @LT_SOILED: a fresh page was not all zeroes
 * @LT_ALTERED: a page did not hold what its owner wrote
 * @LT_DENIED: a call on an owner's own page was refused
 * @LT_LIED: a call's answer contradicts itself
 * @LT_DISORDER: lost, doubled or out of order
 * @LT_MISPLACED: a test ran in another context than it should
 */
enum lt_fault {
	LT_SHARED,
	LT_SOILED,
	LT_ALTERED,
	LT_DENIED,
	LT_LIED,
	LT_DISORDER,
	LT_MISPLACED,
	LT_FAULTS,
};

struct lt_held;

int lt_book_init(void);
void lt_book_exit(void);
void lt_book_open(void);
bool lt_book_close(void);

void lt_fault(enum lt_fault fault, long detail);
bool lt_book_move(const struct lt_held *held, u32 from, u32 to);
void lt_book_dying(u32 who);
void lt_book_forget(u32 who);
u64 lt_stamp_next(void);
bool lt_stamp_there(const struct lt_held *held);

/* === Owners and pages: owner.c, any context unless said otherwise ======== */

/**
 * struct lt_owner - an owner
 * @lab: labyrinth's
 * @who: its number in the book, never 0
 * @taking: somebody is at its inbox, which is for one at a time
 */
struct lt_owner {
	struct labyrinth_owner *lab;
	u32 who;
	atomic_t taking;
};

/* Process context. */
int lt_owner_make(struct lt_owner *owner, const struct labyrinth_owner_spec *spec);
void lt_owner_destroy(struct lt_owner *owner);

/**
 * enum lt_how - ways of asking for a page
 */
enum lt_how {
	LT_SIMPLE,	/* alloc_page_gfp_atomic_exclusive() */
	LT_STRICT,
	LT_LOOSE,	/* not strict: the buddy rung too */
	LT_BLOCK,	/* two pages in a row: the buddy rung only */
	LT_HOWS,
};

extern const char *const lt_how_name[LT_HOWS];

/**
 * struct lt_held - a page that a test has
 * @handle: 0: none
 * @addr: its address
 * @order: 2^order pages
 * @stamp: what was written into it
 */
struct lt_held {
	labyrinth_handle_t handle;
	void *addr;
	u32 order;
	u64 stamp;
};

int lt_alloc(struct lt_owner *owner, enum lt_how how, struct lt_held *held,
	     struct labyrinth_page *page);
void lt_free(struct lt_owner *owner, struct lt_held *held);
void lt_stamp(struct lt_held *held, u64 stamp);
int lt_give(struct lt_owner *owner, struct lt_held *held, struct lt_owner *to,
	    u32 *reason);
int lt_take(struct lt_owner *owner, struct lt_held *held);
unsigned long lt_take_all(struct lt_owner *owner);

/* === Taking all there is: hog.c, process context ========================= */

struct lt_hog {
	struct lt_owner owner;
	struct lt_held *held;
	unsigned long count;
	unsigned long room;
	unsigned long by[LT_CONTEXTS];
};

int lt_hog_drain(struct lt_hog *hog);
void lt_hog_release(struct lt_hog *hog, unsigned long count);
void lt_hog_end(struct lt_hog *hog);

/* === The tests: test_*.c, process context ================================ */

void lt_test_basic(void);
void lt_test_buddy(void);
void lt_test_refuse(void);
void lt_test_wait(void);
void lt_test_guarantee(void);
void lt_test_emergency(void);
void lt_test_exhausted(void);
void lt_test_contended(void);
void lt_test_relay(void);
void lt_test_destroy(void);
void lt_test_defer(void);
void lt_test_defer_cancel(void);
void lt_test_defer_running(void);

#endif /* LT_CONTEXT_H */
