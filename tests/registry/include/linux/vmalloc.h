/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_VMALLOC_H
#define SHIM_VMALLOC_H

#include <stdlib.h>
#include <string.h>

/* How many more calls are granted, and how many allocations are not freed yet. */
extern long shim_vmalloc_budget;
extern long shim_vmalloc_live;

#define GFP_KERNEL	0u
#define __GFP_ZERO	1u
#define __GFP_NOWARN	2u
#define __GFP_ACCOUNT	4u
#define __GFP_RETRY_MAYFAIL	8u

static inline void *__vmalloc(unsigned long bytes, unsigned int gfp)
{
	void *p;

	if (!shim_vmalloc_budget)
		return NULL;
	shim_vmalloc_budget--;
	p = aligned_alloc(64, (bytes + 63) / 64 * 64);
	if (!p)
		return NULL;
	shim_vmalloc_live++;
	return memset(p, gfp & __GFP_ZERO ? 0 : 0xAA, bytes);
}

static inline void vfree(const void *p)
{
	if (p)
		shim_vmalloc_live--;
	free((void *)p);
}

#endif
