/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ownership protocol, for spin: who may touch a page, and where it can be
 * found, in every order that the steps of a few contexts can come in.
 *
 * An inline that is called lab_ or labyrinth_ something is the module's function
 * of that name, step for step: each atomic operation on what others see is one
 * step here. tests/model/names compares the two. What the model leaves out:
 *   - the order of memory accesses: here each is seen at once by all. That is
 *     ThreadSanitizer's (tests/registry);
 *   - blocks of more than a page, nodes, the emergency part, RLIMIT_MEMLOCK;
 *   - books that only verify reads: `pending`, statistics;
 *   - the vacant stack is a set, taken from in one step.
 *
 * What must hold (the names are those that a failing assertion shows):
 *   exclusivity   a page has one owner, who has it clean or by a gift; a stale
 *                 handle, or another's, changes nothing; no PTE outlives a release
 *   conservation  a page is in one book; when all is quiet the counts add up
 *   guarantee     who has been promised pages and has fewer is served at once
 *   no_lost_page  when all is quiet nothing is half-way, and nothing is left of
 *                 who has died
 *   promise       what a call has answered is done, unless an end came first
 *
 * A configuration (file `configurations`) says who there is. A fault (file
 * `faults`) breaks one thing.
 */

/* === Who there is ======================================================== */

/* At most 4 slots and 3 owners; a task and its interrupts act as one owner. */
#ifndef SLOTS
#define SLOTS 2
#endif
#define OWNERS 2
#define CPUS 2

/* How many calls each makes; which owner it acts as. */
#ifndef TASK0
#define TASK0 0
#endif
#ifndef TASK1
#define TASK1 0
#endif
#ifndef IRQ
#define IRQ 0
#endif
#ifndef NMI
#define NMI 0
#endif
#ifndef TASK0_OWNER
#define TASK0_OWNER 1
#endif
#ifndef TASK1_OWNER
#define TASK1_OWNER 2
#endif

/* Which calls: sums of these. */
#define ALLOC 1
#define FREE 2
#define GIVE 4
#define TAKE 8
#define FAULT 16
#define GUESS 32
#ifndef CALLS
#define CALLS (ALLOC + FREE)
#endif

/* Owners: of modules, of files, or the first of a module and the second of a file. */
#define KERNEL 0
#define FILE 1
#define MIXED 2
#ifndef KIND
#define KIND KERNEL
#endif
#define IS_FILE(owner) (KIND == FILE || (KIND == MIXED && (owner) == 2))
/* Who holds pages when all begin, and how many; 0 for nobody. */
#ifndef HELD
#define HELD 0
#endif
#ifndef HOLDS
#define HOLDS 1
#endif
#ifndef QUOTA
#define QUOTA SLOTS
#endif
#ifndef INBOX
#define INBOX 1
#endif

/* Whom the administrator kills, and takes a page from: 0 for nobody. */
#ifndef KILL
#define KILL 0
#endif
#ifndef REVOKE
#define REVOKE 0
#endif
/* Do its owner's calls begin while it is being destroyed, too? */
#ifndef LATE
#define LATE 0
#endif
/*
 * Are as many requests served as there were pages at hand? Not to be asked where
 * pages that were guaranteed are freed: they are promised anew before they are wiped.
 */
#ifndef DECLARED
#define DECLARED (GUARANTEES == 0)
#endif
/* Is a guarantee to be whole in the end without anything more from the system? */
#ifndef WHOLE
#define WHOLE 0
#endif

/* The reserve. */
#ifndef HIGH
#define HIGH SLOTS
#endif
#ifndef LOW
#define LOW HIGH
#endif
#ifndef DEPTH
#define DEPTH 0
#endif
#ifndef ROOM
#define ROOM SLOTS
#endif
#ifndef GUARANTEE1
#define GUARANTEE1 0
#endif
#ifndef GUARANTEE2
#define GUARANTEE2 0
#endif
#define GUARANTEES (GUARANTEE1 + GUARANTEE2)
#ifndef RING
#define RING 4
#endif

/* The generation that each slot begins with; at most 7. */
#ifndef FIRST_GENERATION
#define FIRST_GENERATION 1
#endif

/* May a request go to the system, may a page turn out not to be clean? */
#ifndef BUDDY
#define BUDDY 0
#endif
#ifndef POISON
#define POISON 0
#endif

/* The fault that is planted: file `faults` says what must find it. */
#define NOTHING 0
#define CLEAN_KEEPS_GENERATION 1
#define GIVE_KEEPS_GENERATION 2
#define FREE_STORES 3
#define TAKE_WITHOUT_CLAIM 4
#define CLAIM_NOT_UNDONE 5
#define PUT_AFTER_COUNT 6
#define STACK_WITHOUT_TAG 7
#define STACK_STORES 8
#define SUMMARY_CLEARED_LAST 9
#define KICK_CLEARED_LAST 10
#define GIVE_SKIPS_LEAVING 11
#define GIVE_SKIPS_ZAP 12
#define GIVE_SKIPS_ADMISSION 13
#define SWEEP_SKIPS_GRACE 14
#define DRAIN_SKIPS_GRACE 15
#define PUBLISH_SKIPS_DEAD 16
#define COVERED_NOT_COUNTED 17
#define COVERED_NOT_UNCOUNTED 18
#define BURIED_BEFORE_WIPED 19
#define NOT_WIPED 20
#define CREDIT_NOT_DROPPED 21
#define CREDIT_UNUSED 22
#define GIVE_SKIPS_KICK 23
#define NODE_SKIPS_KICK 24
#define REVOKE_SKIPS_ZAP 25
#define REVOKE_SKIPS_GRACE 26
#ifndef PLANT
#define PLANT NOTHING
#endif
#define FAULTY(fault) (PLANT == fault)

/* === What must hold ====================================================== */

hidden byte exclusivity, conservation, guarantee, no_lost_page, promise;

#define EXCLUSIVITY(holds) assert(exclusivity || (holds))
#define CONSERVATION(holds) assert(conservation || (holds))
#define GUARANTEE(holds) assert(guarantee || (holds))
#define NO_LOST_PAGE(holds) assert(no_lost_page || (holds))
#define PROMISE(holds) assert(promise || (holds))

#define MAX(a, b) ((a) > (b) -> (a) : (b))
#define LESS(a, b) ((a) > (b) -> (a) - (b) : 0)

#include "words.pml"
#include "places.pml"
#include "owners.pml"
#include "ladder.pml"
#include "gifts.pml"
#include "worker.pml"
#include "calls.pml"
#include "ends.pml"
#include "actors.pml"
