/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The core's types: one struct labyrinth holds everything; there are no
 * globals. Faces (chardev, netlink) include this; the core knows no face.
 *
 * Locks, in the order in which they are taken:
 *   admin            changes that administrators make, one at a time
 *   owners->lock     the table of owners, names, attaching
 *   reserve_lock     whatever fills: rings' tails, ready stacks' puts,
 *                    watermarks, the list of guarantees
 *   owner->lock      an owner's index, and the cold fields of its slots; under
 *                    mmap_lock in a fault, so no user's memory is touched under it
 * and lab_file.lock before owners->lock. Words, counts, claims, takes and puts
 * into queues need none of them.
 */
#ifndef LABYRINTH_CORE_H
#define LABYRINTH_CORE_H

#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/numa.h>
#include <linux/percpu.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <uapi/linux/labyrinth.h>

#include "registry.h"

/*
 * Largest order of a block. The page allocator's own largest has had two names
 * and two meanings (MAX_ORDER, MAX_PAGE_ORDER); 9 is within both on every
 * configuration with 4 KiB pages.
 */
#define LAB_MAX_ORDER		9
#define LAB_MAX_BATCH		65536U
#define LAB_REASONS		(LABYRINTH_REASON_CEILING + 1)
#define LAB_RUNGS		(LABYRINTH_RUNG_FALLBACK + 1)
/* The stack's count is modulo 256. */
#define LAB_MAX_CPU_DEPTH	255

/*
 * What a call that takes blocks, or maps them, needs for itself: it is refused rather
 * than that somebody is killed for it.
 */
#define LAB_GFP_CALL		(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | \
				 __GFP_NOWARN)

/**
 * struct lab_settings - what the module was loaded with
 * @slots: capacity in blocks
 * @low: @high: @emergency: of each node's reserve, in pages
 * @cpu_depth: pages in each CPU's ready stack when full
 * @headroom: pages that the refill leaves available to the system
 * @file_quota: default quota of an owner, in pages
 * @ceiling: percent of the machine's memory that is taken at most
 * @hibernation: allowed while nobody holds a page
 */
struct lab_settings {
	long slots;
	long low;
	long high;
	long emergency;
	long cpu_depth;
	long headroom;
	long file_quota;
	long ceiling;
	bool hibernation;
};

/**
 * struct lab_stats - one CPU's counters; sums of all CPUs mean something
 * @alloc: blocks served, by rung
 * @fail: requests not served, by reason
 * @free: blocks freed
 * @soiled: pages of these
 * @given: blocks given
 * @taken: blocks taken out of inboxes
 * @dropped: blocks that were in transit to an owner that died
 * @refused: blocks not given, by reason
 * @deferred: requests queued
 * @revoked: blocks that an administrator took from their owners
 *
 * Written with this_cpu_inc(), which an interrupt or NMI can't tear.
 */
struct lab_stats {
	unsigned long alloc[LAB_RUNGS];
	unsigned long fail[LAB_REASONS];
	unsigned long free;
	unsigned long soiled;
	unsigned long given;
	unsigned long taken;
	unsigned long dropped;
	unsigned long refused[LAB_REASONS];
	unsigned long deferred;
	unsigned long revoked;
};

/**
 * struct lab_cpu - a CPU's part
 * @ready: clean pages, taken by this CPU only, filled by the worker
 * @stats: counters
 */
struct lab_cpu {
	struct lab_stack ready;
	struct lab_stats stats;
};

/**
 * struct lab_node - a memory node's reserve
 * @ring: its pages
 * @kick: the worker is woken when fewer than this are available; written
 *	under reserve_lock
 * @nid: the node
 * @filling: below low once, and not at its goal since; under reserve_lock
 * @lean: under memory pressure until @lean_until (jiffies): the goal is low,
 *	not high; under reserve_lock
 * @lean_until: see @lean
 * @low: @high: @emergency: watermarks; under reserve_lock
 * @guaranteed: owners whose guarantee is here; under reserve_lock
 * @wanted: single pages that deferred requests of owners at home here wait for;
 *	under reserve_lock
 * @stock: clean pages without a place yet; under reserve_lock, empty outside
 */
struct lab_node {
	struct lab_ring ring;
	long kick;
	int nid;
	bool filling;
	bool lean;
	unsigned long lean_until;
	struct list_head guaranteed;
	unsigned long wanted;
	struct lab_stack stock;
	unsigned long low;
	unsigned long high;
	unsigned long emergency;
};

/**
 * struct lab_work_stats - the worker's counters; @cleaned in pages
 */
struct lab_work_stats {
	unsigned long recycled;
	unsigned long returned;
	unsigned long refilled;
	unsigned long refill_failed;
	unsigned long refill_held;
	unsigned long quarantined;
	unsigned long cleaned;
};

