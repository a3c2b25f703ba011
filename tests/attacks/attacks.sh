#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# usage: attacks.sh [PROGRAM]...
#
# Runs the attacks that lie beside it, all or those that are named, one after the
# other: as root, in a VM, with the module loaded and its tool on PATH. The device
# is open to everybody meanwhile, and there is what the positive controls need: a
# file system that knows O_DIRECT (ATTACKS_DIR), swap (ATTACKS_SWAP), cores, KVM.
# After each, the books must agree. Exit status 1 if any failed.

cd "$(dirname "$0")" || exit 1

programs=("$@")
[ ${#programs[@]} -gt 0 ] || programs=(*_attack)
# A kernel that does not know the option says nothing.
! grep -qw page_poison=1 /proc/cmdline || programs=(poisoned "${programs[@]}")

stop() {
	echo "Bail out! $*"
	exit 1
}

# An ext4 image, as tmpfs has no O_DIRECT. Not mount -o loop, which has the device open
# meanwhile: a kernel may refuse to mount what somebody else can write to.
make_dir() {
	local loop

	modprobe -a loop ext4 || stop "no loop device or no ext4 in this kernel"
	if ! { truncate -s 64M "$work/image" && mkfs.ext4 -q "$work/image" &&
		mkdir "$work/mount" && loop=$(losetup --find --show "$work/image") &&
		mount "$loop" "$work/mount"; }; then
		stop "no file system for O_DIRECT"
	fi
	# Once it is unmounted.
	losetup --detach "$loop"
	chmod 1777 "$work/mount"
	export ATTACKS_DIR=$work/mount
}

# Compressed in memory, but read back like any disk.
make_swap() {
	modprobe zram 2>/dev/null || { echo "# no zram in this kernel" && return; }
	zram=/dev/zram$(</sys/class/zram-control/hot_add)
	if ! { echo 64M >"/sys/block/${zram##*/}/disksize" &&
		mkswap "$zram" >/dev/null && swapon "$zram"; }; then
		stop "cannot swap to $zram"
	fi
	export ATTACKS_SWAP=$zram
}

# Where the CPU has it; and to everybody, so that nobody can try too.
open_kvm() {
	modprobe kvm_amd 2>/dev/null || modprobe kvm_intel 2>/dev/null
	if [ -e /dev/kvm ]; then
		chmod 666 /dev/kvm
	else
		echo "# no KVM here:"
		dmesg | tail -n 2 | sed 's/^/# /'
	fi
}

# shellcheck disable=SC2317 # called by trap
clean_up() {
	chmod "$device_mode" /dev/labyrinth
	echo "$core_pattern" >/proc/sys/kernel/core_pattern
	[ -z "${ATTACKS_SWAP-}" ] || swapoff "$ATTACKS_SWAP"
	[ -z "${ATTACKS_DIR-}" ] || umount "$ATTACKS_DIR"
	rm -rf "$work"
}

# Wiping goes on behind the tests: the books converge.
books_agree() {
	local said

	said=$(labyrinth -j verify 2>&1) || { echo "# verify: $said" && return 1; }
}

[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP needs root" && exit 4; }
[ -e /sys/module/labyrinth ] || { echo "1..0 # SKIP the module is not loaded" && exit 4; }
work=$(mktemp -d)
core_pattern=$(</proc/sys/kernel/core_pattern)
device_mode=$(stat -c %a /dev/labyrinth)
trap clean_up EXIT
chmod 755 "$work"
chmod 666 /dev/labyrinth
echo core >/proc/sys/kernel/core_pattern
make_dir
make_swap
open_kvm

failed=0 number=0
echo "TAP version 13"
echo "1..${#programs[@]}"
for program in "${programs[@]}"; do
	program=${program##*/}
	number=$((number + 1))
	started=$SECONDS
	echo "# attacks: $program"
	timeout --foreground 600 "./$program" 2>&1 | sed -u 's/^/# /'
	status=${PIPESTATUS[0]}
	[ "$status" -ne 124 ] || echo "# timed out after 600 seconds"
	books_agree || status=1
	case $status in
	0) verdict="ok" note="" ;;
	4) verdict="ok" note=" # SKIP" ;;
	*) verdict="not ok" note="" failed=$((failed + 1)) ;;
	esac
	echo "# $((SECONDS - started)) s"
	echo "$verdict $number attacks: $program$note"
done
echo "# $((number - failed)) of $number programs passed"
[ $failed -eq 0 ]
