/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the storm's processes write: every word of a block says who wrote it, which
 * of that writer's blocks it is, and where in the block it stands. A block's label,
 * which it carries as its tag, is the first two of these.
 */
#ifndef LABYRINTH_STORM_PATTERN_H
#define LABYRINTH_STORM_PATTERN_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

/* A word: 1, writer (20 bits), sequence (23 bits), place in the block (20 bits). */
#define WRITTEN		(1ULL << 63)
#define PLACE_BITS	20
#define SEQUENCE_BITS	23
#define WRITER_SHIFT	(PLACE_BITS + SEQUENCE_BITS)

/* The tag of a block that is being written, or is still zero. */
#define UNFINISHED	(1ULL << 62)

/* Of what is given the tag says to whom as well: the low bits of its number. */
#define ADDRESS_SHIFT	44
#define ADDRESS_MASK	(0x3ffffULL << ADDRESS_SHIFT)

static inline __u64 address_of(__u32 owner)
{
	return (__u64)owner << ADDRESS_SHIFT & ADDRESS_MASK;
}

static inline __u64 label_of(__u32 writer, __u32 sequence)
{
	return (__u64)(writer & 0xfffff) << SEQUENCE_BITS |
	       (sequence & ((1U << SEQUENCE_BITS) - 1));
}

static inline __u64 word_of(__u64 label, size_t place)
{
	return WRITTEN | label << PLACE_BITS | place;
}

static inline void write_words(__u64 *words, size_t count, __u64 label)
{
	for (size_t i = 0; i < count; i++)
		words[i] = word_of(label, i);
}

/* Where they are not @label's first: @count if they are. */
static inline size_t compare_words(const __u64 *words, size_t count,
				   __u64 label)
{
	size_t i = 0;

	while (i < count && words[i] == word_of(label, i))
		i++;
	return i;
}

static inline size_t compare_zero(const __u64 *words, size_t count)
{
	size_t i = 0;

	while (i < count && !words[i])
		i++;
	return i;
}

#endif /* LABYRINTH_STORM_PATTERN_H */
