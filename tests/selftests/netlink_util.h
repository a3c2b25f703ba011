/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Generic netlink over a plain socket, so that a test can send what a library
 * would not, and sees the extended acknowledgment as it came.
 */
#ifndef LABYRINTH_SELFTESTS_NETLINK_UTIL_H
#define LABYRINTH_SELFTESTS_NETLINK_UTIL_H

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <sys/socket.h>

#include <linux/labyrinth_netlink.h>

#include "util.h"

struct nl {
	int fd;
	__u16 family;
	__u32 sequence;
};

/* A request, and what came back. */
struct nl_message {
	_Alignas(8) char request[2048];
	_Alignas(8) char reply[16384];
	size_t reply_length;
	char text[256];		/* of the extended acknowledgment, or empty */
	__u32 offset;		/* of the culprit, 0 if not told */
	__u32 missing;		/* attribute that is missing, 0 if not told */
};

/* Called for each message of a dump; 0 to go on. */
typedef int (*nl_visit)(const struct nlmsghdr *nlh, void *arg);

static inline struct nlmsghdr *nl_request(struct nl_message *msg)
{
	return (struct nlmsghdr *)msg->request;
}

static inline void nl_start(struct nl *nl, struct nl_message *msg, int command,
			    int flags)
{
	struct nlmsghdr *nlh = nl_request(msg);
	struct genlmsghdr *genl = NLMSG_DATA(nlh);

	memset(msg->request, 0, sizeof(msg->request));
	nlh->nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	nlh->nlmsg_type = nl->family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	nlh->nlmsg_seq = ++nl->sequence;
	genl->cmd = command;
	genl->version = LABYRINTH_GENL_VERSION;
}

static inline void nl_put(struct nl_message *msg, int type, const void *data,
			  size_t length)
{
	struct nlmsghdr *nlh = nl_request(msg);
	size_t at = NLMSG_ALIGN(nlh->nlmsg_len);
	struct nlattr attribute = {
		.nla_type = type,
		.nla_len = NLA_HDRLEN + length,
	};

	if (at + NLA_HDRLEN + NLA_ALIGN(length) > sizeof(msg->request))
		abort();
	memcpy(msg->request + at, &attribute, sizeof(attribute));
	if (length)
		memcpy(msg->request + at + NLA_HDRLEN, data, length);
	nlh->nlmsg_len = at + NLA_HDRLEN + NLA_ALIGN(length);
}

static inline void nl_put_u32(struct nl_message *msg, int type, __u32 value)
{
	nl_put(msg, type, &value, sizeof(value));
}

static inline void nl_put_u64(struct nl_message *msg, int type, __u64 value)
{
	nl_put(msg, type, &value, sizeof(value));
}

static inline void nl_put_string(struct nl_message *msg, int type,
				 const char *value)
{
	nl_put(msg, type, value, strlen(value) + 1);
}

static inline const struct nlattr *nl_find_in(const void *start, size_t length,
					      unsigned int type)
{
	const struct nlattr *attribute = start;

	while (length >= NLA_HDRLEN && attribute->nla_len >= NLA_HDRLEN &&
	       attribute->nla_len <= length) {
		size_t step = NLA_ALIGN(attribute->nla_len);

		if ((attribute->nla_type & NLA_TYPE_MASK) == type)
			return attribute;
		if (step >= length)
			break;
		length -= step;
		attribute = (const void *)((const char *)attribute + step);
	}
	return NULL;
}

static inline const struct nlattr *nl_find(const struct nlmsghdr *nlh,
					   unsigned int type)
{
	size_t header = NLMSG_LENGTH(GENL_HDRLEN);

	if (nlh->nlmsg_len < header)
		return NULL;
	return nl_find_in((const char *)nlh + header, nlh->nlmsg_len - header,
			  type);
}

static inline const void *nl_data(const struct nlattr *attribute)
{
	return (const char *)attribute + NLA_HDRLEN;
}

/* u32 or u64; LABYRINTH_UNLIMITED - 1, which nothing is, where it is absent. */
#define NL_ABSENT	(LABYRINTH_UNLIMITED - 1)

static inline __u64 nl_value(const struct nlattr *attribute)
{
	__u64 wide;
	__u32 value;

	if (attribute && attribute->nla_len == NLA_HDRLEN + sizeof(wide)) {
		memcpy(&wide, nl_data(attribute), sizeof(wide));
		return wide;
	}
	if (attribute && attribute->nla_len == NLA_HDRLEN + sizeof(value)) {
		memcpy(&value, nl_data(attribute), sizeof(value));
		return value;
	}
	return NL_ABSENT;
}

static inline __u64 nl_get(const struct nlmsghdr *nlh, int type)
{
	return nl_value(nl_find(nlh, type));
}

