// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory nodes, each with a reserve of its own, and CPUs that come and go.
 *
 * Where a count must be exact the worker is kept from running, or it would refill
 * what is just being counted.
 */
#include <linux/mempolicy.h>
#include <sys/syscall.h>

#include "admin_util.h"
#include "contents.h"
#include "map_util.h"
#include "worker_util.h"

#define OWNER		"selftest.nodes"
#define NODES		2
#define HIGH		256
#define GUARANTEE	48
#define MANY		2048
#define NODE_DIR	"/sys/devices/system/node/node%d"
#define BLOCK_SIZE	"/sys/devices/system/memory/block_size_bytes"

FIXTURE(nodes) {
	struct worker_hold worker;
	struct books before;
	int fd;
	int cpu[NODES];		/* one of each node, never the worker's */
	__u64 handles[MANY];
};

/* The first CPU of the node's that is not the worker's, or -1. */
static int cpu_of(int node)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		char path[128];

		snprintf(path, sizeof(path), NODE_DIR "/cpu%d", node, cpu);
		if (cpu != WORKER_CPU && !access(path, F_OK))
			return cpu;
	}
	return -1;
}

/* By the banks of memory that sysfs lists for each node; -1: by none. */
static int node_of(int fd, __u64 handle)
{
	struct labyrinth_query query;
	char path[128], text[32];
	__u64 block;

	get_text(BLOCK_SIZE, text, sizeof(text));
	block = strtoull(text, NULL, 16);
	if (!block || _query(fd, 0, handle, &query))
		return -1;
	for (int node = 0; node < NODES; node++) {
		snprintf(path, sizeof(path), NODE_DIR "/memory%llu", node,
			 query.out_phys / block);
		if (!access(path, F_OK))
			return node;
	}
	return -1;
}

static int set_online(int cpu, bool online)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	return set_text(path, online ? "1" : "0");
}

static bool is_full(int node)
{
	struct books books;

	return !books_of(node, &books) &&
	       books.available + books.guaranteed >= HIGH;
}

FIXTURE_SETUP(nodes)
{
	for (int i = 0; i < NODES; i++) {
		self->cpu[i] = cpu_of(i);
		if (self->cpu[i] < 0)
			SKIP(return, "no two memory nodes with CPUs here");
	}
	owner_del(OWNER);
	ASSERT_EQ(0, pin_to_cpu(self->cpu[0]));
	ASSERT_TRUE(all_pages_are_back());
	ASSERT_EQ(0, books_get(&self->before));
	ASSERT_EQ(0, worker_confine(&self->worker));
	ASSERT_EQ(0, reserve_set(HIGH / 2, HIGH, 0));
	for (int i = 0; i < NODES; i++)
		ASSERT_TRUE(WAIT_UNTIL(is_full(i)));
	self->fd = test_open_device(O_RDWR);
	ASSERT_EQ(0, file_quota_set(self->fd, MANY));
}

FIXTURE_TEARDOWN(nodes)
{
	set_online(self->cpu[1], true);
	worker_free(&self->worker);
	close(self->fd);
	owner_del(OWNER);
	reserve_set(self->before.low / NODES, self->before.high / NODES,
		    self->before.emergency / NODES);
	EXPECT_TRUE(all_pages_are_back());
	EXPECT_EQ(0, verify_result());
}

/* Up to @most strict pages, one by one; how many came. */
static int take_strict(int fd, __u64 *handles, int most)
{
	int count = 0;

	while (count < most &&
	       !_alloc(fd, LABYRINTH_ALLOC_STRICT, 1, handles + count))
		count++;
	return count;
}

/* Idle first: held up in the middle of its work it might have a lock. */
static int stop_idle_worker(struct worker_hold *worker)
{
	return reserve_set(HIGH / 2, HIGH, 0) ?: worker_stop(worker);
}

/* How many of them are @node's; or -1: one is of none. */
static int count_of(int fd, const __u64 *handles, int count, int node)
{
	int found = 0;

	for (int i = 0; i < count; i++) {
		int is = node_of(fd, handles[i]);

		if (is < 0)
			return -1;
		found += is == node;
	}
	return found;
}

TEST_F(nodes, a_cpu_gets_its_own_nodes_pages)
{
	for (int node = 0; node < NODES; node++) {
		ASSERT_EQ(0, pin_to_cpu(self->cpu[node]));
		ASSERT_EQ(64, take_strict(self->fd, self->handles, 64));
		EXPECT_EQ(64, count_of(self->fd, self->handles, 64, node));
		ASSERT_EQ(0, _free_pages(self->fd, 64, self->handles));
		ASSERT_TRUE(WAIT_UNTIL(is_full(node)));
	}
}

