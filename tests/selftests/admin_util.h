/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an administrator does, in one call each: for tests that need a named
 * owner, a quota or a reserve of known size. All return 0 or -errno.
 */
#ifndef LABYRINTH_SELFTESTS_ADMIN_UTIL_H
#define LABYRINTH_SELFTESTS_ADMIN_UTIL_H

#include "netlink_util.h"

/* "Leave it as it is", for what is optional. */
#define KEEP	NL_ABSENT

struct owner_options {
	__u32 uid;
	__u32 gid;
	__u32 mode;
	__u64 quota;		/* 0: not given */
	__u64 guarantee;	/* 0: not given */
	__u32 accept;		/* 0: not given */
	__u32 inbox;		/* 0: not given */
};

static inline int owner_add(const char *name, struct owner_options options)
{
	static struct nl_message msg;
	struct nl nl;
	int ret = nl_open(&nl);

	if (ret)
		return ret;
	nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_ADD, 0);
	nl_put_string(&msg, LABYRINTH_A_OWNER_NAME, name);
	nl_put_u32(&msg, LABYRINTH_A_OWNER_UID, options.uid);
	nl_put_u32(&msg, LABYRINTH_A_OWNER_GID, options.gid);
	nl_put_u32(&msg, LABYRINTH_A_OWNER_MODE, options.mode);
	if (options.quota)
		nl_put_u64(&msg, LABYRINTH_A_OWNER_QUOTA, options.quota);
	if (options.guarantee)
		nl_put_u64(&msg, LABYRINTH_A_OWNER_GUARANTEE,
			   options.guarantee);
	if (options.accept)
		nl_put_u32(&msg, LABYRINTH_A_OWNER_ACCEPT, options.accept);
	if (options.inbox)
		nl_put_u32(&msg, LABYRINTH_A_OWNER_INBOX, options.inbox);
	ret = nl_call(&nl, &msg);
	nl_close(&nl);
	return ret;
}

static inline int owner_del(const char *name)
{
	static struct nl_message msg;
	struct nl nl;
	int ret = nl_open(&nl);

	if (ret)
		return ret;
	nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_DEL, 0);
	nl_put_string(&msg, LABYRINTH_A_OWNER_NAME, name);
	ret = nl_call(&nl, &msg);
	nl_close(&nl);
	return ret;
}

/* @attribute of the named owner, NL_ABSENT if there is no such thing. */
static inline __u64 owner_value(const char *name, int attribute)
{
	static struct nl_message msg;
	__u64 value = NL_ABSENT;
	struct nl nl;

	if (nl_open(&nl))
		return value;
	nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_GET, 0);
	nl_put_string(&msg, LABYRINTH_A_OWNER_NAME, name);
	if (!nl_call(&nl, &msg))
		value = nl_get(nl_reply(&msg), attribute);
	nl_close(&nl);
	return value;
}

/* Sets one 64-bit @attribute of any owner, by number. */
static inline int owner_set(__u32 owner, int attribute, __u64 value)
{
	static struct nl_message msg;
	struct nl nl;
	int ret = nl_open(&nl);

	if (ret)
		return ret;
	nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_SET, 0);
	nl_put_u32(&msg, LABYRINTH_A_OWNER_ID, owner);
	nl_put_u64(&msg, attribute, value);
	ret = nl_call(&nl, &msg);
	nl_close(&nl);
	return ret;
}

/* Sets one 32-bit @attribute of a named owner. */
static inline int owner_set_named(const char *name, int attribute, __u32 value)
{
	static struct nl_message msg;
	struct nl nl;
	int ret = nl_open(&nl);

	if (ret)
		return ret;
	nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_SET, 0);
	nl_put_string(&msg, LABYRINTH_A_OWNER_NAME, name);
	nl_put_u32(&msg, attribute, value);
	ret = nl_call(&nl, &msg);
	nl_close(&nl);
	return ret;
}

static inline int owner_uid_set(const char *name, __u32 uid)
{
	return owner_set_named(name, LABYRINTH_A_OWNER_UID, uid);
}

