// SPDX-License-Identifier: GPL-2.0-only
/*
 * GIVE: who may give to whom, and how a receiver is named.
 */
#include <sys/socket.h>

#include "admin_util.h"

#define OWNER	"selftest.give"

FIXTURE(rights) {
	int giver;
	int taker;		/* accepts any */
	__u32 to;		/* its number */
	__u64 handles[2];
};

FIXTURE_SETUP(rights)
{
	owner_del(OWNER);
	ASSERT_TRUE(all_pages_are_back());
	ASSERT_EQ(0, open_to_all(true));
	self->giver = test_open_device(O_RDWR);
	self->taker = test_open_device(O_RDWR);
	self->to = owner_number(self->taker);
	test_accept(self->taker, LABYRINTH_ACCEPT_ANY, 0);
}

FIXTURE_TEARDOWN(rights)
{
	close(self->giver);
	close(self->taker);
	owner_del(OWNER);
	open_to_all(false);
}

static struct labyrinth_give give_of(FIXTURE_DATA(rights) *self, __u32 count)
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

/* === Users =============================================================== */

struct giver {
	uid_t uid;
	__u32 to;		/* 0: OWNER */
};

/* 0, the errno of a refusal that says why and changed nothing, or above 200. */
static int give_as(void *arg)
{
	const struct giver *giver = arg;
	struct labyrinth_give cmd = { .count = 1, .to = giver->to };
	__u64 handle;
	int fd, ret;

	if (giver->uid && become(giver->uid, giver->uid))
		return 201;
	fd = _open_device(O_RDWR);
	cmd.handles = (uintptr_t)&handle;
	if (!giver->to)
		memcpy(cmd.name, OWNER, sizeof(OWNER));
	if (fd < 0 || _alloc(fd, 0, 1, &handle) ||
	    put_pattern(fd, handle, page_size(), 7))
		return 202;
	ret = _give_cmd(fd, &cmd);
	if (!ret)
		return used_pages(fd) ? 203 : 0;
	if (used_pages(fd) != 1 || check_pattern(fd, handle, page_size(), 7))
		return 204;
	if (ret == -EACCES && (cmd.out_reason != LABYRINTH_REASON_REFUSED ||
			       cmd.out_bad != 1))
		return 205;
	return -ret;
}

static int expected_for(uid_t giver, uid_t taker, __u32 accept)
{
	bool accepts = accept == LABYRINTH_ACCEPT_ANY ||
		       (accept == LABYRINTH_ACCEPT_UID && giver == taker);
	/* Those of others that do not want anything are not there. */
	int refusal = giver == taker ? EACCES : ESRCH;

	return accepts ? 0 : refusal;
}

static const uid_t users[] = { 0, NOBODY, OTHER_USER };

TEST_F(rights, a_named_owner_takes_from_whom_it_accepts)
{
	for (size_t t = 0; t < ARRAY_SIZE(users); t++) {
		for (__u32 accept = 0; accept <= LABYRINTH_ACCEPT_ANY;
		     accept++) {
			ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
				.uid = users[t], .mode = 0600,
				.accept = accept, .inbox = 8 }));
			for (size_t g = 0; g < ARRAY_SIZE(users); g++) {
				struct giver giver = { .uid = users[g] };

				EXPECT_EQ(expected_for(users[g], users[t],
						       accept),
					  in_child(give_as, &giver)) {
					TH_LOG("user %d to %d, accept %u",
					       users[g], users[t], accept);
				}
			}
			ASSERT_EQ(0, owner_del(OWNER));
		}
	}
}

struct taker {
	uid_t uid;
	__u32 accept;
	int socket;
};

/* A file's owner of that user, there until told otherwise. */
static int take_as(void *arg)
{
	const struct taker *taker = arg;
	__u32 number;
	int fd;

	if (taker->uid && become(taker->uid, taker->uid))
		return 201;
	fd = _open_device(O_RDWR);
	if (fd < 0 || _accept(fd, taker->accept, 8))
		return 202;
	number = owner_number(fd);
	if (write(taker->socket, &number, sizeof(number)) != sizeof(number))
		return 203;
	return await_peer(taker->socket) ? 204 : (int)used_pages(fd);
}

TEST_F(rights, a_file_takes_from_whom_it_accepts)
{
	for (size_t t = 0; t < ARRAY_SIZE(users); t++) {
		for (__u32 accept = 0; accept <= LABYRINTH_ACCEPT_ANY;
		     accept++) {
			struct taker taker = { users[t], accept, -1 };
			int sockets[2], given = 0;
			struct giver giver;
			pid_t pid;

			ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0,
						sockets));
			taker.socket = sockets[1];
			pid = spawn(take_as, &taker);
			ASSERT_EQ(sizeof(giver.to),
				  (size_t)read(sockets[0], &giver.to,
					       sizeof(giver.to)));
			for (size_t g = 0; g < ARRAY_SIZE(users); g++) {
				int expected = expected_for(users[g], users[t],
							    accept);

				giver.uid = users[g];
				given += !expected;
				EXPECT_EQ(expected, in_child(give_as, &giver)) {
					TH_LOG("user %d to %d, accept %u",
					       users[g], users[t], accept);
				}
			}
			ASSERT_EQ(0, signal_peer(sockets[0]));
			EXPECT_EQ(given, reap(pid));
			close(sockets[0]);
			close(sockets[1]);
		}
	}
}

