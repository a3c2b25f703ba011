// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each operation of the generic netlink family does what it says, and refuses
 * what is missing, unknown, malformed or out of bounds: with a text, with the
 * attribute that is to blame, and with no effect.
 */
#include "admin_util.h"

#define OWNER	"selftest.netlink"
#define OTHER	"selftest.netlink2"

FIXTURE(netlink) {
	struct nl nl;
	struct nl_message msg;
	struct books before;
};

FIXTURE_SETUP(netlink)
{
	owner_del(OWNER);
	owner_del(OTHER);
	ASSERT_EQ(0, books_get(&self->before));
	ASSERT_EQ(0, nl_open(&self->nl));
}

FIXTURE_TEARDOWN(netlink)
{
	nl_close(&self->nl);
	owner_del(OWNER);
	owner_del(OTHER);
	reserve_set(self->before.low, self->before.high,
		    self->before.emergency);
}

#define START(command)		nl_start(&self->nl, &self->msg,		\
					 LABYRINTH_CMD_##command, 0)
#define DUMP(command)		nl_start(&self->nl, &self->msg,		\
					 LABYRINTH_CMD_##command, NLM_F_DUMP)
#define PUT_U32(type, value)	nl_put_u32(&self->msg, type, value)
#define PUT_U64(type, value)	nl_put_u64(&self->msg, type, value)
#define PUT_NAME(value)		nl_put_string(&self->msg,		\
					      LABYRINTH_A_OWNER_NAME, value)
#define CALL()			nl_call(&self->nl, &self->msg)
#define REPLY(type)		nl_get(nl_reply(&self->msg), type)

/* Refused, with a text; @type is to blame, 0 where none is. */
#define EXPECT_REFUSED(error, type)					\
do {									\
	EXPECT_EQ(-(error), CALL());					\
	EXPECT_STRNE("", self->msg.text);				\
	EXPECT_EQ(type, nl_culprit(&self->msg)) {			\
		TH_LOG("said: %s", self->msg.text);			\
	}								\
} while (0)

/* A value that the policy refuses: the kernel says EINVAL or ERANGE. */
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

/* === What is told ======================================================== */

TEST_F(netlink, info_tells_the_limits_and_the_reserve)
{
	struct books books;

	START(INFO_GET);
	ASSERT_EQ(0, CALL());
	EXPECT_NE(NULL, nl_find(nl_reply(&self->msg),
				LABYRINTH_A_INFO_VERSION));
	EXPECT_EQ(page_size(), REPLY(LABYRINTH_A_INFO_PAGE_SIZE));
	EXPECT_GE(9, REPLY(LABYRINTH_A_INFO_MAX_ORDER));
	EXPECT_NE(NL_ABSENT, REPLY(LABYRINTH_A_INFO_MAX_BATCH));
	ASSERT_EQ(0, books_get(&books));
	EXPECT_LT(0, books.slots);
	EXPECT_GE(1ULL << 24, books.slots);
	EXPECT_GE(books.slots, books.vacant);
	EXPECT_LT(0, books.ceiling);
	EXPECT_LE(books.taken, books.ceiling);
	EXPECT_LE(books.low, books.high);
	EXPECT_GE(1ULL << 24, books.high);
	EXPECT_GE(1ULL << 24, books.available + books.guaranteed +
			      books.emergency_available + books.cpu);
}

