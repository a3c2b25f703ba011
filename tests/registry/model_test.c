// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random sequences of operations, one thread, against a model made of arrays:
 * every return value is compared, and every so often the whole state.
 */
#include <string.h>

#include "test.h"

#define MAX_SLOTS	5000
#define OWNERS		4
#define STACKS		2
#define COUNTS		3
#define INBOX_MOST	5

/* What should be. */
static struct {
	u32 slots, ring_size;
	u64 gen[MAX_SLOTS];
	u32 owner[MAX_SLOTS];
	u8 state[MAX_SLOTS];
	u8 order[MAX_SLOTS];
	bool dirty[MAX_SLOTS];
	/* Slots from the bottom up; the last stack is that of the vacant. */
	u32 stack[STACKS + 1][MAX_SLOTS], depth[STACKS + 1];
	u32 tag[STACKS + 1];
	u32 ring[2 * MAX_SLOTS], head, tail;
	long count[COUNTS];
	/* What is on its way to each owner, and how much of it there may be. */
	u32 inbox[OWNERS + 1][INBOX_MOST], came[OWNERS + 1], went[OWNERS + 1];
} model;

/* What is. */
static struct lab_registry reg;
static struct lab_ring ring;
static struct lab_stack stacks[STACKS];
static atomic_long_t credit;
static struct lab_queue inbox[OWNERS + 1];
static struct rng rng;

static struct lab_stack *stack_of(u32 s)
{
	return s < STACKS ? &stacks[s] : &reg.vacant;
}

static atomic_long_t *count_of(u32 c)
{
	return c == 0 ? &ring.available : c == 1 ? &ring.emergency : &credit;
}

/* One to four, and five for the first. */
static u32 places(u32 owner)
{
	return owner == 1 ? INBOX_MOST : owner;
}

static u32 model_waiting(u32 owner)
{
	return model.came[owner] - model.went[owner];
}

static u32 model_next(u32 owner, u32 ahead)
{
	return ahead < model_waiting(owner) ?
	       model.inbox[owner][(model.went[owner] + ahead) % INBOX_MOST] :
	       LAB_NIL;
}

static u64 model_word(u32 i)
{
	return lab_word(model.gen[i], model.owner[i], model.state[i]);
}

static void model_set(u32 i, u64 gen, u32 owner, u8 state)
{
	model.gen[i] = gen;
	model.owner[i] = owner;
	model.state[i] = state;
}

static u32 model_top(u32 s)
{
	return model.depth[s] ? model.stack[s][model.depth[s] - 1] : LAB_NIL;
}

static void compare_slot(u32 i)
{
	CHECK_EQ(lab_slot_word(&reg.slot[i]), model_word(i));
	CHECK_EQ(reg.slot[i].order, model.order[i]);
	CHECK_EQ(lab_dirty_test(&reg.dirty, i), model.dirty[i]);
}

static void compare_stack(u32 s)
{
	u64 head = (u64)atomic64_read(&stack_of(s)->head);

	CHECK_EQ(head & GENMASK_ULL(24, 0), model_top(s));
	CHECK_EQ((head >> 25) & 0xff, s < STACKS ? model.depth[s] % 256 :
		 (head >> 25) & 0xff);
	CHECK_EQ(head >> 33, model.tag[s]);
}

static void compare_inbox(u32 owner)
{
	u32 n;

	CHECK_EQ(atomic_long_read(&inbox[owner].room),
		 places(owner) - model_waiting(owner));
	for (n = 0; n <= INBOX_MOST; n++)
		CHECK_EQ(lab_queue_peek(&inbox[owner], n), model_next(owner, n));
}

static void compare_all(void)
{
	u32 i, s, n, index;

	for (i = 0; i < model.slots; i++)
		compare_slot(i);
	for (i = 1; i <= OWNERS; i++)
		compare_inbox(i);
	for (s = 0; s <= STACKS; s++) {
		compare_stack(s);
		index = lab_stack_top(stack_of(s));
		for (n = model.depth[s]; n--; index = reg.slot[index].next)
			if (!CHECK_EQ(index, model.stack[s][n]))
				return;
		CHECK_EQ(index, LAB_NIL);
	}
	for (i = 0; i < COUNTS; i++)
		CHECK_EQ(atomic_long_read(count_of(i)), model.count[i]);
	CHECK_EQ(atomic_long_read(&reg.vacants), model.depth[STACKS]);
	for (i = 0; i < model.ring_size; i++) {
		u32 n_puts = model.head + ((i - model.head) & ring.mask);

		CHECK_EQ(atomic_read(&ring.entry[i]), n_puts < model.tail ?
			 model.ring[n_puts % (2 * MAX_SLOTS)] : LAB_NIL);
	}
}

