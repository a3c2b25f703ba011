# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# For tests/coverage/run: the module's lines and branches, by gcov. Twice: as the
# guests load it, and with the KUnit suites built in, which run whenever it is loaded.
#
# The compiler's branches, not those of the source: what a macro stands for has some of
# its own. But each of a function's is there once, and not for each of its callers.

gcov_flags='CONFIG_LABYRINTH_DEBUG=y GCOV_PROFILE=y KASAN_SANITIZE=n UBSAN_SANITIZE=n KCFLAGS=-fno-early-inlining'

# Copies and not links: gcov names the source as the compiler saw it.
module_build() {
	local kdir tree

	kdir=$(tests/vm/kernels kdir "$kernel") || stop "no kernel"
	for tree in "$work/tree" "$work/kunit"; do
		mkdir -p "$tree"
		cp -r module uapi "$tree"
	done
	# shellcheck disable=SC2086
	quietly make -s -C "$kdir" M="$work/tree/module" $gcov_flags modules
	# shellcheck disable=SC2086
	quietly make -s -C "$kdir" M="$work/kunit/module" $gcov_flags \
		CONFIG_LABYRINTH_KUNIT_TEST=y modules
}

# The counts lie beside the objects, from which they tell nothing of earlier stages.
module_collect() {
	local tree=$work/tree

	[ "$1" != kunit ] || tree=$work/kunit
	[ -n "$(find "$tree/module" -name '*.gcda' -print -quit)" ] ||
		stop "stage $1 has no counts of the module; see $work/$1.log"
	gcovr --root "$tree" --filter "$tree/module/" --exclude '.*/module/kunit/.*' \
		--gcov-ignore-parse-errors --json "$work/json/$1.json" "$tree/module" \
		>"$work/$1.gcovr" 2>&1 || {
		cat "$work/$1.gcovr" >&2
		stop "gcovr failed after stage $1"
	}
	find "$tree/module" -name '*.gcda' -delete
}

module_report() {
	gcovr --root "$work/tree" -a "$work/json/*.json" --json "$work/module.json" --print-summary ||
		stop "gcovr: no report of the module"
}

# module_missing lines|branches: FILE and LINE, a tab between them.
module_missing() {
	jq -r --arg what "$1" '.files[] | .file as $file | .lines[] |
		select(.["gcovr/noncode"] or .["gcovr/excluded"] | not) |
		select(if $what == "lines" then .count == 0
			else .count > 0 and any(.branches[]; .count == 0) end) |
		"\($file)\t\(.line_number)"' "$work/module.json"
}
