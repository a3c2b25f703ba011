// SPDX-License-Identifier: GPL-2.0-only
/*
 * The latency record: every served allocation is counted once, under the context
 * and the rung that served it, while it is turned on, and what is told of it
 * fits together.
 */
#include "admin_util.h"

#define OWNER		"selftest.latency"
#define CONTEXTS	(LABYRINTH_CONTEXT_NMI + 1)
#define RUNGS		(LABYRINTH_RUNG_FALLBACK + 1)
#define BATCH		64
#define HOUR		3600000000000ULL

/* What a dump said of one context and rung. */
struct record {
	__u64 count, late, longest;
	__u64 in_buckets;
	__u64 top;		/* the highest bucket that is not empty */
};

struct records {
	struct record of[CONTEXTS][RUNGS];
};

static struct nl_message msg;

/* linux/labyrinth_netlink.h, from a bucket to its shortest time. */
static __u64 bucket_floor(__u64 bucket)
{
	return bucket < 16 ? bucket : (8 + bucket % 8) << (bucket / 8 - 1);
}

static int note_buckets(const struct nlattr *nest, struct record *record)
{
	const char *at = nl_data(nest);
	size_t left = nest->nla_len - NLA_HDRLEN;

	while (left) {
		const struct nlattr *one = (const void *)at;
		__u64 value = nl_value(one);
		size_t step = NLA_ALIGN(one->nla_len);

		if (step < NLA_HDRLEN || step > left)
			return -EBADMSG;
		at += step;
		left -= step;
		if (one->nla_type == LABYRINTH_LATENCY_BUCKETS + 1)
			continue;	/* alignment */
		if (!value || value == NL_ABSENT ||
		    one->nla_type <= record->top ||
		    one->nla_type > LABYRINTH_LATENCY_BUCKETS)
			return -EBADMSG;
		record->top = one->nla_type;
		record->in_buckets += value;
	}
	record->top--;
	return 0;
}

static int note(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *buckets = nl_find(nlh, LABYRINTH_A_LATENCY_BUCKET);
	__u64 context = nl_get(nlh, LABYRINTH_A_LATENCY_CONTEXT);
	__u64 rung = nl_get(nlh, LABYRINTH_A_LATENCY_RUNG);
	struct records *records = arg;
	struct record *record;

	if (context >= CONTEXTS || rung >= RUNGS || !rung || !buckets)
		return -EBADMSG;
	record = &records->of[context][rung];
	if (record->count)
		return -EBADMSG;	/* told twice */
	record->count = nl_get(nlh, LABYRINTH_A_LATENCY_COUNT);
	record->late = nl_get(nlh, LABYRINTH_A_LATENCY_LATE);
	record->longest = nl_get(nlh, LABYRINTH_A_LATENCY_LONGEST);
	return note_buckets(buckets, record);
}

/* 0, or what is wrong with it. */
static int misfit(const struct record *record)
{
	if (!record->count || record->count != record->in_buckets)
		return 1;
	if (record->late > record->count)
		return 2;
	if (record->longest < bucket_floor(record->top))
		return 3;
	if (record->top + 1 < LABYRINTH_LATENCY_BUCKETS &&
	    record->longest >= bucket_floor(record->top + 1))
		return 4;
	return 0;
}

/* Each message by itself must fit, at any time. */
static int get_records(struct nl *nl, struct records *records)
{
	int ret;

	memset(records, 0, sizeof(*records));
	nl_start(nl, &msg, LABYRINTH_CMD_LATENCY_GET, NLM_F_DUMP);
	ret = nl_run(nl, &msg, note, records);
	for (int i = 0; !ret && i < CONTEXTS * RUNGS; i++) {
		const struct record *record = &records->of[i / RUNGS][i % RUNGS];

		if (record->count)
			ret = misfit(record);
	}
	return ret;
}

