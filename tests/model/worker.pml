/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The worker, and what is done under reserve_lock: module/worker.c,
 * module/reserve.c, module/guarantee.c.
 */
bool reserve_locked;
bool retry;
bool filling = true;
bool listed[OWNERS + 1];

#define reserve_lock() atomic { !reserve_locked -> reserve_locked = true }
#define reserve_unlock() reserve_locked = false

/* === Distribution ======================================================== */

inline lab_slot_to_system()
{
	lab_slot_vacate(idx);
	if
	:: ok -> lab_vacant_put()
	:: else -> moves(idx, IN_HAND, IN_NONE)
	fi;
	d_step {
		system++;
		idx = NIL
	}
}

inline lab_ring_add(count)
{
	any_of(IN_STOCK);
	if
	:: idx == NIL -> ok = false
	:: else ->
		lab_ring_put(count);
		if
		:: ok -> idx = NIL
		:: else -> stock_put(); ok = false
		fi
	fi
}

/* Until `count` has `goal`, or there is no more. */
inline lab_ring_fill(count, goal)
{
	do
	:: count >= goal -> break
	:: else ->
		lab_ring_add(count);
		if
		:: ok -> skip
		:: else -> break
		fi
	od
}

inline lab_ring_trim(count, goal)
{
	do
	:: count > goal ->
		lab_claim(count);
		if
		:: ok -> lab_ring_take(); stock_put()
		:: else -> break
		fi
	:: else -> break
	od
}

#if GUARANTEES
short lacks;

inline lab_credit_lacks(o)
{
	lacks = promised[o] - aside[o] - covered[o]
}

inline lab_credit_target(o)
{
	target = LESS(promised[o], HAS(o))
}

inline lab_credit_move(from, to)
{
	lab_claim(from);
	if
	:: ok -> to = to + 1
	:: else -> skip
	fi
}

inline lab_credit_settle(o)
{
	spent[o] = asking[o];
	lab_credit_lacks(o);
	do
	:: lacks > 0 ->
		lab_ring_add(credit[o]);
		if
		:: ok -> skip
		:: else -> lab_credit_move(available, credit[o])
		fi;
		if
		:: ok -> aside[o] = aside[o] + 1; lab_credit_lacks(o)
		:: else -> break
		fi
	:: else -> break
	od;
	lab_credit_lacks(o);
	do
	:: lacks < 0 ->
		lab_credit_move(credit[o], available);
		if
		:: ok -> aside[o] = aside[o] - 1; lab_credit_lacks(o)
		:: else -> break
		fi
	:: else -> break
	od;
	/* For the property: what is at hand now is due. */
	atomic {
		lacks = 0;
		target = LESS(promised[o], HAS(o));
		target = (credit[o] < target -> MAX(credit[o], 0) : target);
		due[o] = MAX(due[o], LESS(target, spent[o]));
		target = 0
	}
}
#endif

inline lab_cpus_fill()
{
	n = 0;
	do
	:: n < CPUS && stack_count[n] < DEPTH ->
		any_of(IN_STOCK);
		if
		:: idx == NIL -> break
		:: else -> lab_stack_put(n); idx = NIL
		fi
	:: n < CPUS && stack_count[n] >= DEPTH -> n++
	:: n >= CPUS -> break
	od;
	n = 0
}

inline lab_node_distribute()
{
	CONSERVATION(reserve_locked);
	sum = 0;
#if GUARANTEES
	o = 1;
	do
	:: o <= OWNERS && listed[o] ->
		lab_credit_settle(o);
		d_step {
			lab_credit_target(o);
			sum = sum + target;
			target = 0;
			o++
		}
	:: o <= OWNERS && !listed[o] -> o++
	:: o > OWNERS -> break
	od;
	o = 0;
#endif
	target = LESS(HIGH, sum);
	lab_ring_trim(available, target);
	lab_ring_fill(available, target);
	target = 0;
#if DEPTH
	lab_cpus_fill();
#endif
	do
	:: any_of(IN_STOCK);
		if
		:: idx != NIL -> lab_slot_to_system()
		:: else -> break
		fi
	od;
	kick = MAX(1, LESS(LOW, sum))
}

