# SPDX-License-Identifier: GPL-2.0-only
#
# For tests/coverage/unreached: names each line's function, finds its reason.

BEGIN {
	while (lines != "" && (getline line < lines) > 0)
		not_reached[line] = 1
	while ((getline line < reasons) > 0) {
		if (line ~ /^(#|$)/)
			continue
		split(line, part, "\t")
		pattern[++known] = part[1]
		reason[known] = part[2]
	}
}

# A function begins in the first column, in C and in C++: what has a "(" there.
function read_source(file,    line, n, name) {
	source = file
	delete text
	delete inside
	name = "-"
	for (n = 1; (getline line < file) > 0; n++) {
		if (line ~ /^[A-Za-z_].*\(/ && line !~ /^(if|while|for|switch|return|static_assert)/) {
			name = line
			sub(/\(.*/, "", name)
			sub(/.*[ *&:]/, "", name)
		}
		sub(/^[ \t]+/, "", line)
		text[n] = line
		inside[n] = name
	}
	close(file)
}

function has_condition(line) {
	return line ~ /(^|[^A-Za-z_])(if|for|while|switch|case|for_each[a-z_]*)([^A-Za-z_]|$)|_for_each|[?]|&&|[|][|]|WARN_ON/
}

# Where a condition leads if it is met: behind its last line. 0 if that is reached.
function leads_to(file, n) {
	while (text[n] ~ /([|][|]|&&|[,(?:])$/)
		n++
	return ((file "\t" n + 1) in not_reached) ? n + 1 : 0
}

{
	if (source != $1)
		read_source($1)
	shown = $1 ":" $2 " " inside[$2] ": " ($3 == "" ? text[$2] : $3)
	why = "no reason"
	if (what == "branches" && $3 == "" && !has_condition(text[$2]))
		why = "no condition of ours: an exception's way out, or what is inlined"
	if (what == "branches" && (aim = leads_to($1, $2)))
		why = "leads to line " aim ", which is not reached"
	for (i = 1; i <= known && why == "no reason"; i++)
		if (shown ~ pattern[i]) {
			why = reason[i]
			used[i] = 1
			break
		}
	without += why == "no reason"
	print shown " | " why
}

END {
	for (i = 1; i <= known; i++)
		if (!used[i])
			print "reached, so it needs no reason: " pattern[i] > "/dev/stderr"
	printf "%d lines %s, %d of them without a reason\n", NR,
		what == "lines" ? "not reached" : "not left by each way", without
}
