// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is declared is delivered: N from a full reserve of N, and a guarantee
 * whatever a hog does.
 *
 * All on one CPU: another one's ready stack is not to be had from here. The
 * worker refills as soon as the reserve is low, so that a test which wants it
 * empty asks for more at once than a small reserve can have.
 */
#include "admin_util.h"
#include "worker_util.h"

#define OWNER		"selftest.reserve"
#define HIGH		512
#define GUARANTEE	128
#define BATCH		256

FIXTURE(reserve) {
	struct worker_hold worker;
	bool confined;
	int fd;
	struct books before;
	__u64 handles[4 * HIGH];
};

FIXTURE_SETUP(reserve)
{
	ASSERT_EQ(0, pin_to_cpu(0));
	owner_del(OWNER);
	ASSERT_TRUE(all_pages_are_back());
	ASSERT_EQ(0, books_get(&self->before));
	self->fd = test_open_device(O_RDWR);
	ASSERT_EQ(0, file_quota_set(self->fd, self->before.slots));
}

FIXTURE_TEARDOWN(reserve)
{
	if (self->confined)
		worker_free(&self->worker);
	close(self->fd);
	owner_del(OWNER);
	reserve_set(self->before.low, self->before.high,
		    self->before.emergency);
}

static int take_one(int fd, __u32 flags, __u64 *handle, __u32 *rung,
		    __u32 *reason)
{
	struct labyrinth_alloc cmd = {
		.flags = flags,
		.count = 1,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)handle,
	};
	int ret = _alloc_cmd(fd, &cmd);

	*rung = cmd.out_rung;
	*reason = cmd.out_reason;
	return ret;
}

TEST_F(reserve, n_strict_requests_succeed_from_a_full_reserve_of_n)
{
	__u32 rung, reason;
	__u64 there;

	ASSERT_EQ(0, refill_to(HIGH, HIGH));
	there = reserve_available(self->fd);
	EXPECT_LE(HIGH, there);
	ASSERT_GE(ARRAY_SIZE(self->handles), there);
	for (__u64 i = 0; i < there; i++) {
		ASSERT_EQ(0, take_one(self->fd, LABYRINTH_ALLOC_STRICT,
				      self->handles + i, &rung, &reason)) {
			TH_LOG("request %llu of %llu, reason %u", i + 1, there,
			       reason);
		}
		ASSERT_GE(LABYRINTH_RUNG_RESERVE, rung);
	}
}

TEST_F(reserve, a_strict_batch_of_n_succeeds_from_a_full_reserve_of_n)
{
	ASSERT_EQ(0, refill_to(HIGH, HIGH));
	test_alloc(self->fd, LABYRINTH_ALLOC_STRICT, HIGH, self->handles);
	EXPECT_EQ(HIGH, used_pages(self->fd));
}

TEST_F(reserve, n_strict_requests_succeed_on_changing_cpus)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	__u32 rung, reason;

	ASSERT_EQ(0, refill_to(HIGH, HIGH));
	for (int i = 0; i < HIGH; i++) {
		ASSERT_EQ(0, pin_to_cpu(i % cpus));
		ASSERT_EQ(0, take_one(self->fd, LABYRINTH_ALLOC_STRICT,
				      self->handles + i, &rung, &reason));
	}
}

/* More than there is, at once: true once it was refused for being empty. */
static bool seen_empty(int fd, __u64 *handles)
{
	struct labyrinth_alloc cmd = {
		.flags = LABYRINTH_ALLOC_STRICT,
		.count = BATCH,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)handles,
	};
	int ret = _alloc_cmd(fd, &cmd);

	if (!ret)
		_free_pages(fd, BATCH, handles);
	return ret == -ENOMEM && !cmd.out_count &&
	       cmd.out_reason == LABYRINTH_REASON_EMPTY && !used_pages(fd);
}

TEST_F(reserve, an_empty_reserve_is_told_and_a_batch_leaves_nothing)
{
	ASSERT_EQ(0, reserve_set(0, 1, 0));
	EXPECT_TRUE(WAIT_UNTIL(seen_empty(self->fd, self->handles)));
}

