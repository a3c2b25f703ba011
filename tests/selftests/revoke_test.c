// SPDX-License-Identifier: GPL-2.0-only
/*
 * REVOKE: an administrator takes blocks from an owner, whatever is being done with
 * them, and the owner goes on.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "admin_util.h"
#include "map_util.h"

#define OWNER	"selftest.revoke"
#define PAGES	8

FIXTURE(revoke) {
	int fd;
	__u32 number;
	__u64 handles[PAGES];
	__u64 revoked;		/* blocks, before */
	__s64 out;
};

FIXTURE_SETUP(revoke)
{
	survive_touching();
	owner_del(OWNER);
	ASSERT_TRUE(all_pages_are_back());
	ASSERT_EQ(0, open_to_all(true));
	self->fd = test_open_device(O_RDWR);
	self->number = owner_number(self->fd);
	self->out = pages_out();
	self->revoked = stat_value(LABYRINTH_A_STATS_REVOKED, 0);
	ASSERT_NE(NL_ABSENT, self->revoked);
}

FIXTURE_TEARDOWN(revoke)
{
	close(self->fd);
	owner_del(OWNER);
	open_to_all(false);
}

#define EXPECT_COUNTED(blocks)						\
	EXPECT_EQ(self->revoked + (blocks),				\
		  stat_value(LABYRINTH_A_STATS_REVOKED, 0))

static __u64 memlock_used(int fd)
{
	struct labyrinth_info info;

	return _info(fd, &info) ? ~0ULL : info.out_memlock_used;
}

/* === What is taken ======================================================= */

TEST_F(revoke, one_block_goes_and_the_others_stay)
{
	test_alloc(self->fd, 0, PAGES, self->handles);
	ASSERT_EQ(0, put_pattern(self->fd, self->handles[2], page_size(), 2));
	EXPECT_EQ(1, revoke_from(self->number, NULL, self->handles[3]));
	EXPECT_EQ(PAGES - 1, used_pages(self->fd));
	EXPECT_EQ(0, every_call_refuses(self->fd, self->handles[3]));
	EXPECT_EQ(0, check_pattern(self->fd, self->handles[2], page_size(),
				   2));
	EXPECT_COUNTED(1);
	/* A second time there is nothing. */
	EXPECT_EQ(-ENOENT, revoke_from(self->number, NULL, self->handles[3]));
	EXPECT_COUNTED(1);
}

TEST_F(revoke, all_blocks_of_a_file_go_by_its_number)
{
	struct labyrinth_alloc large = {
		.count = 2,
		.order = 3,
		.fallback = LABYRINTH_FALLBACK_FAIL,
	};
	__u64 blocks[2], memlock = memlock_used(self->fd);

	large.handles = (uintptr_t)blocks;
	test_alloc(self->fd, 0, PAGES, self->handles);
	test_alloc_cmd(self->fd, &large);
	EXPECT_EQ(memlock + PAGES + 16, memlock_used(self->fd));
	EXPECT_EQ(PAGES + 16, revoke_from(self->number, NULL, 0));
	EXPECT_EQ(0, used_pages(self->fd));
	EXPECT_EQ(memlock, memlock_used(self->fd));
	EXPECT_COUNTED(PAGES + 2);
	for (int i = 0; i < PAGES; i++)
		EXPECT_EQ(0, every_call_refuses(self->fd, self->handles[i]));
	EXPECT_EQ(0, every_call_refuses(self->fd, blocks[1]));
	EXPECT_TRUE(WAIT_UNTIL(pages_out() == self->out));
	/* And of none there are none. */
	EXPECT_EQ(0, revoke_from(self->number, NULL, 0));
	EXPECT_COUNTED(PAGES + 2);
}

TEST_F(revoke, all_blocks_of_a_named_owner_go_by_its_name)
{
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.uid = NOBODY, .mode = 0600 }));
	test_attach(self->fd, OWNER);
	test_alloc(self->fd, 0, PAGES, self->handles);
	EXPECT_EQ(1, revoke_from(0, OWNER, self->handles[0]));
	EXPECT_EQ(PAGES - 1, used_pages(self->fd));
	/* Attached, and then nobody there. */
	close(self->fd);
	EXPECT_TRUE(WAIT_UNTIL(!owner_value(OWNER,
					    LABYRINTH_A_OWNER_ATTACHED)));
	EXPECT_EQ(PAGES - 1, revoke_from(0, OWNER, 0));
	EXPECT_EQ(0, owner_value(OWNER, LABYRINTH_A_OWNER_USED));
	EXPECT_TRUE(WAIT_UNTIL(pages_out() == self->out));
	self->fd = test_open_device(O_RDWR);
	test_attach(self->fd, OWNER);
	EXPECT_EQ(0, used_pages(self->fd));
}