/* === Steps of the model and of the registry ============================== */

static void put_stack(u32 s, u32 i)
{
	model.stack[s][model.depth[s]++] = i;
	model.tag[s] = (model.tag[s] + 1) & 0x7fffffff;
	if (s == STACKS)
		lab_vacant_put(&reg, &reg.slot[i]);
	else
		CHECK_EQ(lab_stack_put(&reg, &stacks[s], i),
			 model.depth[s] % 256);
	compare_stack(s);
}

static u32 take_stack(u32 s)
{
	u32 expected = model_top(s), index;

	if (expected != LAB_NIL) {
		model.depth[s]--;
		model.tag[s] = (model.tag[s] + 1) & 0x7fffffff;
	}
	if (s == STACKS) {
		struct lab_slot *slot = lab_vacant_take(&reg);

		index = slot ? lab_slot_index(&reg, slot) : LAB_NIL;
	} else {
		index = lab_stack_take(&reg, &stacks[s], rng_below(&rng, 3));
	}
	compare_stack(s);
	return CHECK_EQ(index, expected) ? index : LAB_NIL;
}

static u32 take_ring(u32 c)
{
	bool claimed = lab_claim(count_of(c));
	u32 expected;

	CHECK_EQ(claimed, model.count[c] > 0);
	if (!claimed || test_failed())
		return LAB_NIL;
	model.count[c]--;
	expected = model.ring[model.head++ % (2 * MAX_SLOTS)];
	return CHECK_EQ(lab_ring_take(&ring), expected) ? expected : LAB_NIL;
}

/* A READY slot goes where it may be found. */
static void place(u32 i)
{
	u32 c = rng_below(&rng, COUNTS + STACKS);
	bool fits = model.tail - model.head < model.ring_size;

	if (c < COUNTS) {
		CHECK_EQ(lab_ring_put(&ring, i, count_of(c)), fits);
		if (fits) {
			model.ring[model.tail++ % (2 * MAX_SLOTS)] = i;
			model.count[c]++;
			return;
		}
	}
	put_stack(c % STACKS, i);
}

static void vacate(u32 i)
{
	bool dirty = model.state[i] == LABYRINTH_PAGE_DIRTY;
	bool retire = dirty && model.gen[i] == LAST_GEN;

	CHECK_EQ(lab_slot_vacate(&reg.slot[i]), !retire);
	model_set(i, model.gen[i] + (dirty && !retire), 0,
		  retire ? LABYRINTH_PAGE_RETIRED : LABYRINTH_PAGE_VACANT);
	compare_slot(i);
	if (!retire)
		put_stack(STACKS, i);
}

static void fill_or_enter(void)
{
	u32 i = take_stack(STACKS), owner = 1 + rng_below(&rng, OWNERS);
	u8 order = (u8)rng_below(&rng, 10);

	if (i == LAB_NIL)
		return;
	if (rng_below(&rng, 2)) {
		lab_slot_fill(&reg.slot[i], &model);
		model_set(i, model.gen[i], 0, LABYRINTH_PAGE_READY);
		model.order[i] = 0;
		place(i);
	} else {
		model_set(i, model.gen[i], owner, LABYRINTH_PAGE_OWNED);
		model.order[i] = order;
		CHECK_EQ(lab_slot_enter(&reg.slot[i], &model, order, owner),
			 model_word(i));
	}
	compare_slot(i);
}

static void alloc(void)
{
	u32 source = rng_below(&rng, COUNTS + STACKS);
	u32 owner = 1 + rng_below(&rng, OWNERS);
	u64 word;
	u32 i;

	i = source < COUNTS ? take_ring(source) : take_stack(source - COUNTS);
	if (i == LAB_NIL)
		return;
	if (!rng_below(&rng, 8)) {
		vacate(i);
		return;
	}
	CHECK(lab_slot_own(&reg.slot[i], owner, &word));
	model_set(i, model.gen[i], owner, LABYRINTH_PAGE_OWNED);
	CHECK_EQ(word, model_word(i));
	CHECK(!lab_slot_own(&reg.slot[i], owner, &word));
	compare_slot(i);
}

/* Any caller with any handle on any slot: often the right ones. */
struct attempt {
	u32 i, owner;
	u64 gen, handle;
	bool holds;
};

