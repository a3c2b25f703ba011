#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# usage: vm_faults.sh [REGEX]
#
# Plants one fault after another in copies of the module: in the VM, vm_fuzz or the
# guest's kernel must find each within the time that it has in `make check`. TAP.
# REGEX: only faults whose line matches. FUZZ_SECONDS: for how long each (45).
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
# shellcheck source=tests/tap.sh
. tests/tap.sh

work=$PWD/build/fuzz-faults-vm
kernel=6.12

# what | file in module/ | sed script | what must be said of it
faults() {
	cat <<'END'
what the caller can't be told of stays taken|ioctl_hold.c|/err = lab_alloc_publish/,/lab_alloc_forget/s/lab_alloc_undo(owner, alloc, handles);/;/|not ok [0-9]+ nothing is held
pages are not wiped|block.c|s/clear_page(addr + i \* PAGE_SIZE);/if (!i \&\& false) clear_page(addr);/|not ok [0-9]+ every process
the end of a range wraps|ioctl_page.c|s/(u64)rw->offset + rw->length/rw->offset + rw->length/|the guest( died|.s kernel complained)
what is freed stays charged|account.c|s/^\t\tlab_uncharge(owner, pages);$/\t\tif (pages > 1) lab_uncharge(owner, pages);/|the books do not agree
where nothing is, something is mapped|mapping.c|s/^\tif (!slot)$/\tif (false)/|the guest( died|.s kernel complained)
END
}

plant() {
	local file=$1 script=$2

	rm -rf "$work"
	mkdir -p "$work"
	cp -r module uapi Makefile tests "$work/"
	sed -i "$script" "$work/module/$file"
	! cmp -s "module/$file" "$work/module/$file" ||
		{ echo "the fault no longer fits $file" && return 1; }
	make -s -C "$work" KERNEL="$kernel" VARIANT=debug module
}

found() {
	local file=$1 script=$2 says=$3 status=0

	plant "$file" "$script" || return
	LABYRINTH_NO_BUILD=1 tests/vm/run --kernel "$kernel" --variant debug --timeout 400 \
		--ko "$work/build/$kernel/debug/module/labyrinth.ko" -- build/fuzz/vm_fuzz \
		>"$work/log" 2>&1 || status=$?
	if [ "$status" = 0 ] || ! grep -aqE "$says" "$work/log"; then
		tail -n 12 "$work/log"
		return 1
	fi
}

echo "TAP version 13"
check "the fuzzer builds" make -s -C tests/fuzz BUILD="$PWD/build/fuzz" guest || exit 1
while IFS='|' read -r what file script says; do
	check "$what" found "$file" "$script" "$says"
	grep -aE '^# programs|complained|died' "$work/log" | cut -c1-150 | sed 's/^\(# \)*/# /'
done < <(faults | grep -E -- "${1:-.}")
rm -rf "$work"
plan
