/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who runs: tasks, what interrupts them, an administrator, the worker. First the
 * worker fills the reserve, then all begin; when nobody can move any more, the
 * books are compared.
 */

/* === Tasks, and what interrupts them ===================================== */

/* The level at which each CPU is: what is below does not move. */
byte level[CPUS];

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
	:: A_HANDLE(FAULT, 0)
	:: A_HANDLE(FAULT, 1)
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
#if KIND == KERNEL
#if CALLS & ALLOC
#if BUDDY
	:: op == ALLOC -> lab_api_slow(o, cpu)
#else
	:: op == ALLOC -> lab_api_strict(o, cpu)
#endif
#endif
#if CALLS & FREE
	:: op == FREE -> labyrinth_free(o, s, h)
#endif
#if CALLS & GIVE
	:: op == GIVE -> labyrinth_give(o, s, h, to)
#endif
#if CALLS & TAKE
	:: op == TAKE -> labyrinth_take(o)
#endif
#else
#if CALLS & ALLOC
	:: op == ALLOC -> lab_ioctl_alloc(o, cpu)
#endif
#if CALLS & FREE
	:: op == FREE -> lab_ioctl_free(o, s, h)
#endif
#if CALLS & GIVE
	:: op == GIVE -> lab_give_all(o, s, h, to)
#endif
#if CALLS & TAKE
	:: op == TAKE -> lab_take_once(o)
#endif
#if CALLS & FAULT
	:: op == FAULT -> lab_fault(o, s)
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

inline calls(acts, cpu, mine, most)
{
	n = most;
	do
	:: n > 0 ->
		atomic {
			o = acts;
			to = OWNERS + 1 - acts;
			below = level[cpu];
			level[cpu] = mine;
			picks(mine)
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
			level[cpu] = below;
			below = 0;
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
#if KILL && KIND == FILE
	if
	:: acts == KILL -> lab_owner_put(KILL)
	:: else -> skip
	fi
#endif
}

#define CALLER byte op, below, n

proctype task0() provided (level[0] == 0)
{
	LOCALS;
	CALLER;

	calls(TASK0_OWNER, 0, 0, TASK0)
}

proctype task1() provided (level[1] == 0)
{
	LOCALS;
	CALLER;

	calls(TASK1_OWNER, 1, 0, TASK1)
}

proctype irq() provided (level[0] <= 1)
{
	LOCALS;
	CALLER;

	calls(TASK0_OWNER, 0, 1, IRQ)
}

proctype nmi() provided (level[0] <= 2)
{
	LOCALS;
	CALLER;

	calls(TASK0_OWNER, 0, 2, NMI)
}

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
proctype revoker()
{
	LOCALS;

	if
	:: HAD(REVOKE, 0) -> h = HANDLE(HAD(REVOKE, 0), 0)
	:: HAD(REVOKE, 1) -> h = HANDLE(HAD(REVOKE, 1), 1)
	:: true -> h = 0
	fi;
	s = SLOT(h);
	lab_owner_revoke(REVOKE, s, h)
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
	CONSERVATION((indexed[s] != 0) == (KIND == FILE && STATE(word[s]) == OWNED));
	CONSERVATION(indexed[s] == 0 || indexed[s] == OWNER(word[s]));
	COUNT(pages, STATE(word[s]) != VACANT && STATE(word[s]) != RETIRED);
	COUNT(vacant, STATE(word[s]) == VACANT);
	COUNT(ring, book[s] == IN_RING);
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
	CONSERVATION(covered[o] == m);
	CONSERVATION(INBOX - room[o] == waiting);
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
	CONSERVATION(ring == available + credit[1] + credit[2]);
	NO_LOST_PAGE(available >= kick || system == 0 || vacant == 0);
	o = 1;
	do
	:: o <= OWNERS -> count_owner(); o++
	:: else -> break
	od
}

init
{
	LOCALS;
	byte n, m, pages, vacant, ring, waiting, rounds;

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
		refs[1] = 1 + (KIND == FILE) * ((TASK0 && TASK0_OWNER == 1) + (TASK1 && TASK1_OWNER == 1));
		refs[2] = 1 + (KIND == FILE) * ((TASK0 && TASK0_OWNER == 2) + (TASK1 && TASK1_OWNER == 2));
		kicked = true;
		queued = true
	}
	run worker();
	timeout;
#if HELD
	atomic {
		lab_claim(available);
		CONSERVATION(ok);
		lab_ring_take();
		lab_grant_own(HELD);
		used[HELD]++;
		indexed[idx] = (KIND == FILE) * HELD;
		ok = false;
		idx = NIL
	}
	timeout;
#endif
	atomic {
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
