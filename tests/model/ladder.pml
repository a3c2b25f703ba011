/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ladder: module/ladder.c. What came of it is in `idx`, NIL for nothing.
 */

/* What the system has left for us; who sees it empty comes again later. */
byte system = ROOM;
byte kick = 1;

inline lab_rung_cpu(cpu)
{
	lab_stack_take(cpu);
	if
	:: stack_count[cpu] * 2 < DEPTH -> lab_kick()
	:: else -> skip
	fi
}

inline lab_rung_guarantee(o)
{
	lab_claim(credit[o]);
	if
	:: ok -> cov = true; lab_ring_take()
	:: else -> skip
	fi
}

inline lab_rung_node()
{
#if PLANT == TAKE_WITHOUT_CLAIM
	ok = available > 0;
	if
	:: ok -> available--
	:: else -> skip
	fi;
#else
	lab_claim(available);
#endif
#if PLANT != NODE_SKIPS_KICK
	if
	:: available < kick -> lab_kick()
	:: else -> skip
	fi;
#endif
	if
	:: ok -> lab_ring_take()
	:: else -> skip
	fi
}

/* A page straight from the system: taken, zeroed, and at once somebody's. */
inline lab_grant_enter(o)
{
	preempt_disable();
	if
	:: !dying[o] -> lab_vacant_take()
	:: else -> skip
	fi;
	if
	:: idx != NIL ->
		d_step {
			counted[idx] = false;
			data[idx] = 0
		}
		lab_slot_enter(idx, o)
	:: else -> skip
	fi;
	preempt_enable()
}

inline lab_rung_buddy(o)
{
	atomic {
		if
		:: system > 0 -> system--; ok = true
		:: else -> ok = false
		fi
	}
	if
	:: ok ->
		lab_grant_enter(o);
		if
		:: idx == NIL -> system++
		:: else -> skip
		fi
	:: else -> skip
	fi
}

inline lab_grant_own(o)
{
	d_step {
		counted[idx] = promised[o] > 0 || cov;
		if
		:: counted[idx] && !cov && !FAULTY(COVERED_NOT_COUNTED) -> covered[o]++
		:: else -> skip
		fi;
		cov = false;
		served(o)
	}
	if
	:: counted[idx] -> lab_kick()
	:: else -> skip
	fi;
	lab_slot_own(idx, o);
	CONSERVATION(ok)
}

/* The owner is charged. */
inline lab_ladder(o, cpu)
{
	preempt_disable();
	idx = NIL;
	if
	:: dying[o] && !FAULTY(SWEEP_SKIPS_GRACE) -> skip
	:: else ->
		asks(o);
#if DEPTH
		lab_rung_cpu(cpu);
#endif
#if GUARANTEES && PLANT != CREDIT_UNUSED
		if
		:: idx == NIL -> lab_rung_guarantee(o)
		:: else -> skip
		fi;
#endif
		if
		:: idx == NIL -> lab_rung_node()
		:: else -> skip
		fi;
		if
		:: idx != NIL -> lab_grant_own(o)
		:: else -> refused(o)
		fi
	fi;
	preempt_enable();
#if BUDDY
	if
	:: idx == NIL -> lab_rung_buddy(o)
	:: else -> skip
	fi
#endif
}

inline lab_take(o, cpu)
{
	lab_ladder(o, cpu)
}
