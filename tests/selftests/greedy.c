// SPDX-License-Identifier: GPL-2.0-only
/*
 * For ceiling_test.sh: who takes all that there is.
 *
 *   greedy ceiling   until the module's ceiling refuses it: exactly there
 *   greedy drain     as nobody, without quota and RLIMIT_MEMLOCK, while each zone
 *                    is looked at all the time: none may get below its min
 *   greedy rt        the same, as a real-time task
 *
 * Exit status 1 with the reason if it is not so, 4 if it could not be tried.
 */
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "admin_util.h"

#define BATCH		512
#define MAX_ORDER	9

static int say(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	return status;
}

/* All that @order and @flags yield; why no more, or -errno. */
static int take_all(int fd, __u32 order, __u32 flags, __u32 fallback)
{
	static __u64 handles[BATCH];
	struct labyrinth_alloc cmd = {
		.flags = flags | LABYRINTH_ALLOC_PARTIAL,
		.count = BATCH,
		.order = order,
		.fallback = fallback,
		.timeout_ns = fallback == LABYRINTH_FALLBACK_WAIT ?
			      200000000 : 0,
		.handles = (uintptr_t)handles,
	};
	int ret;

	while (!(ret = _alloc_cmd(fd, &cmd)))
		if (cmd.out_count < cmd.count)
			return cmd.out_reason;
	return ret == -ENOMEM || ret == -ETIMEDOUT ? (int)cmd.out_reason : ret;
}

/* === Ceiling ============================================================= */

/* Never above it, wherever it comes from. */
static int watch_ceiling(struct books *books)
{
	if (books_get(books))
		return say(1, "no books");
	if (books->ceiling == NL_ABSENT || !books->ceiling)
		return say(1, "INFO tells no ceiling");
	if (books->taken > books->ceiling)
		return say(1, "%llu pages are taken, the ceiling is %llu",
			   books->taken, books->ceiling);
	return 0;
}

/* Those of the reserve go too; the refill may not take others instead. */
static int take_to_the_ceiling(int fd, struct books *books)
{
	time_t end = now_seconds() + DEADLINE_SECONDS;

	for (int order = MAX_ORDER; order >= 0; order--) {
		int why = take_all(fd, order, 0, LABYRINTH_FALLBACK_FAIL);

		if (watch_ceiling(books))
			return 1;
		if (why < 0)
			return say(1, "order %d: %s", order, strerror(-why));
		if (why == LABYRINTH_REASON_SYSTEM ||
		    why == LABYRINTH_REASON_SLOTS)
			return say(4, "order %d: reason %d before the ceiling",
				   order, why);
	}
	/* What is on its way to the reserve comes there, and goes. */
	while (books->taken != books->ceiling ||
	       used_pages(fd) + books->emergency_available + books->cpu <
			books->ceiling) {
		if (take_all(fd, 0, 0, LABYRINTH_FALLBACK_FAIL) !=
		    LABYRINTH_REASON_CEILING || now_seconds() > end)
			return say(1, "%llu pages taken, %llu had, of %llu",
				   books->taken, used_pages(fd),
				   books->ceiling);
		usleep(10000);
		if (watch_ceiling(books))
			return 1;
	}
	return 0;
}

static int reach_ceiling(void)
{
	struct labyrinth_alloc one = {
		.count = 1,
		.fallback = LABYRINTH_FALLBACK_FAIL,
	};
	int fd = _open_device(O_RDWR), ret;
	__u64 failed, handle;
	struct books books;

	/* What another CPU has at hand is not to be met on the way. */
	if (fd < 0 || pin_to_cpu(0) || watch_ceiling(&books))
		return say(1, "no device, no CPU, or no books");
	if (books.ceiling > (__u64)sysconf(_SC_AVPHYS_PAGES) / 5 * 4)
		return say(4, "the ceiling is above what is free: %llu pages",
			   books.ceiling);
	failed = stat_value(LABYRINTH_A_STATS_FAIL, LABYRINTH_REASON_CEILING);
	ret = file_quota_set(fd, LABYRINTH_UNLIMITED) ?:
	      take_to_the_ceiling(fd, &books);
	if (ret)
		return ret;

	one.handles = (uintptr_t)&handle;
	ret = _alloc_cmd(fd, &one);
	if (ret != -ENOMEM || one.out_reason != LABYRINTH_REASON_CEILING ||
	    one.out_rung != LABYRINTH_RUNG_BUDDY)
		return say(1, "at the ceiling: %s, rung %u, reason %u",
			   strerror(-ret), one.out_rung, one.out_reason);
	if (stat_value(LABYRINTH_A_STATS_FAIL, LABYRINTH_REASON_CEILING) <=
	    failed)
		return say(1, "no failure was counted under the ceiling");
	say(0, "%llu pages taken, ceiling %llu", books.taken, books.ceiling);
	close(fd);
	/* And what is given back is had again. */
	if (!WAIT_UNTIL(!pages_out()))
		return say(1, "not all came back");
	fd = _open_device(O_RDWR);
	ret = _alloc(fd, 0, 1, &handle);
	return ret ? say(1, "after the ceiling: %s", strerror(-ret)) :
		     watch_ceiling(&books);
}

