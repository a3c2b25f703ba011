// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quota and RLIMIT_MEMLOCK: exactly that many pages, and a refusal that says
 * which of the two it was.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>

#include "admin_util.h"

#define OWNER	"selftest.limits"
#define LIMIT	16

FIXTURE(limits) {
	int fd;
	__u64 handles[4 * LIMIT];
};

FIXTURE_SETUP(limits)
{
	owner_del(OWNER);
	self->fd = test_open_device(O_RDWR);
	ASSERT_EQ(0, open_to_all(true));
}

FIXTURE_TEARDOWN(limits)
{
	close(self->fd);
	owner_del(OWNER);
	open_to_all(false);
}

/* The pages that single requests yield, and then EDQUOT for @reason. */
static int pages_until_refused(int fd, __u64 *handles, int most, __u32 reason)
{
	struct labyrinth_alloc cmd = {
		.count = 1,
		.fallback = LABYRINTH_FALLBACK_FAIL,
	};

	for (int i = 0; i < most; i++) {
		cmd.handles = (uintptr_t)&handles[i];
		switch (_alloc_cmd(fd, &cmd)) {
		case 0:
			continue;
		case -EDQUOT:
			return cmd.out_reason == reason && !cmd.out_count ?
				i : -1;
		default:
			return -2;
		}
	}
	return -3;
}

#define EXPECT_EXACTLY(pages, fd, reason)				\
	EXPECT_EQ(pages, pages_until_refused(fd, self->handles,		\
					     ARRAY_SIZE(self->handles),	\
					     LABYRINTH_REASON_##reason))

TEST_F(limits, a_file_gets_its_quota_exactly)
{
	struct labyrinth_info info;

	ASSERT_EQ(0, file_quota_set(self->fd, LIMIT));
	test_info(self->fd, &info);
	EXPECT_EQ(LIMIT, info.out_quota);
	EXPECT_EXACTLY(LIMIT, self->fd, QUOTA);
	EXPECT_EQ(LIMIT, used_pages(self->fd));
}

TEST_F(limits, freeing_gives_the_quota_back)
{
	ASSERT_EQ(0, file_quota_set(self->fd, LIMIT));
	for (int round = 0; round < 50; round++) {
		EXPECT_EXACTLY(LIMIT, self->fd, QUOTA);
		test_free(self->fd, LIMIT, self->handles);
	}
	EXPECT_EQ(0, used_pages(self->fd));
}

TEST_F(limits, a_quota_of_one_page_is_one_page)
{
	ASSERT_EQ(0, file_quota_set(self->fd, 1));
	EXPECT_EXACTLY(1, self->fd, QUOTA);
}

TEST_F(limits, a_quota_below_what_is_held_takes_nothing_away)
{
	test_alloc(self->fd, 0, LIMIT, self->handles);
	ASSERT_EQ(0, file_quota_set(self->fd, LIMIT / 2));
	EXPECT_EQ(LIMIT, used_pages(self->fd));
	test_err_alloc(EDQUOT, self->fd, 0, 1, self->handles + LIMIT);
	test_free(self->fd, LIMIT / 2, self->handles);
	test_err_alloc(EDQUOT, self->fd, 0, 1, self->handles);
	test_free(self->fd, 1, self->handles + LIMIT / 2);
	test_alloc(self->fd, 0, 1, self->handles);
}

TEST_F(limits, who_cannot_be_told_of_the_quota_is_told_that)
{
	struct labyrinth_alloc *cmd = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ(0, file_quota_set(self->fd, 1));
	*cmd = (struct labyrinth_alloc){
		.size = sizeof(*cmd),
		.count = 2,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)self->handles,
	};
	EXPECT_EQ(-1, ioctl(self->fd, LABYRINTH_IOC_ALLOC, cmd));
	EXPECT_EQ(EDQUOT, errno);
	ASSERT_EQ(0, mprotect(cmd, page_size(), PROT_READ));
	EXPECT_EQ(-1, ioctl(self->fd, LABYRINTH_IOC_ALLOC, cmd));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, used_pages(self->fd));
}

