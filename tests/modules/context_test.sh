#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# usage: context_test.sh [TEST]...
#
# Loads labyrinth_context and has it run its tests, all or those that are named;
# after each, the books must agree, all its owners must be gone, and no call may
# have taken more steps than its bound. As root, with labyrinth loaded (the debug
# build: it counts steps) and its tool on PATH. KTAP.
#
# LABYRINTH_CONTEXT_KO is the module's file (`make test-modules`),
# LABYRINTH_CONTEXT_PARAMS more of its parameters.

cd "$(dirname "$0")" || exit 1
# shellcheck source-path=SCRIPTDIR source=../selftests/ktap.sh
. ../selftests/ktap.sh

PATH=$PATH:/usr/sbin:/sbin
built=${LABYRINTH_ROOT:-../..}/build/${LABYRINTH_KERNEL-host}/${LABYRINTH_VARIANT-debug}
ko=${LABYRINTH_CONTEXT_KO:-$built/tests-modules/labyrinth_context.ko}
read -ra params <<<"${LABYRINTH_CONTEXT_PARAMS-}"
debugfs=/sys/kernel/debug
context=$debugfs/labyrinth_context
steps=$debugfs/labyrinth/steps

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

[ "$(id -u)" -eq 0 ] || skip_all "needs root"
[ -e /sys/module/labyrinth ] || skip_all "labyrinth is not loaded"
[ -e "$ko" ] || skip_all "no module: LABYRINTH_CONTEXT_KO='$ko'"
command -v labyrinth >/dev/null || skip_all "no labyrinth tool on PATH"

reserve() {
	labyrinth -j reserve | jq -er "[.reserve[] | .[\"$1\"]] | add"
}

# Every test begins with a full reserve: of what is declared, and nothing less.
reserve_is_full() {
	local high tries

	high=$(reserve high) || return
	for ((tries = 0; tries < 600; tries++)); do
		[ "$(reserve available)" -lt "$high" ] || return 0
		sleep 0.1
	done
	note "the reserve is not full: $(labyrinth -j reserve)"
	return 1
}

books_agree() {
	local said

	said=$(labyrinth -j verify 2>&1) || { note "verify: $said" && return 1; }
	said=$(labyrinth -j owners | jq -r '.owners[].name' | tr '\n' ' ')
	[ -z "$said" ] || { note "owners are left: $said" && return 1; }
	[ "$(labyrinth -j pages | jq '.pages | length')" -eq 0 ] && return
	note "pages are left: $(labyrinth -j pages)"
	return 1
}

# "alloc 17 bound 36", and so on: counted since labyrinth was loaded. With all tests
# there were calls of each kind.
steps_are_bounded() {
	sed 's/^/# steps: /' $steps
	[ "$(wc -l <$steps)" -ge 5 ] &&
		awk -v least="$least" 'NF != 4 || $2 > $4 || $2 < least { bad = 1 }
			END { exit bad }' $steps
}

ask() {
	echo "$1" >$context/run
}

# Its own lines, numbered; and the frame around it.
run_test() {
	local line began=$SECONDS

	reserve_is_full
	result $? "$1: begins with a full reserve"
	ask "$1"
	result $? "$1: runs"
	while IFS= read -r line; do
		case $line in
		"ok "*) result 0 "${line#ok }" ;;
		"not ok "*) result 1 "${line#not ok }" ;;
		*) echo "$line" ;;
		esac
	done <$context/log
	books_agree
	result $? "$1: the books agree, no owner and no page is left"
	note "$((SECONDS - began)) s"
}

pinned() {
	local said

	said=$(rmmod labyrinth 2>&1) && return 1
	case $said in *"in use by: labyrinth_context"*) return 0 ;; esac
	note "rmmod: $said"
	return 1
}

# A histogram each, which adds up: an NMI in the middle of another's entry loses nothing.
# With all tests there were calls in each context.
latency_is_recorded() {
	labyrinth -j stats --latency >"$work/latency" || return
	note "$(jq -r '.latency[] | "\(.context) \(.rung): \(.count), longest \(."longest-ns") ns"' \
		"$work/latency" | paste -sd ';')"
	jq -e 'all(.latency[]; (.bucket | map(.count) | add) == .count)' "$work/latency" >/dev/null &&
		[ "$(jq '[.latency[].context] | unique | length' "$work/latency")" -ge \
			$((least ? 4 : 1)) ]
}

# Only what every module from outside the kernel's tree brings: out of tree, unsigned.
taint_is_small() {
	[ $(($(</proc/sys/kernel/tainted) & ~(1 << 12 | 1 << 13))) -eq 0 ]
}

echo "TAP version 13"
# Switched where nothing allocates: an emulated CPU may not survive patched code.
labyrinth stats set --latency on --reset
result $? "the latency of allocations is recorded"
insmod "$ko" reserve="$(reserve low)" emergency="$(reserve emergency)" "${params[@]}"
result $? "labyrinth_context is loaded"
[ -e $context/run ] || finish
pinned
result $? "labyrinth stays while labyrinth_context is there"

tests=("$@") least=0
[ ${#tests[@]} -gt 0 ] || { mapfile -t tests <$context/tests && least=1; }
for test in "${tests[@]}"; do
	run_test "$test"
done

if [ -e $steps ]; then
	steps_are_bounded
	result $? "no call took more steps than its bound"
else
	result 1 "steps are counted: no $steps (not a debug build?)"
fi
latency_is_recorded
result $? "each context has its latency on record"
[ "$(awk '$1 == "oom_kill" { print $2 }' /proc/vmstat)" -eq 0 ]
result $? "the OOM killer has killed nobody"
rmmod labyrinth_context
result $? "labyrinth_context is unloaded"
books_agree
result $? "the books agree when it is gone"
labyrinth stats set --latency off
result $? "the latency of allocations is recorded no more"
taint_is_small
result $? "the kernel is tainted by modules from outside, and by nothing else"
echo "1..$ktap_number"
finish
