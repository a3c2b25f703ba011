// SPDX-License-Identifier: GPL-2.0-only
/*
 * What has been released and not wiped yet: nobody's, and nobody's to have. The
 * worker, who wipes, is kept from running meanwhile; what a page holds is seen in
 * /proc/kcore.
 */
#include <sys/socket.h>

#include "admin_util.h"
#include "kcore.h"
#include "worker_util.h"

#define MANY		1024
#define ORDER		9	/* LABYRINTH_A_INFO_MAX_ORDER */
#define CHUNKS		3072	/* pages; fewer than may wait to be wiped */

/* What is to be released, and what it was filled with: pattern N in block N. */
struct held {
	__u32 order;
	__u32 count;
	__u64 handles[MANY];
	__u64 addresses[MANY];
};

static size_t block_size(const struct held *held)
{
	return page_size() << held->order;
}

static int take(int fd, struct held *held)
{
	struct labyrinth_alloc cmd = {
		.count = held->count,
		.order = held->order,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)held->handles,
	};
	struct labyrinth_query query;
	int ret = _alloc_cmd(fd, &cmd);

	for (__u32 i = 0; i < held->count && !ret; i++) {
		ret = put_pattern(fd, held->handles[i], block_size(held), i) ?:
		      _query(fd, 0, held->handles[i], &query);
		held->addresses[i] = query.out_phys;
	}
	return ret;
}

/* Is any word of them where it was? */
static bool is_left(const __u64 *now, const __u64 *before, size_t size)
{
	for (size_t i = 0; i < size / sizeof(*now); i++)
		if (now[i] == before[i])
			return true;
	return false;
}

/* In how many of the blocks that were released something of their contents is left. */
static int left_of(const struct held *held)
{
	size_t size = block_size(held);
	char *now = malloc(2 * size), *before = now + size;
	int left = 0, ret = 0;

	for (__u32 i = 0; i < held->count && !ret; i++) {
		fill_pattern(before, size, i);
		ret = kcore_read(held->addresses[i], now, size);
		left += !ret && is_left((__u64 *)now, (__u64 *)before, size);
	}
	free(now);
	return ret ?: left;
}

static bool was_theirs(const struct held *held, __u64 address)
{
	for (__u32 i = 0; i < held->count; i++)
		if (address - held->addresses[i] < block_size(held))
			return true;
	return false;
}

FIXTURE(quarantine) {
	struct worker_hold worker;
	struct books before;
	struct held *held;	/* shared with a child */
	int fd;
	int heir;
	int sockets[2];
	pid_t child;
};

FIXTURE_SETUP(quarantine)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) <= WORKER_CPU)
		SKIP(return, "one CPU: the worker can't be kept from it");
	ASSERT_EQ(0, pin_to_cpu(0));
	ASSERT_TRUE(all_pages_are_back());
	ASSERT_EQ(0, books_get(&self->before));
	ASSERT_EQ(0, worker_confine(&self->worker));
	ASSERT_EQ(0, reserve_set(64, 128, KEEP));
	self->held = mmap(NULL, sizeof(*self->held), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->held);
	self->fd = test_open_device(O_RDWR);
	self->heir = test_open_device(O_RDWR);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, self->sockets));
}

FIXTURE_TEARDOWN(quarantine)
{
	worker_free(&self->worker);
	close(self->fd);
	close(self->heir);
	reserve_set(self->before.low, self->before.high,
		    self->before.emergency);
	EXPECT_TRUE(all_pages_are_back());
	EXPECT_EQ(0, verify_result());
}

/* === Before it is wiped ================================================== */

enum release { BY_FREE, BY_REVOKE, BY_DEATH };

static int hold_until_killed(void *arg)
{
	FIXTURE_DATA(quarantine) *self = arg;
	int fd = _open_device(O_RDWR);

	if (fd < 0 || take(fd, self->held) || signal_peer(self->sockets[1]))
		return 1;
	for (;;)
		pause();
}

/* Filled, and still held. */
static int begin(FIXTURE_DATA(quarantine) *self, enum release by)
{
	if (by != BY_DEATH)
		return take(self->fd, self->held);
	self->child = spawn(hold_until_killed, self);
	return await_peer(self->sockets[0]);
}

static int release(FIXTURE_DATA(quarantine) *self, enum release by)
{
	struct held *held = self->held;
	long long pages = (long long)held->count << held->order;

	switch (by) {
	case BY_FREE:
		return _free_pages(self->fd, held->count, held->handles);
	case BY_REVOKE:
		return revoke_from(owner_number(self->fd), NULL, 0) == pages ?
		       0 : -EREMOTEIO;
	default:
		kill(self->child, SIGKILL);
		return reap(self->child) == 256 + SIGKILL ? 0 : -ECHILD;
	}
}