static struct attempt attempt(void)
{
	struct attempt a = { .i = rng_below(&rng, model.slots) };

	a.owner = rng_below(&rng, 4) ? model.owner[a.i] :
				       1 + rng_below(&rng, OWNERS);
	a.gen = rng_below(&rng, 4) ? model.gen[a.i] :
				     model.gen[a.i] - 2 + rng_below(&rng, 4);
	a.handle = lab_handle(lab_word(a.gen, 0, 0), a.i);
	a.holds = (a.gen & LAST_GEN) == model.gen[a.i] &&
		  a.owner == model.owner[a.i];
	CHECK(lab_registry_slot(&reg, a.handle) == &reg.slot[a.i]);
	return a;
}

static const struct arrow {
	bool (*move)(struct lab_slot *slot, u64 handle, u32 owner);
	u8 from, to;
} arrows[] = {
	{ lab_slot_leave, LABYRINTH_PAGE_OWNED, LABYRINTH_PAGE_LEAVING },
	{ lab_slot_stay, LABYRINTH_PAGE_LEAVING, LABYRINTH_PAGE_OWNED },
	{ lab_slot_free, LABYRINTH_PAGE_OWNED, LABYRINTH_PAGE_DIRTY },
	{ lab_slot_gone, LABYRINTH_PAGE_LEAVING, LABYRINTH_PAGE_DIRTY },
	{ lab_slot_take, LABYRINTH_PAGE_TRANSIT, LABYRINTH_PAGE_OWNED },
	{ lab_slot_drop, LABYRINTH_PAGE_TRANSIT, LABYRINTH_PAGE_DIRTY },
};

static void try_arrow(const struct arrow *arrow, const struct attempt *a)
{
	bool may = a->holds && model.state[a->i] == arrow->from;

	CHECK_EQ(arrow->move(&reg.slot[a->i], a->handle, a->owner), may);
	if (may) {
		model.state[a->i] = arrow->to;
		if (arrow->to == LABYRINTH_PAGE_DIRTY) {
			lab_dirty_mark(&reg.dirty, a->i);
			model.dirty[a->i] = true;
		}
	}
	compare_slot(a->i);
}

/* Take and drop too: as a sweep that does not look at the queue. */
static void handle_arrow(void)
{
	struct attempt a = attempt();

	try_arrow(&arrows[rng_below(&rng, ARRAY_SIZE(arrows))], &a);
}

/* The place first; then the word; then the queue, or the place is given back. */
static void give(void)
{
	struct attempt a = attempt();
	u32 to = 1 + rng_below(&rng, OWNERS);
	bool pass = rng_below(&rng, 2);
	bool room = model_waiting(to) < places(to), moved;
	bool may = a.holds && model.state[a.i] == (pass ?
			LABYRINTH_PAGE_LEAVING : LABYRINTH_PAGE_OWNED);

	CHECK_EQ(lab_claim(&inbox[to].room), room);
	if (!room || test_failed())
		return;
	moved = (pass ? lab_slot_pass : lab_slot_give)(&reg.slot[a.i], a.handle,
						       a.owner, to);
	CHECK_EQ(moved, may);
	if (may) {
		model_set(a.i, model.gen[a.i] + (model.gen[a.i] != LAST_GEN),
			  to, LABYRINTH_PAGE_TRANSIT);
		model.inbox[to][model.came[to]++ % INBOX_MOST] = a.i;
		lab_queue_put(&inbox[to], a.i);
	} else {
		atomic_long_fetch_add(1, &inbox[to].room);
	}
	compare_slot(a.i);
	compare_inbox(to);
}

/* What was swept meanwhile, or is somebody's again, is refused. */
static void receive(void)
{
	u32 owner = 1 + rng_below(&rng, OWNERS);
	u32 i = model_next(owner, 0);
	struct attempt a = { .i = i, .owner = owner };

	CHECK_EQ(lab_queue_take(&inbox[owner]), i);
	if (i == LAB_NIL || test_failed())
		return;
	model.went[owner]++;
	compare_inbox(owner);
	a.handle = lab_handle(lab_slot_word(&reg.slot[i]), i);
	a.holds = owner == model.owner[i];
	try_arrow(&arrows[rng_below(&rng, 8) ? 4 : 5], &a);
}

