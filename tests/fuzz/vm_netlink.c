// SPDX-License-Identifier: GPL-2.0-only
/*
 * The netlink family: all commands, all attributes; too short, too long, nested,
 * twice, missing, unknown.
 */
#include "vm_fuzz.h"

enum shape { U32, U64, STRING, FLAG };

/**
 * struct attribute - what a request may have
 * @type: 0 ends a list
 * @shape: of its value
 * @often: of 8 requests so many have it
 * @value: makes one; NULL: any at all
 */
struct attribute {
	u32 type;
	enum shape shape;
	u32 often;
	u64 (*value)(struct cursor *at);
};

static u64 an_owner(struct cursor *at)
{
	return some_owner(at, choose(at, 2));
}

static u64 a_handle(struct cursor *at)
{
	return some_handle(at, choose(at, 2));
}

static u64 a_user(struct cursor *at)
{
	return choose(at, 2) ? NOBODY : 0;
}

static u64 a_mode(struct cursor *at)
{
	return choose(at, 3) ? 0666 : choose(at, 01000);
}

static u64 a_quota(struct cursor *at)
{
	return choose(at, 4) ? 1 + choose(at, 1024) : LABYRINTH_UNLIMITED;
}

static u64 a_few(struct cursor *at)
{
	return choose(at, 16);
}

static u64 a_watermark(struct cursor *at)
{
	static const u64 marks[] = { 0, 1, 16, 64, 256, 1024, 4096 };

	return marks[choose(at, ARRAY_SIZE(marks))];
}

static u64 yes_or_no(struct cursor *at)
{
	return choose(at, 2);
}

static u64 an_accept(struct cursor *at)
{
	return choose(at, 3);
}

static const struct attribute nothing[] = { {} };
static const struct attribute name_of = { LABYRINTH_A_OWNER_NAME, STRING, 8 };
static const struct attribute number_of = { LABYRINTH_A_OWNER_ID, U32, 8, an_owner };
static const struct attribute one_page[] = { { LABYRINTH_A_PAGE_HANDLE, U64, 8, a_handle }, {} };
static const struct attribute pages_of[] = { { LABYRINTH_A_PAGE_OWNER, U32, 4, an_owner }, {} };

static const struct attribute reserve[] = {
	{ LABYRINTH_A_RESERVE_NODE, U32, 1 },
	{ LABYRINTH_A_RESERVE_LOW, U64, 3, a_watermark },
	{ LABYRINTH_A_RESERVE_HIGH, U64, 5, a_watermark },
	{ LABYRINTH_A_RESERVE_EMERGENCY, U64, 2, a_watermark }, {}
};

static const struct attribute owner[] = {
	{ LABYRINTH_A_OWNER_UID, U32, 3, a_user },
	{ LABYRINTH_A_OWNER_GID, U32, 2, a_user },
	{ LABYRINTH_A_OWNER_MODE, U32, 3, a_mode },
	{ LABYRINTH_A_OWNER_QUOTA, U64, 3, a_quota },
	{ LABYRINTH_A_OWNER_GUARANTEE, U64, 2, a_few },
	{ LABYRINTH_A_OWNER_EMERGENCY, U32, 2, yes_or_no },
	{ LABYRINTH_A_OWNER_ACCEPT, U32, 3, an_accept },
	{ LABYRINTH_A_OWNER_INBOX, U32, 2, a_few }, {}
};

static const struct attribute revoked[] = {
	{ LABYRINTH_A_OWNER_HANDLE, U64, 4, a_handle }, {}
};

static const struct attribute record[] = {
	{ LABYRINTH_A_LATENCY_ENABLED, U32, 4, yes_or_no },
	{ LABYRINTH_A_LATENCY_DEADLINE, U64, 4, a_watermark },
	{ LABYRINTH_A_LATENCY_RESET, FLAG, 2 }, {}
};

/* === A request =========================================================== */

/* What it is said to be long need not be what it is. */
static void put(struct cursor *at, struct nl_message *msg, u32 type, const void *data,
		size_t length)
{
	struct nlmsghdr *nlh = nl_request(msg);
	u32 where = NLMSG_ALIGN(nlh->nlmsg_len);
	struct nlattr *attribute = (void *)(msg->request + where);

	if (wild(at))
		length = choose(at, 24);
	if (where + NLA_HDRLEN + NLA_ALIGN(length) > sizeof(msg->request) - 64)
		return;
	nl_put(msg, maybe(at, type), data, length);
	if (wild(at))
		attribute->nla_len = any(at);
	if (wild(at))
		attribute->nla_type |= NLA_F_NESTED;
	if (wild(at))
		attribute->nla_type |= NLA_F_NET_BYTEORDER;
}

