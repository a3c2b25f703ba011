// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/labyrinth: the descriptor, and the way to each call.
 *
 * A descriptor is an owner, and serves the mm that opened it. Its owner dies
 * when that mm does (the notifier) or when the descriptor is closed, whichever
 * comes first; either finds the other under @lock.
 */
#include <linux/cdev.h>
#include <linux/compat.h>
#include <linux/device.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "chardev.h"
#include "compat.h"
#include "reserve.h"
#include "thread.h"

/*
 * Not a miscdevice: those are opened one at a time, and opening takes the
 * opener's mmap lock, which a user can hold for as long as it likes.
 */
struct lab_device {
	struct cdev cdev;
	struct class *class;
	dev_t number;
	struct labyrinth *lab;
};

/* === The end of a descriptor's owners ==================================== */

/* Return: false if they had ended before. */
static bool lab_file_leave(struct lab_file *file, bool wait)
{
	bool first;

	mutex_lock(&file->lock);
	first = !file->gone;
	if (first) {
		file->gone = true;
		lab_inbox_listen(file->acting, NULL);
		lab_threads_end(file->acting);
		lab_view_close(file->acting);
		if (file->acting != file->self)
			lab_owner_detach(file->acting);
		lab_owner_kill(file->self, wait);
		lab_owner_put(file->self);
	}
	mutex_unlock(&file->lock);
	return first;
}

static void lab_mm_release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct lab_file *file = container_of(notifier, struct lab_file, notifier);

	lab_file_leave(file, false);
	/* Who waits elsewhere, in an epoll set of its, learns that it is dead. */
	wake_up_all(&file->listener.wait);
}

static void lab_mm_free(struct mmu_notifier *notifier)
{
	kfree(container_of(notifier, struct lab_file, notifier));
}

static const struct mmu_notifier_ops lab_mm_ops = {
	.release = lab_mm_release,
	.free_notifier = lab_mm_free,
};

/* === open, release ======================================================= */

static struct lab_file *lab_file_new(struct labyrinth *lab)
{
	struct lab_owner_spec spec = {
		.kind = LABYRINTH_OWNER_FILE,
		.name = current->comm,
		.uid = current_uid(),
		.gid = current_gid(),
		.quota = READ_ONCE(lab->settings.file_quota),
	};
	struct lab_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	struct labyrinth_owner *owner;

	if (!file)
		return ERR_PTR(-ENOMEM);
	owner = lab_owner_create(lab, &spec);
	if (IS_ERR(owner)) {
		kfree(file);
		/* -EBUSY: no number is free. */
		return owner == ERR_PTR(-EBUSY) ? ERR_PTR(-ENFILE) :
						  ERR_CAST(owner);
	}
	mutex_init(&file->lock);
	lab_file_poll_begin(file);
	file->lab = lab;
	file->self = owner;
	file->acting = owner;
	return file;
}

static int lab_open(struct inode *inode, struct file *filp)
{
	struct lab_device *device = container_of(inode->i_cdev,
						 struct lab_device, cdev);
	struct lab_file *file;
	int err;

	/* A kernel thread has no mm to serve. */
	if (!current->mm)
		return -ENXIO;
	lab_wait_wiped(device->lab);
	file = lab_file_new(device->lab);
	if (IS_ERR(file))
		return PTR_ERR(file);
	file->mode = filp->f_mode & (FMODE_READ | FMODE_WRITE);
	file->mm = current->mm;
	err = lab_file_map_begin(file);
	if (err)
		goto err_leave;
	file->notifier.ops = &lab_mm_ops;
	err = mmu_notifier_register(&file->notifier, file->mm);
	if (err)
		goto err_map;
	lab_inbox_listen(file->self, &file->listener);
	filp->private_data = file;
	/* Or what is unmapped in one file would be in all. */
	filp->f_mapping = file->inode->i_mapping;
	return stream_open(inode, filp);

err_map:
	/* A signal was pending: it is handled, and then comes this again. */
	if (err == -EINTR)
		err = -ERESTARTNOINTR;
err_leave:
	lab_file_leave(file, true);
	lab_file_map_end(file);
	kfree(file);
	return err;
}

static int lab_file_release(struct inode *inode, struct file *filp)
{
	struct lab_file *file = filp->private_data;
	/* Whoever else lets go of it last, a kernel thread too, has others to serve. */
	bool patient = current->mm == file->mm;

	/* Where the mm has died, its process is on its way out: not held back. */
	if (lab_file_leave(file, patient) && patient)
		lab_wait_wiped(file->lab);
	lab_file_eventfd(file, NULL);
	lab_file_poll_end(file);
	lab_file_map_end(file);
	/* Frees it once no lab_mm_release() can be under way. */
	mmu_notifier_put(&file->notifier);
	return 0;
}

/**
 * lab_file_eventfd - say what is signalled, besides poll, when something comes
 * @file: an open one
 * @eventfd: with a reference, which is passed on; NULL: nothing
 */