static inline void nl_note_error(struct nl_message *msg,
				 const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = NLMSG_DATA(nlh);
	size_t skip = NLMSG_LENGTH(sizeof(*err));
	const struct nlattr *attribute;
	const void *tlvs;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += err->msg.nlmsg_len - sizeof(struct nlmsghdr);
	if (nlh->nlmsg_type == NLMSG_DONE)
		skip = NLMSG_LENGTH(sizeof(int));
	if (nlh->nlmsg_len <= skip)
		return;
	tlvs = (const char *)nlh + skip;

	attribute = nl_find_in(tlvs, nlh->nlmsg_len - skip, NLMSGERR_ATTR_MSG);
	if (attribute)
		snprintf(msg->text, sizeof(msg->text), "%s",
			 (const char *)nl_data(attribute));
	attribute = nl_find_in(tlvs, nlh->nlmsg_len - skip,
			       NLMSGERR_ATTR_OFFS);
	if (attribute)
		msg->offset = nl_value(attribute);
	attribute = nl_find_in(tlvs, nlh->nlmsg_len - skip,
			       NLMSGERR_ATTR_MISS_TYPE);
	if (attribute)
		msg->missing = nl_value(attribute);
}

/*
 * Send the request and read until it is answered: 0 or -errno. Without @visit
 * the last data message stays in msg->reply.
 */
static inline int nl_run(struct nl *nl, struct nl_message *msg, nl_visit visit,
			 void *arg)
{
	_Alignas(8) char buffer[32768];

	msg->reply_length = 0;
	msg->text[0] = '\0';
	msg->offset = 0;
	msg->missing = 0;
	if (send(nl->fd, msg->request, nl_request(msg)->nlmsg_len, 0) < 0)
		return -errno;

	for (;;) {
		ssize_t length = recv(nl->fd, buffer, sizeof(buffer), 0);
		struct nlmsghdr *nlh = (void *)buffer;

		if (length < 0)
			return -errno;
		for (; NLMSG_OK(nlh, length); nlh = NLMSG_NEXT(nlh, length)) {
			int ret;

			if (nlh->nlmsg_seq != nl_request(msg)->nlmsg_seq)
				continue;
			if (nlh->nlmsg_type == NLMSG_ERROR ||
			    nlh->nlmsg_type == NLMSG_DONE) {
				nl_note_error(msg, nlh);
				return *(int *)NLMSG_DATA(nlh);
			}
			if (visit) {
				ret = visit(nlh, arg);
				if (ret)
					return ret;
			} else if (nlh->nlmsg_len <= sizeof(msg->reply)) {
				memcpy(msg->reply, nlh, nlh->nlmsg_len);
				msg->reply_length = nlh->nlmsg_len;
			}
		}
	}
}

static inline int nl_call(struct nl *nl, struct nl_message *msg)
{
	return nl_run(nl, msg, NULL, NULL);
}

static inline const struct nlmsghdr *nl_reply(const struct nl_message *msg)
{
	return (const void *)msg->reply;
}

/* Type of the attribute that the extended acknowledgment points at, or 0. */
static inline int nl_culprit(const struct nl_message *msg)
{
	struct nlattr attribute = {};

	if (msg->offset >= NLMSG_LENGTH(GENL_HDRLEN) &&
	    msg->offset + sizeof(attribute) <= sizeof(msg->request))
		memcpy(&attribute, msg->request + msg->offset,
		       sizeof(attribute));
	return attribute.nla_type & NLA_TYPE_MASK;
}

static inline void nl_close(struct nl *nl)
{
	close(nl->fd);
}

/* 0, or -errno: -ENOENT where the family is not there. */
static inline int nl_open(struct nl *nl)
{
	struct timeval bound = { .tv_sec = DEADLINE_SECONDS };
	static struct nl_message msg;
	int on = 1, ret;

	memset(nl, 0, sizeof(*nl));
	nl->family = GENL_ID_CTRL;
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (nl->fd < 0)
		return -errno;
	setsockopt(nl->fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));

	nl_start(nl, &msg, CTRL_CMD_GETFAMILY, 0);
	nl_put_string(&msg, CTRL_ATTR_FAMILY_NAME, LABYRINTH_GENL_NAME);
	ret = nl_call(nl, &msg);
	if (!ret && nl_find(nl_reply(&msg), CTRL_ATTR_FAMILY_ID))
		memcpy(&nl->family,
		       nl_data(nl_find(nl_reply(&msg), CTRL_ATTR_FAMILY_ID)),
		       sizeof(nl->family));
	if (ret)
		nl_close(nl);
	return ret;
}

#endif /* LABYRINTH_SELFTESTS_NETLINK_UTIL_H */
