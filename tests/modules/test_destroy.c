// SPDX-License-Identifier: GPL-2.0-only
/*
 * An owner is destroyed while interrupts on all CPUs are inside its calls.
 *
 * What a driver has to do, and no more: no call may begin once
 * labyrinth_owner_destroy() has returned. So handlers reach the owner through a
 * pointer that they read under rcu_read_lock(), and keep it until they have
 * called; the driver clears the pointer and then destroys, which waits for them
 * (a driver that can stop its interrupts first has no need of this). Calls that
 * come in the meantime are answered -ESHUTDOWN, and gives to it -ESRCH.
 */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "context.h"

#define LT_DESTROY_ROUNDS	60
#define LT_DESTROY_REQUESTS	64

/**
 * struct lt_destroy - owners that come and go, and one that stays
 * @victim: of handlers; NULL: there is none
 * @stays: gives to it and takes from it
 * @served: pages that victims had
 * @kept: of these, left to the sweep
 * @given: given to @stays by victims
 * @got: given to victims
 * @late: calls refused because the victim was dying
 * @told: deferred requests that were served
 * @cancelled: and that were not, because the victim was dying
 * @request: deferred requests, free or on their way
 */
struct lt_destroy {
	struct lt_owner __rcu *victim;
	struct lt_owner stays;
	atomic_long_t served;
	atomic_long_t kept;
	atomic_long_t given;
	atomic_long_t got;
	atomic_long_t late;
	atomic_long_t told;
	atomic_long_t cancelled;
	struct lt_destroy_request {
		struct labyrinth_deferred deferred;
		struct labyrinth_owner *owner;
		struct lt_destroy *d;
		atomic_t used;
	} request[LT_DESTROY_REQUESTS];
};

static void lt_destroy_check(struct lt_destroy *d, int err)
{
	if (err == -ESHUTDOWN || err == -ESRCH)
		atomic_long_inc(&d->late);
	else if (err && err != -ENOMEM && err != -ENOSPC && err != -EDQUOT)
		lt_fault(LT_DENIED, err);
}

static void lt_destroy_give(struct lt_destroy *d, struct lt_owner *from,
			    struct lt_owner *to, atomic_long_t *count)
{
	struct lt_held held;
	u32 reason;
	int err;

	err = lt_alloc(from, LT_STRICT, &held, NULL);
	if (!err) {
		err = lt_give(from, &held, to, &reason);
		if (!err)
			atomic_long_inc(count);
	}
	lt_destroy_check(d, err);
	if (held.handle)
		lt_free(from, &held);
}

/* Half of what it takes it keeps: the sweep's. */
static void lt_destroy_alloc(struct lt_destroy *d, struct lt_owner *victim,
			     enum lt_how how, bool keep)
{
	struct lt_held held;
	int err;

	err = lt_alloc(victim, how, &held, NULL);
	lt_destroy_check(d, err);
	if (err)
		return;
	atomic_long_inc(&d->served);
	if (keep)
		atomic_long_inc(&d->kept);
	else
		lt_free(victim, &held);
}

/* A block: from where the page allocator can't be asked it comes later. */
static void lt_destroy_came(struct labyrinth_owner *owner,
			    const struct labyrinth_page *page)
{
	if (memchr_inv(page->address, 0, PAGE_SIZE << page->order))
		lt_fault(LT_SOILED, page->rung);
	if (labyrinth_free(owner, page->handle))
		lt_fault(LT_DENIED, page->rung);
}

static void lt_destroy_told(struct labyrinth_deferred *deferred, int err)
{
	struct lt_destroy_request *request =
		container_of(deferred, struct lt_destroy_request, deferred);
	struct lt_destroy *d = request->d;

	if (!err)
		lt_destroy_came(request->owner, &deferred->page);
	atomic_long_inc(err ? &d->cancelled : &d->told);
	/* Told once: nobody else lets go of it. */
	if (atomic_xchg_release(&request->used, 0) != 1)
		lt_fault(LT_DISORDER, err);
}

static void lt_destroy_defer(struct lt_destroy *d, struct lt_owner *victim,
			     u64 random)
{
	struct lt_destroy_request *request =
		&d->request[random % LT_DESTROY_REQUESTS];
	const struct labyrinth_request rq = {
		.order = 1,
		.fallback = LABYRINTH_FALLBACK_DEFER,
		.deferred = &request->deferred,
	};
	struct labyrinth_page page;
	int err;

	if (atomic_cmpxchg_acquire(&request->used, 0, 1))
		return;
	request->d = d;
	request->owner = victim->lab;
	request->deferred.served = lt_destroy_told;
	err = labyrinth_alloc(victim->lab, &rq, &page);
	if (err == -EINPROGRESS)
		return;
	if (!err)
		lt_destroy_came(victim->lab, &page);
	lt_destroy_check(d, err);
	atomic_set_release(&request->used, 0);
}

