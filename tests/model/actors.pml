/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who runs: tasks, what interrupts them, an administrator, the worker. First the
 * worker fills the reserve, then all begin; when nobody can move any more, the
 * books are compared.
 */

/* === Tasks, and what interrupts them ===================================== */

/* The level at which CPU 0 is: what is below does not move. */
#if IRQ || NMI
byte level;

#define AT(mine) provided (level <= mine)
#define enters(mine) below = level; level = mine
#define leaves() level = below; below = 0
#else
#define AT(mine)
#define enters(mine) skip
#define leaves() skip
#endif

#define A_HANDLE(call, s) \
	HAD(o, s) -> op = call; h = HANDLE(HAD(o, s), s)
#define OTHERS_HANDLE(call, s) \
	HAD(to, s) -> op = call; h = HANDLE(HAD(to, s), s)

/* Any call, with any handle that it has ever had; 0: no more. */
inline picks(mine)
{
	if
	:: op = 0
#if CALLS & ALLOC
	:: op = ALLOC
#endif
#if CALLS & FREE
	:: A_HANDLE(FREE, 0)
	:: A_HANDLE(FREE, 1)
#if SLOTS > 2
	:: A_HANDLE(FREE, 2)
#endif
#endif
#if CALLS & GIVE
	:: A_HANDLE(GIVE, 0)
	:: A_HANDLE(GIVE, 1)
#if SLOTS > 2
	:: A_HANDLE(GIVE, 2)
#endif
#endif
#if CALLS & TAKE
	:: mine == 0 -> op = TAKE
#endif
#if CALLS & FAULT
	:: IS_FILE(o) && A_HANDLE(FAULT, 0)
	:: IS_FILE(o) && A_HANDLE(FAULT, 1)
#endif
#if CALLS & GUESS
	:: OTHERS_HANDLE(FREE, 0)
	:: OTHERS_HANDLE(FREE, 1)
#endif
	fi
}

inline one_call(cpu)
{
	s = SLOT(h);
	if
	:: op == 0 -> n = 1
#if KIND != FILE
#if CALLS & ALLOC
#if BUDDY
	:: op == ALLOC && !IS_FILE(o) -> lab_api_slow(o, cpu)
#else
	:: op == ALLOC && !IS_FILE(o) -> lab_api_strict(o, cpu)
#endif
#endif
#if CALLS & FREE
	:: op == FREE && !IS_FILE(o) -> labyrinth_free(o, s, h)
#endif
#if CALLS & GIVE
	:: op == GIVE && !IS_FILE(o) -> labyrinth_give(o, s, h, to)
#endif
#if CALLS & TAKE
	:: op == TAKE && !IS_FILE(o) -> labyrinth_take(o)
#endif
#endif
#if KIND != KERNEL
#if CALLS & ALLOC
	:: op == ALLOC && IS_FILE(o) -> lab_ioctl_alloc(o, cpu)
#endif
#if CALLS & FREE
	:: op == FREE && IS_FILE(o) -> lab_ioctl_free(o, s, h)
#endif
#if CALLS & GIVE
	:: op == GIVE && IS_FILE(o) -> lab_give_all(o, s, h, to)
#endif
#if CALLS & TAKE
	:: op == TAKE && IS_FILE(o) -> lab_take_once(o)
#endif
#if CALLS & FAULT
	:: op == FAULT && IS_FILE(o) -> lab_fault(o, s)
#endif
#endif
	fi
}

/*
 * A module has its calls look at a flag, in the section that they are made in, and
 * clears that before it destroys their owner. LATE: when that has flagged.
 */
#if KILL && KIND == KERNEL
#define may_begin() atomic { !flagged[o] -> preempt_disable() }
#define has_ended() preempt_enable()
#else
#define may_begin() skip
#define has_ended() skip
#endif

inline calls(acts, cpu, on, most)
{
	n = most;
	do
	:: n > 0 ->
		atomic {
			o = acts;
			to = OWNERS + 1 - acts;
			if
			:: cpu == 0 -> enters(on)
			:: else -> skip
			fi;
			picks(on)
		}
#if KILL && KIND == KERNEL
		if
		:: flagged[acts] -> n = 1
		:: may_begin() -> one_call(cpu); has_ended()
		fi;
#else
		one_call(cpu);
#endif
		d_step {
			n--;
			if
			:: cpu == 0 -> leaves()
			:: else -> skip
			fi;
			op = 0;
			ok = false;
			idx = NIL;
			s = 0;
			h = 0;
			o = 0;
			to = 0
		}
	:: else -> break
	od;
#if KILL && KIND != KERNEL
	if
	:: acts == KILL -> lab_owner_put(KILL)
	:: else -> skip
	fi
#endif
}

