// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a take, own and free costs in user space, in nanoseconds: printed, not
 * judged. A pair is timed in batches; recycling between them is not.
 */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "test.h"

#define BATCH	256
#define ROUNDS	20000
#define THREADS	2

struct bench {
	pthread_t thread;
	struct lab_registry *reg;
	struct lab_ring *ring;
	struct lab_stack stack;
	u32 owner;
	bool from_ring;
	u64 ns;
};

long shim_vmalloc_budget = -1;
long shim_vmalloc_live;

static struct meeting meeting;

void meet(struct meeting *m)
{
	int round = __atomic_load_n(&m->round, __ATOMIC_ACQUIRE);

	if (__atomic_add_fetch(&m->here, 1, __ATOMIC_SEQ_CST) == m->threads) {
		__atomic_store_n(&m->here, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&m->round, round + 1, __ATOMIC_RELEASE);
	}
	while (__atomic_load_n(&m->round, __ATOMIC_ACQUIRE) == round)
		__asm__ __volatile__("" ::: "memory");
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

static u32 take(struct bench *bench)
{
	if (!bench->from_ring)
		return lab_stack_take(bench->reg, &bench->stack, 5);
	return lab_claim(&bench->ring->available) ? lab_ring_take(bench->ring) :
						    LAB_NIL;
}

static void pairs(struct bench *bench)
{
	u32 i, index;
	u64 word;

	for (i = 0; i < BATCH; i++) {
		index = take(bench);
		lab_slot_own(&bench->reg->slot[index], bench->owner, &word);
		lab_slot_free(&bench->reg->slot[index],
			      lab_handle(word, index), bench->owner);
		lab_dirty_mark(&bench->reg->dirty, index);
	}
}

/* By one thread, for all. */
static void recycle(struct bench *bench, u32 threads)
{
	u32 i, index;

	for (i = 0; i < BATCH * threads; i++) {
		index = lab_dirty_next(&bench->reg->dirty, 0);
		lab_slot_clean(&bench->reg->slot[index]);
		if (bench->from_ring)
			lab_ring_put(bench->ring, index,
				     &bench->ring->available);
		else
			lab_stack_put(bench->reg, &bench[i % threads].stack,
				      index);
	}
}

static void *run(void *arg)
{
	struct bench *bench = arg;
	u64 start;
	u32 i;

	for (i = 0; i < ROUNDS; i++) {
		meet(&meeting);
		start = now_ns();
		pairs(bench);
		bench->ns += now_ns() - start;
		meet(&meeting);
		if (bench->owner == 1)
			recycle(bench, (u32)meeting.threads);
	}
	return NULL;
}

static void measure(u32 threads, bool from_ring)
{
	struct bench bench[THREADS] = {};
	struct lab_registry reg = {};
	struct lab_ring ring;
	u64 ns = 0;
	u32 i;

	if (lab_registry_init(&reg, BATCH * THREADS) ||
	    lab_ring_init(&ring, BATCH * THREADS))
		return;
	meeting = (struct meeting){ .threads = (int)threads };
	for (i = 0; i < threads; i++) {
		bench[i] = (struct bench){ .reg = &reg, .ring = &ring,
					   .owner = i + 1,
					   .from_ring = from_ring };
		lab_stack_init(&bench[i].stack);
	}
	for (i = 0; i < BATCH * threads; i++) {
		slot_set(&reg.slot[i], 1, 1, LABYRINTH_PAGE_DIRTY);
		lab_dirty_mark(&reg.dirty, i);
	}
	recycle(bench, threads);
	for (i = 1; i < threads; i++)
		pthread_create(&bench[i].thread, NULL, run, &bench[i]);
	run(&bench[0]);
	for (i = 1; i < threads; i++)
		pthread_join(bench[i].thread, NULL);
	for (i = 0; i < threads; i++)
		ns += bench[i].ns;
	printf("%s, %u thread%s: %.1f ns for take, own and free\n",
	       from_ring ? "ring (shared)" : "stack (each its own)", threads,
	       threads > 1 ? "s" : "",
	       (double)ns / ((double)threads * ROUNDS * BATCH));
	lab_ring_exit(&ring);
	lab_registry_exit(&reg);
}

int main(void)
{
	measure(1, false);
	measure(1, true);
	measure(2, false);
	measure(2, true);
	return 0;
}