static void put_attribute(struct cursor *at, struct nl_message *msg,
			  const struct attribute *attribute)
{
	char name[64] = {};
	u64 value;
	u32 half;

	if (attribute->shape == STRING) {
		some_name(at, name);
		put(at, msg, attribute->type, name, strnlen(name, 40) + 1);
		return;
	}
	value = maybe(at, attribute->value ? attribute->value(at) : 0);
	half = value;
	if (attribute->shape == U32)
		put(at, msg, attribute->type, &half, sizeof(half));
	else
		put(at, msg, attribute->type, &value,
		    attribute->shape == FLAG ? 0 : sizeof(value));
}

/* Whom a request is about: where it is wild by name and number, or by none. */
enum whom { NO_OWNER, NEW_OWNER, ONE_OWNER };

static void put_owner(struct cursor *at, struct nl_message *msg, enum whom whom)
{
	bool by_name = whom == NEW_OWNER || choose(at, 2);

	if (whom == NO_OWNER)
		return;
	if (by_name != wild(at))
		put_attribute(at, msg, &name_of);
	if (!by_name != wild(at))
		put_attribute(at, msg, &number_of);
}

static void put_all(struct cursor *at, struct nl_message *msg,
		    const struct attribute *list)
{
	for (; list->type; list++) {
		bool put_it = choose(at, 8) < list->often;

		if (put_it != wild(at))
			put_attribute(at, msg, list);
		if (put_it && wild(at))
			put_attribute(at, msg, list);
	}
}

static void put_rubbish(struct cursor *at, struct nl_message *msg)
{
	struct nlmsghdr *nlh = nl_request(msg);

	for (u32 i = choose(at, 12); i; i--) {
		u64 word = any(at);

		memcpy(msg->request + nlh->nlmsg_len, &word, sizeof(word));
		nlh->nlmsg_len += choose(at, 9);
	}
}

/* While all are at it the books may be too busy to tell, but they don't differ. */
static void look_at(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = NLMSG_DATA(nlh);

	if (nlh->nlmsg_type == have.nl.family && genl->cmd == LABYRINTH_CMD_VERIFY &&
	    nl_get(nlh, LABYRINTH_A_VERIFY_RESULT) == 1)
		complain("the books do not agree; expected",
			 nl_get(nlh, LABYRINTH_A_VERIFY_EXPECTED));
}

/* Reads until it is answered; what is asked is answered before send(2) returns. */
static int answer_to(struct nl *nl, u32 sequence)
{
	static __thread _Alignas(8) char buffer[32768];

	for (;;) {
		ssize_t length = recv(nl->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		struct nlmsghdr *nlh = (void *)buffer;

		if (length < 0)
			return -errno;
		for (; NLMSG_OK(nlh, length); nlh = NLMSG_NEXT(nlh, length)) {
			if (nlh->nlmsg_seq != sequence)
				continue;
			if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE)
				return *(int *)NLMSG_DATA(nlh);
			look_at(nlh);
		}
	}
}

/*
 * The record stays on. To turn it on or off patches code that others are running,
 * which an emulated CPU of QEMU's before 8.0 may not survive: it can run a breakpoint
 * that is gone, and the guest dies of it. With one CPU nobody else is running it.
 */
static void keep_recording(struct nlmsghdr *nlh, size_t length)
{
	const struct genlmsghdr *genl = NLMSG_DATA(nlh);
	char *at = (char *)genl + NLMSG_ALIGN(sizeof(*genl)), *end = (char *)nlh + length;

	if (genl->cmd != LABYRINTH_CMD_LATENCY_SET || sysconf(_SC_NPROCESSORS_ONLN) == 1)
		return;
	while (end - at >= NLA_HDRLEN) {
		struct nlattr *attribute = (void *)at;

		if (attribute->nla_len < NLA_HDRLEN || attribute->nla_len > end - at)
			return;
		if ((attribute->nla_type & NLA_TYPE_MASK) == LABYRINTH_A_LATENCY_ENABLED &&
		    attribute->nla_len > NLA_HDRLEN)
			at[NLA_HDRLEN] |= 1;
		at += NLA_ALIGN(attribute->nla_len);
	}
}

