// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an administrator changes over netlink: owners and the reserve. A change
 * is made whole or not at all.
 */
#include "admin_util.h"

#define OWNER	"selftest.admin"
#define OTHER	"selftest.admin2"

FIXTURE(admin) {
	struct nl nl;
	struct nl_message msg;
	struct books before;
};

FIXTURE_SETUP(admin)
{
	owner_del(OWNER);
	owner_del(OTHER);
	ASSERT_EQ(0, books_get(&self->before));
	ASSERT_EQ(0, nl_open(&self->nl));
}

FIXTURE_TEARDOWN(admin)
{
	nl_close(&self->nl);
	owner_del(OWNER);
	owner_del(OTHER);
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

/* Refused, with a text. */
#define EXPECT_REFUSED(error)						\
do {									\
	EXPECT_EQ(-(error), CALL());					\
	EXPECT_STRNE("", self->msg.text);				\
} while (0)

#define EXPECT_BLAMED(error, type)					\
do {									\
	EXPECT_REFUSED(error);						\
	EXPECT_EQ(type, nl_culprit(&self->msg));			\
} while (0)

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

/* === Owners ============================================================== */

TEST_F(admin, an_owner_has_the_makers_uid_and_mode_0600_by_default)
{
	START(OWNER_ADD);
	PUT_NAME(OWNER);
	ASSERT_EQ(0, CALL());
	EXPECT_EQ(owner_value(OWNER, LABYRINTH_A_OWNER_ID),
		  nl_get(nl_reply(&self->msg), LABYRINTH_A_OWNER_ID));
	EXPECT_EQ(getuid(), owner_value(OWNER, LABYRINTH_A_OWNER_UID));
	EXPECT_EQ(getgid(), owner_value(OWNER, LABYRINTH_A_OWNER_GID));
	EXPECT_EQ(0600, owner_value(OWNER, LABYRINTH_A_OWNER_MODE));
	EXPECT_EQ(0, owner_value(OWNER, LABYRINTH_A_OWNER_EMERGENCY));
}

TEST_F(admin, a_name_is_given_once)
{
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .quota = 9 }));
	START(OWNER_ADD);
	PUT_NAME(OWNER);
	PUT_U64(LABYRINTH_A_OWNER_QUOTA, 5);
	EXPECT_BLAMED(EEXIST, LABYRINTH_A_OWNER_NAME);
	EXPECT_EQ(9, owner_value(OWNER, LABYRINTH_A_OWNER_QUOTA));
}

TEST_F(admin, a_bad_name_is_refused)
{
	static const char * const bad[] = {
		"", " ", "a b", "a/b", "a\n", "\xc3\xa4", "*", "a:b",
		"a23456789.a23456789.a23456789.12",	/* 32 characters */
		"a23456789.a23456789.a23456789.a23456789.a23456789",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		START(OWNER_ADD);
		PUT_NAME(bad[i]);
		EXPECT_BAD_VALUE(LABYRINTH_A_OWNER_NAME);
	}
	/* Without its end. */
	START(OWNER_ADD);
	nl_put(&self->msg, LABYRINTH_A_OWNER_NAME, "abcd", 4);
	EXPECT_BAD_VALUE(LABYRINTH_A_OWNER_NAME);
}

TEST_F(admin, the_longest_name_is_taken)
{
	const char *name = "a23456789.a23456789.a2345-6789_";

	ASSERT_EQ(LABYRINTH_NAME_SIZE - 1, strlen(name));
	ASSERT_EQ(0, owner_add(name, (struct owner_options){ .mode = 0600 }));
	EXPECT_NE(NL_ABSENT, owner_value(name, LABYRINTH_A_OWNER_ID));
	EXPECT_EQ(0, owner_del(name));
}