void lab_file_eventfd(struct lab_file *file, struct eventfd_ctx *eventfd)
{
	mutex_lock(&file->lock);
	/* Where it has gone nobody is told, and its owner may be no more. */
	if (file->gone)
		swap(file->listener.eventfd, eventfd);
	else
		eventfd = lab_inbox_eventfd(file->acting, &file->listener,
					    eventfd);
	mutex_unlock(&file->lock);
	if (eventfd)
		eventfd_ctx_put(eventfd);
}

/* === Dispatch ============================================================ */

/**
 * struct lab_op - a call
 * @fn: does it
 * @size: of its struct
 * @min_size: of the first version of its struct
 * @mode: what the descriptor must have been opened for; 0: anything
 */
struct lab_op {
	int (*fn)(struct lab_call *call);
	u32 size;
	u32 min_size;
	fmode_t mode;
};

union lab_args {
	struct labyrinth_info info;
	struct labyrinth_alloc alloc;
	struct labyrinth_free free;
	struct labyrinth_query query;
	struct labyrinth_rw rw;
	struct labyrinth_set set;
	struct labyrinth_attach attach;
	struct labyrinth_give give;
	struct labyrinth_take take;
	struct labyrinth_eventfd eventfd;
	struct labyrinth_accept_set accept;
	struct labyrinth_map map;
};

#define LAB_OP(_cmd, _fn, _size, _min_size, _mode)			\
	[_IOC_NR(_cmd)] = {						\
		.fn = _fn,						\
		.size = _size,						\
		.min_size = _min_size,					\
		.mode = _mode,						\
	}

/* The first version of each struct ends where the second argument says. */
static const struct lab_op lab_ops[] = {
	LAB_OP(LABYRINTH_IOC_INFO, lab_ioctl_info,
	       sizeof(struct labyrinth_info),
	       offsetofend(struct labyrinth_info, out_reserve_high), 0),
	LAB_OP(LABYRINTH_IOC_ALLOC, lab_ioctl_alloc,
	       sizeof(struct labyrinth_alloc),
	       offsetofend(struct labyrinth_alloc, __reserved), FMODE_WRITE),
	LAB_OP(LABYRINTH_IOC_FREE, lab_ioctl_free,
	       sizeof(struct labyrinth_free),
	       offsetofend(struct labyrinth_free, out_bad), FMODE_WRITE),
	LAB_OP(LABYRINTH_IOC_QUERY, lab_ioctl_query,
	       sizeof(struct labyrinth_query),
	       offsetofend(struct labyrinth_query, out_flags), 0),
	LAB_OP(LABYRINTH_IOC_READ, lab_ioctl_read,
	       sizeof(struct labyrinth_rw),
	       offsetofend(struct labyrinth_rw, __reserved), FMODE_READ),
	LAB_OP(LABYRINTH_IOC_WRITE, lab_ioctl_write,
	       sizeof(struct labyrinth_rw),
	       offsetofend(struct labyrinth_rw, __reserved), FMODE_WRITE),
	LAB_OP(LABYRINTH_IOC_SET, lab_ioctl_set,
	       sizeof(struct labyrinth_set),
	       offsetofend(struct labyrinth_set, used), FMODE_WRITE),
	LAB_OP(LABYRINTH_IOC_ATTACH, lab_ioctl_attach,
	       sizeof(struct labyrinth_attach),
	       offsetofend(struct labyrinth_attach, __reserved), 0),
	LAB_OP(LABYRINTH_IOC_GIVE, lab_ioctl_give,
	       sizeof(struct labyrinth_give),
	       offsetofend(struct labyrinth_give, out_reason), FMODE_WRITE),
	LAB_OP(LABYRINTH_IOC_TAKE, lab_ioctl_take,
	       sizeof(struct labyrinth_take),
	       offsetofend(struct labyrinth_take, handles), FMODE_WRITE),
	LAB_OP(LABYRINTH_IOC_EVENTFD, lab_ioctl_eventfd,
	       sizeof(struct labyrinth_eventfd),
	       offsetofend(struct labyrinth_eventfd, __reserved), 0),
	LAB_OP(LABYRINTH_IOC_ACCEPT, lab_ioctl_accept,
	       sizeof(struct labyrinth_accept_set),
	       offsetofend(struct labyrinth_accept_set, inbox), FMODE_WRITE),
	LAB_OP(LABYRINTH_IOC_MAP, lab_ioctl_map,
	       sizeof(struct labyrinth_map),
	       offsetofend(struct labyrinth_map, out_length), FMODE_READ),
};

/* No holes at the end either, so 32-bit and 64-bit callers agree. */
static_assert(sizeof(struct labyrinth_info) % 8 == 0);
static_assert(sizeof(struct labyrinth_alloc) % 8 == 0);
static_assert(sizeof(struct labyrinth_free) % 8 == 0);
static_assert(sizeof(struct labyrinth_query) % 8 == 0);
static_assert(sizeof(struct labyrinth_rw) % 8 == 0);
static_assert(sizeof(struct labyrinth_set) % 8 == 0);
static_assert(sizeof(struct labyrinth_attach) % 8 == 0);
static_assert(sizeof(struct labyrinth_give) % 8 == 0);
static_assert(sizeof(struct labyrinth_take) % 8 == 0);
static_assert(sizeof(struct labyrinth_eventfd) % 8 == 0);
static_assert(sizeof(struct labyrinth_accept_set) % 8 == 0);
static_assert(sizeof(struct labyrinth_map) % 8 == 0);

