// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations of the netlink family. ENOBUFS is netlink's own: a message could not
 * be made, the request's or the answer's.
 */
#include "failnth.h"
#include "admin_util.h"

#define NAME	"failnth.netlink"

static struct nl nl = { .fd = -1 };
static struct nl_message msg;
static int fd = -1;
static __u64 handle;
static __u32 target;

static void socket_end(void)
{
	if (nl.fd >= 0)
		nl_close(&nl);
	nl.fd = -1;
}

/* A new one each time: an attempt's rest is not another's answer. */
static int socket_anew(void)
{
	socket_end();
	return nl_open(&nl);
}

static int answer(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	++*(int *)arg;
	return 0;
}

/* A dump that finds nothing is not what it was to be. */
static int dump(int command)
{
	int count = 0, ret;

	nl_start(&nl, &msg, command, NLM_F_DUMP);
	ret = nl_run(&nl, &msg, answer, &count);
	return ret ?: count ? 0 : -ENODATA;
}

static int get(int command)
{
	nl_start(&nl, &msg, command, 0);
	return nl_call(&nl, &msg);
}

/* === Somebody to look at ================================================= */

static int file_begin(void)
{
	struct labyrinth_info info;
	int ret;

	fd = _open_device(O_RDWR);
	ret = fd < 0 ? fd : _alloc(fd, 0, 1, &handle);
	ret = ret ?: _info(fd, &info);
	target = info.out_owner;
	return ret;
}

static void file_end(void)
{
	socket_end();
	if (fd >= 0)
		close(fd);
	fd = -1;
}

static int name_end(void)
{
	int ret = owner_del(NAME);

	return ret == -ENOENT ? 0 : ret;
}

static int name_anew(void)
{
	int ret = name_end();

	ret = ret ?: owner_add(NAME, (struct owner_options){ .mode = 0600 });
	return ret ?: socket_anew();
}

static void name_gone(void)
{
	socket_end();
	name_end();
}

static int no_name(void)
{
	return name_end() ?: socket_anew();
}

/* === Looking ============================================================= */

static int info_get(void)
{
	return get(LABYRINTH_CMD_INFO_GET);
}

static int stats_get(void)
{
	return get(LABYRINTH_CMD_STATS_GET);
}

static int latency_get(void)
{
	return get(LABYRINTH_CMD_LATENCY_GET);
}

static int verify(void)
{
	return get(LABYRINTH_CMD_VERIFY);
}

static int owner_get(void)
{
	nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_GET, 0);
	nl_put_u32(&msg, LABYRINTH_A_OWNER_ID, target);
	return nl_call(&nl, &msg);
}

static int owner_dump(void)
{
	return dump(LABYRINTH_CMD_OWNER_GET);
}

static int page_get(void)
{
	nl_start(&nl, &msg, LABYRINTH_CMD_PAGE_GET, 0);
	nl_put_u64(&msg, LABYRINTH_A_PAGE_HANDLE, handle);
	return nl_call(&nl, &msg);
}

static int page_dump(void)
{
	return dump(LABYRINTH_CMD_PAGE_GET);
}

static int latency_set(__u32 enabled)
{
	nl_start(&nl, &msg, LABYRINTH_CMD_LATENCY_SET, 0);
	nl_put_u32(&msg, LABYRINTH_A_LATENCY_ENABLED, enabled);
	return nl_call(&nl, &msg);
}

static int latency_off(void)
{
	return socket_anew() ?: latency_set(0);
}

/* So that there is a record to be dumped. */
static int latency_begin(void)
{
	int ret = socket_anew();

	ret = ret ?: latency_set(1);
	ret = ret ?: file_begin();
	return ret;
}

static void latency_end(void)
{
	latency_off();
	file_end();
}

static int latency_dump(void)
{
	return dump(LABYRINTH_CMD_LATENCY_GET);
}

/* === Changing ============================================================ */

static int reserve_put(__u64 emergency)
{
	nl_start(&nl, &msg, LABYRINTH_CMD_RESERVE_SET, 0);
	nl_put_u64(&msg, LABYRINTH_A_RESERVE_EMERGENCY, emergency);
	return nl_call(&nl, &msg);
}

static __u64 emergency_before;

static int reserve_begin(void)
{
	struct books books = {};
	int ret = books_get(&books);

	emergency_before = books.emergency;
	return ret;
}

static int reserve_run(void)
{
	return reserve_put(emergency_before + 5);
}

static int reserve_after(void)
{
	return socket_anew() ?: reserve_put(emergency_before);
}

static int add(int more)
{
	nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_ADD, 0);
	nl_put_string(&msg, LABYRINTH_A_OWNER_NAME, NAME);
	if (more) {
		nl_put_u64(&msg, LABYRINTH_A_OWNER_GUARANTEE, 4);
		nl_put_u32(&msg, LABYRINTH_A_OWNER_ACCEPT, LABYRINTH_ACCEPT_ANY);
		nl_put_u32(&msg, LABYRINTH_A_OWNER_INBOX, 3000);
	}
	return nl_call(&nl, &msg);
}