TEST_F(limits, a_strict_request_is_bound_by_the_quota_too)
{
	ASSERT_EQ(0, file_quota_set(self->fd, 1));
	test_alloc(self->fd, 0, 1, self->handles);
	test_err_alloc(EDQUOT, self->fd, LABYRINTH_ALLOC_STRICT, 1,
		       self->handles);
}

TEST_F(limits, a_named_owner_gets_its_quota_exactly)
{
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.mode = 0600, .quota = LIMIT }));
	test_attach(self->fd, OWNER);
	EXPECT_EXACTLY(LIMIT, self->fd, QUOTA);
	EXPECT_EQ(LIMIT, owner_value(OWNER, LABYRINTH_A_OWNER_USED));
	test_free(self->fd, LIMIT, self->handles);
	EXPECT_EXACTLY(LIMIT, self->fd, QUOTA);
}

TEST_F(limits, poll_says_nothing_of_pages_beyond_the_quota)
{
	struct pollfd pollfd = { .fd = self->fd, .events = POLLOUT };

	ASSERT_EQ(0, file_quota_set(self->fd, 1));
	EXPECT_EQ(1, poll(&pollfd, 1, 0));
	test_alloc(self->fd, 0, 1, self->handles);
	EXPECT_EQ(0, poll(&pollfd, 1, 0));
	test_free(self->fd, 1, self->handles);
	EXPECT_EQ(1, poll(&pollfd, 1, 0));
}

TEST_F(limits, a_part_names_the_rung_that_served_it_and_why_there_is_no_more)
{
	struct labyrinth_alloc cmd = {
		.flags = LABYRINTH_ALLOC_PARTIAL,
		.count = 4,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)self->handles,
	};

	ASSERT_EQ(0, file_quota_set(self->fd, 2));
	test_alloc_cmd(self->fd, &cmd);
	EXPECT_EQ(2, cmd.out_count);
	EXPECT_NE(LABYRINTH_RUNG_NONE, cmd.out_rung);
	EXPECT_EQ(LABYRINTH_REASON_QUOTA, cmd.out_reason);
}

TEST_F(limits, a_refused_request_waits_for_nothing)
{
	struct labyrinth_alloc cmd = {
		.count = 1,
		.fallback = LABYRINTH_FALLBACK_WAIT,
		.handles = (uintptr_t)self->handles,
	};

	ASSERT_EQ(0, file_quota_set(self->fd, 1));
	test_alloc_cmd(self->fd, &cmd);
	/* No timeout: it would wait forever. */
	test_err_alloc_cmd(EDQUOT, self->fd, &cmd);
	EXPECT_EQ(LABYRINTH_REASON_QUOTA, cmd.out_reason);
}

/* Runs @test as nobody, with a limit of LIMIT pages. */
static int memlock_test(int (*test)(FIXTURE_DATA(limits) *),
			FIXTURE_DATA(limits) *self)
{
	pid_t pid = fork();

	if (!pid) {
		if (limit_memlock(LIMIT) || become(NOBODY, NOBODY))
			_exit(100);
		self->fd = _open_device(O_RDWR);
		_exit(self->fd < 0 ? 101 : test(self));
	}
	return reap(pid);
}

static int exactly_the_limit(FIXTURE_DATA(limits) *self)
{
	struct labyrinth_info info;

	/* What a predecessor held may be on its way back. */
	if (!WAIT_UNTIL(!_info(self->fd, &info) && !info.out_memlock_used) ||
	    info.out_memlock_limit != LIMIT)
		return 1;
	if (pages_until_refused(self->fd, self->handles, 2 * LIMIT,
				LABYRINTH_REASON_MEMLOCK) != LIMIT)
		return 2;
	if (_info(self->fd, &info) || info.out_memlock_used != LIMIT)
		return 3;
	if (_free_pages(self->fd, 1, self->handles) ||
	    _alloc(self->fd, 0, 1, self->handles))
		return 4;
	return 0;
}