TEST_F(netlink, a_named_owner_is_told_as_it_was_made)
{
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){
		.uid = 7, .gid = 8, .mode = 0640, .quota = 9 }));
	START(OWNER_GET);
	PUT_NAME(OWNER);
	ASSERT_EQ(0, CALL());
	EXPECT_LT(0, REPLY(LABYRINTH_A_OWNER_ID));
	EXPECT_EQ(LABYRINTH_OWNER_NAMED, REPLY(LABYRINTH_A_OWNER_KIND));
	EXPECT_STREQ(OWNER, nl_data(nl_find(nl_reply(&self->msg),
					    LABYRINTH_A_OWNER_NAME)));
	EXPECT_EQ(7, REPLY(LABYRINTH_A_OWNER_UID));
	EXPECT_EQ(8, REPLY(LABYRINTH_A_OWNER_GID));
	EXPECT_EQ(0640, REPLY(LABYRINTH_A_OWNER_MODE));
	EXPECT_EQ(NL_ABSENT, REPLY(LABYRINTH_A_OWNER_PID));
	EXPECT_EQ(0, REPLY(LABYRINTH_A_OWNER_USED));
	EXPECT_EQ(9, REPLY(LABYRINTH_A_OWNER_QUOTA));
	EXPECT_EQ(0, REPLY(LABYRINTH_A_OWNER_GUARANTEE));
	EXPECT_EQ(0, REPLY(LABYRINTH_A_OWNER_GUARANTEE_AVAILABLE));
	EXPECT_EQ(0, REPLY(LABYRINTH_A_OWNER_EMERGENCY));
	EXPECT_EQ(0, REPLY(LABYRINTH_A_OWNER_QUARANTINED));
	EXPECT_NE(NL_ABSENT, REPLY(LABYRINTH_A_OWNER_AGE));
	EXPECT_EQ(0, REPLY(LABYRINTH_A_OWNER_ATTACHED));
	EXPECT_EQ(LABYRINTH_ACCEPT_NONE, REPLY(LABYRINTH_A_OWNER_ACCEPT));
	EXPECT_EQ(NL_ABSENT, REPLY(LABYRINTH_A_OWNER_INBOX));
}

TEST_F(netlink, a_file_owner_is_told_with_its_opener)
{
	struct labyrinth_info info;
	int fd = test_open_device(O_RDWR);
	__u64 handle;

	test_alloc(fd, 0, 1, &handle);
	test_info(fd, &info);
	START(OWNER_GET);
	PUT_U32(LABYRINTH_A_OWNER_ID, info.out_owner);
	ASSERT_EQ(0, CALL());
	EXPECT_EQ(info.out_owner, REPLY(LABYRINTH_A_OWNER_ID));
	EXPECT_EQ(LABYRINTH_OWNER_FILE, REPLY(LABYRINTH_A_OWNER_KIND));
	EXPECT_EQ(getpid(), REPLY(LABYRINTH_A_OWNER_PID));
	EXPECT_EQ(getuid(), REPLY(LABYRINTH_A_OWNER_UID));
	EXPECT_EQ(1, REPLY(LABYRINTH_A_OWNER_USED));
	EXPECT_EQ(info.out_quota, REPLY(LABYRINTH_A_OWNER_QUOTA));
	EXPECT_EQ(NL_ABSENT, REPLY(LABYRINTH_A_OWNER_MODE));
	EXPECT_EQ(NL_ABSENT, REPLY(LABYRINTH_A_OWNER_ATTACHED));

	close(fd);
	START(OWNER_GET);
	PUT_U32(LABYRINTH_A_OWNER_ID, info.out_owner);
	EXPECT_REFUSED(ENOENT, LABYRINTH_A_OWNER_ID);
}

