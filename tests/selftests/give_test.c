// SPDX-License-Identifier: GPL-2.0-only
/*
 * GIVE: what goes along with a block, and that a refused one changes nothing.
 * Who may give to whom is give_rights_test.c's, what happens on the receiver's
 * side take_test.c's.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include "admin_util.h"

#define OWNER	"selftest.give"
#define OTHER	"selftest.give2"
#define BATCH	8
#define TAG	0x1234567890abcdefULL

FIXTURE(give) {
	int giver;
	int taker;		/* accepts any */
	__u32 to;		/* its number */
	size_t page;
	__u64 handles[BATCH];
	__u64 got[BATCH];
};

FIXTURE_SETUP(give)
{
	owner_del(OWNER);
	owner_del(OTHER);
	ASSERT_TRUE(all_pages_are_back());
	ASSERT_EQ(0, open_to_all(true));
	self->page = page_size();
	self->giver = test_open_device(O_RDWR);
	self->taker = test_open_device(O_RDWR);
	self->to = owner_number(self->taker);
	test_accept(self->taker, LABYRINTH_ACCEPT_ANY, 0);
}

FIXTURE_TEARDOWN(give)
{
	close(self->giver);
	close(self->taker);
	owner_del(OWNER);
	owner_del(OTHER);
	open_to_all(false);
}

static struct labyrinth_give give_of(FIXTURE_DATA(give) *self, __u32 count)
{
	return (struct labyrinth_give){
		.count = count,
		.to = self->to,
		.handles = (uintptr_t)self->handles,
	};
}

/* The giver's, as before: each can be read, and they are all that it has. */
static bool still_has(int fd, const __u64 *handles, __u32 count)
{
	char byte;

	for (__u32 i = 0; i < count; i++)
		if (_read_page(fd, handles[i], 0, 1, &byte))
			return false;
	return used_pages(fd) == count;
}

/* Refused with @error and @reason, and nothing has changed. */
#define EXPECT_REFUSED(error, reason, cmd)				\
do {									\
	__u32 count_ = (cmd)->count;					\
									\
	test_err_give_cmd(error, self->giver, cmd);			\
	EXPECT_EQ(count_, (cmd)->out_bad);				\
	EXPECT_EQ(LABYRINTH_REASON_##reason, (cmd)->out_reason);	\
	EXPECT_TRUE(still_has(self->giver, self->handles, count_));	\
} while (0)

/* === What goes along ===================================================== */

TEST_F(give, a_page_changes_hands_with_contents_tag_and_used_length)
{
	struct labyrinth_query before, after;
	struct labyrinth_give cmd = give_of(self, 1);

	test_alloc(self->giver, 0, 1, self->handles);
	ASSERT_EQ(0, put_pattern(self->giver, self->handles[0], self->page, 1));
	test_set(self->giver, LABYRINTH_SET_TAG | LABYRINTH_SET_USED,
		 self->handles[0], TAG, 1234);
	test_query(self->giver, 0, self->handles[0], &before);

	test_give_cmd(self->giver, &cmd);
	EXPECT_EQ(1, cmd.out_bad);
	EXPECT_EQ(LABYRINTH_REASON_NONE, cmd.out_reason);
	EXPECT_EQ(0, used_pages(self->giver));
	EXPECT_EQ(1, used_pages(self->taker));
	EXPECT_EQ(1, inbox_used(self->taker));

	test_take(self->taker, 1, self->got);
	EXPECT_EQ(1, used_pages(self->taker));
	EXPECT_EQ(0, inbox_used(self->taker));
	EXPECT_NE(self->handles[0], self->got[0]);
	EXPECT_EQ(0, check_pattern(self->taker, self->got[0], self->page, 1));
	test_query(self->taker, 0, self->got[0], &after);
	EXPECT_EQ(TAG, after.out_tag);
	EXPECT_EQ(1234, after.out_used);
	EXPECT_EQ(0, after.out_order);
	EXPECT_EQ(before.out_rung, after.out_rung);
	EXPECT_EQ(before.out_phys, after.out_phys);
	EXPECT_LE(before.out_age_ns, after.out_age_ns);
	test_free(self->taker, 1, self->got);
	EXPECT_EQ(0, used_pages(self->taker));
}

TEST_F(give, a_block_of_any_order_goes_whole)
{
	struct labyrinth_alloc alloc = {
		.count = 1,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)self->handles,
	};
	struct labyrinth_query query;
	struct labyrinth_info info;

	test_info(self->giver, &info);
	for (alloc.order = 0; alloc.order <= info.out_max_order;
	     alloc.order++) {
		size_t size = self->page << alloc.order;

		test_alloc_cmd(self->giver, &alloc);
		ASSERT_EQ(0, put_pattern(self->giver, self->handles[0], size,
					 alloc.order));
		test_give(self->giver, self->to, 1, self->handles);
		EXPECT_EQ(0, used_pages(self->giver));
		EXPECT_EQ(1ULL << alloc.order, used_pages(self->taker));
		EXPECT_EQ(1, inbox_used(self->taker));
		test_take(self->taker, 1, self->got);
		test_query(self->taker, 0, self->got[0], &query);
		EXPECT_EQ(alloc.order, query.out_order);
		EXPECT_EQ(size, query.out_used);
		EXPECT_EQ(0, check_pattern(self->taker, self->got[0], size,
					   alloc.order));
		test_free(self->taker, 1, self->got);
	}
}

