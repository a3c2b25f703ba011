#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# usage: kernel_selftests.sh build DIRECTORY
#        DIRECTORY/kernel_selftests_attack
#
# The kernel's own selftests, as far as they apply: mm/memfd_secret, compiled from
# the kernel's source, with a mapped block of Labyrinth's in the place of secret
# memory. "build" needs no root; what it leaves is run like any attack, as root, in
# a VM, with the module loaded.
#
# The control: the same program on an ordinary memfd, which gives its contents to
# vmsplice, process_vm_readv and read. (Its ptrace check takes any word that is not
# zero for a refusal, and so cannot fail: core_attack and others have their own.)

set -euo pipefail

build() {
	local here to=$1 tests

	here=$(dirname "$(readlink -f "$0")")
	tests=$("$here/../vm/kernels" source 6.12)/tools/testing/selftests/mm
	mkdir -p "$to"
	"${CC:-gcc}" -O2 -g -std=gnu11 -I "$here/kernel" -I "$here/../../uapi" \
		-include "$here/kernel/stand_in.h" "$tests/memfd_secret.c" \
		-o "$to/memfd_secret"
	# As a file by another name would hide that it is there.
	[ ! -e "$tests/pfnmap.c" ] || touch "$to/pfnmap_is_there"
	cp "$here/../selftests/ktap.sh" "$to/ktap.sh"
	cp "$0" "$to/kernel_selftests_attack"
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

check_pfnmap() {
	local why="Linux 6.16 brought it, Debian's sources for 6.1 and 6.12 lack it; pfnmap_attack checks the same"

	if [ -e pfnmap_is_there ]; then
		result 1 "pfnmap: this kernel's source has it: build it too"
	else
		result 0 "pfnmap # SKIP $why"
	fi
}

case ${1-} in
build)
	[ $# -eq 2 ] || { echo "usage: kernel_selftests.sh build DIRECTORY" >&2 && exit 1; }
	build "$2"
	exit
	;;
esac

cd "$(dirname "$0")"
# shellcheck source-path=SCRIPTDIR source=../selftests/ktap.sh
. ./ktap.sh

plan 4
status=0
gives_itself_away || status=1
result $status "control: memfd_secret fails on an ordinary memfd"
check_reference
status=0
passes device || status=1
result $status "memfd_secret on a mapped block"
check_pfnmap
finish