/**
 * struct lab_oom - waiting for the wiping before somebody is killed; under the
 *	kernel's oom_lock
 * @block: the notifier
 * @mark: from lab_soiled_mark(): what is waited for
 * @called: when it was looked at last, in jiffies
 * @helped: then pages did come back
 * @stuck: then nothing did, in a second; nor is @mark waited for again
 */
struct lab_oom {
	struct notifier_block block;
	unsigned long mark;
	unsigned long called;
	bool helped;
	bool stuck;
};

/**
 * struct lab_owners - the table of owners
 * @lock: see the head of this file
 * @table: by number; an entry stays until no slot names the number any more
 * @next: @next_named: where the search for a free number goes on
 * @seq: goes up when an owner comes or goes, for dumps
 * @named: named owners that are not dying
 * @graves: dead owners, their numbers not yet free
 * @count: owners that are not dying
 */
struct lab_owners {
	struct mutex lock; /* the table, names, attaching */
	struct xarray table;
	u32 next;
	u32 next_named;
	unsigned int seq;
	struct list_head named;
	struct llist_head graves;
	unsigned int count;
};

/**
 * struct lab_threads - owners that hold blocks of single threads
 * @lock: guards @owners; taken last
 * @owners: each with a reference
 * @reap: looks for threads that have ended, while there are @owners
 */
struct lab_threads {
	struct mutex lock; /* the list */
	struct list_head owners;
	struct delayed_work reap;
};

struct labyrinth_deferred;

/**
 * struct lab_defer - requests that wait for their blocks
 * @arriving: put by any context, the last one first
 * @cancel: some owner of a request is dying
 * @waiting: by order, first in, first out; under reserve_lock
 * @served: to be told; under reserve_lock
 */
struct lab_defer {
	struct labyrinth_deferred *arriving;
	bool cancel;
	struct list_head waiting[LAB_MAX_ORDER + 1];
	struct list_head served;
};

struct lab_latency_table;

/**
 * struct lab_latency - how long allocations took
 * @table: each CPU's; NULL until it has been recorded once
 * @deadline: in ns; what takes longer is late; 0: none
 * @lock: readers against a reset; taken last
 */
struct lab_latency {
	struct lab_latency_table * __percpu *table;
	u64 deadline;
	struct mutex lock; /* readers against a reset */
};

/**
 * struct labyrinth - everything
 * @reg: the slots
 * @cpu: each CPU's part
 * @node: by node number; nodes without memory of their own share another's
 * @nodes: the distinct ones
 * @node_count: how many
 * @kicked: the worker has been woken and has not started to look yet
 * @kick: wakes it from any context
 * @work: the worker: the only one that fills, wipes and returns
 * @retry: @work, once more, later
 * @lean_end: @work, when a node has been lean long enough
 * @queue: where it runs
 * @tell_queue: where others are told of arrivals, and the dead are drained
 * @unfilled: the worker's last round left something to be fetched
 * @closing: the worker is not to queue itself again
 * @refilled: woken when pages have come or have been wiped, or an owner has room
 * @admin: @reserve_lock: see the head of this file
 * @work_stats: under reserve_lock; only @cleaned is read without it
 * @shrinker: gives pages back under memory pressure
 * @defer: requests that wait
 * @owners: the table of owners
 * @latency: how long allocations took
 * @threads: owners that hold blocks of single threads
 * @power: suspend to disk
 * @hotplug: memory that is to go away
 * @oom: somebody is to be killed for want of memory, see system.c
 * @room: base pages that may still be taken from the system
 * @fetching: of what is taken from @room, pages that are in no slot yet
 * @ceiling: @room, when none has been taken
 * @closed: nothing is handed out; written by the power notifier alone. With
 *	@settings, which requests read, on lines of their own
 * @settings: what the module was loaded with
 */
struct labyrinth {
	struct lab_registry reg;
	struct lab_cpu __percpu *cpu;
	struct lab_node *node[MAX_NUMNODES];
	struct lab_node **nodes;
	unsigned int node_count;
	atomic_t kicked;
	struct irq_work kick;
	struct work_struct work;
	struct delayed_work retry;
	struct delayed_work lean_end;
	struct workqueue_struct *queue;
	struct workqueue_struct *tell_queue;
	bool unfilled;
	bool closing;
	wait_queue_head_t refilled;
	struct mutex admin; /* administrators' changes */
	struct mutex reserve_lock; /* whatever fills */
	struct lab_work_stats work_stats;
	struct shrinker *shrinker;
	struct lab_defer defer;
	struct lab_owners owners;
	struct lab_latency latency;
	struct lab_threads threads;
	struct notifier_block power;
	struct notifier_block hotplug;
	struct lab_oom oom;
	atomic_long_t room;
	atomic_long_t fetching;
	unsigned long ceiling;
	bool closed ____cacheline_aligned;
	struct lab_settings settings;
};

#define lab_count(lab, counter)	this_cpu_inc((lab)->cpu->stats.counter)
#define lab_count_add(lab, counter, n)	\
	this_cpu_add((lab)->cpu->stats.counter, n)

#endif /* LABYRINTH_CORE_H */
