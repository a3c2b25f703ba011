// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls of the device.
 */
#include <sys/eventfd.h>

#include "vm_fuzz.h"

#define BATCH	512

static u32 some_size(struct cursor *at, u32 size)
{
	static const u32 sizes[] = { 0, 4, 8, 16, 4095, 4096, 4097, 0xffffffff };

	if (!wild(at))
		return size;
	return choose(at, 2) ? sizes[choose(at, ARRAY_SIZE(sizes))] :
			       size - 16 + choose(at, 40);
}

static unsigned long some_number(struct cursor *at, unsigned long nr)
{
	if (at->program->step[at->step].wild < 250)
		return nr;
	switch (choose(at, 4)) {
	case 0:		/* another size: makes no difference */
		return nr ^ (unsigned long)choose(at, 16) << _IOC_SIZESHIFT;
	case 1:
		return nr ^ (unsigned long)choose(at, 4) << _IOC_DIRSHIFT;
	case 2:
		return (nr & ~0xffUL) | choose(at, 256);
	default:
		return (u32)any(at);
	}
}

/* What is answered is read back, if that is where it can be. */
static int command(struct cursor *at, u32 file, unsigned long nr, void *cmd, u32 size)
{
	void *user;
	int ret;

	if (have.fd[file] < 0)
		return NOT_TRIED;
	*(u32 *)cmd = some_size(at, size);
	user = spot(at, ROLE_COMMAND, cmd, size);
	ret = ioctl(have.fd[file], some_number(at, nr), user) < 0 ? -errno : 0;
	if (copy_guarded(cmd, user, size) && !ret)
		ret = -EFAULT;
	return ret;
}

static u32 some_count(struct cursor *at)
{
	u32 count = choose(at, 16) ? 1 + choose(at, 6) : 1 + choose(at, BATCH);

	return maybe(at, count);
}

static bool in_array(const u64 *handles, u32 count, u64 handle)
{
	for (u32 i = 0; i < count; i++)
		if (handles[i] == handle)
			return true;
	return false;
}

/*
 * Handles of @file's, in the caller's memory: as many as it has, @count at most; and
 * where it is wild as many as that, be they what they may.
 */
static u64 some_handles(struct cursor *at, u32 file, u32 *count, u64 *handles)
{
	u32 most = *count < BATCH ? *count : BATCH, n = 0;

	memset(handles, 0, BATCH * sizeof(*handles));
	for (u32 i = 0; i < most && i < HANDLES; i++) {
		u64 handle = some_handle(at, file);

		if (wild(at) || !in_array(handles, n, handle))
			handles[n++] = handle;
	}
	if (!wild(at))
		*count = n;
	return (uintptr_t)spot(at, ROLE_HANDLES, handles, most * sizeof(*handles));
}

static int run_info(struct cursor *at)
{
	struct labyrinth_info cmd = { .flags = maybe(at, 0) };

	return command(at, some_file(at), LABYRINTH_IOC_INFO, &cmd, sizeof(cmd));
}

/* Nobody else knows of it yet: threads and children of this process would. */
static void check_zero(u32 file, u64 handle, u32 offset)
{
	char bytes[256];

	if (have.threaded || have.child > 0 ||
	    _read_page(have.fd[file], handle, offset & 0xf00, sizeof(bytes), bytes))
		return;
	if (!all_bytes_are(bytes, 0, sizeof(bytes)))
		complain("a block is not all zeroes when it is first seen", handle);
	atomic_fetch_add(&board->zeroes, 1);
}

static u32 some_fallback(struct cursor *at)
{
	u32 which = choose(at, 8);

	return maybe(at, which > 2 ? LABYRINTH_FALLBACK_FAIL : which + 1);
}