TEST_F(give, what_was_given_is_not_the_givers_any_more)
{
	struct labyrinth_query query;

	for (int round = 0; round < 50; round++) {
		int from = round % 2 ? self->taker : self->giver;
		int to = round % 2 ? self->giver : self->taker;

		if (!round) {
			test_accept(from, LABYRINTH_ACCEPT_ANY, 0);
			test_alloc(from, 0, 1, self->handles);
		}
		test_give(from, owner_number(to), 1, self->handles);
		/* In transit it is nobody's, by any handle. */
		EXPECT_EQ(0, every_call_refuses(from, self->handles[0]));
		EXPECT_EQ(0, every_call_refuses(to, self->handles[0]));
		test_err_give(ENOENT, from, owner_number(to), 1, self->handles);
		test_err_query(ENODATA, to, LABYRINTH_QUERY_NEXT, 0, &query);

		test_take(to, 1, self->got);
		EXPECT_EQ(0, every_call_refuses(from, self->handles[0]));
		EXPECT_EQ(0, every_call_refuses(from, self->got[0]));
		EXPECT_EQ(0, every_call_refuses(to, self->handles[0]));
		test_err_give(ENOENT, to, owner_number(from), 1, self->handles);
		self->handles[0] = self->got[0];
	}
	/* It came back 24 times: under another handle each time. */
	EXPECT_EQ(1, used_pages(self->giver) + used_pages(self->taker));
}

/* Of the page that waits: administrators see its handle before its owner does. */
static int transit_handle(const struct nlmsghdr *nlh, void *arg)
{
	if (nl_get(nlh, LABYRINTH_A_PAGE_STATE) == LABYRINTH_PAGE_TRANSIT)
		*(__u64 *)arg = nl_get(nlh, LABYRINTH_A_PAGE_HANDLE);
	return 0;
}

TEST_F(give, a_page_in_transit_is_its_receivers_and_touched_by_nobody)
{
	static struct nl_message msg;
	__u64 handle = 0;
	struct nl nl;

	test_alloc(self->giver, 0, 1, self->handles);
	test_set(self->giver, LABYRINTH_SET_TAG, self->handles[0], TAG, 0);
	test_give(self->giver, self->to, 1, self->handles);
	ASSERT_EQ(0, nl_open(&nl));
	nl_start(&nl, &msg, LABYRINTH_CMD_PAGE_GET, NLM_F_DUMP);
	nl_put_u32(&msg, LABYRINTH_A_PAGE_OWNER, self->to);
	ASSERT_EQ(0, nl_run(&nl, &msg, transit_handle, &handle));
	ASSERT_NE(0, handle);
	nl_start(&nl, &msg, LABYRINTH_CMD_PAGE_GET, 0);
	nl_put_u64(&msg, LABYRINTH_A_PAGE_HANDLE, handle);
	ASSERT_EQ(0, nl_call(&nl, &msg));
	EXPECT_EQ(self->to, nl_get(nl_reply(&msg), LABYRINTH_A_PAGE_OWNER));
	EXPECT_EQ(TAG, nl_get(nl_reply(&msg), LABYRINTH_A_PAGE_TAG));
	nl_close(&nl);

	EXPECT_EQ(0, every_call_refuses(self->taker, handle));
	test_err_give(ENOENT, self->taker, owner_number(self->giver), 1,
		      &handle);
	EXPECT_EQ(0, every_call_refuses(self->giver, handle));
	test_take(self->taker, 1, self->got);
	EXPECT_EQ(handle, self->got[0]);
}

