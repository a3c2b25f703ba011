#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Suspend to disk would write what owners hold to the disk in clear: it is refused
# while somebody holds a page, with that owner's name in the kernel's log, and while
# it is prepared, nothing is handed out. Memory that has a page of ours is not removed.
#
# Opening /dev/snapshot is how a suspend to disk begins; nothing is written.

cd "$(dirname "$0")" || exit 1
# shellcheck source-path=SCRIPTDIR source=ktap.sh
. ./ktap.sh
# shellcheck source-path=SCRIPTDIR source=module.sh
. ./module.sh

module_wanted
snapshot=/dev/snapshot
memory=/sys/devices/system/memory
work=$(mktemp -d) || exit 1
holder=

# shellcheck disable=SC2317 # called by trap
clean_up() {
	exec 9<&-
	[ -z "$holder" ] || release
	labyrinth owner del selftest.power 2>/dev/null
	module_as_it_was
	rm -rf "$work"
}
trap clean_up EXIT

# hold ARGUMENT...: books in the background, until release.
hold() {
	local tries

	rm -f "$work/hold" "$work/holding"
	mkfifo "$work/hold"
	./books "$@" <"$work/hold" >"$work/holding" &
	holder=$!
	exec 3>"$work/hold"
	for ((tries = 0; tries < 600; tries++)); do
		grep -q holding "$work/holding" && return
		sleep 0.1
	done
	note "books $* says: $(<"$work/holding")"
	return 1
}

release() {
	exec 3>&-
	wait "$holder"
	holder=
	./books settle 0
}

# === Suspend to disk ==========================================================

# What a suspend to disk says at its beginning: "" if it may go on, and then it ends.
prepare() {
	{ exec 9<$snapshot; } 2>"$work/prepare" || { sed 's/.*: //' "$work/prepare" && return; }
	exec 9<&-
}

allowed() {
	local said

	said=$(prepare)
	[ -z "$said" ] && return
	note "$snapshot: $said"
	return 1
}

# refused PATTERN: and the log says why.
refused() {
	log_begin
	[ -n "$(prepare)" ] || { note "it was not refused" && return 1; }
	log_has "labyrinth: .*$1"
}

while_somebody_holds() {
	local status=0

	hold hold 8 || return 1
	refused "books" || status=1
	# Refused, it changed nothing: pages are handed out as before.
	./books closed >/dev/null && { note "the hand-out is closed" && status=1; }
	release || status=1
	return $status
}

while_a_named_owner_holds() {
	local status=0

	./books keep selftest.power 4 || return 1
	refused "selftest\.power" || status=1
	labyrinth owner del selftest.power && ./books settle 0 || status=1
	return $status
}

# Nothing of what was just freed may be in the image either: it is wiped first.
right_after_a_free() {
	local i

	for ((i = 0; i < 5; i++)); do
		hold blocks 9 8 || return 1
		exec 3>&-
		wait "$holder"
		holder=
		allowed || return 1
	done
	./books settle 0
}

closed_while_it_is_prepared() {
	local status=0 said waiter

	exec 9<$snapshot || return 1
	said=$(./books closed) || { note "$said" && status=1; }
	labyrinth verify >/dev/null || status=1
	./books wait 9<&- &
	waiter=$!
	sleep 1
	kill -0 $waiter || { note "who waits had a page" && status=1; }
	exec 9<&-
	wait $waiter || { note "who waited has none" && status=1; }
	./books closed >/dev/null && { note "it is still closed" && status=1; }
	hold hold 8 || status=1
	release || status=1
	return $status
}

# Those who race see nothing but what they may, ESHUTDOWN among it, and it ends.
many_times() {
	local i pids=() status=0

	for i in 1 2; do
		./hammer closing >"$work/hammer.$i" 2>&1 &
		pids+=($!)
	done
	for ((i = 0; i < 100; i++)); do
		prepare >/dev/null
	done
	kill -TERM "${pids[@]}"
	for i in 1 2; do
		wait "${pids[i - 1]}" || { note "$(<"$work/hammer.$i")" && status=1; }
	done
	./books closed >/dev/null && { note "it is still closed" && status=1; }
	./books settle 0 && labyrinth verify >/dev/null || status=1
	return $status
}

