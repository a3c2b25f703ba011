// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry: words, stacks, rings and the dirty map. See registry.h.
 *
 * What any context may call here runs a fixed number of steps: a word's arrow
 * is one exchange, a claim at most LAB_CLAIM_TRIES additions, a ring's take two
 * atomic operations, a stack's take at most its @tries exchanges, a mark two.
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "registry.h"

/* === The ownership word ================================================== */

/*
 * VACANT -fill-> READY -own-> OWNED -leave-> LEAVING -gone-> DIRTY -clean-> READY
 *    |             |           ^ |  <-stay-                  ^  |
 *    |             |           | '-----------free------------'  +-vacate-> VACANT
 *    '----enter----|-----------'                                |      or RETIRED
 *                  '-vacate-> VACANT                            '-quarantine-> QUARANTINED
 *
 * fill and enter are made by whoever took the slot from the vacant stack and
 * so holds it alone; own by whoever took it from a ready stack or ring; leave,
 * stay, free and gone race with each other, and the word decides; clean,
 * vacate and quarantine are the worker's.
 */

/*
 * The only place where a word changes. Release: what the caller wrote to slot
 * and page before is seen by whoever reads the new word (lab_slot_word(), or
 * the acquire half of the next arrow's exchange here).
 */
static bool lab_slot_move(struct lab_slot *slot, u64 from, u64 to)
{
	s64 old = (s64)from;

	return atomic64_try_cmpxchg(&slot->word, &old, (s64)to);
}

/**
 * lab_slot_fill - VACANT to READY: a clean page has come from the system
 * @slot: taken from the vacant stack by the caller
 * @addr: the page, zeroed, its reference count frozen
 */
void lab_slot_fill(struct lab_slot *slot, void *addr)
{
	u64 word = lab_slot_word(slot);

	WRITE_ONCE(slot->addr, addr);
	WRITE_ONCE(slot->order, 0);
	lab_slot_move(slot, word, lab_word(lab_word_gen(word), 0,
					   LABYRINTH_PAGE_READY));
}

/**
 * lab_slot_enter - VACANT to OWNED: a block straight from the system
 * @slot: taken from the vacant stack by the caller
 * @addr: the block, zeroed, its pages' reference counts frozen
 * @order: 2^order pages
 * @owner: who gets it
 *
 * Return: the new word.
 */
u64 lab_slot_enter(struct lab_slot *slot, void *addr, u32 order, u32 owner)
{
	u64 word = lab_slot_word(slot);
	u64 to = lab_word(lab_word_gen(word), owner, LABYRINTH_PAGE_OWNED);

	WRITE_ONCE(slot->addr, addr);
	WRITE_ONCE(slot->order, (u8)order);
	lab_slot_move(slot, word, to);
	return to;
}

/**
 * lab_slot_own - READY to OWNED: alloc
 * @slot: taken from a ready stack or ring by the caller
 * @owner: who gets it
 * @word: the new word
 *
 * Return: false only if the registry is broken (a slot was READY twice).
 */
bool lab_slot_own(struct lab_slot *slot, u32 owner, u64 *word)
{
	u64 from = lab_slot_word(slot);

	*word = lab_word(lab_word_gen(from), owner, LABYRINTH_PAGE_OWNED);
	return lab_word_state(from) == LABYRINTH_PAGE_READY &&
	       lab_slot_move(slot, from, *word);
}

/**
 * lab_slot_leave - OWNED to LEAVING: its mappings are about to be removed
 * @slot: of @handle
 * @handle: what the caller holds
 * @owner: the caller
 *
 * Return: false if @handle is not @owner's now.
 */
bool lab_slot_leave(struct lab_slot *slot, u64 handle, u32 owner)
{
	return lab_slot_move(slot,
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_OWNED),
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_LEAVING));
}

/**
 * lab_slot_stay - LEAVING to OWNED: what made it leave was called off
 * @slot: of @handle
 * @handle: what the caller holds
 * @owner: the caller
 *
 * Return: false if it has gone meanwhile (its owner died).
 */
