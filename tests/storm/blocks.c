// SPDX-License-Identifier: GPL-2.0-only
/* What a process of the storm knows of its blocks. See worker.h. */
#include "worker.h"
#include "../selftests/map_util.h"

#define BLOCK_WORDS	((4096 << MOST_ORDER) / 8)

struct self self;
char complaint[384];

static __u32 sequence;
static __u64 words[BLOCK_WORDS];

void survive(void)
{
	survive_touching();
}

/* === Chance and failure ================================================== */

__u32 roll(__u32 sides)
{
	self.dice ^= self.dice << 13;
	self.dice ^= self.dice >> 7;
	self.dice ^= self.dice << 17;
	return (self.dice >> 16) % sides;
}

_Noreturn void fail_now(void)
{
	int nobody = 0;

	if (atomic_compare_exchange_strong(&self.board->failed, &nobody, 1)) {
		snprintf(self.board->text, sizeof(self.board->text),
			 "worker %d, owner %u, writer %u: %s", self.index,
			 self.number, self.writer, complaint);
		atomic_store(&self.board->failed, 2);
	}
	_exit(1);
}

/* === Blocks ============================================================== */

unsigned long epoch_now(void)
{
	return atomic_load(&self.board->ended);
}

/* Was this owner revoked from, since? Too long ago to tell: yes. */
bool revoked_since(unsigned long epoch)
{
	unsigned long now = atomic_load(&self.board->begun);

	if (now - epoch >= REVOCATIONS)
		return true;
	for (; epoch < now; epoch++)
		if (atomic_load(&self.board->revoked[epoch % REVOCATIONS]) ==
		    self.number)
			return true;
	return false;
}

int fault(const void *at)
{
	__u64 value;

	return try_load(at, &value);
}

void forget(struct held *block)
{
	memset(block, 0, sizeof(*block));
}

/* It is not ours any more: then no page of it is mapped. */
void check_gone(const struct held *block, const char *after)
{
	if (!block->at)
		return;
	for (size_t i = 0; i < block->size; i += page_size())
		if (fault(block->at + i) != SIGBUS)
			fail("after %s its page %zu is still mapped", after,
			     i / page_size());
	did(self.board, OP_GONE);
}

static void lose(struct held *block, const char *found_by)
{
	if (!revoked_since(block->epoch))
		fail("%s: block %#llx is gone, and was not revoked", found_by,
		     (unsigned long long)block->handle);
	check_gone(block, "revoke");
	did(self.board, OP_LOST);
	forget(block);
}

/* True if it is there; else it was revoked, and is forgotten. */
bool still_there(struct held *block, int ret, const char *call)
{
	if (!ret)
		return true;
	if (ret != -ENOENT)
		fail("%s: %s", call, strerror(-ret));
	lose(block, call);
	return false;
}

struct held *some_block(void)
{
	struct held *block = &self.held[roll(MOST_HELD)];

	return block->handle ? block : NULL;
}

struct held *free_place(void)
{
	for (int i = 0; i < MOST_HELD; i++)
		if (!self.held[i].handle)
			return &self.held[i];
	return NULL;
}

int places(void)
{
	int count = 0;

	for (int i = 0; i < MOST_HELD; i++)
		count += !self.held[i].handle;
	return count;
}

/* A call found one that is not there: which? It is lost. */
void find_lost(const char *call)
{
	struct labyrinth_query query;
	int lost = 0;

	for (int i = 0; i < MOST_HELD; i++) {
		struct held *block = &self.held[i];

		if (block->handle)
			lost += !still_there(block, _query(self.fd, 0,
							   block->handle,
							   &query), call);
	}
	if (!lost)
		fail("%s finds a block missing, and QUERY finds all", call);
}

/* === Contents ============================================================ */

static int mapped_copy(void *to, const void *from, size_t size)
{
	int sig = sigsetjmp(touch_back, 0);

	if (!sig) {
		touching = 1;
		atomic_signal_fence(memory_order_seq_cst);
		memcpy(to, from, size);
		atomic_signal_fence(memory_order_seq_cst);
	}
	touching = 0;
	return sig;
}

/* A signal is only right where the block is gone. */
static void lose_by_signal(struct held *block, int sig, const char *what)
{
	char byte;
	int ret = _read_page(self.fd, block->handle, 0, 1, &byte);

	if (sig != SIGBUS)
		fail("%s through the mapping: signal %d", what, sig);
	if (ret != -ENOENT)
		fail("%s through the mapping is SIGBUS, READ says %s", what,
		     strerror(-ret));
	lose(block, what);
}

static bool load_words(struct held *block)
{
	int sig;

	if (!block->at || roll(2))
		return still_there(block,
				   _read_page(self.fd, block->handle, 0, block->size,
					      words), "READ");
	sig = mapped_copy(words, block->at, block->size);
	if (sig)
		lose_by_signal(block, sig, "reading");
	return !sig;
}

/* Its own label's words, all of them, or zero. */
void verify(struct held *block, const char *when)
{
	size_t count = block->size / 8, good;

	if (!load_words(block))
		return;
	good = block->label & UNFINISHED ? compare_zero(words, count) :
					   compare_words(words, count,
							 block->label);
	if (good != count)
		fail("%s: word %zu of %zu of block %#llx is %#llx, label %#llx",
		     when, good, count, (unsigned long long)block->handle,
		     (unsigned long long)words[good],
		     (unsigned long long)block->label);
	did(self.board, OP_VERIFY);
}

/* While it is written its tag says so, for whoever finds it half-written. */
void write_block(struct held *block)
{
	__u64 label = label_of(self.writer, ++sequence);
	int sig = 0;

	if (!still_there(block, _set(self.fd, LABYRINTH_SET_TAG, block->handle,
				     UNFINISHED, 0), "SET"))
		return;
	write_words(words, block->size / 8, label);
	if (block->at && roll(2))
		sig = mapped_copy(block->at, words, block->size);
	else if (!still_there(block, _write_page(self.fd, block->handle, 0,
						 block->size, words), "WRITE"))
		return;
	if (sig) {
		lose_by_signal(block, sig, "writing");
		return;
	}
	block->label = label;
	if (still_there(block, _set(self.fd, LABYRINTH_SET_TAG, block->handle,
				    label, 0), "SET"))
		did(self.board, OP_WRITE);
}

/* Comes with a label, and is what that says; and with @address, if it is to have one. */
void receive(struct held *block, __u64 address, const char *how)
{
	struct labyrinth_query query;

	if (!still_there(block, _query(self.fd, 0, block->handle, &query),
			 "QUERY"))
		return;
	if (query.out_offset || query.out_flags)
		fail("%s: it has a place already: %#llx", how,
		     (unsigned long long)query.out_offset);
	block->size = page_size() << query.out_order;
	if (address && (query.out_tag & ADDRESS_MASK) != address)
		fail("%s: it was for another: tag %#llx", how,
		     (unsigned long long)query.out_tag);
	block->label = query.out_tag & ~ADDRESS_MASK;
	verify(block, how);
}