/* KEEP leaves one as it is. */
static int set(struct nl *nl, __u64 enabled, __u64 deadline, bool reset)
{
	nl_start(nl, &msg, LABYRINTH_CMD_LATENCY_SET, 0);
	if (enabled != KEEP)
		nl_put_u32(&msg, LABYRINTH_A_LATENCY_ENABLED, enabled);
	if (deadline != KEEP)
		nl_put_u64(&msg, LABYRINTH_A_LATENCY_DEADLINE, deadline);
	if (reset)
		nl_put(&msg, LABYRINTH_A_LATENCY_RESET, NULL, 0);
	return nl_call(nl, &msg);
}

static int turn(struct nl *nl, bool on)
{
	return set(nl, on, KEEP, false);
}

static int set_deadline(struct nl *nl, __u64 deadline)
{
	return set(nl, KEEP, deadline, false);
}

static int reset(struct nl *nl)
{
	return set(nl, KEEP, KEEP, true);
}

static __u64 get(struct nl *nl, int attribute)
{
	nl_start(nl, &msg, LABYRINTH_CMD_LATENCY_GET, 0);
	return nl_call(nl, &msg) ? NL_ABSENT : nl_get(nl_reply(&msg), attribute);
}

static __u64 sum(const struct records *records, bool late)
{
	const struct record *record = records->of[0];
	__u64 n = 0;

	for (int i = 0; i < CONTEXTS * RUNGS; i++)
		n += late ? record[i].late : record[i].count;
	return n;
}

static __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static __u64 longest(const struct records *records)
{
	const struct record *record = records->of[0];
	__u64 ns = 0;

	for (int i = 0; i < CONTEXTS * RUNGS; i++)
		if (record[i].longest > ns)
			ns = record[i].longest;
	return ns;
}

FIXTURE(latency) {
	struct nl nl;
	int fd;
	__u64 start;		/* ns */
	struct books before;
	struct records records;
	__u64 handles[BATCH];
};

FIXTURE_SETUP(latency)
{
	owner_del(OWNER);
	ASSERT_TRUE(all_pages_are_back());
	ASSERT_EQ(0, books_get(&self->before));
	ASSERT_EQ(0, nl_open(&self->nl));
	self->fd = test_open_device(O_RDWR);
	self->start = now_ns();
	ASSERT_EQ(0, set(&self->nl, 1, 0, true));
}

FIXTURE_TEARDOWN(latency)
{
	set(&self->nl, 0, 0, true);
	nl_close(&self->nl);
	close(self->fd);
	owner_del(OWNER);
	reserve_set(self->before.low, self->before.high,
		    self->before.emergency);
}

#define GET_RECORDS()	ASSERT_EQ(0, get_records(&self->nl, &self->records))
#define COUNTED()	sum(&self->records, false)
#define LATE()		sum(&self->records, true)
#define TURN(on)	EXPECT_EQ(0, turn(&self->nl, on))
#define DEADLINE(ns)	EXPECT_EQ(0, set_deadline(&self->nl, ns))
#define RESET()		EXPECT_EQ(0, reset(&self->nl))
#define TOLD(what)	get(&self->nl, LABYRINTH_A_LATENCY_##what)

/* A batch, counted by the rung that each page names, and freed. */
static int take_and_count(int fd, struct labyrinth_alloc cmd, __u64 *by_rung)
{
	__u64 *handles = (__u64 *)(uintptr_t)cmd.handles;
	struct labyrinth_query query;
	int ret = _alloc_cmd(fd, &cmd);

	for (__u32 i = 0; !ret && i < cmd.out_count; i++) {
		ret = _query(fd, 0, handles[i], &query);
		if (!ret)
			by_rung[query.out_rung]++;
	}
	return ret ?: _free_pages(fd, cmd.out_count, handles);
}

static struct labyrinth_alloc batch(__u32 flags, __u32 order, __u64 *handles)
{
	return (struct labyrinth_alloc){
		.flags = flags,
		.order = order,
		.count = BATCH,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)handles,
	};
}

/* === What is recorded ==================================================== */

