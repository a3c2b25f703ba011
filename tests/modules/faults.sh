#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# usage: faults.sh [KERNEL]
#
# Plants one fault after another in copies of the module, and has the tests of
# labyrinth_context run on each, in a VM: whatever is not caught fails. TAP.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
# shellcheck source-path=SCRIPTDIR source=../tap.sh
. tests/tap.sh

kernel=${1:-6.12}
params="slots=8192 reserve_low=512 reserve_high=1024 reserve_emergency=64"

# kernels | what is wrong | tests that must find out | file | perl
faults() {
	cat <<'END'
.*|the page allocator is asked in NMI|buddy|block.c|s/if \(in_nmi\(\)\)\n\t\treturn false;//
-rt|the page allocator is asked with interrupts off|buddy|block.c|s/!IS_ENABLED\(CONFIG_PREEMPT_RT\)/true/
.*|whoever can't sleep may wait|wait|api.c|s/!lab_may_sleep\(\)/false/
.*|what was freed is not wiped|basic|block.c|s/\t\tclear_page\([^;]*;\n//
.*|a giver keeps its handle|basic|inbox.c|s/lab_slot_give\(slot, handle, owner->id, to->id\)/lab_slot_give(slot, handle, owner->id, owner->id)/
.*|a full inbox keeps the charge|refuse|inbox.c|s/\tlab_uncharge_pending\(to, pages\);\n\treturn LABYRINTH_REASON_INBOX/\treturn LABYRINTH_REASON_INBOX/
.*|whoever does not accept is given to|refuse|inbox.c|s/!inbox \|\| !lab_accepts\(to, owner\)/!inbox/
.*|deferred requests are served from the end|defer|defer.c|s/list_add_tail\(&deferred->link, &defer->waiting/list_add(&deferred->link, &defer->waiting/
.*|nobody has a guarantee|guarantee|ladder.c|s/if \(!lab_claim\(&owner->credit\)\)/if (true)/
.*|the emergency part is anybody's|emergency|ladder.c|s/READ_ONCE\(owner->emergency\)\) \{\n\t\t\tgrant->rung/true) {\n\t\t\tgrant->rung/
.*|nobody is told of arrivals|relay|inbox.c|s/irq_work_queue\(&inbox->notify\)/true/
.*|a page is lost on its way|relay|inbox.c|s/(lab_queue_put\(&inbox->queue)/if (slot->tag % 1000 != 999) $1/
.*|a take from a stack stores instead of exchanging|contended|places.c|s/if \(atomic64_try_cmpxchg\(&stack->head, &old, \(s64\)new\)\)/atomic64_set(&stack->head, (s64)new); if (true)/
.*|destroying does not wait for calls under way|destroy|owner.c|s/\tsynchronize_rcu\(\);\n//
.*|the sweep looks at a few slots only|destroy|owner.c|s/for \(i = 0; i < reg->slots; i\+\+\)/for (i = 0; i < 64; i++)/
END
}

sabotage() {
	local dir=$1 file=$2 change=$3

	rm -rf "$dir"
	mkdir -p "$dir"
	cp -r module uapi "$dir" || return
	perl -0pi -e "$change" "$dir/module/$file" || return
	! cmp -s "$dir/module/$file" "module/$file" || { echo "it no longer fits $file"; return 1; }
	make -s -C "$(tests/vm/kernels kdir "$kernel")" M="$dir/module" \
		CONFIG_LABYRINTH_DEBUG=y modules >"$dir/log" 2>&1 || { tail "$dir/log"; return 1; }
}

# run_tests KO TEST...
run_tests() {
	tests/vm/run --kernel "$kernel" --variant debug --params "$params" --timeout 300 --mem 512M --ko "$1" \
		-- tests/modules/context_test.sh "${@:2}"
}

# A test that had begun says "not ok", or does not end, or the guest dies of it.
# Anything else is no answer.
found_out() {
	local dir=$PWD/build/sabotage/context status=0 output tests

	read -ra tests <<<"$1"
	sabotage "$dir" "$2" "$3" || return
	output=$(run_tests "$dir/module/labyrinth.ko" "${tests[@]}" 2>&1) || status=$?
	printf '%s\n' "$output"
	case $status in
	1) grep -q "^not ok" <<<"$output" ;;
	124 | 126) grep -q '^TAP version' <<<"$output" && grep -qE 'not done after|complained|the guest died' <<<"$output" ;;
	*) false ;;
	esac
}

make -s KERNEL="$kernel" VARIANT=debug test-modules || exit 1
mapfile -t all < <(faults | cut -d '|' -f 3 | sort -u)
check "nothing is found where there is no fault" \
	run_tests "build/$kernel/debug/labyrinth.ko" "${all[@]}"
while IFS='|' read -r kernels what tests file change <&3; do
	[[ $kernel =~ $kernels ]] || continue
	check "found out: $what" found_out "$tests" "$file" "$change"
done 3< <(faults)
plan
