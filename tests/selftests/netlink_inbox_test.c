// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an administrator says of an owner's inbox: whom it takes from, and how
 * much may wait there.
 */
#include "admin_util.h"

#define OWNER	"selftest.inbox"

FIXTURE(inbox) {
	struct nl nl;
	struct nl_message msg;
	struct books before;
};

FIXTURE_SETUP(inbox)
{
	owner_del(OWNER);
	ASSERT_TRUE(all_pages_are_back());
	ASSERT_EQ(0, books_get(&self->before));
	ASSERT_EQ(0, nl_open(&self->nl));
}

FIXTURE_TEARDOWN(inbox)
{
	nl_close(&self->nl);
	owner_del(OWNER);
	reserve_set(self->before.low, self->before.high,
		    self->before.emergency);
}

#define START(command)		nl_start(&self->nl, &self->msg,		\
					 LABYRINTH_CMD_##command, 0)
#define PUT_U32(type, value)	nl_put_u32(&self->msg, type, value)
#define PUT_U64(type, value)	nl_put_u64(&self->msg, type, value)
#define PUT_NAME(value)		nl_put_string(&self->msg,		\
					      LABYRINTH_A_OWNER_NAME, value)
#define CALL()			nl_call(&self->nl, &self->msg)

#define EXPECT_BLAMED(error, type)					\
do {									\
	EXPECT_EQ(-(error), CALL());					\
	EXPECT_STRNE("", self->msg.text);				\
	EXPECT_EQ(type, nl_culprit(&self->msg));			\
} while (0)

/* Which of EINVAL and ERANGE a value out of bounds is depends on the kernel. */
#define EXPECT_BAD_VALUE(type)						\
do {									\
	int ret_ = CALL();						\
									\
	EXPECT_TRUE(ret_ == -EINVAL || ret_ == -ERANGE) {		\
		TH_LOG("attribute %d: %d", type, ret_);			\
	}								\
	EXPECT_STRNE("", self->msg.text);				\
	EXPECT_EQ(type, nl_culprit(&self->msg));			\
} while (0)

#define EXPECT_INBOX(accepts, capacity)					\
do {									\
	EXPECT_EQ(accepts,						\
		  owner_value(OWNER, LABYRINTH_A_OWNER_ACCEPT));	\
	EXPECT_EQ(capacity,						\
		  owner_value(OWNER, LABYRINTH_A_OWNER_INBOX));		\
} while (0)

static int add(__u32 accept, __u32 inbox)
{
	owner_del(OWNER);
	return owner_add(OWNER, (struct owner_options){
		.mode = 0600, .quota = 9, .accept = accept, .inbox = inbox });
}

TEST_F(inbox, an_owner_takes_from_nobody_and_has_none_by_default)
{
	ASSERT_EQ(0, add(0, 0));
	EXPECT_INBOX(LABYRINTH_ACCEPT_NONE, NL_ABSENT);
}

TEST_F(inbox, an_owner_is_made_with_what_was_asked_for)
{
	ASSERT_EQ(0, add(LABYRINTH_ACCEPT_UID, 0));
	EXPECT_INBOX(LABYRINTH_ACCEPT_UID, LABYRINTH_INBOX_DEFAULT);
	ASSERT_EQ(0, add(LABYRINTH_ACCEPT_ANY, 1));
	EXPECT_INBOX(LABYRINTH_ACCEPT_ANY, 1);
	ASSERT_EQ(0, add(0, LABYRINTH_INBOX_MAX));
	EXPECT_INBOX(LABYRINTH_ACCEPT_NONE, LABYRINTH_INBOX_MAX);
	EXPECT_EQ(0, owner_value(OWNER, LABYRINTH_A_OWNER_INBOX_USED));
	EXPECT_EQ(0, owner_value(OWNER, LABYRINTH_A_OWNER_DEFERRED));
}

static const struct {
	int type;
	__u32 value;
} out_of_bounds[] = {
	{ LABYRINTH_A_OWNER_ACCEPT, LABYRINTH_ACCEPT_ANY + 1 },
	{ LABYRINTH_A_OWNER_ACCEPT, 0xffffffff },
	{ LABYRINTH_A_OWNER_INBOX, 0 },
	{ LABYRINTH_A_OWNER_INBOX, LABYRINTH_INBOX_MAX + 1 },
	{ LABYRINTH_A_OWNER_INBOX, 0xffffffff },
};

TEST_F(inbox, a_value_out_of_bounds_makes_no_owner)
{
	for (size_t i = 0; i < ARRAY_SIZE(out_of_bounds); i++) {
		START(OWNER_ADD);
		PUT_NAME(OWNER);
		PUT_U32(out_of_bounds[i].type, out_of_bounds[i].value);
		EXPECT_BAD_VALUE(out_of_bounds[i].type);
		EXPECT_EQ(NL_ABSENT, owner_value(OWNER, LABYRINTH_A_OWNER_ID));
	}
}