TEST_F(latency, each_allocation_is_counted_once_under_its_rung)
{
	time_t end = now_seconds() + DEADLINE_SECONDS;
	__u64 by_rung[RUNGS] = {}, batches = 0;
	int fd = test_open_device(O_RDWR);

	ASSERT_EQ(0, pin_to_cpu(0));
	ASSERT_EQ(0, refill_to(2 * BATCH, 4 * BATCH));
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.mode = 0600, .quota = 4 * BATCH, .guarantee = BATCH / 4 }));
	test_attach(fd, OWNER);
	RESET();

	/* Until the worker was once too slow for this CPU's ready stack. */
	do {
		ASSERT_TRUE(all_pages_are_back());
		ASSERT_EQ(0, take_and_count(fd, batch(LABYRINTH_ALLOC_STRICT, 0,
						      self->handles), by_rung));
		ASSERT_EQ(0, take_and_count(fd, batch(0, 1, self->handles),
					    by_rung));
		batches++;
	} while (now_seconds() < end && (!by_rung[LABYRINTH_RUNG_GUARANTEE] ||
					 !by_rung[LABYRINTH_RUNG_RESERVE]));
	close(fd);
	EXPECT_LT(0, by_rung[LABYRINTH_RUNG_GUARANTEE]);
	EXPECT_LT(0, by_rung[LABYRINTH_RUNG_RESERVE]);
	EXPECT_EQ(batches * BATCH, by_rung[LABYRINTH_RUNG_BUDDY]);

	GET_RECORDS();
	EXPECT_EQ(2 * batches * BATCH, COUNTED());
	for (int rung = 0; rung < RUNGS; rung++) {
		EXPECT_EQ(by_rung[rung],
			  self->records.of[LABYRINTH_CONTEXT_PROCESS][rung].count) {
			TH_LOG("rung %d", rung);
		}
	}
}

TEST_F(latency, a_request_that_fails_is_not_counted)
{
	ASSERT_EQ(0, file_quota_set(self->fd, BATCH - 1));
	test_err_alloc(EDQUOT, self->fd, 0, BATCH, self->handles);
	GET_RECORDS();
	EXPECT_EQ(0, COUNTED());
}

/* With next to no reserve, what is taken at once must be waited for. */
TEST_F(latency, who_waited_is_counted_under_the_fallback)
{
	struct record *of = self->records.of[LABYRINTH_CONTEXT_PROCESS];
	struct labyrinth_alloc cmd = batch(LABYRINTH_ALLOC_STRICT, 0,
					   self->handles);
	time_t end = now_seconds() + DEADLINE_SECONDS;
	__u64 by_rung[RUNGS] = {}, batches = 0, waited = 0;

	cmd.fallback = LABYRINTH_FALLBACK_WAIT;
	ASSERT_EQ(0, pin_to_cpu(0));
	ASSERT_EQ(0, reserve_set(0, 1, 0));
	do {
		ASSERT_EQ(0, take_and_count(self->fd, cmd, by_rung));
		batches++;
		GET_RECORDS();
	} while (!of[LABYRINTH_RUNG_FALLBACK].count && now_seconds() < end);

	EXPECT_LT(0, of[LABYRINTH_RUNG_FALLBACK].count);
	EXPECT_EQ(batches * BATCH, COUNTED());
	/* Pages name the rung that they came from in the end. */
	EXPECT_EQ(0, by_rung[LABYRINTH_RUNG_FALLBACK]);
	for (int rung = 0; rung < LABYRINTH_RUNG_FALLBACK; rung++) {
		EXPECT_GE(by_rung[rung], of[rung].count);
		waited += by_rung[rung] - of[rung].count;
	}
	EXPECT_EQ(waited, of[LABYRINTH_RUNG_FALLBACK].count);
}

TEST_F(latency, nothing_is_counted_while_it_is_off)
{
	TURN(false);
	EXPECT_EQ(0, TOLD(ENABLED));
	test_alloc(self->fd, 0, BATCH, self->handles);
	test_free(self->fd, BATCH, self->handles);
	GET_RECORDS();
	EXPECT_EQ(0, COUNTED());

	TURN(true);
	TURN(true);
	EXPECT_EQ(1, TOLD(ENABLED));
	test_alloc(self->fd, 0, BATCH, self->handles);
	test_free(self->fd, BATCH, self->handles);

	/* What has been recorded stays when it is turned off. */
	TURN(false);
	TURN(false);
	test_alloc(self->fd, 0, BATCH, self->handles);
	test_free(self->fd, BATCH, self->handles);
	GET_RECORDS();
	EXPECT_EQ(BATCH, COUNTED());
}

