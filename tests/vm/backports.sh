# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# The newest kernel source that Debian's backports offer, for tests/vm/kernels: from
# the mirror that apt fetches Debian from, with lists of its own, so that the host's
# apt knows nothing of it. Sourced, never run.

mirror_of_debian() {
	local uri

	# shellcheck disable=SC2016 # apt expands it
	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
		'Origin: Debian' 'Label: Debian' 'Component: main' | head -n 1)
	[ -n "$uri" ] || die "apt knows no mirror of Debian to fetch backports from"
	printf '%s\n' "$uri"
}

# backports get|cache ARGUMENT...: apt-get or apt-cache with these lists.
backports() {
	local tool=$1 dir=$cache/apt

	shift
	"apt-$tool" -q -q -o APT::Sandbox::User="$(id -un)" -o Dir::Etc::SourceList="$dir/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$dir/lists" \
		-o Dir::Cache="$dir/cache" "$@"
}

update_backports() {
	local uri

	uri=$(mirror_of_debian) || exit
	mkdir -p "$cache/apt/lists/partial" "$cache/apt/cache/archives/partial"
	printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s stable-backports main\n' \
		"$uri" >"$cache/apt/sources.list"
	backports get update >&2 || die "the list of Debian's backports can't be fetched"
}

find_mainline() {
	local series

	[ ! -e "$cache/mainline" ] || return 0
	update_backports
	series=$(backports cache pkgnames linux-source- | sed -nE 's/^linux-source-([0-9.]+)$/\1/p' |
		sort -V | tail -n 1)
	[ -n "$series" ] || die "Debian's backports have no linux-source"
	printf '%s\n' "$series" >"$cache/mainline"
}

# What was the newest when it was first asked for, until it is forgotten.
mainline_series() {
	[ -e "$cache/mainline" ] || with_lock mainline-series find_mainline || exit
	cat "$cache/mainline"
}

download_source() {
	case $1 in
	6.12)
		lists_wanted
		apt_get download "linux-source-$1" >&2
		;;
	*)
		[ -e "$cache/apt/sources.list" ] || update_backports
		backports get download "linux-source-$1" >&2
		;;
	esac
}

forget_mainline() {
	[ -e "$cache/mainline" ] || return 0
	rm -rf "$cache/source-$(<"$cache/mainline")" "$cache/mainline"
}
