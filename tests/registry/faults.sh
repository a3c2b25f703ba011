#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Plants one fault after another in copies of the registry's sources, and has the
# tests run on each: whatever is not caught fails. Needs a directory to work in.
set -eu

work=$1
module=${MODULE:-../../module}
make=${MAKE:-make}
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
a put allows the claim before the entry is there|plain|places.c|/Release pairs with the claim/,/_release/d;s/atomic_set(entry, (int)index);/atomic_long_fetch_add_release(1, count); &/
a take from a ring leaves the entry|plain|places.c|s/return (u32)atomic_xchg(\(.*\), (int)LAB_NIL);/return (u32)atomic_read(\1);/
a ring's head moves in two steps|plain|places.c|s/u32 place = (u32)atomic_fetch_add(1, &ring->head);/u32 place = (u32)atomic_read(\&ring->head); atomic_set(\&ring->head, (int)place + 1);/
the summary of the dirty map is cleared after the last look|plain|places.c|/test_and_clear_bit(chunk/,/}/s/index = lab_dirty_scan(.*/index = LAB_NIL;/
a summary found too early is not set again|plain|places.c|/^\t\tif (index != LAB_NIL) {/,/}/s/test_and_set_bit(chunk, dirty->chunk);/;/
a mark looks at the summary before it sets the bit|plain|places.c|s/^\ttest_and_set_bit(index/\tbool seen = test_bit(chunk, dirty->chunk); &/;s/if (!test_bit(chunk, dirty->chunk))/if (!seen)/
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
a handle past the table names a slot|plain|registry.c|s/return index < reg->slots/return index <= reg->slots/
END
}

# One fault; its answers go to $work/fault/*.tap.
plant() {
	rm -rf "$work/fault"
	mkdir -p "$work/fault/source" "$work/fault/$1"
	cp -p "$module/registry.h" "$module/registry.c" "$module/places.c" \
		"$work/fault/source"
	cp -p "$work/$1"/*.o "$work/fault/$1"
	sed "$3" "$module/$2" >"$work/fault/source/$2"
	if cmp -s "$module/$2" "$work/fault/source/$2"; then
		echo "  this fault no longer fits $2"
		return 0
	fi
	"$make" -s all BUILD="$work/fault" MODULE="$work/fault/source" \
		WARNINGS= VARIANTS="$1" >"$work/fault/made" || return 0
	if TSAN_OPTIONS=halt_on_error=1 timeout 300 "$work/fault/$1/registry_test" \
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
	echo "$name ($file)"
	if plant "$variant" "$file" "$script"; then
		missed=$((missed + 1))
	fi
done <"$work/list"
echo "$(wc -l <"$work/list") faults, $missed not caught"
[ "$missed" -eq 0 ]
