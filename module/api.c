// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exported API. See include/linux/labyrinth.h for the contexts.
 *
 * Every call that any context may make runs with preemption off, from before it
 * looks at its owner until it has done with it: destroying an owner waits for a
 * grace period after it has been marked as dying, and sweeps then. Only the
 * buddy rung is outside (on PREEMPT_RT it may sleep): there a reference keeps the
 * owner, and what comes of it is looked at once more.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/labyrinth.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>

#include "api.h"
#include "defer.h"
#include "inbox.h"
#include "ladder.h"
#include "reserve.h"
#include "steps.h"

/* The instance, for labyrinth_owner_create(). */
static struct labyrinth *lab_api_lab;

void lab_api_init(struct labyrinth *lab)
{
	lab_api_lab = lab;
}

/* Whoever could call pins the module. */
void lab_api_exit(void)
{
	lab_api_lab = NULL;
}

/* === Owners ============================================================== */

/**
 * labyrinth_owner_create - make an owner for a module
 * @wanted: what it is to be
 *
 * Context: process; may sleep.
 *
 * Return: the owner, or ERR_PTR: -EINVAL the name or @accept; -ERANGE, -ENOSPC
 * the guarantee is more than the node's low watermark allows, or more than the
 * system gave; -ENOMEM; -EBUSY no owner's number is free; -ENODEV built in, and
 * not initialised yet; -EDEADLK in a deferred request's callback.
 */
struct labyrinth_owner *
labyrinth_owner_create(const struct labyrinth_owner_spec *wanted)
{
	struct labyrinth *lab = lab_api_lab;
	struct lab_owner_spec spec = {
		.kind = LABYRINTH_OWNER_KERNEL,
		.name = wanted->name,
		.uid = GLOBAL_ROOT_UID,
		.gid = GLOBAL_ROOT_GID,
		.quota = wanted->quota,
		.guarantee = wanted->guarantee,
		.emergency = wanted->emergency,
		.accept = wanted->accept,
		.inbox = wanted->inbox,
		.arrived = wanted->arrived,
		.arrived_data = wanted->data,
	};
	struct labyrinth_owner *owner;

	if (!lab)
		return ERR_PTR(-ENODEV);
	if (WARN_ON_ONCE(lab_worker_is_current(lab)))
		return ERR_PTR(-EDEADLK);
	if (!wanted->name ||
	    !lab_name_valid(wanted->name, LABYRINTH_NAME_SIZE) ||
	    wanted->accept > LABYRINTH_ACCEPT_ANY ||
	    wanted->inbox > LABYRINTH_INBOX_MAX)
		return ERR_PTR(-EINVAL);
	mutex_lock(&lab->admin);
	owner = lab_owner_create(lab, &spec);
	mutex_unlock(&lab->admin);
	return owner;
}
EXPORT_SYMBOL_GPL(labyrinth_owner_create);

/**
 * labyrinth_owner_destroy - end an owner, and free what it holds
 * @owner: from labyrinth_owner_create()
 *
 * Calls of its own that are under way are waited for, and what they have taken is
 * freed; calls that begin meanwhile get -ESHUTDOWN; none may begin after it has
 * returned. So either stop first what makes them (free the interrupt, cancel the
 * timer), or have them look at a flag under rcu_read_lock() or with preemption
 * off, clear that before this call, and touch no page outside such a section:
 * from here on its pages are others' to be.
 * Deferred requests are told -ESHUTDOWN before this returns. What others have
 * given and was not taken is wiped.
 *
 * Context: process; sleeps. Not from a deferred request's callback.
 */
void labyrinth_owner_destroy(struct labyrinth_owner *owner)
{
	if (WARN_ON_ONCE(lab_worker_is_current(owner->lab)))
		return;
	lab_owner_kill(owner, true);
	lab_owner_put(owner);
}
EXPORT_SYMBOL_GPL(labyrinth_owner_destroy);

/**
 * labyrinth_owner_find - a named owner, to give to
 * @name: its name
 *
 * Context: process; may sleep.
 *
 * Return: the owner with a reference, for labyrinth_owner_put(); ERR_PTR(-ENOENT).
 * It may be removed meanwhile: then giving says -ESRCH.
 */
struct labyrinth_owner *labyrinth_owner_find(const char *name)
{
	struct labyrinth_owner *owner = NULL;

	if (lab_api_lab)
		owner = lab_owner_by_name(lab_api_lab, name);
	return owner ?: ERR_PTR(-ENOENT);
}
EXPORT_SYMBOL_GPL(labyrinth_owner_find);

/**
 * labyrinth_owner_put - let go of an owner that was found
 * @owner: from labyrinth_owner_find()
 *
 * Context: any.
 */
