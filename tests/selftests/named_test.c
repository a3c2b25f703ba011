// SPDX-License-Identifier: GPL-2.0-only
/*
 * Named owners: who may attach, one at a time, and what outlives the process.
 */
#include <poll.h>

#include "admin_util.h"

#define OWNER	"selftest.named"
#define OTHER	"selftest.other"

FIXTURE(named) {
	int fd;
	__u64 handle;
};

FIXTURE_SETUP(named)
{
	owner_del(OWNER);
	owner_del(OTHER);
	ASSERT_TRUE(all_pages_are_back());
	ASSERT_EQ(0, open_to_all(true));
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.uid = NOBODY, .gid = OTHER_GROUP, .mode = 0600 }));
	self->fd = test_open_device(O_RDWR);
}

FIXTURE_TEARDOWN(named)
{
	close(self->fd);
	owner_del(OWNER);
	owner_del(OTHER);
	open_to_all(false);
}

TEST_F(named, an_attached_descriptor_acts_as_the_owner)
{
	struct labyrinth_attach cmd = { .name = OWNER };
	struct labyrinth_info before, info;

	test_info(self->fd, &before);
	ASSERT_EQ(0, _attach_cmd(self->fd, &cmd));
	test_info(self->fd, &info);
	EXPECT_NE(before.out_owner, info.out_owner);
	EXPECT_EQ(cmd.out_owner, info.out_owner);
	EXPECT_EQ(owner_value(OWNER, LABYRINTH_A_OWNER_ID), info.out_owner);
	EXPECT_EQ(LABYRINTH_OWNER_NAMED, info.out_kind);
	EXPECT_EQ(0, info.out_used);
	EXPECT_EQ(1, owner_value(OWNER, LABYRINTH_A_OWNER_ATTACHED));
	EXPECT_EQ(getpid(), owner_value(OWNER, LABYRINTH_A_OWNER_PID));
	test_alloc(self->fd, 0, 1, &self->handle);
	EXPECT_EQ(1, owner_value(OWNER, LABYRINTH_A_OWNER_USED));
}

TEST_F(named, close_detaches_and_keeps_pages_contents_and_handles)
{
	struct labyrinth_query query;
	char text[6] = "kept!";
	__u64 handles[3];

	test_attach(self->fd, OWNER);
	test_alloc(self->fd, 0, 3, handles);
	test_write(self->fd, handles[1], 7, sizeof(text), text);
	test_set(self->fd, LABYRINTH_SET_TAG, handles[1], 77, 0);
	close(self->fd);

	EXPECT_TRUE(WAIT_UNTIL(!owner_value(OWNER,
					    LABYRINTH_A_OWNER_ATTACHED)));
	EXPECT_EQ(NL_ABSENT, owner_value(OWNER, LABYRINTH_A_OWNER_PID));
	EXPECT_EQ(3, owner_value(OWNER, LABYRINTH_A_OWNER_USED));

	self->fd = test_open_device(O_RDWR);
	test_attach(self->fd, OWNER);
	EXPECT_EQ(3, used_pages(self->fd));
	memset(text, 0, sizeof(text));
	test_read(self->fd, handles[1], 7, sizeof(text), text);
	EXPECT_STREQ("kept!", text);
	test_query(self->fd, LABYRINTH_QUERY_NEXT, handles[0], &query);
	EXPECT_EQ(handles[1], query.out_handle);
	EXPECT_EQ(77, query.out_tag);
	EXPECT_EQ(7 + sizeof(text), query.out_used);
	test_free(self->fd, 3, handles);
	EXPECT_EQ(0, owner_value(OWNER, LABYRINTH_A_OWNER_USED));
}

static int attach_and_die(void *arg)
{
	int fd = _open_device(O_RDWR);

	if (fd < 0 || _attach(fd, OWNER) || _alloc(fd, 0, 2, arg))
		return 100;
	raise(SIGKILL);
	return 101;
}

TEST_F(named, kill_9_detaches_and_keeps_the_pages)
{
	__u64 handles[2];

	EXPECT_EQ(256 + SIGKILL, in_child(attach_and_die, handles));
	EXPECT_EQ(2, owner_value(OWNER, LABYRINTH_A_OWNER_USED));
	test_attach(self->fd, OWNER);
	EXPECT_EQ(2, used_pages(self->fd));
}

TEST_F(named, a_second_attach_is_refused_while_the_first_lasts)
{
	int other = test_open_device(O_RDWR);

	test_attach(self->fd, OWNER);
	test_err_attach(EBUSY, other, OWNER);
	/* The refused one is as before, and may try again. */
	EXPECT_EQ(0, used_pages(other));
	test_alloc(other, 0, 1, &self->handle);
	test_free(other, 1, &self->handle);
	close(self->fd);
	test_attach(other, OWNER);
	close(other);
	self->fd = test_open_device(O_RDWR);
}