/* After destroying: whatever was on its way has been told so. */
static void lt_destroy_settled(struct lt_destroy *d)
{
	int i;

	for (i = 0; i < LT_DESTROY_REQUESTS; i++)
		if (atomic_read(&d->request[i].used))
			lt_fault(LT_DISORDER, i);
}

static void lt_destroy_use(struct lt_destroy *d, struct lt_owner *victim,
			   u64 random)
{
	struct lt_held held;

	/* Between reading the pointer and calling: here destroying catches it. */
	ndelay(random % 8192 * 8);
	switch ((random >> 13) % 5) {
	case 0:
		lt_destroy_give(d, victim, &d->stays, &d->given);
		break;
	case 1:
		lt_destroy_give(d, &d->stays, victim, &d->got);
		break;
	case 2:
		if (!lt_take(victim, &held))
			lt_free(victim, &held);
		break;
	case 3:
		lt_destroy_defer(d, victim, random >> 21);
		break;
	default:
		lt_destroy_alloc(d, victim, (random >> 16) % LT_HOWS,
				 random & BIT(20));
	}
}

static void lt_destroy_op(enum lt_context context, unsigned int cpu, void *arg)
{
	u64 random = lt_stamp_next() * 0x9e3779b97f4a7c15ULL >> 32;
	struct lt_destroy *d = arg;
	struct lt_owner *victim;
	struct lt_held held;

	rcu_read_lock();
	victim = rcu_dereference(d->victim);
	if (victim)
		lt_destroy_use(d, victim, random);
	rcu_read_unlock();
	if (!lt_take(&d->stays, &held))
		lt_free(&d->stays, &held);
}

/* No grace period here: that is in labyrinth_owner_destroy(). */
static int lt_destroy_rounds(struct lt_destroy *d)
{
	struct labyrinth_owner_spec spec = {
		.name = "victim",
		.quota = 128,
		.accept = LABYRINTH_ACCEPT_ANY,
		.inbox = 32,
	};
	struct lt_owner victim;
	int i;

	for (i = 0; i < LT_DESTROY_ROUNDS; i++) {
		spec.guarantee = i % 3;
		if (lt_owner_make(&victim, &spec))
			return -ENOMEM;
		rcu_assign_pointer(d->victim, &victim);
		msleep(20 + i % 7);
		RCU_INIT_POINTER(d->victim, NULL);
		lt_owner_destroy(&victim);
		lt_destroy_settled(d);
	}
	return 0;
}

static void lt_destroy_run(struct lt_destroy *d)
{
	const struct lt_storm storm = { .op = lt_destroy_op, .arg = d };
	int err = lt_storm_start(&storm);

	if (!err)
		err = lt_destroy_rounds(d);
	lt_storm_stop();
	lt_take_all(&d->stays);
	lt_storm_report();
	lt_result(!err, "%u owners are destroyed while interrupts are inside their calls",
		  LT_DESTROY_ROUNDS);
	lt_note("served %ld, of these left to the sweep %ld; given away %ld; received %ld",
		atomic_long_read(&d->served), atomic_long_read(&d->kept),
		atomic_long_read(&d->given), atomic_long_read(&d->got));
	lt_result(atomic_long_read(&d->kept) && atomic_long_read(&d->given) &&
		  atomic_long_read(&d->got), "they had pages, gave and received");
	lt_result(atomic_long_read(&d->told) && atomic_long_read(&d->cancelled),
		  "deferred requests: %ld served, %ld cancelled",
		  atomic_long_read(&d->told), atomic_long_read(&d->cancelled));
	lt_result(atomic_long_read(&d->late) > 0,
		  "%ld calls came while they were destroyed, and were told so",
		  atomic_long_read(&d->late));
}

void lt_test_destroy(void)
{
	const struct labyrinth_owner_spec spec = {
		.name = "stays",
		.quota = ULONG_MAX,
		.accept = LABYRINTH_ACCEPT_ANY,
		.inbox = 256,
	};
	struct lt_destroy *d = kzalloc(sizeof(*d), GFP_KERNEL);

	if (!d)
		return;
	if (!lt_owner_make(&d->stays, &spec))
		lt_destroy_run(d);
	lt_owner_destroy(&d->stays);
	kfree(d);
}
