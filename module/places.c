// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where slots are found: stacks, rings, queues and the dirty map. See registry.h.
 *
 * What any context may call here runs a bounded number of steps: a claim at
 * most LAB_CLAIM_TRIES additions and as many undone, a ring's take and a queue's
 * put two atomic operations, a stack's take at most its @tries exchanges, a mark
 * at most two.
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/vmalloc.h>

#include "registry.h"

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
 * @tries: exchanges to try at most; 0 for as many as it takes (2^32)
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
		lab_step();
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
 * Context: any but NMI (lock-free, but not bounded).
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

	ring->entry = __vmalloc(size * sizeof(*ring->entry), LAB_GFP_TABLE);
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
 * takes the count below zero until it has put back what it took; if a put was
 * hidden by that, the last to put back finds out, and tries again. (A second
 * put while it does can hide once more; so claims that fail in the middle of a
 * refill say nothing of the entries that come with it.)
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
		lab_step();
		/* Full barrier; pairs with the release in lab_ring_put(). */
		if (atomic_long_fetch_add(-1, count) > 0)
			return true;
		lab_step();
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

	lab_step();
	lab_step();
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

/* === Queues ============================================================== */

/* Return: 0, or -ENOMEM; lab_queue_exit() is right after both. */
int lab_queue_init(struct lab_queue *queue, u32 capacity)
{
	u32 size = roundup_pow_of_two(capacity), i;

	queue->entry = __vmalloc(size * sizeof(*queue->entry),
				 LAB_GFP_TABLE | __GFP_ACCOUNT);
	if (!queue->entry)
		return -ENOMEM;
	for (i = 0; i < size; i++)
		atomic_set(&queue->entry[i], LAB_NIL);
	queue->mask = size - 1;
	queue->capacity = capacity;
	queue->head = 0;
	atomic_set(&queue->tail, 0);
	atomic_long_set(&queue->room, capacity);
	return 0;
}

void lab_queue_exit(struct lab_queue *queue)
{
	vfree(queue->entry);
	queue->entry = NULL;
}

/**
 * lab_queue_put - put a slot in, at the place that a claim on @room has promised
 * @queue: where
 * @index: a slot that only the caller will tell of
 *
 * Context: any. Preemption off from before the claim, or before this call: until
 * it returns, what others have put behind it waits.
 */
void lab_queue_put(struct lab_queue *queue, u32 index)
{
	u32 place = (u32)atomic_fetch_add(1, &queue->tail);

	lab_step();
	lab_step();
	/* Release pairs with lab_queue_peek(): who finds it finds all of it. */
	atomic_set_release(&queue->entry[place & queue->mask], (int)index);
}

/**
 * lab_queue_peek - look at what will be taken
 * @queue: where
 * @ahead: 0 for what comes next, 1 for what comes after it, …
 *
 * Context: the receiver.
 *
 * Return: a slot's index, or LAB_NIL: there is none yet.
 */
u32 lab_queue_peek(const struct lab_queue *queue, u32 ahead)
{
	/* Who audits a module's inbox has no lock against its taking. */
	u32 place = READ_ONCE(queue->head) + ahead;

	if (ahead > queue->mask)
		return LAB_NIL;
	/* Acquire pairs with the release in lab_queue_put(). */
	return (u32)atomic_read_acquire(&queue->entry[place & queue->mask]);
}

/**
 * lab_queue_take - take the slot that has waited longest
 * @queue: where
 *
 * Context: the receiver.
 *
 * Return: its index, or LAB_NIL: there is none yet.
 */
u32 lab_queue_take(struct lab_queue *queue)
{
	u32 index = lab_queue_peek(queue, 0);

	if (index == LAB_NIL)
		return LAB_NIL;
	lab_step();
	atomic_set(&queue->entry[queue->head & queue->mask], LAB_NIL);
	WRITE_ONCE(queue->head, queue->head + 1);
	lab_step();
	/* Release pairs with the claim: who claims the room finds it empty. */
	atomic_long_fetch_add_release(1, &queue->room);
	return index;
}