bool lab_slot_stay(struct lab_slot *slot, u64 handle, u32 owner)
{
	return lab_slot_move(slot,
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_LEAVING),
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_OWNED));
}

/**
 * lab_slot_free - OWNED to DIRTY: free, where nothing can be mapped
 * @slot: of @handle
 * @handle: what the caller holds
 * @owner: the caller
 *
 * Return: false if @handle is not @owner's now.
 */
bool lab_slot_free(struct lab_slot *slot, u64 handle, u32 owner)
{
	return lab_slot_move(slot,
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_OWNED),
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_DIRTY));
}

/**
 * lab_slot_gone - LEAVING to DIRTY: no mapping is left
 * @slot: of @handle
 * @handle: what the caller holds
 * @owner: the caller
 *
 * Return: false if somebody else (the owner's sweep) was first.
 */
bool lab_slot_gone(struct lab_slot *slot, u64 handle, u32 owner)
{
	return lab_slot_move(slot,
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_LEAVING),
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_DIRTY));
}

static bool lab_last_generation(u64 word)
{
	return (word & LAB_GEN_MASK) == LAB_GEN_MASK;
}

/**
 * lab_slot_clean - DIRTY to READY: checked and wiped
 * @slot: taken from the dirty map by the worker
 *
 * The generation goes up, so that every handle of the past is refused.
 *
 * Return: false if it has no generation left; lab_slot_vacate() retires it.
 */
bool lab_slot_clean(struct lab_slot *slot)
{
	u64 word = lab_slot_word(slot);

	if (lab_last_generation(word))
		return false;
	return lab_slot_move(slot, word, lab_word(lab_word_gen(word) + 1, 0,
						  LABYRINTH_PAGE_READY));
}

/**
 * lab_slot_vacate - DIRTY or READY to VACANT: the block goes to the system
 * @slot: taken from the dirty map, a stack or a ring by the worker
 *
 * A DIRTY slot's generation goes up; one that has none left is RETIRED.
 *
 * Return: true if it is VACANT, false if RETIRED.
 */
bool lab_slot_vacate(struct lab_slot *slot)
{
	u64 word = lab_slot_word(slot);
	bool dirty = lab_word_state(word) == LABYRINTH_PAGE_DIRTY;

	if (dirty && lab_last_generation(word)) {
		lab_slot_move(slot, word, lab_word(lab_word_gen(word), 0,
						   LABYRINTH_PAGE_RETIRED));
		return false;
	}
	lab_slot_move(slot, word, lab_word(lab_word_gen(word) + dirty, 0,
					   LABYRINTH_PAGE_VACANT));
	return true;
}

/**
 * lab_slot_quarantine - DIRTY to QUARANTINED: it can't be proved clean
 * @slot: taken from the dirty map by the worker
 *
 * It goes on naming its last owner.
 *
 * Return: false if it is not DIRTY.
 */
bool lab_slot_quarantine(struct lab_slot *slot)
{
	u64 word = lab_slot_word(slot);

	return lab_word_state(word) == LABYRINTH_PAGE_DIRTY &&
	       lab_slot_move(slot, word, lab_word(lab_word_gen(word),
						  lab_word_owner(word),
						  LABYRINTH_PAGE_QUARANTINED));
}

/* === Stacks ============================================================== */

#define LAB_STACK_INDEX		GENMASK_ULL(24, 0)
#define LAB_STACK_COUNT_ONE	BIT_ULL(25)
#define LAB_STACK_COUNT		GENMASK_ULL(32, 25)
#define LAB_STACK_TAG_ONE	BIT_ULL(33)
#define LAB_STACK_TAG		GENMASK_ULL(63, 33)

static u64 lab_stack_head(u64 old, u64 count, u32 index)
{
	return ((old + LAB_STACK_TAG_ONE) & LAB_STACK_TAG) |
	       (count & LAB_STACK_COUNT) | index;
}

void lab_stack_init(struct lab_stack *stack)
{
	atomic64_set(&stack->head, LAB_NIL);
}

