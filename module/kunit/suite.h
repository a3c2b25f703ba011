/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the KUnit suites share. They are linked into the module, so that they call
 * what is not exported; what they use of the module's own instance they leave as it
 * was, provided that nobody else takes pages meanwhile.
 */
#ifndef LABYRINTH_KUNIT_SUITE_H
#define LABYRINTH_KUNIT_SUITE_H

#include <kunit/test.h>
#include <linux/labyrinth.h>

#include "../owner.h"

#define LAB_LAST_GEN	(LAB_GEN_MASK >> LAB_GEN_SHIFT)
#define LAB_STATES	(LABYRINTH_PAGE_RETIRED + 1)

/* A slot that stands in no table. */
static inline void lab_slot_set(struct lab_slot *slot, u64 gen, u32 owner,
				enum labyrinth_page_state state)
{
	atomic64_set(&slot->word, (s64)lab_word(gen, owner, state));
}

/* A registry of the test's own, freed with it. */
struct lab_registry *lab_kunit_registry(struct kunit *test, u32 slots);

/* A kernel owner, destroyed with the test unless lab_kunit_destroy() was first. */
struct labyrinth_owner *
lab_kunit_owner(struct kunit *test, const struct labyrinth_owner_spec *spec);
void lab_kunit_destroy(struct kunit *test, struct labyrinth_owner *owner);

/* All that was freed is wiped, and all that lacked has been fetched. */
void lab_kunit_settle(struct labyrinth *lab);

/* The instance's books agree. */
void lab_kunit_verify(struct kunit *test, struct labyrinth *lab);

#endif /* LABYRINTH_KUNIT_SUITE_H */
