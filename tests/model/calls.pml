/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The calls: of modules (module/api.c, module/api_give.c), and of programs
 * (module/ioctl_hold.c, module/ioctl_give.c, module/mapping.c). A batch is of one
 * block. Programs' calls answer first, which may fail, and publish then.
 */

/* === Of modules ========================================================== */

inline lab_api_charge(o)
{
	lab_charge(o)
}

inline lab_api_take(o, cpu)
{
	lab_take(o, cpu);
	if
	:: idx == NIL -> lab_uncharge(o)
	:: else -> skip
	fi
}

inline lab_api_strict(o, cpu)
{
	preempt_disable();
	lab_api_charge(o);
	if
	:: ok -> lab_api_take(o, cpu)
	:: else -> skip
	fi;
	preempt_enable()
}

/* A reference keeps the owner while preemption is on. */
inline lab_api_slow(o, cpu)
{
	preempt_disable();
	lab_api_charge(o);
	if
	:: ok ->
		refs[o]++;
		preempt_enable();
		lab_api_take(o, cpu);
		lab_owner_put(o)
	:: else -> preempt_enable()
	fi
}

inline labyrinth_free(o, s, h)
{
	preempt_disable();
	if
	:: word[s] == HANDLE_WORD(h, o, OWNED) -> lab_release(o, s, h)
	:: else -> ok = false
	fi;
	if
	:: ok -> lab_kick()
	:: else -> skip
	fi;
	preempt_enable()
}

inline lab_api_give(o, s, h, to)
{
	if
	:: word[s] == HANDLE_WORD(h, o, OWNED) ->
		lab_give_admit(to);
		if
		:: ok ->
			lab_give_commit(o, to, s, h);
			if
			:: !ok -> lab_give_revoke(to)
			:: else -> skip
			fi
		:: else -> skip
		fi
	:: else -> skip
	fi
}

inline labyrinth_give(o, s, h, to)
{
	preempt_disable();
	lab_api_give(o, s, h, to);
	preempt_enable()
}

inline labyrinth_take(o)
{
	preempt_disable();
	if
	:: dying[o] -> skip
	:: else -> lab_inbox_take(o)
	fi;
	preempt_enable()
}

/* === ALLOC =============================================================== */

inline lab_alloc_take(o, cpu)
{
	idx = NIL;
	lab_charge(o);
	if
	:: ok ->
		lab_take(o, cpu);
		if
		:: idx == NIL -> lab_uncharge(o)
		:: else -> skip
		fi
	:: else -> skip
	fi
}

inline lab_alloc_publish(o)
{
	mutex_lock(o);
	if
	:: dead[o] && !FAULTY(PUBLISH_SKIPS_DEAD) -> ok = false
	:: else -> lab_index_add(o, idx); ok = true
	fi;
	mutex_unlock(o)
}

inline lab_alloc_undo(o)
{
	s = idx;
	h = HANDLE(GEN(word[s]), s);
	lab_release(o, s, h);
	CONSERVATION(ok);
	lab_kick()
}

inline lab_ioctl_alloc(o, cpu)
{
	lab_alloc_take(o, cpu);
	if
	:: idx == NIL -> skip
	:: else ->
		if
		:: true -> lab_alloc_publish(o)
		:: true -> ok = false
		fi;
		if
		:: !ok -> lab_alloc_undo(o)
		:: else -> skip
		fi
	fi
}

/* === FREE ================================================================ */

inline lab_free_leave(o, s, h)
{
	mutex_lock(o);
	lab_owner_leave(o, s, h);
	mutex_unlock(o)
}

/* No mapping reaches it any more. */
inline lab_zap_blocks(o, s, h)
{
	lab_owner_held(o, s, h);
	if
	:: ok -> pte[s] = 0
	:: else -> skip
	fi
}

inline lab_free_finish(o, s, h, commit)
{
	mutex_lock(o);
	if
	:: commit -> lab_zap_blocks(o, s, h)
	:: else -> skip
	fi;
	lab_owner_leaving(o, s, h);
	if
	:: ok && commit ->
		lab_index_del(o, s);
		lab_release(o, s, h)
	:: ok && !commit -> lab_slot_stay(s, h, o)
	:: else -> PROMISE(dead[o] || revoked[s])
	fi;
	mutex_unlock(o);
	if
	:: commit -> lab_kick()
	:: else -> skip
	fi
}

inline lab_ioctl_free(o, s, h)
{
	lab_free_leave(o, s, h);
	if
	:: ok ->
		if
		:: true -> lab_free_finish(o, s, h, true)
		:: true -> lab_free_finish(o, s, h, false)
		fi
	:: else -> skip
	fi
}

/* === GIVE ================================================================ */

inline lab_give_leave(o, s, h)
{
	mutex_lock(o);
#if PLANT == GIVE_SKIPS_LEAVING
	lab_owner_slot(o, s, h);
#else
	lab_owner_leave(o, s, h);
#endif
	mutex_unlock(o)
}

inline lab_give_stay(o, s, h)
{
	mutex_lock(o);
	lab_slot_stay(s, h, o);
	mutex_unlock(o)
}

inline lab_give_one(o, s, h, to)
{
#if PLANT == GIVE_SKIPS_LEAVING
	lab_owner_slot(o, s, h);
#else
	lab_owner_leaving(o, s, h);
#endif
	if
	:: ok ->
		lab_index_del(o, s);
		preempt_disable();
		if
		:: !dying[to] || FAULTY(DRAIN_SKIPS_GRACE) -> lab_give_commit(o, to, s, h)
		:: else ->
			lab_release(o, s, h);
			ok = false
		fi;
		preempt_enable()
	:: else -> PROMISE(dead[o] || revoked[s])
	fi
}

inline lab_give_finish(o, s, h, to)
{
	mutex_lock(o);
#if PLANT != GIVE_SKIPS_ZAP
	lab_zap_blocks(o, s, h);
#endif
	lab_give_one(o, s, h, to);
	mutex_unlock(o);
	if
	:: !ok -> lab_give_revoke(to)
	:: else -> skip
	fi;
	lab_kick()
}

inline lab_give_all(o, s, h, to)
{
	lab_give_leave(o, s, h);
	if
	:: ok ->
		if
		:: true -> lab_give_admit(to)
		:: true -> ok = false
		fi;
		if
		:: ok -> lab_give_finish(o, s, h, to)
		:: else -> lab_give_stay(o, s, h)
		fi
	:: else -> skip
	fi
}

/* === TAKE ================================================================ */

/* Between the look and this the caller was told of it. */
inline lab_take_commit(o)
{
	if
	:: queue_head[o] != place -> skip
	:: else ->
		place = 0;
		lab_inbox_take(o);
		if
		:: idx != NIL -> lab_index_add(o, idx)
		:: else -> PROMISE(false) /* never */
		fi
	fi;
	place = 0
}

inline lab_take_once(o)
{
	mutex_lock(o);
	lab_queue_peek(o);
	place = queue_head[o];
	mutex_unlock(o);
	if
	:: idx == NIL -> place = 0
	:: else ->
		mutex_lock(o);
		if
		:: dead[o] -> place = 0
		:: else -> lab_take_commit(o)
		fi;
		mutex_unlock(o)
	fi
}

/* === A mapping is touched ================================================ */

inline lab_fault(o, s)
{
	mutex_lock(o);
	if
	:: OWNER(word[s]) == o && STATE(word[s]) == OWNED && indexed[s] == o ->
		pte[s] = o;
		EXCLUSIVITY(holder[s] == o)
	:: else -> skip
	fi;
	mutex_unlock(o)
}
