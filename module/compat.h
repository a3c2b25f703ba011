/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernels that the module builds on do not have alike. */
#ifndef LABYRINTH_COMPAT_H
#define LABYRINTH_COMPAT_H

#include <linux/device/class.h>
#include <linux/eventfd.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/version.h>

static inline struct class *lab_class_create(const char *name)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	return class_create(THIS_MODULE, name);
#else
	return class_create(name);
#endif
}

/* In .mmap, where the VMA is nobody else's yet. */
static inline void lab_vm_flags(struct vm_area_struct *vma, unsigned long set,
				unsigned long clear)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#else
	vm_flags_mod(vma, set, clear);
#endif
}

/* Lockdep is told that nothing sleeps in what follows: since 6.4. */
#ifdef DEFINE_WAIT_OVERRIDE_MAP
#define lab_override_begin(map)	lock_map_acquire_try(map)
#define lab_override_end(map)	lock_map_release(map)
#else
#define DEFINE_WAIT_OVERRIDE_MAP(name, type)	\
	struct lockdep_map __maybe_unused name
#define lab_override_begin(map)	((void)(map))
#define lab_override_end(map)	((void)(map))
#endif

static inline void lab_eventfd_signal(struct eventfd_ctx *eventfd)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	eventfd_signal(eventfd, 1);
#else
	eventfd_signal(eventfd);
#endif
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
/* Before shrinkers were allocated by the kernel, and could carry a pointer. */
struct lab_shrinker {
	struct shrinker shrinker;
	void *private_data;
};

static inline struct shrinker *lab_shrinker_alloc(void *private_data)
{
	struct lab_shrinker *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	s->private_data = private_data;
	s->shrinker.flags = SHRINKER_NUMA_AWARE;
	return &s->shrinker;
}

static inline void *lab_shrinker_data(struct shrinker *shrinker)
{
	return container_of(shrinker, struct lab_shrinker, shrinker)->private_data;
}

static inline int lab_shrinker_register(struct shrinker *shrinker)
{
	int err = register_shrinker(shrinker, "labyrinth");

	if (err)
		kfree(container_of(shrinker, struct lab_shrinker, shrinker));
	return err;
}

static inline void lab_shrinker_free(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(container_of(shrinker, struct lab_shrinker, shrinker));
}
#else
static inline struct shrinker *lab_shrinker_alloc(void *private_data)
{
	struct shrinker *s = shrinker_alloc(SHRINKER_NUMA_AWARE, "labyrinth");

	if (s)
		s->private_data = private_data;
	return s;
}

static inline void *lab_shrinker_data(struct shrinker *shrinker)
{
	return shrinker->private_data;
}

static inline int lab_shrinker_register(struct shrinker *shrinker)
{
	shrinker_register(shrinker);
	return 0;
}

static inline void lab_shrinker_free(struct shrinker *shrinker)
{
	shrinker_free(shrinker);
}
#endif

#endif /* LABYRINTH_COMPAT_H */
