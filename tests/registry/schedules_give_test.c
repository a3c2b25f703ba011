// SPDX-License-Identifier: GPL-2.0-only
/*
 * Give, take and drop against each other and the rest, in every way to take
 * turns.
 *
 * An arrow is one step: the word as it must be, @word, is moved at the same
 * instant, and each arrow must succeed exactly where it stands for that.
 */
#include "bounds.h"
#include "schedules.h"
#include "test.h"

#define SLOT		2
#define A		9
#define B		10
#define C		11
#define OWNERS		16
#define OLD		lab_handle(LAB_GEN_ONE, SLOT)

static struct lab_registry reg;
static struct lab_queue inbox[OWNERS];
static const u32 receivers[] = { A, B, C };
static u64 word;
static u32 ends;

static void begin_in(enum labyrinth_page_state state)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(receivers); i++) {
		struct lab_queue *queue = &inbox[receivers[i]];

		atomic_set(&queue->entry[0], LAB_NIL);
		atomic_long_set(&queue->room, 1);
		atomic_set(&queue->tail, 0);
		queue->head = 0;
	}
	word = lab_word(1, A, state);
	slot_set(&reg.slot[SLOT], 1, A, state);
	lab_dirty_next(&reg.dirty, 0);
	ends = 0;
}

static void begin_owned(void)
{
	begin_in(LABYRINTH_PAGE_OWNED);
}

static void begin_leaving(void)
{
	begin_in(LABYRINTH_PAGE_LEAVING);
}

static void try_all(const struct scenario *scenario)
{
	size_t i;

	if (TEST_TSAN) {
		test_skip("ThreadSanitizer can't follow coroutines");
		return;
	}
	reg = (struct lab_registry){};
	if (!CHECK_EQ(lab_registry_init(&reg, 8), 0))
		return;
	for (i = 0; i < ARRAY_SIZE(receivers); i++)
		CHECK_EQ(lab_queue_init(&inbox[receivers[i]], 1), 0);
	test_ops(schedule_all(scenario));
	for (i = 0; i < ARRAY_SIZE(receivers); i++)
		lab_queue_exit(&inbox[receivers[i]]);
	lab_registry_exit(&reg);
}

/* === Arrows, judged ====================================================== */

static struct lab_slot *slot(void)
{
	return &reg.slot[SLOT];
}

static bool judged(bool moved, u64 from, u64 to)
{
	CHECK_EQ(moved, word == from);
	if (moved)
		word = to;
	return moved;
}

static bool arrow(bool (*move)(struct lab_slot *, u64, u32), u64 handle,
		  u32 owner, enum labyrinth_page_state from,
		  enum labyrinth_page_state to)
{
	bool moved = false;

	BOUNDED(BOUND_ARROW)
		moved = move(slot(), handle, owner);
	return judged(moved, lab_handle_word(handle, owner, from),
		      lab_handle_word(handle, owner, to));
}

static void mark(void)
{
	ends++;
	lab_dirty_mark(&reg.dirty, SLOT);
}

static bool free_it(u64 handle, u32 owner)
{
	bool freed = arrow(lab_slot_free, handle, owner, LABYRINTH_PAGE_OWNED,
			   LABYRINTH_PAGE_DIRTY);

	if (freed)
		mark();
	return freed;
}

/* As module/inbox.c: the place first, then the word, then the queue. */
static bool give(bool (*move)(struct lab_slot *, u64, u32, u32), u64 handle,
		 u32 owner, u32 to)
{
	enum labyrinth_page_state from = move == lab_slot_give ?
		LABYRINTH_PAGE_OWNED : LABYRINTH_PAGE_LEAVING;
	u64 next = lab_word((handle >> LAB_INDEX_BITS) + 1, to,
			    LABYRINTH_PAGE_TRANSIT);
	bool moved = false;

	if (!lab_claim(&inbox[to].room))
		return false;
	BOUNDED(BOUND_ARROW)
		moved = move(slot(), handle, owner, to);
	if (!judged(moved, lab_handle_word(handle, owner, from), next)) {
		atomic_long_fetch_add(1, &inbox[to].room);
		return false;
	}
	lab_queue_put(&inbox[to], SLOT);
	return true;
}

/* Return: the handle, or 0. */
static u64 receive(u32 owner)
{
	u32 index = lab_queue_take(&inbox[owner]);
	u64 handle;

	if (index == LAB_NIL)
		return 0;
	CHECK_EQ(index, SLOT);
	handle = lab_handle(lab_slot_word(slot()), SLOT);
	return arrow(lab_slot_take, handle, owner, LABYRINTH_PAGE_TRANSIT,
		     LABYRINTH_PAGE_OWNED) ? handle : 0;
}

/* The owner's end: whatever is on its way to it. */
static bool sweep(u32 owner)
{
	u64 handle = lab_handle(lab_slot_word(slot()), SLOT);
	bool dropped = arrow(lab_slot_drop, handle, owner,
			     LABYRINTH_PAGE_TRANSIT, LABYRINTH_PAGE_DIRTY);

	if (dropped)
		mark();
	return dropped;
}

/* === Give against free =================================================== */

static void a_gives_b(void)
{
	give(lab_slot_give, OLD, A, B);
}

static void a_gives_c(void)
{
	give(lab_slot_give, OLD, A, C);
}

static void a_frees(void)
{
	free_it(OLD, A);
}