/* Read as if at once: what it comes to only says whether to go on. */
inline lab_node_need()
{
	d_step {
		n = 0;
		sum = 0;
#if GUARANTEES
		o = 1;
		do
		:: o <= OWNERS ->
			if
			:: listed[o] ->
				lab_credit_target(o);
				n = n + LESS(promised[o], aside[o] + covered[o]);
				sum = sum + target
			:: else -> skip
			fi;
			o++
		:: else -> break
		od;
#endif
		target = LESS(LESS(HIGH, sum), MAX(available, 0));
		if
		:: target == 0 -> filling = false
		:: target > 0 && available < kick -> filling = true
		:: else -> skip
		fi;
		n = n + (filling -> target : 0);
		target = 0;
		sum = 0;
#if DEPTH
		o = 0;
		do
		:: o < CPUS ->
			n = n + (stack_count[o] * 2 < DEPTH -> DEPTH - stack_count[o] : 0);
			o++
		:: else -> break
		od;
#endif
		o = 0
	}
}

/* === Recycling =========================================================== */

inline lab_quarantine(s)
{
	/* The worker alone frees numbers. */
	o = OWNER(word[s]);
	lab_slot_quarantine(s);
	CONSERVATION(ok);
	d_step {
		used[o]++;
		o = 0
	}
}

inline lab_recycle()
{
	CONSERVATION(STATE(word[idx]) == DIRTY);
	soiled--;
	if
#if POISON
	:: true -> lab_quarantine(idx); idx = NIL
#endif
	:: true ->
		d_step {
			EXCLUSIVITY(pte[idx] == 0);
			data[idx] = (FAULTY(NOT_WIPED) -> data[idx] : 0)
		}
		lab_slot_clean(idx);
		if
		:: ok -> stock_put()
		:: else -> lab_slot_to_system()
		fi
	fi
}

inline lab_recycle_all()
{
	from = 0;
	reserve_lock();
	do
	:: lab_dirty_next(from);
		if
		:: idx == NIL -> break
		:: else -> from = idx + 1; lab_recycle()
		fi
	od;
	from = 0;
	lab_node_distribute();
	reserve_unlock()
}

/* === Refill ============================================================== */

/* A page at a time. */
inline lab_stock_block()
{
	lab_vacant_take();
	if
	:: idx != NIL ->
		data[idx] = 0;
		lab_slot_fill(idx);
		stock_put()
	:: else -> system++
	fi
}

inline lab_refill_node()
{
	do
	:: reserve_lock();
		lab_node_need();
		reserve_unlock();
		if
		:: n == 0 -> break
		:: n > 0 && n <= soiled ->
			/* Or it would go round for ever. */
			NO_LOST_PAGE(chunk);
			queued = true;
			break
		:: else -> skip
		fi;
		n = 0;
		atomic {
			if
			:: system > 0 -> system--; ok = true
			:: else -> retry = true; break
			fi
		}
		reserve_lock();
		lab_stock_block();
		lab_node_distribute();
		reserve_unlock()
	od;
	n = 0
}

/* === Burying ============================================================= */

inline lab_owners_dig()
{
	d_step {
		dug[1] = grave[1];
		dug[2] = grave[2];
		grave[1] = false;
		grave[2] = false
	}
}

/* Their numbers may be used again: no slot may name them. */
inline lab_owners_bury()
{
	o = 1;
	do
	:: o <= OWNERS && dug[o] ->
		d_step {
			s = 0;
			do
			:: s < SLOTS ->
				if
				:: STATE(word[s]) == QUARANTINED && OWNER(word[s]) == o -> break
				:: else -> NO_LOST_PAGE(OWNER(word[s]) != o); s++
				fi
			:: else -> break
			od;
			buried[o] = s == SLOTS;
			s = 0;
			o++
		}
	:: o <= OWNERS && !dug[o] -> o++
	:: o > OWNERS -> break
	od;
	atomic {
		o = 0;
		dug[1] = false;
		dug[2] = false
	}
}

/* === A round ============================================================= */

inline lab_work()
{
#if PLANT != KICK_CLEARED_LAST
	kicked = false;
#endif
#if KILL && PLANT != BURIED_BEFORE_WIPED
	lab_owners_dig();
#endif
	lab_recycle_all();
#if KILL && PLANT == BURIED_BEFORE_WIPED
	lab_owners_dig();
#endif
	lab_refill_node();
#if KILL
	lab_owners_bury();
#endif
#if PLANT == KICK_CLEARED_LAST
	kicked = false;
#endif
	idx = NIL
}

/* It waits for being queued, or for its timer when it has been refused. */
proctype worker()
{
	LOCALS;
	byte n, sum, target, from;
	bool dug[OWNERS + 1];

end:
	do
	:: atomic { queued -> queued = false }; lab_work()
	:: atomic { retry && !queued && system > 0 -> retry = false }; lab_work()
	od
}
