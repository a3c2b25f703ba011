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

static int hold(int count)
{
	__u64 *handles = calloc(count, sizeof(*handles));
	int fd = _open_device(O_RDWR), ret;
	char byte;

	if (fd < 0)
		return complain(LABYRINTH_DEVICE, -fd);
	ret = _alloc(fd, 0, count, handles) ?:
	      _accept(fd, LABYRINTH_ACCEPT_NONE, 1);
	if (ret)
		return complain("alloc", -ret);
	puts("holding");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
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
	return complain("usage", EINVAL);
}
