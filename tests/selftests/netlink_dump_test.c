// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dumps: complete however many messages they take, each entry once, and sound
 * while owners and pages come and go.
 */
#include <sys/utsname.h>
#include "admin_util.h"

#define OWNER	"selftest.dump"
#define MANY	100000
#define BATCH	4096
#define OWNERS	300

FIXTURE(dump) {
	struct nl nl;
	struct nl_message msg;
	struct books before;
};

FIXTURE_SETUP(dump)
{
	owner_del(OWNER);
	ASSERT_TRUE(all_pages_are_back());
	ASSERT_EQ(0, books_get(&self->before));
	ASSERT_EQ(0, nl_open(&self->nl));
}

FIXTURE_TEARDOWN(dump)
{
	nl_close(&self->nl);
	owner_del(OWNER);
}

struct count {
	__u64 owner;	/* only this one's are counted */
	__u64 tag;	/* sum of their tags */
	__u64 last;	/* handle */
	__u32 entries;
	__u32 messages;	/* of any owner */
	__u32 wrong;
	bool interrupted;
};

static int count_page(const struct nlmsghdr *nlh, void *arg)
{
	struct count *count = arg;
	__u64 handle = nl_get(nlh, LABYRINTH_A_PAGE_HANDLE);

	count->messages++;
	if (nl_get(nlh, LABYRINTH_A_PAGE_OWNER) != count->owner)
		return 0;
	count->entries++;
	count->tag += nl_get(nlh, LABYRINTH_A_PAGE_TAG);
	if (handle == count->last || handle == NL_ABSENT ||
	    nl_get(nlh, LABYRINTH_A_PAGE_ORDER) ||
	    nl_get(nlh, LABYRINTH_A_PAGE_STATE) != LABYRINTH_PAGE_OWNED)
		count->wrong++;
	count->last = handle;
	return 0;
}

static int count_owner(const struct nlmsghdr *nlh, void *arg)
{
	struct count *count = arg;

	count->messages++;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		count->interrupted = true;
	if (nl_get(nlh, LABYRINTH_A_OWNER_PID) == (__u64)getpid())
		count->entries++;
	if (nl_get(nlh, LABYRINTH_A_OWNER_ID) == NL_ABSENT ||
	    nl_get(nlh, LABYRINTH_A_OWNER_KIND) == NL_ABSENT)
		count->wrong++;
	return 0;
}

static void start_pages(FIXTURE_DATA(dump) *self, __u32 owner)
{
	nl_start(&self->nl, &self->msg, LABYRINTH_CMD_PAGE_GET, NLM_F_DUMP);
	if (owner)
		nl_put_u32(&self->msg, LABYRINTH_A_PAGE_OWNER, owner);
}

/* @count pages with the tags 0, 1, 2 and so on. */
static int take_many(int fd, __u32 count)
{
	static __u64 handles[BATCH];

	for (__u32 done = 0; done < count;) {
		struct labyrinth_alloc cmd = {
			.count = count - done < BATCH ? count - done : BATCH,
			.fallback = LABYRINTH_FALLBACK_FAIL,
			.tag = done,
			.handles = (uintptr_t)handles,
		};
		int ret = _alloc_cmd(fd, &cmd);

		if (ret)
			return ret;
		done += cmd.count;
	}
	return 0;
}

TEST_F(dump, of_nobodys_pages_is_refused)
{
	struct count count = {};

	nl_start(&self->nl, &self->msg, LABYRINTH_CMD_PAGE_GET, NLM_F_DUMP);
	nl_put_u32(&self->msg, LABYRINTH_A_PAGE_OWNER, 0);
	EXPECT_EQ(-EINVAL, nl_run(&self->nl, &self->msg, count_page, &count));
	EXPECT_EQ(0, count.messages);
}

TEST_F(dump, a_dump_of_100000_owned_pages_is_complete)
{
	__u64 free_pages = sysconf(_SC_AVPHYS_PAGES);
	struct count count = {};
	struct labyrinth_info info;
	int fd;

	if (self->before.vacant < MANY)
		SKIP(return, "%llu slots are vacant of %u: load with more",
		     self->before.vacant, MANY);
	if (free_pages < MANY + MANY / 4)
		SKIP(return, "%llu pages of memory are free, %u are needed",
		     free_pages, MANY + MANY / 4);
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.mode = 0600, .quota = MANY }));
	fd = test_open_device(O_RDWR);
	test_attach(fd, OWNER);
	test_info(fd, &info);
	ASSERT_EQ(0, take_many(fd, MANY));

	count.owner = info.out_owner;
	start_pages(self, info.out_owner);
	ASSERT_EQ(0, nl_run(&self->nl, &self->msg, count_page, &count));
	EXPECT_EQ(MANY, count.entries);
	EXPECT_EQ(MANY, count.messages);
	EXPECT_EQ((__u64)MANY * (MANY - 1) / 2, count.tag);
	EXPECT_EQ(0, count.wrong);

	/* Among everybody's, too. */
	count = (struct count){ .owner = info.out_owner };
	start_pages(self, 0);
	ASSERT_EQ(0, nl_run(&self->nl, &self->msg, count_page, &count));
	EXPECT_EQ(MANY, count.entries);
	EXPECT_EQ(MANY, owner_value(OWNER, LABYRINTH_A_OWNER_USED));
	close(fd);
}

