// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each call, in each context, with nobody else about: taken, written, freed,
 * given and taken; and where the page allocator may be reached.
 */
#include <linux/errno.h>

#include "context.h"

#define LT_ROUNDS	50

/**
 * struct lt_basic - what the calls in a context are made with
 * @a: an owner
 * @b: another one, which accepts from anybody
 * @how: how pages are asked for
 * @served: rounds in which a page was had
 * @wrong: calls that were answered otherwise than they should be
 */
struct lt_basic {
	struct lt_owner a;
	struct lt_owner b;
	enum lt_how how;
	unsigned int served;
	unsigned int wrong;
};

static int lt_basic_make(struct lt_basic *basic)
{
	const struct labyrinth_owner_spec a = { .name = "a", .quota = ULONG_MAX };
	const struct labyrinth_owner_spec b = {
		.name = "b",
		.quota = ULONG_MAX,
		.accept = LABYRINTH_ACCEPT_ANY,
	};
	int err = lt_owner_make(&basic->a, &a);

	return err ? err : lt_owner_make(&basic->b, &b);
}

static void lt_basic_end(struct lt_basic *basic)
{
	lt_owner_destroy(&basic->a);
	lt_owner_destroy(&basic->b);
}

/* A handle is good once, and for its owner alone. */
static void lt_free_round(enum lt_context context, void *arg)
{
	struct lt_basic *basic = arg;
	labyrinth_handle_t handle;
	struct lt_held held;

	if (lt_alloc(&basic->a, basic->how, &held, NULL))
		return;
	handle = held.handle;
	basic->wrong += labyrinth_free(basic->b.lab, handle) != -ENOENT;
	lt_free(&basic->a, &held);
	basic->wrong += labyrinth_free(basic->a.lab, handle) != -ENOENT;
	basic->wrong += labyrinth_free(basic->a.lab, 0) != -ENOENT;
	basic->wrong += labyrinth_free(basic->a.lab, ~0ULL) != -ENOENT;
	basic->served++;
}

/* In transit it is nobody's to touch; then it is the receiver's. */
static void lt_give_round(enum lt_context context, void *arg)
{
	struct lt_basic *basic = arg;
	labyrinth_handle_t handle;
	struct lt_held held;
	u32 reason;

	if (lt_alloc(&basic->a, basic->how, &held, NULL))
		return;
	handle = held.handle;
	basic->wrong += lt_give(&basic->a, &held, &basic->b, &reason) != 0 ||
			reason != LABYRINTH_REASON_NONE;
	basic->wrong += labyrinth_free(basic->a.lab, handle) != -ENOENT;
	basic->wrong += labyrinth_free(basic->b.lab, handle) != -ENOENT;
	basic->wrong += lt_take(&basic->b, &held) != 0;
	basic->wrong += labyrinth_free(basic->a.lab, held.handle) != -ENOENT;
	if (held.handle)
		lt_free(&basic->b, &held);
	basic->wrong += lt_take(&basic->b, &held) != -EAGAIN;
	/* Of no slot; and from no inbox. */
	basic->wrong += labyrinth_give(basic->a.lab, ~0ULL, basic->b.lab, 0, 0, NULL) != -ENOENT;
	basic->wrong += lt_take(&basic->a, &held) != -EAGAIN;
	basic->served++;
}

static void lt_basic_rounds(struct lt_basic *basic, enum lt_context context,
			    lt_fn fn, const char *what)
{
	int err = 0, i;

	basic->served = 0;
	basic->wrong = 0;
	for (i = 0; i < LT_ROUNDS && !err; i++)
		err = lt_in_context(context, fn, basic);
	lt_result(!err && basic->served == LT_ROUNDS && !basic->wrong,
		  "%s: %s, %s: %u of %u, %u wrong answers",
		  lt_context_name[context], lt_how_name[basic->how], what,
		  basic->served, LT_ROUNDS, basic->wrong);
}

void lt_test_basic(void)
{
	struct lt_basic basic = {};
	enum lt_context context;

	if (!lt_basic_make(&basic))
		for (context = 0; context < LT_CONTEXTS; context++)
			for (basic.how = 0; basic.how <= LT_LOOSE; basic.how++) {
				lt_basic_rounds(&basic, context, lt_free_round,
						"taken and freed");
				lt_basic_rounds(&basic, context, lt_give_round,
						"given, taken and freed");
			}
	lt_basic_end(&basic);
}

/* The reserve has no blocks, so that this is the buddy rung's or nobody's. */
static void lt_block_round(enum lt_context context, void *arg)
{
	struct lt_basic *basic = arg;
	struct labyrinth_page page;
	struct lt_held held;
	int err;

	err = lt_alloc(&basic->a, LT_BLOCK, &held, &page);
	if (!err) {
		basic->wrong += page.rung != LABYRINTH_RUNG_BUDDY;
		lt_free(&basic->a, &held);
		basic->served++;
		return;
	}
	basic->wrong += err != -ENOMEM ||
			(lt_buddy_legal(context) !=
			 (page.reason != LABYRINTH_REASON_CONTEXT));
}

void lt_test_buddy(void)
{
	struct lt_basic basic = {};
	enum lt_context context;
	int err = lt_basic_make(&basic), i;

	for (context = 0; context < LT_CONTEXTS && !err; context++) {
		bool legal = lt_buddy_legal(context);

		basic.served = 0;
		basic.wrong = 0;
		for (i = 0; i < LT_ROUNDS && !err; i++)
			err = lt_in_context(context, lt_block_round, &basic);
		lt_result(!err && !basic.wrong &&
			  (legal ? basic.served > 0 : !basic.served),
			  "%s: the page allocator %s: %u blocks of %u, %u wrong answers",
			  lt_context_name[context],
			  legal ? "is asked" : "is not reached", basic.served,
			  LT_ROUNDS, basic.wrong);
	}
	lt_basic_end(&basic);
}