TEST_F(netlink, a_page_is_told_as_its_owner_keeps_it)
{
	struct labyrinth_query query;
	struct labyrinth_info info;
	int fd = test_open_device(O_RDWR);
	__u64 handle;

	test_alloc(fd, 0, 1, &handle);
	test_set(fd, LABYRINTH_SET_TAG | LABYRINTH_SET_USED, handle, 5, 6);
	test_query(fd, 0, handle, &query);
	test_info(fd, &info);
	START(PAGE_GET);
	PUT_U64(LABYRINTH_A_PAGE_HANDLE, handle);
	ASSERT_EQ(0, CALL());
	EXPECT_EQ(handle, REPLY(LABYRINTH_A_PAGE_HANDLE));
	EXPECT_EQ(info.out_owner, REPLY(LABYRINTH_A_PAGE_OWNER));
	EXPECT_EQ(LABYRINTH_PAGE_OWNED, REPLY(LABYRINTH_A_PAGE_STATE));
	EXPECT_EQ(0, REPLY(LABYRINTH_A_PAGE_ORDER));
	EXPECT_EQ(LABYRINTH_SCOPE_PROCESS, REPLY(LABYRINTH_A_PAGE_SCOPE));
	EXPECT_EQ(query.out_rung, REPLY(LABYRINTH_A_PAGE_RUNG));
	EXPECT_EQ(5, REPLY(LABYRINTH_A_PAGE_TAG));
	EXPECT_EQ(6, REPLY(LABYRINTH_A_PAGE_USED));
	EXPECT_EQ(query.out_phys, REPLY(LABYRINTH_A_PAGE_PHYS));
	EXPECT_LE(query.out_age_ns, REPLY(LABYRINTH_A_PAGE_AGE));
	EXPECT_EQ(0, REPLY(LABYRINTH_A_PAGE_MAPPED));

	test_map(fd, 1, &handle, NULL);
	START(PAGE_GET);
	PUT_U64(LABYRINTH_A_PAGE_HANDLE, handle);
	ASSERT_EQ(0, CALL());
	EXPECT_EQ(1, REPLY(LABYRINTH_A_PAGE_MAPPED));

	START(PAGE_GET);
	PUT_U64(LABYRINTH_A_PAGE_HANDLE, handle);
	PUT_U32(LABYRINTH_A_PAGE_OWNER, info.out_owner);
	EXPECT_REFUSED(EINVAL, 0);
	/* The slot's, but not of this time: the generation is in its upper bits. */
	START(PAGE_GET);
	PUT_U64(LABYRINTH_A_PAGE_HANDLE, handle + (1ULL << 32));
	EXPECT_REFUSED(ENOENT, LABYRINTH_A_PAGE_HANDLE);

	test_free(fd, 1, &handle);
	START(PAGE_GET);
	PUT_U64(LABYRINTH_A_PAGE_HANDLE, handle);
	EXPECT_REFUSED(ENOENT, LABYRINTH_A_PAGE_HANDLE);
	/* Of a slot that there is none of. */
	START(PAGE_GET);
	PUT_U64(LABYRINTH_A_PAGE_HANDLE, ~0ULL);
	EXPECT_REFUSED(ENOENT, LABYRINTH_A_PAGE_HANDLE);
	close(fd);
}

TEST_F(netlink, a_page_of_one_thread_is_told_as_such)
{
	__u64 handle;
	struct labyrinth_alloc cmd = {
		.count = 1,
		.scope = LABYRINTH_SCOPE_THREAD,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)&handle,
	};
	int fd = test_open_device(O_RDWR);

	test_alloc_cmd(fd, &cmd);
	START(PAGE_GET);
	PUT_U64(LABYRINTH_A_PAGE_HANDLE, handle);
	ASSERT_EQ(0, CALL());
	EXPECT_EQ(LABYRINTH_SCOPE_THREAD, REPLY(LABYRINTH_A_PAGE_SCOPE));
	EXPECT_EQ(0, REPLY(LABYRINTH_A_PAGE_MAPPED));
	close(fd);
}

TEST_F(netlink, stats_count_what_was_served_and_what_was_not)
{
	const __u32 reason = LABYRINTH_REASON_QUOTA;
	int fd = test_open_device(O_RDWR);
	__u64 handle, served, failed, freed;
	struct labyrinth_alloc cmd = {
		.count = 1,
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.handles = (uintptr_t)&handle,
	};

	for (int type = LABYRINTH_A_STATS_FREE; type <= LABYRINTH_A_STATS_MAX;
	     type++) {
		if (type != LABYRINTH_A_STATS_PAD &&
		    type != LABYRINTH_A_STATS_REFUSED)
			EXPECT_NE(NL_ABSENT, stat_value(type, 0));
	}
	failed = stat_value(LABYRINTH_A_STATS_FAIL, reason);
	freed = stat_value(LABYRINTH_A_STATS_FREE, 0);
	ASSERT_EQ(0, file_quota_set(fd, 1));
	test_alloc_cmd(fd, &cmd);
	served = stat_value(LABYRINTH_A_STATS_ALLOC, cmd.out_rung);
	EXPECT_LT(0, served);
	EXPECT_NE(NL_ABSENT, served);
	test_err_alloc_cmd(EDQUOT, fd, &cmd);
	EXPECT_LT(failed, stat_value(LABYRINTH_A_STATS_FAIL, reason));
	test_free(fd, 1, &handle);
	EXPECT_LT(freed, stat_value(LABYRINTH_A_STATS_FREE, 0));
	close(fd);
}

