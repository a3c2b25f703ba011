// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scope `thread`: when the thread ends, so does its block, within a second, whoever
 * of its process goes on.
 */
#include <semaphore.h>

#include "admin_util.h"
#include "thread_util.h"

#define OWNER		"selftest.thread"
#define PAGES		3
#define THREADS		300

FIXTURE(end) {
	int fd;
};

FIXTURE_SETUP(end)
{
	owner_del(OWNER);
	ASSERT_TRUE(all_pages_are_back());
	self->fd = test_open_device(O_RDWR);
}

FIXTURE_TEARDOWN(end)
{
	close(self->fd);
	owner_del(OWNER);
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/*
 * "Within a second" of the module's clock; an emulated machine may not have run
 * whom it is about for longer. How long it took, in ms, or -1.
 */
#define SLACK_MS	10000

static long long ms_until_used(int fd, __u64 pages)
{
	long long start = now_ms();

	while (used_pages(fd) != pages) {
		if (now_ms() - start > 1000 + SLACK_MS)
			return -1;
		usleep(5000);
	}
	return now_ms() - start;
}

#define STEP_MS	50

/*
 * Until nothing is held, and all has been wiped: in ms of the time that this machine
 * ran. Of a step that was longer than one may be its host has had the rest. Or -1.
 */
static long running_ms_until_wiped(int fd, __s64 out)
{
	long long last = now_ms(), now;
	long running = 0;

	while (used_pages(fd) || pages_out() != out) {
		if (running > SLACK_MS)
			return -1;
		usleep(5000);
		now = now_ms();
		running += now - last < STEP_MS ? now - last : STEP_MS;
		last = now;
	}
	return running;
}

#define EXPECT_SOON(fd, pages)						\
do {									\
	long long took_ = ms_until_used(fd, pages);			\
									\
	EXPECT_LE(0, took_) {						\
		TH_LOG("%llu pages are held, %llu should be",		\
		       (unsigned long long)used_pages(fd),		\
		       (unsigned long long)(pages));			\
	}								\
} while (0)

/* === Its end ============================================================= */

struct holder {
	int fd;
	__u32 order;
	__u64 handles[PAGES];
	sem_t holding, go;
	int ret;
};

static void *hold(void *arg)
{
	struct holder *holder = arg;

	holder->ret = alloc_for_thread(holder->fd, holder->order, PAGES,
				       holder->handles);
	if (!holder->ret)
		holder->ret = put_pattern(holder->fd, holder->handles[0],
					  page_size(), 6);
	sem_post(&holder->holding);
	sem_wait(&holder->go);
	return NULL;
}

static void start_holder(struct __test_metadata *_metadata,
			 struct holder *holder, int fd, pthread_t *thread)
{
	sem_init(&holder->holding, 0, 0);
	sem_init(&holder->go, 0, 0);
	holder->fd = fd;
	ASSERT_EQ(0, pthread_create(thread, NULL, hold, holder));
	sem_wait(&holder->holding);
	ASSERT_EQ(0, holder->ret);
}

TEST_F(end, its_blocks_end_with_it_and_the_others_do_not)
{
	struct holder holder = {}, other = { .order = 2 };
	pthread_t thread, second;
	__u64 mine, shared;
	__s64 out = pages_out();

	test_alloc(self->fd, 0, 1, &shared);
	ASSERT_EQ(0, alloc_for_thread(self->fd, 0, 1, &mine));
	start_holder(_metadata, &holder, self->fd, &thread);
	start_holder(_metadata, &other, self->fd, &second);
	EXPECT_EQ(2 + 5 * PAGES, used_pages(self->fd));

	sem_post(&holder.go);
	pthread_join(thread, NULL);
	EXPECT_SOON(self->fd, 2 + 4 * PAGES);
	EXPECT_EQ(0, every_call_refuses(self->fd, holder.handles[0]));
	sem_post(&other.go);
	pthread_join(second, NULL);
	EXPECT_SOON(self->fd, 2);
	EXPECT_TRUE(WAIT_UNTIL(pages_out() == out + 2));

	/* A look at the clock later nothing more has gone. */
	usleep(1500000);
	EXPECT_EQ(2, used_pages(self->fd));
	test_free(self->fd, 1, &mine);
	test_free(self->fd, 1, &shared);
}

TEST_F(end, its_blocks_are_wiped_within_a_second)
{
	__s64 out = pages_out();

	for (int round = 0; round < 5; round++) {
		struct holder holder = { .order = round % 2 };
		pthread_t thread;
		long took;

		start_holder(_metadata, &holder, self->fd, &thread);
		sem_post(&holder.go);
		pthread_join(thread, NULL);
		took = running_ms_until_wiped(self->fd, out);
		EXPECT_LE(0, took);
		EXPECT_GE(1000, took);
	}
}

/* From when it is gone until it is reclaimed: to everybody, another new thread too. */
TEST_F(end, a_dead_threads_block_is_refused_at_once)
{
	struct holder holder = {};
	pthread_t thread;
	char byte;
	int ret;

	for (int round = 0; round < 20; round++) {
		start_holder(_metadata, &holder, self->fd, &thread);
		sem_post(&holder.go);
		pthread_join(thread, NULL);
		ret = _read_page(self->fd, holder.handles[0], 0, 1, &byte);
		EXPECT_TRUE(ret == -EPERM || ret == -ENOENT);
		ret = _free_pages(self->fd, 1, holder.handles);
		EXPECT_TRUE(ret == -EPERM || ret == -ENOENT);
	}
	EXPECT_SOON(self->fd, 0);
}

TEST_F(end, a_named_owners_too)
{
	struct holder holder = {};
	pthread_t thread;
	__u64 kept;

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	test_attach(self->fd, OWNER);
	test_alloc(self->fd, 0, 1, &kept);
	start_holder(_metadata, &holder, self->fd, &thread);
	EXPECT_EQ(1 + PAGES, owner_value(OWNER, LABYRINTH_A_OWNER_USED));
	sem_post(&holder.go);
	pthread_join(thread, NULL);
	EXPECT_SOON(self->fd, 1);
	EXPECT_EQ(1, owner_value(OWNER, LABYRINTH_A_OWNER_USED));
}

static int hold_as_named_and_exit(void *arg)
{
	struct holder *holder = arg;
	__u64 kept;
	int fd = _open_device(O_RDWR);

	if (fd < 0 || _attach(fd, OWNER) || _alloc(fd, 0, 1, &kept))
		return 100;
	return -alloc_for_thread(fd, 1, PAGES, holder->handles);
}

/* Nobody is attached any more, and its threads are dead: their pages go. */
TEST_F(end, a_named_owner_that_nobody_acts_for_keeps_no_threads_pages)
{
	struct holder holder = {};

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	EXPECT_EQ(0, in_child(hold_as_named_and_exit, &holder));
	EXPECT_TRUE(WAIT_UNTIL(owner_value(OWNER,
					   LABYRINTH_A_OWNER_USED) == 1));
	test_attach(self->fd, OWNER);
	EXPECT_EQ(1, used_pages(self->fd));
	EXPECT_EQ(0, every_call_refuses(self->fd, holder.handles[0]));
}

static void *read_it(void *arg)
{
	struct visitor *visitor = arg;

	return (void *)(long)check_pattern(visitor->fd, visitor->handle,
					   page_size(), 4);
}

static void *take_here(void *arg)
{
	struct visitor *visitor = arg;

	return (void *)(long)_take(visitor->fd, 1, &visitor->handle);
}

static void *give_and_exit(void *arg)
{
	struct visitor *visitor = arg;
	__u64 handle;

	return (void *)(long)(alloc_for_thread(visitor->fd, 0, 1, &handle) ?:
			      put_pattern(visitor->fd, handle, page_size(),
					  4) ?:
			      _give(visitor->fd, visitor->handle, 1, &handle));
}

TEST_F(end, what_it_gave_outlives_it)
{
	int peer = test_open_device(O_RDWR);
	struct visitor visitor = { .fd = self->fd,
				   .handle = owner_number(peer) };

	test_accept(peer, LABYRINTH_ACCEPT_UID, 0);
	EXPECT_EQ(NULL, in_thread(give_and_exit, &visitor));
	usleep(1500000);
	visitor.fd = peer;
	EXPECT_EQ(NULL, in_thread(take_here, &visitor));
	EXPECT_EQ(NULL, read_it(&visitor));
	close(peer);
}

/* === The main thread's end =============================================== */

struct orphan {
	int fd;
	__u64 handles[PAGES];
	__u64 kept;
};

/* Goes on when the group leader, whose pages these are, is a zombie. */
static void *outlive_the_leader(void *arg)
{
	struct orphan *orphan = arg;
	char byte;

	if (ms_until_used(orphan->fd, 1) < 0)
		_exit(2);
	if (every_call_refuses(orphan->fd, orphan->handles[0]))
		_exit(3);
	if (_read_page(orphan->fd, orphan->kept, 0, 1, &byte))
		_exit(4);
	/* And a thread goes on taking and giving up its own. */
	if (alloc_for_thread(orphan->fd, 0, 1, &orphan->kept) ||
	    _free_pages(orphan->fd, 1, &orphan->kept))
		_exit(5);
	_exit(0);
}

static int leader_exits(void *arg)
{
	static struct orphan orphan;
	pthread_t thread;

	orphan.fd = _open_device(O_RDWR);
	if (orphan.fd < 0 ||
	    (arg && _attach(orphan.fd, arg)) ||
	    _alloc(orphan.fd, 0, 1, &orphan.kept) ||
	    alloc_for_thread(orphan.fd, 0, PAGES, orphan.handles) ||
	    pthread_create(&thread, NULL, outlive_the_leader, &orphan))
		return 100;
	pthread_exit(NULL);
}

TEST_F(end, a_group_leaders_blocks_end_with_it_though_its_group_goes_on)
{
	EXPECT_EQ(0, in_child(leader_exits, NULL));
	EXPECT_TRUE(all_pages_are_back());
}

TEST_F(end, a_group_leaders_blocks_of_a_named_owner_too)
{
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	EXPECT_EQ(0, in_child(leader_exits, OWNER));
	EXPECT_TRUE(WAIT_UNTIL(owner_value(OWNER,
					   LABYRINTH_A_OWNER_USED) == 1));
}

/* === Many ================================================================ */

static sem_t all_hold;
static pthread_barrier_t all_go;

static void *hold_with_many(void *arg)
{
	struct holder *holder = arg;
	struct visitor visitor;

	holder->ret = alloc_for_thread(holder->fd, 0, PAGES, holder->handles);
	sem_post(&all_hold);
	pthread_barrier_wait(&all_go);
	/* Its neighbour's are not its own. */
	visitor.fd = holder->fd;
	visitor.handle = holder[1].handles[0];
	visitor.expected = -EPERM;
	if (!holder->ret && holder[1].fd && try_every_call(&visitor))
		holder->ret = -EUCLEAN;
	pthread_barrier_wait(&all_go);
	return NULL;
}

TEST_F(end, hundreds_of_threads_end)
{
	static struct holder holders[THREADS + 1];
	static pthread_t threads[THREADS];
	pthread_attr_t attr;
	__u64 handle;

	ASSERT_EQ(0, file_quota_set(self->fd, 2 * THREADS * PAGES));
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	sem_init(&all_hold, 0, 0);
	pthread_barrier_init(&all_go, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		holders[i].fd = self->fd;
	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], &attr,
					    hold_with_many, &holders[i]));
	for (int i = 0; i < THREADS; i++)
		sem_wait(&all_hold);
	EXPECT_EQ(THREADS * PAGES, used_pages(self->fd));
	pthread_barrier_wait(&all_go);
	pthread_barrier_wait(&all_go);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, holders[i].ret);
	}
	EXPECT_SOON(self->fd, 0);
	ASSERT_EQ(0, alloc_for_thread(self->fd, 0, 1, &handle));
	test_free(self->fd, 1, &handle);
}

/* Threads that come and go as fast as they can, and never free anything. */
static void *take_and_leave(void *arg)
{
	__u64 handle;

	return (void *)(long)alloc_for_thread(*(int *)arg, 0, 1, &handle);
}

TEST_F(end, a_stream_of_threads_fills_nothing)
{
	/* Three seconds of it, and longer where that was too little. */
	time_t end = now_seconds() + 3, late = end + 15;
	unsigned long served = 0, refused = 0;

	ASSERT_EQ(0, file_quota_set(self->fd, 64));
	while (now_seconds() < (served > 64 ? end : late)) {
		long ret = (long)in_thread(take_and_leave, &self->fd);

		if (ret == -EDQUOT)
			usleep(10000);
		else
			ASSERT_EQ(0, ret);
		served += !ret;
		refused += !!ret;
	}
	TH_LOG("%lu served, %lu times at the quota", served, refused);
	/* More than its quota: what had ended was given back meanwhile. */
	EXPECT_LT(64, served);
	EXPECT_SOON(self->fd, 0);
}

TEST_HARNESS_MAIN
