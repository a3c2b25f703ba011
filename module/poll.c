// SPDX-License-Identifier: GPL-2.0-only
/*
 * poll() of /dev/labyrinth.
 *
 * All that there is to tell comes by one queue, the listener's: aio waits in no
 * more than one, and epoll keeps to those of its first call, whatever it is to
 * look for later. While anybody waits there the file is in lab->refilled, and
 * passes on what it hears.
 *
 * The lock of lab->refilled is taken before any listener's.
 */
#include <linux/poll.h>
#include <linux/sched.h>

#include "chardev.h"
#include "reserve.h"

static int lab_file_refilled(struct wait_queue_entry *entry,
			     unsigned int mode, int flags, void *key)
{
	struct lab_file *file = container_of(entry, struct lab_file, refilled);

	/* Who comes later takes this queue's lock next, and puts the file back. */
	if (waitqueue_active(&file->listener.wait))
		wake_up_all(&file->listener.wait);
	else
		list_del_init(&entry->entry);
	return 0;
}

/* Once the caller waits: while nobody does, the first refill takes it out again. */
static void lab_file_await_refills(struct lab_file *file)
{
	struct wait_queue_head *refilled = &file->lab->refilled;

	spin_lock_irq(&refilled->lock);
	if (list_empty(&file->refilled.entry))
		__add_wait_queue(refilled, &file->refilled);
	spin_unlock_irq(&refilled->lock);
}

/**
 * lab_file_poll_begin - make a file ready to be polled
 * @file: not yet to be reached
 */
void lab_file_poll_begin(struct lab_file *file)
{
	init_waitqueue_head(&file->listener.wait);
	init_waitqueue_func_entry(&file->refilled, lab_file_refilled);
	INIT_LIST_HEAD(&file->refilled.entry);
}

/**
 * lab_file_poll_end - hear of refills no longer
 * @file: on its way out: nobody waits
 */
void lab_file_poll_end(struct lab_file *file)
{
	remove_wait_queue(&file->lab->refilled, &file->refilled);
}

static bool lab_owner_could_take(const struct labyrinth_owner *owner)
{
	if ((unsigned long)atomic_long_read(&owner->used) >=
	    READ_ONCE(owner->quota))
		return false;
	return lab_reserve_available(owner->lab) ||
	       atomic_long_read(&owner->credit) > 0 ||
	       (READ_ONCE(owner->emergency) &&
		lab_emergency_available(owner->lab));
}

static __poll_t lab_owner_events(struct labyrinth_owner *owner)
{
	__poll_t events = 0;

	if (lab_owner_dying(owner))
		return EPOLLERR | EPOLLHUP;
	if (lab_owner_could_take(owner))
		events |= EPOLLOUT | EPOLLWRNORM;
	if (lab_inbox_waiting(owner))
		events |= EPOLLIN | EPOLLRDNORM;
	return events;
}

/* The events are those of uapi/linux/labyrinth.h, at its end. */
__poll_t lab_poll(struct file *filp, poll_table *wait)
{
	struct lab_file *file = filp->private_data;
	__poll_t events = EPOLLERR | EPOLLHUP;

	/* Not queued either: it is not even to be told when something happens. */
	if (current->mm && current->mm != file->mm)
		return events;
	poll_wait(filp, &file->listener.wait, wait);
	if (!poll_does_not_wait(wait))
		lab_file_await_refills(file);
	/* First queued, then looked: pairs with lab_wake(). */
	smp_mb();
	/* aio looks from a kernel thread, while the mm may go: @lock keeps the owner. */
	mutex_lock(&file->lock);
	if (!file->gone)
		events = lab_owner_events(file->acting);
	mutex_unlock(&file->lock);
	return events;
}
