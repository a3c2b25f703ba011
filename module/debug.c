// SPDX-License-Identifier: GPL-2.0-only
/*
 * A knob for testing verify: debugfs labyrinth/corrupt. Written the name of a
 * book, it makes that book wrong; written "none", it mends it. Only with
 * CONFIG_LABYRINTH_DEBUG, and only for a system at rest.
 */
#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/page_ref.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "inbox.h"
#include "reserve.h"
#include "steps.h"
#include "verify.h"

/**
 * struct lab_corruption - the book that is wrong now
 * @lab: the instance
 * @dir: debugfs directory
 * @lock: one writer at a time
 * @book: index into lab_books, or -1
 * @index: the slot that was used
 * @addr: what it had
 * @owner: the owner that was used, with a reference
 */
struct lab_corruption {
	struct labyrinth *lab;
	struct dentry *dir;
	struct mutex lock; /* one writer at a time */
	int book;
	u32 index;
	void *addr;
	struct labyrinth_owner *owner;
};

static struct lab_corruption lab_corruption = {
	.lock = __MUTEX_INITIALIZER(lab_corruption.lock),
	.book = -1,
};

/* The n-th slot in a state, counted from 0. */
static struct lab_slot *lab_find_slot(struct labyrinth *lab,
				      enum labyrinth_page_state state, u32 n)
{
	u32 i;

	for (i = 0; i < lab->reg.slots; i++)
		if (lab_word_state(lab_slot_word(&lab->reg.slot[i])) == state &&
		    !n--)
			return &lab->reg.slot[i];
	return NULL;
}

/* An owner with pages in its index and an inbox, and a reference. */
static struct labyrinth_owner *lab_find_owner(struct labyrinth *lab)
{
	struct labyrinth_owner *owner, *found = NULL;
	unsigned long id;

	mutex_lock(&lab->owners.lock);
	xa_for_each(&lab->owners.table, id, owner)
		if (!found && owner->indexed && lab_payer(owner)->user &&
		    lab_inbox(owner) && kref_get_unless_zero(&owner->ref))
			found = owner;
	mutex_unlock(&lab->owners.lock);
	return found;
}

static void lab_words(struct lab_corruption *c, struct lab_slot *slot, bool on)
{
	atomic64_xor((s64)lab_word(0, LAB_MAX_OWNER, 0), &slot->word);
}

static void lab_stacks(struct lab_corruption *c, struct lab_slot *slot, bool on)
{
	struct lab_registry *reg = &c->lab->reg;

	if (on)
		c->index = lab_stack_take(reg, &reg->vacant, 0);
	else
		lab_stack_put(reg, &reg->vacant, c->index);
}

static void lab_rings(struct lab_corruption *c, struct lab_slot *slot, bool on)
{
	atomic_long_add(on ? -1 : 1, &c->lab->nodes[0]->ring.available);
}

/* Not in the summary, so that the worker does not come by. */
static void lab_dirty(struct lab_corruption *c, struct lab_slot *slot, bool on)
{
	u32 i = lab_slot_index(&c->lab->reg, slot);

	change_bit(i, c->lab->reg.dirty.bit);
}

static void lab_owners(struct lab_corruption *c, struct lab_slot *slot, bool on)
{
	atomic_long_add(on ? 1 : -1, &c->owner->used);
	atomic_long_add(on ? 1 : -1, &lab_payer(c->owner)->charged);
}

static void lab_index(struct lab_corruption *c, struct lab_slot *slot, bool on)
{
	struct lab_registry *reg = &c->lab->reg;

	mutex_lock(&c->owner->lock);
	if (on) {
		c->index = c->owner->last;
		lab_index_del(c->owner, &reg->slot[c->index]);
	} else {
		lab_index_add(c->owner, &reg->slot[c->index]);
	}
	mutex_unlock(&c->owner->lock);
}

static void lab_charges(struct lab_corruption *c, struct lab_slot *slot, bool on)
{
	atomic_long_add(on ? 1 : -1, &lab_payer(c->owner)->charged);
}

static void lab_taken(struct lab_corruption *c, struct lab_slot *slot, bool on)
{
	atomic_long_add(on ? 1 : -1, &c->lab->reg.taken);
}

