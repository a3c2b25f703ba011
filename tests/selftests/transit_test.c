// SPDX-License-Identifier: GPL-2.0-only
/*
 * What becomes of a block between its giver and its receiver when one of them
 * dies, and when several calls want the same block: one of them gets it, and
 * the books balance.
 */
#include <pthread.h>
#include <sys/socket.h>

#include "admin_util.h"

#define OWNER	"selftest.transit"
#define PAGES	64

FIXTURE(transit) {
	int giver;
	size_t page;
	__s64 out;		/* pages that are somebody's, before */
	__u64 dropped;
	__u64 handles[PAGES];
};

FIXTURE_SETUP(transit)
{
	owner_del(OWNER);
	ASSERT_TRUE(all_pages_are_back());
	self->page = page_size();
	self->out = pages_out();
	self->dropped = stat_value(LABYRINTH_A_STATS_DROPPED, 0);
	self->giver = test_open_device(O_RDWR);
}

FIXTURE_TEARDOWN(transit)
{
	close(self->giver);
	owner_del(OWNER);
}

#define EXPECT_OUT(count)						\
	EXPECT_TRUE(WAIT_UNTIL(pages_out() == self->out + (count)))

/* All pages are back, so many of them were on their way, the books agree. */
#define EXPECT_DROPPED(count)						\
do {									\
	EXPECT_OUT(0);							\
	EXPECT_EQ(self->dropped + (count),				\
		  stat_value(LABYRINTH_A_STATS_DROPPED, 0));		\
	EXPECT_EQ(0, verify_result());					\
} while (0)

/* === The receiver dies =================================================== */

TEST_F(transit, what_a_closed_receiver_did_not_take_is_dropped)
{
	int taker = test_open_device(O_RDWR);
	__u64 got[PAGES / 4];

	test_accept(taker, LABYRINTH_ACCEPT_ANY, 0);
	test_alloc(self->giver, 0, PAGES, self->handles);
	test_give(self->giver, owner_number(taker), PAGES, self->handles);
	test_take(taker, ARRAY_SIZE(got), got);
	test_free(taker, 4, got);
	EXPECT_EQ(0, verify_result());
	EXPECT_OUT(PAGES - 4);
	close(taker);
	EXPECT_DROPPED(PAGES - ARRAY_SIZE(got));
}

TEST_F(transit, large_blocks_are_dropped_as_blocks)
{
	int taker = test_open_device(O_RDWR);
	struct labyrinth_alloc cmd = {
		.count = 3,
		.order = 4,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)self->handles,
	};

	test_accept(taker, LABYRINTH_ACCEPT_ANY, 0);
	test_alloc_cmd(self->giver, &cmd);
	test_give(self->giver, owner_number(taker), 3, self->handles);
	EXPECT_EQ(0, verify_result());
	close(taker);
	EXPECT_DROPPED(3);
}

struct end {
	int socket;
	int (*fn)(void);
};

static int leave(void)
{
	return 0;
}

static int get_killed(void)
{
	raise(SIGKILL);
	return 101;
}

static int execute(void)
{
	execl("/bin/true", "true", NULL);
	return 102;
}

/* Says who it is, waits until it has been given what it never takes, and ends. */
static int receive_and_end(void *arg)
{
	const struct end *end = arg;
	int fd = _open_device(O_RDWR);
	__u32 number;

	if (fd < 0 || _accept(fd, LABYRINTH_ACCEPT_ANY, 0))
		return 103;
	number = owner_number(fd);
	if (write(end->socket, &number, sizeof(number)) != sizeof(number) ||
	    await_peer(end->socket))
		return 104;
	return end->fn();
}

static void receiver_ends(struct __test_metadata *_metadata,
			  FIXTURE_DATA(transit) *self, int (*fn)(void),
			  int expected)
{
	struct end end = { .fn = fn };
	int sockets[2];
	__u32 number;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	end.socket = sockets[1];
	pid = spawn(receive_and_end, &end);
	ASSERT_EQ(sizeof(number),
		  (size_t)read(sockets[0], &number, sizeof(number)));
	test_alloc(self->giver, 0, PAGES, self->handles);
	test_give(self->giver, number, PAGES, self->handles);
	EXPECT_OUT(PAGES);
	ASSERT_EQ(0, signal_peer(sockets[0]));
	EXPECT_EQ(expected, reap(pid));
	EXPECT_DROPPED(PAGES);
	test_err_give(ESRCH, self->giver, number, 1, self->handles);
	close(sockets[0]);
	close(sockets[1]);
}