TEST_F(limits, an_unprivileged_user_gets_rlimit_memlock_exactly)
{
	EXPECT_EQ(0, memlock_test(exactly_the_limit, self));
	/* And its death gives all of it back. */
	EXPECT_EQ(0, memlock_test(exactly_the_limit, self));
}

static int two_descriptors(FIXTURE_DATA(limits) *self)
{
	int other = _open_device(O_RDWR);

	if (other < 0 || _alloc(self->fd, 0, LIMIT / 2, self->handles))
		return 1;
	if (pages_until_refused(other, self->handles, 2 * LIMIT,
				LABYRINTH_REASON_MEMLOCK) != LIMIT / 2)
		return 2;
	close(self->fd);
	if (!WAIT_UNTIL(!_alloc(other, 0, LIMIT / 2, self->handles)))
		return 3;
	return 0;
}

TEST_F(limits, all_descriptors_of_a_user_share_rlimit_memlock)
{
	EXPECT_EQ(0, memlock_test(two_descriptors, self));
}

static int batch_beyond(FIXTURE_DATA(limits) *self)
{
	struct labyrinth_alloc cmd = {
		.count = LIMIT + 1,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)self->handles,
	};

	if (_alloc_cmd(self->fd, &cmd) != -EDQUOT ||
	    cmd.out_reason != LABYRINTH_REASON_MEMLOCK ||
	    used_pages(self->fd))
		return 1;
	cmd.flags = LABYRINTH_ALLOC_PARTIAL;
	if (_alloc_cmd(self->fd, &cmd) || cmd.out_count != LIMIT ||
	    used_pages(self->fd) != LIMIT)
		return 2;
	return 0;
}

TEST_F(limits, a_batch_beyond_rlimit_memlock_takes_nothing_or_a_part)
{
	EXPECT_EQ(0, memlock_test(batch_beyond, self));
}

static int a_later_limit_is_not_seen(FIXTURE_DATA(limits) *self)
{
	int later;

	if (limit_memlock(LIMIT / 2))
		return 1;
	/* As it was at open. */
	if (pages_until_refused(self->fd, self->handles, 2 * LIMIT,
				LABYRINTH_REASON_MEMLOCK) != LIMIT)
		return 2;
	later = _open_device(O_RDWR);
	return later < 0 || _alloc(later, 0, 1, self->handles) != -EDQUOT;
}

TEST_F(limits, rlimit_memlock_is_read_at_open)
{
	EXPECT_EQ(0, memlock_test(a_later_limit_is_not_seen, self));
}

static int hold_until_killed(FIXTURE_DATA(limits) *self)
{
	if (_alloc(self->fd, 0, LIMIT, self->handles))
		return 1;
	raise(SIGKILL);
	return 2;
}

TEST_F(limits, a_killed_holder_gives_its_charge_back)
{
	EXPECT_EQ(256 + SIGKILL, memlock_test(hold_until_killed, self));
	EXPECT_EQ(0, memlock_test(exactly_the_limit, self));
}

/* What @uid has charged to RLIMIT_MEMLOCK in all, as an open descriptor shows. */
static int charged_pages(void *arg)
{
	struct labyrinth_info info;
	const uid_t *uid = arg;
	int fd;

	if (become(*uid, *uid))
		return 250;
	fd = _open_device(O_RDWR);
	return fd < 0 || _info(fd, &info) ? 251 : info.out_memlock_used;
}

static int attach_as_nobody(void *arg)
{
	(void)arg;
	if (become(NOBODY, NOBODY))
		return 100;
	return -_attach(_open_device(O_RDWR), OWNER);
}

