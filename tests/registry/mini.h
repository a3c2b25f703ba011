/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small allocator made of the registry's real pieces: a worker that wipes,
 * fills and distributes as module/worker.c and module/reserve.c do, and hands
 * that take, use and free as module/ladder.c does, and give and take as
 * module/inbox.c does.
 *
 * Two witnesses are independent of the words: @holder, where each owner signs
 * in and out by an exchange that must find nobody, or, for what is given, its
 * giver's word that it is on its way to him; and the page's contents, plain
 * memory, so that ThreadSanitizer sees whether pages are handed on with all that
 * happened to them.
 */
#ifndef REGISTRY_MINI_H
#define REGISTRY_MINI_H

#include "bounds.h"
#include "test.h"

#define MINI_SLOTS	192
#define MINI_RING	64
#define MINI_STACKS	2
#define MINI_OWNERS	16
#define MINI_WORDS	4
#define MINI_HELD	8
#define MINI_BOARD	16
/* Places in an inbox; not a power of two. */
#define MINI_INBOX	3
/* Holder of what is on its way to an owner. */
#define MINI_ON_ITS_WAY	0x100
/* Few, as quarantined slots are gone for good. */
#define MINI_QUARANTINE	8

struct mini_page {
	u64 word[MINI_WORDS];
};

/**
 * struct mini - the allocator
 * @reg: @ring: @ready: the registry's
 * @credit: what each owner may claim of the ring
 * @page: contents; whose slot it is may write
 * @inbox: what is on its way to each owner
 * @receivers: owners from 1 on that have an inbox
 * @swept: what nobody took, at the end
 * @holder: which owner uses each slot, by its own account
 * @board: handles that their owners have shown to everybody
 * @stop: takers are done
 * @quarantined: slots, by the worker
 * @rng: the worker's
 */
struct mini {
	struct lab_registry reg;
	struct lab_ring ring;
	struct lab_stack ready[MINI_STACKS];
	atomic_long_t credit[MINI_OWNERS];
	struct mini_page page[MINI_SLOTS];
	struct lab_queue inbox[MINI_OWNERS];
	u32 receivers, swept;
	u32 holder[MINI_SLOTS];
	u64 board[MINI_BOARD];
	int stop;
	u32 quarantined;
	struct rng rng;
};

/**
 * struct mini_hand - one context that takes and frees
 * @mini: where
 * @owner: as whom, 1 to MINI_OWNERS - 1; its own, or witnesses would not tell
 * @rng: its own
 * @held: handles that it has
 * @count: how many
 * @stale: handles that it had
 * @sent: how many it has given to each owner; goes along with what it gives
 * @came: how many have come from each owner
 * @giving: it is putting something into an inbox
 * @allocs: @frees: @gives: @takes: @drops: @refused: what it did
 * @full: how often an inbox had no room
 * @empty: how often there was nothing to be had, in a row
 */
struct mini_hand {
	struct mini *mini;
	u32 owner;
	struct rng rng;
	u64 held[MINI_HELD];
	u32 count;
	u64 stale[MINI_HELD];
	u32 sent[MINI_OWNERS], came[MINI_OWNERS];
	volatile bool giving;
	u64 allocs, frees, gives, takes, drops, refused, full;
	u32 empty;
};

bool mini_begin(struct mini *mini, u32 receivers, u64 stream);
/* All hands are empty: everything is somewhere, once. Then frees it. */
void mini_end(struct mini *mini);

/* What all hands did; then, after the end, whether it adds up. */
void mini_sum(struct mini_hand *sum, const struct mini_hand *hand);
void mini_balance(const struct mini *mini, const struct mini_hand *sum);

/* Any context but that of another call for the same hand. */
void mini_step(struct mini_hand *hand);
void mini_let_go(struct mini_hand *hand);

/* Parts of a hand's steps. */
bool mini_claim(atomic_long_t *count);
struct lab_slot *mini_slot(struct mini *mini, u64 handle);
void mini_mark(struct mini *mini, u64 handle);
void mini_stale(struct mini_hand *hand, u64 handle);
/* The page is as whoever sealed it last has left it. */
void mini_intact(struct mini *mini, u32 index);
void mini_sign(struct mini *mini, u32 index, u32 from, u32 to);
/* Signed in: seal it, and have it at hand. */
void mini_keep(struct mini_hand *hand, u64 handle);
/*
 * Sign over, before the word changes: after it, somebody else may come. Return:
 * the handle, at hand no more.
 */
u64 mini_part(struct mini_hand *hand, u32 which, u32 to);
void mini_give(struct mini_hand *hand, u32 which);
void mini_receive(struct mini_hand *hand);

/* @owner is dead, and nobody puts: what is on its way to it is dropped. */
void mini_sweep(struct mini *mini, u32 owner);

/* The worker's. Return: whether there was anything to do. */
bool mini_recycle(struct mini *mini);
bool mini_work(struct mini *mini);

#endif /* REGISTRY_MINI_H */