TEST_F(revoke, the_owner_goes_on)
{
	struct labyrinth_query query;

	for (int round = 0; round < 20; round++) {
		test_alloc(self->fd, 0, PAGES, self->handles);
		EXPECT_EQ(PAGES, revoke_from(self->number, NULL, 0));
		test_err_query(ENODATA, self->fd, LABYRINTH_QUERY_NEXT, 0,
			       &query);
		test_alloc(self->fd, 0, 1, self->handles);
		EXPECT_EQ(0, put_pattern(self->fd, self->handles[0],
					 page_size(), round));
		EXPECT_EQ(0, check_pattern(self->fd, self->handles[0],
					   page_size(), round));
		test_free(self->fd, 1, self->handles);
	}
	EXPECT_EQ(self->number, owner_number(self->fd));
}

TEST_F(revoke, a_mapping_of_it_is_gone)
{
	char *at;

	test_alloc(self->fd, 0, PAGES, self->handles);
	at = test_map_blocks(self->fd, PAGES, self->handles);
	memset(at, 1, PAGES * page_size());
	EXPECT_EQ(1, revoke_from(self->number, NULL, self->handles[2]));
	EXPECT_TRUE(is_gone(at + 2 * page_size(), 1));
	EXPECT_EQ(0, try_store(at + page_size(), 1));
	EXPECT_EQ(0, try_store(at + 3 * page_size(), 1));
	EXPECT_EQ(PAGES - 1, revoke_from(self->number, NULL, 0));
	EXPECT_TRUE(is_gone(at, PAGES));
}

TEST_F(revoke, what_is_on_its_way_into_the_inbox_goes_too)
{
	int giver = test_open_device(O_RDWR);
	__u64 got;

	test_accept(self->fd, LABYRINTH_ACCEPT_ANY, PAGES);
	test_alloc(giver, 0, PAGES, self->handles);
	test_give(giver, self->number, PAGES, self->handles);
	EXPECT_EQ(PAGES, inbox_used(self->fd));
	EXPECT_EQ(PAGES, used_pages(self->fd));
	EXPECT_EQ(PAGES, revoke_from(self->number, NULL, 0));
	EXPECT_EQ(0, used_pages(self->fd));
	test_err_take(EAGAIN, self->fd, 1, &got);
	EXPECT_EQ(0, inbox_used(self->fd));
	EXPECT_TRUE(WAIT_UNTIL(pages_out() == self->out));

	/* There is room again, for exactly as many. */
	test_alloc(giver, 0, PAGES, self->handles);
	test_give(giver, self->number, PAGES, self->handles);
	for (int i = 0; i < PAGES; i++)
		test_take(self->fd, 1, &got);
	EXPECT_EQ(PAGES, used_pages(self->fd));
	close(giver);
}

/* The administrator learns the handle from a dump of pages. */
static int find_in_transit(const struct nlmsghdr *nlh, void *arg)
{
	__u64 *handle = arg;

	if (nl_get(nlh, LABYRINTH_A_PAGE_STATE) == LABYRINTH_PAGE_TRANSIT)
		*handle = nl_get(nlh, LABYRINTH_A_PAGE_HANDLE);
	return 0;
}

/* Its place between the others' can't be taken away: all of them, or none. */
TEST_F(revoke, one_block_in_transit_stays)
{
	static struct nl_message msg;
	int giver = test_open_device(O_RDWR);
	__u64 handle = 0, got[PAGES];
	struct nl nl;

	test_accept(self->fd, LABYRINTH_ACCEPT_ANY, PAGES);
	test_alloc(giver, 0, PAGES, self->handles);
	test_give(giver, self->number, PAGES, self->handles);
	ASSERT_EQ(0, nl_open(&nl));
	nl_start(&nl, &msg, LABYRINTH_CMD_PAGE_GET, NLM_F_DUMP);
	nl_put_u32(&msg, LABYRINTH_A_PAGE_OWNER, self->number);
	ASSERT_EQ(0, nl_run(&nl, &msg, find_in_transit, &handle));
	nl_close(&nl);
	ASSERT_NE(0, handle);
	EXPECT_EQ(-EBUSY, revoke_from(self->number, NULL, handle));
	EXPECT_EQ(PAGES, used_pages(self->fd));
	test_take(self->fd, PAGES, got);
	EXPECT_EQ(1, revoke_from(self->number, NULL, handle));
	EXPECT_EQ(PAGES - 1, used_pages(self->fd));
	EXPECT_COUNTED(1);
	close(giver);
}

