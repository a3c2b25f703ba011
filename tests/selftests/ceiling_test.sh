#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the module may take from the system in all: never more than its ceiling, and
# for an unprivileged program never so much that a zone gets below its min watermark.

cd "$(dirname "$0")" || exit 1
# shellcheck source-path=SCRIPTDIR source=ktap.sh
. ./ktap.sh
# shellcheck source-path=SCRIPTDIR source=module.sh
. ./module.sh

module_wanted
trap module_as_it_was EXIT
pages=$(awk '$1 == "MemTotal:" { print int($2 / 4) }' /proc/meminfo)

# greedy WHAT: what it says, as notes. Skipped with a 4.
greedy() {
	local said status

	said=$(./greedy "$1" 2>&1)
	status=$?
	while IFS= read -r line; do note "$line"; done <<<"$said"
	./books settle 0 || status=1
	labyrinth verify >/dev/null || { note "the books do not agree" && status=1; }
	return $status
}

# The reserve is small, for all of it to be under the ceiling.
below_a_ceiling_of() {
	local told

	reload_with ceiling="$1" reserve_high=256 reserve_low=128 slots=65536 || return 1
	told=$(labyrinth -j info | sed -n 's/.*"ceiling": *\([0-9]*\).*/\1/p')
	[ -z "$told" ] || note "ceiling=$1: $told pages of $pages"
	greedy ceiling
}

# A larger reserve than the ceiling has room for is refused, also later.
reserve_above_the_ceiling() {
	local many=$((pages / 50))

	reload_with ceiling=1 reserve_high=256 reserve_low=128 || return 1
	labyrinth reserve set --high $many >/dev/null 2>&1 && { note "high=$many was taken" && return 1; }
	labyrinth reserve set --high 300 >/dev/null
}

plan 5
for percent in 3 20; do
	below_a_ceiling_of $percent
	status=$?
	[ $status -ne 4 ] || { result 0 "ceiling=$percent # SKIP not so much is free" && continue; }
	result $status "with ceiling=$percent exactly so much is taken, and then the reason is the ceiling"
done
reserve_above_the_ceiling
result $? "a reserve above the ceiling is refused"
# As whom: drain, or rt.
drained() {
	local boost what="$1 that takes all it can leaves each zone its min watermark"

	# It is killed, for what the kernel itself needs.
	grep -qw kasan_report /proc/kallsyms &&
		result 0 "$what # SKIP KASAN asks for memory at any time" && return
	# Without what is added to min after fragmentation, which would hide what is below.
	boost=$(</proc/sys/vm/watermark_boost_factor)
	echo 0 >/proc/sys/vm/watermark_boost_factor
	reload_with ceiling=100 slots="$pages" && greedy "$2"
	result $? "$what"
	echo "$boost" >/proc/sys/vm/watermark_boost_factor
}
drained "an unprivileged program" drain
drained "an unprivileged real-time program" rt
finish