never_with_hibernation_0() {
	local status=0

	reload_with hibernation=0 || return 1
	[ "$(<"/sys/module/labyrinth/parameters/hibernation")" = N ] || status=1
	refused "hibernation" || status=1
	./books closed >/dev/null && { note "the hand-out is closed" && status=1; }
	return $status
}

# === Removal of memory ========================================================

# The memory blocks that have a page of the holder's, most pages first.
blocks_held() {
	local size=$((0x$(<$memory/block_size_bytes))) address

	grep '^0x' "$work/holding" | while read -r address; do
		echo $((address / size))
	done | sort | uniq -c | sort -rn | awk '{ print $2 }'
}

offline() {
	timeout 60 bash -c "echo offline >$memory/memory$1/state" 2>"$work/offline"
}

# Each stays, and at least one because we said so, not because the kernel couldn't
# have removed it anyway: else 4. Those are in $ours then. Who is not told to stop
# waits for ever for pages that don't move.
removal_is_refused() {
	local block status=0 tried=0 said

	ours=()
	hold blocks 9 "$1" || return 1
	for block in $(blocks_held | head -n 12); do
		tried=$((tried + 1))
		log_begin
		offline "$block"
		said=$?
		if [ $said -eq 0 ]; then
			note "memory$block was removed, with pages of ours in it"
			status=1
			echo online >$memory/memory"$block"/state
		elif [ $said -eq 124 ]; then
			note "memory$block: its removal does not end"
			status=1
		elif log_since | grep -q "labyrinth: removal of memory"; then
			ours+=("$block")
		else
			note "memory$block: $(sed 's/.*: //' "$work/offline"): $(log_since | tail -n 1)"
		fi
	done
	note "$tried blocks of memory with pages of ours, ${#ours[@]} refused by us"
	labyrinth verify >/dev/null || status=1
	release || status=1
	[ $status -ne 0 ] || [ ${#ours[@]} -gt 0 ] || return 4
	return $status
}

# The control: one of them goes when ours are gone. Its pages come from anywhere,
# the reserve's too, so not each one does.
removal_is_not_refused_without() {
	local block

	for block in "${ours[@]}"; do
		log_begin
		if offline "$block"; then
			echo online >$memory/memory"$block"/state
			note "memory$block went, and came back"
			return
		fi
		note "memory$block: $(log_since | grep -E 'labyrinth|offlin' | tail -n 1)"
	done
	return 1
}

# === The tests ================================================================

plan 9
if [ -c $snapshot ]; then
	allowed
	result $? "suspend to disk is allowed while nobody holds a page"
	while_somebody_holds
	result $? "refused while a file holds pages, and the log names it"
	while_a_named_owner_holds
	result $? "refused while a named owner holds pages, and the log names it"
	right_after_a_free
	result $? "allowed right after a free: it waits until all is wiped"
	closed_while_it_is_prepared
	result $? "while it is prepared every request says that the hand-out is closed"
	many_times
	result $? "prepared many times while users race with it"
	never_with_hibernation_0
	result $? "refused with hibernation=0, and the log says so"
	reload_with
else
	for i in 1 2 3 4 5 6 7; do
		result 0 "suspend to disk # SKIP no $snapshot: this kernel has no suspend to disk"
	done
fi
if [ -e $memory/block_size_bytes ]; then
	free=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
	# Two fifths of what there is, in blocks of 2 MiB.
	removal_is_refused $((free * 2 / 5 / 2048))
	status=$?
	if [ $status -eq 4 ]; then
		result 0 "removal of memory # SKIP the kernel itself refuses all that has pages of ours"
		result 0 "removal of memory # SKIP so there is nothing to compare with"
	else
		result $status "memory that has pages of ours is not removed"
		removal_is_not_refused_without
		result $? "the same memory is removed when they are gone"
	fi
else
	for i in 8 9; do
		result 0 "removal of memory # SKIP no $memory: this kernel removes none"
	done
fi
finish
