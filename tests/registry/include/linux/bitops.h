/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_BITOPS_H
#define SHIM_BITOPS_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>

static inline unsigned long __ffs(unsigned long word)
{
	return (unsigned long)__builtin_ctzl(word);
}

static inline int fls64(u64 word)
{
	return word ? 64 - __builtin_clzll(word) : 0;
}

static inline bool test_bit(unsigned long nr, const unsigned long *map)
{
	return READ_ONCE(map[nr / BITS_PER_LONG]) & BIT(nr % BITS_PER_LONG);
}

/* Fully ordered, as all that return what was there before. */
static inline bool test_and_set_bit(unsigned long nr, unsigned long *map)
{
	unsigned long bit = BIT(nr % BITS_PER_LONG);

	shim_write();
	return __atomic_fetch_or(&map[nr / BITS_PER_LONG], bit,
				 __ATOMIC_SEQ_CST) & bit;
}

static inline bool test_and_clear_bit(unsigned long nr, unsigned long *map)
{
	unsigned long bit = BIT(nr % BITS_PER_LONG);

	shim_write();
	return __atomic_fetch_and(&map[nr / BITS_PER_LONG], ~bit,
				  __ATOMIC_SEQ_CST) & bit;
}

#endif
