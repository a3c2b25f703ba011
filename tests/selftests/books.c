// SPDX-License-Identifier: GPL-2.0-only
/*
 * For the scripts: what the module's books say, and a holder of pages.
 *
 *   books out           pages that are somebody's, or on their way back
 *   books settle COUNT  wait until that many are out; 1 if they are not in time
 *   books owners        how many owners there are
 *   books hold COUNT    take pages, say "holding", keep them until stdin ends;
 *                       with an inbox, for verify to look at
 *   books keep NAME COUNT  make a named owner with so many pages, half of them
 *                       in transit to it, and leave it
 *   books blocks ORDER COUNT  take up to so many blocks, whatever the quota, say
 *                       where each of them begins, then "holding", as above
 *   books closed        does every kind of request say that the hand-out is
 *                       closed, unless it may come later? 1 and which does not
 *   books wait          take a page, however long it takes, and end
 */
#include "admin_util.h"

static int complain(const char *what, int error)
{
	fprintf(stderr, "books: %s: %s\n", what, strerror(error));
	return 1;
}

static int settle(long long count)
{
	if (WAIT_UNTIL(pages_out() == count))
		return 0;
	fprintf(stderr, "books: %lld pages are out, %lld should be\n",
		(long long)pages_out(), count);
	return 1;
}

static int hold_on(void)
{
	char byte;

	puts("holding");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}

static int hold(int count)
{
	__u64 *handles = calloc(count, sizeof(*handles));
	int fd = _open_device(O_RDWR), ret;

	if (fd < 0)
		return complain(LABYRINTH_DEVICE, -fd);
	ret = _alloc(fd, 0, count, handles) ?:
	      _accept(fd, LABYRINTH_ACCEPT_NONE, 1);
	return ret ? complain("alloc", -ret) : hold_on();
}

static int keep(const char *name, int count)
{
	__u64 *handles = calloc(count, sizeof(*handles));
	int fd = _open_device(O_RDWR), giver = _open_device(O_RDWR), ret;

	if (fd < 0 || giver < 0)
		return complain(LABYRINTH_DEVICE, ENODEV);
	ret = owner_add(name, (struct owner_options){
		.mode = 0600, .accept = LABYRINTH_ACCEPT_ANY });
	if (ret)
		return complain("owner add", -ret);
	ret = _attach(fd, name) ?: _alloc(fd, 0, count / 2, handles) ?:
	      _alloc(giver, 0, count - count / 2, handles) ?:
	      _give_name(giver, name, count - count / 2, handles);
	return ret ? complain("alloc", -ret) : 0;
}

static int hold_blocks(int order, int count)
{
	__u64 *handles = calloc(count, sizeof(*handles));
	struct labyrinth_alloc cmd = {
		.flags = LABYRINTH_ALLOC_PARTIAL,
		.count = count,
		.order = order,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)handles,
	};
	int fd = _open_device(O_RDWR), ret;
	struct labyrinth_query query;

	if (fd < 0)
		return complain(LABYRINTH_DEVICE, -fd);
	ret = file_quota_set(fd, LABYRINTH_UNLIMITED) ?: _alloc_cmd(fd, &cmd);
	for (__u32 i = 0; !ret && i < cmd.out_count; i++) {
		ret = _query(fd, 0, handles[i], &query);
		printf("%#llx\n", (unsigned long long)query.out_phys);
	}
	return ret ? complain("alloc", -ret) : hold_on();
}

/* What says that it may come later is not refused: it comes later. */
static bool refused_or_later(const struct labyrinth_alloc *cmd, int ret)
{
	if (cmd->fallback == LABYRINTH_FALLBACK_WAIT && ret == -ETIMEDOUT)
		return true;
	if (cmd->fallback == LABYRINTH_FALLBACK_DEFER && !ret)
		return !cmd->out_count;
	return ret == -ESHUTDOWN && !cmd->out_count &&
	       cmd->out_reason == LABYRINTH_REASON_CLOSED;
}

static int closed(void)
{
	static const struct labyrinth_alloc kinds[] = {
		{ .fallback = LABYRINTH_FALLBACK_FAIL },
		{ .fallback = LABYRINTH_FALLBACK_FAIL, .order = 3 },
		{ .fallback = LABYRINTH_FALLBACK_FAIL,
		  .flags = LABYRINTH_ALLOC_STRICT },
		{ .fallback = LABYRINTH_FALLBACK_FAIL,
		  .flags = LABYRINTH_ALLOC_PARTIAL },
		{ .fallback = LABYRINTH_FALLBACK_FAIL,
		  .scope = LABYRINTH_SCOPE_THREAD },
		{ .fallback = LABYRINTH_FALLBACK_WAIT,
		  .timeout_ns = 100000000 },
		{ .fallback = LABYRINTH_FALLBACK_DEFER },
	};
	int fd = _open_device(O_RDWR), wrong = 0;
	__u64 handle;

	if (fd < 0)
		return complain(LABYRINTH_DEVICE, -fd);
	_accept(fd, LABYRINTH_ACCEPT_NONE, 8);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct labyrinth_alloc cmd = kinds[i];
		int ret;

		cmd.count = 1;
		cmd.handles = (uintptr_t)&handle;
		ret = _alloc_cmd(fd, &cmd);
		if (refused_or_later(&cmd, ret))
			continue;
		printf("request %zu: %s, reason %u\n", i, strerror(-ret),
		       cmd.out_reason);
		wrong = 1;
	}
	/* Of what was deferred nothing may have come. */
	return wrong || take_up_to(fd, 1, &handle) != -EAGAIN;
}

static int wait_for_a_page(void)
{
	__u64 handle;
	struct labyrinth_alloc cmd = {
		.count = 1,
		.fallback = LABYRINTH_FALLBACK_WAIT,
		.handles = (uintptr_t)&handle,
	};
	int ret = _alloc_cmd(_open_device(O_RDWR), &cmd);

	return ret ? complain("alloc", -ret) : 0;
}

int main(int argc, char **argv)
{
	struct books books;
	int ret = books_get(&books);

	if (ret)
		return complain("netlink", -ret);
	if (argc == 2 && !strcmp(argv[1], "out"))
		return printf("%lld\n", (long long)pages_out()) < 0;
	if (argc == 2 && !strcmp(argv[1], "owners"))
		return printf("%llu\n", (unsigned long long)books.owners) < 0;
	if (argc == 3 && !strcmp(argv[1], "settle"))
		return settle(atoll(argv[2]));
	if (argc == 3 && !strcmp(argv[1], "hold"))
		return hold(atoi(argv[2]));
	if (argc == 4 && !strcmp(argv[1], "keep"))
		return keep(argv[2], atoi(argv[3]));
	if (argc == 4 && !strcmp(argv[1], "blocks"))
		return hold_blocks(atoi(argv[2]), atoi(argv[3]));
	if (argc == 2 && !strcmp(argv[1], "closed"))
		return closed();
	if (argc == 2 && !strcmp(argv[1], "wait"))
		return wait_for_a_page();
	return complain("usage", EINVAL);
}