TEST_F(admin, a_value_out_of_bounds_makes_no_owner)
{
	static const struct {
		int type;
		size_t size;
		__u64 value;
	} bad[] = {
		{ LABYRINTH_A_OWNER_MODE, 4, 01000 },
		{ LABYRINTH_A_OWNER_MODE, 4, 0xffffffff },
		{ LABYRINTH_A_OWNER_UID, 4, 0xffffffff },
		{ LABYRINTH_A_OWNER_GID, 4, 0xffffffff },
		{ LABYRINTH_A_OWNER_EMERGENCY, 4, 2 },
		{ LABYRINTH_A_OWNER_GUARANTEE, 8, ~0ULL },
		{ LABYRINTH_A_OWNER_GUARANTEE, 8, 1ULL << 32 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		START(OWNER_ADD);
		PUT_NAME(OWNER);
		nl_put(&self->msg, bad[i].type, &bad[i].value, bad[i].size);
		EXPECT_BAD_VALUE(bad[i].type);
		EXPECT_EQ(NL_ABSENT, owner_value(OWNER, LABYRINTH_A_OWNER_ID));
	}
}

TEST_F(admin, a_number_cannot_be_chosen)
{
	START(OWNER_ADD);
	PUT_NAME(OWNER);
	PUT_U32(LABYRINTH_A_OWNER_ID, 77);
	EXPECT_BLAMED(EINVAL, LABYRINTH_A_OWNER_ID);
	EXPECT_EQ(NL_ABSENT, owner_value(OWNER, LABYRINTH_A_OWNER_ID));
}

TEST_F(admin, guarantees_together_stay_within_low)
{
	ASSERT_EQ(0, refill_to(100, 200));
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.mode = 0600, .guarantee = 60 }));

	START(OWNER_ADD);
	PUT_NAME(OTHER);
	PUT_U64(LABYRINTH_A_OWNER_GUARANTEE, 41);
	EXPECT_BAD_VALUE(LABYRINTH_A_OWNER_GUARANTEE);
	EXPECT_EQ(NL_ABSENT, owner_value(OTHER, LABYRINTH_A_OWNER_ID));

	START(OWNER_SET);
	PUT_NAME(OWNER);
	PUT_U64(LABYRINTH_A_OWNER_GUARANTEE, 101);
	EXPECT_BAD_VALUE(LABYRINTH_A_OWNER_GUARANTEE);
	EXPECT_EQ(60, owner_value(OWNER, LABYRINTH_A_OWNER_GUARANTEE));

	ASSERT_EQ(0, owner_add(OTHER, (struct owner_options){
		.mode = 0600, .guarantee = 40 }));
	EXPECT_EQ(0, owner_del(OWNER));
	EXPECT_EQ(0, owner_set(owner_value(OTHER, LABYRINTH_A_OWNER_ID),
			       LABYRINTH_A_OWNER_GUARANTEE, 100));
}

TEST_F(admin, what_is_set_is_told_and_the_rest_stays)
{
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.uid = 1, .gid = 2, .mode = 0600, .quota = 9 }));
	START(OWNER_SET);
	PUT_NAME(OWNER);
	PUT_U32(LABYRINTH_A_OWNER_UID, 3);
	PUT_U32(LABYRINTH_A_OWNER_MODE, 0777);
	PUT_U32(LABYRINTH_A_OWNER_EMERGENCY, 1);
	EXPECT_EQ(0, CALL());
	EXPECT_EQ(3, owner_value(OWNER, LABYRINTH_A_OWNER_UID));
	EXPECT_EQ(2, owner_value(OWNER, LABYRINTH_A_OWNER_GID));
	EXPECT_EQ(0777, owner_value(OWNER, LABYRINTH_A_OWNER_MODE));
	EXPECT_EQ(9, owner_value(OWNER, LABYRINTH_A_OWNER_QUOTA));
	EXPECT_EQ(1, owner_value(OWNER, LABYRINTH_A_OWNER_EMERGENCY));
}

TEST_F(admin, a_gid_is_set_alone)
{
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.uid = 1, .gid = 2, .mode = 0640 }));
	EXPECT_EQ(0, owner_set_named(OWNER, LABYRINTH_A_OWNER_GID, 7));
	EXPECT_EQ(7, owner_value(OWNER, LABYRINTH_A_OWNER_GID));
	EXPECT_EQ(1, owner_value(OWNER, LABYRINTH_A_OWNER_UID));
	EXPECT_EQ(0640, owner_value(OWNER, LABYRINTH_A_OWNER_MODE));
}

TEST_F(admin, nothing_to_set_is_refused)
{
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	START(OWNER_SET);
	PUT_NAME(OWNER);
	EXPECT_EQ(-EINVAL, CALL());
}

TEST_F(admin, a_change_that_is_refused_in_part_is_not_made_at_all)
{
	ASSERT_EQ(0, reserve_set(10, 20, KEEP));
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.uid = 1, .mode = 0600, .quota = 9 }));
	START(OWNER_SET);
	PUT_NAME(OWNER);
	PUT_U32(LABYRINTH_A_OWNER_UID, 3);
	PUT_U64(LABYRINTH_A_OWNER_QUOTA, 8);
	PUT_U64(LABYRINTH_A_OWNER_GUARANTEE, 11);
	EXPECT_BAD_VALUE(LABYRINTH_A_OWNER_GUARANTEE);
	EXPECT_EQ(1, owner_value(OWNER, LABYRINTH_A_OWNER_UID));
	EXPECT_EQ(9, owner_value(OWNER, LABYRINTH_A_OWNER_QUOTA));
	EXPECT_EQ(0, owner_value(OWNER, LABYRINTH_A_OWNER_GUARANTEE));
}

TEST_F(admin, a_file_has_no_mode_to_set_and_cannot_be_removed)
{
	const int only_named[] = { LABYRINTH_A_OWNER_UID, LABYRINTH_A_OWNER_GID,
				   LABYRINTH_A_OWNER_MODE };
	struct labyrinth_info info;
	int fd = test_open_device(O_RDWR);

	test_info(fd, &info);
	for (size_t i = 0; i < ARRAY_SIZE(only_named); i++) {
		START(OWNER_SET);
		PUT_U32(LABYRINTH_A_OWNER_ID, info.out_owner);
		PUT_U32(only_named[i], 1);
		EXPECT_REFUSED(EOPNOTSUPP);
	}
	START(OWNER_DEL);
	PUT_U32(LABYRINTH_A_OWNER_ID, info.out_owner);
	EXPECT_REFUSED(EOPNOTSUPP);
	test_info(fd, &info);
	close(fd);
}

