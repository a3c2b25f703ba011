// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must be refused, with its reason, and change nothing.
 */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>

#include "context.h"

/* === Gives =============================================================== */

/* Receivers, each with a reason of its own to refuse. */
enum lt_receiver {
	LT_ACCEPTS_NONE,
	LT_ACCEPTS_UID,		/* modules are nobody's */
	LT_INBOX_FULL,
	LT_QUOTA_FULL,
	LT_RECEIVERS,
};

static const struct lt_refusal {
	const char *why;
	struct labyrinth_owner_spec spec;
	int err;
	u32 reason;
} lt_refusal[LT_RECEIVERS] = {
	[LT_ACCEPTS_NONE] = {
		.why = "the receiver accepts from nobody",
		.spec = { .name = "none", .quota = 64 },
		.err = -EACCES,
		.reason = LABYRINTH_REASON_REFUSED,
	},
	[LT_ACCEPTS_UID] = {
		.why = "the receiver accepts from its own user only",
		.spec = {
			.name = "uid",
			.quota = 64,
			.accept = LABYRINTH_ACCEPT_UID,
		},
		.err = -EACCES,
		.reason = LABYRINTH_REASON_REFUSED,
	},
	[LT_INBOX_FULL] = {
		.why = "the receiver's inbox is full",
		/* A charge that a refusal leaves behind is one too many. */
		.spec = {
			.name = "inbox",
			.quota = 2,
			.accept = LABYRINTH_ACCEPT_ANY,
			.inbox = 1,
		},
		.err = -ENOSPC,
		.reason = LABYRINTH_REASON_INBOX,
	},
	[LT_QUOTA_FULL] = {
		.why = "the receiver's quota is used up",
		.spec = {
			.name = "quota",
			.quota = 1,
			.accept = LABYRINTH_ACCEPT_ANY,
			.inbox = 8,
		},
		.err = -EDQUOT,
		.reason = LABYRINTH_REASON_QUOTA,
	},
};

struct lt_refuse {
	struct lt_owner sender;
	struct lt_owner receiver[LT_RECEIVERS];
	enum lt_receiver now;
	int err;
	u32 reason;
	bool kept;
};

/* The sender still has it: it can be freed, once. */
static void lt_refused_give(enum lt_context context, void *arg)
{
	struct lt_refuse *refuse = arg;
	labyrinth_handle_t handle;
	struct lt_held held;

	refuse->kept = false;
	refuse->err = lt_alloc(&refuse->sender, LT_STRICT, &held, NULL);
	if (refuse->err)
		return;
	refuse->err = lt_give(&refuse->sender, &held,
			      &refuse->receiver[refuse->now], &refuse->reason);
	handle = held.handle;
	if (!handle)
		return;
	lt_free(&refuse->sender, &held);
	refuse->kept = labyrinth_free(refuse->sender.lab, handle) == -ENOENT;
}

static void lt_refuse_in(struct lt_refuse *refuse, enum lt_context context)
{
	const struct lt_refusal *want = &lt_refusal[refuse->now];
	int err = lt_in_context(context, lt_refused_give, refuse);

	lt_result(!err && refuse->err == want->err &&
		  refuse->reason == want->reason && refuse->kept,
		  "%s: a give is refused and the page stays: %s (%d, reason %u)",
		  lt_context_name[context], want->why, refuse->err,
		  refuse->reason);
}

/* The first is taken by those that have room for one. */
static bool lt_refuse_fill(struct lt_refuse *refuse)
{
	for (refuse->now = LT_INBOX_FULL; refuse->now < LT_RECEIVERS; refuse->now++) {
		lt_refused_give(LT_PROCESS, refuse);
		if (refuse->err)
			return false;
	}
	return true;
}

static int lt_refuse_make(struct lt_refuse *refuse)
{
	const struct labyrinth_owner_spec spec = {
		.name = "sender",
		.quota = 64,
		.accept = LABYRINTH_ACCEPT_ANY,
	};
	int err = lt_owner_make(&refuse->sender, &spec), i;

	for (i = 0; i < LT_RECEIVERS && !err; i++)
		err = lt_owner_make(&refuse->receiver[i], &lt_refusal[i].spec);
	return err;
}

static void lt_refuse_end(struct lt_refuse *refuse)
{
	int i;

	lt_owner_destroy(&refuse->sender);
	for (i = 0; i < LT_RECEIVERS; i++)
		lt_owner_destroy(&refuse->receiver[i]);
}

