// SPDX-License-Identifier: GPL-2.0-only
/*
 * For quarantined_test.sh: one of several pages that are held is poisoned, by root's
 * own hand, and then all are freed. It must not come back. What it had stays behind
 * for good, so that the module is to be loaded anew after it.
 *
 * Exit status 0; 1 with a note that says what was wrong; 4: it can't be done here.
 */
#include "admin_util.h"

#define HELD		64
#define POISONED	5	/* of them */
#define TAKEN		4096
#define HARD_OFFLINE	"/sys/devices/system/memory/hard_offline_page"
#define KPF_HWPOISON	19

static int wrong(const char *what, long long is)
{
	printf("%s: %lld\n", what, is);
	return 1;
}

static bool is_poisoned(__u64 address)
{
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	__u64 flags = 0;
	ssize_t got = pread(fd, &flags, sizeof(flags),
			    address / page_size() * sizeof(flags));

	close(fd);
	return got == sizeof(flags) && flags >> KPF_HWPOISON & 1;
}

/* The kernel says that it could do nothing about it, and marks the page. */
static bool poison(__u64 address)
{
	FILE *file = fopen(HARD_OFFLINE, "w");

	if (!file)
		return false;
	fprintf(file, "0x%llx", address);
	fclose(file);
	return is_poisoned(address);
}

static __u64 address_of(int fd, __u64 handle)
{
	struct labyrinth_query query;

	return _query(fd, 0, handle, &query) ? 0 : query.out_phys;
}

/* From the reserve, and then from the system: never that one. */
static int never_comes_back(__u64 address)
{
	static __u64 handles[TAKEN];
	struct labyrinth_alloc cmd = {
		.flags = LABYRINTH_ALLOC_PARTIAL,
		.count = TAKEN,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)handles,
	};
	int fd = _open_device(O_RDWR), ret = _alloc_cmd(fd, &cmd);

	if (ret || cmd.out_count < HELD)
		return wrong("no pages to be had", ret);
	for (__u32 i = 0; i < cmd.out_count; i++)
		if (address_of(fd, handles[i]) == address)
			return wrong("the poisoned page came back as number", i);
	close(fd);
	return 0;
}

int main(void)
{
	__u64 handles[HELD], address, before;
	int fd = _open_device(O_RDWR);

	before = stat_value(LABYRINTH_A_STATS_QUARANTINED, 0);
	if (fd < 0 || _alloc(fd, 0, HELD, handles))
		return wrong("no pages to poison", fd);
	address = address_of(fd, handles[POISONED]);
	if (!poison(address)) {
		printf("this kernel does not poison a page on demand\n");
		return 4;
	}
	if (_free_pages(fd, HELD, handles))
		return wrong("they can't be freed", POISONED);
	/* The control: the others are at hand again. */
	if (!WAIT_UNTIL(pages_out() == 1))
		return wrong("pages that are out", pages_out());
	if (stat_value(LABYRINTH_A_STATS_QUARANTINED, 0) != before + 1)
		return wrong("quarantined before", before);
	/* Whoever had it pays for it. */
	if (used_pages(fd) != 1)
		return wrong("pages charged", used_pages(fd));
	for (int round = 0; round < 2; round++)
		if (never_comes_back(address))
			return 1;
	if (!is_poisoned(address))
		return wrong("it is not poisoned any more", address);
	return verify_result() ? wrong("the books do not agree", 1) : 0;
}