#define CALLER byte op, below, n

#if TASK0
proctype task0() AT(0)
{
	LOCALS;
	CALLER;

	calls(TASK0_OWNER, 0, 0, TASK0)
}
#endif

#if TASK1
proctype task1()
{
	LOCALS;
	CALLER;

	calls(TASK1_OWNER, 1, 0, TASK1)
}
#endif

#if IRQ
proctype irq() AT(1)
{
	LOCALS;
	CALLER;

	calls(TASK0_OWNER, 0, 1, IRQ)
}
#endif

#if NMI
proctype nmi() AT(2)
{
	LOCALS;
	CALLER;

	calls(TASK0_OWNER, 0, 2, NMI)
}
#endif

/* === Administrators ====================================================== */

#if KILL
proctype killer()
{
	LOCALS;
	byte n, sum, target;

#if !LATE
	flagged[KILL] = true;
#endif
	lab_owner_kill(KILL);
	flagged[KILL] = true
}
#endif

#if REVOKE
/* What it has, for the promise that all of it is taken: published, or arrived. */
inline notes(victim)
{
	do
	:: s < SLOTS ->
		if
		:: indexed[s] == victim && (h == 0 || h == HANDLE(GEN(word[s]), s)) -> was[s] = GEN(word[s])
		:: book[s] == IN_INBOX && OWNER(word[s]) == victim && h == 0 ->
			was[s] = GEN(word[s])
		:: else -> skip
		fi;
		s++
	:: else -> break
	od
}

inline compares(victim)
{
	s = 0;
	do
	:: s < SLOTS ->
		PROMISE(was[s] == 0 || GEN(word[s]) != was[s] ||
			OWNER(word[s]) != victim || STATE(word[s]) >= DIRTY);
		s++
	:: else -> break
	od
}

proctype revoker()
{
	LOCALS;
	byte was[SLOTS];

	atomic {
		if
		:: HAD(REVOKE, 0) -> h = HANDLE(HAD(REVOKE, 0), 0)
		:: HAD(REVOKE, 1) -> h = HANDLE(HAD(REVOKE, 1), 1)
		:: true -> h = 0
		fi;
		notes(REVOKE);
		s = SLOT(h)
	}
	lab_owner_revoke(REVOKE, s, h);
	atomic {
		compares(REVOKE)
	}
}
#endif

/* === When all is quiet =================================================== */

#define COUNT(what, holds) what = what + (holds)

inline count_slot()
{
	NO_LOST_PAGE(STATE(word[s]) != LEAVING && STATE(word[s]) != DIRTY);
	NO_LOST_PAGE(book[s] != IN_HAND && book[s] != IN_STOCK && book[s] != IN_DIRTY);
	CONSERVATION((STATE(word[s]) == VACANT) == (book[s] == IN_VACANT));
	CONSERVATION((STATE(word[s]) == READY) == (book[s] == IN_RING || book[s] == IN_STACK));
	CONSERVATION((STATE(word[s]) == OWNED) == (book[s] == IN_USE));
	CONSERVATION((STATE(word[s]) == TRANSIT) == (book[s] == IN_INBOX));
	CONSERVATION((STATE(word[s]) >= QUARANTINED) == (book[s] == IN_NONE));
	CONSERVATION((indexed[s] != 0) == (IS_FILE(OWNER(word[s])) && STATE(word[s]) == OWNED));
	CONSERVATION(indexed[s] == 0 || indexed[s] == OWNER(word[s]));
	COUNT(pages, STATE(word[s]) != VACANT && STATE(word[s]) != RETIRED);
	COUNT(vacant, STATE(word[s]) == VACANT);
	COUNT(ring, book[s] == IN_RING);
	COUNT(stacked, book[s] == IN_STACK)
}

/* Each slot of a CPU's stack is there, and is in no other. */
inline walk_stack(cpu)
{
	s = stack_top[cpu];
	n = 0;
	do
	:: s != NIL ->
		CONSERVATION(book[s] == IN_STACK && n < SLOTS);
		s = next[s];
		n++
	:: else -> break
	od;
	CONSERVATION(n == stack_count[cpu])
}

