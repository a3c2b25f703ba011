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

/* Those of @types that are there, each with its value. */
static void state_add_values(struct state *state, const struct nlmsghdr *nlh,
			     const int *types, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		__u64 value = nl_get(nlh, types[i]);

		if (value != NL_ABSENT)
			state_add(state, " %d:%llu", types[i], value);
	}
	state_add(state, "\n");
}

static int state_owner(const struct nlmsghdr *nlh, void *arg)
{
	static const int types[] = {
		LABYRINTH_A_OWNER_ID, LABYRINTH_A_OWNER_KIND,
		LABYRINTH_A_OWNER_UID, LABYRINTH_A_OWNER_GID,
		LABYRINTH_A_OWNER_MODE, LABYRINTH_A_OWNER_PID,
		LABYRINTH_A_OWNER_USED, LABYRINTH_A_OWNER_QUOTA,
		LABYRINTH_A_OWNER_GUARANTEE, LABYRINTH_A_OWNER_EMERGENCY,
		LABYRINTH_A_OWNER_QUARANTINED, LABYRINTH_A_OWNER_ATTACHED,
		LABYRINTH_A_OWNER_ACCEPT, LABYRINTH_A_OWNER_INBOX,
		LABYRINTH_A_OWNER_INBOX_USED, LABYRINTH_A_OWNER_DEFERRED,
	};
	const struct nlattr *name = nl_find(nlh, LABYRINTH_A_OWNER_NAME);

	state_add(arg, "owner %s", name ? (const char *)nl_data(name) : "?");
	state_add_values(arg, nlh, types, ARRAY_SIZE(types));
	return 0;
}

static int state_page(const struct nlmsghdr *nlh, void *arg)
{
	static const int types[] = {
		LABYRINTH_A_PAGE_HANDLE, LABYRINTH_A_PAGE_OWNER,
		LABYRINTH_A_PAGE_STATE, LABYRINTH_A_PAGE_ORDER,
		LABYRINTH_A_PAGE_SCOPE, LABYRINTH_A_PAGE_RUNG,
		LABYRINTH_A_PAGE_TAG, LABYRINTH_A_PAGE_USED,
		LABYRINTH_A_PAGE_MAPPED, LABYRINTH_A_PAGE_PHYS,
	};

	state_add(arg, "page");
	state_add_values(arg, nlh, types, ARRAY_SIZE(types));
	return 0;
}

static int state_dump(struct state *state, int command, nl_visit visit)
{
	static struct nl_message msg;
	struct nl nl;
	int ret = nl_open(&nl);

	if (ret)
		return ret;
	nl_start(&nl, &msg, command, NLM_F_DUMP);
	ret = nl_run(&nl, &msg, visit, state);
	nl_close(&nl);
	return ret;
}

static int state_latency(struct state *state)
{
	static const int types[] = {
		LABYRINTH_A_LATENCY_ENABLED, LABYRINTH_A_LATENCY_DEADLINE,
	};
	static struct nl_message msg;
	struct nl nl;
	int ret = nl_open(&nl);

	if (ret)
		return ret;
	nl_start(&nl, &msg, LABYRINTH_CMD_LATENCY_GET, 0);
	ret = nl_call(&nl, &msg);
	nl_close(&nl);
	state_add(state, "latency");
	state_add_values(state, nl_reply(&msg), types, ARRAY_SIZE(types));
	return ret;
}

static int state_books(struct state *state)
{
	struct books books;
	int ret = books_get(&books);

	if (ret)
		return ret;
	state_add(state, "info: slots %llu, ceiling %llu, owners %llu, guaranteed %llu\n",
		  books.slots, books.ceiling, books.owners, books.guaranteed_sum);
	state_add(state, "reserve: low %llu, high %llu, emergency %llu\n", books.low,
		  books.high, books.emergency);
	return 0;
}

int state_read(struct state *state)
{
	int ret;

	state->length = 0;
	state_add(state, "module: %s\n", module_loaded("labyrinth") ? "loaded" : "none");
	state_add(state, "capture: %s\n",
		  module_loaded("labyrinth_capture") ? "loaded" : "none");
	state_add(state, "device: %s\n",
		  access(LABYRINTH_DEVICE, F_OK) ? "none" : "there");
	if (!module_loaded("labyrinth"))
		return 0;
	ret = state_books(state);
	ret = ret ?: state_latency(state);
	ret = ret ?: state_dump(state, LABYRINTH_CMD_OWNER_GET, state_owner);
	return ret ?: state_dump(state, LABYRINTH_CMD_PAGE_GET, state_page);
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