static bool seen_part(int fd, __u64 *handles)
{
	struct labyrinth_alloc cmd = {
		.flags = LABYRINTH_ALLOC_STRICT | LABYRINTH_ALLOC_PARTIAL,
		.count = BATCH,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)handles,
	};
	int ret = _alloc_cmd(fd, &cmd);
	bool part = !ret && cmd.out_count && cmd.out_count < BATCH &&
		    used_pages(fd) == cmd.out_count;

	if (!ret)
		_free_pages(fd, cmd.out_count, handles);
	return part && !used_pages(fd);
}

TEST_F(reserve, a_partial_strict_batch_gets_what_is_there)
{
	ASSERT_EQ(0, reserve_set(0, BATCH / 4, 0));
	EXPECT_TRUE(WAIT_UNTIL(seen_part(self->fd, self->handles)));
}

static bool seen_buddy(int fd, __u64 *handles)
{
	struct labyrinth_alloc cmd = {
		.count = BATCH,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)handles,
	};

	if (_alloc_cmd(fd, &cmd))
		return false;
	_free_pages(fd, BATCH, handles);
	return cmd.out_rung == LABYRINTH_RUNG_BUDDY;
}

TEST_F(reserve, beyond_the_reserve_the_system_serves_who_is_not_strict)
{
	ASSERT_EQ(0, reserve_set(0, 1, 0));
	EXPECT_TRUE(WAIT_UNTIL(seen_buddy(self->fd, self->handles)));
}

TEST_F(reserve, it_is_refilled_after_it_was_drained)
{
	ASSERT_EQ(0, refill_to(HIGH, HIGH));
	for (int round = 0; round < 3; round++) {
		test_alloc(self->fd, LABYRINTH_ALLOC_STRICT, HIGH,
			   self->handles);
		EXPECT_TRUE(WAIT_UNTIL(reserve_available(self->fd) >= HIGH));
		test_free(self->fd, HIGH, self->handles);
	}
}

TEST_F(reserve, what_is_too_much_goes_back_to_the_system)
{
	struct books books;

	ASSERT_EQ(0, refill_to(HIGH, HIGH));
	ASSERT_EQ(0, reserve_set(0, 1, 0));
	EXPECT_TRUE(WAIT_UNTIL(!books_get(&books) &&
			       books.available <= books.high &&
			       books.taken == books.available + books.cpu));
}

static __u32 emergency_pages(int fd, __u64 *handles)
{
	__u32 rung, reason, count = 0;

	while (count < BATCH &&
	       !take_one(fd, LABYRINTH_ALLOC_STRICT, handles + count, &rung,
			 &reason))
		count += rung == LABYRINTH_RUNG_EMERGENCY;
	return count;
}

static int emergency_right(int fd)
{
	static struct nl_message msg;
	struct labyrinth_info info;
	struct nl nl;
	int ret = _info(fd, &info) ?: nl_open(&nl);

	if (ret)
		return ret;
	nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_SET, 0);
	nl_put_u32(&msg, LABYRINTH_A_OWNER_ID, info.out_owner);
	nl_put_u32(&msg, LABYRINTH_A_OWNER_EMERGENCY, 1);
	ret = nl_call(&nl, &msg);
	nl_close(&nl);
	return ret;
}

TEST_F(reserve, the_emergency_part_is_for_owners_with_that_right)
{
	struct books books;
	int other = test_open_device(O_RDWR);

	ASSERT_EQ(0, reserve_set(0, 1, BATCH));
	ASSERT_TRUE(WAIT_UNTIL(!books_get(&books) &&
			       books.emergency_available >= BATCH));
	/* Without: it stays, however empty the rest is. */
	EXPECT_TRUE(WAIT_UNTIL(seen_empty(self->fd, self->handles)));
	ASSERT_EQ(0, books_get(&books));
	EXPECT_LE(BATCH, books.emergency_available);
	/* Nor is it used and filled up again, faster than one can look. */
	EXPECT_EQ(0, emergency_pages(self->fd, self->handles));

	ASSERT_EQ(0, emergency_right(other));
	EXPECT_LT(0, emergency_pages(other, self->handles));
	close(other);
}

/* === Guarantees ========================================================== */

static bool guarantee_is_at_hand(void)
{
	return owner_value(OWNER, LABYRINTH_A_OWNER_GUARANTEE_AVAILABLE) ==
	       GUARANTEE;
}