TEST_F(transit, what_an_exited_receiver_did_not_take_is_dropped)
{
	receiver_ends(_metadata, self, leave, 0);
}

TEST_F(transit, what_a_killed_receiver_did_not_take_is_dropped)
{
	receiver_ends(_metadata, self, get_killed, 256 + SIGKILL);
}

TEST_F(transit, what_a_receiver_did_not_take_before_exec_is_dropped)
{
	receiver_ends(_metadata, self, execute, 0);
}

static int new_owner(void)
{
	return owner_add(OWNER, (struct owner_options){
		.mode = 0600, .accept = LABYRINTH_ACCEPT_ANY });
}

TEST_F(transit, what_waited_for_a_removed_owner_is_dropped)
{
	int fd = test_open_device(O_RDWR);
	__u64 got;

	ASSERT_EQ(0, new_owner());
	test_alloc(self->giver, 0, PAGES, self->handles);
	test_give_name(self->giver, OWNER, PAGES, self->handles);
	test_attach(fd, OWNER);
	test_take(fd, 1, &got);
	ASSERT_EQ(0, owner_del(OWNER));
	EXPECT_DROPPED(PAGES - 1);
	test_err_take(ESHUTDOWN, fd, 1, &got);
	close(fd);
}

TEST_F(transit, what_was_dropped_is_wiped)
{
	char *buffer = malloc(self->page);

	for (int round = 0; round < 10; round++) {
		int taker = test_open_device(O_RDWR);

		test_accept(taker, LABYRINTH_ACCEPT_ANY, 0);
		test_alloc(self->giver, 0, PAGES, self->handles);
		for (int i = 0; i < PAGES; i++) {
			test_read(self->giver, self->handles[i], 0, self->page,
				  buffer);
			ASSERT_TRUE(all_bytes_are(buffer, 0, self->page));
			ASSERT_EQ(0, put_pattern(self->giver, self->handles[i],
						 self->page, i));
			test_set(self->giver, LABYRINTH_SET_TAG,
				 self->handles[i], 7, 0);
		}
		test_give(self->giver, owner_number(taker), PAGES,
			  self->handles);
		close(taker);
	}
	EXPECT_DROPPED(10 * PAGES);
}

/* === The giver dies ====================================================== */

struct donor {
	__u32 to;
	int (*fn)(void);
};

static int give_and_end(void *arg)
{
	const struct donor *donor = arg;
	int fd = _open_device(O_RDWR);
	__u64 handles[PAGES];

	if (fd < 0 || _alloc(fd, 0, PAGES, handles))
		return 103;
	for (int i = 0; i < PAGES; i++)
		if (put_pattern(fd, handles[i], page_size(), i))
			return 104;
	if (_give(fd, donor->to, PAGES, handles))
		return 105;
	return donor->fn();
}

TEST_F(transit, what_was_given_outlives_its_giver)
{
	int (*const ends[])(void) = { leave, get_killed, execute };
	int taker = test_open_device(O_RDWR);
	struct donor donor = { .to = owner_number(taker) };

	test_accept(taker, LABYRINTH_ACCEPT_ANY, 0);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		donor.fn = ends[i];
		EXPECT_EQ(ends[i] == get_killed ? 256 + SIGKILL : 0,
			  in_child(give_and_end, &donor));
		EXPECT_OUT(PAGES);
		test_take(taker, PAGES, self->handles);
		for (int k = 0; k < PAGES; k++)
			ASSERT_EQ(0, check_pattern(taker, self->handles[k],
						   self->page, k));
		test_free(taker, PAGES, self->handles);
	}
	close(taker);
	EXPECT_DROPPED(0);
}

/* Until it is killed, wherever it is then. */
static int give_on_and_on(void *arg)
{
	const struct donor *donor = arg;
	int fd = _open_device(O_RDWR);
	__u64 handles[PAGES];

	for (;;) {
		if (fd < 0 || _alloc(fd, 0, PAGES, handles))
			return 103;
		if (_give(fd, donor->to, PAGES, handles) &&
		    _free_pages(fd, PAGES, handles))
			return 104;
	}
}

