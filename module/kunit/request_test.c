// SPDX-License-Identifier: GPL-2.0-only
/* Requests that never reach a rung, and the door that drivers use. */
#include <linux/limits.h>
#include <linux/mm.h>

#include "../ladder.h"
#include "suite.h"

static const struct labyrinth_owner_spec one_page = {
	.name = "kunit.request",
	.quota = 1,
};

static const struct labyrinth_request strict = {
	.flags = LABYRINTH_ALLOC_STRICT,
	.fallback = LABYRINTH_FALLBACK_FAIL,
};

/* === What is no request ================================================== */

static struct labyrinth_deferred unheard;

struct request_param {
	const char *what;
	struct labyrinth_request rq;
	int err;
};

static const struct request_param request_params[] = {
	{ "no fallback", {}, -EINVAL },
	{ "a fallback past the last",
	  { .fallback = LABYRINTH_FALLBACK_DEFER + 1 }, -EINVAL },
	{ "an order past the largest",
	  { .order = LAB_MAX_ORDER + 1, .fallback = LABYRINTH_FALLBACK_FAIL },
	  -EINVAL },
	{ "order -1", { .order = U32_MAX, .fallback = LABYRINTH_FALLBACK_FAIL },
	  -EINVAL },
	{ "an unknown flag",
	  { .flags = BIT(31), .fallback = LABYRINTH_FALLBACK_FAIL }, -EINVAL },
	{ "PARTIAL, which is of batches",
	  { .flags = LABYRINTH_ALLOC_PARTIAL, .fallback = LABYRINTH_FALLBACK_FAIL },
	  -EINVAL },
	{ "a timeout for no wait",
	  { .fallback = LABYRINTH_FALLBACK_FAIL, .timeout_ns = 1 }, -EINVAL },
	{ "to be deferred by nobody", { .fallback = LABYRINTH_FALLBACK_DEFER },
	  -EINVAL },
	{ "to be deferred, and told to nobody",
	  { .fallback = LABYRINTH_FALLBACK_DEFER, .deferred = &unheard }, -EINVAL },
	{ "somebody to tell, and nothing deferred",
	  { .fallback = LABYRINTH_FALLBACK_FAIL, .deferred = &unheard }, -EINVAL },
	{ "strict, and larger than a page",
	  { .flags = LABYRINTH_ALLOC_STRICT, .order = 1,
	    .fallback = LABYRINTH_FALLBACK_FAIL }, -EOPNOTSUPP },
};

static void request_what(const struct request_param *param, char *desc)
{
	strscpy(desc, param->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(request, request_params, request_what);

static void request_refused(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &one_page);
	const struct request_param *p = test->param_value;
	struct labyrinth_page page;

	memset(&page, 0xaa, sizeof(page));
	KUNIT_EXPECT_EQ(test, labyrinth_alloc(owner, &p->rq, &page), p->err);
	KUNIT_EXPECT_NULL(test, memchr_inv(&page, 0, sizeof(page)));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 0);
}

/* === Refused before a rung =============================================== */

static void refused_by_quota(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &one_page);
	struct labyrinth_page page;

	KUNIT_ASSERT_EQ(test, labyrinth_alloc(owner, &strict, &page), 0);
	KUNIT_EXPECT_EQ(test, labyrinth_alloc(owner, &strict, &page), -EDQUOT);
	KUNIT_EXPECT_EQ(test, page.rung, LABYRINTH_RUNG_NONE);
	KUNIT_EXPECT_EQ(test, page.reason, LABYRINTH_REASON_QUOTA);
	KUNIT_EXPECT_EQ(test, page.handle, 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 1);
}

static void refused_to_the_dying(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &one_page);
	const struct lab_request rq = {
		.strict = true,
		.fallback = LABYRINTH_FALLBACK_FAIL,
	};
	struct lab_grant grant = {};
	struct labyrinth_page page;

	lab_owner_get(owner);
	lab_kunit_destroy(test, owner);
	KUNIT_EXPECT_EQ(test, labyrinth_alloc(owner, &strict, &page), -ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, page.reason, LABYRINTH_REASON_DYING);
	/* Nor one that was charged before: the ladder itself looks. */
	KUNIT_EXPECT_EQ(test, lab_take(owner, &rq, &grant), -ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, (int)grant.reason, LABYRINTH_REASON_DYING);
	KUNIT_EXPECT_EQ(test, (int)grant.rung, LABYRINTH_RUNG_NONE);
	KUNIT_EXPECT_NULL(test, grant.slot);
	KUNIT_EXPECT_EQ(test, labyrinth_take(owner, &page), -ESHUTDOWN);
	lab_owner_put(owner);
}

/* As while the machine is being suspended to disk. */
static void refused_when_closed(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &one_page);
	struct labyrinth *lab = owner->lab;
	struct labyrinth_page page;
	int err;

	mutex_lock(&lab->owners.lock);
	WRITE_ONCE(lab->closed, true);
	mutex_unlock(&lab->owners.lock);
	err = labyrinth_alloc(owner, &strict, &page);
	mutex_lock(&lab->owners.lock);
	WRITE_ONCE(lab->closed, false);
	mutex_unlock(&lab->owners.lock);
	KUNIT_EXPECT_EQ(test, err, -ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, page.reason, LABYRINTH_REASON_CLOSED);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 0);
	KUNIT_EXPECT_EQ(test, labyrinth_alloc(owner, &strict, &page), 0);
}

/* === The seed's call ===================================================== */

static void exclusive_page(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &one_page);
	labyrinth_handle_t handle = 1, none = 1;
	void *address = alloc_page_gfp_atomic_exclusive(owner, &handle);

	KUNIT_ASSERT_NOT_NULL(test, address);
	KUNIT_EXPECT_NE(test, handle, 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(address, 0, PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(address));
	KUNIT_EXPECT_NULL(test, alloc_page_gfp_atomic_exclusive(owner, &none));
	KUNIT_EXPECT_EQ(test, none, 0);
	KUNIT_EXPECT_EQ(test, labyrinth_free(owner, handle), 0);
	KUNIT_EXPECT_EQ(test, labyrinth_free(owner, handle), -ENOENT);
}

static struct kunit_case request_cases[] = {
	KUNIT_CASE_PARAM(request_refused, request_gen_params),
	KUNIT_CASE(refused_by_quota),
	KUNIT_CASE(refused_to_the_dying),
	KUNIT_CASE(refused_when_closed),
	KUNIT_CASE(exclusive_page),
	{}
};

static struct kunit_suite request_suite = {
	.name = "labyrinth-request",
	.test_cases = request_cases,
};

kunit_test_suite(request_suite);
