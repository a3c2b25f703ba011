/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LOG2_H
#define SHIM_LOG2_H

static inline unsigned long roundup_pow_of_two(unsigned long n)
{
	unsigned long size = 1;

	while (size < n)
		size *= 2;
	return size;
}

#endif