TEST_F(inbox, a_value_out_of_bounds_changes_nothing)
{
	ASSERT_EQ(0, add(LABYRINTH_ACCEPT_UID, 7));
	for (size_t i = 0; i < ARRAY_SIZE(out_of_bounds); i++) {
		START(OWNER_SET);
		PUT_NAME(OWNER);
		PUT_U64(LABYRINTH_A_OWNER_QUOTA, 5);
		PUT_U32(out_of_bounds[i].type, out_of_bounds[i].value);
		EXPECT_BAD_VALUE(out_of_bounds[i].type);
		EXPECT_INBOX(LABYRINTH_ACCEPT_UID, 7);
		EXPECT_EQ(9, owner_value(OWNER, LABYRINTH_A_OWNER_QUOTA));
	}
}

TEST_F(inbox, whom_an_owner_takes_from_can_be_changed)
{
	ASSERT_EQ(0, add(0, 0));
	ASSERT_EQ(0, owner_set_named(OWNER, LABYRINTH_A_OWNER_ACCEPT,
				     LABYRINTH_ACCEPT_NONE));
	EXPECT_INBOX(LABYRINTH_ACCEPT_NONE, NL_ABSENT);
	for (__u32 accept = LABYRINTH_ACCEPT_ANY; accept; accept--) {
		ASSERT_EQ(0, owner_set_named(OWNER, LABYRINTH_A_OWNER_ACCEPT,
					     accept));
		EXPECT_INBOX(accept, LABYRINTH_INBOX_DEFAULT);
	}
	ASSERT_EQ(0, owner_set_named(OWNER, LABYRINTH_A_OWNER_ACCEPT,
				     LABYRINTH_ACCEPT_NONE));
	EXPECT_INBOX(LABYRINTH_ACCEPT_NONE, LABYRINTH_INBOX_DEFAULT);
}

TEST_F(inbox, a_capacity_is_set_once)
{
	ASSERT_EQ(0, add(0, 0));
	ASSERT_EQ(0, owner_set_named(OWNER, LABYRINTH_A_OWNER_INBOX, 3));
	EXPECT_INBOX(LABYRINTH_ACCEPT_NONE, 3);
	EXPECT_EQ(0, owner_set_named(OWNER, LABYRINTH_A_OWNER_INBOX, 3));
	START(OWNER_SET);
	PUT_NAME(OWNER);
	PUT_U32(LABYRINTH_A_OWNER_INBOX, 4);
	EXPECT_BLAMED(EBUSY, LABYRINTH_A_OWNER_INBOX);
	EXPECT_INBOX(LABYRINTH_ACCEPT_NONE, 3);
	ASSERT_EQ(0, owner_set_named(OWNER, LABYRINTH_A_OWNER_ACCEPT,
				     LABYRINTH_ACCEPT_ANY));
	EXPECT_INBOX(LABYRINTH_ACCEPT_ANY, 3);
}

/* Everything that can be changed, in one request with @type and @value. */
static void start_change_of_all(FIXTURE_DATA(inbox) *self, __u64 guarantee,
				__u32 capacity)
{
	START(OWNER_SET);
	PUT_NAME(OWNER);
	PUT_U32(LABYRINTH_A_OWNER_UID, 3);
	PUT_U32(LABYRINTH_A_OWNER_MODE, 0777);
	PUT_U64(LABYRINTH_A_OWNER_QUOTA, 8);
	PUT_U32(LABYRINTH_A_OWNER_EMERGENCY, 1);
	PUT_U32(LABYRINTH_A_OWNER_ACCEPT, LABYRINTH_ACCEPT_ANY);
	PUT_U64(LABYRINTH_A_OWNER_GUARANTEE, guarantee);
	PUT_U32(LABYRINTH_A_OWNER_INBOX, capacity);
}

#define EXPECT_UNCHANGED(guaranteed, capacity)				\
do {									\
	EXPECT_INBOX(LABYRINTH_ACCEPT_UID, capacity);			\
	EXPECT_EQ(0, owner_value(OWNER, LABYRINTH_A_OWNER_UID));	\
	EXPECT_EQ(0600, owner_value(OWNER, LABYRINTH_A_OWNER_MODE));	\
	EXPECT_EQ(9, owner_value(OWNER, LABYRINTH_A_OWNER_QUOTA));	\
	EXPECT_EQ(0, owner_value(OWNER, LABYRINTH_A_OWNER_EMERGENCY));	\
	EXPECT_EQ(guaranteed,						\
		  owner_value(OWNER, LABYRINTH_A_OWNER_GUARANTEE));	\
} while (0)

