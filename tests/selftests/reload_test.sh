#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The module comes and goes: a hundred times while users race with it, and the
# machine is as it was. Bad parameters are refused with a message that names them.
#
# LABYRINTH_KO is the module's file, LABYRINTH_PARAMS its parameters,
# LABYRINTH_LOADS how many times. The module ends up loaded, as it was found.

cd "$(dirname "$0")" || exit 1
# shellcheck source-path=SCRIPTDIR source=ktap.sh
. ./ktap.sh

PATH=$PATH:/usr/sbin:/sbin
ko=${LABYRINTH_KO:-$(modinfo -n labyrinth 2>/dev/null)}
loads=${LABYRINTH_LOADS:-100}
read -ra params <<<"${LABYRINTH_PARAMS-}"
work=$(mktemp -d) || exit 1
hammers=()

[ "$(id -u)" -eq 0 ] || skip_all "needs root"
[ -e "$ko" ] || skip_all "no module: LABYRINTH_KO='$ko'"
command -v labyrinth >/dev/null || skip_all "no labyrinth tool on PATH"

loaded() {
	[ -e /sys/module/labyrinth ]
}

# load [PARAMETER]...: with these behind its own.
load() {
	insmod "$ko" "${params[@]}" "$@" 2>"$work/insmod" || { note "insmod: $(<"$work/insmod")" && return 1; }
}

# While somebody has it open that is EBUSY, or EAGAIN: nothing else may be said.
unload() {
	local said tries

	for ((tries = 0; tries < 3000; tries++)); do
		said=$(rmmod labyrinth 2>&1) && return
		case $said in
		*"in use"* | *"temporarily unavailable"*) ;;
		*) note "rmmod: $said" && return 1 ;;
		esac
		sleep 0.02
	done
	note "rmmod: still in use"
	return 1
}

start_hammers() {
	local i

	for ((i = 0; i < 3; i++)); do
		./hammer >"$work/hammer.$i" 2>&1 &
		hammers+=($!)
	done
}

# Each ends with 0: it got no answer that nobody should get, and it got some.
stop_hammers() {
	local i ok=0

	for i in "${!hammers[@]}"; do
		kill -TERM "${hammers[i]}" 2>/dev/null
		wait "${hammers[i]}" || { note "hammer: exit status $?" && ok=1; }
		sed 's/^[^#]/# &/' "$work/hammer.$i"
	done
	hammers=()
	return $ok
}

# shellcheck disable=SC2317 # called by trap
clean_up() {
	[ ${#hammers[@]} -eq 0 ] || kill -KILL "${hammers[@]}"
	loaded || load
	rm -rf "$work"
}
trap clean_up EXIT

# === Parameters ===============================================================

bad_parameters=(
	slots=0 slots=16777217 slots=-1 slots=many slots= slots=4294967295 slots=4294967296
	reserve_high=0 reserve_high=x
	"reserve_low=65 reserve_high=64"
	"slots=1024 reserve_high=1025"
	"slots=1024 reserve_high=1000 reserve_emergency=25"
	"slots=64 reserve_high=64 cpu_depth=1"
	reserve_low=18446744073709551616 reserve_emergency=-1
	cpu_depth=256 cpu_depth=4294967295 cpu_depth=1.5
	headroom=all headroom=-5
	file_quota=0 file_quota=1k
	ceiling=0 ceiling=101 ceiling=-1 ceiling=50% "ceiling=1 reserve_high=65536 slots=131072"
	hibernation=2 hibernation=maybe
)

# refused PARAMETERS: EINVAL or ERANGE, and the log says which parameter it was.
refused() {
	local mark="labyrinth selftest: $RANDOM$RANDOM: $1" said log name words

	read -ra words <<<"$1"
	echo "$mark" >/dev/kmsg
	if said=$(insmod "$ko" "${words[@]}" 2>&1); then
		note "insmod took it"
		rmmod labyrinth
		return 1
	fi
	case $said in
	*"Invalid parameters"* | *"Invalid argument"* | *"out of range"*) ;;
	*) note "insmod: $said" && return 1 ;;
	esac
	log=$(dmesg | awk -v mark="$mark" 'seen { print } index($0, mark) { seen = 1 }')
	name=${words[0]%%=*}
	grep -q "$name" <<<"$log" && ! loaded && return
	note "the log does not name $name: $log"
	return 1
}

# === What must come back ======================================================

# Free, after everything that may go has gone; those that the CPUs keep at hand
# too, which can be thousands.
free_pages() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	awk '$1 == "nr_free_pages" || $1 == "count:" { sum += $2 } END { print sum }' /proc/zoneinfo
}