static void a_leaves_and_passes(void)
{
	if (arrow(lab_slot_leave, OLD, A, LABYRINTH_PAGE_OWNED,
		  LABYRINTH_PAGE_LEAVING) &&
	    !give(lab_slot_pass, OLD, A, B))
		arrow(lab_slot_stay, OLD, A, LABYRINTH_PAGE_LEAVING,
		      LABYRINTH_PAGE_OWNED);
}

/* In one place: a queue, once, with its word; or freed. Then it ends once. */
static void end(void)
{
	u32 queued = 0;
	size_t i;
	u64 handle;

	CHECK_EQ(lab_slot_word(slot()), word);
	for (i = 0; i < ARRAY_SIZE(receivers); i++) {
		u32 owner = receivers[i];

		CHECK_EQ(atomic_long_read(&inbox[owner].room),
			 lab_queue_peek(&inbox[owner], 0) == LAB_NIL);
		if (lab_queue_peek(&inbox[owner], 0) == LAB_NIL)
			continue;
		queued++;
		CHECK(ends || lab_word_owner(word) == owner);
		handle = receive(owner);
		CHECK_EQ(!handle, ends);
		if (handle)
			CHECK(free_it(handle, owner));
	}
	CHECK(queued <= 1);
	if (!ends)
		CHECK(free_it(lab_handle(word, SLOT), lab_word_owner(word)));
	CHECK_EQ(ends, 1);
	CHECK_EQ(lab_dirty_next(&reg.dirty, 0), SLOT);
	CHECK_EQ(lab_dirty_next(&reg.dirty, 0), LAB_NIL);
}

static void give_or_free(void)
{
	try_all(&(struct scenario){
		.begin = begin_owned,
		.thread = { a_gives_b, a_frees, a_gives_c },
		.end = end, .switches = 6,
	});
}

static void pass_or_free(void)
{
	try_all(&(struct scenario){
		.begin = begin_owned,
		.thread = { a_leaves_and_passes, a_frees, a_gives_c },
		.end = end, .switches = 6,
	});
}

/* === Pass against the owner's end ======================================== */

static void a_passes(void)
{
	give(lab_slot_pass, OLD, A, B);
}

static void a_is_gone(void)
{
	if (arrow(lab_slot_gone, OLD, A, LABYRINTH_PAGE_LEAVING,
		  LABYRINTH_PAGE_DIRTY))
		mark();
}

static void a_stays_and_gives(void)
{
	if (arrow(lab_slot_stay, OLD, A, LABYRINTH_PAGE_LEAVING,
		  LABYRINTH_PAGE_OWNED))
		give(lab_slot_give, OLD, A, C);
}

static void pass_or_gone(void)
{
	try_all(&(struct scenario){
		.begin = begin_leaving,
		.thread = { a_passes, a_is_gone, a_stays_and_gives },
		.end = end, .switches = 6,
	});
}

/* === Take against drop =================================================== */

static void begin_given(void)
{
	begin_owned();
	CHECK(give(lab_slot_give, OLD, A, B));
}

static void b_takes(void)
{
	receive(B);
}

static void b_takes_and_frees(void)
{
	u64 handle = receive(B);

	if (handle)
		CHECK(free_it(handle, B));
}

static void b_dies(void)
{
	sweep(B);
}

static void take_or_drop(void)
{
	try_all(&(struct scenario){
		.begin = begin_given,
		.thread = { b_takes, b_dies, a_frees, b_dies },
		.end = end, .switches = 4,
	});
}

static void take_free_or_drop(void)
{
	try_all(&(struct scenario){
		.begin = begin_given,
		.thread = { b_takes_and_frees, b_dies, a_gives_c },
		.end = end, .switches = 5,
	});
}

static void give_take_drop(void)
{
	try_all(&(struct scenario){
		.begin = begin_owned,
		.thread = { a_gives_b, b_takes_and_frees, b_dies },
		.end = end, .switches = 6,
	});
}

/* === There and back ====================================================== */

static void b_gives_back(void)
{
	u64 handle = receive(B);

	if (handle)
		CHECK(give(lab_slot_give, handle, B, A));
}

/* With the handle of the past, whoever's it is: judged at each. */
static void a_is_late(void)
{
	if (arrow(lab_slot_leave, OLD, A, LABYRINTH_PAGE_OWNED,
		  LABYRINTH_PAGE_LEAVING))
		a_is_gone();
	free_it(OLD, A);
}

static void a_takes_back(void)
{
	u64 handle = receive(A);

	if (!handle)
		return;
	CHECK(handle != OLD);
	CHECK(!free_it(OLD, A));
}

static void there_and_back(void)
{
	try_all(&(struct scenario){
		.begin = begin_owned,
		.thread = { a_gives_b, b_gives_back, a_takes_back, a_is_late },
		.end = end, .switches = 4,
	});
}

const struct test schedules_give_tests[] = {
	{ "whichever way they take turns: of two gives and a free one happens",
	  give_or_free },
	{ "whichever way they take turns: of a pass, a give and a free one happens",
	  pass_or_free },
	{ "whichever way they take turns: of a pass and the owner's end one happens",
	  pass_or_gone },
	{ "whichever way they take turns: of a take and the receiver's end one happens",
	  take_or_drop },
	{ "whichever way they take turns: what is taken and freed is not dropped, nor given",
	  take_free_or_drop },
	{ "whichever way they take turns: given, taken, freed or dropped, a page ends once",
	  give_take_drop },
	{ "whichever way they take turns: a handle of the past ends nothing that went and came back",
	  there_and_back },
	{}
};
