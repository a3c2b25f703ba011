#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# From the interrupt to user space: labyrinth_capture gives, capture_check takes
# and proves that all is there; and with capture_relay between them, which harms
# one page on its way, capture_check finds out. As root, with labyrinth loaded and
# its tool on PATH. KTAP.
#
# CAPTURE_KO is the sample's file (`make samples`), CAPTURE_BIN where the programs
# are, CAPTURE_COUNT how many interrupts.

cd "$(dirname "$0")" || exit 1
# shellcheck source-path=SCRIPTDIR source=../selftests/ktap.sh
. ../selftests/ktap.sh

PATH=$PATH:/usr/sbin:/sbin
root=${LABYRINTH_ROOT:-../..}
ko=${CAPTURE_KO:-$root/build/${LABYRINTH_KERNEL-host}/${LABYRINTH_VARIANT-release}/labyrinth_capture.ko}
bin=${CAPTURE_BIN:-$root/build/tests/capture}
count=${CAPTURE_COUNT:-5000}
work=$(mktemp -d) || exit 1
parameters=/sys/module/labyrinth_capture/parameters

[ "$(id -u)" -eq 0 ] || skip_all "needs root"
[ -e /sys/module/labyrinth ] || skip_all "labyrinth is not loaded"
[ -e "$ko" ] || skip_all "no module: CAPTURE_KO='$ko'"
[ -x "$bin/capture_check" ] || skip_all "no programs: CAPTURE_BIN='$bin'"
command -v labyrinth >/dev/null || skip_all "no labyrinth tool on PATH"

# shellcheck disable=SC2317 # called by trap
clean_up() {
	stop_relay
	[ ! -e "$parameters" ] || rmmod labyrinth_capture
	rm -rf "$work"
}
relay=
trap clean_up EXIT

parameter() { cat "$parameters/$1"; }
show() { sed "s/^/# $1: /" "$work/$1"; }

owner() {
	labyrinth owner add "$@" >/dev/null
}

settled() {
	local said

	said=$(labyrinth -j verify 2>&1) && [ "$(labyrinth -j owners | jq '.owners | length')" -eq 0 ] &&
		[ "$(labyrinth -j pages | jq '.pages | length')" -eq 0 ] && return
	note "left: $said $(labyrinth -j owners) $(labyrinth -j pages)"
	return 1
}

capture() {
	insmod "$ko" "$@" || note "insmod $ko $*: failed"
}

start_relay() {
	"$bin/capture_relay" "$@" >"$work/relay" 2>&1 &
	relay=$!
}

stop_relay() {
	local status

	[ -n "$relay" ] || return 0
	kill -TERM "$relay"
	wait "$relay"
	status=$?
	relay=
	show relay
	return "$status"
}

check() {
	local status

	"$bin/capture_check" "$@" >"$work/check" 2>&1
	status=$?
	show check
	return "$status"
}

# One word of what capture_check printed.
counted() {
	sed -n "s/.*\\b$1: \\([0-9]*\\).*/\\1/p" "$work/check"
}

# === The tests ================================================================

# As in a machine with enough of everything: nothing is dropped.
all_arrive() {
	owner sink --accept any --inbox 4096 && capture to=sink rate_hz=1000 count="$count" &&
		check -t 120 sink && [ "$(counted arrived)" -eq "$count" ] &&
		[ "$(counted dropped)" -eq 0 ]
}

# A reader too slow for its inbox: much is dropped, and both sides know how much.
drops_are_counted_alike() {
	owner sink --accept any --inbox 32 &&
		capture to=sink rate_hz=2000 count="$count" payload=4000 &&
		check -t 120 -b 8 -p 20 sink && [ "$(counted dropped)" -gt 0 ] &&
		[ "$(counted dropped)" -eq "$(counted missing)" ] &&
		[ "$(parameter dropped_inbox_full)" -gt 0 ]
}

