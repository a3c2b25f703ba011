/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hog that takes every slot of the registry: from then on the refill can do
 * nothing, and what anybody gets is what somebody frees.
 */
#ifndef LABYRINTH_SELFTESTS_EVERY_SLOT_H
#define LABYRINTH_SELFTESTS_EVERY_SLOT_H

#include "admin_util.h"

#define HOG_BATCH	1024

static inline bool every_slot_fits(__u64 slots)
{
	return slots <= (__u64)sysconf(_SC_AVPHYS_PAGES) / 4 * 3;
}

/*
 * All slots, and what the ready stack of this CPU and the ring still have: for
 * a caller on one CPU, with the smallest reserve. @handles gets the first
 * @count of them.
 */
static inline int take_every_slot(int hog, __u64 *handles, __u32 count)
{
	__u64 batch[HOG_BATCH];
	struct labyrinth_alloc cmd = {
		.flags = LABYRINTH_ALLOC_PARTIAL,
		.count = HOG_BATCH,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)batch,
	};
	time_t end = now_seconds() + DEADLINE_SECONDS;
	struct books books;
	int ret = _alloc(hog, 0, count, handles);
	bool quiet = false;

	/* Until the worker had nothing left to bring, and then once more. */
	while (!ret && now_seconds() < end) {
		if (!_alloc_cmd(hog, &cmd)) {
			quiet = false;
			continue;
		}
		if (cmd.out_reason != LABYRINTH_REASON_SLOTS)
			return -EIO;
		if (quiet)
			return 0;
		ret = books_get(&books);
		quiet = !books.vacant && !books.available &&
			books.taken - books.cpu == used_pages(hog);
	}
	return ret ?: -ETIMEDOUT;
}

#endif /* LABYRINTH_SELFTESTS_EVERY_SLOT_H */
