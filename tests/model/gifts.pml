/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Giving and taking: module/inbox.c. Every owner accepts everybody's.
 */

/* One place: a batch is of one block here. */
inline lab_inbox_claim(to)
{
	lab_claim(room[to])
}

inline lab_inbox_unclaim(to)
{
	room[to] = room[to] + 1
}

inline lab_give_try(to)
{
	lab_charge(to);
	if
	:: ok ->
		lab_inbox_claim(to);
		if
		:: ok -> skip
		:: else -> lab_uncharge(to)
		fi
	:: else -> skip
	fi
}

inline lab_give_admit(to)
{
#if PLANT == GIVE_SKIPS_ADMISSION
	used[to]++;
	ok = true
#else
	lab_give_try(to)
#endif
}

inline lab_give_revoke(to)
{
	lab_inbox_unclaim(to);
	lab_uncharge(to)
}

inline lab_inbox_arrive(to, s)
{
	lab_queue_put(to, s)
}

/* Admitted, and preemption off since `to` was seen not to be dying. */
inline lab_give_commit(o, to, s, h)
{
	cov = counted[s];
	lab_slot_give(s, h, o, to);
	if
	:: !ok -> lab_slot_pass(s, h, o, to)
	:: else -> skip
	fi;
	if
	:: ok ->
		must = cov;
		counted[s] = false;
		uncount(o);
		lab_inbox_arrive(to, s);
		lab_uncharge(o);
		/* A page is lacking of its guarantee. */
		if
		:: must ->
#if PLANT != GIVE_SKIPS_KICK
			lab_kick();
#endif
			must = false
		:: else -> skip
		fi;
		ok = true
	:: else -> cov = false
	fi
}

/* The receiver's, who is one at a time. */
inline lab_inbox_take(o)
{
	lab_queue_take(o);
	if
	:: idx != NIL ->
		h = HANDLE(GEN(word[idx]), idx);
		lab_slot_take(idx, h, o);
		h = 0;
		if
		:: ok -> skip
		:: else -> idx = NIL /* never */
		fi
	:: else -> skip
	fi
}

inline lab_inbox_drain(o)
{
	do
	:: lab_queue_take(o);
		if
		:: idx != NIL ->
			s = idx;
			h = HANDLE(GEN(word[s]), s);
			lab_release(o, s, h)
		:: else -> break
		fi
	od;
	atomic {
		s = 0;
		h = 0
	}
}
