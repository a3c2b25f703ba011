// SPDX-License-Identifier: GPL-2.0-only
/* What a process of the storm does with its blocks. See worker.h. */
#include <pthread.h>

#include "worker.h"
#include "../selftests/map_util.h"

/* What mmap returned: it stays whole until it goes. */
struct mapping {
	_Atomic(char *) at;
	_Atomic(size_t) length;
};

static struct mapping mappings[4];
static int mapped_next;

/* === Operations ========================================================== */

static void op_alloc(void)
{
	__u64 handles[MOST_BATCH];
	struct labyrinth_alloc cmd = {
		.flags = roll(2) ? LABYRINTH_ALLOC_PARTIAL : 0,
		.count = 1 + roll(MOST_BATCH),
		.order = roll(3) ? 0 : roll(MOST_ORDER + 1),
		.fallback = LABYRINTH_FALLBACK_FAIL,
		.tag = UNFINISHED,
		.handles = (uintptr_t)handles,
	};
	unsigned long epoch = epoch_now();
	int ret;

	if (!cmd.order && !roll(4))
		cmd.flags |= LABYRINTH_ALLOC_STRICT;
	if ((int)cmd.count > places())
		return;
	ret = _alloc_cmd(self.fd, &cmd);
	if (ret == -ENOMEM || ret == -EDQUOT)
		return;
	if (ret)
		fail("ALLOC: %s", strerror(-ret));
	for (__u32 i = 0; i < cmd.out_count; i++) {
		struct held *block = free_place();

		*block = (struct held){ handles[i], UNFINISHED,
					page_size() << cmd.order, NULL, epoch };
		verify(block, "a fresh block");
		if (block->handle)
			write_block(block);
	}
	did(self.board, OP_ALLOC);
}

static void drop_mapping(struct mapping *mapping)
{
	for (int i = 0; i < MOST_HELD; i++)
		if (self.held[i].at >= mapping->at &&
		    self.held[i].at < mapping->at + mapping->length)
			self.held[i].at = NULL;
	if (mapping->at)
		munmap(mapping->at, mapping->length);
	mapping->at = NULL;
}

static int pick(struct held **picked, __u64 *handles)
{
	int count = 0;

	for (int i = 0, from = roll(MOST_HELD); i < MOST_HELD &&
	     count < MOST_BATCH; i++) {
		struct held *block = &self.held[(from + i) % MOST_HELD];

		if (!block->handle || !roll(3))
			continue;
		picked[count] = block;
		handles[count++] = block->handle;
	}
	return count;
}

static void op_map(void)
{
	struct mapping *mapping = &mappings[mapped_next++ % 4];
	struct held *picked[MOST_BATCH];
	__u64 handles[MOST_BATCH];
	struct labyrinth_map cmd = { .handles = (uintptr_t)handles };
	char *at;
	int ret;

	drop_mapping(mapping);
	cmd.count = pick(picked, handles);
	if (!cmd.count)
		return;
	ret = _map_cmd(self.fd, &cmd);
	if (ret && ret != -ENOENT)
		fail("MAP: %s", strerror(-ret));
	if (ret) {
		find_lost("MAP");
		return;
	}
	for (__u32 i = 0; i < cmd.count; i++) {
		check_gone(picked[i], "MAP to another place");
		picked[i]->at = NULL;
	}
	at = map_at(self.fd, PROT_READ | PROT_WRITE, cmd.out_length, cmd.out_offset);
	if (at == MAP_FAILED) {
		if (errno != ENXIO)
			fail("mmap: %s", strerror(errno));
		find_lost("mmap");
		return;
	}
	mapping->length = cmd.out_length;
	mapping->at = at;
	for (__u32 i = 0; i < cmd.count; i++) {
		picked[i]->at = at;
		at += picked[i]->size;
		verify(picked[i], "after MAP");
	}
	did(self.board, OP_MAP);
}

static void op_free(void)
{
	struct held *picked[MOST_BATCH];
	__u64 handles[MOST_BATCH];
	int count = pick(picked, handles), ret;

	if (!count)
		return;
	ret = _free_pages(self.fd, count, handles);
	if (ret && ret != -ENOENT)
		fail("FREE: %s", strerror(-ret));
	if (ret) {
		find_lost("FREE");
		return;
	}
	for (int i = 0; i < count; i++) {
		check_gone(picked[i], "FREE");
		forget(picked[i]);
	}
	did(self.board, OP_FREE);
}