TEST_F(admin, an_owner_is_removed_once)
{
	__u64 id;

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .mode = 0600 }));
	id = owner_value(OWNER, LABYRINTH_A_OWNER_ID);
	START(OWNER_DEL);
	PUT_U32(LABYRINTH_A_OWNER_ID, id);
	EXPECT_EQ(0, CALL());
	START(OWNER_DEL);
	PUT_U32(LABYRINTH_A_OWNER_ID, id);
	EXPECT_BLAMED(ENOENT, LABYRINTH_A_OWNER_ID);
	START(OWNER_DEL);
	PUT_NAME(OWNER);
	EXPECT_BLAMED(ENOENT, LABYRINTH_A_OWNER_NAME);
}

/* === The reserve ========================================================= */

TEST_F(admin, a_watermark_out_of_bounds_changes_nothing)
{
	const struct {
		__u64 low, high, emergency;
	} bad[] = {
		{ 101, 100, KEEP },		/* low above high */
		{ KEEP, 9, KEEP },		/* high below low */
		{ 201, KEEP, KEEP },		/* low above the high that is */
		{ KEEP, 0, KEEP },
		{ KEEP, self->before.slots + 1, KEEP },
		{ KEEP, KEEP, self->before.slots + 1 },
		{ ~0ULL, ~0ULL, KEEP },
		{ KEEP, ~0ULL, KEEP },
		{ KEEP, KEEP, ~0ULL },
		{ KEEP, 1ULL << 63, KEEP },
		{ KEEP, KEEP, 1ULL << 63 },
		{ 1ULL << 32, 1ULL << 32, KEEP },
	};
	struct books books;

	ASSERT_EQ(0, reserve_set(10, 200, 5));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int ret = reserve_set(bad[i].low, bad[i].high,
				      bad[i].emergency);

		EXPECT_TRUE(ret == -EINVAL || ret == -ERANGE) {
			TH_LOG("case %zu: %d", i, ret);
		}
		ASSERT_EQ(0, books_get(&books));
		EXPECT_EQ(10, books.low);
		EXPECT_EQ(200, books.high);
		EXPECT_EQ(5, books.emergency);
	}
}

TEST_F(admin, every_part_of_the_reserve_has_its_slots)
{
	struct books books;

	ASSERT_EQ(0, reserve_set(10, 200, 5));
	ASSERT_EQ(0, books_get(&books));
	EXPECT_EQ(-EINVAL, reserve_set(KEEP, books.slots + 1, KEEP));
	EXPECT_EQ(-EINVAL, reserve_set(KEEP, KEEP, books.slots + 1));
	/* Each by itself, but not both. */
	EXPECT_EQ(-EINVAL, reserve_set(KEEP, books.slots - 4, KEEP));
	ASSERT_EQ(0, books_get(&books));
	EXPECT_EQ(200, books.high);
	EXPECT_EQ(5, books.emergency);
}

TEST_F(admin, low_stays_above_the_guarantees)
{
	struct books books;

	ASSERT_EQ(0, refill_to(100, 200));
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.mode = 0600, .guarantee = 60 }));
	START(RESERVE_SET);
	PUT_U64(LABYRINTH_A_RESERVE_LOW, 59);
	EXPECT_REFUSED(EINVAL);
	ASSERT_EQ(0, books_get(&books));
	EXPECT_EQ(100, books.low);
	EXPECT_EQ(0, reserve_set(60, KEEP, KEEP));
}

TEST_F(admin, a_node_that_is_not_there_is_refused)
{
	const __u32 nodes[] = { 1023, 1024, 0x7fffffff, 0x80000000,
				0xfffffffe, 0xffffffff };

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		START(RESERVE_SET);
		PUT_U32(LABYRINTH_A_RESERVE_NODE, nodes[i]);
		PUT_U64(LABYRINTH_A_RESERVE_LOW, 0);
		EXPECT_BLAMED(ENOENT, LABYRINTH_A_RESERVE_NODE);
	}
}

TEST_F(admin, one_nodes_watermarks_are_set_alone)
{
	struct books books;

	START(RESERVE_SET);
	PUT_U32(LABYRINTH_A_RESERVE_NODE, 0);
	PUT_U64(LABYRINTH_A_RESERVE_LOW, 0);
	PUT_U64(LABYRINTH_A_RESERVE_HIGH, 1);
	PUT_U64(LABYRINTH_A_RESERVE_EMERGENCY, 0);
	EXPECT_EQ(0, CALL());
	ASSERT_EQ(0, books_get(&books));
	/* With one node that is all of it; with more, the others' remains. */
	EXPECT_LE(1, books.high);
	EXPECT_GT(self->before.high, books.high);
}

TEST_HARNESS_MAIN
