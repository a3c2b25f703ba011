#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# labyrinth(8) against the module: every command, what it prints, what it refuses
# and how. TAP. Run as root with the module loaded and `labyrinth` on PATH:
#
#	tests/vm/run --kernel 6.12 -- tests/tool/cli.sh
#
# It adds owners whose names start with "t-", and removes them at the end.
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source-path=SCRIPTDIR source=cli_lib.sh
. "$here/cli_lib.sh"
export LC_ALL=C
unset NO_COLOR

dir=$(mktemp -d)
chmod 755 "$dir"
trap 'cleanup' EXIT
cleanup() {
	local owner
	for owner in t-a t-b t-nobody t-small t-many t-open t-give t-take t-later t-hog t-end t-rev \
		t-hold info; do
		labyrinth owner del "$owner" >/dev/null 2>&1
	done
	rm -rf "$dir"
}

# shellcheck source-path=SCRIPTDIR source=cli_inspect.sh
. "$here/cli_inspect.sh"
# shellcheck source-path=SCRIPTDIR source=cli_pages.sh
. "$here/cli_pages.sh"
# shellcheck source-path=SCRIPTDIR source=cli_data.sh
. "$here/cli_data.sh"
# shellcheck source-path=SCRIPTDIR source=cli_rights.sh
. "$here/cli_rights.sh"
# shellcheck source-path=SCRIPTDIR source=cli_give.sh
. "$here/cli_give.sh"
# shellcheck source-path=SCRIPTDIR source=cli_revoke.sh
. "$here/cli_revoke.sh"
# shellcheck source-path=SCRIPTDIR source=cli_hold.sh
. "$here/cli_hold.sh"
# shellcheck source-path=SCRIPTDIR source=cli_latency.sh
. "$here/cli_latency.sh"

if [ "$(id -u)" != 0 ] || ! labyrinth info >/dev/null; then
	echo "Bail out! needs root, the module, and labyrinth on PATH"
	exit 1
fi
test_info
test_color
test_owners
test_owner_change
test_reserve
test_alloc
test_alloc_limits
test_free
test_show
test_dump
test_round_trips
test_write_modes
test_write_undone
test_write_killed
test_read_refused
test_stdout
test_rights
test_busy
test_accept
test_give
test_give_refused
test_take_data
test_follow
test_follow_end
test_defer
test_give_stats
test_hold
test_hold_signals
test_hold_command
test_hold_named
test_hold_killed
test_hold_thread
test_hold_refused
test_revoke
test_revoke_refused
test_revoke_kernel
test_revoke_held
test_revoke_touched
test_latency
run 0 labyrinth verify
ok "the books agree after all of it"
cleanup
trap - EXIT
finish
