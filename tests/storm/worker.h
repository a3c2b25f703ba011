/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One process of the storm: takes blocks, maps them, writes, gives, and checks at
 * each step that it sees what it may see. Whatever is not so ends the storm.
 *
 * Blocks may go at any time, by REVOKE: that is checked too, against the board.
 * blocks.c is what it knows of its blocks, worker.c what it does with them,
 * process.c its beginnings and ends.
 */
#ifndef LABYRINTH_STORM_WORKER_H
#define LABYRINTH_STORM_WORKER_H

#include "board.h"
#include "pattern.h"

#define MOST_HELD	24
#define MOST_BATCH	6
#define MOST_ORDER	3
#define INBOX		32

/* What the re-executed program is told: seat, dead descriptor, a handle of it. */
#define AFTER_EXEC	"--after-exec"

/**
 * struct held - a block
 * @handle: 0: none
 * @label: what is in it; UNFINISHED: it is zero
 * @size: in bytes
 * @at: where it is mapped, or NULL
 * @epoch: revocations that had ended before it came
 */
struct held {
	__u64 handle;
	__u64 label;
	size_t size;
	char *at;
	unsigned long epoch;
};

/**
 * struct self - this process
 * @board: everybody's
 * @index: its seat
 * @fd: its descriptor
 * @number: the owner that it acts as
 * @writer: as nobody else writes
 * @dice: never 0
 * @held: its blocks
 */
struct self {
	struct board *board;
	int index;
	int fd;
	__u32 number;
	__u32 writer;
	__u64 dice;
	struct held held[MOST_HELD];
};

extern struct self self;

/* worker.c */
void worker_prepare(struct board *board, int index);
int worker_run(void);

/* What went wrong, for the board: the first one's is kept, and ends the storm. */
extern char complaint[384];

#define fail(...)							\
	(snprintf(complaint, sizeof(complaint), __VA_ARGS__), fail_now())

/* blocks.c, the only one that touches mappings: a signal comes back there */
void survive(void);
__u32 roll(__u32 sides);
_Noreturn void fail_now(void);
unsigned long epoch_now(void);
bool revoked_since(unsigned long epoch);
int fault(const void *at);
void forget(struct held *block);
void check_gone(const struct held *block, const char *after);
bool still_there(struct held *block, int ret, const char *call);
void find_lost(const char *call);
struct held *some_block(void);
struct held *free_place(void);
int places(void);
void verify(struct held *block, const char *when);
void write_block(struct held *block);
void receive(struct held *block, __u64 address, const char *how);

/* process.c */
void op_thread(void);
void op_fork(void);
void op_exec(void);
void op_exit(void);
void begin_after_exec(int fd, __u64 handle);
void start(void);

#endif /* LABYRINTH_STORM_WORKER_H */