TEST_F(named, a_descriptor_that_holds_pages_cannot_attach)
{
	test_alloc(self->fd, 0, 1, &self->handle);
	test_err_attach(EBUSY, self->fd, OWNER);
	EXPECT_EQ(1, used_pages(self->fd));
	EXPECT_EQ(0, owner_value(OWNER, LABYRINTH_A_OWNER_ATTACHED));
	test_free(self->fd, 1, &self->handle);
	test_attach(self->fd, OWNER);
}

TEST_F(named, an_attached_descriptor_cannot_attach_again)
{
	ASSERT_EQ(0, owner_add(OTHER, (struct owner_options){ .mode = 0600 }));
	test_attach(self->fd, OWNER);
	test_err_attach(EBUSY, self->fd, OWNER);
	test_err_attach(EBUSY, self->fd, OTHER);
	EXPECT_EQ(0, owner_value(OTHER, LABYRINTH_A_OWNER_ATTACHED));
}

TEST_F(named, a_refused_attach_answers_nothing)
{
	struct labyrinth_attach cmd = { .name = OWNER };

	test_alloc(self->fd, 0, 1, &self->handle);
	test_err(EBUSY, _attach_cmd(self->fd, &cmd));
	EXPECT_EQ(0xAAAAAAAA, cmd.out_owner);
}

/* What nobody could take, see or free any more is not to be had by it. */
TEST_F(named, the_owner_that_a_file_was_before_is_shut_for_good)
{
	__u32 before = owner_number(self->fd);
	int giver = test_open_device(O_RDWR);

	test_accept(self->fd, LABYRINTH_ACCEPT_ANY, 0);
	EXPECT_EQ(0, owner_set(before, LABYRINTH_A_OWNER_QUOTA, 2));
	test_attach(self->fd, OWNER);
	EXPECT_EQ(-ESHUTDOWN, owner_set(before, LABYRINTH_A_OWNER_QUOTA, 2));
	EXPECT_EQ(-ESHUTDOWN, owner_set(before, LABYRINTH_A_OWNER_GUARANTEE, 1));
	test_alloc(giver, 0, 1, &self->handle);
	test_err_give(EDQUOT, giver, before, 1, &self->handle);
	test_free(giver, 1, &self->handle);
	close(giver);
	/* The one that it acts as is not. */
	EXPECT_EQ(0, owner_set(owner_number(self->fd),
			       LABYRINTH_A_OWNER_QUOTA, 2));
}

TEST_F(named, pages_of_a_named_owner_are_no_one_elses)
{
	struct labyrinth_query query;
	int other = test_open_device(O_RDWR);

	ASSERT_EQ(0, owner_add(OTHER, (struct owner_options){ .mode = 0600 }));
	test_attach(self->fd, OWNER);
	test_alloc(self->fd, 0, 1, &self->handle);
	test_err_query(ENOENT, other, 0, self->handle, &query);
	test_err_free(ENOENT, other, 1, &self->handle);
	test_attach(other, OTHER);
	test_err_query(ENOENT, other, 0, self->handle, &query);
	test_err_free(ENOENT, other, 1, &self->handle);
	close(other);
}

/* === Permission ========================================================== */

struct caller {
	uid_t uid;
	gid_t gid;
	int flags;
};

static int try_attach(void *arg)
{
	const struct caller *caller = arg;
	int fd;

	if (become(caller->uid, caller->gid))
		return 250;
	fd = _open_device(caller->flags);
	return fd < 0 ? 251 : -_attach(fd, OWNER);
}

static int attach_as(uid_t uid, gid_t gid, int flags)
{
	struct caller caller = { uid, gid, flags };

	return in_child(try_attach, &caller);
}

static int set_mode(__u32 mode)
{
	static struct nl_message msg;
	struct nl nl;
	int ret = nl_open(&nl);

	if (ret)
		return ret;
	nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_SET, 0);
	nl_put_string(&msg, LABYRINTH_A_OWNER_NAME, OWNER);
	nl_put_u32(&msg, LABYRINTH_A_OWNER_MODE, mode);
	ret = nl_call(&nl, &msg);
	nl_close(&nl);
	return ret;
}

TEST_F(named, each_bit_of_the_mode_decides_for_its_class)
{
	static const struct caller classes[] = {
		{ OTHER_USER, OTHER_USER, 0 },	/* others: bits 2..0 */
		{ OTHER_USER, OTHER_GROUP, 0 },	/* group: bits 5..3 */
		{ NOBODY, OTHER_GROUP, 0 },	/* user: bits 8..6 */
	};

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		const struct caller *c = &classes[i];

		for (__u32 bits = 0; bits < 8; bits++) {
			/* What the other classes may is no help. */
			__u32 mode = (0777 & ~(7 << 3 * i)) | bits << 3 * i;
			int reads = bits & 4 ? 0 : EACCES;
			int writes = bits & 2 ? 0 : EACCES;
			int both = (bits & 6) == 6 ? 0 : EACCES;

			ASSERT_EQ(0, set_mode(mode));
			EXPECT_EQ(reads, attach_as(c->uid, c->gid, O_RDONLY)) {
				TH_LOG("mode %03o", mode);
			}
			EXPECT_EQ(writes, attach_as(c->uid, c->gid, O_WRONLY)) {
				TH_LOG("mode %03o", mode);
			}
			EXPECT_EQ(both, attach_as(c->uid, c->gid, O_RDWR)) {
				TH_LOG("mode %03o", mode);
			}
		}
	}
}