/* First the CPU's stack and its node's reserve, then all of the other node's. */
TEST_F(nodes, all_of_the_reserve_is_for_everybody)
{
	struct books own, other;
	int count, near;

	ASSERT_EQ(0, pin_to_cpu(self->cpu[1]));
	ASSERT_EQ(0, stop_idle_worker(&self->worker));
	ASSERT_EQ(0, books_of(1, &own));
	ASSERT_EQ(0, books_of(0, &other));
	count = take_strict(self->fd, self->handles, MANY);
	worker_go(&self->worker);

	near = count - other.available;
	EXPECT_LE(own.available, near);
	EXPECT_GE(own.available + own.cpu, near);
	EXPECT_EQ(near, count_of(self->fd, self->handles, near, 1));
	EXPECT_EQ(other.available, count_of(self->fd, self->handles + near,
					    other.available, 0));
}

/* Its home is the node on which it was made, wherever it is used from then. */
TEST_F(nodes, a_guarantee_is_kept_at_home)
{
	struct owner_options options = {
		.mode = 0600, .quota = MANY, .guarantee = GUARANTEE,
	};
	struct books home, other;
	int fd, count;

	ASSERT_EQ(0, pin_to_cpu(self->cpu[1]));
	ASSERT_EQ(0, owner_add(OWNER, options));
	ASSERT_EQ(0, pin_to_cpu(self->cpu[0]));
	ASSERT_TRUE(WAIT_UNTIL(owner_value(OWNER,
		LABYRINTH_A_OWNER_GUARANTEE_AVAILABLE) == GUARANTEE));
	ASSERT_EQ(0, books_of(1, &home));
	ASSERT_EQ(0, books_of(0, &other));
	EXPECT_EQ(GUARANTEE, home.guaranteed);
	EXPECT_EQ(0, other.guaranteed);

	fd = test_open_device(O_RDWR);
	ASSERT_EQ(0, _attach(fd, OWNER));
	ASSERT_EQ(0, worker_stop(&self->worker));
	take_strict(self->fd, self->handles, MANY);
	count = take_strict(fd, self->handles, MANY);
	worker_go(&self->worker);
	EXPECT_EQ(GUARANTEE, count);
	EXPECT_EQ(count, count_of(fd, self->handles, count, 1));
	close(fd);
}

TEST_F(nodes, one_nodes_watermarks_leave_the_other_alone)
{
	struct books one, other;

	ASSERT_EQ(0, reserve_set_of(1, HIGH, 2 * HIGH, 8));
	ASSERT_EQ(0, books_of(1, &one));
	ASSERT_EQ(0, books_of(0, &other));
	EXPECT_EQ(HIGH, one.low);
	EXPECT_EQ(2 * HIGH, one.high);
	EXPECT_EQ(8, one.emergency);
	EXPECT_EQ(HIGH / 2, other.low);
	EXPECT_EQ(HIGH, other.high);
	EXPECT_EQ(0, other.emergency);
	/* Refused for one: neither has changed. */
	EXPECT_EQ(-EINVAL, reserve_set_of(0, HIGH, HIGH / 2, KEEP));
	ASSERT_EQ(0, books_of(0, &other));
	EXPECT_EQ(HIGH, other.high);
}

/* === Migration =========================================================== */

/* From node 0 to node 1. */
struct migrant {
	char *ours;
	char *ordinary;
};

/* Which node a page of one's own is on, and -errno where there is no telling. */
static int move_to(void *page, const int *node)
{
	int status = -EINVAL;

	if (syscall(SYS_move_pages, 0, 1UL, &page, node, &status,
		    node ? MPOL_MF_MOVE_ALL : 0) < 0)
		return -errno;
	return status;
}

static bool by_move_pages(const struct migrant *it)
{
	int to = 1;

	return move_to(it->ordinary, &to) == to &&
	       move_to(it->ours, &to) == -EFAULT;
}

/* All that the process has there. */
static bool by_migrate_pages(const struct migrant *it)
{
	unsigned long from = 1UL << 0, to = 1UL << 1;

	(void)it;
	return syscall(SYS_migrate_pages, 0, 8UL * sizeof(to), &from, &to) >= 0;
}

