#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# usage: faults.sh [REGEX]
#
# Plants one fault after another in error paths of a copy of the module: the sweep of
# the call in question, or the guest's kernel, must find each on the debug kernel.
# Without a fault the same sweeps pass, or it proves nothing. TAP. REGEX: only faults
# whose line matches.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
# shellcheck source=tests/tap.sh
. tests/tap.sh

work=$PWD/build/failnth-faults
out=$work/build/debug/debug

# what | file in module/ | sed script | the call | what must be said of it
faults() {
	cat <<'END'
memory stays behind|inbox.c|/if (lab_queue_init/,/return NULL/s/kfree(inbox);/;/|ACCEPT|leak: .*unreferenced object
a charge stays behind|ioctl_hold.c|/^static int lab_alloc_rest/,/^}/s/if (err)$/if (err \&\& err != -ENOMEM)/|ALLOC, blocks|and yet it has changed this
a place in the inbox stays kept|defer.c|s/lab_inbox_unclaim(lab_inbox(owner), count\( - i\)\?);/;/|ALLOC, defer|and yet it has changed this
blocks of a batch that is refused stay taken|ioctl_hold.c|/^	if (err) {$/,/lab_alloc_fail/s/lab_alloc_undo(owner, alloc, handles);/;/|ALLOC, blocks|and yet it has changed this
half of a change stays done|netlink_set.c|s/lab_guarantee_set(owner, before);/;/|OWNER_SET, all|and yet it has changed this
failing is told as something else|verify.c|s/int err = -ENOMEM;/int err = -EINVAL;/|VERIFY|Invalid argument for a .* that failed, which is not documented
failing is not told|inbox.c|/if (!\*inbox)/,/return/s/-ENOMEM/0/|ACCEPT|it says that it has been made
what there is no memory for is used|thread.c|/kzalloc/,/return/s/if (!thread)/if (false)/|of the thread|the guest( died|.s kernel complained)
END
}

build() {
	make -s -C "$work" KERNEL=debug VARIANT=debug "$1" && [ -e "$out/labyrinth_capture.ko" ]
}

copy() {
	rm -rf "$work"
	mkdir -p "$work" && cp -r module uapi Makefile tests "$work/" && build samples
}

# sweeps NAME...: its status; what it says is in the log.
sweeps() {
	LABYRINTH_NO_BUILD=1 LABYRINTH_KO=$out/labyrinth.ko tests/failnth/run "$@" >"$work/log" 2>&1
}

pass() {
	sweeps "$@" && return
	tail -n 20 "$work/log"
	return 1
}

found() {
	local file=$1 script=$2 call=$3 says=$4 status=0

	sed -i "$script" "$work/module/$file"
	! cmp -s "module/$file" "$work/module/$file" ||
		{ echo "the fault no longer fits $file" && return 1; }
	build module || return
	sweeps "$call" || status=$?
	[ "$status" != 0 ] && grep -aqE "$says" "$work/log" && return
	echo "status $status, and not with /$says/:"
	tail -n 20 "$work/log"
	return 1
}

chosen() { faults | grep -E -- "${1:-.}"; }

echo "TAP version 13"
check "the sweep builds" make -s -C tests/failnth BUILD="$PWD/build/failnth"
check "the module builds" copy
mapfile -t calls < <(chosen "$@" | cut -d'|' -f4 | sort -u)
check "without a fault all of these pass: $(printf '%s; ' "${calls[@]}")" pass "${calls[@]}"
while IFS='|' read -r what file script call says; do
	check "$what: $call" found "$file" "$script" "$call" "$says"
	grep -aE '^# .*, allocation|kernel complained|guest died' "$work/log" | head -n 2 | cut -c1-150 | sed 's/^\(# \)*/# /'
	cp "module/$file" "$work/module/$file"
done < <(chosen "$@")
rm -rf "$work"
plan
