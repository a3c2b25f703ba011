// SPDX-License-Identifier: GPL-2.0-only
/* What owners hold: index, guarantee, inbox, and the end of all of it. */
#include "../inbox.h"
#include "../ladder.h"
#include "../reserve.h"
#include "suite.h"

static const struct labyrinth_owner_spec plain = {
	.name = "kunit.holding",
	.quota = 8,
};

static const struct labyrinth_owner_spec taker = {
	.name = "kunit.taker",
	.quota = 2,
	.accept = LABYRINTH_ACCEPT_ANY,
	.inbox = 3,
};

static struct labyrinth_page holding_page(struct kunit *test,
					  struct labyrinth_owner *owner)
{
	const struct labyrinth_request rq = {
		.fallback = LABYRINTH_FALLBACK_FAIL,
	};
	struct labyrinth_page page;

	KUNIT_ASSERT_EQ(test, labyrinth_alloc(owner, &rq, &page), 0);
	return page;
}

static struct lab_slot *holding_slot(struct labyrinth_owner *owner, u64 handle)
{
	return &owner->lab->reg.slot[lab_handle_index(handle)];
}

/* === The index =========================================================== */

/* Forwards and backwards; each link once. */
static void index_is(struct kunit *test, struct labyrinth_owner *owner,
		     const u64 *handles, u32 count)
{
	struct lab_registry *reg = &owner->lab->reg;
	u32 i, at = owner->first, before = LAB_NIL;

	KUNIT_EXPECT_EQ(test, owner->indexed, count);
	for (i = 0; i < count; i++) {
		KUNIT_ASSERT_EQ(test, at, lab_handle_index(handles[i]));
		KUNIT_EXPECT_EQ(test, reg->slot[at].index_prev, before);
		KUNIT_EXPECT_TRUE(test, reg->slot[at].indexed);
		before = at;
		at = reg->slot[at].index_next;
	}
	KUNIT_EXPECT_EQ(test, at, LAB_NIL);
	KUNIT_EXPECT_EQ(test, owner->last, before);
}

/* A kernel owner has no index of its own accord: here it is lent one. */
static void index_order(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain);
	u64 handle[4];
	u32 i;

	for (i = 0; i < 4; i++)
		handle[i] = holding_page(test, owner).handle;
	mutex_lock(&owner->lock);
	index_is(test, owner, handle, 0);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_PTR_EQ(test, lab_owner_slot(owner, handle[i]),
				    (struct lab_slot *)ERR_PTR(-ENOENT));
		lab_index_add(owner, holding_slot(owner, handle[i]));
		KUNIT_EXPECT_PTR_EQ(test, lab_owner_slot(owner, handle[i]),
				    holding_slot(owner, handle[i]));
	}
	index_is(test, owner, handle, 4);
	/* One from the middle, the first, the last, the only one. */
	lab_index_del(owner, holding_slot(owner, handle[1]));
	index_is(test, owner, (u64[]){ handle[0], handle[2], handle[3] }, 3);
	lab_index_del(owner, holding_slot(owner, handle[0]));
	index_is(test, owner, (u64[]){ handle[2], handle[3] }, 2);
	lab_index_del(owner, holding_slot(owner, handle[3]));
	index_is(test, owner, (u64[]){ handle[2] }, 1);
	lab_index_del(owner, holding_slot(owner, handle[2]));
	index_is(test, owner, handle, 0);
	mutex_unlock(&owner->lock);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, labyrinth_free(owner, handle[i]), 0);
}