static int run_alloc(struct cursor *at)
{
	u32 file = some_file(at);
	u64 handles[BATCH] = {};
	struct labyrinth_alloc cmd = {
		.flags = maybe(at, choose(at, 2) ? 0 : choose(at, 4)),
		.count = some_count(at),
		.order = maybe(at, choose(at, 6) ? 0 : choose(at, 10)),
		.scope = maybe(at, !choose(at, 8)),
		.fallback = some_fallback(at),
		.tag = any(at),
		.__reserved = maybe(at, 0),
	};
	void *user = spot(at, ROLE_HANDLES, handles, sizeof(handles));
	int ret;

	if (cmd.fallback == LABYRINTH_FALLBACK_WAIT)
		cmd.timeout_ns = maybe(at, 1 + choose(at, 2000) * 1000ULL);
	else
		cmd.timeout_ns = maybe(at, 0);
	cmd.handles = maybe(at, (uintptr_t)user);
	ret = command(at, file, LABYRINTH_IOC_ALLOC, &cmd, sizeof(cmd));
	if (ret || cmd.out_count > BATCH || cmd.handles != (uintptr_t)user ||
	    copy_guarded(handles, user, cmd.out_count * sizeof(*handles)))
		return ret;
	if (cmd.out_count)
		check_zero(file, handles[0], choose(at, 4096));
	keep_handles(file, handles, cmd.out_count);
	return 0;
}

static int run_free(struct cursor *at)
{
	u32 file = some_holder(at);
	u64 handles[BATCH];
	struct labyrinth_free cmd = {
		.flags = maybe(at, choose(at, 3) == 1),
		.count = some_count(at),
		.__reserved = maybe(at, 0),
	};
	int ret;

	cmd.handles = some_handles(at, file, &cmd.count, handles);
	ret = command(at, file, LABYRINTH_IOC_FREE, &cmd, sizeof(cmd));
	if (!ret && cmd.count <= BATCH)
		drop_handles(handles, cmd.count);
	return ret;
}

static int run_query(struct cursor *at)
{
	u32 file = some_holder(at);
	struct labyrinth_query cmd = {
		.flags = maybe(at, choose(at, 2)),
		.handle = choose(at, 4) ? some_handle(at, file) : 0,
	};

	return command(at, file, LABYRINTH_IOC_QUERY, &cmd, sizeof(cmd));
}

static int read_or_write(struct cursor *at, unsigned long nr)
{
	u32 file = some_holder(at);
	u32 offset = choose(at, 4096);
	struct labyrinth_rw cmd = {
		.flags = maybe(at, 0),
		.handle = some_handle(at, file),
		.offset = maybe(at, offset),
		.length = maybe(at, choose(at, 4097 - offset)),
		.__reserved = maybe(at, 0),
	};

	cmd.buffer = (uintptr_t)spot(at, ROLE_BUFFER, NULL, cmd.length % 8192);
	return command(at, file, nr, &cmd, sizeof(cmd));
}

static int run_read(struct cursor *at)
{
	return read_or_write(at, LABYRINTH_IOC_READ);
}

static int run_write(struct cursor *at)
{
	return read_or_write(at, LABYRINTH_IOC_WRITE);
}

static int run_set(struct cursor *at)
{
	u32 file = some_holder(at);
	struct labyrinth_set cmd = {
		.flags = maybe(at, 1 + choose(at, 3)),
		.handle = some_handle(at, file),
	};

	cmd.tag = maybe(at, cmd.flags & LABYRINTH_SET_TAG ? any(at) : 0);
	cmd.used = maybe(at, cmd.flags & LABYRINTH_SET_USED ? choose(at, 4097) : 0);
	return command(at, file, LABYRINTH_IOC_SET, &cmd, sizeof(cmd));
}

static int run_attach(struct cursor *at)
{
	u32 file = 2 + choose(at, FILES - 2);
	struct labyrinth_attach cmd = {
		.flags = maybe(at, 0),
		.__reserved = maybe(at, 0),
	};

	/* One that holds nothing yet. */
	if (!wild(at))
		state_open(file, O_RDWR);
	some_name(at, cmd.name);
	return command(at, file, LABYRINTH_IOC_ATTACH, &cmd, sizeof(cmd));
}

