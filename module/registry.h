/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registry: who owns which block.
 *
 * A slot records one block. Its ownership word, generation:40 owner:20 state:4,
 * is the only truth about who owns it, and every change of it is one
 * compare-and-exchange in one function, named for its arrow in the life of a
 * page (see the diagram above lab_slot_fill() in registry.c). So a change
 * happens once or not at all, from any context, on any number of CPUs.
 *
 * Around the words stand four structures that say where a slot can be found:
 * stacks (tagged index, any context), rings (wait-free for whoever takes), queues
 * (wait-free for whoever puts), and the dirty map (one bit set by whoever frees).
 * None of them decides anything.
 *
 * This file, registry.c and places.c are plain C over the kernel's atomics, bit
 * operations and __vmalloc(); tests/registry/ builds them in user space.
 */
#ifndef LABYRINTH_REGISTRY_H
#define LABYRINTH_REGISTRY_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/types.h>
#include <uapi/linux/labyrinth_netlink.h>

#define LAB_INDEX_BITS		24
#define LAB_MAX_SLOTS		0x1000000U
/* Past every index; also ends the stacks' links and marks empty ring entries. */
#define LAB_NIL			LAB_MAX_SLOTS

/* Tables of a size that depends on somebody's wish: failing is no news, nor fatal. */
#define LAB_GFP_TABLE		(GFP_KERNEL | __GFP_ZERO | \
				 __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

#define LAB_STATE_MASK		GENMASK_ULL(3, 0)
#define LAB_OWNER_SHIFT		4
#define LAB_MAX_OWNER		0xfffffU
#define LAB_OWNER_MASK		GENMASK_ULL(23, 4)
#define LAB_GEN_SHIFT		24
#define LAB_GEN_MASK		GENMASK_ULL(63, 24)
#define LAB_GEN_ONE		BIT_ULL(LAB_GEN_SHIFT)

struct lab_thread;

/**
 * struct lab_slot - one cache line for one block
 * @word: the ownership word
 * @next: link of the stack that the slot is on; whoever holds the slot alone
 *	writes it, a stack's popper may read it stale (and then its exchange fails)
 * @order: the block has 2^order pages; stable while not VACANT
 * @rung: enum labyrinth_rung that served it; stable while owned
 * @scope: enum labyrinth_scope; stable while owned
 * @covered: counted against its owner's guarantee; whoever takes it writes it
 * @placing: a MAP has it; under the owner's lock, and clear when that is free
 * @indexed: linked into its owner's index; under the owner's lock
 * @addr: kernel address of the block; stable while not VACANT
 * @index_next: @index_prev: the owner's index, in the order of allocation;
 *	under the owner's lock
 * @tag: the caller's, under the owner's lock
 * @born: when it was allocated, ns of the monotonic clock
 * @length: the caller's used length in bytes, under the owner's lock
 * @place: page offset at which the owner's file has it mapped, 0 for nowhere
 * @thread: whose it is, with scope `thread`; both under the owner's lock
 */
struct lab_slot {
	atomic64_t word;
	u32 next;
	u8 order;
	u8 rung;
	u8 scope;
	u8 indexed;
	void *addr;
	u32 index_next;
	u32 index_prev;
	u64 tag;
	u64 born;
	u32 length;
	u8 covered;
	u8 placing;
	union {
		unsigned long place;
		struct lab_thread *thread;
	};
} __aligned(64);

/**
 * struct lab_stack - a stack of slots, taken from in any context
 * @head: tag:31 count:8 index:25. The tag counts every change, so an exchange
 *	never succeeds on a head that went away and came back (no ABA, unless
 *	2^31 changes came in between); the count is modulo 256
 */
struct lab_stack {
	atomic64_t head;
};

