// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults raced against everything that ends a mapping: threads write to the pages
 * all the time. After the call has returned nobody reaches them, and what they held
 * is never seen, nor written to, by who has them next.
 *
 * RACE_SECONDS: how long each race lasts, 2 if it is not said.
 */
#include <sys/socket.h>

#include "admin_util.h"
#include "race_util.h"

#define OWNER		"selftest.race"
#define LEAST_ROUNDS	20

FIXTURE(race) {
	struct books before;
	struct touchers touchers;
	struct heir heir;
	int fd;
	int peer;
	__u32 peer_number;
	__u64 handles[RACE_PAGES];
	char *at;
	unsigned long rounds;
	time_t end;
};

FIXTURE_SETUP(race)
{
	const char *seconds = getenv("RACE_SECONDS");

	survive_touching();
	owner_del(OWNER);
	ASSERT_TRUE(all_pages_are_back());
	ASSERT_EQ(0, books_get(&self->before));
	/* What is freed is soon had again. */
	ASSERT_EQ(0, reserve_set(8, 16, KEEP));
	self->fd = test_open_device(O_RDWR);
	self->peer = test_open_device(O_RDWR);
	self->peer_number = owner_number(self->peer);
	test_accept(self->peer, LABYRINTH_ACCEPT_ANY, 0);
	self->heir.fd = test_open_device(O_RDWR);
	ASSERT_EQ(0, start_touching(&self->touchers));
	self->at = atomic_load(&self->touchers.at);
	ASSERT_NE(MAP_FAILED, self->at);
	self->end = now_seconds() + (seconds ? atoi(seconds) : 2);
}

FIXTURE_TEARDOWN(race)
{
	close(self->fd);
	close(self->peer);
	close(self->heir.fd);
	owner_del(OWNER);
	reserve_set(self->before.low, self->before.high,
		    self->before.emergency);
}

/* New pages, with a place and a mapping at the range; -errno. */
static int begin(FIXTURE_DATA(race) *self)
{
	__u64 offset;
	int ret;

	ret = _alloc(self->fd, 0, RACE_PAGES, self->handles) ?:
	      _map(self->fd, RACE_PAGES, self->handles, &offset);
	if (ret)
		return ret;
	remember(&self->heir, self->fd, self->handles);
	if (mmap(self->at, RACE_PAGES * page_size(), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, self->fd, offset) == MAP_FAILED)
		return -errno;
	/*
	 * One round the pages are there and being written to when they go, the
	 * other they are just being faulted in.
	 */
	if (self->rounds++ % 2)
		let_them_touch(&self->touchers);
	return 0;
}

/* For its time; and where the machine is slow, until it was a race at all. */
static bool goes_on(FIXTURE_DATA(race) *self)
{
	time_t now = now_seconds();

	return now < self->end || (self->rounds < LEAST_ROUNDS &&
				   now < self->end + DEADLINE_SECONDS);
}

/* The race was one, and nobody lost it. */
#define EXPECT_CLEAN()							\
do {									\
	stop_touching(&self->touchers);					\
	EXPECT_EQ(0, inherit(&self->heir));				\
	EXPECT_EQ(0, self->heir.soiled);				\
	EXPECT_LT(0, self->heir.inherited);				\
	EXPECT_LT(0, atomic_load(&self->touchers.stores));		\
	EXPECT_LT(0, atomic_load(&self->touchers.refused));		\
	EXPECT_LE(LEAST_ROUNDS, self->rounds);				\
	TH_LOG("%lu rounds, %lu stores, %lu refused, %lu pages inherited", \
	       self->rounds, atomic_load(&self->touchers.stores),	\
	       atomic_load(&self->touchers.refused),			\
	       self->heir.inherited);					\
} while (0)

#define BEGIN()	ASSERT_EQ(0, begin(self))

#define EXPECT_GONE()	ASSERT_EQ(0, still_reached(self->at))

TEST_F(race, free)
{
	while (goes_on(self)) {
		BEGIN();
		test_free(self->fd, RACE_PAGES, self->handles);
		EXPECT_GONE();
		ASSERT_EQ(0, inherit(&self->heir));
	}
	EXPECT_CLEAN();
}

