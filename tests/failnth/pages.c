// SPDX-License-Identifier: GPL-2.0-only
/* Calls about pages, their mappings, and faults. */
#include <setjmp.h>

#include "failnth.h"
#include "admin_util.h"

#define MANY	1024	/* handles: more than a page of them */
#define SOME	40
#define LATER	6	/* order of what is deferred */

static int fd = -1, peer = -1, hog = -1;
static __u32 peer_id, held;
static __u64 handles[MANY];
static unsigned char page[4096];

static void close_all(void)
{
	int *all[] = { &fd, &peer, &hog };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		if (*all[i] >= 0)
			close(*all[i]);
		*all[i] = -1;
	}
	held = 0;
}

static int open_into(int *one)
{
	if (*one >= 0)
		close(*one);
	*one = _open_device(O_RDWR);
	return *one < 0 ? *one : 0;
}

static int begin(void)
{
	return open_into(&fd);
}

static int hold(__u32 count)
{
	int ret = held == count ? 0 : _alloc(fd, 0, count, handles);

	if (!ret)
		held = count;
	return ret;
}

static int hold_one(void)
{
	return hold(1);
}

static int hold_some(void)
{
	return hold(SOME);
}

static int let_go(void)
{
	int ret = _free_pages(fd, held, handles);

	if (!ret)
		held = 0;
	return ret;
}

/* === ALLOC =============================================================== */

/* Of what was refused, nothing has come; and of ENOMEM, why. */
static int alloc_run(struct labyrinth_alloc *cmd)
{
	int ret;

	cmd->handles = (uintptr_t)handles;
	ret = _alloc_cmd(fd, cmd);
	if (ret == -EFAULT)
		return ret;
	if (ret && cmd->out_count)
		complain("%u pages came with errno %d", cmd->out_count, -ret);
	if (ret == -ENOMEM && cmd->out_reason &&
	    (cmd->out_rung != LABYRINTH_RUNG_BUDDY ||
	     cmd->out_reason != LABYRINTH_REASON_SYSTEM))
		complain("rung %u and reason %u", cmd->out_rung, cmd->out_reason);
	held = ret ? 0 : cmd->out_count;
	return ret;
}

static int alloc_one(void)
{
	struct labyrinth_alloc cmd = {
		.count = 1, .fallback = LABYRINTH_FALLBACK_FAIL,
	};

	return alloc_run(&cmd);
}

static int alloc_thread(void)
{
	struct labyrinth_alloc cmd = {
		.count = 2, .fallback = LABYRINTH_FALLBACK_FAIL,
		.scope = LABYRINTH_SCOPE_THREAD,
	};

	return alloc_run(&cmd);
}

/* All or nothing: what came before the one that fails goes back. */
static int alloc_blocks(void)
{
	struct labyrinth_alloc cmd = {
		.count = 6, .order = 1, .fallback = LABYRINTH_FALLBACK_FAIL,
	};

	return alloc_run(&cmd);
}

static int alloc_partial(void)
{
	struct labyrinth_alloc cmd = {
		.count = 6, .order = 1, .fallback = LABYRINTH_FALLBACK_FAIL,
		.flags = LABYRINTH_ALLOC_PARTIAL,
	};

	return alloc_run(&cmd);
}

static int alloc_many(void)
{
	struct labyrinth_alloc cmd = {
		.count = MANY, .fallback = LABYRINTH_FALLBACK_FAIL,
		.flags = LABYRINTH_ALLOC_PARTIAL | LABYRINTH_ALLOC_STRICT,
	};

	return alloc_run(&cmd);
}

static int alloc_wait(void)
{
	struct labyrinth_alloc cmd = {
		.count = 2, .order = 2, .fallback = LABYRINTH_FALLBACK_WAIT,
		.timeout_ns = 10000000000ULL,
	};

	return alloc_run(&cmd);
}

/* Somebody else has all that the ceiling leaves: blocks come later, or never. */
static int defer_begin(void)
{
	static __u64 theirs[256];
	struct labyrinth_alloc cmd = {
		.count = 256, .order = LATER, .fallback = LABYRINTH_FALLBACK_FAIL,
		.flags = LABYRINTH_ALLOC_PARTIAL, .handles = (uintptr_t)theirs,
	};
	int ret = open_into(&hog);

	ret = ret ?: file_quota_set(hog, 1 << 20);
	ret = ret ?: _alloc_cmd(hog, &cmd);
	if (!ret && cmd.out_count == cmd.count)
		return -EOVERFLOW;
	return ret;
}

static int defer_before(void)
{
	return begin() ?: _accept(fd, LABYRINTH_ACCEPT_NONE, 64);
}

static int defer_run(void)
{
	struct labyrinth_alloc cmd = {
		.count = 3, .order = LATER, .fallback = LABYRINTH_FALLBACK_DEFER,
	};
	int ret = alloc_run(&cmd);

	return !ret && cmd.out_count ? -EOVERFLOW : ret;
}

/* === What is done with them ============================================== */

static int query_run(void)
{
	struct labyrinth_query query;

	return _query(fd, 0, handles[0], &query);
}

static int read_run(void)
{
	return _read_page(fd, handles[0], 0, sizeof(page), page);
}

static int write_run(void)
{
	return _write_page(fd, handles[0], 0, sizeof(page), page);
}

/* A used length that a WRITE has raised would not be seen to have been raised again. */
static int write_before(void)
{
	int ret = hold_one();

	return ret ?: _set(fd, LABYRINTH_SET_USED, handles[0], 0, 0);
}

static int set_run(void)
{
	return _set(fd, LABYRINTH_SET_TAG, handles[0], 7, 0);
}

