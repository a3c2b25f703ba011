// SPDX-License-Identifier: GPL-2.0-only
/*
 * Not an attack: is the system's free memory poisoned, as page_poison=1 asks for?
 * attacks.sh runs it where the kernel has been told so, or a run that is called so
 * would be one like any other.
 */
#include "kcore.h"
#include "system.h"

#define COUNT	256
#define POISON	0xAA

static bool shows(__u64 frame, int byte)
{
	char page[65536];

	return frame && !kcore_read(frame * page_size(), page, page_size()) &&
	       all_bytes_are(page, byte, page_size());
}

TEST(freed_pages_are_poisoned)
{
	size_t size = COUNT * page_size();
	char *at = shared_memory(size);
	__u64 frames[COUNT];
	int poisoned = 0;

	ASSERT_NE(MAP_FAILED, at);
	memset(at, 'p', size);
	for (int i = 0; i < COUNT; i++)
		frames[i] = frame_of(at + i * page_size());
	for (int i = 0; i < COUNT; i++)
		ASSERT_TRUE(shows(frames[i], 'p')) {
			TH_LOG("control: /proc/kcore does not show a page");
		}
	munmap(at, size);
	/* Some have been taken again, and some are on their way. */
	for (int i = 0; i < COUNT; i++)
		poisoned += shows(frames[i], POISON);
	EXPECT_LT(COUNT / 4, poisoned) {
		TH_LOG("%d of %d pages are poisoned", poisoned, COUNT);
	}
}

TEST_HARNESS_MAIN