static inline int file_quota_set(int fd, __u64 quota)
{
	struct labyrinth_info info;
	int ret = _info(fd, &info);

	return ret ?: owner_set(info.out_owner, LABYRINTH_A_OWNER_QUOTA, quota);
}

/*
 * Takes blocks from an owner, by @name or, if that is NULL, by number: all of
 * them without a @handle. The pages taken, or -errno.
 */
static inline long long revoke_from(__u32 owner, const char *name,
				     __u64 handle)
{
	static struct nl_message msg;
	struct nl nl;
	int ret = nl_open(&nl);

	if (ret)
		return ret;
	nl_start(&nl, &msg, LABYRINTH_CMD_REVOKE, 0);
	if (name)
		nl_put_string(&msg, LABYRINTH_A_OWNER_NAME, name);
	else
		nl_put_u32(&msg, LABYRINTH_A_OWNER_ID, owner);
	if (handle)
		nl_put_u64(&msg, LABYRINTH_A_OWNER_HANDLE, handle);
	ret = nl_call(&nl, &msg);
	nl_close(&nl);
	return ret ?: (long long)nl_get(nl_reply(&msg),
					LABYRINTH_A_OWNER_REVOKED);
}

/* The watermarks of one node, or of every one (KEEP); KEEP leaves one as it is. */
static inline int reserve_set_of(__u64 node, __u64 low, __u64 high,
				 __u64 emergency)
{
	static struct nl_message msg;
	struct nl nl;
	int ret = nl_open(&nl);

	if (ret)
		return ret;
	nl_start(&nl, &msg, LABYRINTH_CMD_RESERVE_SET, 0);
	if (node != KEEP)
		nl_put_u32(&msg, LABYRINTH_A_RESERVE_NODE, node);
	if (low != KEEP)
		nl_put_u64(&msg, LABYRINTH_A_RESERVE_LOW, low);
	if (high != KEEP)
		nl_put_u64(&msg, LABYRINTH_A_RESERVE_HIGH, high);
	if (emergency != KEEP)
		nl_put_u64(&msg, LABYRINTH_A_RESERVE_EMERGENCY, emergency);
	ret = nl_call(&nl, &msg);
	nl_close(&nl);
	return ret;
}

static inline int reserve_set(__u64 low, __u64 high, __u64 emergency)
{
	return reserve_set_of(KEEP, low, high, emergency);
}

/* A counter of STATS_GET's; of one that is a nest, @index in it. */
static inline __u64 stat_value(int type, int index)
{
	static struct nl_message msg;
	const struct nlattr *found;
	struct nl nl;
	int ret;

	if (nl_open(&nl))
		return NL_ABSENT;
	nl_start(&nl, &msg, LABYRINTH_CMD_STATS_GET, 0);
	ret = nl_call(&nl, &msg);
	nl_close(&nl);
	found = ret ? NULL : nl_find(nl_reply(&msg), type);
	if (found && index)
		found = nl_find_in(nl_data(found), found->nla_len - NLA_HDRLEN,
				   index);
	return nl_value(found);
}

/* What verify says: 0 if all books agree; else it is told which does not. */
static inline __u64 verify_result(void)
{
	static struct nl_message msg;
	const struct nlattr *text;
	struct nl nl;
	int ret;

	if (nl_open(&nl))
		return NL_ABSENT;
	nl_start(&nl, &msg, LABYRINTH_CMD_VERIFY, 0);
	ret = nl_call(&nl, &msg);
	nl_close(&nl);
	if (ret)
		return NL_ABSENT;
	text = nl_find(nl_reply(&msg), LABYRINTH_A_VERIFY_TEXT);
	if (text)
		fprintf(stderr, "# verify: %s: expected %llu, found %llu\n",
			(const char *)nl_data(text),
			nl_get(nl_reply(&msg), LABYRINTH_A_VERIFY_EXPECTED),
			nl_get(nl_reply(&msg), LABYRINTH_A_VERIFY_FOUND));
	return nl_get(nl_reply(&msg), LABYRINTH_A_VERIFY_RESULT);
}

/* The books as INFO_GET shows them, added up over one node or all of them. */
struct books {
	__u64 slots, vacant, taken, ceiling, owners, guaranteed_sum, debug;
	__u64 low, high, emergency;
	__u64 available, guaranteed, emergency_available, cpu;
};

