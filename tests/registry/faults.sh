#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Plants one fault after another in copies of the registry's sources, and has the
# tests run on each: whatever is not caught fails. TAP. Needs a directory to work in.
set -eu

work=$1
module=${MODULE:-../../module}
make=${MAKE:-make}
count=0
missed=0

# name | variant | file | sed script
faults() {
	cat <<'END'
a take from a stack stores instead of exchanging|plain|places.c|s/if (atomic64_try_cmpxchg(&stack->head, &old, (s64)new))/atomic64_set(\&stack->head, (s64)new); if (true)/
a stack's tag stays|plain|places.c|s/((old + LAB_STACK_TAG_ONE) & LAB_STACK_TAG)/(old \& LAB_STACK_TAG)/
a take from a stack tries for ever|plain|places.c|s/} while (--tries);/} while (true);/
a claim too many is not undone|plain|places.c|s/} while (atomic_long_fetch_add(1, count) >= 0 && --tries);/} while (false);/
an undone claim is not tried again|plain|places.c|s/(1, count) >= 0 && --tries/(1, count) >= 0 \&\& false/
a claim takes what is not there|plain|places.c|s/if (atomic_long_fetch_add(-1, count) > 0)/if (atomic_long_fetch_add(-1, count) >= 0)/
a claim looks, then takes|plain|places.c|s/if (atomic_long_fetch_add(-1, count) > 0)/atomic_long_fetch_add(-1, count); if (true)/
a put does not look whether the place is free|plain|places.c|s/if (atomic_read_acquire(entry) != (int)LAB_NIL)/if (false)/
a put allows the claim before the entry is there|plain|places.c|/^bool lab_ring_put/,/^}/{/Release pairs with the claim/,/_release/d;s/atomic_set(entry, (int)index);/atomic_long_fetch_add_release(1, count); &/}
a take from a ring leaves the entry|plain|places.c|s/return (u32)atomic_xchg(\(.*\), (int)LAB_NIL);/return (u32)atomic_read(\1);/
a ring's head moves in two steps|plain|places.c|s/u32 place = (u32)atomic_fetch_add(1, &ring->head);/u32 place = (u32)atomic_read(\&ring->head); atomic_set(\&ring->head, (int)place + 1);/
the summary of the dirty map is cleared after the last look|plain|places.c|/test_and_clear_bit(chunk/,/}/s/index = lab_dirty_scan(.*/index = LAB_NIL;/
a summary found too early is not set again|plain|places.c|/^\t\tif (index != LAB_NIL) {/,/}/s/test_and_set_bit(chunk, dirty->chunk);/;/
a mark looks at the summary before it sets the bit|plain|places.c|/^void lab_dirty_mark/,/^}/{s/^\ttest_and_set_bit(index/\tbool seen = test_bit(chunk, dirty->chunk); &/;s/if (!test_bit(chunk, dirty->chunk))/if (!seen)/}
a mark always sets the first word of the summary|plain|places.c|/^void lab_dirty_mark/,/^}/s/(chunk, dirty->chunk)/(chunk % BITS_PER_LONG, dirty->chunk)/
the worker takes a mark out by a store|plain|places.c|s/test_and_clear_bit(bit, dirty->bit);/WRITE_ONCE(dirty->bit[word], bits \& (bits - 1));/
a mark does not publish what came before it|tsan|places.c|s/test_and_set_bit(index, dirty->bit);/shim_step(); __atomic_fetch_or(\&dirty->bit[index \/ BITS_PER_LONG], BIT(index % BITS_PER_LONG), __ATOMIC_RELAXED);/
an arrow compares, then stores|plain|registry.c|s/return atomic64_try_cmpxchg(&slot->word, &old, (s64)to);/if (atomic64_read(\&slot->word) != old) return false; atomic64_set(\&slot->word, (s64)to); return true;/
an arrow stores|plain|registry.c|s/return atomic64_try_cmpxchg(&slot->word, &old, (s64)to);/return atomic64_xchg(\&slot->word, (s64)to) == old;/
wiping keeps the generation|plain|registry.c|s/lab_word_gen(word) + 1, 0/lab_word_gen(word), 0/
giving back keeps the generation|plain|registry.c|s/lab_word_gen(word) + dirty, 0/lab_word_gen(word), 0/
giving back a clean slot changes the generation|plain|registry.c|s/lab_word_gen(word) + dirty, 0/lab_word_gen(word) + 1, 0/
the generation wraps|plain|registry.c|s/return (word & LAB_GEN_MASK) == LAB_GEN_MASK;/return false;/
own takes a slot that is not READY|plain|registry.c|s/return lab_word_state(from) == LABYRINTH_PAGE_READY &&/return/
free does not ask whose it is|plain|registry.c|/^bool lab_slot_free/,/^}/s/lab_handle_word(handle, owner, LABYRINTH_PAGE_OWNED)/lab_handle_word(handle, lab_word_owner(lab_slot_word(slot)), LABYRINTH_PAGE_OWNED)/
gone works on what has not left|plain|registry.c|/^bool lab_slot_gone/,/^}/s/LABYRINTH_PAGE_LEAVING/LABYRINTH_PAGE_OWNED/
a handle past the table names a slot|plain|registry.c|s/if (index >= reg->slots)/if (index > reg->slots)/
a give compares, then stores|plain|registry.c|/^bool lab_slot_give/,/^}/s/return lab_slot_move(slot,/if (lab_slot_word(slot) != lab_handle_word(handle, owner, LABYRINTH_PAGE_OWNED)) return false; lab_step(); atomic64_set(\&slot->word, (s64)lab_word_given(handle, to)); return true; &/
a give stores|plain|registry.c|/^bool lab_slot_give/,/^}/s/return lab_slot_move(slot,/lab_step(); return atomic64_xchg(\&slot->word, (s64)lab_word_given(handle, to)) == (s64)lab_handle_word(handle, owner, LABYRINTH_PAGE_OWNED); &/
a give keeps the generation|plain|registry.c|s/gen + !lab_last_generation(handle), to/gen, to/
a give wraps the generation|plain|registry.c|s/gen + !lab_last_generation(handle), to/gen + 1, to/
a give leaves it the giver's|plain|registry.c|/^bool lab_slot_give/,/^}/s/lab_word_given(handle, to)/lab_word_given(handle, owner)/
what is given is OWNED at once|plain|registry.c|/^static u64 lab_word_given/,/^}/s/LABYRINTH_PAGE_TRANSIT/LABYRINTH_PAGE_OWNED/
a give does not ask whose it is|plain|registry.c|/^bool lab_slot_give/,/^}/s/lab_handle_word(handle, owner, /lab_handle_word(handle, lab_word_owner(lab_slot_word(slot)), /
pass works on what has not left|plain|registry.c|/^bool lab_slot_pass/,/^}/s/LABYRINTH_PAGE_LEAVING/LABYRINTH_PAGE_OWNED/
a take does not ask whose it is|plain|registry.c|/^bool lab_slot_take/,/^}/s/lab_handle_word(handle, owner, LABYRINTH_PAGE_TRANSIT)/lab_handle_word(handle, lab_word_owner(lab_slot_word(slot)), LABYRINTH_PAGE_TRANSIT)/
a take does not ask for the generation|plain|registry.c|/^bool lab_slot_take/,/^}/s/lab_handle_word(handle, owner, LABYRINTH_PAGE_TRANSIT)/lab_word(lab_word_gen(lab_slot_word(slot)), owner, LABYRINTH_PAGE_TRANSIT)/
a take compares, then stores|plain|registry.c|/^bool lab_slot_take/,/^}/s/return lab_slot_move(slot,/if (lab_slot_word(slot) != lab_handle_word(handle, owner, LABYRINTH_PAGE_TRANSIT)) return false; lab_step(); atomic64_set(\&slot->word, (s64)lab_handle_word(handle, owner, LABYRINTH_PAGE_OWNED)); return true; &/
drop works on what has been taken|plain|registry.c|/^bool lab_slot_drop/,/^}/s/LABYRINTH_PAGE_TRANSIT/LABYRINTH_PAGE_OWNED/
a drop does not ask whose it is|plain|registry.c|/^bool lab_slot_drop/,/^}/s/lab_handle_word(handle, owner, LABYRINTH_PAGE_TRANSIT)/lab_handle_word(handle, lab_word_owner(lab_slot_word(slot)), LABYRINTH_PAGE_TRANSIT)/
a drop compares, then stores|plain|registry.c|/^bool lab_slot_drop/,/^}/s/return lab_slot_move(slot,/if (lab_slot_word(slot) != lab_handle_word(handle, owner, LABYRINTH_PAGE_TRANSIT)) return false; lab_step(); atomic64_set(\&slot->word, (s64)lab_handle_word(handle, owner, LABYRINTH_PAGE_DIRTY)); return true; &/
what is dropped is not wiped|plain|registry.c|/^bool lab_slot_drop/,/^}/s/LABYRINTH_PAGE_DIRTY/LABYRINTH_PAGE_READY/
a queue's ticket is taken in two steps|plain|places.c|s/u32 place = (u32)atomic_fetch_add(1, &queue->tail);/u32 place = (u32)atomic_read(\&queue->tail); atomic_set(\&queue->tail, (int)place + 1);/
a put to a queue comes before its ticket|plain|places.c|/^void lab_queue_put/,/^}/{s/u32 place = .*/u32 place = (u32)atomic_read(\&queue->tail); atomic_set_release(\&queue->entry[place \& queue->mask], (int)index); atomic_fetch_add(1, \&queue->tail);/;s/^\tatomic_set_release(.*$//}
a put to a queue does not publish what came before it|tsan|places.c|s/atomic_set_release(&queue->entry/atomic_set(\&queue->entry/
a look into a queue does not acquire|tsan|places.c|/^u32 lab_queue_peek/,/^}/s/atomic_read_acquire/atomic_read/
a look past the end of a queue goes round|plain|places.c|s/if (ahead > queue->mask)/if (false)/
a look ahead sees what is next|plain|places.c|s/READ_ONCE(queue->head) + ahead/READ_ONCE(queue->head)/
a take from a queue leaves the entry|plain|places.c|/^u32 lab_queue_take/,/^}/s/^\tatomic_set(.*LAB_NIL);/\tatomic_set(\&queue->entry[queue->head \& queue->mask], (int)index);/
a queue's room comes back before the entry is cleared|plain|places.c|/^u32 lab_queue_take/,/^}/{s/^\tatomic_set(.*LAB_NIL);/\tatomic_long_fetch_add_release(1, \&queue->room); &/;s/^\tatomic_long_fetch_add_release(1, &queue->room);$//}
a queue's room comes back without release|tsan|places.c|/^u32 lab_queue_take/,/^}/s/fetch_add_release/fetch_add_relaxed/
a queue's room does not come back|plain|places.c|/^u32 lab_queue_take/,/^}/s/fetch_add_release(1, /fetch_add_release(0, /
an empty queue gives room|plain|places.c|/^u32 lab_queue_take/,/^}/s/if (index == LAB_NIL)/if (index == LAB_NIL \&\& (lab_step(), atomic_long_fetch_add(1, \&queue->room), true))/
a take from an empty queue moves on|plain|places.c|/^u32 lab_queue_take/,/^}/s/if (index == LAB_NIL)/if (index == LAB_NIL \&\& (queue->head++, true))/
a queue has room for all of its entries|plain|places.c|s/atomic_long_set(&queue->room, capacity)/atomic_long_set(\&queue->room, size)/
a queue has room for one too many|plain|places.c|s/atomic_long_set(&queue->room, capacity)/atomic_long_set(\&queue->room, capacity + 1)/
a queue goes round at its capacity|plain|places.c|s/place & queue->mask/place % queue->capacity/;s/queue->head & queue->mask/queue->head % queue->capacity/
a claim tries once more|plain|places.c|s/\(define LAB_CLAIM_TRIES[^0-9]*\)2/\13/
a take from a stack tries once more|plain|places.c|/^u32 lab_stack_take/,/^}/s/while (--tries)/while (tries--)/
a put's steps go untold|plain|places.c|/^void lab_queue_put/,/^}/s/lab_step();//
the buckets are twice as wide|plain|latency_bucket.h|s/fls64(ns) - 4/fls64(ns) - 3/
the last bucket begins too late|plain|latency_bucket.h|s/BIT_ULL(34)/BIT_ULL(35)/
a bucket's floor leaves out what is below its highest bit|plain|latency_bucket.h|s/8ULL + bucket % 8/8ULL/
END
}

