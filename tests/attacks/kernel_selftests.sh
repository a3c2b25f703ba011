#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# usage: kernel_selftests.sh build|build_pfnmap DIRECTORY
#        DIRECTORY/kernel_selftests_attack
#
# The kernel's own selftests, as far as they apply: mm/memfd_secret, compiled from
# the kernel's source, with a mapped block of Labyrinth's in the place of secret
# memory, and mm/pfnmap, from the newest kernel's source (Linux 6.16 brought it), on
# two blocks. To build needs no root; what it leaves is run like any attack, as root,
# in a VM, with the module loaded.
#
# The controls: the same programs on ordinary memory. memfd_secret then sees its
# contents in vmsplice, process_vm_readv and read. (Its ptrace check takes any word
# that is not zero for a refusal, and so cannot fail: core_attack and others have their
# own.) pfnmap sees that it can be advised on, and grows.

set -euo pipefail

build() {
	local here to=$1 tests

	here=$(dirname "$(readlink -f "$0")")
	tests=$("$here/../vm/kernels" source 6.12)/tools/testing/selftests/mm
	mkdir -p "$to"
	"${CC:-gcc}" -O2 -g -std=gnu11 -I "$here/kernel" -I "$here/../../uapi" \
		-include "$here/kernel/stand_in.h" "$tests/memfd_secret.c" \
		-o "$to/memfd_secret"
	cp "$here/../selftests/ktap.sh" "$to/ktap.sh"
	cp "$0" "$to/kernel_selftests_attack"
}

build_pfnmap() {
	local here to=$1 source flags=(-O2 -g -std=gnu11 -D_GNU_SOURCE=)

	here=$(dirname "$(readlink -f "$0")")
	source=$("$here/../vm/kernels" source mainline)
	flags+=(-isystem "$source/tools/include/uapi" -I "$source/tools/testing/selftests")
	mkdir -p "$to"
	"${CC:-gcc}" "${flags[@]}" -I "$here/../../uapi" -Wl,--wrap=mmap,--wrap=check_vmflag_pfnmap \
		"$source"/tools/testing/selftests/mm/{pfnmap,vm_util}.c "$here/kernel/pfnmap_stand_in.c" \
		-o "$to/pfnmap"
}

# run STAND_IN: what the kernel's test says, into $said, and its status.
run() {
	local status=0

	said=$(STAND_IN=$1 ./memfd_secret 2>&1) || status=$?
	printf '%s\n' "$said" | sed "s/^/# $1: /"
	return "$status"
}

# Five checks, and nothing else than ok.
passes() {
	run "$1" && [ "$(grep -c '^ok ' <<<"$said")" -eq 5 ]
}

gives_itself_away() {
	! run memfd &&
		grep -q '^not ok .*unexpected file IO' <<<"$said" &&
		[ "$(grep -c '^not ok .*vmsplice' <<<"$said")" -eq 2 ] &&
		grep -q '^not ok .*process_vm_read' <<<"$said"
}

# Before 6.5 there is no secret memory unless the kernel's command line asks for it.
check_reference() {
	local status=0

	passes secret || status=$?
	if grep -q SKIP <<<"$said"; then
		result 0 "memfd_secret on secret memory # SKIP this kernel has none"
	else
		result "$status" "memfd_secret on secret memory"
	fi
}

# pfnmap_fails FILE NAME...: of its six checks these fail, and no other.
pfnmap_fails() {
	local failed

	said=$(./pfnmap -- "$1" 2>&1) || :
	printf '%s\n' "$said" | sed "s|^|# $1: |"
	failed=$(sed -n 's/^not ok [0-9]* pfnmap\.//p' <<<"$said")
	[ "$(grep -cE '^(not )?ok ' <<<"$said")" -eq 6 ] && [ "$failed" = "$(printf '%s\n' "${@:2}")" ]
}

check_pfnmap() {
	local file status=0

	if [ ! -e pfnmap ]; then
		result 0 "pfnmap # SKIP make check-full builds it, from the newest kernel's source; pfnmap_attack checks the same"
		return
	fi
	file=$(mktemp)
	truncate -s 8192 "$file"
	pfnmap_fails "$file" madvise_disallowed mremap_expand || status=1
	result $status "control: pfnmap fails on an ordinary file"
	rm "$file"
	# That the child has no mapping is what we want, and no mapping of a device's has.
	status=0
	pfnmap_fails /dev/labyrinth fork || status=1
	result $status "pfnmap on two mapped blocks, but that a child has none of it"
}

case ${1-} in
build | build_pfnmap)
	[ $# -eq 2 ] || { echo "usage: kernel_selftests.sh $1 DIRECTORY" >&2 && exit 1; }
	if [ "$1" = build ]; then build "$2"; else build_pfnmap "$2"; fi
	exit
	;;
esac

cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=../selftests/ktap.sh
. ./ktap.sh

plan "$([ -e pfnmap ] && echo 5 || echo 4)"
status=0
gives_itself_away || status=1
result $status "control: memfd_secret fails on an ordinary memfd"
check_reference
status=0
passes device || status=1
result $status "memfd_secret on a mapped block"
check_pfnmap
finish
