/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Labyrinth: pages that exactly one owner can touch, for other modules.
 *
 * The symbols are EXPORT_SYMBOL_GPL; a module that uses one pins labyrinth.
 */
#ifndef _LINUX_LABYRINTH_H
#define _LINUX_LABYRINTH_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/types.h>
#include <uapi/linux/labyrinth.h>

/**
 * DOC: Contexts
 *
 * ============================ ============================ ============ =====
 * context                      strict alloc, free,          alloc with   wait
 *                              give, take, defer            the buddy
 *                                                           rung
 * ============================ ============================ ============ =====
 * process                      yes                          yes          yes
 * softirq, spinlock held       yes                          yes          no
 * hard interrupt               yes                          yes [1]      no
 * raw spinlock, irqs off       yes                          yes [1]      no
 * NMI                          yes                          rung skipped no
 * ============================ ============================ ============ =====
 *
 * [1] On PREEMPT_RT the rung is skipped: the page allocator's locks sleep there.
 * A skipped rung is LABYRINTH_REASON_CONTEXT.
 *
 * What the first column's calls run is bounded, takes no lock, and does not
 * depend on how many CPUs, slots or pages there are. A step is an atomic
 * operation or a turn of a loop; the test build counts them, call by call.
 */

/* Steps of a strict allocation on a machine with @nodes memory nodes. */
#define LABYRINTH_STEPS_ALLOC(nodes)	(24 + 12 * (nodes))
#define LABYRINTH_STEPS_FREE		12
#define LABYRINTH_STEPS_GIVE		28
#define LABYRINTH_STEPS_TAKE		8
#define LABYRINTH_STEPS_DEFER(nodes)	(LABYRINTH_STEPS_ALLOC(nodes) + 8)

typedef u64 labyrinth_handle_t;

struct labyrinth_owner;

/**
 * struct labyrinth_owner_spec - what a new owner is to be
 * @name: shown to administrators; 1 to 31 of [A-Za-z0-9._-], not unique
 * @quota: most pages that it may hold; ULONG_MAX for no limit
 * @guarantee: pages set aside for it, of the node that the caller runs on
 * @emergency: it may take from the emergency part, and its buddy rung is
 *	GFP_ATOMIC (GFP_NOWAIT without)
 * @accept: enum labyrinth_accept: whom it takes pages from
 * @inbox: most pages that may wait in its inbox; 0: LABYRINTH_INBOX_DEFAULT
 * @arrived: called after pages have come into the inbox, once for one or more;
 *	NULL: nobody is told. From a worker of its own, in process context, one at
 *	a time: it may call labyrinth_take() until that says -EAGAIN, and may
 *	sleep. It must not destroy the owner
 * @data: for @arrived
 */
struct labyrinth_owner_spec {
	const char *name;
	unsigned long quota;
	unsigned long guarantee;
	bool emergency;
	enum labyrinth_accept accept;
	u32 inbox;
	void (*arrived)(struct labyrinth_owner *owner, void *data);
	void *data;
};

/**
 * struct labyrinth_page - a block, or why there is none
 * @handle: what to free it or give it by; 0: none
 * @address: its kernel address: 2^@order pages in a row
 * @order: see @address
 * @rung: enum labyrinth_rung that served it, or the last that was tried
 * @reason: enum labyrinth_reason why it was not served
 * @used: used length in bytes, as its giver set it; 0 for a fresh one
 * @tag: as its giver set it; 0 for a fresh one
 *
 * A fresh block is all zeroes; one that was given has its giver's contents.
 */
struct labyrinth_page {
	labyrinth_handle_t handle;
	void *address;
	u32 order;
	u32 rung;
	u32 reason;
	u32 used;
	u64 tag;
};

/**
 * struct labyrinth_deferred - a request that is waiting for its page
 * @served: called once, from a worker, in process context: with @err 0 and
 *	@page, or with -ESHUTDOWN when the owner is being destroyed. May free
 *	what @deferred is in. The refill waits for it, and so does what is to be
 *	wiped: it must neither make nor destroy an owner, nor allocate with
 *	LABYRINTH_FALLBACK_WAIT, nor wait for memory or for another workqueue.
 * @page: what came
 *
 * The caller's memory, until @served is called. The rest is not the caller's.
 */
struct labyrinth_deferred {
	void (*served)(struct labyrinth_deferred *deferred, int err);
	struct labyrinth_page page;
	/* private: */
	struct labyrinth_deferred *next;
	struct list_head link;
	struct labyrinth_owner *owner;
};

/**
 * struct labyrinth_request - what is asked for
 * @order: 2^order pages, at most 9
 * @flags: LABYRINTH_ALLOC_STRICT or 0
 * @fallback: enum labyrinth_fallback; there is no default
 * @timeout_ns: with LABYRINTH_FALLBACK_WAIT; 0: none
 * @deferred: with LABYRINTH_FALLBACK_DEFER
 */
struct labyrinth_request {
	u32 order;
	u32 flags;
	u32 fallback;
	u64 timeout_ns;
	struct labyrinth_deferred *deferred;
};

/* Life of an owner. Process context; may sleep. */
struct labyrinth_owner *labyrinth_owner_create(const struct labyrinth_owner_spec *wanted);
void labyrinth_owner_destroy(struct labyrinth_owner *owner);

/* Somebody else's owner, to give to. Process context; may sleep. */
struct labyrinth_owner *labyrinth_owner_find(const char *name);
void labyrinth_owner_put(struct labyrinth_owner *owner);

/* Pages. Contexts: see above. */
int __must_check labyrinth_alloc(struct labyrinth_owner *owner,
				 const struct labyrinth_request *request,
				 struct labyrinth_page *page);
int labyrinth_free(struct labyrinth_owner *owner, labyrinth_handle_t handle);
int __must_check labyrinth_give(struct labyrinth_owner *owner,
				labyrinth_handle_t handle,
				struct labyrinth_owner *to, u64 tag, u32 used,
				u32 *reason);
int __must_check labyrinth_take(struct labyrinth_owner *owner,
				struct labyrinth_page *page);
void *__must_check alloc_page_gfp_atomic_exclusive(struct labyrinth_owner *owner,
						   labyrinth_handle_t *handle);

#endif /* _LINUX_LABYRINTH_H */
