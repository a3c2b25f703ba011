# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# For tests/coverage/run: the tool's lines and branches, by clang, whose branches are
# the conditions that stand in the source. gcov's are the compiler's, in C++ mostly the
# ways that exceptions take.

# Counts of all runs of a program add up in one file, there.
tool_counted="-O1 -g -fcoverage-mapping -fprofile-instr-generate=$work/raw/%1m.profraw"

# in_tool DIR NAME [TARGET]: with counters.
in_tool() {
	make -s -j2 -C "$work/tree/$1" BUILD="$work/tree/build/$2" CXX=clang++ CXXFLAGS="$tool_counted" "${@:3}"
}

tool_build() {
	mkdir -p "$work/tree/tests" "$work/raw" "$work/profile"
	cp -r tool "$work/tree"
	cp -r tests/tool "$work/tree/tests"
	quietly in_tool tool tool all
	quietly in_tool tests/tool unit all
}

tool_collect() {
	local raw

	mapfile -t raw < <(find "$work/raw" -name '*.profraw')
	[ ${#raw[@]} -gt 0 ] || stop "stage $1 has no counts of the tool; see $work/$1.log"
	llvm-profdata merge -o "$work/profile/$1" "${raw[@]}" || stop "llvm-profdata failed after stage $1"
	rm "${raw[@]}"
}

tool_export() {
	llvm-cov export "$@" -instr-profile="$work/tool.profdata" "$work/tree/build/tool/labyrinth" \
		-object "$work/tree/build/unit/unit" "$work/tree/tool"
}

# What the two programs have of the same source counts as one: a line for each
# condition, FILE LINE COLUMN LINE COLUMN TRUE FALSE, and for each line, FILE LINE COUNT.
tool_report() {
	llvm-profdata merge -o "$work/tool.profdata" "$work/profile/"* || stop "no counts of the tool"
	tool_export -format=lcov | awk -v tree="$work/tree/" -F '[:,]' '
		/^SF:/ { file = substr($2, length(tree) + 1) }
		/^DA:/ { print file "\t" $2 "\t" $3 }' >"$work/tool.counts"
	tool_export -format=text | jq -r --arg tree "$work/tree/" '.data[0].files[] |
		(.filename | ltrimstr($tree)) as $file | .branches[] | [$file] + .[0:6] | @tsv' |
		awk 'BEGIN { FS = OFS = "\t" }
			{ key = $1 OFS $2 OFS $3 OFS $4 OFS $5; yes[key] += $6; no[key] += $7 }
			END { for (key in yes) print key, yes[key], no[key] }' |
		sort -t $'\t' -k 1,1 -k 2,2n -k 3,3n >"$work/tool.conditions"
	if [ ! -s "$work/tool.counts" ] || [ ! -s "$work/tool.conditions" ]; then
		stop "llvm-cov: no report of the tool"
	fi
	awk -F '\t' 'function share(what, n, all) {
			printf "%s: %.1f%% (%d out of %d)\n", what, 100 * n / all, n, all
		}
		NF == 3 { lines++; reached += $3 > 0 }
		NF == 7 { ways += 2; taken += ($6 > 0) + ($7 > 0) }
		END { share("lines", reached, lines); share("branches", taken, ways) }' \
		"$work/tool.counts" "$work/tool.conditions"
}

# tool_missing lines|branches: FILE, LINE and, of a branch, what has never been, with
# tabs between them. Of a line that was not reached, no branch is told.
tool_missing() {
	if [ "$1" = lines ]; then
		awk -F '\t' '$3 == 0 { print $1 "\t" $2 }' "$work/tool.counts"
		return
	fi
	awk -F '\t' -v tree="$work/tree/" '
	function read_source(file,    line, n) {
		source = file
		for (n = 1; (getline line < (tree file)) > 0; n++)
			text[n] = line
		close(tree file)
	}

	NF == 3 { reached[$1, $2] = $3; next }
	($6 && $7) || !reached[$1, $2] { next }
	{
		if (source != $1)
			read_source($1)
		condition = $2 == $4 ? substr(text[$2], $3, $5 - $3) : substr(text[$2], $3) " ..."
		# No condition: the loop is left otherwise.
		if (condition == "true")
			next
		never = $6 ? "false" : $7 ? "true" : "asked"
		print $1 "\t" $2 "\t`" condition "` is never " never
	}' "$work/tool.counts" "$work/tool.conditions"
}