static int count_page(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	++*(int *)arg;
	return 0;
}

/* Blocks that somebody has, as root is told. */
static int blocks_listed(void)
{
	static struct nl_message msg;
	struct nl nl;
	int ret = nl_open(&nl), count = 0;

	if (ret)
		return ret;
	nl_start(&nl, &msg, LABYRINTH_CMD_PAGE_GET, NLM_F_DUMP);
	ret = nl_run(&nl, &msg, count_page, &count);
	nl_close(&nl);
	return ret ?: count;
}

/*
 * As many as are at hand, and then the system's: none of them is one of those, all
 * are zero. Pages taken, or -errno.
 */
static int take_what_there_is(int fd, const struct held *held, __u32 flags,
			      __u32 count)
{
	static __u64 handles[MANY];
	static char page[65536];
	struct labyrinth_alloc cmd = {
		.flags = flags | LABYRINTH_ALLOC_PARTIAL,
		.count = count,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)handles,
	};
	struct labyrinth_query query;
	int ret = _alloc_cmd(fd, &cmd);

	if (ret == -ENOMEM)
		return 0;
	for (__u32 i = 0; i < cmd.out_count && !ret; i++) {
		ret = _query(fd, 0, handles[i], &query) ?:
		      _read_page(fd, handles[i], 0, page_size(), page);
		if (!ret && was_theirs(held, query.out_phys))
			ret = -EEXIST;
		if (!ret && !all_bytes_are(page, 0, page_size()))
			ret = -EBADMSG;
	}
	return ret ?: (int)cmd.out_count;
}

FIXTURE_VARIANT(quarantine) {
	enum release by;
	__u32 order;
	__u32 count;
};

FIXTURE_VARIANT_ADD(quarantine, freed_pages) { BY_FREE, 0, MANY };
FIXTURE_VARIANT_ADD(quarantine, freed_blocks) { BY_FREE, ORDER, 3 };
FIXTURE_VARIANT_ADD(quarantine, revoked_pages) { BY_REVOKE, 0, MANY };
FIXTURE_VARIANT_ADD(quarantine, pages_of_the_dead) { BY_DEATH, 0, MANY };
FIXTURE_VARIANT_ADD(quarantine, blocks_of_the_dead) { BY_DEATH, ORDER, 3 };

TEST_F(quarantine, is_nobodys_until_it_is_wiped)
{
	struct held *held = self->held;
	long long pages = (long long)variant->count << variant->order;
	int got;

	held->order = variant->order;
	held->count = variant->count;
	ASSERT_EQ(0, begin(self, variant->by));
	ASSERT_EQ((int)held->count, left_of(held)) {
		TH_LOG("control: /proc/kcore does not show what they hold");
	}
	ASSERT_EQ(0, worker_stop(&self->worker));
	ASSERT_EQ(0, release(self, variant->by));
	/* Not yet wiped, so that all that follows is to the point. */
	ASSERT_EQ((int)held->count, left_of(held)) {
		TH_LOG("control: the worker has not been kept from wiping");
	}

	/* Of the system's memory, at hand for nobody, and nobody's. */
	EXPECT_EQ(pages, pages_out());
	EXPECT_EQ(0, blocks_listed());
	EXPECT_EQ(0, used_pages(self->fd));
	for (__u32 i = 0; i < held->count; i++)
		ASSERT_EQ(0, every_call_refuses(self->fd, held->handles[i]));
	got = take_what_there_is(self->heir, held, LABYRINTH_ALLOC_STRICT, MANY);
	ASSERT_LT(0, got);
	EXPECT_EQ(0, take_what_there_is(self->heir, held,
					LABYRINTH_ALLOC_STRICT, 1));
	EXPECT_EQ(MANY, take_what_there_is(self->heir, held, 0, MANY));
	EXPECT_EQ((int)held->count, left_of(held));
	EXPECT_EQ(pages + got + MANY, pages_out());

	/* And then it is at hand again, or the system's, with nothing left. */
	worker_go(&self->worker);
	EXPECT_TRUE(WAIT_UNTIL(pages_out() == got + MANY));
	EXPECT_EQ(0, left_of(held)) {
		TH_LOG("given back with contents");
	}
}

/* === While it is being wiped ============================================= */

FIXTURE(chunks) {
	struct worker_hold worker;
	struct books before;
	int fd;
	__u64 handles[CHUNKS];
};