/* === Watermarks ========================================================== */

#define ZONES	16

struct zone {
	char name[32];
	long min, slack;
	long lowest;		/* free pages above min, at worst */
	long before, now;
};

static struct zone zones[ZONES];
static int zone_count;
static char text[65536];

/* As /proc/zoneinfo has it; @free with those that the CPUs keep at hand. */
struct look {
	long free, min, present;	/* min without what fragmentation adds */
	/*
	 * Counted by CPU, put together now and then; and each CPU looks at the
	 * watermark first, and then takes: a batch at once.
	 */
	long slack;
	char name[32];
};

static void note_zone(struct zone *zone, const struct look *look, bool first)
{
	if (first) {
		snprintf(zone->name, sizeof(zone->name), "%s", look->name);
		zone->lowest = LONG_MAX;
		zone->before = look->free - look->min;
	}
	zone->now = look->free - look->min;
	zone->min = look->min;
	zone->slack = look->slack;
	if (zone->now < zone->lowest)
		zone->lowest = zone->now;
}

static void read_line(const char *line, struct look *look)
{
	long value;

	if (sscanf(line, " pages free %ld", &value) == 1)
		look->free = value;
	else if (sscanf(line, " boost %ld", &value) == 1)
		look->min = -value;
	else if (sscanf(line, " min %ld", &value) == 1)
		look->min += value;
	else if (sscanf(line, " present %ld", &value) == 1)
		look->present = value;
	else if (sscanf(line, " count: %ld", &value) == 1)
		look->free += value;
	else if (sscanf(line, " vm stats threshold: %ld", &value) == 1 ||
		 sscanf(line, " batch: %ld", &value) == 1)
		look->slack += value;
}

static int look_at_zones(int zoneinfo, bool first)
{
	ssize_t length = pread(zoneinfo, text, sizeof(text) - 1, 0);
	struct look look = {};
	char *line, *next, name[32];
	int at = 0;
	long node;

	if (length <= 0)
		return -EIO;
	text[length] = '\0';
	for (line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (sscanf(line, "Node %ld, zone %31s", &node, name) == 2) {
			memset(&look, 0, sizeof(look));
			memcpy(look.name, name, sizeof(look.name));
		}
		read_line(line, &look);
		if (strstr(line, "start_pfn") && look.present && at < ZONES)
			note_zone(&zones[at++], &look, first);
	}
	zone_count = at;
	return at ? 0 : -EBADMSG;
}

/* @vmstat: open, so that to look takes no memory. */
static unsigned long times_killed(int vmstat)
{
	ssize_t length = pread(vmstat, text, sizeof(text) - 1, 0);
	const char *at;

	text[length > 0 ? length : 0] = '\0';
	at = strstr(text, "\noom_kill ");
	return at ? strtoul(at + strlen("\noom_kill "), NULL, 10) : ~0UL;
}

/*
 * What its end left is wiped first, and until then there is no memory for anybody:
 * so nobody may ask for any. True when half of it is back.
 */
static bool is_back(int zoneinfo)
{
	long before = 0, free = 0;

	if (look_at_zones(zoneinfo, false))
		return false;
	for (int i = 0; i < zone_count; i++) {
		before += zones[i].before;
		free += zones[i].now;
	}
	return free > before / 2;
}

/*
 * What is to come comes from the system too, and more than single pages straight from
 * there; as much as the inbox has room for.
 */
static int defer_all(int fd, __u32 order)
{
	static __u64 handles[BATCH];
	struct labyrinth_alloc cmd = {
		.count = BATCH,
		.order = order,
		.fallback = LABYRINTH_FALLBACK_DEFER,
		.handles = (uintptr_t)handles,
	};
	int ret;

	while (!(ret = _alloc_cmd(fd, &cmd)))
		;
	return ret == -ENOSPC || ret == -ENOMEM ? 0 : ret;
}