static void op_give(void)
{
	__u32 to = atomic_load(&self.board->number[roll(self.board->workers)]);
	struct held *picked[MOST_BATCH];
	__u64 handles[MOST_BATCH];
	int count = pick(picked, handles), ret;

	if (!count || !to || to == self.number)
		return;
	/* What is given is whole, and says to whom. */
	for (int i = 0; i < count; i++)
		if (picked[i]->label & UNFINISHED)
			return;
	for (int i = 0; i < count; i++)
		if (!still_there(picked[i],
				 _set(self.fd, LABYRINTH_SET_TAG, handles[i],
				      picked[i]->label | address_of(to), 0),
				 "SET before GIVE"))
			return;
	ret = _give(self.fd, to, count, handles);
	switch (ret) {
	case 0:
		break;
	case -ENOENT:
		find_lost("GIVE");
		return;
	/* Gone, full, or another one by now who takes nothing yet. */
	case -ESRCH:
	case -ENOSPC:
	case -EDQUOT:
	case -EACCES:
		verify(picked[0], "after a GIVE that was refused");
		return;
	default:
		fail("GIVE: %s", strerror(-ret));
	}
	for (int i = 0; i < count; i++) {
		check_gone(picked[i], "GIVE");
		forget(picked[i]);
	}
	did(self.board, OP_GIVE);
}

static void op_take(void)
{
	unsigned long epoch = epoch_now();
	__u64 handles[MOST_BATCH];
	int most = places(), count;

	if (!most)
		return;
	count = take_up_to(self.fd, most < MOST_BATCH ? most : MOST_BATCH, handles);
	if (count == -EAGAIN)
		return;
	if (count < 0)
		fail("TAKE: %s", strerror(-count));
	for (int i = 0; i < count; i++) {
		struct held *block = free_place();

		/* It may have been revoked from the inbox's end on. */
		*block = (struct held){ handles[i], 0, page_size(), NULL,
					epoch };
		receive(block, address_of(self.number), "a block that was given");
	}
	did(self.board, OP_TAKE);
}

static void verify_some(void)
{
	struct held *block = some_block();

	if (block)
		verify(block, "a block of its own");
}

static void write_some(void)
{
	struct held *block = some_block();

	if (block)
		write_block(block);
}

/*
 * Another thread that looks at all that is mapped, all the time: so that pages are
 * being faulted in while they go. What it sees is for the first one to judge; where
 * nothing is mapped any more, or something else, looking does no harm.
 */
static void *keep_looking(void *arg)
{
	for (;; usleep(200)) {
		for (size_t i = 0; i < ARRAY_SIZE(mappings); i++) {
			const char *at = mappings[i].at;
			size_t length = at ? mappings[i].length : 0;

			for (size_t page = 0; page < length;
			     page += page_size())
				fault(at + page);
		}
	}
	return arg;
}

static void start_looking(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	if (pthread_create(&thread, &attr, keep_looking, NULL))
		fail("pthread_create: %s", strerror(errno));
	pthread_detach(thread);
}

void worker_prepare(struct board *board, int index)
{
	memset(&self, 0, sizeof(self));
	self.board = board;
	self.index = index;
	self.writer = atomic_fetch_add(&board->incarnations, 1) + 1;
	self.dice = (board->seed + self.writer) * 0x9E3779B97F4A7C15ULL | 1;
	survive();
}

int worker_run(void)
{
	/* Of a hundred: how often. */
	static const struct { int share; void (*op)(void); } ops[] = {
		{ 22, op_alloc }, { 12, op_map }, { 12, write_some },
		{ 15, verify_some }, { 14, op_give }, { 10, op_take },
		{ 9, op_free }, { 2, op_thread }, { 2, op_fork },
		{ 1, op_exec }, { 1, op_exit },
	};

	start();
	start_looking();
	while (!atomic_load(&self.board->stop)) {
		int at = roll(100);
		size_t i = 0;

		while (i < ARRAY_SIZE(ops) - 1 && at >= ops[i].share)
			at -= ops[i++].share;
		ops[i].op();
	}
	return 0;
}
