// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that wait in a queue: first in, first out, from whatever context they
 * came; and told so when their owner is destroyed.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "context.h"

#define LT_DEFER_EACH	6
#define LT_DEFERRED	(LT_DEFER_EACH * LT_CONTEXTS)

/**
 * struct lt_deferred - one request
 * @deferred: labyrinth's
 * @queue: which it is of
 * @err: what it was answered when it was made
 * @answer: what it was told later
 * @times: how often
 * @place: the how-manieth to be told
 * @clean: it was told in process context, of a page all zeroes
 */
struct lt_deferred {
	struct labyrinth_deferred deferred;
	struct lt_defer *queue;
	int err;
	int answer;
	unsigned int times;
	unsigned int place;
	bool clean;
};

struct lt_defer {
	struct lt_owner owner;
	struct lt_deferred request[LT_DEFERRED];
	unsigned int made;
	unsigned int told;
};

static void lt_defer_served(struct labyrinth_deferred *deferred, int err)
{
	struct lt_deferred *request =
		container_of(deferred, struct lt_deferred, deferred);
	struct labyrinth_page *page = &deferred->page;

	request->answer = err;
	request->times++;
	request->clean = lt_is_context(LT_PROCESS);
	if (!err)
		request->clean &= page->handle && page->address &&
				  !memchr_inv(page->address, 0, PAGE_SIZE);
	request->place = request->queue->told;
	/* Publishes the above to whoever waits. */
	smp_store_release(&request->queue->told, request->queue->told + 1);
}

static void lt_defer_one(enum lt_context context, void *arg)
{
	struct lt_defer *defer = arg;
	struct lt_deferred *request = &defer->request[defer->made];
	const struct labyrinth_request rq = {
		.flags = LABYRINTH_ALLOC_STRICT,
		.fallback = LABYRINTH_FALLBACK_DEFER,
		.deferred = &request->deferred,
	};
	struct labyrinth_page page;

	memset(&page, 0xaa, sizeof(page));
	request->deferred.served = lt_defer_served;
	request->queue = defer;
	request->err = labyrinth_alloc(defer->owner.lab, &rq, &page);
	defer->made++;
}

static int lt_defer_make(struct lt_defer *defer)
{
	const struct labyrinth_owner_spec spec = {
		.name = "deferring",
		.quota = LT_DEFERRED,
	};

	memset(defer, 0, sizeof(*defer));
	return lt_owner_make(&defer->owner, &spec);
}

/* From all contexts in turn. Return: how many were queued. */
static unsigned int lt_defer_all(struct lt_defer *defer)
{
	unsigned int queued = 0;
	int err = 0, i;

	for (i = 0; i < LT_DEFERRED && !err; i++) {
		err = lt_in_context(i % LT_CONTEXTS, lt_defer_one, defer);
		queued += defer->request[i].err == -EINPROGRESS;
	}
	if (queued != LT_DEFERRED)
		lt_note("answers: %d %d %d %d %d", defer->request[0].err,
			defer->request[1].err, defer->request[2].err,
			defer->request[3].err, defer->request[4].err);
	return queued;
}

static bool lt_defer_wait(struct lt_defer *defer)
{
	unsigned long end = jiffies + 30 * HZ;

	/* Pairs with the release in lt_defer_served(). */
	while (smp_load_acquire(&defer->told) < LT_DEFERRED) {
		if (time_after(jiffies, end))
			return false;
		msleep(20);
	}
	return true;
}

static void lt_defer_check(struct lt_defer *defer, int answer, const char *what)
{
	unsigned int once = 0, right = 0, placed = 0, clean = 0;
	int i;

	for (i = 0; i < LT_DEFERRED; i++) {
		once += defer->request[i].times == 1;
		right += defer->request[i].answer == answer;
		placed += defer->request[i].place == i;
		clean += defer->request[i].clean;
	}
	lt_result(once == LT_DEFERRED && right == LT_DEFERRED,
		  "%u of %u deferred requests are told once, %u %s", once,
		  LT_DEFERRED, right, what);
	lt_result(placed == LT_DEFERRED, "%u of %u in the order in which they came",
		  placed, LT_DEFERRED);
	lt_result(clean == LT_DEFERRED, "%u of %u in process context%s", clean,
		  LT_DEFERRED, answer ? "" : ", of a page all zeroes");
}