TEST_F(latency, what_is_late_is_told_by_the_deadline_as_it_was)
{
	EXPECT_EQ(0, TOLD(DEADLINE));
	test_alloc(self->fd, 0, BATCH, self->handles);
	test_free(self->fd, BATCH, self->handles);
	GET_RECORDS();
	EXPECT_EQ(BATCH, COUNTED());
	EXPECT_EQ(0, LATE());

	DEADLINE(1);
	EXPECT_EQ(1, TOLD(DEADLINE));
	GET_RECORDS();
	EXPECT_EQ(0, LATE());
	test_alloc(self->fd, 0, BATCH, self->handles);
	test_free(self->fd, BATCH, self->handles);
	GET_RECORDS();
	EXPECT_EQ(2 * BATCH, COUNTED());
	EXPECT_EQ(BATCH, LATE());

	DEADLINE(HOUR);
	EXPECT_EQ(HOUR, TOLD(DEADLINE));
	test_alloc(self->fd, 0, BATCH, self->handles);
	GET_RECORDS();
	EXPECT_EQ(3 * BATCH, COUNTED());
	EXPECT_EQ(BATCH, LATE());
}

TEST_F(latency, any_deadline_is_taken)
{
	const __u64 deadlines[] = { 0, 1, 1ULL << 32, 1ULL << 63, ~0ULL };

	for (size_t i = 0; i < ARRAY_SIZE(deadlines); i++) {
		DEADLINE(deadlines[i]);
		EXPECT_EQ(deadlines[i], TOLD(DEADLINE));
	}
	test_alloc(self->fd, 0, BATCH, self->handles);
	GET_RECORDS();
	EXPECT_EQ(BATCH, COUNTED());
	EXPECT_EQ(0, LATE());
}

TEST_F(latency, a_reset_forgets_everything_and_leaves_the_rest)
{
	DEADLINE(1);
	test_alloc(self->fd, 0, BATCH, self->handles);
	test_free(self->fd, BATCH, self->handles);
	RESET();
	GET_RECORDS();
	EXPECT_EQ(0, COUNTED());
	EXPECT_EQ(1, TOLD(ENABLED));
	EXPECT_EQ(1, TOLD(DEADLINE));
	test_alloc(self->fd, 0, 1, self->handles);
	GET_RECORDS();
	EXPECT_EQ(1, COUNTED());
	EXPECT_EQ(1, LATE());

	/* Also while it is off. */
	TURN(false);
	RESET();
	GET_RECORDS();
	EXPECT_EQ(0, COUNTED());
}

/* === Many at once ======================================================== */

#define ROUNDS	200

/*
 * Takes and frees so many blocks, on the CPU that is named. Who frees faster than is
 * wiped is refused now and then: that is not counted.
 */
struct hammering {
	int cpu;
	__u32 flags;
	__u32 fallback;
};

static int hammer(void *arg)
{
	struct hammering *how = arg;
	time_t end = now_seconds() + DEADLINE_SECONDS;
	int fd = _open_device(O_RDWR), left = ROUNDS * BATCH, ret = 0;
	__u64 handles[BATCH];
	struct labyrinth_alloc cmd = batch(how->flags | LABYRINTH_ALLOC_PARTIAL,
					   0, handles);

	cmd.fallback = how->fallback;
	pin_to_cpu(how->cpu);
	while (fd >= 0 && left && now_seconds() < end) {
		cmd.count = left < BATCH ? left : BATCH;
		ret = _alloc_cmd(fd, &cmd);
		if (ret == -ENOMEM)
			continue;
		if (ret || _free_pages(fd, cmd.out_count, handles))
			return 1;
		left -= cmd.out_count;
	}
	return fd < 0 || left;
}

static int spawn_hammers(pid_t *pids, int n, struct hammering how, int cpus)
{
	for (int i = 0; i < n; i++) {
		how.cpu = i % cpus;
		pids[i] = spawn(hammer, &how);
		if (pids[i] < 0)
			return -ECHILD;
	}
	return 0;
}