static void recycle(void)
{
	u32 i, expected = 0;

	while (expected < model.slots && !model.dirty[expected])
		expected++;
	if (expected == model.slots)
		expected = LAB_NIL;
	i = lab_dirty_next(&reg.dirty, 0);
	if (!CHECK_EQ(i, expected) || i == LAB_NIL)
		return;
	model.dirty[i] = false;
	if (!rng_below(&rng, 4096)) {
		CHECK(lab_slot_quarantine(&reg.slot[i]));
		model.state[i] = LABYRINTH_PAGE_QUARANTINED;
	} else if (model.order[i] || !rng_below(&rng, 4)) {
		vacate(i);
	} else if (model.gen[i] == LAST_GEN) {
		CHECK(!lab_slot_clean(&reg.slot[i]));
		compare_slot(i);
		vacate(i);
	} else {
		CHECK(lab_slot_clean(&reg.slot[i]));
		model_set(i, model.gen[i] + 1, 0, LABYRINTH_PAGE_READY);
		place(i);
	}
	compare_slot(i);
}

/* === Runs ================================================================ */

static bool begin(u32 slots, u32 entries)
{
	u32 i;

	reg = (struct lab_registry){};
	credit = (atomic_long_t){};
	memset(&model, 0, sizeof(model));
	model.slots = slots;
	if (!CHECK_EQ(lab_registry_init(&reg, slots), 0) ||
	    !CHECK_EQ(lab_ring_init(&ring, entries), 0))
		return false;
	model.ring_size = ring.mask + 1;
	/* The ends of the ring wrap in the middle of the run. */
	ring.tail = 0U - model.ring_size * 4;
	atomic_set(&ring.head, (int)ring.tail);
	for (i = 1; i <= OWNERS; i++) {
		if (!CHECK_EQ(lab_queue_init(&inbox[i], places(i)), 0))
			return false;
		inbox[i].head = 0U - 20;
		atomic_set(&inbox[i].tail, (int)inbox[i].head);
	}
	for (i = 0; i < STACKS; i++)
		lab_stack_init(&stacks[i]);
	for (i = 0; i < slots; i++) {
		model.stack[STACKS][model.depth[STACKS]++] = slots - 1 - i;
		/* A few have not much life left. */
		model_set(i, i % 8 ? 1 : LAST_GEN - rng_below(&rng, 40), 0,
			  LABYRINTH_PAGE_VACANT);
		slot_set(&reg.slot[i], model.gen[i], 0, LABYRINTH_PAGE_VACANT);
	}
	compare_all();
	return true;
}

static void random_run(u32 slots, u32 entries, u64 steps)
{
	static void (*const step[])(void) = {
		fill_or_enter, alloc, alloc, alloc, handle_arrow, handle_arrow,
		handle_arrow, handle_arrow, recycle, recycle, give, give,
		receive, give, receive,
	};
	u64 i;
	u32 o;

	if (!begin(slots, entries))
		return;
	for (i = 0; i < steps && !test_failed(); i++) {
		/* Phases: now more comes than goes, now the other way round. */
		u32 low = (i / 5000) % 3 == 1 ? 4 : 0;
		u32 high = (i / 5000) % 3 == 2 ? 4 : ARRAY_SIZE(step);

		step[low + rng_below(&rng, high - low)]();
		if (!(i % 4999))
			compare_all();
	}
	compare_all();
	for (o = 1; o <= OWNERS; o++)
		lab_queue_exit(&inbox[o]);
	lab_ring_exit(&ring);
	lab_registry_exit(&reg);
	test_ops(i);
}

static void small(void)
{
	u32 i;

	rng = rng_of(20);
	for (i = 0; i < TEST_ROUNDS(200) && !test_failed(); i++)
		random_run(1 + rng_below(&rng, 12), 1 + rng_below(&rng, 8), 5000);
}

static void middle(void)
{
	u32 i;

	rng = rng_of(21);
	for (i = 0; i < TEST_ROUNDS(10) && !test_failed(); i++)
		random_run(200 + rng_below(&rng, 200),
			   32 + rng_below(&rng, 200), 200000);
}

static void large(void)
{
	u32 owner;

	rng = rng_of(22);
	random_run(MAX_SLOTS, 4000, TEST_ROUNDS(600000));
	for (owner = 1; owner <= OWNERS; owner++)
		CHECK(model.went[owner] > 100);
}

const struct test model_tests[] = {
	{ "a few slots, at random: registry and model agree at every step",
	  small },
	{ "hundreds of slots, at random: registry and model agree at every step",
	  middle },
	{ "thousands of slots, at random: registry and model agree at every step",
	  large },
	{}
};
