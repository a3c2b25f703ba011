#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# usage: faults.sh [REGEX]
#
# Plants one fault after another in copies of what the fuzzers fuzz: each must be
# found within not much more time than the fuzzer has in `make check`, from its seeds alone.
# TAP. REGEX: only faults whose line matches. FAULT_SECONDS: for how long each (20).
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
# shellcheck source=tests/tap.sh
. tests/tap.sh

out=$PWD/build/fuzz
work=$PWD/build/fuzz-faults
seconds=${FAULT_SECONDS:-20}

# target | what | file | sed script
faults() {
	cat <<'END'
registry|wiping keeps the generation|module/registry.c|s/lab_word_gen(word) + 1, 0/lab_word_gen(word), 0/
registry|own takes a slot that is not READY|module/registry.c|s/return lab_word_state(from) == LABYRINTH_PAGE_READY &&/return/
registry|a give does not ask whose it is|module/registry.c|/^bool lab_slot_give/,/^}/s/lab_handle_word(handle, owner, /lab_handle_word(handle, lab_word_owner(lab_slot_word(slot)), /
registry|a queue has room for one too many|module/places.c|s/atomic_long_set(&queue->room, capacity)/atomic_long_set(\&queue->room, capacity + 1)/
registry|a put does not look whether the place is free|module/places.c|s/if (atomic_read_acquire(entry) != (int)LAB_NIL)/if (false)/
parse|no limit can be said as a number|tool/parse.cc|s/if (\*number == LABYRINTH_UNLIMITED)/if (false)/
parse|a product wraps|tool/parse.cc|s/if (__builtin_mul_overflow(a, b, &result))/if (result = a * b; false)/
parse|a handle has a digit too many|tool/parse.cc|s/word.size() <= 16 ?/word.size() <= 17 ?/
parse|a name has a byte too many|tool/parse.cc|s/word.size() < LABYRINTH_NAME_SIZE/word.size() <= LABYRINTH_NAME_SIZE/
parse|a terminal is sent an escape|tool/text.cc|s/if (c >= ' ' \&\&/if (c >= '\\x1b' \&\&/
decode|a number of another size is read|tool/attr.cc|s/payload->size() != sizeof(T)/payload->size() < sizeof(T)/
decode|an attribute is longer than what holds it|tool/attr.cc|s/ || header.nla_len > bytes.size())/)/
decode|a string has no end|tool/attr.cc|s/::strnlen(text, payload->size())/::strlen(text)/
decode|a bucket beyond the last|tool/decode.cc|s/type <= LABYRINTH_LATENCY_BUCKETS)/type <= LABYRINTH_LATENCY_BUCKETS + 1)/
decode|half a reserve is taken|tool/decode.cc|s/^ *bad = reserve.error();/            (void)reserve.error();/
message|more is read than has come|tool/netlink.cc|s/return offset <= bytes.size() ? bytes.subspan(offset) : Bytes{};/return {bytes.data() + offset, 64};/
message|the end of a dump has no code|tool/netlink.cc|s/if (payload.size() < sizeof(code))/if (false)/
message|any number is an errno|tool/netlink.cc|s/return code < 0 \&\& code >= -most ? -code : EPROTO;/return -code;/
stream|a page that is missing is not missed|tool/stream_layout.cc|s/if (expected < pages)/if (false)/
stream|what is written is not marked whole|tool/stream.cc|s/tag.number += static_cast<std::uint32_t>(draft.handles().size());/tag.number += 1;/
stream|the old is freed before the new is there|tool/stream.cc|s/^    Draft draft(ops, tag);/    if (mode == WriteMode::replace) free_old(ops, before->data, written);\n&/
END
}

# What the fault is in, in a place of its own; all else as it was built before.
plant() {
	local target=$1 file=$2 script=$3

	rm -rf "$work"
	mkdir -p "$work/build"
	cp -rp module tool "$work/"
	cp -p "$out"/*.o "$out/${target}_fuzz" "$work/build/"
	sed -i "$script" "$work/$file"
	! cmp -s "$file" "$work/$file" || { echo "the fault no longer fits $file" && return 1; }
	touch "$work/$file"
	make -s -C tests/fuzz BUILD="$work/build" MODULE="$work/module" TOOL="$work/tool" \
		WARNINGS=-w "$work/build/${target}_fuzz"
}

# It crashes, or hangs: that is what is wanted here.
found() {
	local target=$1 file=$3 script=$4 status=0 dict=()

	plant "$target" "$file" "$script" || return
	[ "$target" != parse ] || dict=(-dict=tests/fuzz/words.dict)
	mkdir "$work/corpus"
	"$work/build/${target}_fuzz" "$work/corpus" "$out/seed/$target" "${dict[@]}" -max_len=2048 \
		-max_total_time="$seconds" -timeout=10 -artifact_prefix="$work/" \
		-print_final_stats=1 >"$work/log" 2>&1 || status=$?
	[ "$status" != 0 ] || { tail -n 5 "$work/log" && return 1; }
	grep -qE 'Test unit written to' "$work/log"
}

echo "TAP version 13"
check "the fuzzers build" make -s -j2 -C tests/fuzz BUILD="$out" || exit 1
rm -rf "$out/seed"
"$out/seeds" "$out/seed"
while IFS='|' read -r target what file script; do
	check "$target: $what" found "$target" "$what" "$file" "$script"
	sed -n 's/^stat::number_of_executed_units: */# found after inputs: /p' "$work/log"
done < <(faults | grep -E -- "${1:-.}")
rm -rf "$work"
plan
