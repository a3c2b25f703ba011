// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verify. Where each slot can be found (stacks, rings, dirty map, indexes) is
 * collected first, then every word is read and held against it, then the sums.
 *
 * The worker, and whatever makes and ends owners, is kept out by their locks;
 * requests are not. So books may differ because something is under way: then
 * they are compared again, and only a difference that stays the same counts.
 */
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/page_ref.h>
#include <linux/vmalloc.h>

#include "audit.h"
#include "owner.h"
#include "reserve.h"

#define LAB_VERIFY_TRIES	20
/* A difference that is seen as often as this is one. */
#define LAB_VERIFY_SAME		4
#define LAB_VERIFY_PAUSE_MS	20
/* How long a pass waits for owners' locks: so long does whoever opens, or refills. */
#define LAB_VERIFY_PATIENCE	(HZ / 10)

/* === What the words say ================================================== */

static bool lab_word_sound(u64 word)
{
	bool owned;

	switch (lab_word_state(word)) {
	case LABYRINTH_PAGE_VACANT:
	case LABYRINTH_PAGE_READY:
	case LABYRINTH_PAGE_RETIRED:
		owned = false;
		break;
	case LABYRINTH_PAGE_OWNED:
	case LABYRINTH_PAGE_LEAVING:
	case LABYRINTH_PAGE_TRANSIT:
	case LABYRINTH_PAGE_DIRTY:
	case LABYRINTH_PAGE_QUARANTINED:
		owned = true;
		break;
	default:
		return false;
	}
	return lab_word_gen(word) && owned == !!lab_word_owner(word);
}

/* Which book should have this slot, and has it? */
static bool lab_check_place(struct lab_audit *audit, u32 index, u64 word)
{
	enum lab_place place = audit->place[index];
	enum labyrinth_page_state state = lab_word_state(word);
	bool dirty = state == LABYRINTH_PAGE_DIRTY;

	if (dirty != lab_dirty_test(&audit->lab->reg.dirty, index))
		return lab_differ(audit, "dirty", "slot and its dirty bit",
				  state, index);
	switch (state) {
	case LABYRINTH_PAGE_VACANT:
		return place == LAB_PLACE_VACANT ||
		       lab_differ(audit, "stacks", "vacant slot not on its stack",
				  place, index);
	case LABYRINTH_PAGE_READY:
		return place == LAB_PLACE_READY || place == LAB_PLACE_RING ||
		       lab_differ(audit, "stacks", "ready slot in no stack or ring",
				  place, index);
	case LABYRINTH_PAGE_OWNED:
	case LABYRINTH_PAGE_LEAVING:
		/* Those in no index are counted: lab_check_owner(). */
		return place == LAB_PLACE_INDEX || place == LAB_PLACE_NONE ||
		       lab_differ(audit, "words", "owned slot on a stack or ring",
				  place, index);
	case LABYRINTH_PAGE_TRANSIT:
		return place == LAB_PLACE_INBOX ||
		       lab_differ(audit, "inboxes", "block in transit in no inbox",
				  place, index);
	default:
		return place == LAB_PLACE_NONE ||
		       lab_differ(audit, "words", "slot on a stack, ring or index",
				  place, index);
	}
}

static bool lab_check_page(struct lab_audit *audit, struct page *page, u32 index)
{
	unsigned long pfn = page_to_pfn(page);

	if (pfn >= audit->frames)
		return lab_differ(audit, "frames", "no such page frame",
				  audit->frames, index);
	if (__test_and_set_bit(pfn, audit->frame))
		return lab_differ(audit, "frames", "page in two slots", pfn,
				  index);
	if (page_ref_count(page))
		return lab_differ(audit, "references", "page is referenced", 0,
				  index);
	return true;
}

static bool lab_check_block(struct lab_audit *audit, struct lab_slot *slot,
			    u32 index, u64 word)
{
	struct labyrinth_owner *owner;
	unsigned int i;

	audit->verdict->pages += 1U << slot->order;
	for (i = 0; i < 1U << slot->order; i++)
		if (!lab_check_page(audit, virt_to_page(slot->addr) + i, index))
			return false;
	if (!lab_word_owner(word) ||
	    lab_word_state(word) == LABYRINTH_PAGE_DIRTY)
		return true;
	owner = xa_load(&audit->lab->owners.table, lab_word_owner(word));
	if (!owner)
		return lab_differ(audit, "words", "no such owner",
				  lab_word_owner(word), index);
	owner->audit_pages += 1UL << slot->order;
	/* A kernel owner has no index. */
	if (audit->place[index] == LAB_PLACE_NONE &&
	    owner->kind != LABYRINTH_OWNER_KERNEL &&
	    lab_word_state(word) != LABYRINTH_PAGE_QUARANTINED)
		owner->audit_loose += 1UL << slot->order;
	return true;
}

static bool lab_check_words(struct lab_audit *audit)
{
	struct lab_registry *reg = &audit->lab->reg;
	u32 i;

	for (i = 0; i < reg->slots; i++) {
		struct lab_slot *slot = &reg->slot[i];
		u64 word = lab_slot_word(slot);

		audit->verdict->slots++;
		if (!lab_word_sound(word))
			return lab_differ(audit, "words", "malformed", word, i);
		if (!lab_check_place(audit, i, word))
			return false;
		if (lab_word_state(word) != LABYRINTH_PAGE_VACANT &&
		    lab_word_state(word) != LABYRINTH_PAGE_RETIRED &&
		    !lab_check_block(audit, slot, i, word))
			return false;
		if (!(i % 1024))
			cond_resched();
	}
	return true;
}