TEST_F(dump, a_dump_names_the_pages_of_one_owner_only)
{
	int fd = test_open_device(O_RDWR), other = test_open_device(O_RDWR);
	struct count count = {};
	struct labyrinth_info info;

	ASSERT_EQ(0, take_many(fd, 500));
	ASSERT_EQ(0, take_many(other, 7));
	test_info(fd, &info);
	count.owner = info.out_owner;
	start_pages(self, info.out_owner);
	ASSERT_EQ(0, nl_run(&self->nl, &self->msg, count_page, &count));
	EXPECT_EQ(500, count.entries);
	EXPECT_EQ(500, count.messages);
	EXPECT_EQ(500 * 499 / 2, count.tag);
	close(fd);
	close(other);
}

/* 6.1's generic netlink gives a dump's start no extack to write to. */
static bool dumps_have_extack(void)
{
	struct utsname name;

	return uname(&name) || strncmp(name.release, "6.1.", 4);
}

TEST_F(dump, a_dump_takes_an_owner_and_nothing_else)
{
	start_pages(self, 0);
	nl_put_u64(&self->msg, LABYRINTH_A_PAGE_HANDLE, 1);
	EXPECT_EQ(-EINVAL, nl_call(&self->nl, &self->msg));
	if (dumps_have_extack())
		EXPECT_STRNE("", self->msg.text);

	nl_start(&self->nl, &self->msg, LABYRINTH_CMD_OWNER_GET, NLM_F_DUMP);
	nl_put_u32(&self->msg, LABYRINTH_A_OWNER_ID, 1);
	EXPECT_EQ(-EINVAL, nl_call(&self->nl, &self->msg));
	if (dumps_have_extack())
		EXPECT_STRNE("", self->msg.text);
}

TEST_F(dump, a_dump_lists_every_owner_once)
{
	struct count count = {};
	struct labyrinth_info info;
	int fds[OWNERS];

	for (int i = 0; i < OWNERS; i++)
		fds[i] = test_open_device(O_RDWR);
	nl_start(&self->nl, &self->msg, LABYRINTH_CMD_OWNER_GET, NLM_F_DUMP);
	ASSERT_EQ(0, nl_run(&self->nl, &self->msg, count_owner, &count));
	EXPECT_EQ(OWNERS, count.entries);
	EXPECT_EQ(0, count.wrong);
	EXPECT_FALSE(count.interrupted);
	for (int i = 0; i < OWNERS; i++) {
		test_info(fds[i], &info);
		close(fds[i]);
	}
}

/* A dump that nobody reads on, and another that has been begun since. */
TEST_F(dump, a_dump_that_is_left_alone_does_no_harm)
{
	int fd = test_open_device(O_RDWR);

	ASSERT_EQ(0, take_many(fd, BATCH));
	for (int i = 0; i < 20; i++) {
		struct nlmsghdr *nlh;
		struct nl nl;

		ASSERT_EQ(0, nl_open(&nl));
		nl_start(&nl, &self->msg, LABYRINTH_CMD_PAGE_GET, NLM_F_DUMP);
		nlh = nl_request(&self->msg);
		ASSERT_EQ((ssize_t)nlh->nlmsg_len,
			  send(nl.fd, nlh, nlh->nlmsg_len, 0));
		/* While one is under way, a second is refused. */
		if (i % 2) {
			ASSERT_EQ((ssize_t)nlh->nlmsg_len,
				  send(nl.fd, nlh, nlh->nlmsg_len, 0));
		}
		nl_close(&nl);
	}
	close(fd);
}

/* Opens, takes, frees and closes until its parent's end of the pipe closes. */
static int churn(void *arg)
{
	int pipefd = *(int *)arg;
	__u64 handles[16];
	char byte;

	fcntl(pipefd, F_SETFL, O_NONBLOCK);
	while (read(pipefd, &byte, 1) != 0) {
		int fd = _open_device(O_RDWR);
		int ret = fd < 0 ? fd : _alloc(fd, 0, 16, handles);

		/* It frees faster than can be wiped, and may have to wait. */
		if (!ret)
			ret = _free_pages(fd, 8, handles);
		if (ret && ret != -ENOMEM)
			return 100;
		close(fd);
	}
	return 0;
}

TEST_F(dump, each_entry_is_sound_while_owners_and_pages_come_and_go)
{
	struct count owners = {}, pages = {};
	struct labyrinth_info info;
	int pipefd[2], fd;
	pid_t pid;

	ASSERT_EQ(0, pipe(pipefd));
	pid = fork();
	if (!pid) {
		close(pipefd[1]);
		_exit(churn(&pipefd[0]));
	}
	close(pipefd[0]);
	fd = test_open_device(O_RDWR);
	ASSERT_EQ(0, take_many(fd, 1000));
	test_info(fd, &info);
	pages.owner = info.out_owner;
	for (int i = 0; i < 50; i++) {
		owners.entries = 0;
		nl_start(&self->nl, &self->msg, LABYRINTH_CMD_OWNER_GET,
			 NLM_F_DUMP);
		ASSERT_EQ(0, nl_run(&self->nl, &self->msg, count_owner,
				    &owners));
		ASSERT_EQ(1, owners.entries);
		pages.entries = 0;
		pages.tag = 0;
		start_pages(self, 0);
		ASSERT_EQ(0, nl_run(&self->nl, &self->msg, count_page,
				    &pages));
		/* Who does not change is listed whole. */
		ASSERT_EQ(1000, pages.entries);
		ASSERT_EQ(1000 * 999 / 2, pages.tag);
	}
	EXPECT_EQ(0, owners.wrong);
	EXPECT_EQ(0, pages.wrong);
	close(pipefd[1]);
	EXPECT_EQ(0, reap(pid));
	close(fd);
}

TEST_HARNESS_MAIN