TEST_F(named, the_default_mode_is_the_users_alone)
{
	EXPECT_EQ(0, attach_as(NOBODY, NOBODY, O_RDWR));
	EXPECT_EQ(EACCES, attach_as(OTHER_USER, OTHER_GROUP, O_RDWR));
	EXPECT_EQ(EACCES, attach_as(OTHER_USER, OTHER_GROUP, O_RDONLY));
	/* Opened for neither reading nor writing: no right is none. */
	EXPECT_EQ(EACCES, attach_as(OTHER_USER, OTHER_GROUP, O_ACCMODE));
}

static int read_only_holder(void *arg)
{
	__u64 handle = *(__u64 *)arg, other;
	struct labyrinth_query query;
	char byte;
	int fd;

	if (become(NOBODY, NOBODY))
		return 100;
	fd = _open_device(O_RDONLY);
	if (fd < 0 || _attach(fd, OWNER))
		return 101;
	if (_query(fd, 0, handle, &query) || query.out_phys ||
	    _read_page(fd, handle, 0, 1, &byte) || byte != 'r')
		return 102;
	if (_write_page(fd, handle, 0, 1, &byte) != -EBADF ||
	    _set(fd, LABYRINTH_SET_TAG, handle, 1, 0) != -EBADF ||
	    _free_pages(fd, 1, &handle) != -EBADF ||
	    _alloc(fd, 0, 1, &other) != -EBADF ||
	    _give(fd, 1, 1, &handle) != -EBADF ||
	    _take(fd, 1, &other) != -EBADF)
		return 103;
	return 0;
}

TEST_F(named, a_read_only_descriptor_reads_the_owners_pages)
{
	char byte = 'r';

	test_attach(self->fd, OWNER);
	test_alloc(self->fd, 0, 1, &self->handle);
	test_write(self->fd, self->handle, 0, 1, &byte);
	close(self->fd);
	ASSERT_EQ(0, set_mode(0400));
	EXPECT_EQ(0, in_child(read_only_holder, &self->handle));
	self->fd = test_open_device(O_RDWR);
}

/* === Removal ============================================================= */

TEST_F(named, removing_an_owner_frees_its_pages)
{
	__s64 out = pages_out();
	__u64 handles[5];

	test_attach(self->fd, OWNER);
	test_alloc(self->fd, 0, 5, handles);
	close(self->fd);
	EXPECT_TRUE(WAIT_UNTIL(pages_out() == out + 5));
	ASSERT_EQ(0, owner_del(OWNER));
	EXPECT_TRUE(WAIT_UNTIL(pages_out() == out));
	self->fd = test_open_device(O_RDWR);
	test_err_attach(ENOENT, self->fd, OWNER);
}

TEST_F(named, a_file_whose_owner_was_removed_is_shut_down)
{
	struct pollfd pollfd = { .fd = self->fd, .events = POLLOUT };
	struct labyrinth_query query;
	__s64 out = pages_out();
	char byte = 'x';
	__u64 other;

	test_attach(self->fd, OWNER);
	test_alloc(self->fd, 0, 1, &self->handle);
	ASSERT_EQ(0, owner_del(OWNER));

	test_err_alloc(ESHUTDOWN, self->fd, 0, 1, &other);
	test_err_free(ESHUTDOWN, self->fd, 1, &self->handle);
	test_err_query(ESHUTDOWN, self->fd, 0, self->handle, &query);
	test_err_read(ESHUTDOWN, self->fd, self->handle, 0, 1, &byte);
	test_err_write(ESHUTDOWN, self->fd, self->handle, 0, 1, &byte);
	test_err_set(ESHUTDOWN, self->fd, LABYRINTH_SET_TAG, self->handle, 1,
		     0);
	test_err_give(ESHUTDOWN, self->fd, 1, 1, &self->handle);
	test_err_take(ESHUTDOWN, self->fd, 1, &other);
	test_err_accept(ESHUTDOWN, self->fd, LABYRINTH_ACCEPT_ANY, 0);
	test_err_map(ESHUTDOWN, self->fd, 1, &self->handle, NULL);
	EXPECT_EQ(1, poll(&pollfd, 1, DEADLINE_SECONDS * 1000));
	EXPECT_EQ(POLLERR | POLLHUP, pollfd.revents);
	EXPECT_TRUE(WAIT_UNTIL(pages_out() == out));
}

TEST_F(named, a_removed_owners_name_can_be_given_again)
{
	struct labyrinth_query query;
	int other = test_open_device(O_RDWR);

	test_attach(self->fd, OWNER);
	test_alloc(self->fd, 0, 1, &self->handle);
	ASSERT_EQ(0, owner_del(OWNER));
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	/* Another owner: of the old one's it has nothing. */
	test_attach(other, OWNER);
	EXPECT_EQ(0, used_pages(other));
	test_err_query(ENOENT, other, 0, self->handle, &query);
	close(other);
}

TEST_HARNESS_MAIN