void labyrinth_owner_put(struct labyrinth_owner *owner)
{
	lab_owner_put(owner);
}
EXPORT_SYMBOL_GPL(labyrinth_owner_put);

/* === Alloc =============================================================== */

/* As far as it can be told. */
static bool lab_may_sleep(void)
{
	if (rcu_preempt_depth())
		return false;
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT))
		return preemptible();
	return !in_interrupt() && !irqs_disabled();
}

static int lab_api_check(const struct labyrinth_request *request)
{
	bool defer = request->fallback == LABYRINTH_FALLBACK_DEFER;

	if (request->order > LAB_MAX_ORDER ||
	    request->flags & ~LABYRINTH_ALLOC_STRICT ||
	    request->fallback == LABYRINTH_FALLBACK_UNSET ||
	    request->fallback > LABYRINTH_FALLBACK_DEFER ||
	    (request->timeout_ns &&
	     request->fallback != LABYRINTH_FALLBACK_WAIT) ||
	    defer != !!request->deferred ||
	    (defer && !request->deferred->served))
		return -EINVAL;
	if (request->flags & LABYRINTH_ALLOC_STRICT && request->order)
		return -EOPNOTSUPP;
	return 0;
}

static void lab_api_request(const struct labyrinth_request *request,
			    struct lab_request *rq)
{
	rq->order = request->order;
	rq->strict = request->flags & LABYRINTH_ALLOC_STRICT;
	rq->fallback = request->fallback;
	lab_request_timeout(rq, request->timeout_ns);
}

void lab_api_page(struct labyrinth_page *page, const struct lab_slot *slot,
		  u64 handle)
{
	page->handle = handle;
	page->address = slot->addr;
	page->order = slot->order;
	page->used = slot->length;
	page->tag = slot->tag;
}

/**
 * struct lab_api_call - an allocation under way
 * @owner: for whom
 * @rq: what is asked for
 * @deferred: if it is to be, when there is nothing
 * @grant: what comes of it
 * @pending: its charge may outlast this section with preemption off
 */
struct lab_api_call {
	struct labyrinth_owner *owner;
	struct lab_request rq;
	struct labyrinth_deferred *deferred;
	struct lab_grant grant;
	bool pending;
};

static int lab_api_charge(struct lab_api_call *call)
{
	struct lab_grant *grant = &call->grant;
	unsigned long pages = 1UL << call->rq.order;

	grant->reason = call->pending ? lab_charge_pending(call->owner, pages) :
					lab_charge(call->owner, pages);
	if (grant->reason == LABYRINTH_REASON_NONE)
		return 0;
	grant->rung = LABYRINTH_RUNG_NONE;
	lab_count_failure(call->owner, grant);
	return grant->reason == LABYRINTH_REASON_DYING ? -ESHUTDOWN : -EDQUOT;
}

/* An owner's end waits for what it has queued before it began to die. */
static int lab_api_defer(struct lab_api_call *call)
{
	int err = -EINPROGRESS;

	call->deferred->page.order = call->rq.order;
	preempt_disable();
	if (lab_owner_dying(call->owner)) {
		call->grant.reason = LABYRINTH_REASON_DYING;
		err = -ESHUTDOWN;
	} else {
		lab_defer_add(call->owner, call->deferred);
	}
	preempt_enable();
	return err;
}

static int lab_api_take(struct lab_api_call *call)
{
	struct labyrinth_owner *owner = call->owner;
	unsigned long pages = 1UL << call->rq.order;
	int err = lab_take(owner, &call->rq, &call->grant);

	if (err == -ENOMEM && call->deferred)
		err = lab_api_defer(call);
	if (err == -EINPROGRESS)
		return err;
	if (!call->pending) {
		if (err)
			lab_uncharge(owner, pages);
		return err;
	}
	if (err)
		lab_uncharge_pending(owner, pages);
	else
		lab_settle_pending(owner, pages);
	return err;
}

/* All of a strict request, in one section with preemption off. */
static int lab_api_strict(struct lab_api_call *call, struct labyrinth_page *page)
{
	u32 steps;
	int err;

	preempt_disable();
	steps = lab_steps_begin();
	err = lab_api_charge(call) ?: lab_api_take(call);
	if (!err)
		lab_api_page(page, call->grant.slot, call->grant.handle);
	lab_steps_end(call->deferred ? LAB_STEPS_DEFER : LAB_STEPS_ALLOC, steps);
	preempt_enable();
	return err;
}

