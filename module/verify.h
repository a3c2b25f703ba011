/* SPDX-License-Identifier: GPL-2.0-only */
/* Verify: do independent books agree? */
#ifndef LABYRINTH_VERIFY_H
#define LABYRINTH_VERIFY_H

#include "core.h"

enum lab_verify_result {
	LAB_VERIFY_OK,
	LAB_VERIFY_WRONG,
	LAB_VERIFY_BUSY,
};

/**
 * struct lab_verdict - what comparing the books said
 * @result: see enum labyrinth_verify_attr
 * @tries: how often they were compared
 * @slots: @pages: read in the last one
 * @book: the first that disagrees, NULL if none
 * @text: what differs
 * @expected: @found: by the other books, and in this one
 */
struct lab_verdict {
	enum lab_verify_result result;
	u32 tries;
	u64 slots;
	u64 pages;
	const char *book;
	const char *text;
	u64 expected;
	u64 found;
};

int lab_verify(struct labyrinth *lab, struct lab_verdict *verdict);

#ifdef CONFIG_LABYRINTH_DEBUG
int lab_debug_init(struct labyrinth *lab);
void lab_debug_exit(void);
#else
static inline int lab_debug_init(struct labyrinth *lab)
{
	return 0;
}

static inline void lab_debug_exit(void)
{
}
#endif

#endif /* LABYRINTH_VERIFY_H */
