# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the scripts of this directory share: the names of the kernels, the cache,
# and how errors are said. Sourced, never run.

# Every kernel that can be asked for, in the order in which lists print them.
KERNELS_ALL=(6.1 6.1-cloud 6.1-rt 6.12 6.12-cloud 6.12-rt debug debug-rt kcsan mainline)

# The exit status of a script's own errors; tests/vm/run sets 125.
DIE_STATUS=${DIE_STATUS:-1}

say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	say "$@"
	exit "$DIE_STATUS"
}

# A name that the user gave, or an error that names it and what there is.
check_kernel() {
	local k

	for k in "${KERNELS_ALL[@]}"; do
		[ "$k" = "$1" ] && return 0
	done
	die "unknown kernel '$1'; known: ${KERNELS_ALL[*]}"
}

# How the guest reaches the host's files: Debian's cloud kernels have no 9p, and
# virtiofs needs a daemon that needs root, so it serves only where 9p is missing.
share_of() {
	case $1 in
	*-cloud) echo virtiofs ;;
	*) echo 9p ;;
	esac
}

# make(1) can't have blanks in a path, and the cache is a KDIR.
cache_dir() {
	local dir=${XDG_CACHE_HOME:-${HOME:?neither XDG_CACHE_HOME nor HOME is set}/.cache}/labyrinth

	case $dir in
	*[[:space:]:]*) die "the cache's path '$dir' has a blank or a colon in it; set XDG_CACHE_HOME" ;;
	/*) printf '%s\n' "$dir" ;;
	*) die "the cache's path '$dir' is not absolute; set XDG_CACHE_HOME" ;;
	esac
}

# need COMMAND PACKAGE: an error that says what to install.
need() {
	command -v "$1" >/dev/null || die "$1 is missing: install the package $2"
}
