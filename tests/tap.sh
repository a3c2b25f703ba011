# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# TAP for shell tests: check NAME COMMAND..., skip NAME REASON, and plan at the
# end. What a failing command printed follows as comments; check fails with it.

tap_count=0
tap_failed=0

check() {
	local name=$1 output

	shift
	tap_count=$((tap_count + 1))
	if output=$("$@" 2>&1 </dev/null); then
		echo "ok $tap_count $name"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count $name"
		printf '%s\n' "$output" | tail -n 40 | sed 's/^/# /'
		return 1
	fi
}

skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count $1 # SKIP $2"
}

# Prints the plan; its status says whether all passed.
plan() {
	echo "1..$tap_count"
	[ "$tap_failed" = 0 ]
}