static void lt_defer_free(struct lt_defer *defer)
{
	unsigned int freed = 0;
	int i;

	for (i = 0; i < LT_DEFERRED; i++)
		freed += !labyrinth_free(defer->owner.lab,
					 defer->request[i].deferred.page.handle);
	lt_result(freed == LT_DEFERRED, "%u of %u pages that came are freed", freed,
		  LT_DEFERRED);
}

static struct lt_defer lt_defer; /* too large for the stack */

void lt_test_defer(void)
{
	struct lt_defer *defer = &lt_defer;
	struct lt_hog hog;
	unsigned int queued;

	if (lt_defer_make(defer))
		return;
	if (!lt_hog_drain(&hog)) {
		queued = lt_defer_all(defer);
		lt_result(queued == LT_DEFERRED && !READ_ONCE(defer->told),
			  "%u of %u requests are queued, none is told yet", queued,
			  LT_DEFERRED);
		lt_hog_release(&hog, LT_DEFERRED + 256);
		lt_result(lt_defer_wait(defer), "all are told when the hog lets go");
		lt_defer_check(defer, 0, "of a page");
		lt_defer_free(defer);
	}
	lt_hog_end(&hog);
	lt_owner_destroy(&defer->owner);
}

/* === A callback that is running ========================================== */

static struct lt_slow {
	struct labyrinth_deferred deferred;
	struct labyrinth_owner *owner;
	struct completion begun;
	u32 reason;	/* why it can't wait there */
	bool ended;
} lt_slow;

static void lt_slow_served(struct labyrinth_deferred *deferred, int err)
{
	const struct labyrinth_request rq = {
		.fallback = LABYRINTH_FALLBACK_WAIT,
		.timeout_ns = NSEC_PER_MSEC,
	};
	struct labyrinth_page page;

	if (labyrinth_alloc(lt_slow.owner, &rq, &page) == -EINVAL)
		lt_slow.reason = page.reason;
	complete(&lt_slow.begun);
	msleep(300);
	WRITE_ONCE(lt_slow.ended, true);
}

/* Whoever has destroyed an owner unloads what its callbacks are in. */
void lt_test_defer_running(void)
{
	const struct labyrinth_request rq = {
		.flags = LABYRINTH_ALLOC_STRICT,
		.fallback = LABYRINTH_FALLBACK_DEFER,
		.deferred = &lt_slow.deferred,
	};
	const struct labyrinth_owner_spec spec = { .name = "slow", .quota = 1 };
	struct labyrinth_page page;
	struct lt_owner owner;
	struct lt_hog hog;
	int err;

	if (lt_owner_make(&owner, &spec))
		return;
	lt_slow.deferred.served = lt_slow_served;
	lt_slow.owner = owner.lab;
	lt_slow.reason = LABYRINTH_REASON_NONE;
	lt_slow.ended = false;
	init_completion(&lt_slow.begun);
	if (!lt_hog_drain(&hog)) {
		err = labyrinth_alloc(owner.lab, &rq, &page);
		lt_hog_release(&hog, hog.count);
		lt_result(err == -EINPROGRESS &&
			  wait_for_completion_timeout(&lt_slow.begun, 30 * HZ),
			  "a deferred request is being told (%d)", err);
		lt_result(lt_slow.reason == LABYRINTH_REASON_CONTEXT,
			  "who is told can't wait for another (reason %u)", lt_slow.reason);
		lt_owner_destroy(&owner);
		lt_result(READ_ONCE(lt_slow.ended),
			  "destroying waits for a callback that is running");
		msleep(500);
	}
	lt_hog_end(&hog);
	lt_owner_destroy(&owner);
}

/* === Destroyed with requests waiting ===================================== */

void lt_test_defer_cancel(void)
{
	struct lt_defer *defer = &lt_defer;
	struct lt_hog hog;
	unsigned int queued;

	if (lt_defer_make(defer))
		return;
	if (!lt_hog_drain(&hog)) {
		queued = lt_defer_all(defer);
		lt_result(queued == LT_DEFERRED, "%u of %u requests are queued",
			  queued, LT_DEFERRED);
		lt_owner_destroy(&defer->owner);
		lt_result(READ_ONCE(defer->told) == LT_DEFERRED,
			  "all are told when destroying returns");
		lt_defer_check(defer, -ESHUTDOWN, "-ESHUTDOWN");
	}
	lt_hog_end(&hog);
	lt_owner_destroy(&defer->owner);
}