int lab_respond(const struct lab_call *call)
{
	return copy_to_user(call->user, call->arg,
			    min(call->user_size, call->size)) ? -EFAULT : 0;
}

static const struct lab_op *lab_op_find(unsigned int cmd)
{
	unsigned int nr = _IOC_NR(cmd);

	if (_IOC_TYPE(cmd) != LABYRINTH_IOC_TYPE ||
	    _IOC_DIR(cmd) != (_IOC_READ | _IOC_WRITE) ||
	    nr >= ARRAY_SIZE(lab_ops))
		return NULL;
	return &lab_ops[array_index_nospec(nr, ARRAY_SIZE(lab_ops))];
}

static int lab_call_fetch(struct lab_call *call, const struct lab_op *op)
{
	int err;

	if (get_user(call->user_size, (u32 __user *)call->user))
		return -EFAULT;
	if (call->user_size < op->min_size)
		return -EINVAL;
	if (call->user_size > PAGE_SIZE)
		return -E2BIG;
	call->size = op->size;
	err = copy_struct_from_user(call->arg, op->size, call->user,
				    call->user_size);
	if (err)
		return err;
	/* Read again above, so it may be another by now: one is used. */
	*(u32 *)call->arg = call->user_size;
	return 0;
}

static long lab_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct lab_file *file = filp->private_data;
	const struct lab_op *op = lab_op_find(cmd);
	union lab_args args;
	struct lab_call call = {
		.file = file,
		.user = (void __user *)arg,
		.arg = &args,
	};
	int err;

	if (!op)
		return -ENOTTY;
	if (file->mm != current->mm)
		return -EIO;
	if (op->mode & ~file->mode)
		return -EBADF;
	err = lab_call_fetch(&call, op);
	if (err)
		return err;
	call.owner = lab_file_acting(file);
	if (lab_owner_dying(call.owner) && op->fn != lab_ioctl_info)
		return -ESHUTDOWN;
	return op->fn(&call);
}

static void lab_show_fdinfo(struct seq_file *m, struct file *filp)
{
	struct lab_file *file = filp->private_data;
	struct labyrinth_owner *owner;

	/* Whoever looks may be another process: @lock keeps the owner. */
	mutex_lock(&file->lock);
	owner = file->acting;
	if (file->gone)
		seq_puts(m, "labyrinth-owner:\tdead\n");
	else
		seq_printf(m, "labyrinth-owner:\t%u\nlabyrinth-used:\t%ld\nlabyrinth-quota:\t%lu\n",
			   owner->id, atomic_long_read(&owner->used),
			   READ_ONCE(owner->quota));
	mutex_unlock(&file->lock);
}

static const struct file_operations lab_fops = {
	.owner = THIS_MODULE,
	.open = lab_open,
	.show_fdinfo = lab_show_fdinfo,
	.release = lab_file_release,
	.poll = lab_poll,
	.mmap = lab_mmap,
	.unlocked_ioctl = lab_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/* One device file, as there is one name for it. */
static struct lab_device lab_device;

static int lab_device_register(struct lab_device *device)
{
	struct device *node;
	int err;

	device->class = lab_class_create("labyrinth");
	if (IS_ERR(device->class))
		return PTR_ERR(device->class);
	node = device_create(device->class, NULL, device->number, NULL,
			     "labyrinth");
	if (IS_ERR(node)) {
		err = PTR_ERR(node);
		goto err_class;
	}
	/* Last: from here on it can be opened. */
	cdev_init(&device->cdev, &lab_fops);
	device->cdev.owner = THIS_MODULE;
	err = cdev_add(&device->cdev, device->number, 1);
	if (err)
		goto err_node;
	return 0;

err_node:
	device_destroy(device->class, device->number);
err_class:
	class_destroy(device->class);
	return err;
}

int lab_chardev_init(struct labyrinth *lab)
{
	int err = lab_mapping_init();

	if (err)
		return err;
	err = alloc_chrdev_region(&lab_device.number, 0, 1, "labyrinth");
	if (err)
		goto err_mapping;
	lab_device.lab = lab;
	err = lab_device_register(&lab_device);
	if (err)
		goto err_region;
	return 0;

err_region:
	unregister_chrdev_region(lab_device.number, 1);
err_mapping:
	lab_mapping_exit();
	return err;
}

/* The module's reference is held by every file: none is open. */
void lab_chardev_exit(void)
{
	cdev_del(&lab_device.cdev);
	device_destroy(lab_device.class, lab_device.number);
	class_destroy(lab_device.class);
	unregister_chrdev_region(lab_device.number, 1);
	lab_mapping_exit();
	/* A released file's notifier may still be on its way to be freed. */
	mmu_notifier_synchronize();
}