TEST_F(race, free_one_by_one_of_a_range)
{
	while (goes_on(self)) {
		BEGIN();
		for (int i = RACE_PAGES - 1; i >= 0; i--) {
			test_free(self->fd, 1, self->handles + i);
			ASSERT_EQ(SIGBUS, try_store(self->at + i * page_size(),
						    STAMP));
		}
		EXPECT_GONE();
		ASSERT_EQ(0, inherit(&self->heir));
	}
	EXPECT_CLEAN();
}

/* 0 if what the receiver sees is what it saw a moment ago, page by page. */
static int stays_as_it_is(int fd, const __u64 *handles, int pause)
{
	static char first[RACE_PAGES][65536], second[65536];

	for (int i = 0; i < RACE_PAGES; i++)
		if (_read_page(fd, handles[i], 0, page_size(), first[i]))
			return -EIO;
	usleep(pause);
	for (int i = 0; i < RACE_PAGES; i++) {
		if (_read_page(fd, handles[i], 0, page_size(), second))
			return -EIO;
		if (memcmp(first[i], second, page_size()))
			return -EBADMSG;
	}
	return 0;
}

TEST_F(race, give)
{
	unsigned long given = 0;
	__u64 got[RACE_PAGES];

	while (goes_on(self)) {
		BEGIN();
		test_give(self->fd, self->peer_number, RACE_PAGES,
			  self->handles);
		EXPECT_GONE();
		test_take(self->peer, RACE_PAGES, got);
		ASSERT_EQ(0, stays_as_it_is(self->peer, got, 100));
		given += !is_clean(self->peer, got[0]);
		test_free(self->peer, RACE_PAGES, got);
		ASSERT_EQ(0, inherit(&self->heir));
	}
	EXPECT_CLEAN();
	/* Some had been written to: contents went along. */
	EXPECT_LT(0, given);
}

/* Refused at its very end, when the mappings had been removed already. */
TEST_F(race, give_that_is_refused)
{
	__u64 blocks[LABYRINTH_INBOX_DEFAULT];
	int other = test_open_device(O_RDWR);

	close(self->peer);
	self->peer = test_open_device(O_RDWR);
	self->peer_number = owner_number(self->peer);
	test_accept(self->peer, LABYRINTH_ACCEPT_ANY, RACE_PAGES);
	test_alloc(other, 0, RACE_PAGES, blocks);
	test_give(other, self->peer_number, RACE_PAGES, blocks);
	while (goes_on(self)) {
		BEGIN();
		test_err_give(ENOSPC, self->fd, self->peer_number, RACE_PAGES,
			      self->handles);
		ASSERT_EQ(RACE_PAGES, still_reached(self->at));
		test_free(self->fd, RACE_PAGES, self->handles);
		EXPECT_GONE();
		ASSERT_EQ(0, inherit(&self->heir));
	}
	EXPECT_CLEAN();
	close(other);
}

TEST_F(race, revoke)
{
	__u32 number = owner_number(self->fd);

	while (goes_on(self)) {
		BEGIN();
		/* All at once wait for a grace period. */
		if (self->rounds % 8 == 0) {
			ASSERT_EQ(RACE_PAGES, revoke_from(number, NULL, 0));
		} else {
			for (int i = 0; i < RACE_PAGES; i++)
				ASSERT_EQ(1, revoke_from(number, NULL,
						    self->handles[i]));
		}
		EXPECT_GONE();
		test_err_free(ENOENT, self->fd, RACE_PAGES, self->handles);
		ASSERT_EQ(0, inherit(&self->heir));
	}
	EXPECT_CLEAN();
}

TEST_F(race, owner_removal)
{
	while (goes_on(self)) {
		ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
			.mode = 0600 }));
		test_attach(self->fd, OWNER);
		BEGIN();
		ASSERT_EQ(0, owner_del(OWNER));
		EXPECT_GONE();
		close(self->fd);
		self->fd = test_open_device(O_RDWR);
		ASSERT_EQ(0, inherit(&self->heir));
	}
	EXPECT_CLEAN();
}

