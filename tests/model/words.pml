/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ownership word and its arrows: module/registry.c.
 */

#define VACANT 0
#define READY 1
#define OWNED 2
#define LEAVING 3
#define TRANSIT 4
#define DIRTY 5
#define QUARANTINED 6
#define RETIRED 7

/* generation:3 owner:2 state:3. A handle is the generation over the slot. */
#define WORD(gen, owner, state) ((gen) << 5 | (owner) << 3 | (state))
#define GEN(word) ((word) >> 5)
#define OWNER(word) ((word) >> 3 & 3)
#define STATE(word) ((word) & 7)
#define LAST_GEN 7
#define HANDLE(gen, slot) ((gen) << 5 | (slot))
#define SLOT(handle) ((handle) & 31)
#define HANDLE_WORD(handle, owner, state) WORD(GEN(handle), owner, state)
#define GIVEN(handle) (GEN(handle) + (GEN(handle) != LAST_GEN && !FAULTY(GIVE_KEEPS_GENERATION)))

byte word[SLOTS];

/*
 * What nobody reads but the properties: who thinks that the page is theirs, and
 * whose contents are in it; where the slot can be found; the last generation that
 * each owner has had of it. And whose PTEs map it.
 */
byte holder[SLOTS];
byte data[SLOTS];
byte book[SLOTS];
byte had[SLOTS * (OWNERS + 1)];
byte pte[SLOTS];

#define HAD(owner, slot) had[(owner) * SLOTS + (slot)]

/* === Books =============================================================== */

/* In the hand of whoever is moving it; later ones are for good. */
#define IN_HAND 0
#define IN_VACANT 1
#define IN_STOCK 2
#define IN_STACK 3
#define IN_RING 4
#define IN_DIRTY 5
#define IN_USE 6
#define IN_INBOX 7
#define IN_NONE 8

inline moves(s, was, is)
{
	CONSERVATION(book[s] == was);
	book[s] = is
}

/* === Holders ============================================================= */

inline gets(s, o)
{
	EXCLUSIVITY(holder[s] == 0);
	EXCLUSIVITY(data[s] == 0);
	EXCLUSIVITY(GEN(word[s]) > HAD(o, s));
	HAD(o, s) = GEN(word[s]);
	holder[s] = o;
	data[s] = o
}

inline parts(s, o, to)
{
	EXCLUSIVITY(holder[s] == o);
	EXCLUSIVITY(pte[s] == 0);
	holder[s] = to
}

/* === The arrows ========================================================== */

/* Each is one step, and `ok` says whether it was made. */

inline lab_slot_fill(s)
{
	atomic {
		if
		:: STATE(word[s]) == VACANT ->
			word[s] = WORD(GEN(word[s]), 0, READY)
		fi
	}
}

inline lab_slot_enter(s, o)
{
	atomic {
		if
		:: STATE(word[s]) == VACANT ->
			word[s] = WORD(GEN(word[s]), o, OWNED);
			gets(s, o);
			moves(s, IN_HAND, IN_USE)
		fi
	}
}

inline lab_slot_own(s, o)
{
	atomic {
		if
		:: STATE(word[s]) == READY ->
			word[s] = WORD(GEN(word[s]), o, OWNED);
			gets(s, o);
			moves(s, IN_HAND, IN_USE);
			ok = true
		:: else -> ok = false /* never */
		fi
	}
}

inline lab_slot_leave(s, h, o)
{
	atomic {
		if
		:: word[s] == HANDLE_WORD(h, o, OWNED) ->
			word[s] = HANDLE_WORD(h, o, LEAVING);
			EXCLUSIVITY(holder[s] == o);
			ok = true
		:: else -> ok = false /* never */
		fi
	}
}

inline lab_slot_stay(s, h, o)
{
	atomic {
		if
		:: word[s] == HANDLE_WORD(h, o, LEAVING) ->
			word[s] = HANDLE_WORD(h, o, OWNED);
			EXCLUSIVITY(holder[s] == o);
			ok = true
		:: else -> ok = false
		fi
	}
}