TEST_F(netlink, verify_finds_the_books_in_order)
{
	START(VERIFY);
	ASSERT_EQ(0, CALL());
	EXPECT_EQ(0, REPLY(LABYRINTH_A_VERIFY_RESULT));
	EXPECT_EQ(self->before.slots, REPLY(LABYRINTH_A_VERIFY_SLOTS));
	EXPECT_EQ(NULL, nl_find(nl_reply(&self->msg),
				LABYRINTH_A_VERIFY_BOOK));
}

/* === What is refused ===================================================== */

/* Each operation with what it needs, to which a test adds what it refuses. */
static void start_valid(FIXTURE_DATA(netlink) *self, int command)
{
	nl_start(&self->nl, &self->msg, command, 0);
	switch (command) {
	case LABYRINTH_CMD_OWNER_GET:
	case LABYRINTH_CMD_OWNER_DEL:
	case LABYRINTH_CMD_REVOKE:
		PUT_NAME(OWNER);
		break;
	case LABYRINTH_CMD_OWNER_SET:
		PUT_NAME(OWNER);
		PUT_U64(LABYRINTH_A_OWNER_QUOTA, 3);
		break;
	case LABYRINTH_CMD_OWNER_ADD:
		PUT_NAME(OTHER);
		break;
	case LABYRINTH_CMD_PAGE_GET:
		PUT_U64(LABYRINTH_A_PAGE_HANDLE, 1);
		break;
	case LABYRINTH_CMD_RESERVE_SET:
		PUT_U64(LABYRINTH_A_RESERVE_LOW, 0);
		break;
	}
}

TEST_F(netlink, an_unknown_attribute_is_refused_by_every_operation)
{
	const int unknown[] = { LABYRINTH_A_OWNER_MAX + 1, 31, 200, 0x3fff };

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .quota = 9 }));
	for (int command = 1; command <= LABYRINTH_CMD_MAX; command++) {
		for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
			start_valid(self, command);
			PUT_U32(unknown[i], 0);
			EXPECT_BAD_VALUE(unknown[i]);
		}
	}
	EXPECT_EQ(9, owner_value(OWNER, LABYRINTH_A_OWNER_QUOTA));
	EXPECT_EQ(NL_ABSENT, owner_value(OTHER, LABYRINTH_A_OWNER_ID));
}

TEST_F(netlink, an_attribute_of_a_reply_is_refused_in_a_request)
{
	static const int replies[] = {
		LABYRINTH_A_OWNER_KIND, LABYRINTH_A_OWNER_PID,
		LABYRINTH_A_OWNER_USED, LABYRINTH_A_OWNER_QUARANTINED,
		LABYRINTH_A_OWNER_GUARANTEE_AVAILABLE, LABYRINTH_A_OWNER_AGE,
		LABYRINTH_A_OWNER_ATTACHED, LABYRINTH_A_OWNER_PAD,
		LABYRINTH_A_OWNER_INBOX_USED, LABYRINTH_A_OWNER_DEFERRED,
		LABYRINTH_A_OWNER_HANDLE, LABYRINTH_A_OWNER_REVOKED,
	};

	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .quota = 9 }));
	for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
		start_valid(self, LABYRINTH_CMD_OWNER_SET);
		PUT_U64(replies[i], 0);
		EXPECT_BAD_VALUE(replies[i]);
	}
	EXPECT_EQ(9, owner_value(OWNER, LABYRINTH_A_OWNER_QUOTA));
}

TEST_F(netlink, an_unknown_operation_is_refused)
{
	const int unknown[] = { 0, LABYRINTH_CMD_MAX + 20, 255 };

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		nl_start(&self->nl, &self->msg, unknown[i], 0);
		EXPECT_EQ(-EOPNOTSUPP, CALL());
	}
}

TEST_F(netlink, a_dump_of_what_has_none_is_refused)
{
	const int commands[] = { LABYRINTH_CMD_OWNER_ADD,
				 LABYRINTH_CMD_RESERVE_SET,
				 LABYRINTH_CMD_VERIFY };

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		nl_start(&self->nl, &self->msg, commands[i], NLM_F_DUMP);
		EXPECT_EQ(-EOPNOTSUPP, CALL());
	}
}

