// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judge judged: sound streams pass, and one that was tampered with in any of
 * these ways does not. TAP.
 */
#include <stdio.h>
#include <string.h>

#include "labyrinth_capture.h"
#include "stream.h"

#define RECORDS	24
#define PAYLOAD	100

/* As the source makes it: numbers from 0, a few of them dropped. */
struct tape {
	struct capture_page page[RECORDS + 1];
	unsigned int pages;
	struct capture_source source;
};

static struct labyrinth_capture_record *record_at(struct tape *tape, unsigned int i)
{
	return (void *)tape->page[i].data;
}

static void sum(struct tape *tape, unsigned int i)
{
	record_at(tape, i)->checksum = labyrinth_capture_checksum(record_at(tape, i));
}

static void add(struct tape *tape)
{
	struct capture_page *page = &tape->page[tape->pages];
	struct labyrinth_capture_record *record = (void *)page->data;
	uint32_t i;

	memset(page, 0, sizeof(*page));
	record->magic = LABYRINTH_CAPTURE_MAGIC;
	record->length = PAYLOAD;
	record->sequence = tape->source.interrupts;
	record->timestamp_ns = 1000 + tape->source.interrupts * 10;
	record->dropped = tape->source.dropped;
	for (i = 0; i < PAYLOAD; i++)
		record->payload[i] = labyrinth_capture_byte(record->sequence, i);
	page->tag = record->sequence;
	page->used = sizeof(*record) + PAYLOAD;
	sum(tape, tape->pages);
	tape->pages++;
	tape->source.interrupts++;
	tape->source.given++;
}

static void miss(struct tape *tape, unsigned int count)
{
	tape->source.interrupts += count;
	tape->source.dropped += count;
}

static void cut(struct tape *tape, unsigned int i)
{
	tape->pages--;
	memmove(&tape->page[i], &tape->page[i + 1],
		(tape->pages - i) * sizeof(tape->page[0]));
}

static void paste(struct tape *tape, unsigned int i, unsigned int copy_of)
{
	static struct capture_page page;

	page = tape->page[copy_of];
	memmove(&tape->page[i + 1], &tape->page[i],
		(tape->pages - i) * sizeof(tape->page[0]));
	tape->page[i] = page;
	tape->pages++;
}

/* === What may be done to a stream ======================================== */

static void nothing(struct tape *tape)
{
	(void)tape;
}

static void drops_at_the_end(struct tape *tape)
{
	miss(tape, 3);
}

static void first_lost(struct tape *tape)
{
	cut(tape, 0);
}

static void one_lost(struct tape *tape)
{
	cut(tape, 7);
}

static void one_lost_at_a_gap(struct tape *tape)
{
	cut(tape, 12);
}

static void last_lost(struct tape *tape)
{
	cut(tape, tape->pages - 1);
}

static void one_doubled(struct tape *tape)
{
	paste(tape, 8, 7);
}

static void one_doubled_later(struct tape *tape)
{
	paste(tape, 15, 7);
}

/* The count of records alone is right. */
static void one_in_anothers_place(struct tape *tape)
{
	tape->page[8] = tape->page[7];
}

static void two_swapped(struct tape *tape)
{
	paste(tape, 9, 7);
	cut(tape, 7);
}

static void payload_altered(struct tape *tape)
{
	record_at(tape, 5)->payload[PAYLOAD - 1] ^= 1;
}

static void payload_altered_and_summed(struct tape *tape)
{
	record_at(tape, 5)->payload[0] ^= 0x80;
	sum(tape, 5);
}

static void checksum_altered(struct tape *tape)
{
	record_at(tape, 5)->checksum ^= 1;
}

static void magic_altered(struct tape *tape)
{
	record_at(tape, 5)->magic = 0;
	sum(tape, 5);
}

static void length_altered(struct tape *tape)
{
	record_at(tape, 5)->length--;
	sum(tape, 5);
}

static void length_beyond_the_page(struct tape *tape)
{
	record_at(tape, 5)->length = CAPTURE_PAGE_SIZE;
}

static void sequence_altered(struct tape *tape)
{
	record_at(tape, 5)->sequence++;
	sum(tape, 5);
}

