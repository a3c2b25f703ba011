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

#include "inbox.h"
#include "owner.h"
#include "reserve.h"
#include "verify.h"

#define LAB_VERIFY_TRIES	20
/* A difference that is seen as often as this is one. */
#define LAB_VERIFY_SAME		4
#define LAB_VERIFY_PAUSE_MS	20

/* Where a slot was found. */
enum lab_place {
	LAB_PLACE_NONE,
	LAB_PLACE_VACANT,
	LAB_PLACE_READY,
	LAB_PLACE_RING,
	LAB_PLACE_INDEX,
	LAB_PLACE_INBOX,
};

/**
 * struct lab_audit - one comparison
 * @lab: the instance
 * @place: enum lab_place of each slot
 * @frame: a bit for each page frame that a slot has
 * @frames: bits in @frame
 * @verdict: gets the first difference
 */
struct lab_audit {
	struct labyrinth *lab;
	u8 *place;
	unsigned long *frame;
	unsigned long frames;
	struct lab_verdict *verdict;
};

static bool lab_differ(struct lab_audit *audit, const char *book,
		       const char *text, u64 expected, u64 found)
{
	struct lab_verdict *verdict = audit->verdict;

	if (!verdict->book) {
		verdict->book = book;
		verdict->text = text;
		verdict->expected = expected;
		verdict->found = found;
	}
	return false;
}

static bool lab_expect(struct lab_audit *audit, const char *book,
		       const char *text, u64 expected, u64 found)
{
	return expected == found ||
	       lab_differ(audit, book, text, expected, found);
}

/* === Where slots are ===================================================== */

static bool lab_place(struct lab_audit *audit, u32 index, enum lab_place place,
		      const char *book)
{
	if (index >= audit->lab->reg.slots)
		return lab_differ(audit, book, "no such slot", 0, index);
	if (audit->place[index])
		return lab_differ(audit, book, "slot found in two places",
				  audit->place[index], index);
	audit->place[index] = place;
	return true;
}

/* Ends: a slot that comes twice is found in two places. */
static bool lab_place_stack(struct lab_audit *audit, struct lab_stack *stack,
			    enum lab_place place)
{
	u32 index;

	for (index = lab_stack_top(stack); index != LAB_NIL;
	     index = READ_ONCE(audit->lab->reg.slot[index].next)) {
		if (!lab_place(audit, index, place, "stacks"))
			return false;
		cond_resched();
	}
	return true;
}

static bool lab_place_stacks(struct lab_audit *audit)
{
	struct labyrinth *lab = audit->lab;
	unsigned int cpu, i;

	if (!lab_place_stack(audit, &lab->reg.vacant, LAB_PLACE_VACANT))
		return false;
	for (i = 0; i < lab->node_count; i++)
		if (!lab_place_stack(audit, &lab->nodes[i]->stock,
				     LAB_PLACE_READY))
			return false;
	for_each_possible_cpu(cpu)
		if (!lab_place_stack(audit, &per_cpu_ptr(lab->cpu, cpu)->ready,
				     LAB_PLACE_READY))
			return false;
	return true;
}

static bool lab_place_ring(struct lab_audit *audit, struct lab_node *node)
{
	struct labyrinth_owner *owner;
	u64 entries = 0, claimable;
	u32 i;

	for (i = 0; i <= node->ring.mask; i++) {
		u32 index = (u32)atomic_read(&node->ring.entry[i]);

		cond_resched();
		if (index == LAB_NIL)
			continue;
		if (!lab_place(audit, index, LAB_PLACE_RING, "rings"))
			return false;
		entries++;
	}
	claimable = (u64)atomic_long_read(&node->ring.available) +
		    (u64)atomic_long_read(&node->ring.emergency);
	list_for_each_entry(owner, &node->guaranteed, guaranteed)
		claimable += (u64)atomic_long_read(&owner->credit);
	return lab_expect(audit, "rings", "entries and what may be claimed",
			  entries, claimable);
}

/* Under owner->lock; a module takes at any time, and then it is tried again. */
static bool lab_place_inbox(struct lab_audit *audit,
			    struct labyrinth_owner *owner)
{
	struct lab_registry *reg = &audit->lab->reg;
	struct lab_inbox *inbox = lab_inbox(owner);
	u32 n, index;
	u64 found;

	for (n = 0; inbox && n < inbox->queue.capacity; n++) {
		index = lab_queue_peek(&inbox->queue, n);
		if (index == LAB_NIL)
			break;
		if (!lab_place(audit, index, LAB_PLACE_INBOX, "inboxes") ||
		    !lab_expect(audit, "inboxes", "receiver of a block",
				owner->id,
				lab_word_owner(lab_slot_word(&reg->slot[index]))))
			return false;
		cond_resched();
	}
	if (!inbox)
		return true;
	found = n + (u64)atomic_long_read(&inbox->queue.room);
	/* A place is claimed for each block that is pending to come. */
	if (found > inbox->queue.capacity ||
	    inbox->queue.capacity - found > (u64)atomic_long_read(&owner->pending))
		return lab_differ(audit, "inboxes", "blocks and room",
				  inbox->queue.capacity, found);
	return true;
}

static bool lab_place_index(struct lab_audit *audit,
			    struct labyrinth_owner *owner)
{
	struct lab_registry *reg = &audit->lab->reg;
	u64 blocks = 0;
	bool fine = true;
	u32 index;

	owner->audit_pages = 0;
	owner->audit_loose = 0;
	mutex_lock(&owner->lock);
	for (index = owner->first; fine && index != LAB_NIL;
	     index = reg->slot[index].index_next) {
		fine = lab_place(audit, index, LAB_PLACE_INDEX, "index") &&
		       lab_expect(audit, "index", "owner of an indexed slot",
				  lab_word_owner(lab_slot_word(&reg->slot[index])),
				  owner->id);
		blocks++;
		cond_resched();
	}
	fine = fine && lab_expect(audit, "index", "blocks in an owner's index",
				  owner->indexed, blocks) &&
	       lab_place_inbox(audit, owner);
	mutex_unlock(&owner->lock);
	return fine;
}

static bool lab_place_all(struct lab_audit *audit)
{
	struct labyrinth *lab = audit->lab;
	struct labyrinth_owner *owner;
	unsigned long id;
	unsigned int i;

	if (!lab_place_stacks(audit))
		return false;
	for (i = 0; i < lab->node_count; i++)
		if (!lab_place_ring(audit, lab->nodes[i]))
			return false;
	xa_for_each(&lab->owners.table, id, owner)
		if (!lab_place_index(audit, owner))
			return false;
	return true;
}

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
	       lab_expect(audit, "taken", "pages counted against the ceiling",
			  audit->verdict->pages,
			  lab->ceiling - (u64)atomic_long_read(&lab->room));
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
		if (passed_on != lab_passed_on(audit->lab))
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
	audit.place = vzalloc(lab->reg.slots);
	audit.frames = lab_frames_end();
	audit.frame = vmalloc(BITS_TO_LONGS(audit.frames) * sizeof(long));
	if (audit.place && audit.frame) {
		lab_verify_again(&audit);
		err = 0;
	}
	vfree(audit.frame);
	vfree(audit.place);
	return err;
}
