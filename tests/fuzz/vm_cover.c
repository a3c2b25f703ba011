// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a program reaches, by KCOV where the kernel has it: an edge is a pair of
 * places in the module's code, one run right after the other.
 */
#include <linux/kcov.h>

#include "vm_fuzz.h"

#define KCOV		"/sys/kernel/debug/kcov"
#define MODULE		"/sys/module/labyrinth/"
#define PLACES_SEEN	262144UL

static unsigned long *seen;

bool cover_open(void)
{
	int fd = open(KCOV, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (!ioctl(fd, KCOV_INIT_TRACE, PLACES_SEEN))
		seen = mmap(NULL, PLACES_SEEN * sizeof(*seen), PROT_READ | PROT_WRITE,
			    MAP_SHARED, fd, 0);
	if (!seen || seen == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC)) {
		complain("KCOV is there and does not work: errno", errno);
		seen = NULL;
	}
	/* It stays on for as long as the descriptor and the thread. */
	return seen;
}

void cover_begin(void)
{
	if (seen)
		__atomic_store_n(&seen[0], 0, __ATOMIC_RELAXED);
}

static bool cover_edge(u64 edge)
{
	u32 bit = (edge * 0x9E3779B97F4A7C15ULL) >> 44;
	u32 mask = 1U << bit % 32;

	if (atomic_load_explicit(&board->cover[bit / 32], memory_order_relaxed) & mask)
		return false;
	return !(atomic_fetch_or(&board->cover[bit / 32], mask) & mask);
}

u32 cover_end(void)
{
	u64 count, before = 0;
	u32 fresh = 0;

	if (!seen)
		return 0;
	count = __atomic_load_n(&seen[0], __ATOMIC_RELAXED);
	for (u64 i = 1; i <= count; i++) {
		if (seen[i] - board->text_from >= board->text_to - board->text_from)
			continue;
		fresh += cover_edge((before << 32) ^ (seen[i] - board->text_from));
		before = seen[i] - board->text_from;
	}
	atomic_fetch_add(&board->edges, fresh);
	return fresh;
}

/* With or without 0x; addresses fill all 64 bits. */
static u64 read_number(const char *path)
{
	FILE *file = fopen(path, "r");
	char text[64] = "";

	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		text[0] = 0;
	fclose(file);
	return strtoull(text, NULL, 0);
}

void cover_find_text(void)
{
	board->text_from = read_number(MODULE "sections/.text");
	board->text_to = board->text_from + read_number(MODULE "coresize");
	if (!board->text_from)
		board->text_to = ~0ULL;
}
