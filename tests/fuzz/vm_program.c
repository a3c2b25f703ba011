// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs: made by lot, changed, run.
 */
#include "vm_fuzz.h"

struct dice dice_of(u64 seed, u64 stream)
{
	struct dice dice = { (seed + stream * 0x9E3779B97F4A7C15ULL) | 1 };

	for (int i = 0; i < 8; i++)
		throw(&dice, 2);
	return dice;
}

u32 throw(struct dice *dice, u32 sides)
{
	dice->state ^= dice->state >> 12;
	dice->state ^= dice->state << 25;
	dice->state ^= dice->state >> 27;
	return ((dice->state * 0x2545F4914F6CDD1DULL >> 32) * sides) >> 32;
}

const struct kind *kind_of(u32 kind)
{
	kind %= KINDS;
	if (kind < DEVICE_KINDS)
		return &device_kinds[kind];
	kind -= DEVICE_KINDS;
	return kind < SYSTEM_KINDS ? &system_kinds[kind] :
				     &netlink_kinds[kind - SYSTEM_KINDS];
}

/* === What a step leaves open ============================================= */

static u8 next_byte(struct cursor *at)
{
	return at->byte < STEP_BYTES ?
	       at->program->step[at->step].bytes[at->byte++] : 0;
}

u32 choose(struct cursor *at, u32 choices)
{
	u32 value = next_byte(at);

	if (choices > 256)
		value |= (u32)next_byte(at) << 8;
	return value % choices;
}

/* Most often one thing is wrong: or all would be refused for the first of many. */
bool wild(struct cursor *at)
{
	u8 how = at->program->step[at->step].wild;

	return how >= WILD && at->byte < STEP_BYTES &&
	       !choose(at, how < VERY_WILD ? 10 : 3);
}

u64 any(struct cursor *at)
{
	static const u64 edges[] = {
		0, 1, 2, 3, 7, 8, 9, 31, 32, 63, 64, 511, 512, 513, 4095, 4096,
		4097, 65535, 65536, 65537, 0x7fffffff, 0x80000000, 0xfffffffe,
		0xffffffff, 0x100000000, 0x1000000000000, 0x7ffffffffffff000,
		0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffff000,
		0xfffffffffffffffe, 0xffffffffffffffff,
	};
	u64 value = 0;

	if (choose(at, 2))
		return edges[choose(at, ARRAY_SIZE(edges))];
	for (int i = 0; i < 4; i++)
		value = value << (choose(at, 8) + 8) ^ next_byte(at);
	return value;
}

u64 maybe(struct cursor *at, u64 tame)
{
	return wild(at) ? any(at) : tame;
}

/* === By lot ============================================================== */

static u8 some_kind(struct dice *dice)
{
	u32 sum = 0, kind;
	static u32 all;

	if (!all)
		for (kind = 0; kind < KINDS; kind++)
			all += kind_of(kind)->weight;
	sum = throw(dice, all);
	for (kind = 0; sum >= kind_of(kind)->weight; kind++)
		sum -= kind_of(kind)->weight;
	return kind;
}

/* What makes sense after @before more often than anything else does. */
static u8 next_kind(u8 before, struct dice *dice)
{
	const char *name = kind_of(before)->then;
	u32 kind = 0;

	if (!name || !throw(dice, 3))
		return some_kind(dice);
	while (strcmp(kind_of(kind)->name, name))
		kind++;
	return kind;
}

static void step_make(struct step *step, u8 kind, struct dice *dice)
{
	step->kind = kind;
	step->wild = throw(dice, 256);
	for (u32 i = 0; i < STEP_BYTES; i++)
		step->bytes[i] = throw(dice, 256);
}

void program_make(struct program *program, struct dice *dice)
{
	program->count = 4 + throw(dice, MOST_STEPS - 3);
	step_make(&program->step[0], some_kind(dice), dice);
	for (u32 i = 1; i < program->count; i++)
		step_make(&program->step[i], next_kind(program->step[i - 1].kind, dice),
			  dice);
}

static void step_insert(struct program *program, u32 where, const struct step *step)
{
	if (program->count == MOST_STEPS)
		program->count--;
	memmove(&program->step[where + 1], &program->step[where],
		(program->count - where) * sizeof(*step));
	program->step[where] = *step;
	program->count++;
}

static void step_delete(struct program *program, u32 where)
{
	if (program->count < 2)
		return;
	program->count--;
	memmove(&program->step[where], &program->step[where + 1],
		(program->count - where) * sizeof(*program->step));
}

static void graft(struct program *program, const struct program *other, struct dice *dice)
{
	u32 from = throw(dice, other->count), where = throw(dice, program->count);

	while (where < MOST_STEPS && from < other->count)
		program->step[where++] = other->step[from++];
	if (where > program->count)
		program->count = where;
}

static void change_once(struct program *program, const struct program *other,
			struct dice *dice)
{
	u32 where = throw(dice, program->count);
	struct step *step = &program->step[where], made = *step;

	switch (throw(dice, 9)) {
	case 0:
		step_make(step, some_kind(dice), dice);
		break;
	case 1:
		step_make(&made, next_kind(step->kind, dice), dice);
		step_insert(program, where + 1 < MOST_STEPS ? where + 1 : where, &made);
		break;
	case 2:
		step_insert(program, where, &made);
		break;
	case 3:
		step_delete(program, where);
		break;
	case 4:
		graft(program, other, dice);
		break;
	case 5:
		step->wild = throw(dice, 256);
		break;
	case 6:
		step_insert(program, where, &other->step[throw(dice, other->count)]);
		break;
	default:
		step->bytes[throw(dice, STEP_BYTES)] = throw(dice, 256);
	}
}

void program_change(struct program *program, const struct program *other,
		    struct dice *dice)
{
	for (u32 times = 1 + throw(dice, 4); times; times--)
		change_once(program, other, dice);
}

/* === Running ============================================================= */

static void count_answer(u32 kind, int ret)
{
	u32 answer = ret > 0 || -ret >= ANSWERS ? ANSWERS - 1 : (u32)-ret;

	if (ret != NOT_TRIED)
		atomic_fetch_add(&board->answers[kind][answer], 1);
}

void program_run(struct cursor *at, u32 steps)
{
	for (; at->step < at->program->count && steps; at->step++, steps--) {
		u32 kind = at->program->step[at->step].kind % KINDS;

		at->byte = 0;
		step_told(at, kind);
		count_answer(kind, kind_of(kind)->run(at));
	}
}

/* === Those that are kept ================================================= */

const struct program *corpus_some(struct dice *dice)
{
	u32 count = atomic_load(&board->kept), which;

	if (!count)
		return NULL;
	which = throw(dice, count < CORPUS ? count : CORPUS);
	return atomic_load(&board->kept_ready[which]) ? &board->corpus[which] : NULL;
}

/* When there are too many, a new one comes in the place of an old one. */
void corpus_keep(const struct program *program)
{
	u32 which = atomic_fetch_add(&board->kept, 1) % CORPUS;

	atomic_store(&board->kept_ready[which], false);
	board->corpus[which] = *program;
	atomic_store(&board->kept_ready[which], true);
}