/* Whose it is, and in which state: each look-up sees its own. */
static void index_looks(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain);
	struct labyrinth_owner *other = lab_kunit_owner(test, &plain);
	u64 handle = holding_page(test, owner).handle;
	struct lab_slot *slot = holding_slot(owner, handle);
	struct lab_slot *none = ERR_PTR(-ENOENT);

	mutex_lock(&other->lock);
	KUNIT_EXPECT_PTR_EQ(test, lab_owner_slot(other, handle), none);
	KUNIT_EXPECT_PTR_EQ(test, lab_owner_leave(other, handle), none);
	KUNIT_EXPECT_NULL(test, lab_owner_held(other, handle));
	mutex_unlock(&other->lock);

	mutex_lock(&owner->lock);
	lab_index_add(owner, slot);
	KUNIT_EXPECT_PTR_EQ(test, lab_owner_slot(owner, handle + LAB_GEN_ONE), none);
	KUNIT_EXPECT_PTR_EQ(test, lab_owner_slot(owner, 0), none);
	KUNIT_EXPECT_PTR_EQ(test, lab_owner_slot(owner, U64_MAX), none);
	KUNIT_EXPECT_PTR_EQ(test, lab_owner_held(owner, handle), slot);
	KUNIT_EXPECT_NULL(test, lab_owner_leaving(owner, handle));
	/* On its way out it is held, and nobody's to touch. */
	KUNIT_EXPECT_PTR_EQ(test, lab_owner_leave(owner, handle), slot);
	KUNIT_EXPECT_PTR_EQ(test, lab_owner_leave(owner, handle), none);
	KUNIT_EXPECT_PTR_EQ(test, lab_owner_slot(owner, handle), none);
	KUNIT_EXPECT_PTR_EQ(test, lab_owner_held(owner, handle), slot);
	KUNIT_EXPECT_PTR_EQ(test, lab_owner_leaving(owner, handle), slot);
	KUNIT_EXPECT_NULL(test, lab_owner_leaving(owner, 0));
	lab_index_del(owner, slot);
	KUNIT_EXPECT_TRUE(test, lab_release(owner, slot, handle));
	KUNIT_EXPECT_FALSE(test, lab_release(owner, slot, handle));
	mutex_unlock(&owner->lock);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 0);
}

/* === Free ================================================================ */

static void free_refuses(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain);
	struct labyrinth_owner *other = lab_kunit_owner(test, &plain);
	u64 handle = holding_page(test, owner).handle;

	KUNIT_EXPECT_EQ(test, labyrinth_free(other, handle), -ENOENT);
	KUNIT_EXPECT_EQ(test, labyrinth_free(owner, 0), -ENOENT);
	KUNIT_EXPECT_EQ(test, labyrinth_free(owner, handle - LAB_GEN_ONE), -ENOENT);
	KUNIT_EXPECT_EQ(test, labyrinth_free(owner, handle | (LAB_MAX_SLOTS - 1)),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 1);
	KUNIT_EXPECT_EQ(test, labyrinth_free(owner, handle), 0);
	KUNIT_EXPECT_EQ(test, labyrinth_free(owner, handle), -ENOENT);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 0);
	lab_kunit_settle(owner->lab);
	KUNIT_EXPECT_EQ(test, labyrinth_free(owner, handle), -ENOENT);
	lab_kunit_verify(test, owner->lab);
}

/* === Guarantee =========================================================== */

static int guarantee_set(struct labyrinth_owner *owner, unsigned long pages)
{
	int err;

	mutex_lock(&owner->lab->admin);
	err = lab_guarantee_set(owner, pages);
	mutex_unlock(&owner->lab->admin);
	return err;
}

static unsigned long guarantee_sum(struct labyrinth *lab, struct lab_node *node)
{
	unsigned long sum;

	mutex_lock(&lab->reserve_lock);
	sum = lab_guarantee_sum(lab, node);
	mutex_unlock(&lab->reserve_lock);
	return sum;
}

static void guarantee_bounds(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain);
	struct labyrinth_owner *other = lab_kunit_owner(test, &plain);
	struct labyrinth *lab = owner->lab;
	unsigned long low = owner->home->low;
	unsigned long others = guarantee_sum(lab, owner->home);

	if (low < others + 4)
		kunit_skip(test, "the low watermark %lu leaves no room", low);
	KUNIT_EXPECT_EQ(test, guarantee_set(owner, low + 1), -ERANGE);
	KUNIT_EXPECT_EQ(test, guarantee_set(owner, ULONG_MAX), -ERANGE);
	KUNIT_EXPECT_EQ(test, owner->guarantee, 0);
	KUNIT_EXPECT_EQ(test, guarantee_set(owner, low - others), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->credit), low - others);
	/* All of it is promised: not one more, to anybody. */
	if (other->home == owner->home)
		KUNIT_EXPECT_EQ(test, guarantee_set(other, 1), -ERANGE);
	KUNIT_EXPECT_EQ(test, guarantee_set(owner, 2), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->credit), 2);
	KUNIT_EXPECT_EQ(test, guarantee_set(other, 2), 0);
	KUNIT_EXPECT_EQ(test, guarantee_set(owner, 0), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->credit), 0);
	lab_kunit_verify(test, lab);
	lab_kunit_destroy(test, other);
	KUNIT_EXPECT_EQ(test, guarantee_set(owner, low - others), 0);
	lab_kunit_verify(test, lab);
}