TEST_F(give, named_owners_give_and_take_like_files)
{
	int named = test_open_device(O_RDWR), other = test_open_device(O_RDWR);

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.mode = 0600, .accept = LABYRINTH_ACCEPT_ANY, .inbox = 4 }));
	ASSERT_EQ(0, owner_add(OTHER, (struct owner_options){
		.mode = 0600, .accept = LABYRINTH_ACCEPT_ANY }));
	test_alloc(self->giver, 0, 2, self->handles);
	ASSERT_EQ(0, put_pattern(self->giver, self->handles[0], self->page, 1));
	ASSERT_EQ(0, put_pattern(self->giver, self->handles[1], self->page, 2));

	/* A file's, to a named owner by name and by number ... */
	test_give_name(self->giver, OWNER, 1, self->handles);
	test_give(self->giver, owner_value(OWNER, LABYRINTH_A_OWNER_ID), 1,
		  self->handles + 1);
	test_attach(named, OWNER);
	test_take(named, 2, self->got);
	/* ... from there to another one ... */
	test_give_name(named, OTHER, 2, self->got);
	test_attach(other, OTHER);
	test_take(other, 2, self->got);
	/* ... and to a file. */
	test_give(other, self->to, 2, self->got);
	test_take(self->taker, 2, self->got);
	EXPECT_EQ(0, check_pattern(self->taker, self->got[0], self->page, 1));
	EXPECT_EQ(0, check_pattern(self->taker, self->got[1], self->page, 2));
	EXPECT_EQ(0, owner_value(OWNER, LABYRINTH_A_OWNER_USED));
	EXPECT_EQ(0, owner_value(OTHER, LABYRINTH_A_OWNER_USED));
	close(named);
	close(other);
}

TEST_F(give, what_a_detached_owner_is_given_waits_for_who_attaches_next)
{
	int fd = test_open_device(O_RDWR);

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.mode = 0600, .accept = LABYRINTH_ACCEPT_UID }));
	test_alloc(self->giver, 0, 3, self->handles);
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, put_pattern(self->giver, self->handles[i],
					 self->page, i));
	test_give_name(self->giver, OWNER, 2, self->handles);
	EXPECT_EQ(2, owner_value(OWNER, LABYRINTH_A_OWNER_USED));
	EXPECT_EQ(2, owner_value(OWNER, LABYRINTH_A_OWNER_INBOX_USED));

	/* One is taken, and then the taker goes: it all stays. */
	test_attach(fd, OWNER);
	test_take(fd, 1, self->got);
	EXPECT_EQ(0, check_pattern(fd, self->got[0], self->page, 0));
	close(fd);
	test_give_name(self->giver, OWNER, 1, self->handles + 2);
	EXPECT_EQ(3, owner_value(OWNER, LABYRINTH_A_OWNER_USED));

	fd = test_open_device(O_RDWR);
	test_attach(fd, OWNER);
	test_take(fd, 2, self->got + 1);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, check_pattern(fd, self->got[i], self->page, i));
	close(fd);
}

/* === All or nothing ====================================================== */

TEST_F(give, one_bad_handle_gives_nothing_and_is_named)
{
	__u64 stale, foreign;

	test_alloc(self->giver, 0, 1, &stale);
	test_free(self->giver, 1, &stale);
	test_alloc(self->taker, 0, 1, &foreign);
	test_alloc(self->giver, 0, BATCH, self->handles);
	for (__u32 at = 0; at < BATCH; at++) {
		const __u64 bad[] = { stale, foreign, 0, ~0ULL,
				      self->handles[at] ^ 1ULL << 63,
				      self->handles[(at + BATCH - 1) % BATCH] };

		for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
			struct labyrinth_give cmd = give_of(self, BATCH);
			__u64 mixed[BATCH];

			/* The last of them is there twice, wherever. */
			memcpy(mixed, self->handles, sizeof(mixed));
			mixed[at] = bad[i];
			cmd.handles = (uintptr_t)mixed;
			test_err_give_cmd(ENOENT, self->giver, &cmd);
			EXPECT_EQ(!at && i == ARRAY_SIZE(bad) - 1 ? BATCH - 1 :
								    at,
				  cmd.out_bad);
			EXPECT_EQ(LABYRINTH_REASON_NONE, cmd.out_reason);
			EXPECT_EQ(0, inbox_used(self->taker));
			EXPECT_EQ(1, used_pages(self->taker));
			ASSERT_TRUE(still_has(self->giver, self->handles,
					      BATCH));
		}
	}
	test_give(self->giver, self->to, BATCH, self->handles);
}