static void lt_refuse_self(struct lt_refuse *refuse)
{
	struct lt_held held;
	u32 reason;
	int err;

	err = lt_alloc(&refuse->sender, LT_STRICT, &held, NULL);
	if (!err)
		err = lt_give(&refuse->sender, &held, &refuse->sender, &reason);
	if (held.handle)
		lt_free(&refuse->sender, &held);
	lt_result(err == -EINVAL, "nothing is given to oneself (%d)", err);
}

/* What is still in transit when its receiver is destroyed is swept. */
static void lt_refuse_transit(struct lt_refuse *refuse)
{
	lt_owner_destroy(&refuse->receiver[LT_INBOX_FULL]);
	lt_owner_destroy(&refuse->receiver[LT_QUOTA_FULL]);
	lt_result(true, "receivers are destroyed with pages in transit to them");
}

void lt_test_refuse(void)
{
	struct lt_refuse refuse = {};
	enum lt_context context;
	bool full;

	if (lt_refuse_make(&refuse))
		goto end;
	full = lt_refuse_fill(&refuse);
	lt_result(full, "receivers with room for one page take one");
	for (context = 0; context < LT_CONTEXTS && full; context++)
		for (refuse.now = 0; refuse.now < LT_RECEIVERS; refuse.now++)
			lt_refuse_in(&refuse, context);
	lt_refuse_self(&refuse);
	lt_refuse_transit(&refuse);
end:
	lt_refuse_end(&refuse);
}

/* === Waiting, and other requests ========================================= */

struct lt_asked {
	struct lt_owner owner;
	struct labyrinth_request request;
	struct labyrinth_page page;
	int err;
};

static void lt_ask_now(enum lt_context context, void *arg)
{
	struct lt_asked *asked = arg;

	memset(&asked->page, 0xaa, sizeof(asked->page));
	asked->err = labyrinth_alloc(asked->owner.lab, &asked->request,
				     &asked->page);
	if (!asked->err)
		lt_fault(labyrinth_free(asked->owner.lab, asked->page.handle) ?
			 LT_DENIED : LT_LIED, context);
}

static void lt_wait_refused(struct lt_asked *asked, bool asked_there,
			    const char *where)
{
	lt_result(asked_there && asked->err < 0 &&
		  asked->page.reason == LABYRINTH_REASON_CONTEXT,
		  "%s: 'wait' is refused (%d, reason %u)", where, asked->err,
		  asked->page.reason);
}

/* Sections of process context that must not sleep, and where that can be told. */
static void lt_wait_sections(struct lt_asked *asked)
{
	static DEFINE_SPINLOCK(lock);

	rcu_read_lock();
	lt_ask_now(LT_PROCESS, asked);
	rcu_read_unlock();
	lt_wait_refused(asked, true, "under rcu_read_lock()");
	local_bh_disable();
	lt_ask_now(LT_PROCESS, asked);
	local_bh_enable();
	lt_wait_refused(asked, true, "with bottom halves off");
	spin_lock(&lock);
	lt_ask_now(LT_PROCESS, asked);
	spin_unlock(&lock);
	lt_wait_refused(asked, true, "with a spinlock held");
	preempt_disable();
	lt_ask_now(LT_PROCESS, asked);
	preempt_enable();
	lt_wait_refused(asked, true, "with preemption off");
}

/* Though there are pages: whoever is lucky once must not find out later. */
static void lt_wait_atomic(struct lt_asked *asked)
{
	enum lt_context context;
	int err;

	asked->request.fallback = LABYRINTH_FALLBACK_WAIT;
	asked->request.timeout_ns = 20 * NSEC_PER_MSEC;
	for (context = LT_SOFTIRQ; context < LT_CONTEXTS; context++) {
		err = lt_in_context(context, lt_ask_now, asked);
		lt_wait_refused(asked, !err, lt_context_name[context]);
	}
	lt_wait_sections(asked);
}

static void lt_wait_process(struct lt_asked *asked)
{
	ktime_t began = ktime_get();
	s64 ns;

	lt_ask_now(LT_PROCESS, asked);
	ns = ktime_to_ns(ktime_sub(ktime_get(), began));
	lt_result(asked->err == -ETIMEDOUT &&
		  asked->page.reason == LABYRINTH_REASON_TIMEOUT &&
		  ns >= (s64)asked->request.timeout_ns,
		  "process: 'wait' waits until its time is over (%d, reason %u, %lld ms)",
		  asked->err, asked->page.reason, ns / NSEC_PER_MSEC);
}