TEST_F(transit, a_giver_killed_while_it_gives_leaves_all_or_nothing)
{
	int taker = test_open_device(O_RDWR);
	struct donor donor = { .to = owner_number(taker) };

	test_accept(taker, LABYRINTH_ACCEPT_ANY, 4 * PAGES);
	for (int round = 0; round < 20; round++) {
		pid_t pid = spawn(give_on_and_on, &donor);
		int count = 0;

		usleep(5000 + 2000 * round);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		EXPECT_EQ(256 + SIGKILL, reap(pid));
		while (take_up_to(taker, 1, self->handles) == 1) {
			test_free(taker, 1, self->handles);
			count++;
		}
		EXPECT_EQ(0, count % PAGES);
	}
	EXPECT_EQ(0, used_pages(taker));
	close(taker);
	EXPECT_DROPPED(0);
}

/* === Races =============================================================== */

/* A giver that goes on until told to stop; what it was answered. */
struct volley {
	int fd;
	int stop;
	int bad;		/* an errno that nobody should get */
	__u32 to;		/* 0: OWNER */
	__u64 given;
};

static int volley_give(const struct volley *volley, __u64 *handle)
{
	__u32 to = __atomic_load_n(&volley->to, __ATOMIC_RELAXED);

	return to ? _give(volley->fd, to, 1, handle) :
		    _give_name(volley->fd, OWNER, 1, handle);
}

static void *fire(void *arg)
{
	struct volley *volley = arg;
	__u64 handle = 0;

	while (!__atomic_load_n(&volley->stop, __ATOMIC_RELAXED)) {
		int ret = handle ? 0 : _alloc(volley->fd, 0, 1, &handle);

		if (!ret) {
			ret = volley_give(volley, &handle);
			if (!ret) {
				volley->given++;
				handle = 0;
			}
		}
		/* Gone, not there yet, full; or nobody had a page for us. */
		if (ret && ret != -ESRCH && ret != -EACCES && ret != -ENOSPC &&
		    ret != -ENOMEM && ret != -EDQUOT)
			volley->bad = -ret;
	}
	return NULL;
}

/* What arrived was taken or dropped: nothing else becomes of it. */
static void balance(struct __test_metadata *_metadata,
		    FIXTURE_DATA(transit) *self, __u64 given, __u64 taken)
{
	close(self->giver);
	self->giver = test_open_device(O_RDWR);
	EXPECT_OUT(0);
	given = stat_value(LABYRINTH_A_STATS_GIVEN, 0) - given;
	taken = stat_value(LABYRINTH_A_STATS_TAKEN, 0) - taken;
	EXPECT_EQ(given, taken + stat_value(LABYRINTH_A_STATS_DROPPED, 0) -
				 self->dropped);
	EXPECT_EQ(0, verify_result());
}

#define RACES	100

TEST_F(transit, giving_races_with_the_receivers_removal)
{
	__u64 given = stat_value(LABYRINTH_A_STATS_GIVEN, 0);
	__u64 taken = stat_value(LABYRINTH_A_STATS_TAKEN, 0);
	struct volley volley = { .fd = self->giver };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, fire, &volley));
	for (int round = 0; round < RACES; round++) {
		ASSERT_EQ(0, new_owner());
		usleep(round % 10 * 300);
		ASSERT_EQ(0, owner_del(OWNER));
	}
	volley.stop = 1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, volley.bad);
	EXPECT_LT(0, volley.given);
	balance(_metadata, self, given, taken);
}

TEST_F(transit, giving_races_with_the_receivers_close)
{
	__u64 given = stat_value(LABYRINTH_A_STATS_GIVEN, 0);
	__u64 taken = stat_value(LABYRINTH_A_STATS_TAKEN, 0);
	struct volley volley = { .fd = self->giver, .to = 0xffffffff };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, fire, &volley));
	for (int round = 0; round < RACES; round++) {
		int taker = test_open_device(O_RDWR);

		test_accept(taker, LABYRINTH_ACCEPT_ANY, 0);
		__atomic_store_n(&volley.to, owner_number(taker),
				 __ATOMIC_RELAXED);
		usleep(round % 10 * 300);
		if (round % 2)
			take_up_to(taker, PAGES, self->handles);
		close(taker);
	}
	volley.stop = 1;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, volley.bad);
	EXPECT_LT(0, volley.given);
	balance(_metadata, self, given, taken);
}

static int attach_as(void *arg)
{
	const uid_t *uid = arg;

	return become(*uid, *uid) ? 100 : -_attach(_open_device(O_RDWR), OWNER);
}