/**
 * lab_stack_take - take the top slot
 * @reg: the registry
 * @stack: from where
 * @tries: exchanges to try at most, 0 for no limit
 *
 * Context: any. A try fails only if somebody else's succeeded in between: on a
 * CPU's own stack that is a context nested in this one, or the worker.
 *
 * Return: its index; LAB_NIL if there is none, or @tries did not do.
 */
u32 lab_stack_take(struct lab_registry *reg, struct lab_stack *stack,
		   unsigned int tries)
{
	/* Acquire pairs with the exchange in lab_stack_put(): ->next is there. */
	s64 old = atomic64_read_acquire(&stack->head);
	u32 index;
	u64 new;

	do {
		index = (u32)((u64)old & LAB_STACK_INDEX);
		if (index == LAB_NIL)
			return LAB_NIL;
		new = lab_stack_head((u64)old, (u64)old - LAB_STACK_COUNT_ONE,
				     READ_ONCE(reg->slot[index].next));
		/* Full barrier on success; a failed one rereads, unordered, */
		if (atomic64_try_cmpxchg(&stack->head, &old, (s64)new))
			return index;
		/* so order ->next of the next round after it here. */
		smp_rmb();
	} while (--tries);

	return LAB_NIL;
}

/**
 * lab_stack_put - put a slot on top
 * @reg: the registry
 * @stack: where
 * @index: a slot that the caller alone holds
 *
 * Context: process (lock-free, but not bounded).
 *
 * Return: how many it has now, modulo 256.
 */
u32 lab_stack_put(struct lab_registry *reg, struct lab_stack *stack, u32 index)
{
	s64 old = atomic64_read(&stack->head);
	u64 new;

	do {
		WRITE_ONCE(reg->slot[index].next,
			   (u32)((u64)old & LAB_STACK_INDEX));
		new = lab_stack_head((u64)old, (u64)old + LAB_STACK_COUNT_ONE,
				     index);
	} while (!atomic64_try_cmpxchg(&stack->head, &old, (s64)new));

	return (u32)((new & LAB_STACK_COUNT) / LAB_STACK_COUNT_ONE);
}

/* The top slot's index, for verify and for a look without taking. */
u32 lab_stack_top(const struct lab_stack *stack)
{
	return (u32)((u64)atomic64_read_acquire(&stack->head) & LAB_STACK_INDEX);
}

u32 lab_stack_count(const struct lab_stack *stack)
{
	u64 head = (u64)atomic64_read(&stack->head);

	return (u32)((head & LAB_STACK_COUNT) / LAB_STACK_COUNT_ONE);
}

/**
 * lab_vacant_take - a slot for a block that is about to come
 * @reg: the registry
 *
 * Context: any but NMI (not bounded).
 *
 * Return: the slot, held by the caller alone, or NULL: all are taken.
 */
struct lab_slot *lab_vacant_take(struct lab_registry *reg)
{
	u32 index = lab_stack_take(reg, &reg->vacant, 0);

	if (index == LAB_NIL)
		return NULL;
	atomic_long_dec(&reg->vacants);
	return &reg->slot[index];
}

void lab_vacant_put(struct lab_registry *reg, struct lab_slot *slot)
{
	lab_stack_put(reg, &reg->vacant, lab_slot_index(reg, slot));
	atomic_long_inc(&reg->vacants);
}

/* === Rings =============================================================== */

/* A failed claim's undoing can uncover what it hid: try that once more. */
#define LAB_CLAIM_TRIES		2

int lab_ring_init(struct lab_ring *ring, u32 entries)
{
	u32 size = roundup_pow_of_two(entries), i;

	ring->entry = vzalloc(size * sizeof(*ring->entry));
	if (!ring->entry)
		return -ENOMEM;
	for (i = 0; i < size; i++)
		atomic_set(&ring->entry[i], LAB_NIL);
	ring->mask = size - 1;
	ring->tail = 0;
	atomic_set(&ring->head, 0);
	atomic_long_set(&ring->available, 0);
	atomic_long_set(&ring->emergency, 0);
	return 0;
}