TEST_F(give, an_unreadable_array_gives_nothing)
{
	char *area = mmap(NULL, 2 * self->page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u64 *last = (__u64 *)(area + self->page - sizeof(*last));
	struct labyrinth_give cmd = give_of(self, 2);

	ASSERT_NE(MAP_FAILED, area);
	test_alloc(self->giver, 0, 2, self->handles);
	memcpy(last, self->handles, sizeof(*last));
	ASSERT_EQ(0, munmap(area + self->page, self->page));
	cmd.handles = (uintptr_t)last;
	test_err_give_cmd(EFAULT, self->giver, &cmd);
	cmd.handles = 0;
	test_err_give_cmd(EFAULT, self->giver, &cmd);
	EXPECT_TRUE(still_has(self->giver, self->handles, 2));
	EXPECT_EQ(0, used_pages(self->taker));
}

TEST_F(give, the_receivers_quota_holds_exactly)
{
	struct labyrinth_give cmd = give_of(self, 4);
	struct labyrinth_alloc block = {
		.count = 1,
		.order = 2,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)self->handles,
	};

	ASSERT_EQ(0, file_quota_set(self->taker, 3));
	test_alloc(self->giver, 0, 4, self->handles);
	EXPECT_REFUSED(EDQUOT, QUOTA, &cmd);
	EXPECT_EQ(0, used_pages(self->taker));
	EXPECT_EQ(0, inbox_used(self->taker));

	test_give(self->giver, self->to, 3, self->handles + 1);
	cmd.count = 1;
	EXPECT_REFUSED(EDQUOT, QUOTA, &cmd);
	/* Taken it counts as it did before; freed it does not. */
	test_take(self->taker, 3, self->got);
	EXPECT_REFUSED(EDQUOT, QUOTA, &cmd);
	test_free(self->taker, 1, self->got);
	test_give_cmd(self->giver, &cmd);
	test_take(self->taker, 1, self->got);
	test_free(self->taker, 3, self->got);

	test_alloc_cmd(self->giver, &block);
	test_err_give_cmd(EDQUOT, self->giver, &cmd);
	EXPECT_EQ(4, used_pages(self->giver));
	ASSERT_EQ(0, file_quota_set(self->taker, 4));
	test_give_cmd(self->giver, &cmd);
}

/* Says who it is, and ends with what it has been given. */
static int take_within_memlock(void *arg)
{
	int socket = *(int *)arg, fd;
	__u32 number;

	if (limit_memlock(BATCH) || become(NOBODY, NOBODY))
		return 201;
	fd = _open_device(O_RDWR);
	if (fd < 0 || _accept(fd, LABYRINTH_ACCEPT_ANY, 2 * BATCH))
		return 202;
	number = owner_number(fd);
	if (write(socket, &number, sizeof(number)) != sizeof(number) ||
	    await_peer(socket))
		return 203;
	return used_pages(fd);
}

TEST_F(give, the_receivers_rlimit_memlock_holds_exactly)
{
	struct labyrinth_give cmd = give_of(self, BATCH);
	int sockets[2];
	__u64 more;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	pid = spawn(take_within_memlock, &sockets[1]);
	ASSERT_EQ(sizeof(cmd.to),
		  (size_t)read(sockets[0], &cmd.to, sizeof(cmd.to)));
	test_alloc(self->giver, 0, BATCH, self->handles);
	test_alloc(self->giver, 0, 1, &more);
	test_give(self->giver, cmd.to, 1, &more);
	/* One too many: none goes. */
	EXPECT_REFUSED(EDQUOT, MEMLOCK, &cmd);
	cmd.count = BATCH - 1;
	cmd.handles = (uintptr_t)(self->handles + 1);
	test_give_cmd(self->giver, &cmd);
	cmd.count = 1;
	cmd.handles = (uintptr_t)self->handles;
	EXPECT_REFUSED(EDQUOT, MEMLOCK, &cmd);
	ASSERT_EQ(0, signal_peer(sockets[0]));
	EXPECT_EQ(BATCH, reap(pid));
}