TEST_F(netlink, a_missing_attribute_is_refused)
{
	const int commands[] = { LABYRINTH_CMD_OWNER_GET,
				 LABYRINTH_CMD_OWNER_DEL,
				 LABYRINTH_CMD_OWNER_SET,
				 LABYRINTH_CMD_OWNER_ADD,
				 LABYRINTH_CMD_PAGE_GET,
				 LABYRINTH_CMD_RESERVE_SET };

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		nl_start(&self->nl, &self->msg, commands[i], 0);
		EXPECT_REFUSED(EINVAL, 0);
	}
}

TEST_F(netlink, a_dump_refuses_a_value_of_the_wrong_length)
{
	DUMP(PAGE_GET);
	PUT_U64(LABYRINTH_A_PAGE_OWNER, 1);
	EXPECT_BAD_VALUE(LABYRINTH_A_PAGE_OWNER);
}

TEST_F(netlink, a_value_of_the_wrong_length_is_refused)
{
	static const struct {
		int command, type;
		size_t length;
	} wrong[] = {
		{ LABYRINTH_CMD_OWNER_GET, LABYRINTH_A_OWNER_ID, 8 },
		{ LABYRINTH_CMD_OWNER_GET, LABYRINTH_A_OWNER_ID, 2 },
		{ LABYRINTH_CMD_OWNER_SET, LABYRINTH_A_OWNER_UID, 8 },
		{ LABYRINTH_CMD_OWNER_SET, LABYRINTH_A_OWNER_MODE, 2 },
		{ LABYRINTH_CMD_OWNER_SET, LABYRINTH_A_OWNER_QUOTA, 4 },
		{ LABYRINTH_CMD_OWNER_SET, LABYRINTH_A_OWNER_GUARANTEE, 0 },
		{ LABYRINTH_CMD_OWNER_SET, LABYRINTH_A_OWNER_EMERGENCY, 1 },
		{ LABYRINTH_CMD_OWNER_SET, LABYRINTH_A_OWNER_ACCEPT, 8 },
		{ LABYRINTH_CMD_OWNER_SET, LABYRINTH_A_OWNER_INBOX, 2 },
		{ LABYRINTH_CMD_PAGE_GET, LABYRINTH_A_PAGE_HANDLE, 4 },
		{ LABYRINTH_CMD_PAGE_GET, LABYRINTH_A_PAGE_HANDLE, 9 },
		{ LABYRINTH_CMD_PAGE_GET, LABYRINTH_A_PAGE_OWNER, 8 },
		{ LABYRINTH_CMD_RESERVE_SET, LABYRINTH_A_RESERVE_LOW, 4 },
		{ LABYRINTH_CMD_RESERVE_SET, LABYRINTH_A_RESERVE_NODE, 8 },
	};
	static const char zeroes[16];

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		nl_start(&self->nl, &self->msg, wrong[i].command, 0);
		nl_put(&self->msg, wrong[i].type, zeroes, wrong[i].length);
		EXPECT_BAD_VALUE(wrong[i].type);
	}
}

TEST_F(netlink, an_owner_is_named_in_one_way)
{
	ASSERT_EQ(0, owner_add(OWNER, (struct owner_options){ .quota = 9 }));
	START(OWNER_GET);
	PUT_NAME(OWNER);
	PUT_U32(LABYRINTH_A_OWNER_ID,
		owner_value(OWNER, LABYRINTH_A_OWNER_ID));
	EXPECT_EQ(-EINVAL, CALL());
	EXPECT_STRNE("", self->msg.text);
}

TEST_F(netlink, an_owner_that_is_not_there_is_told)
{
	const int commands[] = { LABYRINTH_CMD_OWNER_GET,
				 LABYRINTH_CMD_OWNER_DEL,
				 LABYRINTH_CMD_OWNER_SET };

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		start_valid(self, commands[i]);
		EXPECT_REFUSED(ENOENT, LABYRINTH_A_OWNER_NAME);
		nl_start(&self->nl, &self->msg, commands[i], 0);
		PUT_U32(LABYRINTH_A_OWNER_ID, 0xffffffff);
		if (commands[i] == LABYRINTH_CMD_OWNER_SET)
			PUT_U64(LABYRINTH_A_OWNER_QUOTA, 1);
		EXPECT_REFUSED(ENOENT, LABYRINTH_A_OWNER_ID);
	}
}

TEST_HARNESS_MAIN
