/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/labyrinth. chardev.c is the descriptor and the dispatch, ioctl_hold.c
 * what allocates and frees, ioctl_give.c what gives and takes, ioctl_page.c what
 * looks into pages, mapping.c what maps them, poll.c what waits for them,
 * ioctl_owner.c the rest.
 */
#ifndef LABYRINTH_CHARDEV_H
#define LABYRINTH_CHARDEV_H

#include <linux/fs.h>
#include <linux/mmu_notifier.h>
#include <linux/poll.h>

#include "inbox.h"
#include "view.h"

/**
 * struct lab_file - an open descriptor
 * @lab: the instance
 * @notifier: on the opener's mm: its death is the owner's
 * @mm: the opener's; a reference to the struct is held with @notifier
 * @self: the file's own owner
 * @acting: who it acts as: @self, or the named owner that it has attached
 * @lock: guards @gone, the change of @acting, and of @listener's eventfd
 * @listener: told of what comes into the inbox of @acting
 * @refilled: passes what lab->refilled hears on to whoever waits in @listener:
 *	there while anybody does
 * @inode: its own, for the mappings in it to be its own
 * @view: where its blocks are mapped
 * @gone: its owners have been left: mm dead, or closing
 * @mode: what it was opened for: FMODE_READ, FMODE_WRITE
 */
struct lab_file {
	struct labyrinth *lab;
	struct mmu_notifier notifier;
	struct mm_struct *mm;
	struct labyrinth_owner *self;
	struct labyrinth_owner *acting;
	struct mutex lock; /* gone, changes of acting and eventfd */
	struct lab_listener listener;
	struct wait_queue_entry refilled;
	struct inode *inode;
	struct lab_view view;
	bool gone;
	fmode_t mode;
};

/**
 * struct lab_call - one ioctl under way
 * @file: on which
 * @owner: who it acts as
 * @user: the caller's struct
 * @user_size: its size
 * @arg: the kernel's copy
 * @size: of @arg
 */
struct lab_call {
	struct lab_file *file;
	struct labyrinth_owner *owner;
	void __user *user;
	u32 user_size;
	void *arg;
	u32 size;
};

int lab_chardev_init(struct labyrinth *lab);
void lab_chardev_exit(void);

/* Write the struct back; what the caller has no room for is left out. */
int lab_respond(const struct lab_call *call);

int lab_ioctl_info(struct lab_call *call);
int lab_ioctl_attach(struct lab_call *call);
int lab_ioctl_alloc(struct lab_call *call);
int lab_ioctl_free(struct lab_call *call);
int lab_ioctl_query(struct lab_call *call);
int lab_ioctl_read(struct lab_call *call);
int lab_ioctl_write(struct lab_call *call);
int lab_ioctl_set(struct lab_call *call);
int lab_ioctl_give(struct lab_call *call);
int lab_ioctl_map(struct lab_call *call);
int lab_ioctl_take(struct lab_call *call);
int lab_ioctl_eventfd(struct lab_call *call);
int lab_ioctl_accept(struct lab_call *call);

void lab_file_eventfd(struct lab_file *file, struct eventfd_ctx *eventfd);

/* poll.c */
void lab_file_poll_begin(struct lab_file *file);
void lab_file_poll_end(struct lab_file *file);
__poll_t lab_poll(struct file *filp, poll_table *wait);

/* mapping.c */
int lab_mapping_init(void);
void lab_mapping_exit(void);
int lab_file_map_begin(struct lab_file *file);
void lab_file_map_end(struct lab_file *file);
int lab_mmap(struct file *filp, struct vm_area_struct *vma);

/* Current's mm is the file's: it can't die meanwhile, so its owner is there. */
static inline struct labyrinth_owner *lab_file_acting(struct lab_file *file)
{
	/* Pairs with the release in lab_attach_finish(). */
	return smp_load_acquire(&file->acting);
}

#endif /* LABYRINTH_CHARDEV_H */