TEST_F(race, move_to_another_place)
{
	char *there = empty_range(NULL);
	__u64 offset;

	while (goes_on(self)) {
		BEGIN();
		test_map(self->fd, RACE_PAGES, self->handles, &offset);
		EXPECT_GONE();
		ASSERT_EQ(0, stays_as_it_is(self->fd, self->handles, 100));
		ASSERT_NE(MAP_FAILED,
			  mmap(there, RACE_PAGES * page_size(),
			       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			       self->fd, offset));
		ASSERT_EQ(RACE_PAGES, still_reached(there));
		test_free(self->fd, RACE_PAGES, self->handles);
		ASSERT_EQ(0, still_reached(there));
		EXPECT_GONE();
		ASSERT_EQ(0, inherit(&self->heir));
	}
	EXPECT_CLEAN();
}

/* === While the mapping itself comes, goes and moves ====================== */

struct mover {
	char *places[2];
	int at;			/* which of them has the mapping */
	atomic_bool go;		/* it may move it; else it rests */
	atomic_bool rests;
	atomic_bool stop;
	unsigned long moves, refused;
};

/* To the other place, and every other time cut and protected. */
static void move_once(struct mover *mover)
{
	char *from = mover->places[mover->at], *to = mover->places[!mover->at];
	size_t all = RACE_PAGES * page_size();

	if (mremap(from, all, all, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
	    MAP_FAILED) {
		mover->refused++;
		to = from;
	} else {
		mover->moves++;
		mover->at = !mover->at;
	}
	if (mover->moves % 2)
		return;
	mprotect(to, all / 2, PROT_READ);
	mprotect(to, all / 2, PROT_READ | PROT_WRITE);
}

static void *keep_moving(void *arg)
{
	struct mover *mover = arg;

	while (!atomic_load(&mover->stop)) {
		if (atomic_load(&mover->go)) {
			atomic_store(&mover->rests, false);
			move_once(mover);
		} else {
			atomic_store(&mover->rests, true);
		}
		/* It has the address space's lock often enough. */
		usleep(50);
	}
	return NULL;
}

static void rest(struct mover *mover)
{
	atomic_store(&mover->go, false);
	while (!atomic_load(&mover->rests))
		usleep(20);
}

TEST_F(race, free_while_the_mapping_moves)
{
	struct mover mover = { .places = { self->at, empty_range(NULL) },
			       .rests = true };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, keep_moving, &mover));
	while (goes_on(self)) {
		/* The touchers are now in one place, now in the other. */
		atomic_store(&self->touchers.at,
			     mover.places[self->rounds / 2 % 2]);
		mover.at = 0;
		BEGIN();
		atomic_store(&mover.rests, false);
		atomic_store(&mover.go, true);
		usleep(self->rounds % 5 * 100);
		test_free(self->fd, RACE_PAGES, self->handles);
		ASSERT_EQ(0, still_reached(mover.places[0]));
		ASSERT_EQ(0, still_reached(mover.places[1]));
		rest(&mover);
		/* Nor did what was on its way while we looked. */
		ASSERT_EQ(0, still_reached(mover.places[0]));
		ASSERT_EQ(0, still_reached(mover.places[1]));
		/* No hole: a thread's stack could come to lie there. */
		empty_range(mover.places[0]);
		empty_range(mover.places[1]);
		ASSERT_EQ(0, inherit(&self->heir));
	}
	atomic_store(&mover.stop, true);
	pthread_join(thread, NULL);
	EXPECT_CLEAN();
	TH_LOG("%lu moves, %lu refused", mover.moves, mover.refused);
	EXPECT_LT(0, mover.moves + mover.refused);
}

/* Maps the same place again and again, elsewhere each time. */
struct mapper {
	int fd;
	__u64 offset;
	atomic_bool stop;
	unsigned long mapped, refused;
};

static void *keep_mapping(void *arg)
{
	size_t all = RACE_PAGES * page_size();
	struct mapper *mapper = arg;

	while (!atomic_load(&mapper->stop)) {
		char *at = map_at(mapper->fd, PROT_READ | PROT_WRITE, all,
				  mapper->offset);

		if (at == MAP_FAILED) {
			mapper->refused++;
			continue;
		}
		mapper->mapped++;
		/* A fault right behind mmap: the window that a zap could miss. */
		scribble(at);
		munmap(at, all);
		usleep(mapper->mapped % 3 * 20);
	}
	return NULL;
}

