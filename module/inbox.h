/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inboxes: where blocks wait that were given to an owner, or that it asked for
 * and was told to wait for.
 *
 * Many put, in any context; one takes: a file's or named owner's under
 * owner->lock, a kernel owner's as its module sees to it.
 */
#ifndef LABYRINTH_INBOX_H
#define LABYRINTH_INBOX_H

#include <linux/eventfd.h>

#include "owner.h"

/**
 * struct lab_listener - a file that is told of arrivals
 * @wait: for poll; as long-lived as the file
 * @eventfd: signalled too, if there is one
 */
struct lab_listener {
	wait_queue_head_t wait;
	struct eventfd_ctx *eventfd;
};

/**
 * struct lab_inbox - an owner's
 * @queue: slots in transit to the owner; a place in it is claimed before
 *	anything is put, or is promised to come
 * @notify: queues @tell from any context
 * @tell: tells @owner's listener, or module, of arrivals
 * @owner: whose
 */
struct lab_inbox {
	struct lab_queue queue;
	struct irq_work notify;
	struct work_struct tell;
	struct labyrinth_owner *owner;
};

/**
 * struct lab_note - what a giver writes on a block
 * @tag: as it likes
 * @used: used length in bytes, at most the block's
 */
struct lab_note {
	u64 tag;
	u32 used;
};

int lab_inbox_ensure(struct labyrinth_owner *owner);
void lab_inbox_free(struct labyrinth_owner *owner);
int lab_accept_set(struct labyrinth_owner *owner, const u32 *accept,
		   u32 capacity);

/* Who is told. Process context. */
void lab_inbox_listen(struct labyrinth_owner *owner,
		      struct lab_listener *listener);
struct eventfd_ctx *lab_inbox_eventfd(struct labyrinth_owner *owner,
				      struct lab_listener *listener,
				      struct eventfd_ctx *eventfd);

bool lab_inbox_waiting(struct labyrinth_owner *owner);

/* Giving, and keeping places. Any context. */
bool lab_inbox_claim(struct lab_inbox *inbox, u32 blocks);
void lab_inbox_unclaim(struct lab_inbox *inbox, u32 blocks);
enum labyrinth_reason lab_give_admit(struct labyrinth_owner *owner,
				     struct labyrinth_owner *to,
				     unsigned long pages, u32 blocks);
int lab_give_errno(enum labyrinth_reason reason);
void lab_give_revoke(struct labyrinth_owner *to, unsigned long pages,
		     u32 blocks);
unsigned long lab_give_commit(struct labyrinth_owner *owner,
			      struct labyrinth_owner *to, struct lab_slot *slot,
			      u64 handle, const struct lab_note *note);
void lab_inbox_arrive(struct labyrinth_owner *to, struct lab_slot *slot);

/* Taking. The one receiver. */
struct lab_slot *lab_inbox_take(struct labyrinth_owner *owner, u64 *handle);
unsigned long lab_inbox_drain(struct labyrinth_owner *owner, u64 *blocks);

/* Once there is one, it stays. */
static inline struct lab_inbox *lab_inbox(struct labyrinth_owner *owner)
{
	/* Pairs with the release in lab_inbox_install(). */
	return smp_load_acquire(&owner->inbox);
}

static inline u32 lab_inbox_capacity(struct labyrinth_owner *owner)
{
	struct lab_inbox *inbox = lab_inbox(owner);

	return inbox ? inbox->queue.capacity : 0;
}

/* Places taken, or kept; a claim that is failing counts for an instant. */
static inline u32 lab_inbox_used(struct labyrinth_owner *owner)
{
	struct lab_inbox *inbox = lab_inbox(owner);
	long room;

	if (!inbox)
		return 0;
	room = max(0L, atomic_long_read(&inbox->queue.room));
	return inbox->queue.capacity - (u32)room;
}

#endif /* LABYRINTH_INBOX_H */