inline count_owner()
{
	s = 0;
	n = 0;
	m = 0;
	waiting = 0;
	do
	:: s < SLOTS ->
		COUNT(n, OWNER(word[s]) == o);
		COUNT(m, OWNER(word[s]) == o && STATE(word[s]) == OWNED && counted[s]);
		COUNT(waiting, OWNER(word[s]) == o && STATE(word[s]) == TRANSIT);
		NO_LOST_PAGE(OWNER(word[s]) != KILL || KILL == 0 || STATE(word[s]) == QUARANTINED);
		s++
	:: else -> break
	od;
	CONSERVATION(used[o] == n);
	CONSERVATION(HAS(o) == m);
	CONSERVATION(INBOX - room[o] == waiting);
	NO_LOST_PAGE(o != KILL || credit[o] == 0);
	GUARANTEE(credit[o] <= LESS(promised[o], m));
#if WHOLE
	/* Also when the system has nothing more: not so today. */
	GUARANTEE(credit[o] >= LESS(promised[o], m));
#else
	/* It lacks only what nobody has: what is anybody's goes to it first. */
	GUARANTEE(credit[o] >= LESS(promised[o], m) || available + system == 0);
#endif
	NO_LOST_PAGE(o != KILL || buried[o] || n > 0)
}

inline lab_verify()
{
	do
	:: s < SLOTS -> count_slot(); s++
	:: else -> break
	od;
	CONSERVATION(pages + system == ROOM);
	CONSERVATION(available >= 0);
	CONSERVATION(ring == available + listed[1] * credit[1] + listed[2] * credit[2]);
	NO_LOST_PAGE(available >= LESS(LOW, LESS(promised[1], HAS(1)) + LESS(promised[2], HAS(2))) ||
		     system == 0 || vacant == 0);
	walk_stack(0);
	walk_stack(1);
	CONSERVATION(stacked == stack_count[0] + stack_count[1]);
	o = 1;
	do
	:: o <= OWNERS -> count_owner(); o++
	:: else -> break
	od
}

init
{
	LOCALS;
	byte n, m, pages, vacant, ring, stacked, waiting, rounds;

	d_step {
		do
		:: s < SLOTS ->
			word[s] = WORD(FIRST_GENERATION, 0, VACANT);
			book[s] = IN_VACANT;
			s++
		:: else -> break
		od;
		s = 0;
		room[1] = INBOX;
		room[2] = INBOX;
		quota[1] = QUOTA;
		quota[2] = QUOTA;
		promised[1] = GUARANTEE1;
		promised[2] = GUARANTEE2;
		listed[1] = GUARANTEE1 > 0;
		listed[2] = GUARANTEE2 > 0;
		refs[1] = 1 + IS_FILE(1) * ((TASK0 && TASK0_OWNER == 1) + (TASK1 && TASK1_OWNER == 1));
		refs[2] = 1 + IS_FILE(2) * ((TASK0 && TASK0_OWNER == 2) + (TASK1 && TASK1_OWNER == 2));
		kicked = true;
		queued = true
	}
	run worker();
	timeout;
#if HELD
	atomic {
		do
		:: n < HOLDS ->
			lab_claim(available);
			CONSERVATION(ok);
			lab_ring_take();
			lab_grant_own(HELD);
			used[HELD]++;
			indexed[idx] = IS_FILE(HELD) * HELD;
			n++
		:: else -> break
		od;
		n = 0;
		ok = false;
		idx = NIL;
		/* What it holds of a guarantee need not be at hand any more. */
		queued = GUARANTEES > 0
	}
	timeout;
#endif
	atomic {
		declared = available + credit[1] + credit[2];
#if TASK0
		run task0();
#endif
#if TASK1
		run task1();
#endif
#if IRQ
		run irq();
#endif
#if NMI
		run nmi();
#endif
#if KILL
		run killer();
#endif
#if REVOKE
		run revoker();
#endif
	}
	timeout;
	NO_LOST_PAGE(_nr_pr == 2);
	/* What the worker was refused it asks for again, a while later. */
	do
	:: retry && rounds < 2 ->
		atomic {
			retry = false;
			queued = true;
			rounds++
		}
		timeout
	:: else -> break
	od;
	atomic {
		lab_verify()
	}
}