static int bind_to_other(char *page)
{
	unsigned long to = 1UL << 1;

	return syscall(SYS_mbind, page, page_size(), MPOL_BIND, &to,
		       8UL * sizeof(to), MPOL_MF_MOVE_ALL);
}

static bool by_mbind(const struct migrant *it)
{
	/* What can't be migrated is left where it is; or refused. */
	bind_to_other(it->ours);
	return !bind_to_other(it->ordinary);
}

/* The control: an ordinary page of the same process is moved by the same call. */
TEST_F(nodes, nobody_moves_a_page)
{
	static bool (*const ways[])(const struct migrant *it) = {
		by_move_pages, by_migrate_pages, by_mbind,
	};
	struct labyrinth_query before, after;
	struct migrant it;
	__u64 handle;

	ASSERT_EQ(0, pin_to_cpu(self->cpu[0]));
	test_alloc(self->fd, 0, 1, &handle);
	ASSERT_EQ(0, put_pattern(self->fd, handle, page_size(), 3));
	it.ours = test_map_blocks(self->fd, 1, &handle);
	test_query(self->fd, 0, handle, &before);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		it.ordinary = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, it.ordinary);
		*it.ordinary = 1;
		ASSERT_EQ(0, move_to(it.ordinary, NULL));
		EXPECT_TRUE(shows_pattern(it.ours, page_size(), 3));
		ASSERT_TRUE(ways[i](&it)) {
			TH_LOG("way %zu", i);
		}
		ASSERT_EQ(1, move_to(it.ordinary, NULL)) {
			TH_LOG("control: way %zu moved nothing", i);
		}
		munmap(it.ordinary, page_size());
	}
	/* As the kernel does it for itself, of all that can be moved. */
	ASSERT_EQ(0, set_text("/proc/sys/vm/compact_memory", "1"));
	test_query(self->fd, 0, handle, &after);
	EXPECT_EQ(before.out_phys, after.out_phys);
	EXPECT_EQ(0, node_of(self->fd, handle));
	EXPECT_TRUE(shows_pattern(it.ours, page_size(), 3));
	munmap(it.ours, page_size());
	test_free(self->fd, 1, &handle);
}

/* === CPUs ================================================================ */

/* In all CPUs' stacks, once the worker has looked again; nothing is taken meanwhile. */
static bool ready_is(__u64 pages)
{
	struct books books;

	return !reserve_set(HIGH / 2, HIGH, 0) && !books_get(&books) &&
	       books.cpu == pages;
}

TEST_F(nodes, a_cpu_that_goes_away_leaves_its_pages)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct books full;

	ASSERT_EQ(0, books_get(&full));
	ASSERT_LT(0, full.cpu);
	ASSERT_EQ(0, full.cpu % cpus);
	ASSERT_EQ(0, set_online(self->cpu[1], false));
	EXPECT_TRUE(WAIT_UNTIL(ready_is(full.cpu / cpus * (cpus - 1))));
	EXPECT_EQ(0, verify_result());
	EXPECT_EQ(HIGH, take_strict(self->fd, self->handles, HIGH));
	EXPECT_EQ(0, _free_pages(self->fd, HIGH, self->handles));
	EXPECT_EQ(0, set_online(self->cpu[1], true));
	EXPECT_TRUE(WAIT_UNTIL(ready_is(full.cpu)));
}

/* While the others are at work, again and again; in no book is anything lost. */
TEST_F(nodes, cpus_come_and_go_while_pages_are_taken)
{
	pid_t child = fork();
	int status = 0, times;

	ASSERT_LE(0, child);
	if (!child) {
		int fd = _open_device(O_RDWR);
		time_t end = now_seconds() + 10;

		sched_setaffinity(0, sizeof(cpu_set_t),
				  &(cpu_set_t){ { ~0UL } });
		while (now_seconds() < end) {
			__u64 handles[64];

			if (_alloc(fd, 0, 64, handles) ||
			    _free_pages(fd, 64, handles))
				_exit(1);
		}
		_exit(0);
	}
	for (times = 0; !waitpid(child, &status, WNOHANG); times++) {
		ASSERT_EQ(0, set_online(self->cpu[1], times % 2));
		EXPECT_EQ(0, verify_result());
	}
	EXPECT_EQ(0, status);
	EXPECT_LE(4, times);
	EXPECT_EQ(0, set_online(self->cpu[1], true));
}

TEST_HARNESS_MAIN