static __u64 *had;	/* what the taker had in the end */

/*
 * In every way that there is, the largest first, again and again. Its own memory
 * is all there before: it is the pages that it asks the device for that count.
 */
static int take_in_every_way(int socket, int policy)
{
	struct sched_param priority = { .sched_priority = policy == SCHED_FIFO };
	__u32 number;
	int fd;

	if (sched_setscheduler(0, policy, &priority))
		return 103;
	if (become(NOBODY, NOBODY) || mlockall(MCL_CURRENT | MCL_FUTURE))
		return 100;
	fd = _open_device(O_RDWR);
	number = owner_number(fd);
	if (fd < 0 || write(socket, &number, sizeof(number)) < 0 ||
	    await_peer(socket))
		return 101;
	for (int round = 0; round < 6; round++) {
		/* What one CPU keeps at hand the other does not come by. */
		if (pin_to_cpu(round % sysconf(_SC_NPROCESSORS_ONLN)))
			return 105;
		for (int order = MAX_ORDER; order >= 0; order--)
			if (take_all(fd, order, 0,
				     LABYRINTH_FALLBACK_FAIL) < 0)
				return 102;
		take_all(fd, 0, LABYRINTH_ALLOC_STRICT,
			 LABYRINTH_FALLBACK_FAIL);
		take_all(fd, 0, 0, LABYRINTH_FALLBACK_WAIT);
		if (defer_all(fd, !(round % 2)))
			return 104;
		usleep(100000);
	}
	*had = used_pages(fd);
	return 0;
}

static int start_taker(int *socket, int policy)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	int sockets[2];
	__u32 number;
	pid_t pid;

	had = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (had == MAP_FAILED ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets) ||
	    setrlimit(RLIMIT_MEMLOCK, &unlimited))
		return -errno;
	pid = fork();
	if (!pid)
		_exit(take_in_every_way(sockets[1], policy));
	if (read(sockets[0], &number, sizeof(number)) != sizeof(number) ||
	    owner_set(number, LABYRINTH_A_OWNER_QUOTA, LABYRINTH_UNLIMITED))
		return -EPIPE;
	*socket = sockets[0];
	return pid;
}

static int report_zones(unsigned long samples)
{
	int status = 0;

	for (int i = 0; i < zone_count; i++) {
		struct zone *zone = &zones[i];

		printf("zone %s: min %ld; above it %ld pages before, at worst %ld (counted to within %ld)\n",
		       zone->name, zone->min, zone->before, zone->lowest,
		       zone->slack);
		if (zone->lowest < -zone->slack && zone->before >= 0)
			status = say(1, "zone %s: below its min", zone->name);
	}
	printf("%lu samples; it had %llu pages in the end\n", samples, *had);
	if (samples < 100)
		status = say(1, "that is too few");
	return status;
}

static int drain(int policy)
{
	int zoneinfo = open("/proc/zoneinfo", O_RDONLY), socket = -1, ret;
	int vmstat = open("/proc/vmstat", O_RDONLY), status;
	unsigned long samples = 0, killed = times_killed(vmstat);
	pid_t pid;

	if (zoneinfo < 0 || vmstat < 0 || killed == ~0UL || open_to_all(true))
		return say(1, "no /proc/zoneinfo or vmstat, or no device");
	pid = start_taker(&socket, policy);
	/* To look takes no memory, or it would be what drains it. */
	if (pid < 0 || mlockall(MCL_CURRENT | MCL_FUTURE))
		return say(1, "could not start");
	ret = look_at_zones(zoneinfo, true);
	signal_peer(socket);
	while (!ret && waitpid(pid, &status, WNOHANG) != pid) {
		ret = look_at_zones(zoneinfo, false);
		samples++;
		usleep(500);
	}
	if (!WAIT_UNTIL(is_back(zoneinfo)))
		return say(1, "what it had does not come back");
	open_to_all(false);
	if (ret)
		return say(1, "/proc/zoneinfo: %s", strerror(-ret));
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return say(1, "who takes ended with %#x", status);
	if (times_killed(vmstat) != killed)
		return say(1, "somebody was killed for want of memory");
	return report_zones(samples);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "ceiling"))
		return reach_ceiling();
	if (argc == 2 && !strcmp(argv[1], "drain"))
		return drain(SCHED_OTHER);
	if (argc == 2 && !strcmp(argv[1], "rt"))
		return drain(SCHED_FIFO);
	return say(1, "usage: greedy ceiling|drain|rt");
}