# One fault; its answers go to $work/fault/tap. Four tests that fail are enough.
plant() {
	rm -rf "$work/fault"
	mkdir -p "$work/fault/source" "$work/fault/$1"
	cp -p "$module/registry.h" "$module/registry.c" "$module/places.c" \
		"$module/latency_bucket.h" "$work/fault/source"
	cp -p "$work/$1"/*.o "$work/fault/$1"
	sed "$3" "$module/$2" >"$work/fault/source/$2"
	if cmp -s "$module/$2" "$work/fault/source/$2"; then
		echo "  this fault no longer fits $2"
		return 0
	fi
	"$make" -s all BUILD="$work/fault" MODULE="$work/fault/source" \
		WARNINGS= VARIANTS="$1" >"$work/fault/made" || return 0
	if TSAN_OPTIONS=halt_on_error=1 REGISTRY_STOP=4 timeout 300 "$work/fault/$1/registry_test" \
		>"$work/fault/tap" 2>"$work/fault/err"; then
		echo "  not caught"
		return 0
	fi
	sed -n 's/^not ok [0-9]* - /  caught: /p; s/^Bail out! /  &/p' \
		"$work/fault/tap"
	sed -n 's/^WARNING: /  caught: /p' "$work/fault/err"
	return 1
}

"$make" -s all BUILD="$work" MODULE="$module" VARIANTS='plain tsan'
faults | grep -- "${2:-.}" >"$work/list"
while IFS='|' read -r name variant file script; do
	count=$((count + 1)) verdict=ok
	if plant "$variant" "$file" "$script"; then
		missed=$((missed + 1)) verdict="not ok"
	fi
	echo "$verdict $count - $name ($file)"
done <"$work/list"
echo "1..$count"
echo "# $count faults, $missed not caught"
[ "$missed" -eq 0 ]
