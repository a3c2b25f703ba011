/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's atomics over the compiler's. Orderings are the kernel's: what
 * returns a value is fully ordered unless its name says otherwise, what returns
 * none is unordered, and so is a compare-and-exchange that fails.
 *
 * smp_rmb(): ThreadSanitizer does not know fences, and needs none here. The one
 * in places.c orders two accesses that are both atomic, which it never reports,
 * and whatever is plain is published by exchanges and acquires, which it knows.
 * So in its build the fence is one for the compiler only: it then sees less
 * synchronisation than there is, never more. What it can't judge, the order of
 * atomic accesses among themselves on a weakly ordered CPU, is argued in the
 * comments of registry.c and places.c; no test here can show it on x86.
 */
#ifndef SHIM_ATOMIC_H
#define SHIM_ATOMIC_H

#include <linux/compiler.h>
#include <linux/types.h>

#ifndef __has_feature
#define __has_feature(x)	0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define smp_rmb()		__asm__ __volatile__("" ::: "memory")
#else
#define smp_rmb()		__atomic_thread_fence(__ATOMIC_ACQUIRE)
#endif

#define SHIM_RMW(name, suffix, builtin, type, value, order) \
static inline value name##suffix(value i, type *v) \
{ \
	shim_write(); \
	return builtin(&v->counter, i, order); \
}

#define SHIM_RMW_ORDERS(name, builtin, type, value) \
	SHIM_RMW(name, , builtin, type, value, __ATOMIC_SEQ_CST) \
	SHIM_RMW(name, _acquire, builtin, type, value, __ATOMIC_ACQUIRE) \
	SHIM_RMW(name, _release, builtin, type, value, __ATOMIC_RELEASE) \
	SHIM_RMW(name, _relaxed, builtin, type, value, __ATOMIC_RELAXED)

#define SHIM_XCHG(name, suffix, type, value, order) \
static inline value name##_xchg##suffix(type *v, value new) \
{ \
	shim_write(); \
	return __atomic_exchange_n(&v->counter, new, order); \
} \
static inline bool name##_try_cmpxchg##suffix(type *v, value *old, value new) \
{ \
	shim_write(); \
	return __atomic_compare_exchange_n(&v->counter, old, new, false, \
					   order, __ATOMIC_RELAXED); \
}

/* The value comes second and inverted, or with nothing to return. */
#define SHIM_DERIVED(name, type, value) \
static inline value name##_fetch_andnot(value i, type *v) \
{ \
	shim_write(); \
	return __atomic_fetch_and(&v->counter, ~i, __ATOMIC_SEQ_CST); \
} \
static inline void name##_inc(type *v) \
{ \
	name##_fetch_add_relaxed(1, v); \
} \
static inline void name##_dec(type *v) \
{ \
	name##_fetch_add_relaxed(-1, v); \
}

#define SHIM_ATOMIC(name, type, value) \
static inline value name##_read(const type *v) \
{ \
	shim_step(); \
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED); \
} \
static inline value name##_read_acquire(const type *v) \
{ \
	shim_step(); \
	return __atomic_load_n(&v->counter, __ATOMIC_ACQUIRE); \
} \
static inline void name##_set(type *v, value i) \
{ \
	shim_write(); \
	__atomic_store_n(&v->counter, i, __ATOMIC_RELAXED); \
} \
static inline void name##_set_release(type *v, value i) \
{ \
	shim_write(); \
	__atomic_store_n(&v->counter, i, __ATOMIC_RELEASE); \
} \
SHIM_RMW_ORDERS(name##_fetch_add, __atomic_fetch_add, type, value) \
SHIM_RMW_ORDERS(name##_fetch_or, __atomic_fetch_or, type, value) \
SHIM_XCHG(name, , type, value, __ATOMIC_SEQ_CST) \
SHIM_XCHG(name, _acquire, type, value, __ATOMIC_ACQUIRE) \
SHIM_XCHG(name, _release, type, value, __ATOMIC_RELEASE) \
SHIM_XCHG(name, _relaxed, type, value, __ATOMIC_RELAXED) \
SHIM_DERIVED(name, type, value)

SHIM_ATOMIC(atomic, atomic_t, int)
SHIM_ATOMIC(atomic64, atomic64_t, s64)
SHIM_ATOMIC(atomic_long, atomic_long_t, long)

#endif
