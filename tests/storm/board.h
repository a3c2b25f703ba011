/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all processes of the storm share: who is who, what was done, and the first
 * thing that went wrong. It lies in a memfd, so that it survives exec.
 */
#ifndef LABYRINTH_STORM_BOARD_H
#define LABYRINTH_STORM_BOARD_H

#include <stdatomic.h>

#define LABYRINTH_NO_HARNESS
#include "../selftests/admin_util.h"

#define MOST_WORKERS	256
#define NAMED_OWNERS	4
#define NAMED_PREFIX	"storm."
#define REVOCATIONS	4096

enum op {
	OP_ALLOC, OP_MAP, OP_WRITE, OP_VERIFY, OP_GIVE, OP_TAKE, OP_FREE,
	OP_THREAD, OP_ATTACH, OP_FORK, OP_EXEC, OP_EXIT, OP_KILL, OP_REVOKE,
	OP_GONE, OP_LOST, OPS
};

static const char *const op_names[OPS] = {
	"alloc", "map", "write", "verify", "give", "take", "free", "thread",
	"attach", "fork", "exec", "exit", "kill", "revoke",
	"sigbus",	/* a mapping touched after its page's end */
	"lost",		/* blocks that were found revoked */
};

/* Where it is open in every process. */
#define BOARD_FD	100

/**
 * struct board - shared by all
 * @stop: it is time to end
 * @failed: 1: @text is being written, 2: it is there
 * @incarnations: writers so far: each process, each exec, is one
 * @begun: revocations; the numbers of their owners are in @revoked
 * @ended: of them: what comes later is not theirs
 * @number: the owner that each worker acts as, 0 while there is none
 * @program: this one, to be executed
 */
struct board {
	atomic_bool stop;
	atomic_int failed;
	char text[512];
	atomic_uint incarnations;
	atomic_ulong begun;
	atomic_ulong ended;
	atomic_uint revoked[REVOCATIONS];
	atomic_uint number[MOST_WORKERS];
	atomic_ulong done[OPS];
	int workers;
	__u64 seed;
	char program[256];
};

static inline void did(struct board *board, enum op op)
{
	atomic_fetch_add_explicit(&board->done[op], 1, memory_order_relaxed);
}

#endif /* LABYRINTH_STORM_BOARD_H */