TEST_F(limits, an_owner_given_away_is_charged_to_who_attaches_it_next)
{
	uid_t root = 0, nobody = NOBODY;
	int before = in_child(charged_pages, &root);

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	test_attach(self->fd, OWNER);
	test_alloc(self->fd, 0, LIMIT, self->handles);
	EXPECT_EQ(before + LIMIT, in_child(charged_pages, &root));
	EXPECT_EQ(0, in_child(charged_pages, &nobody));
	close(self->fd);

	ASSERT_EQ(0, owner_uid_set(OWNER, NOBODY));
	/* A module can't come by another user's account before. */
	EXPECT_EQ(before + LIMIT, in_child(charged_pages, &root));
	EXPECT_EQ(0, in_child(attach_as_nobody, NULL));
	EXPECT_EQ(before, in_child(charged_pages, &root));
	EXPECT_EQ(LIMIT, in_child(charged_pages, &nobody));

	ASSERT_EQ(0, owner_del(OWNER));
	EXPECT_TRUE(WAIT_UNTIL(!in_child(charged_pages, &nobody)));
	self->fd = test_open_device(O_RDWR);
}

/* All but the answer is as it should be. */
static int attach_unanswered(void *arg)
{
	struct labyrinth_attach *cmd = arg;
	int fd;

	if (become(NOBODY, NOBODY))
		return 100;
	fd = _open_device(O_RDWR);
	if (fd < 0)
		return 101;
	cmd->size = sizeof(*cmd);
	memcpy(cmd->name, OWNER, sizeof(OWNER));
	if (mprotect(cmd, page_size(), PROT_READ))
		return 102;
	return ioctl(fd, LABYRINTH_IOC_ATTACH, cmd) ? errno : 0;
}

TEST_F(limits, an_attach_that_fails_changes_nobodys_account)
{
	uid_t root = 0, nobody = NOBODY;
	int before = in_child(charged_pages, &root);
	void *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	test_attach(self->fd, OWNER);
	test_alloc(self->fd, 0, LIMIT, self->handles);
	close(self->fd);
	ASSERT_EQ(0, owner_uid_set(OWNER, NOBODY));

	EXPECT_EQ(EFAULT, in_child(attach_unanswered, page));
	EXPECT_EQ(before + LIMIT, in_child(charged_pages, &root));
	EXPECT_EQ(0, in_child(charged_pages, &nobody));
	/* The control: one that does not fail. */
	EXPECT_TRUE(WAIT_UNTIL(!in_child(attach_as_nobody, NULL)));
	EXPECT_EQ(LIMIT, in_child(charged_pages, &nobody));
	self->fd = test_open_device(O_RDWR);
}

static int attach_as_member(void *arg)
{
	struct labyrinth_info info;
	int *held = arg, fd;
	__u64 handle;

	if (become(OTHER_USER, OTHER_GROUP))
		return 100;
	fd = _open_device(O_RDWR);
	if (_attach(fd, OWNER) || _alloc(fd, 0, 1, &handle) || _info(fd, &info))
		return 101;
	*held = info.out_memlock_used;
	return 0;
}

TEST_F(limits, until_its_user_has_attached_whoever_does_pays_for_an_owner)
{
	uid_t member = OTHER_USER, nobody = NOBODY;
	int *held = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.uid = NOBODY, .gid = OTHER_GROUP, .mode = 0660 }));
	EXPECT_EQ(0, in_child(attach_as_member, held));
	EXPECT_EQ(1, *held);
	EXPECT_EQ(1, in_child(charged_pages, &member));
	EXPECT_EQ(0, in_child(charged_pages, &nobody));
	/* From now on it is the owner's own user, whoever acts. */
	EXPECT_TRUE(WAIT_UNTIL(!in_child(attach_as_nobody, NULL)));
	EXPECT_EQ(0, in_child(charged_pages, &member));
	EXPECT_EQ(1, in_child(charged_pages, &nobody));
	EXPECT_TRUE(WAIT_UNTIL(!in_child(attach_as_member, held)));
	EXPECT_EQ(0, in_child(charged_pages, &member));
	EXPECT_EQ(2, in_child(charged_pages, &nobody));
}

#define LARGE_ORDER	9
#define LARGE_BLOCKS	16