/* Strict says why it fails; not strict, too, where the page allocator is out of reach. */
static void lt_empty_reasons(struct lt_asked *asked)
{
	enum lt_context context;
	u32 want;
	int err;

	asked->request.fallback = LABYRINTH_FALLBACK_FAIL;
	asked->request.timeout_ns = 0;
	for (context = 0; context < LT_CONTEXTS; context++) {
		asked->request.flags = LABYRINTH_ALLOC_STRICT;
		err = lt_in_context(context, lt_ask_now, asked);
		lt_result(!err && asked->err == -ENOMEM &&
			  asked->page.reason == LABYRINTH_REASON_EMPTY,
			  "%s: strict, the reserve empty: (%d, reason %u)",
			  lt_context_name[context], asked->err,
			  asked->page.reason);
		if (lt_buddy_legal(context))
			continue;
		asked->request.flags = 0;
		want = LABYRINTH_REASON_CONTEXT;
		err = lt_in_context(context, lt_ask_now, asked);
		lt_result(!err && asked->err == -ENOMEM &&
			  asked->page.reason == want,
			  "%s: not strict, the reserve empty: (%d, reason %u)",
			  lt_context_name[context], asked->err,
			  asked->page.reason);
	}
}

/* No fallback, unknown bits, a strict block: refused, wherever it is asked. */
static void lt_bad_requests(struct lt_asked *asked)
{
	static struct labyrinth_deferred nobody;
	static const struct {
		const char *what;
		struct labyrinth_request request;
		int err;
	} bad[] = {
		{ "no fallback", { .fallback = LABYRINTH_FALLBACK_UNSET }, -EINVAL },
		{ "unknown fallback", { .fallback = 99 }, -EINVAL },
		{ "unknown flag", { .fallback = LABYRINTH_FALLBACK_FAIL,
				    .flags = 0x80000000 }, -EINVAL },
		{ "order too large", { .fallback = LABYRINTH_FALLBACK_FAIL,
				       .order = 10 }, -EINVAL },
		{ "strict block", { .fallback = LABYRINTH_FALLBACK_FAIL,
				    .flags = LABYRINTH_ALLOC_STRICT,
				    .order = 1 }, -EOPNOTSUPP },
		{ "timeout without wait", { .fallback = LABYRINTH_FALLBACK_FAIL,
					    .timeout_ns = 1 }, -EINVAL },
		{ "defer with nothing to defer", {
			.fallback = LABYRINTH_FALLBACK_DEFER }, -EINVAL },
		{ "defer with nobody to tell", {
			.fallback = LABYRINTH_FALLBACK_DEFER,
			.deferred = &nobody }, -EINVAL },
		{ "something to defer without defer", {
			.fallback = LABYRINTH_FALLBACK_FAIL,
			.deferred = &nobody }, -EINVAL },
	};
	int err, i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		asked->request = bad[i].request;
		err = lt_in_context(i & 1 ? LT_NMI : LT_PROCESS, lt_ask_now, asked);
		lt_result(!err && asked->err == bad[i].err,
			  "a request is refused: %s (%d)", bad[i].what, asked->err);
	}
}

void lt_test_wait(void)
{
	const struct labyrinth_owner_spec spec = { .name = "asker", .quota = 64 };
	struct lt_asked asked = {
		.request.flags = LABYRINTH_ALLOC_STRICT,
	};
	struct lt_hog hog;

	if (!lt_owner_make(&asked.owner, &spec)) {
		lt_wait_atomic(&asked);
		if (!lt_hog_drain(&hog)) {
			lt_wait_process(&asked);
			lt_empty_reasons(&asked);
		}
		lt_hog_end(&hog);
		lt_bad_requests(&asked);
		asked.request = (struct labyrinth_request){
			.flags = LABYRINTH_ALLOC_STRICT,
			.fallback = LABYRINTH_FALLBACK_WAIT,
			.timeout_ns = 30 * NSEC_PER_SEC,
		};
		asked.err = labyrinth_alloc(asked.owner.lab, &asked.request,
					    &asked.page);
		lt_result(!asked.err, "process: 'wait' is served when the hog lets go (%d)",
			  asked.err);
	}
	lt_owner_destroy(&asked.owner);
}