static inline void add_node(struct books *books, const struct nlattr *nest)
{
	static const int types[] = {
		LABYRINTH_A_RESERVE_LOW,
		LABYRINTH_A_RESERVE_HIGH,
		LABYRINTH_A_RESERVE_EMERGENCY,
		LABYRINTH_A_RESERVE_AVAILABLE,
		LABYRINTH_A_RESERVE_GUARANTEED,
		LABYRINTH_A_RESERVE_EMERGENCY_AVAILABLE,
		LABYRINTH_A_RESERVE_CPU,
	};
	__u64 *sums[] = {
		&books->low, &books->high, &books->emergency,
		&books->available, &books->guaranteed,
		&books->emergency_available, &books->cpu,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		*sums[i] += nl_value(nl_find_in(nl_data(nest),
						nest->nla_len - NLA_HDRLEN,
						types[i]));
}

static inline bool is_of_node(const struct nlattr *nest, __u64 node)
{
	return node == KEEP ||
	       nl_value(nl_find_in(nl_data(nest), nest->nla_len - NLA_HDRLEN,
				   LABYRINTH_A_RESERVE_NODE)) == node;
}

static inline int books_of(__u64 node, struct books *books)
{
	static struct nl_message msg;
	const struct nlattr *attribute;
	const struct nlmsghdr *nlh = nl_reply(&msg);
	const char *end;
	struct nl nl;
	int ret = nl_open(&nl);

	if (ret)
		return ret;
	nl_start(&nl, &msg, LABYRINTH_CMD_INFO_GET, 0);
	ret = nl_call(&nl, &msg);
	nl_close(&nl);
	if (ret)
		return ret;

	memset(books, 0, sizeof(*books));
	books->slots = nl_get(nlh, LABYRINTH_A_INFO_SLOTS);
	books->vacant = nl_get(nlh, LABYRINTH_A_INFO_SLOTS_VACANT);
	books->taken = nl_get(nlh, LABYRINTH_A_INFO_PAGES_TAKEN);
	books->ceiling = nl_get(nlh, LABYRINTH_A_INFO_CEILING);
	books->owners = nl_get(nlh, LABYRINTH_A_INFO_OWNERS);
	books->guaranteed_sum = nl_get(nlh, LABYRINTH_A_INFO_GUARANTEED);
	books->debug = !!nl_find(nlh, LABYRINTH_A_INFO_DEBUG);
	end = (const char *)nlh + nlh->nlmsg_len;
	attribute = nl_find(nlh, LABYRINTH_A_INFO_RESERVE);
	while (attribute) {
		const char *next = (const char *)attribute +
				   NLA_ALIGN(attribute->nla_len);

		if (is_of_node(attribute, node))
			add_node(books, attribute);
		attribute = next >= end ? NULL :
			nl_find_in(next, end - next, LABYRINTH_A_INFO_RESERVE);
	}
	return 0;
}

static inline int books_get(struct books *books)
{
	return books_of(KEEP, books);
}

/* Pages that are neither at hand nor on their way there: someone's. */
static inline __s64 pages_out(void)
{
	struct books books;

	if (books_get(&books))
		return -1;
	return books.taken - books.available - books.guaranteed -
	       books.emergency_available - books.cpu;
}

/*
 * What the test before gave back has been wiped: until then the system's memory
 * may be refused.
 */
static inline bool all_pages_are_back(void)
{
	return WAIT_UNTIL(!pages_out());
}

/* The reserve, full: what most tests here start from. */
static inline int reserve_is_full(__u64 high)
{
	struct books books;

	return !books_get(&books) &&
	       books.available + books.guaranteed + books.cpu >= high;
}

static inline int refill_to(__u64 low, __u64 high)
{
	int ret = reserve_set(low, high, KEEP);

	if (ret)
		return ret;
	return WAIT_UNTIL(reserve_is_full(high)) ? 0 : -ETIMEDOUT;
}

#endif /* LABYRINTH_SELFTESTS_ADMIN_UTIL_H */
