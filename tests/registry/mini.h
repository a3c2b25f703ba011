/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small allocator made of the registry's real pieces: a worker that wipes,
 * fills and distributes as module/worker.c and module/reserve.c do, and hands
 * that take, use and free as module/ladder.c does.
 *
 * Two witnesses are independent of the words: @holder, where each owner signs
 * in and out by an exchange that must find nobody, and the page's contents,
 * plain memory, so that ThreadSanitizer sees whether pages are handed on with
 * all that happened to them.
 */
#ifndef REGISTRY_MINI_H
#define REGISTRY_MINI_H

#include "test.h"

#define MINI_SLOTS	192
#define MINI_RING	64
#define MINI_STACKS	2
#define MINI_OWNERS	16
#define MINI_WORDS	4
#define MINI_HELD	8
#define MINI_BOARD	16
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
 * @nested: others come and go in the middle of it: steps can't be counted
 * @allocs: @frees: @refused: what it did
 * @empty: how often there was nothing to be had, in a row
 */
struct mini_hand {
	struct mini *mini;
	u32 owner;
	struct rng rng;
	u64 held[MINI_HELD];
	u32 count;
	u64 stale[MINI_HELD];
	bool nested;
	u64 allocs, frees, refused;
	u32 empty;
};

bool mini_begin(struct mini *mini, u64 stream);
/* All hands are empty: everything is somewhere, once. Then frees it. */
void mini_end(struct mini *mini);

/* Any context but that of another call for the same hand. */
void mini_step(struct mini_hand *hand);
void mini_let_go(struct mini_hand *hand);

/* The worker's. Return: whether there was anything to do. */
bool mini_recycle(struct mini *mini);
bool mini_work(struct mini *mini);

#endif /* REGISTRY_MINI_H */