static int guaranteed_owner(void)
{
	int ret = reserve_set(GUARANTEE, HIGH, 0);

	ret = ret ?: owner_add(OWNER, (struct owner_options){
		.mode = 0600, .quota = 4 * GUARANTEE, .guarantee = GUARANTEE });
	if (ret)
		return ret;
	return WAIT_UNTIL(guarantee_is_at_hand()) ? 0 : -ETIMEDOUT;
}

/*
 * Takes everything that it can have, as root with no limit: strictly, and then
 * from the system, down to the last slot or a quarter of the memory left.
 */
static int hog(int fd, __u32 flags)
{
	__u64 handles[BATCH];
	long most = sysconf(_SC_AVPHYS_PAGES) / 4 * 3, held = 0;

	while (held < most) {
		struct labyrinth_alloc cmd = {
			.flags = flags | LABYRINTH_ALLOC_PARTIAL,
			.count = BATCH,
			.fallback = LABYRINTH_FALLBACK_FAIL,
			.handles = (uintptr_t)handles,
		};

		if (_alloc_cmd(fd, &cmd))
			return 0;
		held += cmd.out_count;
		/* The worker can keep up with a strict hog for long. */
		if (flags && held > 16 * HIGH)
			return 0;
	}
	return 0;
}

static void expect_guarantee(struct __test_metadata *_metadata, __u64 *handles)
{
	int fd = test_open_device(O_RDWR);

	EXPECT_TRUE(guarantee_is_at_hand());
	test_attach(fd, OWNER);
	for (int i = 0; i < GUARANTEE; i++) {
		__u32 rung, reason;

		ASSERT_EQ(0, take_one(fd, LABYRINTH_ALLOC_STRICT, handles + i,
				      &rung, &reason)) {
			TH_LOG("page %d of %d, reason %u", i + 1, GUARANTEE,
			       reason);
		}
	}
	close(fd);
}

/*
 * The worker might keep up with the hog, and then anybody has pages: it is held up,
 * when it has nothing to do, and thus no lock.
 */
TEST_F(reserve, a_strict_hog_leaves_a_guarantee_untouched)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) <= WORKER_CPU)
		SKIP(return, "one CPU: the worker can't be kept from it");
	ASSERT_EQ(0, worker_confine(&self->worker));
	self->confined = true;
	ASSERT_EQ(0, guaranteed_owner());
	ASSERT_EQ(0, reserve_set(GUARANTEE, HIGH, 0));
	ASSERT_EQ(0, worker_stop(&self->worker));
	EXPECT_EQ(0, hog(self->fd, LABYRINTH_ALLOC_STRICT));
	expect_guarantee(_metadata, self->handles);
}

TEST_F(reserve, a_hog_of_the_systems_memory_leaves_a_guarantee_untouched)
{
	ASSERT_EQ(0, guaranteed_owner());
	EXPECT_EQ(0, hog(self->fd, LABYRINTH_ALLOC_STRICT));
	EXPECT_EQ(0, hog(self->fd, 0));
	expect_guarantee(_metadata, self->handles);
}

TEST_F(reserve, a_guarantee_is_replenished_when_its_pages_are_freed)
{
	int fd = test_open_device(O_RDWR);

	ASSERT_EQ(0, guaranteed_owner());
	test_attach(fd, OWNER);
	test_alloc(fd, LABYRINTH_ALLOC_STRICT, GUARANTEE, self->handles);
	test_free(fd, GUARANTEE, self->handles);
	EXPECT_TRUE(WAIT_UNTIL(guarantee_is_at_hand()));
	close(fd);
}

TEST_F(reserve, a_guarantee_goes_back_when_its_owner_goes)
{
	struct books books;

	ASSERT_EQ(0, guaranteed_owner());
	ASSERT_EQ(0, books_get(&books));
	EXPECT_EQ(GUARANTEE, books.guaranteed_sum);
	EXPECT_EQ(GUARANTEE, books.guaranteed);
	ASSERT_EQ(0, owner_del(OWNER));
	EXPECT_TRUE(WAIT_UNTIL(!books_get(&books) && !books.guaranteed &&
			       !books.guaranteed_sum &&
			       books.available == books.high));
}

TEST_HARNESS_MAIN