static __u64 locked_pages(int fd)
{
	struct labyrinth_info info;

	return _info(fd, &info) ? NL_ABSENT : info.out_memlock_used;
}

static int nobodys_charge(void *arg)
{
	FIXTURE_DATA(give) *self = arg;
	int fd;

	if (become(NOBODY, NOBODY))
		return 200;
	fd = _open_device(O_RDWR);
	if (fd < 0 || _alloc(fd, 0, BATCH, self->handles) ||
	    locked_pages(fd) != BATCH)
		return 201;
	if (_give(fd, self->to, BATCH, self->handles))
		return 202;
	return locked_pages(fd);
}

TEST_F(give, the_charge_goes_along)
{
	__u64 before = locked_pages(self->taker);

	EXPECT_EQ(0, in_child(nobodys_charge, self));
	EXPECT_EQ(before + BATCH, locked_pages(self->taker));
	test_take(self->taker, BATCH, self->got);
	EXPECT_EQ(before + BATCH, locked_pages(self->taker));
	test_free(self->taker, BATCH, self->got);
	EXPECT_EQ(before, locked_pages(self->taker));
}

TEST_F(give, an_inbox_of_one_block_has_room_for_one)
{
	int taker = test_open_device(O_RDWR);
	struct labyrinth_give cmd = give_of(self, 2);

	test_accept(taker, LABYRINTH_ACCEPT_ANY, 1);
	cmd.to = owner_number(taker);
	test_alloc(self->giver, 0, 2, self->handles);
	EXPECT_REFUSED(ENOSPC, INBOX, &cmd);
	EXPECT_EQ(0, used_pages(taker));
	EXPECT_EQ(0, inbox_used(taker));

	test_give(self->giver, cmd.to, 1, self->handles + 1);
	cmd.count = 1;
	EXPECT_REFUSED(ENOSPC, INBOX, &cmd);
	EXPECT_EQ(1, used_pages(taker));
	/* However much is asked for, one is there. */
	EXPECT_EQ(1, take_up_to(taker, BATCH, self->got));
	test_give_cmd(self->giver, &cmd);
	EXPECT_EQ(1, take_up_to(taker, BATCH, self->got + 1));
	EXPECT_EQ(2, used_pages(taker));
	close(taker);
}

TEST_F(give, the_default_inbox_has_room_for_1024_exactly)
{
	__u64 handles[LABYRINTH_INBOX_DEFAULT + 1];
	const __u32 count = ARRAY_SIZE(handles);

	test_alloc(self->giver, 0, count, handles);
	test_err_give(ENOSPC, self->giver, self->to, count, handles);
	EXPECT_EQ(count, used_pages(self->giver));
	EXPECT_EQ(0, used_pages(self->taker));
	test_give(self->giver, self->to, count - 1, handles);
	EXPECT_EQ(LABYRINTH_INBOX_DEFAULT, inbox_used(self->taker));
	test_err_give(ENOSPC, self->giver, self->to, 1, handles + count - 1);
	EXPECT_EQ(count - 1, take_up_to(self->taker, count, handles));
	test_give(self->giver, self->to, 1, handles + count - 1);
}

/* Not a power of two, and round it often. */
TEST_F(give, an_inbox_of_any_capacity_is_filled_again_and_again)
{
	const __u32 capacities[] = { 2, 3, 5, 7, 8 };

	for (size_t i = 0; i < ARRAY_SIZE(capacities); i++) {
		__u32 n = capacities[i];
		int taker = test_open_device(O_RDWR);
		__u32 to = owner_number(taker);
		__u64 handles[BATCH + 1];

		test_accept(taker, LABYRINTH_ACCEPT_ANY, n);
		for (int round = 0; round < 20; round++) {
			test_alloc(self->giver, 0, n + 1, handles);
			test_give(self->giver, to, n, handles);
			test_err_give(ENOSPC, self->giver, to, 1, handles + n);
			test_take(taker, 1, self->got);
			test_free(taker, 1, self->got);
			test_give(self->giver, to, 1, handles + n);
			EXPECT_EQ(n, take_up_to(taker, BATCH, self->got));
			EXPECT_EQ(n, used_pages(taker));
			test_free(taker, n, self->got);
		}
		close(taker);
	}
}

