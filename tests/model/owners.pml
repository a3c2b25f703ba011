/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What owners have: charges, an index, a lock; and the end of a block's being
 * held. module/account.c, and what of the kernel it stands on.
 */
byte used[OWNERS + 1];
byte quota[OWNERS + 1];
short covered[OWNERS + 1];
short aside[OWNERS + 1];
#define HAS(o) (covered[o] + aside[o] - credit[o])
byte promised[OWNERS + 1];
bool dying[OWNERS + 1];
bool dead[OWNERS + 1];
byte refs[OWNERS + 1];
bool grave[OWNERS + 1];
bool buried[OWNERS + 1];

/* slot->covered; slot->indexed, and whose index it is. */
bool counted[SLOTS];
byte indexed[SLOTS];

/* Pages that an administrator took: the only way that a promise is broken. */
bool revoked[SLOTS];

/* === Of the kernel ======================================================= */

/* Sections with preemption off, by process: only a grace period asks for them. */
#define SECTIONS ((TASK0 > 0) + (TASK1 > 0) + (IRQ > 0) + (NMI > 0))
#define FIRST 2

#if KILL || REVOKE
/* The last is the administrator's, who waits. */
byte section[5];

#define preempt_disable() section[_pid - FIRST]++
#define preempt_enable() section[_pid - FIRST]--
#else
#define preempt_disable() skip
#define preempt_enable() skip
#endif

inline synchronize_rcu()
{
#if KILL || REVOKE
	place = 0;
	do
	:: place < SECTIONS -> atomic { section[place] == 0 -> place++ }
	:: else -> break
	od;
	place = 0
#else
	skip
#endif
}

/* Kernel owners have no need of their lock but for taking, which is the module's. */
bool locked[OWNERS + 1];

#define mutex_lock(o) atomic { !locked[o] -> locked[o] = true }
#define mutex_unlock(o) locked[o] = false

/* === Waking the worker =================================================== */

bool kicked, queued;

inline lab_kick()
{
	if
	:: kicked -> skip
	:: atomic { !kicked -> skip };
		atomic {
			if
			:: kicked -> skip
			:: !kicked -> kicked = true; go = true
			fi
		}
		if
		:: go -> d_step { queued = true; go = false }
		:: else -> skip
		fi
	fi
}

/* === Charges ============================================================= */

inline lab_charge(o)
{
	atomic {
		if
		:: used[o] + 1 > quota[o] -> ok = false
		:: else -> ok = true
		fi
	}
	if
	:: ok ->
		d_step {
			used[o]++;
			place = used[o]
		}
		/* The quota is 0 from the instant on at which its owner is dying. */
		d_step {
			ok = place <= quota[o];
			place = 0
		}
		if
		:: ok -> skip
		:: else -> used[o]--
		fi
	:: else -> skip
	fi
}

inline lab_uncharge(o)
{
	d_step {
		CONSERVATION(used[o] > 0);
		used[o]--
	}
}

/* === Guarantees ========================================================== */

/*
 * What is promised at this instant, for the property: `due` requests of an owner
 * are served, whatever others do. It begins with its credit, each request uses up
 * one, and the worker makes it whole: up to what it found lacking less what has
 * been asked for since. `spent` is that, with what was being asked for then.
 */
byte due[OWNERS + 1];
byte asking[OWNERS + 1];
byte spent[OWNERS + 1];

/* How many of those under way must be served: it does not matter which. */
byte musts[OWNERS + 1];

/* What was at hand in the beginning, and how many requests there were since. */
byte declared;
byte requests[OWNERS + 1];

inline asks(o)
{
	d_step {
#if GUARANTEES
		if
		:: due[o] > 0 -> due[o]--; musts[o]++
		:: else -> skip
		fi;
		asking[o]++;
		if
		:: spent[o] < SLOTS -> spent[o]++
		:: else -> skip
		fi;
#endif
		requests[o] = requests[o] + DECLARED
	}
}

inline served(o)
{
#if GUARANTEES
	asking[o]--;
	musts[o] = LESS(musts[o], 1)
#else
	skip
#endif
}

/* What others have been promised and not asked for is not for it. */
inline refused(o)
{
	d_step {
#if DECLARED
		GUARANTEE(dying[o] || requests[1] + requests[2] +
			  LESS(promised[OWNERS + 1 - o], requests[OWNERS + 1 - o]) > declared);
#endif
#if GUARANTEES
		asking[o]--;
		GUARANTEE(dying[o] || musts[o] <= asking[o]);
#endif
		skip
	}
}

/* === The end of a block's being held ===================================== */

inline uncount(o)
{
	d_step {
		if
		:: cov && !FAULTY(COVERED_NOT_UNCOUNTED) -> covered[o]--
		:: else -> skip
		fi;
		cov = false
	}
}

/* h is OWNED, LEAVING and not mapped, or TRANSIT and never to be taken. */
inline lab_release(o, s, h)
{
	preempt_disable();
	cov = counted[s];
	lab_slot_free(s, h, o);
	if
	:: !ok -> lab_slot_gone(s, h, o)
	:: else -> skip
	fi;
	if
	:: !ok -> lab_slot_drop(s, h, o)
	:: else -> skip
	fi;
	if
	:: ok ->
		lab_dirty_mark(s);
		soiled++;
		uncount(o);
		lab_uncharge(o)
	:: else -> cov = false
	fi;
	preempt_enable()
}

/* Below 0 while a mark has been found that is still being made. */
short soiled;

/* === The index =========================================================== */

inline lab_index_add(o, s)
{
	d_step {
		CONSERVATION(indexed[s] == 0);
		CONSERVATION(locked[o]);
		indexed[s] = o
	}
}

inline lab_index_del(o, s)
{
	d_step {
		CONSERVATION(indexed[s] == o);
		CONSERVATION(locked[o]);
		indexed[s] = 0
	}
}

/* OWNED, and published: then `ok`. */
inline lab_owner_slot(o, s, h)
{
	ok = word[s] == HANDLE_WORD(h, o, OWNED) && indexed[s] == o
}

inline lab_owner_leave(o, s, h)
{
	lab_owner_slot(o, s, h);
	if
	:: ok -> lab_slot_leave(s, h, o)
	:: else -> skip
	fi
}

inline lab_owner_leaving(o, s, h)
{
	ok = word[s] == HANDLE_WORD(h, o, LEAVING)
}

inline lab_owner_held(o, s, h)
{
	ok = (word[s] == HANDLE_WORD(h, o, OWNED) ||
	      word[s] == HANDLE_WORD(h, o, LEAVING)) && indexed[s] == o
}

/* === References ========================================================== */

inline lab_owner_put(o)
{
	atomic {
		refs[o]--;
		if
		:: refs[o] == 0 -> grave[o] = true; must = true
		:: else -> skip
		fi
	}
	if
	:: must -> lab_kick(); must = false
	:: else -> skip
	fi
}