static void lab_inboxes(struct lab_corruption *c, struct lab_slot *slot,
			bool on)
{
	atomic_long_add(on ? -1 : 1, &lab_inbox(c->owner)->queue.room);
}

static void lab_frames(struct lab_corruption *c, struct lab_slot *slot, bool on)
{
	if (on) {
		c->addr = slot->addr;
		slot->addr = lab_find_slot(c->lab, LABYRINTH_PAGE_READY, 1)->addr;
	} else {
		slot->addr = c->addr;
	}
}

static void lab_references(struct lab_corruption *c, struct lab_slot *slot,
			   bool on)
{
	set_page_count(virt_to_page(slot->addr), on ? 1 : 0);
}

/* Those with @owner need an owner that holds pages and has an inbox. */
static const struct lab_book {
	const char *name;
	void (*toggle)(struct lab_corruption *c, struct lab_slot *slot, bool on);
	bool owner;
	enum labyrinth_page_state state;
} lab_books[] = {
	{ "words", lab_words, false, LABYRINTH_PAGE_READY },
	{ "stacks", lab_stacks, false, LABYRINTH_PAGE_VACANT },
	{ "rings", lab_rings, false, LABYRINTH_PAGE_READY },
	{ "dirty", lab_dirty, false, LABYRINTH_PAGE_VACANT },
	{ "owners", lab_owners, true, LABYRINTH_PAGE_OWNED },
	{ "index", lab_index, true, LABYRINTH_PAGE_OWNED },
	{ "charges", lab_charges, true, LABYRINTH_PAGE_OWNED },
	{ "taken", lab_taken, false, LABYRINTH_PAGE_READY },
	{ "inboxes", lab_inboxes, true, LABYRINTH_PAGE_OWNED },
	{ "frames", lab_frames, false, LABYRINTH_PAGE_READY },
	{ "references", lab_references, false, LABYRINTH_PAGE_READY },
};

/* Under both locks, so that the worker sees nothing half done. */
static int lab_corrupt(struct lab_corruption *c, int book)
{
	const struct lab_book *b = &lab_books[book];
	struct lab_slot *slot = lab_find_slot(c->lab, b->state, 0);

	if (b->owner)
		c->owner = lab_find_owner(c->lab);
	if (!slot || (b->owner && !c->owner))
		return -ENODATA;
	c->index = lab_slot_index(&c->lab->reg, slot);
	mutex_lock(&c->lab->reserve_lock);
	b->toggle(c, slot, true);
	mutex_unlock(&c->lab->reserve_lock);
	c->book = book;
	return 0;
}

static void lab_mend(struct lab_corruption *c)
{
	if (c->book < 0)
		return;
	mutex_lock(&c->lab->reserve_lock);
	lab_books[c->book].toggle(c, &c->lab->reg.slot[c->index], false);
	mutex_unlock(&c->lab->reserve_lock);
	c->book = -1;
	if (c->owner)
		lab_owner_put(c->owner);
	c->owner = NULL;
}

static int lab_book_find(const char *name)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(lab_books); i++)
		if (!strcmp(name, lab_books[i].name))
			return i;
	return -EINVAL;
}

static ssize_t lab_corrupt_write(struct file *file, const char __user *user,
				 size_t size, loff_t *pos)
{
	struct lab_corruption *c = &lab_corruption;
	char text[32] = {};
	int book, err;

	if (size >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, user, size))
		return -EFAULT;
	book = lab_book_find(strim(text));
	if (book < 0 && strcmp(strim(text), "none"))
		return -EINVAL;
	mutex_lock(&c->lock);
	lab_mend(c);
	err = book < 0 ? 0 : lab_corrupt(c, book);
	mutex_unlock(&c->lock);
	return err ? err : (ssize_t)size;
}

static const struct file_operations lab_corrupt_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = lab_corrupt_write,
};

int lab_debug_init(struct labyrinth *lab)
{
	lab_corruption.lab = lab;
	lab_corruption.dir = debugfs_create_dir("labyrinth", NULL);
	debugfs_create_file("corrupt", 0200, lab_corruption.dir, NULL,
			    &lab_corrupt_fops);
	lab_steps_register(lab, lab_corruption.dir);
	return 0;
}

void lab_debug_exit(void)
{
	debugfs_remove(lab_corruption.dir);
	lab_mend(&lab_corruption);
}
