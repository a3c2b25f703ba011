/* SPDX-License-Identifier: GPL-2.0-only */
/* What verify's files share: one comparison of the books. */
#ifndef LABYRINTH_AUDIT_H
#define LABYRINTH_AUDIT_H

#include "verify.h"

/* Where a slot was found. */
enum lab_place {
	LAB_PLACE_NONE,
	LAB_PLACE_VACANT,
	LAB_PLACE_READY,
	LAB_PLACE_RING,
	LAB_PLACE_INDEX,
	LAB_PLACE_INBOX,
};

/**
 * struct lab_audit - one comparison
 * @lab: the instance
 * @place: enum lab_place of each slot
 * @frame: a bit for each page frame that a slot has
 * @frames: bits in @frame
 * @verdict: gets the first difference
 * @until: how long owners' locks are waited for, in jiffies
 * @busy: one could not be had
 */
struct lab_audit {
	struct labyrinth *lab;
	u8 *place;
	unsigned long *frame;
	unsigned long frames;
	struct lab_verdict *verdict;
	unsigned long until;
	bool busy;
};

static inline bool lab_differ(struct lab_audit *audit, const char *book,
			      const char *text, u64 expected, u64 found)
{
	struct lab_verdict *verdict = audit->verdict;

	if (!verdict->book) {
		verdict->book = book;
		verdict->text = text;
		verdict->expected = expected;
		verdict->found = found;
	}
	return false;
}

static inline bool lab_expect(struct lab_audit *audit, const char *book,
			      const char *text, u64 expected, u64 found)
{
	return expected == found ||
	       lab_differ(audit, book, text, expected, found);
}

/* Every place: fills in @audit->place. False if a book differs. */
bool lab_place_all(struct lab_audit *audit);

#endif /* LABYRINTH_AUDIT_H */