static const struct hammering failing = {
	.fallback = LABYRINTH_FALLBACK_FAIL,
};

static const struct hammering waiting = {
	.flags = LABYRINTH_ALLOC_STRICT,
	.fallback = LABYRINTH_FALLBACK_WAIT,
};

#define CPUS	((int)sysconf(_SC_NPROCESSORS_ONLN))

TEST_F(latency, no_call_is_lost_however_many_there_are_at_once)
{
	pid_t pids[4];

	DEADLINE(1);
	ASSERT_EQ(0, spawn_hammers(pids, 4, failing, CPUS));
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(0, reap(pids[i]));
	GET_RECORDS();
	EXPECT_EQ(4 * ROUNDS * BATCH, COUNTED());
	EXPECT_EQ(COUNTED(), LATE());
}

/* Asks until @n children are done, with a @disturb in between; 0, or what failed. */
static int ask_until_done(struct nl *nl, int n,
			  int (*disturb)(struct nl *nl, int round))
{
	struct records records;
	int status, ret = 0;

	for (int round = 0; n && !ret; round++) {
		ret = get_records(nl, &records) ?: disturb(nl, round);
		while (n && waitpid(-1, &status, WNOHANG) > 0) {
			ret = ret ?: status;
			n--;
		}
	}
	while (n-- && wait(&status) > 0)
		;
	return ret;
}

static int reset_now_and_then(struct nl *nl, int round)
{
	return round % 4 ? 0 : reset(nl);
}

TEST_F(latency, what_is_told_fits_while_it_is_reset)
{
	pid_t pids[3];

	DEADLINE(2000);
	ASSERT_EQ(0, spawn_hammers(pids, 3, failing, CPUS));
	EXPECT_EQ(0, ask_until_done(&self->nl, 3, reset_now_and_then));
	/* At rest a reset leaves nothing behind. */
	RESET();
	GET_RECORDS();
	EXPECT_EQ(0, COUNTED());
}

static int turn_off_and_on(struct nl *nl, int round)
{
	return round % 4 == 2 ? turn(nl, round & 4) : 0;
}

/*
 * Most of the time calls are under way, asleep. All of it on one CPU: QEMU's own
 * emulation, before 8.1, kills a guest that changes code, as a static key does,
 * while another CPU runs it.
 */
TEST_F(latency, it_can_be_turned_off_and_on_at_any_time)
{
	pid_t pids[3];

	DEADLINE(1);
	ASSERT_EQ(0, pin_to_cpu(0));
	ASSERT_EQ(0, reserve_set(0, 1, 0));
	ASSERT_EQ(0, spawn_hammers(pids, 3, waiting, 1));
	EXPECT_EQ(0, ask_until_done(&self->nl, 3, turn_off_and_on));
	GET_RECORDS();
	EXPECT_LT(0, COUNTED());
	EXPECT_GT(3 * ROUNDS * BATCH, COUNTED());
	EXPECT_EQ(COUNTED(), LATE());
	/* What began before it was turned on has no time to be counted from. */
	EXPECT_GT(now_ns() - self->start, longest(&self->records));
}

/* === What is refused ===================================================== */

/* Refused, with a text, and nothing has been set. */
#define EXPECT_REFUSED(type)						\
do {									\
	int ret_ = nl_call(&self->nl, &msg);				\
									\
	EXPECT_TRUE(ret_ == -EINVAL || ret_ == -ERANGE) {		\
		TH_LOG("attribute %d: %d", type, ret_);			\
	}								\
	EXPECT_STRNE("", msg.text);					\
	EXPECT_EQ(type, nl_culprit(&msg));				\
	EXPECT_EQ(1, TOLD(ENABLED));					\
	EXPECT_EQ(7, TOLD(DEADLINE));					\
	GET_RECORDS();							\
	EXPECT_EQ(BATCH, COUNTED());					\
} while (0)

