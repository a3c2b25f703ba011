// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module tells of itself: every owner, every page, the watermarks, what is
 * set. Not what time alone changes, nor how the worker is getting on.
 */
#include <stdarg.h>

#include "failnth.h"
#include "admin_util.h"

static void state_add(struct state *state, const char *format, ...)
{
	size_t room = sizeof(state->text) - state->length;
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(state->text + state->length, room, format, list);
	va_end(list);
	if (length < 0 || (size_t)length >= room) {
		fprintf(stderr, "# the state is too long\n");
		abort();
	}
	state->length += length;
}

/* Where the sums of each kind of attributes are. */
#define STATE_INFO	0
#define STATE_RESERVE	32
#define STATE_OWNER	64
#define STATE_PAGE	96
#define STATE_LATENCY	128

/* Those of @types that are there, each with its value; @at: where its sum is, or -1. */
static void state_add_values(struct state *state, const struct nlmsghdr *nlh,
			     const int *types, size_t count, int at)
{
	size_t i;

	for (i = 0; i < count; i++) {
		__u64 value = nl_get(nlh, types[i]);

		if (value == NL_ABSENT)
			continue;
		state_add(state, " %d:%llu", types[i], value);
		if (at >= 0)
			state->sum[at + types[i]] += value;
	}
}

static int state_owner(const struct nlmsghdr *nlh, void *arg)
{
	/* Another time it is another one. */
	static const int varies[] = { LABYRINTH_A_OWNER_ID, LABYRINTH_A_OWNER_PID };
	static const int types[] = {
		LABYRINTH_A_OWNER_KIND,
		LABYRINTH_A_OWNER_UID, LABYRINTH_A_OWNER_GID,
		LABYRINTH_A_OWNER_MODE,
		LABYRINTH_A_OWNER_USED, LABYRINTH_A_OWNER_QUOTA,
		LABYRINTH_A_OWNER_GUARANTEE, LABYRINTH_A_OWNER_EMERGENCY,
		LABYRINTH_A_OWNER_QUARANTINED, LABYRINTH_A_OWNER_ATTACHED,
		LABYRINTH_A_OWNER_ACCEPT, LABYRINTH_A_OWNER_INBOX,
		LABYRINTH_A_OWNER_INBOX_USED, LABYRINTH_A_OWNER_DEFERRED,
	};
	const struct nlattr *name = nl_find(nlh, LABYRINTH_A_OWNER_NAME);

	state_add(arg, "owner %s", name ? (const char *)nl_data(name) : "?");
	state_add_values(arg, nlh, varies, ARRAY_SIZE(varies), -1);
	state_add_values(arg, nlh, types, ARRAY_SIZE(types), STATE_OWNER);
	state_add(arg, "\n");
	return 0;
}

static int state_page(const struct nlmsghdr *nlh, void *arg)
{
	/* Another time it is another one, or comes from elsewhere. */
	static const int varies[] = {
		LABYRINTH_A_PAGE_HANDLE, LABYRINTH_A_PAGE_OWNER,
		LABYRINTH_A_PAGE_RUNG, LABYRINTH_A_PAGE_PHYS,
	};
	static const int types[] = {
		LABYRINTH_A_PAGE_STATE, LABYRINTH_A_PAGE_ORDER,
		LABYRINTH_A_PAGE_SCOPE, LABYRINTH_A_PAGE_TAG,
		LABYRINTH_A_PAGE_USED, LABYRINTH_A_PAGE_MAPPED,
	};

	state_add(arg, "page");
	state_add_values(arg, nlh, varies, ARRAY_SIZE(varies), -1);
	state_add_values(arg, nlh, types, ARRAY_SIZE(types), STATE_PAGE);
	state_add(arg, "\n");
	return 0;
}

static int state_dump(struct nl *nl, struct state *state, int command, nl_visit visit)
{
	static struct nl_message msg;

	nl_start(nl, &msg, command, NLM_F_DUMP);
	return nl_run(nl, &msg, visit, state);
}