/* === The dirty map ======================================================= */

/* Return: 0, or -ENOMEM; lab_dirty_exit() is right after both. */
int lab_dirty_init(struct lab_dirty *dirty, u32 slots)
{
	dirty->slots = slots;
	dirty->chunks = DIV_ROUND_UP(slots, LAB_DIRTY_SLOTS);
	dirty->bit = __vmalloc(DIV_ROUND_UP(slots, BITS_PER_LONG) *
			       sizeof(*dirty->bit), LAB_GFP_TABLE);
	dirty->chunk = __vmalloc(DIV_ROUND_UP(dirty->chunks, BITS_PER_LONG) *
				 sizeof(*dirty->chunk), LAB_GFP_TABLE);
	return dirty->bit && dirty->chunk ? 0 : -ENOMEM;
}

void lab_dirty_exit(struct lab_dirty *dirty)
{
	vfree(dirty->chunk);
	vfree(dirty->bit);
}

/**
 * lab_dirty_mark - tell the worker of a slot that has become DIRTY
 * @dirty: the map
 * @index: the slot
 *
 * Context: any.
 */
void lab_dirty_mark(struct lab_dirty *dirty, u32 index)
{
	u32 chunk = index / LAB_DIRTY_SLOTS;

	/*
	 * Fully ordered, as is the worker's clearing of the summary: either this
	 * read sees it cleared, or the worker's scan sees the bit. One
	 * instruction where an atomic's fetch_or is a loop (x86).
	 */
	lab_step();
	test_and_set_bit(index, dirty->bit);
	if (!test_bit(chunk, dirty->chunk)) {
		lab_step();
		test_and_set_bit(chunk, dirty->chunk);
	}
}

/* Take out the first slot of @chunk from @from on. */
static u32 lab_dirty_scan(struct lab_dirty *dirty, u32 chunk, u32 from)
{
	u32 index = max(from, chunk * LAB_DIRTY_SLOTS);
	u32 end = min((chunk + 1) * LAB_DIRTY_SLOTS, dirty->slots);

	while (index < end) {
		u32 word = index / BITS_PER_LONG;
		unsigned long bits = READ_ONCE(dirty->bit[word]) &
				     (~0UL << index % BITS_PER_LONG);

		if (bits) {
			u32 bit = word * BITS_PER_LONG + (u32)__ffs(bits);

			/* Acquire half: what the freer wrote is seen. */
			test_and_clear_bit(bit, dirty->bit);
			return bit;
		}
		index = (word + 1) * BITS_PER_LONG;
	}
	return LAB_NIL;
}

/**
 * lab_dirty_next - take the next slot out of the map
 * @dirty: the map
 * @from: where to look from; going on behind what was found makes a pass, which
 *	ends, and has found whatever was marked before it began
 *
 * Context: the worker.
 *
 * Return: its index, or LAB_NIL if there is none from there on.
 */
u32 lab_dirty_next(struct lab_dirty *dirty, u32 from)
{
	u32 chunk, index;

	for (chunk = from / LAB_DIRTY_SLOTS; chunk < dirty->chunks; chunk++) {
		if (!test_bit(chunk, dirty->chunk))
			continue;
		index = lab_dirty_scan(dirty, chunk, from);
		if (index != LAB_NIL)
			return index;
		/* Before @from there may be some: left to the next pass. */
		if (from > chunk * LAB_DIRTY_SLOTS)
			continue;
		/* Clear first, then look again: see lab_dirty_mark(). */
		test_and_clear_bit(chunk, dirty->chunk);
		index = lab_dirty_scan(dirty, chunk, from);
		if (index != LAB_NIL) {
			test_and_set_bit(chunk, dirty->chunk);
			return index;
		}
	}
	return LAB_NIL;
}

bool lab_dirty_test(const struct lab_dirty *dirty, u32 index)
{
	return test_bit(index, dirty->bit);
}