/**
 * struct lab_ring - slots that one worker puts in and anybody takes out
 * @available: entries that anybody may claim
 * @emergency: entries that owners with the emergency right may claim
 * @head: claims that went on to take, modulo 2^32
 * @entry: slot index, or LAB_NIL where there is none
 * @mask: entries less one, a power of two less one
 * @tail: puts so far, modulo 2^32; the worker's
 *
 * Entries in the ring = @available + @emergency + what owners have at hand of
 * their guarantees + claims on their way to take. A claim (lab_claim()) comes
 * before the take, a put before the claim that it allows: so there is always
 * an entry for a claim, and lab_ring_take() needs neither loop nor check.
 */
struct lab_ring {
	atomic_long_t available ____cacheline_aligned;
	atomic_long_t emergency;
	atomic_t head ____cacheline_aligned;
	atomic_t *entry ____cacheline_aligned;
	u32 mask;
	u32 tail ____cacheline_aligned;
};

/**
 * struct lab_queue - slots that anybody puts in and one receiver takes out
 * @room: entries that may still be claimed
 * @tail: claims that went on to put, modulo 2^32
 * @entry: slot index, or LAB_NIL where there is none
 * @mask: entries less one, a power of two less one
 * @capacity: @room when the queue is empty, at most @mask + 1
 * @head: takes so far, modulo 2^32; the receiver's
 *
 * First in, first out, in the order of @tail. @room + what was put and not taken
 * yet + claims on their way to put = @capacity: so whoever claimed finds its
 * entry free.
 */
struct lab_queue {
	atomic_long_t room ____cacheline_aligned;
	atomic_t tail ____cacheline_aligned;
	atomic_t *entry ____cacheline_aligned;
	u32 mask;
	u32 capacity;
	u32 head ____cacheline_aligned;
};

/* Slots behind one bit of the dirty map's summary. */
#define LAB_DIRTY_SLOTS		4096

/**
 * struct lab_dirty - slots that wait to be wiped
 * @bit: one for each slot
 * @chunk: one for each LAB_DIRTY_SLOTS of @bit that may have one set
 * @slots: bits of @bit
 * @chunks: bits of @chunk
 */
struct lab_dirty {
	unsigned long *bit;
	unsigned long *chunk;
	u32 slots;
	u32 chunks;
};

/**
 * struct lab_registry - all slots
 * @slot: the table, allocated once
 * @slots: its length
 * @dirty: slots to be wiped
 * @vacant: slots without a block
 * @vacants: how many, for reports
 * @taken: base pages taken from the system and not given back
 */
struct lab_registry {
	struct lab_slot *slot;
	u32 slots;
	struct lab_dirty dirty;
	struct lab_stack vacant ____cacheline_aligned;
	atomic_long_t vacants;
	atomic_long_t taken;
};

/*
 * A step: an atomic operation, or a turn of a loop, of what any context may
 * call. The test build counts them.
 */
#ifdef LAB_COUNT_STEPS
void lab_step(void);
#else
static inline void lab_step(void) {}
#endif

static inline u64 lab_word(u64 gen, u32 owner, enum labyrinth_page_state state)
{
	return (gen << LAB_GEN_SHIFT) | ((u64)owner << LAB_OWNER_SHIFT) | state;
}

static inline enum labyrinth_page_state lab_word_state(u64 word)
{
	return (enum labyrinth_page_state)(word & LAB_STATE_MASK);
}

static inline u32 lab_word_owner(u64 word)
{
	return (u32)((word & LAB_OWNER_MASK) >> LAB_OWNER_SHIFT);
}

static inline u64 lab_word_gen(u64 word)
{
	return word >> LAB_GEN_SHIFT;
}

/* A handle is the word's generation over the slot's index. */
static inline u64 lab_handle(u64 word, u32 index)
{
	return (word & LAB_GEN_MASK) | index;
}

static inline u32 lab_handle_index(u64 handle)
{
	return (u32)(handle & (LAB_MAX_SLOTS - 1));
}