static int state_latency(struct nl *nl, struct state *state)
{
	static const int types[] = {
		LABYRINTH_A_LATENCY_ENABLED, LABYRINTH_A_LATENCY_DEADLINE,
	};
	static struct nl_message msg;
	int ret;

	nl_start(nl, &msg, LABYRINTH_CMD_LATENCY_GET, 0);
	ret = nl_call(nl, &msg);
	state_add(state, "latency");
	state_add_values(state, nl_reply(&msg), types, ARRAY_SIZE(types), STATE_LATENCY);
	state_add(state, "\n");
	return ret;
}

/* Of all nodes together. */
static void state_reserve(struct state *state, const struct nlmsghdr *nlh)
{
	const struct nlattr *nest = nl_find(nlh, LABYRINTH_A_INFO_RESERVE);
	const char *end = (const char *)nlh + nlh->nlmsg_len;
	struct books books = {};

	while (nest) {
		const char *next = (const char *)nest + NLA_ALIGN(nest->nla_len);

		add_node(&books, nest);
		nest = next >= end ? NULL :
		       nl_find_in(next, end - next, LABYRINTH_A_INFO_RESERVE);
	}
	state_add(state, "reserve: low %llu, high %llu, emergency %llu\n", books.low,
		  books.high, books.emergency);
	state->sum[STATE_RESERVE] = books.low;
	state->sum[STATE_RESERVE + 1] = books.high;
	state->sum[STATE_RESERVE + 2] = books.emergency;
}

static int state_info(struct nl *nl, struct state *state)
{
	static const int types[] = {
		LABYRINTH_A_INFO_SLOTS, LABYRINTH_A_INFO_CEILING,
		LABYRINTH_A_INFO_OWNERS, LABYRINTH_A_INFO_GUARANTEED,
	};
	static struct nl_message msg;
	int ret;

	nl_start(nl, &msg, LABYRINTH_CMD_INFO_GET, 0);
	ret = nl_call(nl, &msg);
	if (ret)
		return ret;
	state_add(state, "info");
	state_add_values(state, nl_reply(&msg), types, ARRAY_SIZE(types), STATE_INFO);
	state_add(state, "\n");
	state_reserve(state, nl_reply(&msg));
	return 0;
}

static int state_of_module(struct state *state)
{
	struct nl nl;
	int ret = nl_open(&nl);

	if (ret)
		return ret;
	ret = state_info(&nl, state);
	ret = ret ?: state_latency(&nl, state);
	ret = ret ?: state_dump(&nl, state, LABYRINTH_CMD_OWNER_GET, state_owner);
	ret = ret ?: state_dump(&nl, state, LABYRINTH_CMD_PAGE_GET, state_page);
	nl_close(&nl);
	return ret;
}

int state_read(struct state *state)
{
	memset(state->sum, 0, sizeof(state->sum));
	state->length = 0;
	state_add(state, "module: %s\n", module_loaded("labyrinth") ? "loaded" : "none");
	state_add(state, "capture: %s\n",
		  module_loaded("labyrinth_capture") ? "loaded" : "none");
	state_add(state, "device: %s\n",
		  access(LABYRINTH_DEVICE, F_OK) ? "none" : "there");
	return module_loaded("labyrinth") ? state_of_module(state) : 0;
}

/* The line of @text that is at @at. */
static const char *state_line(const char *text, size_t at)
{
	static char line[256];

	while (at && text[at - 1] != '\n')
		at--;
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(text + at, "\n"), text + at);
	return line;
}

const char *state_differs(const struct state *before, const struct state *now)
{
	size_t i = 0;

	while (i < before->length && i < now->length && before->text[i] == now->text[i])
		i++;
	if (i == before->length && i == now->length)
		return NULL;
	return i < now->length ? state_line(now->text, i) :
				 state_line(before->text, i);
}

int state_sums_differ(const struct state *one, const struct state *other)
{
	int i;

	for (i = 0; i < STATE_SUMS; i++)
		if (one->sum[i] != other->sum[i])
			return i;
	return -1;
}
