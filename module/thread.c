// SPDX-License-Identifier: GPL-2.0-only
/* Blocks of single threads, and their end. See thread.h. */
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "reserve.h"
#include "thread.h"

/* A thread's blocks are to be gone within a second of its end. */
#define LAB_REAP_PERIOD	(HZ / 4)
/* An owner whose lock was held is looked at again. */
#define LAB_REAP_AGAIN	(HZ / 50 + 1)

/* === A thread's record =================================================== */

struct lab_thread *lab_thread_new(void)
{
	struct lab_thread *thread = kzalloc(sizeof(*thread), LAB_GFP_CALL);

	if (!thread)
		return NULL;
	thread->pid = get_pid(task_pid(current));
	thread->mm = current->mm;
	return thread;
}

void lab_thread_free(struct lab_thread *thread)
{
	if (!thread)
		return;
	put_pid(thread->pid);
	kfree(thread);
}

/* The worker looks after @owner from now on. owner->lock held. */
static void lab_threads_watch(struct labyrinth_owner *owner)
{
	struct labyrinth *lab = owner->lab;

	mutex_lock(&lab->threads.lock);
	if (list_empty(&owner->threaded)) {
		lab_owner_get(owner);
		list_add_tail(&owner->threaded, &lab->threads.owners);
		queue_delayed_work(lab->tell_queue, &lab->threads.reap,
				   LAB_REAP_PERIOD);
	}
	mutex_unlock(&lab->threads.lock);
}

/**
 * lab_thread_enter - current's record
 * @owner: lock held
 * @spare: current's from lab_thread_new(); NULL afterwards if it is of use
 */
struct lab_thread *lab_thread_enter(struct labyrinth_owner *owner,
				    struct lab_thread **spare)
{
	struct lab_thread *thread;

	lockdep_assert_held(&owner->lock);
	list_for_each_entry(thread, &owner->threads, link)
		if (thread->pid == task_pid(current))
			return thread;
	thread = *spare;
	*spare = NULL;
	list_add_tail(&thread->link, &owner->threads);
	lab_threads_watch(owner);
	return thread;
}

/* The scope, which says what the union is, before it, and back after it. */
void lab_thread_add(struct lab_thread *thread, struct lab_slot *slot)
{
	WRITE_ONCE(slot->scope, LABYRINTH_SCOPE_THREAD);
	/* Pairs with lab_page_read(). */
	smp_store_release(&slot->thread, thread);
	thread->blocks++;
}

/* It is not its thread's any more; for whoever comes next it is the process's. */
void lab_thread_del(struct labyrinth_owner *owner, struct lab_slot *slot)
{
	struct lab_thread *thread = slot->thread;

	lockdep_assert_held(&owner->lock);
	WRITE_ONCE(slot->place, 0);
	/* Pairs with lab_page_read(). */
	smp_store_release(&slot->scope, LABYRINTH_SCOPE_PROCESS);
	if (--thread->blocks)
		return;
	list_del(&thread->link);
	lab_thread_free(thread);
}

/* === Its end ============================================================= */

/* A leader that has exited stays, as a zombie, as long as its group. */
static bool lab_thread_ended(const struct lab_thread *thread)
{
	const struct task_struct *task;
	bool ended;

	rcu_read_lock();
	task = pid_task(thread->pid, PIDTYPE_PID);
	ended = !task || READ_ONCE(task->flags) & PF_EXITING ||
		READ_ONCE(task->mm) != thread->mm;
	rcu_read_unlock();
	return ended;
}

/* The blocks of all that have ended, in one go. */
static void lab_threads_release(struct labyrinth_owner *owner)
{
	struct lab_registry *reg = &owner->lab->reg;
	u32 index = owner->first;

	while (index != LAB_NIL) {
		struct lab_slot *slot = &reg->slot[index];
		u64 handle = lab_handle(lab_slot_word(slot), index);

		index = slot->index_next;
		if (slot->scope == LABYRINTH_SCOPE_THREAD &&
		    slot->thread->ended) {
			lab_index_del(owner, slot);
			lab_release(owner, slot, handle);
		}
		cond_resched();
	}
}

