// SPDX-License-Identifier: GPL-2.0-only
/* What the KUnit suites share: see suite.h. */
#include <kunit/resource.h>

#include "../reserve.h"
#include "../verify.h"
#include "suite.h"

static void lab_kunit_registry_end(void *data)
{
	lab_registry_exit(data);
}

struct lab_registry *lab_kunit_registry(struct kunit *test, u32 slots)
{
	struct lab_registry *reg = kunit_kzalloc(test, sizeof(*reg), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, reg);
	KUNIT_ASSERT_EQ(test, lab_registry_init(reg, slots), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, lab_kunit_registry_end,
							reg), 0);
	return reg;
}

static void lab_kunit_owner_end(void *data)
{
	labyrinth_owner_destroy(data);
}

struct labyrinth_owner *
lab_kunit_owner(struct kunit *test, const struct labyrinth_owner_spec *spec)
{
	struct labyrinth_owner *owner = labyrinth_owner_create(spec);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, owner);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, lab_kunit_owner_end,
							owner), 0);
	return owner;
}

void lab_kunit_destroy(struct kunit *test, struct labyrinth_owner *owner)
{
	kunit_release_action(test, lab_kunit_owner_end, owner);
}

void lab_kunit_settle(struct labyrinth *lab)
{
	/* Once for what is in the dirty map by now, even if nothing lacks. */
	do {
		lab_worker_run(lab);
	} while (lab_worker_unfilled(lab));
}

void lab_kunit_verify(struct kunit *test, struct labyrinth *lab)
{
	struct lab_verdict verdict;

	KUNIT_ASSERT_EQ(test, lab_verify(lab, &verdict), 0);
	KUNIT_EXPECT_EQ_MSG(test, (int)verdict.result, LAB_VERIFY_OK,
			    "%s: %s: expected %llu, found %llu",
			    verdict.book ?: "", verdict.text ?: "",
			    verdict.expected, verdict.found);
}
