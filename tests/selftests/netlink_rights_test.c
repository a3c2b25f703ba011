// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may: administration needs CAP_SYS_ADMIN of the sender and of whoever
 * opened the socket, and other users' owners and pages are not there for those
 * who lack it.
 */
#include <sched.h>

#include "admin_util.h"
#include "fd_passing.h"

#define OWNER	"selftest.rights"
#define THEIRS	"selftest.rights2"
#define NEW	"selftest.rights3"

FIXTURE(rights) {
	struct books before;
	int fd;			/* root's, with a page */
	__u64 handle;
	__u32 owner;
};

FIXTURE_SETUP(rights)
{
	struct labyrinth_info info;

	owner_del(OWNER);
	owner_del(THEIRS);
	owner_del(NEW);
	ASSERT_EQ(0, open_to_all(true));
	ASSERT_EQ(0, books_get(&self->before));
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0777 }));
	ASSERT_EQ(0, owner_add(THEIRS, (struct owner_options){
		.uid = NOBODY, .gid = NOBODY, .mode = 0600 }));
	self->fd = test_open_device(O_RDWR);
	test_alloc(self->fd, 0, 1, &self->handle);
	test_info(self->fd, &info);
	self->owner = info.out_owner;
}

FIXTURE_TEARDOWN(rights)
{
	close(self->fd);
	owner_del(OWNER);
	owner_del(THEIRS);
	owner_del(NEW);
	open_to_all(false);
}

static struct nl_message msg;

/* 0 if each operation that changes something is refused, else its number. */
static int every_change_is_refused(struct nl *nl)
{
	static const int commands[] = {
		LABYRINTH_CMD_RESERVE_SET, LABYRINTH_CMD_OWNER_ADD,
		LABYRINTH_CMD_OWNER_DEL, LABYRINTH_CMD_OWNER_SET,
		LABYRINTH_CMD_VERIFY, LABYRINTH_CMD_LATENCY_SET,
		LABYRINTH_CMD_REVOKE,
	};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		int command = commands[i];

		nl_start(nl, &msg, command, 0);
		switch (command) {
		case LABYRINTH_CMD_RESERVE_SET:
			nl_put_u64(&msg, LABYRINTH_A_RESERVE_LOW, 0);
			break;
		case LABYRINTH_CMD_OWNER_ADD:
			nl_put_string(&msg, LABYRINTH_A_OWNER_NAME, NEW);
			break;
		case LABYRINTH_CMD_OWNER_SET:
			nl_put_u64(&msg, LABYRINTH_A_OWNER_QUOTA, 1);
			__attribute__((fallthrough));
		case LABYRINTH_CMD_OWNER_DEL:
		case LABYRINTH_CMD_REVOKE:
			/* Its own one, at that. */
			nl_put_string(&msg, LABYRINTH_A_OWNER_NAME, THEIRS);
			break;
		}
		if (nl_call(nl, &msg) != -EPERM || !msg.text[0])
			return command;
	}
	return 0;
}

static int nobody_changes(void *arg)
{
	struct nl nl;

	(void)arg;
	if (become(NOBODY, NOBODY) || nl_open(&nl))
		return 100;
	return every_change_is_refused(&nl);
}

static void nothing_changed(struct __test_metadata *_metadata,
			    FIXTURE_DATA(rights) *self)
{
	struct books books;

	ASSERT_EQ(0, books_get(&books));
	EXPECT_EQ(self->before.low, books.low);
	EXPECT_EQ(NL_ABSENT, owner_value(NEW, LABYRINTH_A_OWNER_ID));
	EXPECT_LT(1, owner_value(THEIRS, LABYRINTH_A_OWNER_QUOTA));
	EXPECT_NE(NL_ABSENT, owner_value(THEIRS, LABYRINTH_A_OWNER_ID));
}

TEST_F(rights, nobody_may_not_administrate)
{
	EXPECT_EQ(0, in_child(nobody_changes, NULL));
	nothing_changed(_metadata, self);
}