/* === Guarantees and counters ============================================= */

#define GUARANTEE	64

static bool guarantee_is_whole(void)
{
	return owner_value(OWNER, LABYRINTH_A_OWNER_GUARANTEE_AVAILABLE) ==
	       GUARANTEE;
}

TEST_F(give, a_givers_guarantee_is_whole_again)
{
	int named = test_open_device(O_RDWR);
	__u64 handles[GUARANTEE];
	struct books before;

	ASSERT_EQ(0, books_get(&before));
	ASSERT_EQ(0, reserve_set(GUARANTEE, 4 * GUARANTEE, KEEP));
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.mode = 0600, .quota = GUARANTEE, .guarantee = GUARANTEE }));
	test_attach(named, OWNER);
	for (int round = 0; round < 3; round++) {
		ASSERT_TRUE(WAIT_UNTIL(guarantee_is_whole()));
		test_alloc(named, LABYRINTH_ALLOC_STRICT, GUARANTEE, handles);
		EXPECT_TRUE(WAIT_UNTIL(!owner_value(OWNER,
				LABYRINTH_A_OWNER_GUARANTEE_AVAILABLE)));
		test_give(named, self->to, GUARANTEE, handles);
		EXPECT_TRUE(WAIT_UNTIL(guarantee_is_whole()));
	}
	EXPECT_EQ(3 * GUARANTEE, used_pages(self->taker));
	close(named);
	ASSERT_EQ(0, owner_del(OWNER));
	ASSERT_EQ(0, reserve_set(before.low, before.high, KEEP));
}

TEST_F(give, what_was_given_counts_against_no_guarantee_of_the_receivers)
{
	int named = test_open_device(O_RDWR);
	__u64 handles[GUARANTEE];
	struct books before;

	ASSERT_EQ(0, books_get(&before));
	ASSERT_EQ(0, reserve_set(GUARANTEE, 4 * GUARANTEE, KEEP));
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.mode = 0600, .guarantee = GUARANTEE,
		.accept = LABYRINTH_ACCEPT_ANY }));
	test_attach(named, OWNER);
	test_alloc(self->giver, 0, GUARANTEE, handles);
	test_give_name(self->giver, OWNER, GUARANTEE, handles);
	EXPECT_EQ(GUARANTEE, take_up_to(named, GUARANTEE, handles));
	EXPECT_EQ(GUARANTEE, owner_value(OWNER, LABYRINTH_A_OWNER_USED));
	EXPECT_TRUE(WAIT_UNTIL(guarantee_is_whole()));
	test_free(named, GUARANTEE, handles);
	EXPECT_TRUE(WAIT_UNTIL(guarantee_is_whole()));
	close(named);
	ASSERT_EQ(0, owner_del(OWNER));
	ASSERT_EQ(0, reserve_set(before.low, before.high, KEEP));
}

TEST_F(give, stats_count_what_was_given_taken_and_refused)
{
	const int quota = LABYRINTH_REASON_QUOTA;
	__u64 given = stat_value(LABYRINTH_A_STATS_GIVEN, 0);
	__u64 taken = stat_value(LABYRINTH_A_STATS_TAKEN, 0);
	__u64 refused = stat_value(LABYRINTH_A_STATS_REFUSED, quota);

	ASSERT_NE(NL_ABSENT, given);
	ASSERT_NE(NL_ABSENT, taken);
	ASSERT_NE(NL_ABSENT, refused);
	ASSERT_EQ(0, file_quota_set(self->taker, 3));
	test_alloc(self->giver, 0, 5, self->handles);
	test_give(self->giver, self->to, 3, self->handles);
	test_err_give(EDQUOT, self->giver, self->to, 2, self->handles + 3);
	test_take(self->taker, 1, self->got);
	EXPECT_EQ(given + 3, stat_value(LABYRINTH_A_STATS_GIVEN, 0));
	EXPECT_EQ(taken + 1, stat_value(LABYRINTH_A_STATS_TAKEN, 0));
	EXPECT_EQ(refused + 2, stat_value(LABYRINTH_A_STATS_REFUSED, quota));
}

TEST_HARNESS_MAIN
