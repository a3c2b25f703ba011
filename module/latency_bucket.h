/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which bucket of a histogram a time belongs to, as linux/labyrinth_netlink.h
 * promises it. Plain C: tests/registry builds it in user space.
 */
#ifndef LABYRINTH_LATENCY_BUCKET_H
#define LABYRINTH_LATENCY_BUCKET_H

#include <linux/bitops.h>
#include <uapi/linux/labyrinth_netlink.h>

/* From here on all is in the last bucket. */
#define LAB_LATENCY_MOST	BIT_ULL(34)

/**
 * lab_latency_bucket - where a time is counted
 * @ns: the time
 *
 * Return: 0 to LABYRINTH_LATENCY_BUCKETS - 1, never lower for a longer time.
 */
static inline u32 lab_latency_bucket(u64 ns)
{
	u32 shift;

	if (ns < 16)
		return (u32)ns;
	if (ns >= LAB_LATENCY_MOST)
		return LABYRINTH_LATENCY_BUCKETS - 1;
	/* Leaves four bits: the highest, which counts as 8, and three more. */
	shift = (u32)fls64(ns) - 4;
	return 8 * shift + (u32)(ns >> shift);
}

/**
 * lab_latency_floor - the shortest time of a bucket
 * @bucket: below LABYRINTH_LATENCY_BUCKETS
 *
 * Return: that time in ns; the longest is 1 below the next bucket's.
 */
static inline u64 lab_latency_floor(u32 bucket)
{
	if (bucket < 16)
		return bucket;
	return (8ULL + bucket % 8) << (bucket / 8 - 1);
}

#endif /* LABYRINTH_LATENCY_BUCKET_H */