static int with_roots_socket(void *arg)
{
	return become(NOBODY, NOBODY) ? 100 : every_change_is_refused(arg);
}

TEST_F(rights, a_socket_that_root_opened_gives_nobody_no_rights)
{
	struct nl nl;

	ASSERT_EQ(0, nl_open(&nl));
	EXPECT_EQ(0, in_child(with_roots_socket, &nl));
	nl_close(&nl);
	nothing_changed(_metadata, self);
}

/* Opened as nobody, and sent to root: who was fooled into using it. */
static int open_as_nobody(void *arg)
{
	struct nl nl;

	if (become(NOBODY, NOBODY) || nl_open(&nl))
		return 100;
	return send_fd(*(int *)arg, nl.fd) ? 101 : 0;
}

TEST_F(rights, a_socket_that_nobody_opened_takes_roots_rights_away)
{
	int sockets[2];
	struct nl nl;

	ASSERT_EQ(0, nl_open(&nl));	/* for the family's number */
	nl_close(&nl);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	EXPECT_EQ(0, in_child(open_as_nobody, &sockets[1]));
	nl.fd = receive_fd(sockets[0]);
	ASSERT_LE(0, nl.fd);
	nl.sequence = 1000;
	EXPECT_EQ(0, every_change_is_refused(&nl));
	nl_close(&nl);
	nothing_changed(_metadata, self);
}

static int root_of_a_user_namespace(void *arg)
{
	struct nl nl;

	(void)arg;
	if (become(NOBODY, NOBODY))
		return 100;
	if (unshare(CLONE_NEWUSER))
		return errno == EPERM ? KSFT_SKIP : 101;
	if (nl_open(&nl))
		return 102;
	return every_change_is_refused(&nl) ? 103 : 0;
}

TEST_F(rights, root_of_a_user_namespace_may_not_administrate)
{
	int ret = in_child(root_of_a_user_namespace, NULL);

	if (ret == KSFT_SKIP)
		SKIP(return, "this kernel lets nobody make no user namespace");
	EXPECT_EQ(0, ret);
	nothing_changed(_metadata, self);
}

/* === What is seen ======================================================== */

struct seen {
	int own;	/* owners or pages of nobody's */
	int others;
};

static int see_owner(const struct nlmsghdr *nlh, void *arg)
{
	struct seen *seen = arg;

	if (nl_get(nlh, LABYRINTH_A_OWNER_UID) == NOBODY)
		seen->own++;
	else
		seen->others++;
	return 0;
}

static int nobody_lists_owners(void *arg)
{
	struct seen seen = {};
	struct nl nl;
	int fd;

	(void)arg;
	if (become(NOBODY, NOBODY) || nl_open(&nl))
		return 100;
	fd = _open_device(O_RDWR);
	if (fd < 0)
		return 101;
	nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_GET, NLM_F_DUMP);
	if (nl_run(&nl, &msg, see_owner, &seen))
		return 102;
	/* The descriptor's and THEIRS. */
	if (seen.others || seen.own != 2)
		return 103;
	return 0;
}

TEST_F(rights, nobody_sees_its_own_owners_in_a_dump_and_no_others)
{
	struct seen seen = {};
	struct nl nl;

	EXPECT_EQ(0, in_child(nobody_lists_owners, NULL));
	ASSERT_EQ(0, nl_open(&nl));
	nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_GET, NLM_F_DUMP);
	ASSERT_EQ(0, nl_run(&nl, &msg, see_owner, &seen));
	EXPECT_EQ(1, seen.own);
	EXPECT_LE(2, seen.others);
	nl_close(&nl);
}