/* What @uid has charged to RLIMIT_MEMLOCK in all. */
static int charge_of(void *arg)
{
	struct labyrinth_info info;
	const uid_t *uid = arg;
	int fd;

	if (become(*uid, *uid))
		return 100;
	fd = _open_device(O_RDWR);
	return fd < 0 || _info(fd, &info) ? 101 : !!info.out_memlock_used;
}

TEST_F(transit, giving_races_with_a_change_of_who_pays)
{
	__u64 given = stat_value(LABYRINTH_A_STATS_GIVEN, 0);
	__u64 taken = stat_value(LABYRINTH_A_STATS_TAKEN, 0);
	uid_t uids[] = { NOBODY, OTHER_USER };
	struct volley volley = { .fd = self->giver };
	pthread_t thread;

	ASSERT_EQ(0, open_to_all(true));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, new_owner());
		__atomic_store_n(&volley.stop, 0, __ATOMIC_RELAXED);
		ASSERT_EQ(0, pthread_create(&thread, NULL, fire, &volley));
		for (int round = 0; round < 10; round++) {
			uid_t uid = uids[round % 2];

			ASSERT_EQ(0, owner_uid_set(OWNER, uid));
			EXPECT_TRUE(WAIT_UNTIL(!in_child(attach_as, &uid)));
		}
		__atomic_store_n(&volley.stop, 1, __ATOMIC_RELAXED);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_EQ(0, verify_result());
		EXPECT_EQ(0, in_child(charge_of, &uids[0]));
		EXPECT_EQ(1, in_child(charge_of, &uids[1]));
		ASSERT_EQ(0, owner_del(OWNER));
		EXPECT_TRUE(WAIT_UNTIL(!in_child(charge_of, &uids[1])));
	}
	open_to_all(false);
	EXPECT_EQ(0, volley.bad);
	EXPECT_LT(0, volley.given);
	balance(_metadata, self, given, taken);
}

/* Several threads do the same to one page, at the same time. */
struct rival {
	int fd;
	__u64 handle;
	__u32 to;		/* 0: free it */
	int ret;
	pthread_barrier_t *barrier;
};

static void *compete(void *arg)
{
	struct rival *rival = arg;

	pthread_barrier_wait(rival->barrier);
	rival->ret = rival->to ? _give(rival->fd, rival->to, 1,
				       &rival->handle) :
				 _free_pages(rival->fd, 1, &rival->handle);
	return NULL;
}

#define RIVALS	3

TEST_F(transit, of_several_who_give_or_free_one_page_one_does)
{
	int takers[RIVALS - 1];
	pthread_barrier_t barrier;

	for (int i = 0; i < RIVALS - 1; i++) {
		takers[i] = test_open_device(O_RDWR);
		test_accept(takers[i], LABYRINTH_ACCEPT_ANY, 0);
	}
	ASSERT_EQ(0, pthread_barrier_init(&barrier, NULL, RIVALS));
	for (int round = 0; round < 200; round++) {
		struct rival rivals[RIVALS];
		pthread_t threads[RIVALS];
		int won = 0, arrived = 0;
		__u64 handle;

		test_alloc(self->giver, 0, 1, &handle);
		for (int i = 0; i < RIVALS; i++) {
			rivals[i] = (struct rival){
				.fd = self->giver,
				.handle = handle,
				.barrier = &barrier,
			};
			if (i < RIVALS - 1)
				rivals[i].to = owner_number(takers[i]);
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, compete,
						    &rivals[i]));
		}
		for (int i = 0; i < RIVALS; i++) {
			ASSERT_EQ(0, pthread_join(threads[i], NULL));
			ASSERT_TRUE(!rivals[i].ret || rivals[i].ret == -ENOENT);
			won += !rivals[i].ret;
		}
		ASSERT_EQ(1, won);
		for (int i = 0; i < RIVALS - 1; i++) {
			if (take_up_to(takers[i], 1, &handle) != 1)
				continue;
			EXPECT_EQ(0, rivals[i].ret);
			test_free(takers[i], 1, &handle);
			arrived++;
		}
		ASSERT_EQ(!!rivals[RIVALS - 1].ret, arrived);
	}
	pthread_barrier_destroy(&barrier);
	for (int i = 0; i < RIVALS - 1; i++)
		close(takers[i]);
	EXPECT_DROPPED(0);
}

struct writer {
	int fd;
	__u64 handle;
	int ret;
};

