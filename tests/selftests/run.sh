#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# usage: run.sh [TEST]...
#
# Runs the tests that lie beside it, all or those that are named, one after the
# other: as root, with the module loaded and its tool on PATH. After each, the
# books must agree and every page must be back where it was. The tests' own KTAP
# is passed on behind "# ", as kselftest's runner does. Exit status 1 if any
# failed.
#
# LABYRINTH_NO_SKIP: if set, a test that is skipped, or a part of one, has failed.
# To run all of them nothing may be skipped for want of room: load the module with
# slots=131072 on a machine with 1 GiB.

cd "$(dirname "$0")" || exit 1

tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=(*_test *_test_32 *_test.sh)
timeout=$(sed -n 's/^timeout=//p' settings 2>/dev/null)

# What the test left: nothing may be.
check_after() {
	local said

	# reload_test.sh leaves the module as it found it.
	[ -e /sys/module/labyrinth ] || { echo "# the module is gone" && return 1; }
	if ! said=$(labyrinth -j verify 2>&1); then
		echo "# verify: $said"
		return 1
	fi
	if ! said=$(./books settle "$before" 2>&1); then
		echo "# $said"
		return 1
	fi
	if [ "$(./books owners)" -ne "$owners" ]; then
		echo "# $(./books owners) owners are left, there were $owners"
		return 1
	fi
}

run_one() {
	local status said

	echo "# selftests: labyrinth: $1"
	before=$(./books out) && owners=$(./books owners) || return 1
	said=$(mktemp) || return 1
	timeout --foreground "${timeout:-600}" "./$1" 2>&1 | tee "$said" | sed -u 's/^/# /'
	status=${PIPESTATUS[0]}
	[ -z "${LABYRINTH_NO_SKIP-}" ] || ! grep -q '# SKIP' "$said" || status=1
	rm "$said"
	[ "$status" -ne 124 ] || echo "# timed out after ${timeout:-600} seconds"
	check_after || status=1
	return "$status"
}

[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP needs root" && exit 4; }
[ -e /sys/module/labyrinth ] || { echo "1..0 # SKIP the module is not loaded" && exit 4; }

failed=0 number=0
echo "TAP version 13"
echo "1..${#tests[@]}"
for test in "${tests[@]}"; do
	test=${test##*/}
	number=$((number + 1))
	started=$SECONDS
	run_one "$test"
	status=$?
	case $status in
	0) verdict="ok" note="" ;;
	4) verdict="ok" note=" # SKIP" ;;
	*) verdict="not ok" note="" failed=$((failed + 1)) ;;
	esac
	echo "# $((SECONDS - started)) s"
	echo "$verdict $number selftests: labyrinth: $test$note"
done
echo "# $((number - failed)) of $number test programs passed"
[ $failed -eq 0 ]