static int give_begin(void)
{
	struct labyrinth_info info;
	int ret = begin();

	ret = ret ?: open_into(&peer);
	ret = ret ?: _accept(peer, LABYRINTH_ACCEPT_ANY, 64);
	ret = ret ?: _info(peer, &info);
	peer_id = info.out_owner;
	return ret;
}

static int give_run(void)
{
	int ret = _give(fd, peer_id, SOME, handles);

	if (!ret)
		held = 0;
	return ret;
}

static int take_run(void)
{
	/* A page of them: of more, memory comes from elsewhere if it must. */
	static __u64 theirs[MANY / 2];
	int ret = take_up_to(peer, MANY / 2, theirs);

	return ret < 0 ? ret : ret == SOME ? 0 : -EBADMSG;
}

/* All that the receiver has is wiped with it: another one opens. */
static int give_anew(void)
{
	return give_begin() ?: hold_some();
}

static int take_anew(void)
{
	return give_anew() ?: give_run();
}

/* === Mappings ============================================================ */

static __u64 offset;
static void *mapped = MAP_FAILED;
static int places;

static int map_run(void)
{
	return _map(fd, SOME, handles, &offset);
}

static int map_before(void)
{
	return hold_some();
}

static int mmap_begin(void)
{
	return begin() ?: hold_some() ?: map_run();
}

/* Each where nothing has been before: so page tables are made down to the last. */
static int mmap_run(void)
{
	char *where = (char *)(0x10000000000ULL + ((__u64)places << 39));

	mapped = mmap(where, SOME * sizeof(page), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_FIXED_NOREPLACE, fd, offset);
	return mapped == MAP_FAILED ? -errno : 0;
}

static int mmap_after(void)
{
	int ret = mapped != MAP_FAILED && munmap(mapped, SOME * sizeof(page)) ?
		  -errno : 0;

	mapped = MAP_FAILED;
	places = (places + 1) % 200;
	return ret;
}

static void mmap_end(void)
{
	mmap_after();
	close_all();
}

static sigjmp_buf back;

static void on_signal(int number)
{
	siglongjmp(back, number);
}

static int fault_begin(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	if (sigaction(SIGBUS, &action, NULL) || sigaction(SIGSEGV, &action, NULL))
		return -errno;
	return mmap_begin();
}

static int fault_before(void)
{
	mmap_after();
	return mmap_run();
}

/* It is tried again until there is a page table: no signal comes of it. */
static int fault_run(void)
{
	volatile unsigned char *bytes = mapped;
	int i;

	if (sigsetjmp(back, 1))
		return -EUCLEAN;
	for (i = 0; i < SOME; i++)
		bytes[i * sizeof(page)] = 1;
	return 0;
}

static void fault_end(void)
{
	signal(SIGBUS, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
	mmap_end();
}

static int munmap_run(void)
{
	int ret = munmap(mapped, SOME * sizeof(page)) ? -errno : 0;

	if (!ret)
		mapped = MAP_FAILED;
	return ret;
}

static int munmap_before(void)
{
	return fault_before() ?: fault_run();
}

#define OP(_ioctl, _how, _before, _run, _after, ...)			\
	{								\
		.name = #_ioctl _how, .ioctl = LABYRINTH_IOC_##_ioctl,	\
		.begin = begin, .before = _before,			\
		.run = _run, .after = _after, .end = close_all,		\
		__VA_ARGS__						\
	}

const struct op page_ops[] = {
	OP(ALLOC, "", NULL, alloc_one, let_go, .errors = { ENOMEM }),
	OP(ALLOC, ", of the thread", NULL, alloc_thread, let_go, .errors = { ENOMEM }),
	OP(ALLOC, ", blocks", NULL, alloc_blocks, let_go, .errors = { ENOMEM }),
	OP(ALLOC, ", some of the blocks", NULL, alloc_partial, let_go,
	   .errors = { ENOMEM }, .less = true),
	OP(ALLOC, ", many handles", NULL, alloc_many, let_go, .errors = { ENOMEM },
	   .less = true),
	OP(ALLOC, ", wait", NULL, alloc_wait, let_go, .errors = { ENOMEM }),
	{
		.name = "ALLOC, defer", .ioctl = LABYRINTH_IOC_ALLOC,
		.errors = { ENOMEM }, .begin = defer_begin,
		.before = defer_before, .run = defer_run, .end = close_all,
	},
	{
		/* Its inbox is made with it: that stays. */
		.name = "ALLOC, defer, for the first time",
		.ioctl = LABYRINTH_IOC_ALLOC, .untold = true,
		.errors = { ENOMEM }, .begin = defer_begin,
		.before = begin, .run = defer_run, .end = close_all,
	},
	OP(FREE, "", hold_some, let_go, NULL, .errors = { ENOMEM }),
	OP(QUERY, "", hold_one, query_run, NULL),
	OP(READ, "", hold_one, read_run, NULL, .errors = { ENOMEM }),
	OP(WRITE, "", write_before, write_run, NULL, .errors = { ENOMEM },
	   .untold = true),
	OP(SET, "", hold_one, set_run, NULL),
	OP(GIVE, "", give_anew, give_run, NULL, .errors = { ENOMEM }),
	OP(TAKE, "", take_anew, take_run, NULL, .errors = { ENOMEM }),
	OP(MAP, "", map_before, map_run, NULL, .errors = { ENOMEM }),
	{
		.name = "mmap", .errors = { ENOMEM }, .begin = mmap_begin,
		.run = mmap_run, .after = mmap_after, .end = mmap_end,
	},
	{
		.name = "page fault", .begin = fault_begin, .before = fault_before,
		.run = fault_run, .end = fault_end,
	},
	{
		.name = "munmap", .errors = { ENOMEM }, .begin = fault_begin,
		.before = munmap_before, .run = munmap_run, .end = fault_end,
	},
	{}
};