# The quota: another reason, counted by itself.
refusals_are_counted_alike() {
	owner sink --accept any --inbox 4096 --quota 16 &&
		capture to=sink rate_hz=2000 count=$((count / 5)) && check -t 120 -b 8 -p 20 sink &&
		[ "$(parameter dropped_refused)" -gt 0 ] && [ "$(parameter dropped_inbox_full)" -eq 0 ]
}

# Who takes nothing, and who does not accept, loses nothing of the system's.
nobody_takes() {
	owner sink && capture to=sink rate_hz=5000 count=200 || return
	for ((i = 0; i < 300 && $(parameter interrupts) < 200; i++)); do
		sleep 0.1
	done
	[ "$(parameter given)" -eq 0 ] && [ "$(parameter dropped_refused)" -eq 200 ] &&
		[ "$(labyrinth -j show sink | jq .used)" -eq 0 ]
}

# Through a second consumer, unharmed: named to named.
relayed() {
	owner front --accept any --inbox 4096 && owner back --accept any --inbox 4096 || return
	start_relay front back "$@"
	capture to=front rate_hz=1000 count=1000 payload=200 && check -t 60 back
}

relayed_unharmed() {
	relayed && stop_relay
}

# found_out HARM: status 1, the checker's own verdict, and the harm was really done.
found_out() {
	local status

	relayed "$1" 500
	status=$?
	stop_relay && [ "$status" -eq 1 ]
}

# Removed while pages are coming in: the source is refused, and nothing is left over.
receiver_goes() {
	owner sink --accept any && capture to=sink rate_hz=5000 || return
	sleep 1
	labyrinth owner del sink || return
	sleep 0.5
	[ "$(parameter given)" -gt 0 ] && [ "$(parameter dropped_refused)" -gt 0 ]
}

unknown_receiver() {
	! insmod "$ko" to=nobody-of-that-name 2>/dev/null && [ ! -e "$parameters" ]
}

pinned() {
	owner sink --accept any && capture to=sink rate_hz=100 &&
		! rmmod labyrinth 2>/dev/null && [ -e /sys/module/labyrinth ]
}

# Given to by its number, or looked for: it is as if it were not there.
module_is_hidden() {
	local id handle said

	owner sink --accept any && owner giver && capture to=sink rate_hz=1 count=1 || return
	id=$(labyrinth -j owners | jq '.owners[] | select(.kind == "kernel").id')
	handle=$(labyrinth alloc -o giver) || return
	said=$(labyrinth give -o giver --to "#$id" "$handle" 2>&1)
	[[ $? -eq 2 && $said == *ESRCH* ]] || { note "given: $said" && return 1; }
	said=$(setpriv --reuid=nobody --regid=nogroup --clear-groups labyrinth show "#$id" 2>&1)
	[[ $? -eq 2 && $said == *ENOENT* ]] || { note "shown: $said" && return 1; }
}

# after STATUS NAME: everything goes, and must have gone.
after() {
	local status=$1 owner

	stop_relay
	if [ -e "$parameters" ]; then
		[ "$status" -eq 0 ] || (cd "$parameters" && grep . ./* | sed 's/^/# /')
		rmmod labyrinth_capture || status=1
	fi
	for owner in $(labyrinth -j owners | jq -r '.owners[].name'); do
		labyrinth owner del "$owner" || status=1
	done
	settled || status=1
	result "$status" "$2"
}

plan 14
all_arrive
after $? "$count interrupts, $count records arrive"
drops_are_counted_alike
after $? "a full inbox: drops are counted alike on both sides"
refusals_are_counted_alike
after $? "a quota: drops are counted alike on both sides"
nobody_takes
after $? "a receiver that accepts from nobody gets nothing"
relayed_unharmed
after $? "passed on from owner to owner, all arrives"
for harm in drop double alter tag swap; do
	found_out $harm
	after $? "one page harmed on its way is found out: $harm"
done
receiver_goes
after $? "the receiver is removed while pages come"
unknown_receiver
after $? "without a receiver the sample is not loaded"
module_is_hidden
after $? "the sample's own owner accepts nothing, and nobody but root sees it"
pinned
after $? "labyrinth stays while the sample is there"
finish