FIXTURE_SETUP(chunks)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) <= WORKER_CPU)
		SKIP(return, "one CPU: the worker can't be kept from it");
	ASSERT_EQ(0, pin_to_cpu(0));
	ASSERT_TRUE(all_pages_are_back());
	ASSERT_EQ(0, books_get(&self->before));
	ASSERT_EQ(0, worker_confine(&self->worker));
	self->fd = test_open_device(O_RDWR);
}

FIXTURE_TEARDOWN(chunks)
{
	worker_free(&self->worker);
	close(self->fd);
	reserve_set(self->before.low, self->before.high,
		    self->before.emergency);
	EXPECT_TRUE(all_pages_are_back());
	EXPECT_EQ(0, verify_result());
}

/*
 * The worker wipes CHUNKS pages, from which alone the reserve can come. How often
 * some were at hand while others were still to be wiped; or -errno.
 */
static int seen_between(FIXTURE_DATA(chunks) *self)
{
	__u64 wiped, from, at_hand;
	int seen = 0, ret;

	ret = refill_to(CHUNKS, CHUNKS) ?: worker_stop(&self->worker);
	ret = ret ?: _alloc(self->fd, LABYRINTH_ALLOC_STRICT, CHUNKS,
			    self->handles);
	/* What the CPUs' stacks had came on top. */
	ret = ret ?: take_what_there_is(self->fd, &(struct held){},
					LABYRINTH_ALLOC_STRICT, MANY) < 0;
	from = stat_value(LABYRINTH_A_STATS_RECYCLED, 0);
	ret = ret ?: _free_pages(self->fd, CHUNKS, self->handles);
	worker_go(&self->worker);
	if (ret)
		return ret;
	do {
		/* In this order: what is wiped later is not at hand now. */
		at_hand = reserve_available(self->fd);
		wiped = stat_value(LABYRINTH_A_STATS_RECYCLED, 0) - from;
		seen += at_hand && wiped < CHUNKS;
	} while (wiped < CHUNKS);
	return seen;
}

TEST_F(chunks, what_is_wiped_is_at_hand_before_all_of_it_is)
{
	time_t end = now_seconds() + 30;
	int seen = 0;

	/* The machine may look away just then. */
	while (!seen && now_seconds() < end) {
		seen = seen_between(self);
		close(self->fd);
		self->fd = test_open_device(O_RDWR);
	}
	EXPECT_LT(0, seen) {
		TH_LOG("the reserve was empty until the last was wiped: %d",
		       seen);
	}
}

/* === When it is too much ================================================= */

#define TOO_MANY	9	/* blocks: more than 4096 pages */

static long long ms_since(const struct timespec *from)
{
	struct timespec to;

	clock_gettime(CLOCK_MONOTONIC, &to);
	return (to.tv_sec - from->tv_sec) * 1000LL +
	       (to.tv_nsec - from->tv_nsec) / 1000000;
}

TEST_F(chunks, who_frees_more_than_may_wait_is_held_back)
{
	struct held held = { .order = ORDER, .count = TOO_MANY };
	struct labyrinth_alloc cmd = {
		.count = 1,
		.order = 1,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)self->handles,
	};
	struct labyrinth_alloc nowhere = {
		.flags = LABYRINTH_ALLOC_STRICT,
		.count = 2,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = sizeof(__u64),	/* nobody's memory */
	};
	struct timespec from;

	ASSERT_EQ(0, file_quota_set(self->fd, (TOO_MANY + 1) << ORDER));
	/* The control: as long as little waits, there is more to be had. */
	ASSERT_EQ(0, take(self->fd, &held));
	test_alloc_cmd(self->fd, &cmd);
	ASSERT_EQ(0, worker_stop(&self->worker));
	clock_gettime(CLOCK_MONOTONIC, &from);
	test_free(self->fd, TOO_MANY, held.handles);
	EXPECT_LE(900, ms_since(&from));
	/* Who fails with pages in hand makes them as dirty. */
	clock_gettime(CLOCK_MONOTONIC, &from);
	test_err_alloc_cmd(EFAULT, self->fd, &nowhere);
	EXPECT_LE(900, ms_since(&from));
	test_err_alloc_cmd(ENOMEM, self->fd, &cmd);
	EXPECT_EQ(LABYRINTH_REASON_SOILED, cmd.out_reason);
	EXPECT_EQ(TOO_MANY, left_of(&held));

	worker_go(&self->worker);
	EXPECT_TRUE(WAIT_UNTIL(!_alloc_cmd(self->fd, &cmd)));
	EXPECT_TRUE(WAIT_UNTIL(pages_out() == (__s64)used_pages(self->fd)));
	EXPECT_EQ(0, left_of(&held));
}

TEST_HARNESS_MAIN