static void lab_threads_look(struct labyrinth_owner *owner)
{
	struct lab_thread *thread;
	bool any = false;

	list_for_each_entry(thread, &owner->threads, link) {
		thread->ended = lab_thread_ended(thread);
		any |= thread->ended;
	}
	if (any)
		lab_threads_release(owner);
}

/**
 * lab_threads_end - no thread acts as @owner any more: nor will one that held
 *	blocks of its own
 * @owner: that its file is about to leave
 *
 * Context: process; may sleep.
 */
void lab_threads_end(struct labyrinth_owner *owner)
{
	struct lab_thread *thread;

	mutex_lock(&owner->lock);
	list_for_each_entry(thread, &owner->threads, link)
		thread->ended = true;
	if (!list_empty(&owner->threads))
		lab_threads_release(owner);
	mutex_unlock(&owner->lock);
	lab_kick(owner->lab);
}

/*
 * Some owner that has not been looked at since @todo was made, or NULL. One whose
 * lock is held is left for the next time: nobody makes others' threads wait.
 */
static struct labyrinth_owner *lab_threads_next(struct labyrinth *lab,
						struct list_head *todo)
{
	struct labyrinth_owner *owner;

	mutex_lock(&lab->threads.lock);
	owner = list_first_entry_or_null(todo, struct labyrinth_owner, threaded);
	mutex_unlock(&lab->threads.lock);
	return owner;
}

static void lab_threads_later(struct labyrinth_owner *owner)
{
	struct lab_threads *threads = &owner->lab->threads;

	mutex_lock(&threads->lock);
	list_move_tail(&owner->threaded, &threads->owners);
	mutex_unlock(&threads->lock);
}

/* Under the owner's lock, so that who comes to have a thread now is watched. */
static void lab_threads_unwatch(struct labyrinth_owner *owner)
{
	struct lab_threads *threads = &owner->lab->threads;

	mutex_lock(&threads->lock);
	list_del_init(&owner->threaded);
	mutex_unlock(&threads->lock);
}

/* Return: in how many jiffies it is to be looked at again; 0: it has no thread. */
static unsigned long lab_threads_reap_owner(struct labyrinth_owner *owner)
{
	unsigned long again = LAB_REAP_AGAIN;

	if (mutex_trylock(&owner->lock)) {
		lab_threads_look(owner);
		again = list_empty(&owner->threads) ? 0 : LAB_REAP_PERIOD;
		if (!again)
			lab_threads_unwatch(owner);
		mutex_unlock(&owner->lock);
	}
	if (again)
		lab_threads_later(owner);
	return again;
}

static void lab_threads_reap(struct work_struct *work)
{
	struct labyrinth *lab = container_of(to_delayed_work(work),
					     struct labyrinth, threads.reap);
	unsigned long again, soonest = LAB_REAP_PERIOD;
	struct labyrinth_owner *owner;
	bool any = false;
	LIST_HEAD(todo);

	mutex_lock(&lab->threads.lock);
	list_splice_init(&lab->threads.owners, &todo);
	mutex_unlock(&lab->threads.lock);
	while ((owner = lab_threads_next(lab, &todo))) {
		again = lab_threads_reap_owner(owner);
		if (!again) {
			lab_owner_put(owner);
			continue;
		}
		soonest = min(soonest, again);
		any = true;
	}
	lab_kick(lab);
	if (any)
		queue_delayed_work(lab->tell_queue, &lab->threads.reap, soonest);
}

void lab_threads_init(struct labyrinth *lab)
{
	mutex_init(&lab->threads.lock);
	INIT_LIST_HEAD(&lab->threads.owners);
	INIT_DELAYED_WORK(&lab->threads.reap, lab_threads_reap);
}

/* Every owner has been killed, so none has a thread: the references go. */
void lab_threads_exit(struct labyrinth *lab)
{
	do {
		mod_delayed_work(lab->tell_queue, &lab->threads.reap, 0);
		flush_delayed_work(&lab->threads.reap);
	} while (!list_empty(&lab->threads.owners));
}