/* One that may try the buddy rung, or wait: a reference keeps the owner. */
static int lab_api_slow(struct lab_api_call *call, struct labyrinth_page *page)
{
	/* In an interrupt, the steps are not those of the call that it is in. */
	bool apart = in_interrupt();
	u32 steps = apart ? lab_steps_begin() : 0;
	int err;

	preempt_disable();
	err = lab_api_charge(call);
	if (!err)
		lab_owner_get(call->owner);
	preempt_enable();
	if (err)
		goto out;
	err = lab_api_take(call);
	/* A sweep may have it again by now. */
	if (!err && lab_owner_dying(call->owner)) {
		call->grant.reason = LABYRINTH_REASON_DYING;
		err = -ESHUTDOWN;
	}
	if (!err)
		lab_api_page(page, call->grant.slot, call->grant.handle);
	lab_owner_put(call->owner);
out:
	if (apart)
		lab_steps_resume(steps);
	return err;
}

/**
 * labyrinth_alloc - take a block
 * @owner: for whom
 * @request: what is asked for
 * @page: what came of it
 *
 * Context: any, but where the fallback is WAIT: process. Which rungs are tried
 * depends on it, see the table. A strict request runs at most
 * LABYRINTH_STEPS_ALLOC() steps.
 *
 * Return: 0: @page has it. -EINPROGRESS: deferred, @request->deferred is told.
 * Else @page has rung and reason, and nothing has changed: -ENOMEM no rung could
 * serve it; -EDQUOT the owner's quota; -ESHUTDOWN it is being destroyed, or the
 * machine is being suspended to disk (LABYRINTH_REASON_CLOSED);
 * -EINVAL @request, or LABYRINTH_FALLBACK_WAIT in atomic context
 * (LABYRINTH_REASON_CONTEXT); -EOPNOTSUPP strict, and an order above 0; -EINTR,
 * -ETIMEDOUT waited in vain.
 */
int labyrinth_alloc(struct labyrinth_owner *owner,
		    const struct labyrinth_request *request,
		    struct labyrinth_page *page)
{
	bool wait = request->fallback == LABYRINTH_FALLBACK_WAIT;
	struct lab_api_call call = {
		.owner = owner,
	};
	int err = lab_api_check(request);

	memset(page, 0, sizeof(*page));
	if (err)
		return err;
	if (wait && (!lab_may_sleep() || lab_worker_is_current(owner->lab))) {
		page->reason = LABYRINTH_REASON_CONTEXT;
		return -EINVAL;
	}
	lab_api_request(request, &call.rq);
	if (request->fallback == LABYRINTH_FALLBACK_DEFER)
		call.deferred = request->deferred;
	call.pending = !call.rq.strict || wait || call.deferred;
	if (call.rq.strict && !wait)
		err = lab_api_strict(&call, page);
	else
		err = lab_api_slow(&call, page);
	page->rung = call.grant.rung;
	page->reason = call.grant.reason;
	return err;
}
EXPORT_SYMBOL_GPL(labyrinth_alloc);

/**
 * alloc_page_gfp_atomic_exclusive - a page, at once or not at all
 * @owner: for whom
 * @handle: what to free it or give it by; 0 if there is none
 *
 * Strict, fail-hard: the call for an interrupt handler.
 *
 * Context: any. At most LABYRINTH_STEPS_ALLOC() steps.
 *
 * Return: the page's kernel address, zeroed; or NULL.
 */
void *alloc_page_gfp_atomic_exclusive(struct labyrinth_owner *owner,
				      labyrinth_handle_t *handle)
{
	struct lab_api_call call = {
		.owner = owner,
		.rq = {
			.strict = true,
			.fallback = LABYRINTH_FALLBACK_FAIL,
		},
	};
	struct labyrinth_page page = {};

	lab_api_strict(&call, &page);
	*handle = page.handle;
	return page.address;
}
EXPORT_SYMBOL_GPL(alloc_page_gfp_atomic_exclusive);

/* === Free ================================================================ */

/**
 * labyrinth_free - free a block
 * @owner: who holds it
 * @handle: of it
 *
 * It is wiped before anybody else can have it.
 *
 * Context: any. At most LABYRINTH_STEPS_FREE steps.
 *
 * Return: 0, or -ENOENT: it is not @owner's now.
 */
int labyrinth_free(struct labyrinth_owner *owner, labyrinth_handle_t handle)
{
	struct lab_slot *slot;
	bool released;
	u32 steps;

	preempt_disable();
	steps = lab_steps_begin();
	slot = lab_registry_slot(&owner->lab->reg, handle);
	released = slot && lab_slot_word(slot) ==
			   lab_handle_word(handle, owner->id,
					   LABYRINTH_PAGE_OWNED) &&
		   lab_release(owner, slot, handle);
	if (released)
		lab_kick(owner->lab);
	lab_steps_end(LAB_STEPS_FREE, steps);
	preempt_enable();
	return released ? 0 : -ENOENT;
}
EXPORT_SYMBOL_GPL(labyrinth_free);