/* === How a receiver is named ============================================= */

TEST_F(rights, an_owner_that_is_not_there_is_told)
{
	const __u32 unknown[] = { 0x7fffffff, 0xffffffff, 1U << 20, 0xfffff };
	struct labyrinth_give cmd = give_of(self, 2);
	__u32 closed;

	test_alloc(self->giver, 0, 2, self->handles);
	cmd.to = unknown[0];
	test_err_give_cmd(ESRCH, self->giver, &cmd);
	EXPECT_EQ(2, cmd.out_bad);
	EXPECT_EQ(LABYRINTH_REASON_NONE, cmd.out_reason);
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		test_err_give(ESRCH, self->giver, unknown[i], 2, self->handles);
	test_err_give_name(ESRCH, self->giver, OWNER, 2, self->handles);

	close(self->taker);
	closed = self->to;
	self->taker = test_open_device(O_RDWR);
	test_err_give(ESRCH, self->giver, closed, 2, self->handles);
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.mode = 0600, .accept = LABYRINTH_ACCEPT_ANY }));
	ASSERT_EQ(0, owner_del(OWNER));
	test_err_give_name(ESRCH, self->giver, OWNER, 2, self->handles);
	EXPECT_TRUE(still_has(self->giver, self->handles, 2));
}

TEST_F(rights, nobody_gives_to_oneself)
{
	test_accept(self->giver, LABYRINTH_ACCEPT_ANY, 0);
	test_alloc(self->giver, 0, 1, self->handles);
	test_err_give(EINVAL, self->giver, owner_number(self->giver), 1,
		      self->handles);
	EXPECT_TRUE(still_has(self->giver, self->handles, 1));
	test_free(self->giver, 1, self->handles);

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.mode = 0600, .accept = LABYRINTH_ACCEPT_ANY }));
	test_attach(self->giver, OWNER);
	test_alloc(self->giver, 0, 1, self->handles);
	test_err_give_name(EINVAL, self->giver, OWNER, 1, self->handles);
	test_err_give(EINVAL, self->giver, owner_number(self->giver), 1,
		      self->handles);
	EXPECT_TRUE(still_has(self->giver, self->handles, 1));
}

TEST_F(rights, a_receiver_is_named_in_one_way)
{
	struct labyrinth_give cmd = give_of(self, 1);

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.mode = 0600, .accept = LABYRINTH_ACCEPT_ANY }));
	test_alloc(self->giver, 0, 1, self->handles);

	memcpy(cmd.name, OWNER, sizeof(OWNER));
	test_err_give_cmd(EINVAL, self->giver, &cmd);
	memset(cmd.name, 0, sizeof(cmd.name));
	cmd.name[LABYRINTH_NAME_SIZE - 1] = 'x';
	test_err_give_cmd(EINVAL, self->giver, &cmd);
	memset(cmd.name, 0, sizeof(cmd.name));
	cmd.to = 0;
	test_err_give_cmd(EINVAL, self->giver, &cmd);
	memset(cmd.name, 'a', sizeof(cmd.name));
	test_err_give_cmd(EINVAL, self->giver, &cmd);
	memset(cmd.name, 0, sizeof(cmd.name));
	memcpy(cmd.name, "a b", 4);
	test_err_give_cmd(EINVAL, self->giver, &cmd);
	EXPECT_TRUE(still_has(self->giver, self->handles, 1));
	EXPECT_EQ(0, used_pages(self->taker));
}

TEST_F(rights, a_file_that_takes_no_more_keeps_what_waits)
{
	struct labyrinth_give cmd = give_of(self, 1);
	__u64 got;

	test_alloc(self->giver, 0, 2, self->handles);
	test_give(self->giver, self->to, 1, self->handles + 1);
	test_accept(self->taker, LABYRINTH_ACCEPT_NONE, 0);
	/* The same user's, so it is there. */
	test_err_give_cmd(EACCES, self->giver, &cmd);
	EXPECT_EQ(1, cmd.out_bad);
	EXPECT_EQ(LABYRINTH_REASON_REFUSED, cmd.out_reason);
	EXPECT_TRUE(still_has(self->giver, self->handles, 1));
	test_take(self->taker, 1, &got);
	test_accept(self->taker, LABYRINTH_ACCEPT_UID, 0);
	test_give_cmd(self->giver, &cmd);
}

TEST_F(rights, acceptance_of_a_named_owner_is_its_administrators)
{
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	test_attach(self->giver, OWNER);
	test_err_accept(EOPNOTSUPP, self->giver, LABYRINTH_ACCEPT_ANY, 0);
	test_err_accept(EOPNOTSUPP, self->giver, LABYRINTH_ACCEPT_NONE, 1);
	EXPECT_EQ(LABYRINTH_ACCEPT_NONE,
		  owner_value(OWNER, LABYRINTH_A_OWNER_ACCEPT));
	EXPECT_EQ(NL_ABSENT, owner_value(OWNER, LABYRINTH_A_OWNER_INBOX));
}

TEST_HARNESS_MAIN