/* Writes until it is told that the page is not its any more. */
static void *write_on(void *arg)
{
	struct writer *writer = arg;
	char *buffer = malloc(page_size());

	for (unsigned char byte = 1; !writer->ret; byte++) {
		memset(buffer, byte, page_size());
		writer->ret = _write_page(writer->fd, writer->handle, 0,
					  page_size(), buffer);
	}
	free(buffer);
	return NULL;
}

TEST_F(transit, nobody_writes_to_a_page_that_has_been_given)
{
	int taker = test_open_device(O_RDWR);
	__u32 to = owner_number(taker);
	char *first = malloc(self->page), *second = malloc(self->page);

	test_accept(taker, LABYRINTH_ACCEPT_ANY, 0);
	for (int round = 0; round < 100; round++) {
		struct writer writer = { .fd = self->giver };
		pthread_t thread;
		__u64 got;

		test_alloc(self->giver, 0, 1, &writer.handle);
		ASSERT_EQ(0, pthread_create(&thread, NULL, write_on, &writer));
		usleep(round % 10 * 200);
		test_give(self->giver, to, 1, &writer.handle);
		test_take(taker, 1, &got);
		test_read(taker, got, 0, self->page, first);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_EQ(-ENOENT, writer.ret);
		test_read(taker, got, 0, self->page, second);
		/* Each write was whole, and none came after. */
		ASSERT_EQ(0, memcmp(first, second, self->page));
		ASSERT_TRUE(all_bytes_are(first, first[0] & 0xff, self->page));
		test_free(taker, 1, &got);
	}
	close(taker);
	EXPECT_DROPPED(0);
}

/* Passes on whatever comes, until told to stop. */
struct player {
	int fd;
	__u32 to;
	int *stop;
	int bad;
	pthread_t thread;
};

static void *play(void *arg)
{
	struct player *player = arg;
	__u64 got[4];

	while (!__atomic_load_n(player->stop, __ATOMIC_RELAXED)) {
		int count = take_up_to(player->fd, ARRAY_SIZE(got), got);

		if (count == -EAGAIN)
			continue;
		if (count < 0 || _give(player->fd, player->to, count, got))
			player->bad = 1;
	}
	return NULL;
}

#define PLAYERS	3

TEST_F(transit, pages_that_go_round_stay_as_many_and_as_they_were)
{
	struct player players[PLAYERS];
	bool seen[PAGES] = {};
	int stop = 0;

	for (int i = 0; i < PLAYERS; i++) {
		players[i] = (struct player){ .fd = test_open_device(O_RDWR),
					      .stop = &stop };
		test_accept(players[i].fd, LABYRINTH_ACCEPT_UID, PAGES);
	}
	test_alloc(self->giver, 0, PAGES, self->handles);
	for (int i = 0; i < PAGES; i++) {
		ASSERT_EQ(0, put_pattern(self->giver, self->handles[i],
					 self->page, i));
		test_set(self->giver, LABYRINTH_SET_TAG, self->handles[i], i,
			 0);
		test_give(self->giver, owner_number(players[i % PLAYERS].fd),
			  1, self->handles + i);
	}
	for (int i = 0; i < PLAYERS; i++) {
		players[i].to = owner_number(players[(i + 1) % PLAYERS].fd);
		ASSERT_EQ(0, pthread_create(&players[i].thread, NULL, play,
					    &players[i]));
	}
	for (int i = 0; i < 5; i++) {
		usleep(200000);
		/* Busy as they are, it may not come to an end: but no "wrong". */
		EXPECT_NE(1, verify_result());
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < PLAYERS; i++)
		ASSERT_EQ(0, pthread_join(players[i].thread, NULL));

	for (int i = 0; i < PLAYERS; i++) {
		int count = take_up_to(players[i].fd, PAGES, self->handles);

		EXPECT_EQ(0, players[i].bad);
		for (int k = 0; k < count; k++) {
			struct labyrinth_query query;

			test_query(players[i].fd, 0, self->handles[k], &query);
			ASSERT_GT(PAGES, query.out_tag);
			EXPECT_FALSE(seen[query.out_tag]);
			seen[query.out_tag] = true;
			EXPECT_EQ(0, check_pattern(players[i].fd,
						   self->handles[k], self->page,
						   query.out_tag));
		}
		close(players[i].fd);
	}
	for (int i = 0; i < PAGES; i++)
		EXPECT_TRUE(seen[i]);
	EXPECT_DROPPED(0);
}

TEST_HARNESS_MAIN
