/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Contents that are known again: patterns, and memory that is all one byte.
 */
#ifndef LABYRINTH_SELFTESTS_CONTENTS_H
#define LABYRINTH_SELFTESTS_CONTENTS_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <linux/types.h>

/* Contents that no other @seed has, and no other place in the block. */
static inline void fill_pattern(void *buffer, size_t size, __u64 seed)
{
	__u64 word = (seed + 1) * 0x9E3779B97F4A7C15ULL;

	for (size_t i = 0; i < size; i += sizeof(word)) {
		memcpy((char *)buffer + i, &word, sizeof(word));
		word = word * 6364136223846793005ULL + 1442695040888963407ULL;
	}
}

static inline bool shows_pattern(const void *at, size_t size, __u64 seed)
{
	char *expected = malloc(size);
	bool same;

	fill_pattern(expected, size, seed);
	same = !memcmp(expected, at, size);
	free(expected);
	return same;
}

/* Pieces of a pattern, large enough for nobody to have made them by chance. */
#define PIECE		16
#define PIECE_EVERY	256

/* Is any of them anywhere in what was got? */
static inline bool finds_pattern(const void *loot, size_t loot_size,
				 size_t size, __u64 seed)
{
	char *pattern = malloc(size);
	bool found = false;

	fill_pattern(pattern, size, seed);
	for (size_t at = 0; at + PIECE <= size && !found; at += PIECE_EVERY)
		found = memmem(loot, loot_size, pattern + at, PIECE);
	free(pattern);
	return found;
}

static inline bool all_bytes_are(const void *buffer, int byte, size_t size)
{
	const unsigned char *bytes = buffer;

	return !size || (bytes[0] == byte &&
			 !memcmp(bytes, bytes + 1, size - 1));
}

#endif /* LABYRINTH_SELFTESTS_CONTENTS_H */