TEST_F(latency, what_is_wrong_in_part_is_refused_whole)
{
	static const struct {
		int type;
		size_t size;
		__u64 value;
	} bad[] = {
		{ LABYRINTH_A_LATENCY_ENABLED, 4, 2 },
		{ LABYRINTH_A_LATENCY_ENABLED, 4, 0xffffffff },
		{ LABYRINTH_A_LATENCY_ENABLED, 8, 0 },
		{ LABYRINTH_A_LATENCY_ENABLED, 1, 0 },
		{ LABYRINTH_A_LATENCY_DEADLINE, 4, 0 },
		{ LABYRINTH_A_LATENCY_DEADLINE, 0, 0 },
		{ LABYRINTH_A_LATENCY_RESET, 4, 1 },
		{ LABYRINTH_A_LATENCY_CONTEXT, 4, 0 },
		{ LABYRINTH_A_LATENCY_RUNG, 4, 1 },
		{ LABYRINTH_A_LATENCY_COUNT, 8, 0 },
		{ LABYRINTH_A_LATENCY_BUCKET, 8, 0 },
		{ LABYRINTH_A_LATENCY_MAX + 1, 4, 0 },
		{ 1000, 4, 0 },
	};

	DEADLINE(7);
	test_alloc(self->fd, 0, BATCH, self->handles);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		nl_start(&self->nl, &msg, LABYRINTH_CMD_LATENCY_SET, 0);
		if (bad[i].type != LABYRINTH_A_LATENCY_ENABLED)
			nl_put_u32(&msg, LABYRINTH_A_LATENCY_ENABLED, 0);
		if (bad[i].type != LABYRINTH_A_LATENCY_DEADLINE)
			nl_put_u64(&msg, LABYRINTH_A_LATENCY_DEADLINE, 8);
		if (bad[i].type != LABYRINTH_A_LATENCY_RESET)
			nl_put(&msg, LABYRINTH_A_LATENCY_RESET, NULL, 0);
		nl_put(&msg, bad[i].type, &bad[i].value, bad[i].size);
		EXPECT_REFUSED(bad[i].type);
	}
	/* Nothing to set. */
	nl_start(&self->nl, &msg, LABYRINTH_CMD_LATENCY_SET, 0);
	EXPECT_REFUSED(0);
	/* Nothing is asked with. */
	nl_start(&self->nl, &msg, LABYRINTH_CMD_LATENCY_GET, 0);
	nl_put_u32(&msg, LABYRINTH_A_LATENCY_ENABLED, 0);
	EXPECT_REFUSED(LABYRINTH_A_LATENCY_ENABLED);
}

TEST_F(latency, a_dump_takes_no_attribute)
{
	nl_start(&self->nl, &msg, LABYRINTH_CMD_LATENCY_GET, NLM_F_DUMP);
	nl_put_u32(&msg, LABYRINTH_A_LATENCY_CONTEXT, 0);
	EXPECT_EQ(-EINVAL, nl_call(&self->nl, &msg));
}

static int nobody_changes_nothing(struct nl *nl)
{
	if (turn(nl, false) != -EPERM || !msg.text[0])
		return 1;
	if (turn(nl, true) != -EPERM)
		return 2;
	if (set_deadline(nl, 8) != -EPERM)
		return 3;
	if (reset(nl) != -EPERM)
		return 4;
	/* Even nothing at all is not for everybody. */
	return set(nl, KEEP, KEEP, false) != -EPERM ? 5 : 0;
}

static int nobody(void *arg)
{
	struct records records;
	struct nl nl;
	int ret;

	if (become(NOBODY, NOBODY) || nl_open(&nl))
		return 100;
	ret = nobody_changes_nothing(&nl) ?: nobody_changes_nothing(arg);
	if (ret)
		return ret;
	if (get(&nl, LABYRINTH_A_LATENCY_DEADLINE) != 7)
		return 101;
	if (get_records(&nl, &records) || sum(&records, false) != BATCH)
		return 102;
	return 0;
}

TEST_F(latency, nobody_may_look_and_not_touch)
{
	DEADLINE(7);
	test_alloc(self->fd, 0, BATCH, self->handles);
	EXPECT_EQ(0, in_child(nobody, &self->nl));
	EXPECT_EQ(1, TOLD(ENABLED));
	EXPECT_EQ(7, TOLD(DEADLINE));
	GET_RECORDS();
	EXPECT_EQ(BATCH, COUNTED());
}

TEST_HARNESS_MAIN
