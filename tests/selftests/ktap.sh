# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# KTAP for the scripts: plan N, then result STATUS NAME for each; finish exits
# as kselftest does.

ktap_number=0
ktap_failed=0

plan() {
	echo "TAP version 13"
	echo "1..$1"
}

# result STATUS NAME...
result() {
	ktap_status=$1
	shift
	ktap_number=$((ktap_number + 1))
	if [ "$ktap_status" -eq 0 ]; then
		echo "ok $ktap_number $*"
	else
		ktap_failed=$((ktap_failed + 1))
		echo "not ok $ktap_number $*"
	fi
}

note() {
	echo "# $*"
}

skip_all() {
	echo "TAP version 13"
	echo "1..0 # SKIP $*"
	exit 4
}

finish() {
	echo "# Totals: pass:$((ktap_number - ktap_failed)) fail:$ktap_failed xfail:0 xpass:0 skip:0 error:0"
	[ "$ktap_failed" -eq 0 ]
	exit
}