/* The word that @handle's slot has while @owner holds it in @state. */
static inline u64 lab_handle_word(u64 handle, u32 owner,
				  enum labyrinth_page_state state)
{
	return lab_word(handle >> LAB_INDEX_BITS, owner, state);
}

static inline u64 lab_slot_word(const struct lab_slot *slot)
{
	/* Acquire pairs with the release of whichever arrow wrote the word. */
	return (u64)atomic64_read_acquire(&slot->word);
}

int lab_registry_init(struct lab_registry *reg, u32 slots);
void lab_registry_exit(struct lab_registry *reg);
struct lab_slot *lab_registry_slot(const struct lab_registry *reg, u64 handle);

static inline u32 lab_slot_index(const struct lab_registry *reg,
				 const struct lab_slot *slot)
{
	return (u32)(slot - reg->slot);
}

/* The arrows. Each returns true if it was this call that made the change. */
void lab_slot_fill(struct lab_slot *slot, void *addr);
u64 lab_slot_enter(struct lab_slot *slot, void *addr, u32 order, u32 owner);
bool lab_slot_own(struct lab_slot *slot, u32 owner, u64 *word);
bool lab_slot_leave(struct lab_slot *slot, u64 handle, u32 owner);
bool lab_slot_stay(struct lab_slot *slot, u64 handle, u32 owner);
bool lab_slot_free(struct lab_slot *slot, u64 handle, u32 owner);
bool lab_slot_gone(struct lab_slot *slot, u64 handle, u32 owner);
bool lab_slot_give(struct lab_slot *slot, u64 handle, u32 owner, u32 to);
bool lab_slot_pass(struct lab_slot *slot, u64 handle, u32 owner, u32 to);
bool lab_slot_take(struct lab_slot *slot, u64 handle, u32 owner);
bool lab_slot_drop(struct lab_slot *slot, u64 handle, u32 owner);
bool lab_slot_clean(struct lab_slot *slot);
bool lab_slot_vacate(struct lab_slot *slot);
bool lab_slot_quarantine(struct lab_slot *slot);

/* Stacks: take in any context, bounded by @tries; put in process context. */
void lab_stack_init(struct lab_stack *stack);
u32 lab_stack_take(struct lab_registry *reg, struct lab_stack *stack,
		   unsigned int tries);
u32 lab_stack_put(struct lab_registry *reg, struct lab_stack *stack, u32 index);
u32 lab_stack_top(const struct lab_stack *stack);
u32 lab_stack_count(const struct lab_stack *stack);

struct lab_slot *lab_vacant_take(struct lab_registry *reg);
void lab_vacant_put(struct lab_registry *reg, struct lab_slot *slot);

/* Rings: claim and take in any context, wait-free; put by the worker. */
int lab_ring_init(struct lab_ring *ring, u32 entries);
void lab_ring_exit(struct lab_ring *ring);
bool lab_claim(atomic_long_t *count);
u32 lab_ring_take(struct lab_ring *ring);
bool lab_ring_put(struct lab_ring *ring, u32 index, atomic_long_t *count);

/*
 * Queues: claim (lab_claim() on @room) and put in any context, wait-free; peek
 * and take by the receiver.
 */
int lab_queue_init(struct lab_queue *queue, u32 capacity);
void lab_queue_exit(struct lab_queue *queue);
void lab_queue_put(struct lab_queue *queue, u32 index);
u32 lab_queue_peek(const struct lab_queue *queue, u32 ahead);
u32 lab_queue_take(struct lab_queue *queue);

int lab_dirty_init(struct lab_dirty *dirty, u32 slots);
void lab_dirty_exit(struct lab_dirty *dirty);

/* The dirty map: mark in any context, next by the worker. */
void lab_dirty_mark(struct lab_dirty *dirty, u32 index);
u32 lab_dirty_next(struct lab_dirty *dirty, u32 from);
bool lab_dirty_test(const struct lab_dirty *dirty, u32 index);

#endif /* LABYRINTH_REGISTRY_H */