void lab_ring_exit(struct lab_ring *ring)
{
	vfree(ring->entry);
	ring->entry = NULL;
}

/**
 * lab_claim - claim one of what a count allows
 * @count: of the entries that the caller may claim
 *
 * Wait-free. Of n concurrent claims on a count of n all succeed. One too many
 * takes the count below zero until it has put back what it took; a claim that
 * fails for that alone is uncovered by the last to put back, who tries again.
 *
 * Context: any.
 *
 * Return: true if the caller must now call lab_ring_take().
 */
bool lab_claim(atomic_long_t *count)
{
	int tries = LAB_CLAIM_TRIES;

	do {
		if (atomic_long_read(count) <= 0)
			return false;
		/* Full barrier; pairs with the release in lab_ring_put(). */
		if (atomic_long_fetch_add(-1, count) > 0)
			return true;
	} while (atomic_long_fetch_add(1, count) >= 0 && --tries);

	return false;
}

/**
 * lab_ring_take - take the entry that a claim has promised
 * @ring: whose count was claimed
 *
 * Claims never outnumber puts, so the entry at this caller's place has been
 * put, and only this caller comes to that place.
 *
 * Context: any.
 *
 * Return: the slot's index.
 */
u32 lab_ring_take(struct lab_ring *ring)
{
	u32 place = (u32)atomic_fetch_add(1, &ring->head);

	/* Release half: lab_ring_put() sees LAB_NIL only after the take. */
	return (u32)atomic_xchg(&ring->entry[place & ring->mask], (int)LAB_NIL);
}

/**
 * lab_ring_put - put a slot in, and let somebody claim it
 * @ring: where
 * @index: a READY slot that the caller alone holds
 * @count: the count that goes up
 *
 * Context: the worker.
 *
 * Return: false if there is no room: the ring is full, or whoever claimed the
 * entry a round ago has not come to take it yet.
 */
bool lab_ring_put(struct lab_ring *ring, u32 index, atomic_long_t *count)
{
	atomic_t *entry = &ring->entry[ring->tail & ring->mask];

	/* Acquire pairs with the exchange in lab_ring_take(). */
	if (atomic_read_acquire(entry) != (int)LAB_NIL)
		return false;
	atomic_set(entry, (int)index);
	ring->tail++;
	/* Release pairs with the claim: who claims finds the entry. */
	atomic_long_fetch_add_release(1, count);
	return true;
}

/* === The dirty map ======================================================= */

/**
 * lab_dirty_mark - tell the worker of a slot that has become DIRTY
 * @dirty: the map
 * @index: the slot
 *
 * Context: any.
 */
void lab_dirty_mark(struct lab_dirty *dirty, u32 index)
{
	u32 chunk = index / BITS_PER_LONG / LAB_DIRTY_CHUNK;
	atomic_long_t *summary = &dirty->chunk[chunk / BITS_PER_LONG];
	long bit = (long)BIT(chunk % BITS_PER_LONG);

	/*
	 * Fully ordered, as is the worker's clearing of the summary: either this
	 * read sees it cleared, or the worker's scan sees the bit.
	 */
	atomic_long_fetch_or((long)BIT(index % BITS_PER_LONG),
			     &dirty->bit[index / BITS_PER_LONG]);
	if (!(atomic_long_read(summary) & bit))
		atomic_long_fetch_or(bit, summary);
}

static u32 lab_dirty_scan(struct lab_dirty *dirty, u32 chunk)
{
	u32 word = chunk * LAB_DIRTY_CHUNK;
	u32 end = min(word + LAB_DIRTY_CHUNK, dirty->words);

	for (; word < end; word++) {
		unsigned long bits = (unsigned long)atomic_long_read(&dirty->bit[word]);

		if (bits) {
			u32 bit = (u32)__ffs(bits);

			/* Acquire half: what the freer wrote is seen. */
			atomic_long_fetch_andnot((long)BIT(bit), &dirty->bit[word]);
			return word * BITS_PER_LONG + bit;
		}
	}
	return LAB_NIL;
}