TEST_F(revoke, for_the_giver_it_is_neither_here_nor_there)
{
	int taker = test_open_device(O_RDWR);
	__u64 got;

	test_accept(taker, LABYRINTH_ACCEPT_ANY, PAGES);
	test_alloc(self->fd, 0, 2, self->handles);
	test_give(self->fd, owner_number(taker), 1, self->handles);
	EXPECT_EQ(-ENOENT, revoke_from(self->number, NULL, self->handles[0]));
	EXPECT_EQ(1, revoke_from(self->number, NULL, 0));
	EXPECT_EQ(1, used_pages(taker));
	test_take(taker, 1, &got);
	close(taker);
}

/* === Rights, and what is refused ========================================= */

static int revoke_as_nobody(void *arg)
{
	FIXTURE_DATA(revoke) *self = arg;
	__u64 mine;
	int fd;

	if (become(NOBODY, NOBODY))
		return 100;
	if (revoke_from(self->number, NULL, 0) != -EPERM ||
	    revoke_from(self->number, NULL, self->handles[0]) != -EPERM ||
	    revoke_from(0, OWNER, 0) != -EPERM)
		return 101;
	/* Not even from oneself: that is what FREE is for. */
	fd = _open_device(O_RDWR);
	if (fd < 0 || _alloc(fd, 0, 1, &mine) ||
	    revoke_from(owner_number(fd), NULL, 0) != -EPERM ||
	    used_pages(fd) != 1)
		return 102;
	return 0;
}

TEST_F(revoke, nobody_may_not)
{
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.uid = NOBODY, .mode = 0600 }));
	test_alloc(self->fd, 0, PAGES, self->handles);
	EXPECT_EQ(0, in_child(revoke_as_nobody, self));
	EXPECT_EQ(PAGES, used_pages(self->fd));
	EXPECT_COUNTED(0);
}

TEST_F(revoke, what_is_not_there_is_told)
{
	int other = test_open_device(O_RDWR);
	__u64 theirs;

	test_alloc(other, 0, 1, &theirs);
	test_alloc(self->fd, 0, 1, self->handles);
	EXPECT_EQ(-ENOENT, revoke_from(0x7ffff, NULL, 0));
	EXPECT_EQ(-ENOENT, revoke_from(0, OWNER, 0));
	EXPECT_EQ(-ENOENT, revoke_from(self->number, NULL, theirs));
	EXPECT_EQ(-ENOENT, revoke_from(self->number, NULL, ~0ULL));
	EXPECT_EQ(1, used_pages(self->fd));
	EXPECT_EQ(1, used_pages(other));
	EXPECT_COUNTED(0);
	close(other);
}

TEST_F(revoke, an_owner_must_be_named_in_one_way)
{
	static struct nl_message msg;
	struct nl nl;

	test_alloc(self->fd, 0, 1, self->handles);
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	ASSERT_EQ(0, nl_open(&nl));
	nl_start(&nl, &msg, LABYRINTH_CMD_REVOKE, 0);
	EXPECT_EQ(-EINVAL, nl_call(&nl, &msg));
	EXPECT_NE('\0', msg.text[0]);
	nl_start(&nl, &msg, LABYRINTH_CMD_REVOKE, 0);
	nl_put_u64(&msg, LABYRINTH_A_OWNER_HANDLE, self->handles[0]);
	EXPECT_EQ(-EINVAL, nl_call(&nl, &msg));
	nl_start(&nl, &msg, LABYRINTH_CMD_REVOKE, 0);
	nl_put_u32(&msg, LABYRINTH_A_OWNER_ID, self->number);
	nl_put_string(&msg, LABYRINTH_A_OWNER_NAME, OWNER);
	EXPECT_EQ(-EINVAL, nl_call(&nl, &msg));
	/* A handle of another width, and what only a reply has. */
	nl_start(&nl, &msg, LABYRINTH_CMD_REVOKE, 0);
	nl_put_u32(&msg, LABYRINTH_A_OWNER_ID, self->number);
	nl_put_u32(&msg, LABYRINTH_A_OWNER_HANDLE, 1);
	EXPECT_EQ(LABYRINTH_A_OWNER_HANDLE,
		  nl_call(&nl, &msg) ? nl_culprit(&msg) : 0);
	nl_start(&nl, &msg, LABYRINTH_CMD_REVOKE, 0);
	nl_put_u32(&msg, LABYRINTH_A_OWNER_ID, self->number);
	nl_put_u64(&msg, LABYRINTH_A_OWNER_REVOKED, 1);
	EXPECT_EQ(LABYRINTH_A_OWNER_REVOKED,
		  nl_call(&nl, &msg) ? nl_culprit(&msg) : 0);
	nl_close(&nl);
	EXPECT_EQ(1, used_pages(self->fd));
}