static void time_goes_back(struct tape *tape)
{
	record_at(tape, 5)->timestamp_ns = 1;
	sum(tape, 5);
}

static void more_dropped_than_missing(struct tape *tape)
{
	record_at(tape, 5)->dropped++;
	sum(tape, 5);
}

static void dirt_behind_the_end(struct tape *tape)
{
	tape->page[5].data[CAPTURE_PAGE_SIZE - 1] = 1;
}

static void tag_altered(struct tape *tape)
{
	tape->page[5].tag++;
}

static void used_altered(struct tape *tape)
{
	tape->page[5].used = CAPTURE_PAGE_SIZE;
}

static void page_of_zeroes(struct tape *tape)
{
	memset(tape->page[5].data, 0, CAPTURE_PAGE_SIZE);
}

static void source_drops_more(struct tape *tape)
{
	tape->source.dropped++;
}

static void source_gives_more(struct tape *tape)
{
	tape->source.given++;
}

static void source_interrupts_more(struct tape *tape)
{
	tape->source.interrupts++;
}

/* One was lost on the way, and the source is blamed for it. */
static void lost_and_called_dropped(struct tape *tape)
{
	cut(tape, 7);
	tape->source.dropped++;
	tape->source.given--;
}

static const struct {
	const char *name;
	void (*tamper)(struct tape *tape);
	bool sound;
} trials[] = {
	{ "as it was given", nothing, true },
	{ "with drops at the end", drops_at_the_end, true },
	{ "the first record lost", first_lost, false },
	{ "one record lost", one_lost, false },
	{ "one record lost beside a gap", one_lost_at_a_gap, false },
	{ "the last record lost", last_lost, false },
	{ "one record doubled", one_doubled, false },
	{ "one record doubled, later", one_doubled_later, false },
	{ "one record in another's place", one_in_anothers_place, false },
	{ "two records swapped", two_swapped, false },
	{ "a bit of the payload altered", payload_altered, false },
	{ "payload altered and summed again", payload_altered_and_summed, false },
	{ "checksum altered", checksum_altered, false },
	{ "magic altered", magic_altered, false },
	{ "length altered", length_altered, false },
	{ "length beyond the page", length_beyond_the_page, false },
	{ "sequence altered", sequence_altered, false },
	{ "time goes back", time_goes_back, false },
	{ "more dropped than missing", more_dropped_than_missing, false },
	{ "dirt behind the record's end", dirt_behind_the_end, false },
	{ "tag altered", tag_altered, false },
	{ "used length altered", used_altered, false },
	{ "a page of zeroes", page_of_zeroes, false },
	{ "the source counts a drop more", source_drops_more, false },
	{ "the source counts a record more", source_gives_more, false },
	{ "the source counts an interrupt more", source_interrupts_more, false },
	{ "a loss that the source is blamed for", lost_and_called_dropped, false },
};

#define COUNT	((unsigned int)(sizeof(trials) / sizeof(*trials)))

static void record(struct tape *tape)
{
	unsigned int i;

	memset(tape, 0, sizeof(*tape));
	for (i = 0; i < RECORDS; i++) {
		if (i == 3 || i == 12)
			miss(tape, i);
		add(tape);
	}
}

static bool judged_sound(const struct tape *tape)
{
	struct capture_stream stream = { 0 };
	unsigned int i;

	for (i = 0; i < tape->pages; i++)
		capture_stream_page(&stream, &tape->page[i]);
	capture_stream_end(&stream, &tape->source);
	return !stream.faults;
}

static bool judge(unsigned int i)
{
	static struct tape tape;
	bool right;

	record(&tape);
	trials[i].tamper(&tape);
	right = judged_sound(&tape) == trials[i].sound;
	printf("%sok %u - a stream %s: %s\n", right ? "" : "not ", i + 1,
	       trials[i].sound ? "passes" : "is found out", trials[i].name);
	return right;
}

int main(void)
{
	unsigned int i, failed = 0;

	printf("1..%u\n", COUNT);
	/* What it says of each is wanted, and not to be seen. */
	if (!freopen("/dev/null", "w", stderr))
		return 1;
	for (i = 0; i < COUNT; i++)
		failed += !judge(i);
	return failed ? 1 : 0;
}
