/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where slots are found: module/places.c.
 *
 * Each process has these of its own: `ok` and `idx`, what came of the last call;
 * `top`, `tag`, `tries`, `place`, what a call under way has read.
 */
#define NIL SLOTS

#define LOCALS \
	bool ok, cov, go, must; byte idx = NIL; byte top, tag, tries, place; \
	byte s, h, o, to

/* === Claims ============================================================== */

#define LAB_CLAIM_TRIES 2

short available;
short credit[OWNERS + 1];
short room[OWNERS + 1];

inline lab_claim(count)
{
	tries = LAB_CLAIM_TRIES;
	do
	:: atomic { count <= 0 -> ok = false; break }
	:: atomic { count > 0 -> skip };
		atomic {
			count = count - 1;
			if
			:: count >= 0 -> ok = true; break
			:: else -> skip
			fi
		}
#if PLANT == CLAIM_NOT_UNDONE
		ok = false;
		break
#endif
		atomic {
			count = count + 1;
			tries--;
			if
			:: count > 0 && tries > 0 -> skip
			:: else -> ok = false; break
			fi
		}
	od;
	tries = 0
}

/* === Rings =============================================================== */

byte entry[RING] = NIL;
byte head, tail;

inline lab_ring_take()
{
	d_step {
		place = head;
		head = (head + 1) % RING
	}
	d_step {
		idx = entry[place];
		entry[place] = NIL;
		place = 0;
		CONSERVATION(idx != NIL);
		moves(idx, IN_RING, IN_HAND)
	}
}

/* The worker's. */
inline lab_ring_put(count)
{
	atomic {
		if
		:: entry[tail] == NIL ->
#if PLANT == PUT_AFTER_COUNT
			count++;
#endif
			ok = true
		:: else -> ok = false /* never */
		fi
	}
	if
	:: ok ->
		d_step {
			moves(idx, IN_HAND, IN_RING);
			entry[tail] = idx;
			tail = (tail + 1) % RING
		}
#if PLANT != PUT_AFTER_COUNT
		count = count + 1
#endif
	:: else -> skip
	fi
}

/* === Stacks ============================================================== */

/* A CPU's ready stack. The tag counts changes: modulo 8, for a few of them. */
byte stack_top[CPUS] = NIL;
byte stack_tag[CPUS];
byte stack_count[CPUS];
byte next[SLOTS] = NIL;

#define LAB_CPU_TRIES 5

#if PLANT == STACK_WITHOUT_TAG
#define TAG(tag) 0
#else
#define TAG(tag) ((tag) % 8)
#endif

inline lab_stack_take(cpu)
{
	d_step {
		top = stack_top[cpu];
		tag = stack_tag[cpu];
		tries = LAB_CPU_TRIES;
		idx = NIL
	}
	do
	:: top == NIL -> break
	:: else ->
		place = next[top];
		atomic {
			tries--;
			if
#if PLANT == STACK_STORES
			:: true ->
#else
			:: stack_top[cpu] == top && stack_tag[cpu] == tag ->
#endif
				stack_top[cpu] = place;
				stack_tag[cpu] = TAG(tag + 1);
				stack_count[cpu]--;
				idx = top;
				moves(idx, IN_STACK, IN_HAND);
				break
			:: else ->
				top = stack_top[cpu];
				tag = stack_tag[cpu];
				/* Only what is nested, and the worker, can be in the way. */
				CONSERVATION(tries > 0)
			fi
		}
	od;
	atomic {
		top = 0;
		tag = 0;
		tries = 0;
		place = 0
	}
}

/* The worker's, who alone puts: only takes can be in the way. */
inline lab_stack_put(cpu)
{
	d_step {
		top = stack_top[cpu];
		tag = stack_tag[cpu]
	}
	do
	:: next[idx] = top;
		atomic {
			if
			:: stack_top[cpu] == top && stack_tag[cpu] == tag ->
				stack_top[cpu] = idx;
				stack_tag[cpu] = TAG(tag + 1);
				stack_count[cpu]++;
				moves(idx, IN_HAND, IN_STACK);
				break
			:: else ->
				top = stack_top[cpu];
				tag = stack_tag[cpu]
			fi
		}
	od;
	atomic {
		top = 0;
		tag = 0
	}
}

/* === Sets that one process at a time takes from ========================== */

/* Any one: what else could be told of a stack that only one takes from. */
inline any_of(where)
{
	d_step {
		idx = 0;
		do
		:: idx < SLOTS && book[idx] != where -> idx++
		:: else -> break
		od;
		if
		:: idx < SLOTS -> book[idx] = IN_HAND
		:: else -> idx = NIL
		fi
	}
}

inline stock_put()
{
	moves(idx, IN_HAND, IN_STOCK);
	idx = NIL
}

inline lab_vacant_take()
{
	any_of(IN_VACANT)
}

inline lab_vacant_put()
{
	d_step {
		moves(idx, IN_HAND, IN_VACANT);
		next[idx] = NIL
	}
}

/* === Queues ============================================================== */

/* Head and tail only count up: modulo 8, for a few places. */
byte queue[INBOX * (OWNERS + 1)] = NIL;
byte queue_tail[OWNERS + 1];
byte queue_head[OWNERS + 1];

#define QUEUE(owner, place) queue[(owner) * INBOX + (place) % INBOX]

inline lab_queue_put(o, s)
{
	d_step {
		place = queue_tail[o];
		queue_tail[o] = (place + 1) % 8
	}
	d_step {
		CONSERVATION(QUEUE(o, place) == NIL);
		QUEUE(o, place) = s;
		moves(s, IN_HAND, IN_INBOX);
		place = 0
	}
}

inline lab_queue_peek(o)
{
	idx = QUEUE(o, queue_head[o])
}

inline lab_queue_take(o)
{
	lab_queue_peek(o);
	if
	:: idx == NIL -> skip
	:: else ->
		d_step {
			QUEUE(o, queue_head[o]) = NIL;
			queue_head[o] = (queue_head[o] + 1) % 8;
			moves(idx, IN_INBOX, IN_HAND)
		}
		room[o] = room[o] + 1
	fi
}

/* === The dirty map ======================================================= */

/* One chunk: its bits, and its bit of the summary. */
bool dirty[SLOTS];
bool chunk;

inline lab_dirty_mark(s)
{
	d_step {
		moves(s, IN_HAND, IN_DIRTY);
		dirty[s] = true
	}
	if
	:: chunk -> skip
	:: !chunk -> chunk = true
	fi
}

/* From `least` on. */
inline lab_dirty_scan(least)
{
	d_step {
		idx = least;
		do
		:: idx < SLOTS && !dirty[idx] -> idx++
		:: else -> break
		od;
		if
		:: idx < SLOTS ->
			dirty[idx] = false;
			moves(idx, IN_DIRTY, IN_HAND)
		:: else -> idx = NIL
		fi
	}
}

/* The worker's. */
inline lab_dirty_next(least)
{
	if
	:: !chunk -> idx = NIL
	:: chunk ->
		lab_dirty_scan(least);
		if
		:: idx == NIL && least == 0 ->
#if PLANT == SUMMARY_CLEARED_LAST
			lab_dirty_scan(least);
			chunk = false
#else
			chunk = false;
			lab_dirty_scan(least);
			if
			:: idx != NIL -> chunk = true
			:: else -> skip
			fi
#endif
		:: else -> skip
		fi
	fi
}