static int run_give(struct cursor *at)
{
	u32 file = some_holder(at);
	u64 handles[BATCH];
	struct labyrinth_give cmd = {
		.flags = maybe(at, 0),
		.count = some_count(at),
		.to = some_owner(at, file),
	};
	int ret;

	if (!choose(at, 4)) {
		cmd.to = maybe(at, 0);
		some_name(at, cmd.name);
	}
	cmd.handles = some_handles(at, file, &cmd.count, handles);
	ret = command(at, file, LABYRINTH_IOC_GIVE, &cmd, sizeof(cmd));
	if (!ret && cmd.count <= BATCH)
		drop_handles(handles, cmd.count);
	return ret;
}

static int run_take(struct cursor *at)
{
	u32 file = choose(at, 2) ? 1 : some_file(at);
	u64 handles[BATCH] = {};
	struct labyrinth_take cmd = {
		.flags = maybe(at, 0),
		.count = some_count(at),
	};
	void *user = spot(at, ROLE_HANDLES, handles, sizeof(handles));
	int ret;

	cmd.handles = (uintptr_t)user;
	ret = command(at, file, LABYRINTH_IOC_TAKE, &cmd, sizeof(cmd));
	if (!ret && cmd.out_count <= BATCH &&
	    !copy_guarded(handles, user, cmd.out_count * sizeof(*handles)))
		keep_handles(file, handles, cmd.out_count);
	return ret;
}

static int run_eventfd(struct cursor *at)
{
	struct labyrinth_eventfd cmd = {
		.flags = maybe(at, 0),
		.fd = maybe(at, choose(at, 4) ? have.eventfd : -1),
		.__reserved = maybe(at, 0),
	};

	return command(at, some_file(at), LABYRINTH_IOC_EVENTFD, &cmd, sizeof(cmd));
}

static int run_accept(struct cursor *at)
{
	static const u32 sizes[] = { 0, 0, 1, 2, 16, 1024, 65536 };
	struct labyrinth_accept_set cmd = {
		.flags = maybe(at, 0),
		.accept = maybe(at, choose(at, 2) ? LABYRINTH_ACCEPT_ANY : choose(at, 3)),
		.inbox = maybe(at, sizes[choose(at, ARRAY_SIZE(sizes))]),
	};

	return command(at, some_file(at), LABYRINTH_IOC_ACCEPT, &cmd, sizeof(cmd));
}

static int run_map(struct cursor *at)
{
	u32 file = some_holder(at);
	u64 handles[BATCH];
	struct labyrinth_map cmd = { .flags = maybe(at, 0), .count = some_count(at) };
	int ret;

	cmd.handles = some_handles(at, file, &cmd.count, handles);
	ret = command(at, file, LABYRINTH_IOC_MAP, &cmd, sizeof(cmd));
	if (!ret)
		have.place[have.places++ % PLACES] = (struct place){
			cmd.out_offset, cmd.out_length, file };
	return ret;
}

/* A number that is no call's, or ought not to be. */
static int run_no_call(struct cursor *at)
{
	char cmd[64] = {};
	u32 file = some_file(at);

	if (have.fd[file] < 0)
		return NOT_TRIED;
	return ioctl(have.fd[file], any(at), spot(at, ROLE_COMMAND, cmd, sizeof(cmd))) < 0 ?
		-errno : 0;
}

const struct kind device_kinds[DEVICE_KINDS] = {
	{ "INFO", 2, run_info },
	{ "ALLOC", 14, run_alloc },
	{ "FREE", 6, run_free },
	{ "QUERY", 4, run_query },
	{ "READ", 4, run_read },
	{ "WRITE", 4, run_write },
	{ "SET", 3, run_set },
	{ "ATTACH", 3, run_attach, "ALLOC" },
	{ "GIVE", 7, run_give, "TAKE" },
	{ "TAKE", 6, run_take },
	{ "EVENTFD", 3, run_eventfd },
	{ "ACCEPT", 4, run_accept },
	{ "MAP", 7, run_map, "mmap" },
	{ "no call", 1, run_no_call, .may_fail = true },
};
