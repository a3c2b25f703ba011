// SPDX-License-Identifier: GPL-2.0-only
/*
 * Under memory pressure, what the reserve has above its low watermark goes back
 * to the system; the refill is content with low for a while, then fills to high
 * again.
 *
 * Reclaim can come from anywhere, the worker's own allocation too: so only a
 * trylock.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>

#include "compat.h"
#include "reserve.h"

#define LAB_LEAN_TIME	(10 * HZ)

static struct lab_node *lab_shrink_node(struct labyrinth *lab, int nid)
{
	struct lab_node *node = lab->node[nid];

	/* Nodes that share another's have nothing of their own to give. */
	return node->nid == nid ? node : NULL;
}

static unsigned long lab_shrink_count(struct shrinker *shrinker,
				      struct shrink_control *sc)
{
	struct lab_node *node = lab_shrink_node(lab_shrinker_data(shrinker),
						sc->nid);
	long spare;

	if (!node)
		return SHRINK_EMPTY;
	spare = atomic_long_read(&node->ring.available) - READ_ONCE(node->kick);
	return spare > 0 ? (unsigned long)spare : SHRINK_EMPTY;
}

static unsigned long lab_shrink_scan(struct shrinker *shrinker,
				     struct shrink_control *sc)
{
	struct labyrinth *lab = lab_shrinker_data(shrinker);
	struct lab_node *node = lab_shrink_node(lab, sc->nid);
	unsigned long given = 0;

	if (!node || !mutex_trylock(&lab->reserve_lock))
		return SHRINK_STOP;
	while (given < sc->nr_to_scan &&
	       atomic_long_read(&node->ring.available) > node->kick &&
	       lab_claim(&node->ring.available)) {
		u32 index = lab_ring_take(&node->ring);

		lab_slot_to_system(lab, &lab->reg.slot[index]);
		given++;
	}
	node->lean = true;
	node->lean_until = jiffies + LAB_LEAN_TIME;
	mod_delayed_work(lab->queue, &lab->lean_end, LAB_LEAN_TIME + 1);
	mutex_unlock(&lab->reserve_lock);
	return given;
}

int lab_shrink_init(struct labyrinth *lab)
{
	struct shrinker *shrinker = lab_shrinker_alloc(lab);
	int err;

	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = lab_shrink_count;
	shrinker->scan_objects = lab_shrink_scan;
	shrinker->seeks = DEFAULT_SEEKS;
	err = lab_shrinker_register(shrinker);
	if (!err)
		lab->shrinker = shrinker;
	return err;
}

void lab_shrink_exit(struct labyrinth *lab)
{
	if (lab->shrinker)
		lab_shrinker_free(lab->shrinker);
}
