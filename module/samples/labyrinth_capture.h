/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What labyrinth_capture writes into a page, and its reader finds there.
 */
#ifndef LABYRINTH_CAPTURE_H
#define LABYRINTH_CAPTURE_H

#include <linux/types.h>

#define LABYRINTH_CAPTURE_MAGIC	0x4c414243U

/**
 * struct labyrinth_capture_record - one interrupt's worth of data
 * @checksum: labyrinth_capture_checksum() of all that follows
 * @sequence: number of the interrupt, from 0; also the page's tag
 * @timestamp_ns: when, on the monotonic clock
 * @dropped: how many of the interrupts before it have not become a record
 * @magic: LABYRINTH_CAPTURE_MAGIC
 * @length: bytes of payload; after them the page is all zeroes
 * @payload: labyrinth_capture_byte() of each
 *
 * The page's used length is that of the record. Sequence numbers that are
 * missing before a record are as many as @dropped has grown by: whoever reads
 * can tell what was dropped at the source from what was lost on the way.
 */
struct labyrinth_capture_record {
	__u64 checksum;
	__u64 sequence;
	__u64 timestamp_ns;
	__u64 dropped;
	__u32 magic;
	__u32 length;
	__u8  payload[];
};

/* The data that our device delivers: anything that a reader can predict. */
static inline __u8 labyrinth_capture_byte(__u64 sequence, __u32 i)
{
	return (__u8)((sequence + i) * 0x9e3779b97f4a7c15ULL >> 56);
}

/* FNV-1a. */
static inline __u64
labyrinth_capture_checksum(const struct labyrinth_capture_record *record)
{
	const __u8 *byte = (const __u8 *)record;
	__u64 sum = 0xcbf29ce484222325ULL;
	__u32 i;

	for (i = sizeof(sum); i < sizeof(*record) + record->length; i++)
		sum = (sum ^ byte[i]) * 0x100000001b3ULL;
	return sum;
}

#endif /* LABYRINTH_CAPTURE_H */