/* Frees at once more than may wait to be wiped. */
static void *free_a_lot(void *arg)
{
	int fd = *(int *)arg;
	__u64 handles[LARGE_BLOCKS];
	struct labyrinth_alloc cmd = {
		.count = LARGE_BLOCKS,
		.order = LARGE_ORDER,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.flags = LABYRINTH_ALLOC_PARTIAL,
		.handles = (uintptr_t)handles,
	};

	if (!_alloc_cmd(fd, &cmd))
		_free_pages(fd, cmd.out_count, handles);
	return NULL;
}

TEST_F(limits, while_much_is_to_be_wiped_the_system_is_not_asked_for_more)
{
	struct labyrinth_alloc cmd = {
		.count = 1,
		.order = 1,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)self->handles,
	};
	int large = test_open_device(O_RDWR), seen = 0;
	pthread_t thread;

	ASSERT_EQ(0, file_quota_set(large, LARGE_BLOCKS << LARGE_ORDER));
	for (int round = 0; round < 100 && !seen; round++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, free_a_lot, &large));
		while (pthread_tryjoin_np(thread, NULL)) {
			int ret = _alloc_cmd(self->fd, &cmd);

			if (!ret) {
				test_free(self->fd, 1, self->handles);
				continue;
			}
			EXPECT_EQ(-ENOMEM, ret);
			EXPECT_EQ(LABYRINTH_RUNG_BUDDY, cmd.out_rung);
			seen += cmd.out_reason == LABYRINTH_REASON_SOILED;
		}
	}
	EXPECT_LT(0, seen);
	close(large);
	/* And then it is asked again. */
	EXPECT_TRUE(WAIT_UNTIL(!_alloc_cmd(self->fd, &cmd)));
}

#define CLOSERS		2
#define CLOSING_SECONDS	6

/* What is freed is charged to nobody, so here a limit of LIMIT pages is none. */
static int open_take_and_close(FIXTURE_DATA(limits) *self)
{
	time_t end = now_seconds() + CLOSING_SECONDS;

	while (now_seconds() < end) {
		_alloc(self->fd, LABYRINTH_ALLOC_STRICT |
				 LABYRINTH_ALLOC_PARTIAL, LIMIT / CLOSERS,
		       self->handles);
		close(self->fd);
		self->fd = _open_device(O_RDWR);
		if (self->fd < 0)
			return 1;
	}
	return 0;
}

static int closer(void *arg)
{
	return memlock_test(open_take_and_close, arg);
}

TEST_F(limits, closing_faster_than_is_wiped_parks_no_memory)
{
	time_t end = now_seconds() + CLOSING_SECONDS;
	struct books books;
	pid_t pids[CLOSERS];
	__u64 before, most = 0;

	ASSERT_TRUE(all_pages_are_back());
	ASSERT_EQ(0, books_get(&books));
	before = books.taken;
	for (int i = 0; i < CLOSERS; i++)
		pids[i] = spawn(closer, self);
	while (now_seconds() < end) {
		ASSERT_EQ(0, books_get(&books));
		most = books.taken > most ? books.taken : most;
		usleep(1000);
	}
	for (int i = 0; i < CLOSERS; i++)
		EXPECT_EQ(0, reap(pids[i]));
	/* What may wait to be wiped, and what a round of the refill fetches. */
	EXPECT_GT(before + 8192, most) {
		TH_LOG("%llu pages before, up to %llu", before, most);
	}
}

TEST_F(limits, cap_ipc_lock_lifts_rlimit_memlock)
{
	struct labyrinth_info info;

	ASSERT_EQ(0, limit_memlock(0));
	close(self->fd);
	self->fd = test_open_device(O_RDWR);
	test_info(self->fd, &info);
	EXPECT_EQ(LABYRINTH_UNLIMITED, info.out_memlock_limit);
	test_alloc(self->fd, 0, LIMIT, self->handles);
}

TEST_HARNESS_MAIN