# "cache objects objects-in-a-slab" of the caches that a module like this allocates from.
slab_objects() {
	local cache

	for cache in /sys/kernel/slab/*/shrink; do
		[ -L "${cache%/shrink}" ] || echo 1 >"$cache"
	done 2>/dev/null
	awk '$1 ~ /^(kmalloc|vmap_area|pool_workqueue|sock_inode|kernfs)/ { print $1, $2, $5 }' /proc/slabinfo
}

# Less than an object for each load; but counts vary by a whole slab or two.
slabs_came_back() {
	awk -v least="$((loads * 9 / 10 > 90 ? loads * 9 / 10 : 90))" '
		NR == FNR { before[$1] = $2; next }
		$1 in before && $2 - before[$1] >= ($3 > least / 2 ? 2 * $3 : least) {
			printf "# %s: %d objects, %d before\n", $1, $2, before[$1]; bad = 1
		}
		END { exit bad }' "$work/slabs.before" "$work/slabs.after"
}

# Whole slabs come and go, three of them at times; what each load loses is lost
# again in as many loads more.
slabs_came_back_or_never_went() {
	local i

	slabs_came_back && return
	note "as many loads once more, to tell a leak from slabs that come and go"
	mv "$work/slabs.after" "$work/slabs.before"
	for ((i = 0; i < loads; i++)); do
		load && unload || return 1
	done
	slab_objects >"$work/slabs.after"
	slabs_came_back
}

memory_came_back() {
	local after lost

	after=$(free_pages)
	lost=$((before - after))
	note "free pages: $before before, $after after $loads loads"
	# Less than would be lost if each load kept 32 pages: a fraction of the smallest reserve.
	[ $lost -lt $((loads * 32)) ]
}

# === The tests ================================================================

race() {
	local i

	for ((i = 1; i <= loads; i++)); do
		load || return 1
		# Some live long enough to be used, some die at birth.
		[ $((i % 3)) -ne 0 ] || sleep 0.1
		if [ $((i % 10)) -eq 0 ] && ! labyrinth verify >"$work/verify" 2>&1; then
			note "verify: $(<"$work/verify")"
			return 1
		fi
		unload || { note "in load $i" && return 1; }
	done
}

# As the module makes it, where nobody is there to say otherwise; and who says so by
# the udev rule, if that lies beside the module, says it of this device.
device_is_roots() {
	local device mode rule rules

	device=/sys/dev/char/$(stat -c %Hr:%Lr /dev/labyrinth)
	mode=$(stat -c %a:%u:%g /dev/labyrinth)
	if ! pidof systemd-udevd >/dev/null && [ "$mode" != 600:0:0 ]; then
		note "the device is $mode" && return 1
	fi
	rules=$(dirname "$(readlink -f "$ko")")/60-labyrinth.rules
	[ -e "$rules" ] || return 0
	rule=$(grep -v '^#' "$rules")
	note "$mode; $rule"
	grep -qx DEVNAME=labyrinth "$device/uevent" &&
		[ "$rule" = "SUBSYSTEM==\"$(basename "$(readlink -f "$device/subsystem")")\", KERNEL==\"labyrinth\", GROUP=\"labyrinth\", MODE=\"0660\"" ]
}

in_use_stays() {
	local status=0

	mkfifo "$work/hold"
	./books hold 8 <"$work/hold" >"$work/holding" &
	exec 3>"$work/hold"
	for ((i = 0; i < 600; i++)); do
		[ -s "$work/holding" ] && break
		sleep 0.1
	done
	rmmod labyrinth 2>"$work/rmmod" && status=1
	grep -q "in use" "$work/rmmod" || status=1
	[ "$(./books out)" -eq 8 ] || status=1
	exec 3>&-
	wait $! || status=1
	return $status
}

named_owner_goes_too() {
	local status=0

	./books keep selftest.reload 32 || return 1
	unload && load || return 1
	[ "$(./books owners)" -eq 0 ] && ./books settle 0 || status=1
	return $status
}

# loaded_as PARAMETER LOW HIGH: what was not said follows from what was.
loaded_as() {
	local status=0 said

	load "$1" || return 1
	said=$(labyrinth -j reserve | jq -r '.reserve | map("\(.low) \(.high)") | unique | .[]')
	[ "$said" = "$2 $3" ] || { note "$1: low and high are $said" && status=1; }
	unload && return $status
}

# memory.current of a group whose processes are gone. Memory.high has reclaimed what
# can be, and the CPUs give up what they have charged in advance; what still varies
# then is slabs in part.
left_in_group() {
	echo 0 >"$1/memory.high"
	sleep 1
	cat "$1/memory.current"
	echo max >"$1/memory.high"
}

hammer_in_group() {
	local group=$1 pid

	(echo 0 >"$group/cgroup.procs" && exec ./hammer >"$work/hammer.group" 2>&1) &
	pid=$!
	sleep 3
	kill -TERM $pid
	wait $pid || { note "$(<"$work/hammer.group")" && return 1; }
}

# Three users leave no more than one: to within a tenth of a KiB for each of their
# rounds, in one of some looks.
group_comes_back() {
	local group=/sys/fs/cgroup/labyrinth_selftest first second status=1

	echo +memory >/sys/fs/cgroup/cgroup.subtree_control || return 1
	mkdir "$group" || return 1
	if hammer_in_group $group && first=$(left_in_group $group) &&
			hammer_in_group $group && hammer_in_group $group; then
		for ((i = 0; i < 20 && status; i++)); do
			second=$(left_in_group $group)
			[ "$second" -gt $((first + 128 * 1024)) ] || status=0
		done
	fi
	note "memory.current: $first after one user, $second after three"
	rmdir $group
	return $status
}

loaded && { unload || exit 1; }
plan $((${#bad_parameters[@]} + 10))

for p in "${bad_parameters[@]}"; do
	refused "$p"
	result $? "refused with a message that names it: $p"
done

loaded_as reserve_low=100 100 200 && loaded_as reserve_high=100 50 100
result $? "one watermark is taken from the other"

# Once, so that what the first load leaves for good is not counted.
load && unload || exit 1
before=$(free_pages)
slab_objects >"$work/slabs.before"

start_hammers
race
result $? "loaded and unloaded $loads times while users race"
stop_hammers
result $? "the users saw only what they may see"

memory_came_back
result $? "memory comes back"
slab_objects >"$work/slabs.after"
slabs_came_back_or_never_went
result $? "slab objects come back"

load && labyrinth verify >/dev/null
result $? "loaded again, the books agree"
device_is_roots
result $? "the device is root's alone, and the udev rule is of this device"
in_use_stays
result $? "a module in use is not unloaded, and goes on"
named_owner_goes_too
result $? "unloading takes a named owner and its pages along"
group_comes_back
result $? "a control group's memory comes back"

finish