/* === Sums ================================================================ */

static bool lab_check_owner(struct lab_audit *audit,
			    struct labyrinth_owner *owner)
{
	u64 used = (u64)atomic_long_read(&owner->used);
	u64 pending = (u64)atomic_long_read(&owner->pending);

	if (owner->audit_loose > pending)
		return lab_differ(audit, "index", "owned, but in no index",
				  pending, owner->audit_loose);
	/* What is pending may have been taken already, or not yet. */
	if (used < owner->audit_pages ||
	    used > owner->audit_pages - owner->audit_loose + pending)
		return lab_differ(audit, "owners", "pages charged to an owner",
				  owner->audit_pages, used);
	if (lab_payer(owner)->counted)
		return lab_expect(audit, "charges", "charged to an owner's user",
				  used,
				  (u64)atomic_long_read(&lab_payer(owner)->charged));
	return true;
}

/* What is being fetched has been counted already, and is in no slot yet. */
static bool lab_check_room(struct lab_audit *audit)
{
	u64 fetching = (u64)atomic_long_read(&audit->lab->fetching);
	u64 counted = audit->lab->ceiling -
		      (u64)atomic_long_read(&audit->lab->room);
	u64 pages = audit->verdict->pages;

	return (counted >= pages && counted <= pages + fetching) ||
	       lab_differ(audit, "taken", "pages counted against the ceiling",
			  pages, counted);
}

static bool lab_check_sums(struct lab_audit *audit)
{
	struct labyrinth *lab = audit->lab;
	struct labyrinth_owner *owner;
	unsigned long id;

	xa_for_each(&lab->owners.table, id, owner)
		if (!lab_check_owner(audit, owner))
			return false;
	return lab_expect(audit, "taken", "pages taken from the system",
			  audit->verdict->pages,
			  (u64)atomic_long_read(&lab->reg.taken)) &&
	       lab_check_room(audit);
}

/* === Once, and again ===================================================== */

static bool lab_verify_once(struct lab_audit *audit)
{
	struct labyrinth *lab = audit->lab;
	bool fine;

	audit->verdict->book = NULL;
	audit->verdict->slots = 0;
	audit->verdict->pages = 0;
	bitmap_zero(audit->frame, audit->frames);
	memset(audit->place, LAB_PLACE_NONE, lab->reg.slots);
	mutex_lock(&lab->owners.lock);
	mutex_lock(&lab->reserve_lock);
	audit->busy = false;
	audit->until = jiffies + LAB_VERIFY_PATIENCE;
	fine = lab_place_all(audit) && lab_check_words(audit) &&
	       lab_check_sums(audit);
	mutex_unlock(&lab->reserve_lock);
	mutex_unlock(&lab->owners.lock);
	return fine;
}

static bool lab_verdict_same(const struct lab_verdict *a,
			     const struct lab_verdict *b)
{
	return a->book == b->book && a->text == b->text &&
	       a->expected == b->expected && a->found == b->found;
}

/*
 * Blocks that went from owner to owner. While some go, one that goes round and
 * round can make the same difference each time.
 */
static unsigned long lab_passed_on(struct labyrinth *lab)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct lab_stats *stats = &per_cpu_ptr(lab->cpu, cpu)->stats;

		sum += READ_ONCE(stats->given) + READ_ONCE(stats->taken);
	}
	return sum;
}

static void lab_verify_again(struct lab_audit *audit)
{
	struct lab_verdict *verdict = audit->verdict, before = {};
	unsigned long passed_on;
	unsigned int same = 0;

	for (verdict->tries = 1; ; verdict->tries++) {
		lab_worker_run(audit->lab);
		passed_on = lab_passed_on(audit->lab);
		if (lab_verify_once(audit)) {
			verdict->result = LAB_VERIFY_OK;
			return;
		}
		same = lab_verdict_same(verdict, &before) ? same + 1 : 1;
		if (audit->busy || passed_on != lab_passed_on(audit->lab))
			same = 0;
		before = *verdict;
		if (same == LAB_VERIFY_SAME) {
			verdict->result = LAB_VERIFY_WRONG;
			return;
		}
		if (verdict->tries == LAB_VERIFY_TRIES)
			break;
		/* Whatever was half-way, with preemption off, has ended after it. */
		synchronize_rcu();
		msleep(LAB_VERIFY_PAUSE_MS);
	}
	verdict->result = LAB_VERIFY_BUSY;
}

static unsigned long lab_frames_end(void)
{
	unsigned long end = 0;
	int nid;

	for_each_online_node(nid)
		end = max(end, node_end_pfn(nid));
	return end;
}

/**
 * lab_verify - compare the books
 * @lab: the instance
 * @verdict: what came of it
 *
 * Context: process. Requests go on meanwhile; refill and recycling wait.
 *
 * Return: 0 if @verdict says something, or -ENOMEM.
 */
int lab_verify(struct labyrinth *lab, struct lab_verdict *verdict)
{
	struct lab_audit audit = { .lab = lab, .verdict = verdict };
	int err = -ENOMEM;

	memset(verdict, 0, sizeof(*verdict));
	audit.place = __vmalloc(lab->reg.slots, LAB_GFP_TABLE);
	audit.frames = lab_frames_end();
	audit.frame = __vmalloc(BITS_TO_LONGS(audit.frames) * sizeof(long),
				LAB_GFP_TABLE);
	if (audit.place && audit.frame) {
		lab_verify_again(&audit);
		err = 0;
	}
	vfree(audit.frame);
	vfree(audit.place);
	return err;
}
