/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shim that registry.c and places.c are built with in user space.
 *
 * Each access that another context can see is a step: shim_hook, when a thread
 * has one, runs before it, to disturb the thread there or to switch to another.
 *
 * Nothing here is stronger than in the kernel, so that ThreadSanitizer sees the
 * synchronisation that the code asks for and no more: READ_ONCE() and
 * WRITE_ONCE() are relaxed, and carry no happens-before.
 */
#ifndef SHIM_COMPILER_H
#define SHIM_COMPILER_H

#ifdef SHIM_STEPS
extern _Thread_local void (*shim_hook)(void);
extern _Thread_local unsigned long shim_steps, shim_writes;

static inline void shim_step(void)
{
	shim_steps++;
	if (shim_hook)
		shim_hook();
}

/* The step is an atomic operation that writes: lab_step() must tell of it. */
static inline void shim_write(void)
{
	shim_writes++;
	shim_step();
}
#else
static inline void shim_step(void)
{
}

static inline void shim_write(void)
{
}
#endif

#define READ_ONCE(x) \
	({ shim_step(); __atomic_load_n(&(x), __ATOMIC_RELAXED); })
#define WRITE_ONCE(x, value) \
	({ shim_step(); __atomic_store_n(&(x), (value), __ATOMIC_RELAXED); })

#define __aligned(bytes)	__attribute__((aligned(bytes)))

#endif