static void guarantee_of_the_dying(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain);
	struct lab_node *home = owner->home;
	struct labyrinth *lab = owner->lab;
	unsigned long sum = guarantee_sum(lab, home);

	lab_owner_get(owner);
	KUNIT_EXPECT_EQ(test, guarantee_set(owner, 2), 0);
	lab_kunit_destroy(test, owner);
	KUNIT_EXPECT_EQ(test, owner->guarantee, 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->credit), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&owner->guaranteed));
	KUNIT_EXPECT_EQ(test, guarantee_set(owner, 1), -ESHUTDOWN);
	lab_owner_put(owner);
	KUNIT_EXPECT_EQ(test, guarantee_sum(lab, home), sum);
	lab_kunit_verify(test, lab);
}

/* === Giving and dying ==================================================== */

struct give_param {
	const char *what;
	/* Of the receiver: how many it has to take or to hold already. */
	u32 waiting;
	enum labyrinth_accept accept;
	u32 used;
	int err;
	enum labyrinth_reason reason;
};

static const struct give_param give_params[] = {
	{ "accepted", 0, LABYRINTH_ACCEPT_ANY, 0, 0, LABYRINTH_REASON_NONE },
	{ "all of it used", 0, LABYRINTH_ACCEPT_ANY, PAGE_SIZE, 0,
	  LABYRINTH_REASON_NONE },
	{ "more used than there is", 0, LABYRINTH_ACCEPT_ANY, PAGE_SIZE + 1, -EINVAL,
	  LABYRINTH_REASON_NONE },
	{ "accepted from nobody", 0, LABYRINTH_ACCEPT_NONE, 0, -EACCES,
	  LABYRINTH_REASON_REFUSED },
	{ "a module is of no user", 0, LABYRINTH_ACCEPT_UID, 0, -EACCES,
	  LABYRINTH_REASON_REFUSED },
	{ "over the receiver's quota", 2, LABYRINTH_ACCEPT_ANY, 0, -EDQUOT,
	  LABYRINTH_REASON_QUOTA },
};

static void give_what(const struct give_param *param, char *desc)
{
	strscpy(desc, param->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(give, give_params, give_what);

static void give_to(struct kunit *test)
{
	const struct give_param *p = test->param_value;
	struct labyrinth_owner_spec spec = taker;
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain), *to;
	u64 handle = holding_page(test, owner).handle;
	u32 reason = 0, i;

	spec.accept = p->accept;
	to = lab_kunit_owner(test, &spec);
	for (i = 0; i < p->waiting; i++)
		holding_page(test, to);
	KUNIT_EXPECT_EQ(test, labyrinth_give(owner, handle, to, 5, p->used, &reason),
			p->err);
	KUNIT_EXPECT_EQ(test, reason, p->reason);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), p->err ? 1 : 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&to->used),
			p->waiting + (p->err ? 0 : 1));
	KUNIT_EXPECT_EQ(test, labyrinth_free(owner, handle), p->err ? 0 : -ENOENT);
	KUNIT_EXPECT_EQ(test, lab_inbox_used(to), p->err ? 0 : 1);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&to->pending), 0);
	lab_kunit_verify(test, owner->lab);
}