static int nobody_asks_for_owners(void *arg)
{
	FIXTURE_DATA(rights) *self = arg;
	struct nl nl;

	if (become(NOBODY, NOBODY) || nl_open(&nl))
		return 100;
	nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_GET, 0);
	nl_put_string(&msg, LABYRINTH_A_OWNER_NAME, OWNER);
	if (nl_call(&nl, &msg) != -ENOENT)
		return 101;
	nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_GET, 0);
	nl_put_u32(&msg, LABYRINTH_A_OWNER_ID, self->owner);
	if (nl_call(&nl, &msg) != -ENOENT)
		return 102;
	nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_GET, 0);
	nl_put_string(&msg, LABYRINTH_A_OWNER_NAME, THEIRS);
	return nl_call(&nl, &msg) ? 103 : 0;
}

TEST_F(rights, another_users_owner_is_not_there_for_nobody)
{
	EXPECT_EQ(0, in_child(nobody_asks_for_owners, self));
}

struct page_dump {
	__u64 owner;
	int own;
	int others;
	int with_address;
};

static int see_page(const struct nlmsghdr *nlh, void *arg)
{
	struct page_dump *dump = arg;

	if (nl_get(nlh, LABYRINTH_A_PAGE_OWNER) == dump->owner)
		dump->own++;
	else
		dump->others++;
	if (nl_find(nlh, LABYRINTH_A_PAGE_PHYS))
		dump->with_address++;
	return 0;
}

static int nobody_asks_for_pages(void *arg)
{
	FIXTURE_DATA(rights) *self = arg;
	struct page_dump dump = {};
	struct labyrinth_info info;
	__u64 handles[3];
	struct nl nl;
	int fd;

	if (become(NOBODY, NOBODY) || nl_open(&nl))
		return 100;
	fd = _open_device(O_RDWR);
	if (fd < 0 || _alloc(fd, 0, 3, handles) || _info(fd, &info))
		return 101;
	dump.owner = info.out_owner;

	nl_start(&nl, &msg, LABYRINTH_CMD_PAGE_GET, NLM_F_DUMP);
	if (nl_run(&nl, &msg, see_page, &dump) || dump.own != 3 ||
	    dump.others || dump.with_address)
		return 102;
	nl_start(&nl, &msg, LABYRINTH_CMD_PAGE_GET, NLM_F_DUMP);
	nl_put_u32(&msg, LABYRINTH_A_PAGE_OWNER, self->owner);
	dump.own = 0;
	/* Absent, or an empty list: in no case root's. */
	nl_run(&nl, &msg, see_page, &dump);
	if (dump.own || dump.others)
		return 103;
	nl_start(&nl, &msg, LABYRINTH_CMD_PAGE_GET, 0);
	nl_put_u64(&msg, LABYRINTH_A_PAGE_HANDLE, self->handle);
	if (nl_call(&nl, &msg) != -ENOENT)
		return 104;
	nl_start(&nl, &msg, LABYRINTH_CMD_PAGE_GET, 0);
	nl_put_u64(&msg, LABYRINTH_A_PAGE_HANDLE, handles[0]);
	if (nl_call(&nl, &msg) ||
	    nl_find(nl_reply(&msg), LABYRINTH_A_PAGE_PHYS))
		return 105;
	return 0;
}

TEST_F(rights, another_users_page_is_not_there_for_nobody)
{
	EXPECT_EQ(0, in_child(nobody_asks_for_pages, self));
}

static int nobody_looks_around(void *arg)
{
	struct nl nl;

	(void)arg;
	if (become(NOBODY, NOBODY) || nl_open(&nl))
		return 100;
	nl_start(&nl, &msg, LABYRINTH_CMD_INFO_GET, 0);
	if (nl_call(&nl, &msg))
		return 101;
	nl_start(&nl, &msg, LABYRINTH_CMD_STATS_GET, 0);
	return nl_call(&nl, &msg) ? 102 : 0;
}

TEST_F(rights, everybody_may_ask_for_info_and_stats)
{
	EXPECT_EQ(0, in_child(nobody_looks_around, NULL));
}

TEST_HARNESS_MAIN
