// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "labyrinth_capture.h"
#include "stream.h"

/* After that many nothing new is to be learned from their text. */
#define FAULTS_SAID	10

static void fault(struct capture_stream *stream, const char *format, ...)
{
	va_list args;

	if (++stream->faults > FAULTS_SAID)
		return;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static const struct labyrinth_capture_record *
record_of(const struct capture_page *page)
{
	return (const void *)page->data;
}

/* Return: false if it is none, or its length can't be believed. */
static bool check_frame(struct capture_stream *stream,
			const struct capture_page *page)
{
	const struct labyrinth_capture_record *record = record_of(page);

	if (record->magic != LABYRINTH_CAPTURE_MAGIC ||
	    record->length > CAPTURE_PAGE_SIZE - sizeof(*record)) {
		fault(stream, "tag %llu: not a record", page->tag);
		return false;
	}
	if (page->used != sizeof(*record) + record->length)
		fault(stream, "record %llu: used length %llu, not %zu",
		      record->sequence, page->used,
		      sizeof(*record) + record->length);
	if (page->tag != record->sequence)
		fault(stream, "record %llu: tag %llu", record->sequence,
		      page->tag);
	return true;
}

/* Each by itself: whoever alters a payload may know how to sum. */
static void check_content(struct capture_stream *stream,
			  const struct capture_page *page)
{
	const struct labyrinth_capture_record *record = record_of(page);
	size_t end = sizeof(*record) + record->length, i;

	if (labyrinth_capture_checksum(record) != record->checksum)
		fault(stream, "record %llu: wrong checksum", record->sequence);
	for (i = 0; i < record->length; i++)
		if (record->payload[i] !=
		    labyrinth_capture_byte(record->sequence, (uint32_t)i)) {
			fault(stream, "record %llu: byte %zu is altered",
			      record->sequence, i);
			break;
		}
	for (i = end; i < sizeof(page->data); i++)
		if (page->data[i]) {
			fault(stream, "record %llu: not zero behind its end, at %zu",
			      record->sequence, i);
			break;
		}
}

/* What is missing, and what the source has dropped, must be as many. */
static void check_place(struct capture_stream *stream,
			const struct labyrinth_capture_record *record)
{
	__u64 missing = record->sequence - stream->next;
	__u64 dropped = record->dropped - stream->dropped;

	if (record->sequence < stream->next)
		fault(stream, "record %llu: doubled or late, %llu was due",
		      record->sequence, stream->next);
	else if (missing != dropped)
		fault(stream, "before record %llu: %llu missing, but %llu dropped by the source",
		      record->sequence, missing, dropped);
	if (record->timestamp_ns < stream->timestamp_ns)
		fault(stream, "record %llu: its time is before the last one's",
		      record->sequence);
}

void capture_stream_page(struct capture_stream *stream,
			 const struct capture_page *page)
{
	const struct labyrinth_capture_record *record = record_of(page);

	stream->records++;
	if (!check_frame(stream, page))
		return;
	check_content(stream, page);
	check_place(stream, record);
	stream->next = record->sequence + 1;
	stream->dropped = record->dropped;
	stream->timestamp_ns = record->timestamp_ns;
}

/* Both sides' sums, and what was dropped after the last record. */
void capture_stream_end(struct capture_stream *stream,
			const struct capture_source *source)
{
	__u64 missing = source->interrupts - stream->next;
	__u64 dropped = source->dropped - stream->dropped;

	if (missing != dropped)
		fault(stream, "after the last record: %llu missing, but %llu dropped by the source",
		      missing, dropped);
	if (stream->records != source->given)
		fault(stream, "%llu records came, %llu were given",
		      stream->records, source->given);
	if (source->interrupts != source->given + source->dropped)
		fault(stream, "of %llu interrupts %llu were given and %llu dropped",
		      source->interrupts, source->given, source->dropped);
}