int recording(bool on)
{
	static struct nl_message msg;
	struct nl nl;
	int ret = nl_open(&nl);

	if (!ret) {
		nl_start(&nl, &msg, LABYRINTH_CMD_LATENCY_SET, 0);
		nl_put_u32(&msg, LABYRINTH_A_LATENCY_ENABLED, on);
		ret = nl_call(&nl, &msg);
	}
	nl_close(&nl);
	return ret;
}

static int ask(struct cursor *at, u32 command, int flags, enum whom whom,
	       const struct attribute *list)
{
	static __thread struct nl_message msg;
	struct nlmsghdr *nlh = nl_request(&msg);
	size_t length;
	u32 sequence;

	/* Its answers would be another's. */
	if (have.threaded || have.child < 0)
		return NOT_TRIED;
	nl_start(&have.nl, &msg, maybe(at, command), flags);
	sequence = nlh->nlmsg_seq;
	put_owner(at, &msg, whom);
	put_all(at, &msg, list);
	if (wild(at))
		put_rubbish(at, &msg);
	length = nlh->nlmsg_len;
	if (wild(at))
		nlh->nlmsg_flags ^= 1U << choose(at, 16);
	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	keep_recording(nlh, length);
	if (wild(at))
		nlh->nlmsg_len = choose(at, 2) ? length - choose(at, 8) : any(at);
	if (send(have.nl.fd, msg.request, length, 0) < 0)
		return -errno;
	return answer_to(&have.nl, sequence);
}

#define REQUEST(_name, _command, _flags, _whom, _list)			\
static int run_##_name(struct cursor *at)				\
{									\
	return ask(at, LABYRINTH_CMD_##_command, _flags, _whom, _list);	\
}

REQUEST(info, INFO_GET, 0, NO_OWNER, nothing)
REQUEST(owner, OWNER_GET, 0, ONE_OWNER, nothing)
REQUEST(owners, OWNER_GET, NLM_F_DUMP, NO_OWNER, nothing)
REQUEST(page, PAGE_GET, 0, NO_OWNER, one_page)
REQUEST(pages, PAGE_GET, NLM_F_DUMP, NO_OWNER, pages_of)
REQUEST(stats, STATS_GET, 0, NO_OWNER, nothing)
REQUEST(reserve, RESERVE_SET, 0, NO_OWNER, reserve)
REQUEST(add, OWNER_ADD, 0, NEW_OWNER, owner)
REQUEST(del, OWNER_DEL, 0, ONE_OWNER, nothing)
REQUEST(set, OWNER_SET, 0, ONE_OWNER, owner)
REQUEST(verify, VERIFY, 0, NO_OWNER, nothing)
REQUEST(latency, LATENCY_GET, 0, NO_OWNER, nothing)
REQUEST(latencies, LATENCY_GET, NLM_F_DUMP, NO_OWNER, nothing)
REQUEST(record, LATENCY_SET, 0, NO_OWNER, record)
REQUEST(revoke, REVOKE, 0, ONE_OWNER, revoked)

/* Nobody reads the dump to its end. */
static int run_left(struct cursor *at)
{
	static __thread struct nl_message msg;
	struct nl nl;
	int ret;

	if (have.threaded)
		return NOT_TRIED;
	ret = nl_open(&nl);
	if (ret)
		return ret;
	nl_start(&nl, &msg, choose(at, LABYRINTH_CMD_MAX + 2), NLM_F_DUMP);
	if (wild(at))
		put_rubbish(at, &msg);
	ret = send(nl.fd, msg.request, nl_request(&msg)->nlmsg_len, 0) < 0 ? -errno : 0;
	nl_close(&nl);
	return ret;
}

const struct kind netlink_kinds[NETLINK_KINDS] = {
	{ "INFO_GET", 1, run_info },
	{ "OWNER_GET", 1, run_owner },
	{ "OWNER_GET dump", 1, run_owners },
	{ "PAGE_GET", 2, run_page },
	{ "PAGE_GET dump", 2, run_pages },
	{ "STATS_GET", 1, run_stats },
	{ "RESERVE_SET", 1, run_reserve },
	{ "OWNER_ADD", 3, run_add, "ATTACH" },
	{ "OWNER_DEL", 2, run_del },
	{ "OWNER_SET", 3, run_set },
	{ "VERIFY", 1, run_verify },
	{ "LATENCY_GET", 1, run_latency },
	{ "LATENCY_GET dump", 1, run_latencies },
	{ "LATENCY_SET", 1, run_record },
	{ "REVOKE", 3, run_revoke },
	{ "dump, left", 1, run_left },
};