TEST_F(inbox, a_change_that_is_refused_in_part_is_not_made_at_all)
{
	const __u64 guarantees[] = { 6, 4, 0 };

	ASSERT_EQ(0, refill_to(10, 20));
	ASSERT_EQ(0, add(LABYRINTH_ACCEPT_UID, 7));
	ASSERT_EQ(0, owner_set(owner_value(OWNER, LABYRINTH_A_OWNER_ID),
			       LABYRINTH_A_OWNER_GUARANTEE, 5));
	for (size_t i = 0; i < ARRAY_SIZE(guarantees); i++) {
		start_change_of_all(self, guarantees[i], 8);
		EXPECT_BLAMED(EBUSY, LABYRINTH_A_OWNER_INBOX);
		EXPECT_UNCHANGED(5, 7);
	}
	start_change_of_all(self, 11, 7);
	EXPECT_BAD_VALUE(LABYRINTH_A_OWNER_GUARANTEE);
	EXPECT_UNCHANGED(5, 7);

	start_change_of_all(self, 6, 7);
	EXPECT_EQ(0, CALL());
	EXPECT_INBOX(LABYRINTH_ACCEPT_ANY, 7);
	EXPECT_EQ(3, owner_value(OWNER, LABYRINTH_A_OWNER_UID));
	EXPECT_EQ(8, owner_value(OWNER, LABYRINTH_A_OWNER_QUOTA));
	EXPECT_EQ(6, owner_value(OWNER, LABYRINTH_A_OWNER_GUARANTEE));
}

/* An inbox can't be taken away again: it must not be made too early. */
TEST_F(inbox, a_guarantee_that_is_refused_makes_no_inbox)
{
	ASSERT_EQ(0, refill_to(10, 20));
	ASSERT_EQ(0, add(0, 0));
	start_change_of_all(self, 11, 7);
	EXPECT_BAD_VALUE(LABYRINTH_A_OWNER_GUARANTEE);
	EXPECT_INBOX(LABYRINTH_ACCEPT_NONE, NL_ABSENT);
}

TEST_F(inbox, a_guarantee_that_is_refused_makes_no_owner)
{
	ASSERT_EQ(0, refill_to(10, 20));
	START(OWNER_ADD);
	PUT_NAME(OWNER);
	PUT_U32(LABYRINTH_A_OWNER_ACCEPT, LABYRINTH_ACCEPT_ANY);
	PUT_U64(LABYRINTH_A_OWNER_GUARANTEE, 11);
	EXPECT_BAD_VALUE(LABYRINTH_A_OWNER_GUARANTEE);
	EXPECT_EQ(NL_ABSENT, owner_value(OWNER, LABYRINTH_A_OWNER_ID));
	EXPECT_TRUE(all_pages_are_back());
	EXPECT_EQ(0, verify_result());
}

TEST_F(inbox, a_files_inbox_can_be_set_and_is_told)
{
	int fd = test_open_device(O_RDWR), giver = test_open_device(O_RDWR);
	struct labyrinth_info info;
	__u64 handles[2];

	START(OWNER_SET);
	PUT_U32(LABYRINTH_A_OWNER_ID, owner_number(fd));
	PUT_U32(LABYRINTH_A_OWNER_ACCEPT, LABYRINTH_ACCEPT_ANY);
	PUT_U32(LABYRINTH_A_OWNER_INBOX, 5);
	ASSERT_EQ(0, CALL());
	test_info(fd, &info);
	EXPECT_EQ(LABYRINTH_ACCEPT_ANY, info.out_accept);
	EXPECT_EQ(5, info.out_inbox);
	test_err_accept(EBUSY, fd, LABYRINTH_ACCEPT_ANY, 6);

	test_alloc(giver, 0, 2, handles);
	test_give(giver, info.out_owner, 2, handles);
	test_take(fd, 1, handles);
	test_info(fd, &info);
	EXPECT_EQ(1, info.out_inbox_used);
	EXPECT_EQ(0, info.out_deferred);
	START(OWNER_GET);
	PUT_U32(LABYRINTH_A_OWNER_ID, info.out_owner);
	ASSERT_EQ(0, CALL());
	EXPECT_EQ(LABYRINTH_ACCEPT_ANY, nl_get(nl_reply(&self->msg),
					       LABYRINTH_A_OWNER_ACCEPT));
	EXPECT_EQ(5, nl_get(nl_reply(&self->msg), LABYRINTH_A_OWNER_INBOX));
	EXPECT_EQ(1, nl_get(nl_reply(&self->msg),
			    LABYRINTH_A_OWNER_INBOX_USED));
	EXPECT_EQ(0, nl_get(nl_reply(&self->msg), LABYRINTH_A_OWNER_DEFERRED));
	close(fd);
	close(giver);
}

TEST_HARNESS_MAIN