/* The inbox has no room: nothing is charged, and there is again when one is taken. */
static void give_inbox_full(struct kunit *test)
{
	const struct labyrinth_owner_spec spec = {
		.name = "kunit.full",
		.quota = 8,
		.accept = LABYRINTH_ACCEPT_ANY,
		.inbox = 1,
	};
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain);
	struct labyrinth_owner *to = lab_kunit_owner(test, &spec);
	u64 first = holding_page(test, owner).handle;
	u64 second = holding_page(test, owner).handle;
	struct labyrinth_page page;
	u32 reason;

	KUNIT_EXPECT_EQ(test, labyrinth_give(owner, first, to, 0, 0, &reason), 0);
	KUNIT_EXPECT_EQ(test, labyrinth_give(owner, second, to, 0, 0, &reason),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, reason, LABYRINTH_REASON_INBOX);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&to->used), 1);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 1);
	KUNIT_EXPECT_EQ(test, labyrinth_take(to, &page), 0);
	KUNIT_EXPECT_EQ(test, labyrinth_give(owner, second, to, 0, 0, &reason), 0);
	/* To oneself, and what is not one's own. */
	KUNIT_EXPECT_EQ(test, labyrinth_give(to, page.handle, to, 0, 0, &reason),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, labyrinth_give(owner, second, to, 0, 0, &reason),
			-ENOENT);
}

/* First in, first out, with what was noted; the contents as they were. */
static void give_then_take(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain);
	struct labyrinth_owner *to = lab_kunit_owner(test, &taker);
	struct labyrinth_page page;
	u32 reason, i;

	for (i = 0; i < 2; i++) {
		page = holding_page(test, owner);
		memset(page.address, 'a' + i, PAGE_SIZE);
		KUNIT_ASSERT_EQ(test, labyrinth_give(owner, page.handle, to, 50 + i,
						     100 + i, &reason), 0);
	}
	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_EQ(test, labyrinth_take(to, &page), 0);
		KUNIT_EXPECT_EQ(test, page.tag, 50 + i);
		KUNIT_EXPECT_EQ(test, page.used, 100 + i);
		KUNIT_EXPECT_NULL(test, memchr_inv(page.address, 'a' + i, PAGE_SIZE));
		KUNIT_EXPECT_EQ(test, labyrinth_free(to, page.handle), 0);
	}
	KUNIT_EXPECT_EQ(test, labyrinth_take(to, &page), -EAGAIN);
	lab_kunit_settle(owner->lab);
	lab_kunit_verify(test, owner->lab);
}

/* What it held and what was on its way to it is nobody's, and wiped. */
static void dying_lets_go(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain);
	struct labyrinth_owner *to = lab_kunit_owner(test, &taker);
	struct labyrinth *lab = owner->lab;
	u64 given = holding_page(test, owner).handle;
	u64 held = holding_page(test, to).handle;
	struct lab_slot *slots[] = {
		holding_slot(owner, given), holding_slot(owner, held),
	};
	u32 reason, i;

	KUNIT_ASSERT_EQ(test, labyrinth_give(owner, given, to, 0, 0, &reason), 0);
	lab_owner_get(to);
	lab_kunit_destroy(test, to);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&to->used), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&to->pending), 0);
	KUNIT_EXPECT_EQ(test, lab_inbox_used(to), 0);
	for (i = 0; i < 2; i++) {
		u64 word = lab_slot_word(slots[i]);

		KUNIT_EXPECT_TRUE(test, lab_word_owner(word) != to->id ||
				  lab_word_state(word) == LABYRINTH_PAGE_DIRTY);
	}
	/* To the dead nothing is given. */
	given = holding_page(test, owner).handle;
	KUNIT_EXPECT_EQ(test, labyrinth_give(owner, given, to, 0, 0, &reason), -ESRCH);
	KUNIT_EXPECT_EQ(test, reason, LABYRINTH_REASON_DYING);
	KUNIT_EXPECT_EQ(test, labyrinth_free(owner, given), 0);
	lab_owner_put(to);
	lab_kunit_settle(lab);
	lab_kunit_verify(test, lab);
}

static struct kunit_case holding_cases[] = {
	KUNIT_CASE(index_order),
	KUNIT_CASE(index_looks),
	KUNIT_CASE(free_refuses),
	KUNIT_CASE(guarantee_bounds),
	KUNIT_CASE(guarantee_of_the_dying),
	KUNIT_CASE_PARAM(give_to, give_gen_params),
	KUNIT_CASE(give_inbox_full),
	KUNIT_CASE(give_then_take),
	KUNIT_CASE(dying_lets_go),
	{}
};

static struct kunit_suite holding_suite = {
	.name = "labyrinth-holding",
	.test_cases = holding_cases,
};

kunit_test_suite(holding_suite);