inline lab_slot_free(s, h, o)
{
#if PLANT == FREE_STORES
	ok = word[s] == HANDLE_WORD(h, o, OWNED);
#endif
	atomic {
		if
#if PLANT == FREE_STORES
		:: ok ->
#else
		:: word[s] == HANDLE_WORD(h, o, OWNED) ->
#endif
			word[s] = HANDLE_WORD(h, o, DIRTY);
			parts(s, o, 0);
			moves(s, IN_USE, IN_HAND);
			ok = true
		:: else -> ok = false
		fi
	}
}

inline lab_slot_gone(s, h, o)
{
	atomic {
		if
		:: word[s] == HANDLE_WORD(h, o, LEAVING) ->
			word[s] = HANDLE_WORD(h, o, DIRTY);
			parts(s, o, 0);
			moves(s, IN_USE, IN_HAND);
			ok = true
		:: else -> ok = false
		fi
	}
}

inline lab_slot_give(s, h, o, to)
{
	atomic {
		if
		:: word[s] == HANDLE_WORD(h, o, OWNED) ->
			word[s] = WORD(GIVEN(h), to, TRANSIT);
			parts(s, o, to);
			moves(s, IN_USE, IN_HAND);
			ok = true
		:: else -> ok = false
		fi
	}
}

inline lab_slot_pass(s, h, o, to)
{
	atomic {
		if
		:: word[s] == HANDLE_WORD(h, o, LEAVING) ->
			word[s] = WORD(GIVEN(h), to, TRANSIT);
			parts(s, o, to);
			moves(s, IN_USE, IN_HAND);
			ok = true
		:: else -> ok = false
		fi
	}
}

inline lab_slot_take(s, h, o)
{
	atomic {
		if
		:: word[s] == HANDLE_WORD(h, o, TRANSIT) ->
			word[s] = HANDLE_WORD(h, o, OWNED);
			EXCLUSIVITY(holder[s] == o);
			EXCLUSIVITY(GEN(h) > HAD(o, s));
			HAD(o, s) = GEN(h);
			moves(s, IN_HAND, IN_USE);
			ok = true
		:: else -> ok = false /* never */
		fi
	}
}

inline lab_slot_drop(s, h, o)
{
	atomic {
		if
		:: word[s] == HANDLE_WORD(h, o, TRANSIT) ->
			word[s] = HANDLE_WORD(h, o, DIRTY);
			parts(s, o, 0);
			CONSERVATION(book[s] == IN_HAND);
			ok = true
		:: else -> ok = false
		fi
	}
}

inline lab_slot_clean(s)
{
	atomic {
		if
		:: STATE(word[s]) == DIRTY && GEN(word[s]) != LAST_GEN ->
			word[s] = WORD(GEN(word[s]) + !FAULTY(CLEAN_KEEPS_GENERATION), 0, READY);
			EXCLUSIVITY(holder[s] == 0);
			ok = true
		:: else -> ok = false
		fi
	}
}

inline lab_slot_vacate(s)
{
	atomic {
		EXCLUSIVITY(holder[s] == 0);
		if
		:: STATE(word[s]) == DIRTY && GEN(word[s]) == LAST_GEN ->
			word[s] = WORD(GEN(word[s]), 0, RETIRED);
			ok = false
		:: STATE(word[s]) == DIRTY && GEN(word[s]) != LAST_GEN ->
			word[s] = WORD(GEN(word[s]) + 1, 0, VACANT);
			ok = true
		:: STATE(word[s]) == READY ->
			word[s] = WORD(GEN(word[s]), 0, VACANT);
			ok = true
		fi
	}
}

inline lab_slot_quarantine(s)
{
	atomic {
		if
		:: STATE(word[s]) == DIRTY ->
			word[s] = WORD(GEN(word[s]), OWNER(word[s]), QUARANTINED);
			moves(s, IN_HAND, IN_NONE);
			ok = true
		:: else -> ok = false /* never */
		fi
	}
}
