/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Judges a stream of labyrinth_capture's records: is the sequence complete, but
 * for what the source says that it dropped, and is each record as it was written?
 */
#ifndef CAPTURE_STREAM_H
#define CAPTURE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#define CAPTURE_PAGE_SIZE	4096

/**
 * struct capture_stream - what has been seen
 * @next: sequence number that comes next if none is dropped
 * @records: records so far
 * @dropped: of the numbers before @next, those that the source has dropped
 * @timestamp_ns: of the last record
 * @faults: what was wrong, each time said on stderr
 */
struct capture_stream {
	__u64 next;
	__u64 records;
	__u64 dropped;
	__u64 timestamp_ns;
	__u64 faults;
};

/**
 * struct capture_page - a page as it was taken
 * @tag: of the page
 * @used: used length
 * @data: the whole page
 */
struct capture_page {
	__u64 tag;
	__u64 used;
	uint8_t data[CAPTURE_PAGE_SIZE];
};

/**
 * struct capture_source - what the source says of itself, in the end
 * @interrupts: numbers that it has used
 * @given: records that it gave away
 * @dropped: the others
 */
struct capture_source {
	__u64 interrupts;
	__u64 given;
	__u64 dropped;
};

void capture_stream_page(struct capture_stream *stream,
			 const struct capture_page *page);
void capture_stream_end(struct capture_stream *stream,
			const struct capture_source *source);

#endif /* CAPTURE_STREAM_H */
