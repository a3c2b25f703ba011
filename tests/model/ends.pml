/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ends: of an owner (module/owner.c, module/guarantee.c), and of its holding what
 * an administrator takes from it (module/revoke.c).
 */

/* No call of a module's begins now. */
bool flagged[OWNERS + 1];

#if KILL || REVOKE
/* All that its index has. */
inline lab_owner_strip(victim)
{
	s = 0;
	do
	:: s < SLOTS && indexed[s] == victim ->
		pte[s] = 0;
		h = HANDLE(GEN(word[s]), s);
		lab_index_del(victim, s);
		lab_release(victim, s, h);
		CONSERVATION(ok);
		revoked[s] = true;
		s++
	:: s < SLOTS && indexed[s] != victim -> s++
	:: s >= SLOTS -> break
	od;
	atomic {
		s = 0;
		h = 0
	}
}
#endif

#if KILL
#if GUARANTEES
inline lab_guarantee_drop(victim)
{
	if
	:: listed[victim] ->
		reserve_lock();
		d_step {
			promised[victim] = 0;
			due[victim] = 0
		}
		lab_node_distribute();
		reserve_unlock();
		synchronize_rcu();
		reserve_lock();
		do
		:: credit[victim] > 0 -> lab_credit_move(credit[victim], available); aside[victim] = aside[victim] - ok
		:: else -> break
		od;
		listed[victim] = false;
		reserve_unlock();
		lab_kick()
	:: else -> skip
	fi
}
#endif

/* A kernel owner has no index: whatever names it. */
inline lab_owner_sweep_all(victim)
{
	s = 0;
	do
	:: s < SLOTS ->
		h = HANDLE(GEN(word[s]), s);
		if
		:: OWNER(word[s]) == victim -> lab_release(victim, s, h)
		:: else -> skip
		fi;
		s++
	:: else -> break
	od;
	atomic {
		s = 0;
		h = 0
	}
}

inline lab_owner_drain(victim)
{
	mutex_lock(victim);
	lab_inbox_drain(victim);
	mutex_unlock(victim);
#if KIND == KERNEL
	lab_owner_sweep_all(victim);
#endif
	lab_kick()
}

inline lab_owner_sweep(victim)
{
	mutex_lock(victim);
	dead[victim] = true;
	lab_owner_strip(victim);
	mutex_unlock(victim)
}

inline lab_owner_settle(victim)
{
#if PLANT != SWEEP_SKIPS_GRACE && PLANT != DRAIN_SKIPS_GRACE
	synchronize_rcu();
#endif
	lab_owner_drain(victim)
}

/* With an inbox, and waiting for a grace period. */
inline lab_owner_kill(victim)
{
	dying[victim] = true;
	quota[victim] = 0;
#if GUARANTEES && PLANT != CREDIT_NOT_DROPPED
	lab_guarantee_drop(victim);
#endif
	lab_owner_sweep(victim);
	lab_owner_settle(victim);
	lab_kick();
	lab_owner_put(victim)
}
#endif

#if REVOKE
inline lab_revoke_all(victim)
{
	lab_owner_strip(victim);
	lab_inbox_drain(victim)
}

inline lab_revoke_one(victim, s, h)
{
	lab_owner_held(victim, s, h);
	if
	:: ok ->
#if PLANT != REVOKE_SKIPS_ZAP
		lab_zap_blocks(victim, s, h);
#endif
		lab_index_del(victim, s);
		lab_release(victim, s, h);
		revoked[s] = true
	:: else -> skip
	fi
}

/* With a handle, or of all. */
inline lab_owner_revoke(victim, s, h)
{
	if
	:: h != 0 ->
		mutex_lock(victim);
		lab_revoke_one(victim, s, h)
	:: else ->
#if PLANT != REVOKE_SKIPS_GRACE
		synchronize_rcu();
#endif
		mutex_lock(victim);
		lab_revoke_all(victim)
	fi;
	mutex_unlock(victim);
	lab_kick()
}
#endif