TEST_F(race, free_while_it_is_being_mapped)
{
	struct mapper mapper = { .fd = self->fd };
	unsigned long mapped = 0;
	pthread_t thread;

	while (goes_on(self)) {
		BEGIN();
		mapper.offset = place_of(self->fd, self->handles[0]);
		atomic_store(&mapper.stop, false);
		ASSERT_EQ(0, pthread_create(&thread, NULL, keep_mapping,
					    &mapper));
		let_them_touch(&self->touchers);
		test_free(self->fd, RACE_PAGES, self->handles);
		EXPECT_GONE();
		ASSERT_EQ(0, inherit(&self->heir));
		atomic_store(&mapper.stop, true);
		pthread_join(thread, NULL);
		mapped += mapper.mapped;
		ASSERT_EQ(0, inherit(&self->heir));
	}
	EXPECT_CLEAN();
	EXPECT_LT(0, mapped);
}

/* === Death =============================================================== */

struct victim {
	int socket;
	const char *name;	/* of the owner that it acts as, or NULL */
};

/* Threads touch its pages until it is killed. */
static int be_killed(void *arg)
{
	static struct touchers touchers;
	struct victim *victim = arg;
	__u64 handles[RACE_PAGES], addresses[RACE_PAGES];
	int fd = _open_device(O_RDWR);
	char *at;

	if (fd < 0 || (victim->name && _attach(fd, victim->name)) ||
	    _alloc(fd, 0, RACE_PAGES, handles) || start_touching(&touchers))
		return 100;
	at = map_blocks(fd, RACE_PAGES, handles);
	if (at == MAP_FAILED)
		return 101;
	atomic_store(&touchers.at, at);
	for (int i = 0; i < RACE_PAGES; i++)
		addresses[i] = physical(fd, handles[i]);
	let_them_touch(&touchers);
	if (write(victim->socket, addresses, sizeof(addresses)) !=
	    sizeof(addresses))
		return 102;
	for (;;)
		pause();
}

static void race_with_death(struct __test_metadata *_metadata,
			    FIXTURE_DATA(race) *self, const char *name)
{
	struct victim victim = { .name = name };
	int sockets[2];

	/* The victim's own threads are the ones that touch. */
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	victim.socket = sockets[1];
	while (goes_on(self)) {
		__u64 addresses[RACE_PAGES] = {};
		pid_t pid;

		if (name)
			ASSERT_EQ(0, owner_add(name, (struct owner_options){
				.mode = 0600 }));
		pid = spawn(be_killed, &victim);
		ASSERT_EQ((ssize_t)sizeof(addresses),
			  read(sockets[0], addresses, sizeof(addresses)));
		for (int i = 0; i < RACE_PAGES; i++)
			self->heir.ended[self->heir.remembered++ % REMEMBERED] =
				addresses[i];
		if (self->rounds++ % 2)
			usleep(self->rounds % 7 * 100);
		if (name) {
			ASSERT_EQ(0, owner_del(name));
			/* It lives, and goes on touching. */
			ASSERT_EQ(0, inherit(&self->heir));
		}
		kill(pid, SIGKILL);
		/* Not waited for: it may be on another CPU still. */
		ASSERT_EQ(0, inherit(&self->heir));
		ASSERT_EQ(256 + SIGKILL, reap(pid));
		ASSERT_EQ(0, inherit(&self->heir));
	}
	close(sockets[0]);
	close(sockets[1]);
}

TEST_F(race, kill_9)
{
	stop_touching(&self->touchers);
	race_with_death(_metadata, self, NULL);
	EXPECT_EQ(0, inherit(&self->heir));
	EXPECT_EQ(0, self->heir.soiled);
	EXPECT_LT(0, self->heir.inherited);
	TH_LOG("%lu deaths, %lu pages", self->rounds, self->heir.inherited);
}

TEST_F(race, kill_9_and_the_removal_of_its_owner)
{
	stop_touching(&self->touchers);
	race_with_death(_metadata, self, OWNER);
	EXPECT_EQ(0, inherit(&self->heir));
	EXPECT_EQ(0, self->heir.soiled);
	EXPECT_LT(0, self->heir.inherited);
	TH_LOG("%lu deaths, %lu pages", self->rounds, self->heir.inherited);
}

TEST_HARNESS_MAIN