/**
 * lab_dirty_next - take a slot out of the map
 * @dirty: the map
 *
 * Context: the worker.
 *
 * Return: its index, or LAB_NIL if there was none.
 */
u32 lab_dirty_next(struct lab_dirty *dirty)
{
	u32 i;

	for (i = 0; i < dirty->chunks; i++) {
		unsigned long chunks;

		while ((chunks = (unsigned long)atomic_long_read(&dirty->chunk[i]))) {
			u32 chunk = (u32)__ffs(chunks);
			u32 index = lab_dirty_scan(dirty, i * BITS_PER_LONG + chunk);

			if (index != LAB_NIL)
				return index;
			/* Clear first, then look again: see lab_dirty_mark(). */
			atomic_long_fetch_andnot((long)BIT(chunk), &dirty->chunk[i]);
			index = lab_dirty_scan(dirty, i * BITS_PER_LONG + chunk);
			if (index != LAB_NIL) {
				atomic_long_fetch_or((long)BIT(chunk),
						     &dirty->chunk[i]);
				return index;
			}
		}
	}
	return LAB_NIL;
}

bool lab_dirty_test(const struct lab_dirty *dirty, u32 index)
{
	return atomic_long_read(&dirty->bit[index / BITS_PER_LONG]) &
	       (long)BIT(index % BITS_PER_LONG);
}

/* === The registry ======================================================== */

static int lab_dirty_init(struct lab_dirty *dirty, u32 slots)
{
	u32 chunks;

	dirty->words = DIV_ROUND_UP(slots, BITS_PER_LONG);
	chunks = DIV_ROUND_UP(dirty->words, LAB_DIRTY_CHUNK);
	dirty->chunks = DIV_ROUND_UP(chunks, BITS_PER_LONG);
	dirty->bit = vzalloc(dirty->words * sizeof(*dirty->bit));
	dirty->chunk = vzalloc(dirty->chunks * sizeof(*dirty->chunk));
	return dirty->bit && dirty->chunk ? 0 : -ENOMEM;
}

/**
 * lab_registry_init - make a registry with every slot VACANT
 * @reg: zeroed
 * @slots: capacity, 1 to LAB_MAX_SLOTS
 *
 * Return: 0, -EINVAL, or -ENOMEM; lab_registry_exit() is right after each.
 */
int lab_registry_init(struct lab_registry *reg, u32 slots)
{
	u32 i;

	if (!slots || slots > LAB_MAX_SLOTS)
		return -EINVAL;
	reg->slot = vzalloc(slots * sizeof(*reg->slot));
	if (!reg->slot || lab_dirty_init(&reg->dirty, slots))
		return -ENOMEM;
	reg->slots = slots;
	for (i = 0; i < slots; i++) {
		/* Generation 0 is nobody's, so that no handle is 0. */
		atomic64_set(&reg->slot[i].word,
			     (s64)lab_word(1, 0, LABYRINTH_PAGE_VACANT));
		reg->slot[i].next = i + 1 < slots ? i + 1 : LAB_NIL;
	}
	atomic64_set(&reg->vacant.head, 0);
	atomic_long_set(&reg->vacants, slots);
	atomic_long_set(&reg->taken, 0);
	return 0;
}

void lab_registry_exit(struct lab_registry *reg)
{
	vfree(reg->dirty.chunk);
	vfree(reg->dirty.bit);
	vfree(reg->slot);
}

/**
 * lab_registry_slot - the slot that a handle names, whoever made it up
 * @reg: the registry
 * @handle: any 64 bits
 *
 * Context: any.
 *
 * Return: the slot, or NULL if there is none of that index.
 */
struct lab_slot *lab_registry_slot(const struct lab_registry *reg, u64 handle)
{
	u32 index = lab_handle_index(handle);

	return index < reg->slots ? &reg->slot[index] : NULL;
}