/* === While the owner is at it ============================================ */

struct worker {
	int fd;
	int peer;
	__u32 number;		/* the peer's */
	atomic_bool stop;
	unsigned long freed, given, taken, lost;
	int wrong;
};

static bool served(struct worker *worker, int ret, unsigned long *count)
{
	if (!ret)
		(*count)++;
	else if (ret == -ENOENT || ret == -EAGAIN)
		worker->lost++;
	else
		worker->wrong = ret;
	return !ret;
}

/* Whatever it does, either it was first or it is told that nothing is there. */
static void *keep_working(void *arg)
{
	struct worker *worker = arg;
	__u64 handles[2], got;

	for (int i = 0; !atomic_load(&worker->stop) && !worker->wrong; i++) {
		int ret = _alloc(worker->fd, 0, 2, handles);

		if (ret) {
			worker->wrong = ret;
			break;
		}
		ret = put_pattern(worker->fd, handles[0], page_size(), 1);
		if (ret && ret != -ENOENT)
			worker->wrong = ret;
		if (served(worker, _free_pages(worker->fd, 1, handles + 1),
			   &worker->freed) && !(i % 2))
			sched_yield();
		if (served(worker, _give(worker->fd, worker->number, 1,
					 handles), &worker->given) &&
		    served(worker, _take(worker->peer, 1, &got),
			   &worker->taken))
			served(worker, _free_pages(worker->peer, 1, &got),
			       &worker->freed);
	}
	return NULL;
}

TEST_F(revoke, races_with_free_give_and_take_have_one_winner)
{
	int peer = test_open_device(O_RDWR);
	struct worker worker = { .fd = self->fd, .peer = peer,
				 .number = owner_number(peer) };
	/* Longer where one of them has not been seen. */
	time_t end = now_seconds() + 4, late = end + 15;
	long long pages = 0, ret = 0;
	pthread_t thread;

	test_accept(peer, LABYRINTH_ACCEPT_ANY, 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, keep_working, &worker));
	for (int i = 0; ret >= 0; i++) {
		bool seen = pages && worker.freed && worker.taken && worker.lost;

		if (now_seconds() >= (seen ? end : late))
			break;
		ret = revoke_from(i % 2 ? worker.number : self->number, NULL,
				  0);
		pages += ret;
		if (i % 8 == 7)
			usleep(i % 5 * 1000);
	}
	atomic_store(&worker.stop, true);
	pthread_join(thread, NULL);
	EXPECT_LE(0, ret);
	EXPECT_EQ(0, worker.wrong);
	TH_LOG("%lu freed, %lu given, %lu taken, %lu lost, %lld revoked",
	       worker.freed, worker.given, worker.taken, worker.lost, pages);
	EXPECT_LT(0, worker.freed);
	EXPECT_LT(0, worker.taken);
	EXPECT_LT(0, worker.lost);
	EXPECT_LT(0, pages);
	EXPECT_COUNTED(pages);
	revoke_from(self->number, NULL, 0);
	revoke_from(worker.number, NULL, 0);
	EXPECT_EQ(0, used_pages(self->fd));
	EXPECT_EQ(0, used_pages(peer));
	EXPECT_EQ(0, inbox_used(peer));
	EXPECT_TRUE(WAIT_UNTIL(pages_out() == self->out));
	EXPECT_EQ(0, verify_result());
	close(peer);
}

TEST_HARNESS_MAIN