static int add_plain(void)
{
	return add(0);
}

static int add_with_all(void)
{
	return add(1);
}

static int del_run(void)
{
	nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_DEL, 0);
	nl_put_string(&msg, LABYRINTH_A_OWNER_NAME, NAME);
	return nl_call(&nl, &msg);
}

static void set_start(void)
{
	nl_start(&nl, &msg, LABYRINTH_CMD_OWNER_SET, 0);
	nl_put_string(&msg, LABYRINTH_A_OWNER_NAME, NAME);
}

static int set_plain(void)
{
	set_start();
	nl_put_u32(&msg, LABYRINTH_A_OWNER_UID, NOBODY);
	nl_put_u64(&msg, LABYRINTH_A_OWNER_QUOTA, 77);
	return nl_call(&nl, &msg);
}

/* Guarantee and inbox, and what can't fail: all of it or nothing. */
static int set_all(void)
{
	set_start();
	nl_put_u32(&msg, LABYRINTH_A_OWNER_MODE, 0640);
	nl_put_u64(&msg, LABYRINTH_A_OWNER_QUOTA, 77);
	nl_put_u64(&msg, LABYRINTH_A_OWNER_GUARANTEE, 4);
	nl_put_u32(&msg, LABYRINTH_A_OWNER_ACCEPT, LABYRINTH_ACCEPT_ANY);
	nl_put_u32(&msg, LABYRINTH_A_OWNER_INBOX, 3000);
	return nl_call(&nl, &msg);
}

/* The first time since the module was loaded: then there are tables to be made. */
static int first_record(void)
{
	int ret = socket_anew();

	ret = ret ?: latency_set(1);
	ret = ret ?: latency_off();
	socket_end();
	return ret;
}

static int fresh_module(void)
{
	socket_end();
	return module_reload() ?: socket_anew();
}

static int latency_on(void)
{
	return latency_set(1);
}

static int revoke_before(void)
{
	int ret = fd < 0 ? file_begin() : 0;

	if (!ret && every_call_refuses(fd, handle) == 0)
		ret = _alloc(fd, 0, 1, &handle);
	return ret ?: socket_anew();
}

static int revoke_run(void)
{
	nl_start(&nl, &msg, LABYRINTH_CMD_REVOKE, 0);
	nl_put_u32(&msg, LABYRINTH_A_OWNER_ID, target);
	return nl_call(&nl, &msg);
}

#define NETLINK_OP(_command, _how, _begin, _before, _run, _after, _end)	\
	{								\
		.name = #_command _how,					\
		.command = LABYRINTH_CMD_##_command,			\
		.errors = { ENOMEM, ENOBUFS },				\
		.untold = true, .begin = _begin, .before = _before,	\
		.run = _run, .after = _after, .end = _end,		\
	}
#define LOOK(_command, _how, _run)					\
	NETLINK_OP(_command, _how, file_begin, socket_anew, _run, NULL, file_end)

const struct op netlink_ops[] = {
	LOOK(INFO_GET, "", info_get),
	LOOK(STATS_GET, "", stats_get),
	LOOK(OWNER_GET, "", owner_get),
	LOOK(OWNER_GET, ", all", owner_dump),
	LOOK(PAGE_GET, "", page_get),
	LOOK(PAGE_GET, ", all", page_dump),
	LOOK(VERIFY, "", verify),
	LOOK(LATENCY_GET, "", latency_get),
	NETLINK_OP(LATENCY_GET, ", all", latency_begin, socket_anew, latency_dump,
		   NULL, latency_end),
	NETLINK_OP(LATENCY_SET, ", for the first time", NULL, fresh_module, latency_on,
		   latency_off, socket_end),
	NETLINK_OP(LATENCY_SET, "", first_record, socket_anew, latency_on, latency_off,
		   socket_end),
	NETLINK_OP(RESERVE_SET, "", reserve_begin, socket_anew, reserve_run,
		   reserve_after, socket_end),
	NETLINK_OP(OWNER_ADD, "", NULL, no_name, add_plain, name_end, name_gone),
	NETLINK_OP(OWNER_ADD, ", with all that it takes", NULL, no_name, add_with_all,
		   name_end, name_gone),
	NETLINK_OP(OWNER_SET, "", NULL, name_anew, set_plain, NULL, name_gone),
	NETLINK_OP(OWNER_SET, ", all that there is", NULL, name_anew, set_all, NULL,
		   name_gone),
	NETLINK_OP(OWNER_DEL, "", NULL, name_anew, del_run, NULL, name_gone),
	NETLINK_OP(REVOKE, "", NULL, revoke_before, revoke_run, NULL, file_end),
	{}
};
