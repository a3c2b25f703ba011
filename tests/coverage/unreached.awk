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

# A function begins in the first column, what has a "(" there; in C++ a class's own
# one indented by one.
function begins_function(line) {
	if (line ~ /^(    )?(if|else|while|for|switch|return|static_assert)[^a-z_]/)
		return 0
	return line ~ /^[A-Za-z_].*\(/ || line ~ /^    [A-Za-z_][A-Za-z_0-9:<>&* ]* [*&]?[A-Za-z_]+\(.*[)a-z] \{$/
}

function read_source(file,    line, n, name) {
	source = file
	delete text
	delete inside
	name = "-"
	for (n = 1; (getline line < file) > 0; n++) {
		if (begins_function(line)) {
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

function goes_on(line) {
	return line ~ /([,(?:=<>+*&|]|return)$/ && line !~ /^([*\/]|case |default:|[a-z_]+:)/
}

# The whole statement that line is of, and in last its last line.
function statement(n,    whole) {
	while (goes_on(text[n - 1]))
		n--
	for (whole = text[n]; goes_on(text[n]); whole = whole " " text[n])
		n++
	last = n
	return whole
}

function has_condition(line) {
	return line ~ /(^|[^A-Za-z_])(if|for|while|switch|case|for_each[a-z_]*)([^A-Za-z_]|$)|_for_each|[?]|&&|[|][|]|WARN_ON/
}

# Where the branch leads that is not taken, if it is sure to: behind a condition whose
# parts each lead there, when they are met. 0 if that is reached.
function leads_to(file, whole, told) {
	if (whole !~ /^(\} )?(else )?if / || whole ~ /&&/ || told ~ /is never false$/)
		return 0
	return ((file "\t" last + 1) in not_reached) ? last + 1 : 0
}

{
	if (source != $1)
		read_source($1)
	shown = $1 ":" $2 " " inside[$2] ": " ($3 == "" ? text[$2] : $3)
	why = "no reason"
	whole = statement($2)
	if (what == "branches" && $3 == "" && !has_condition(whole))
		why = "no condition of ours: what is inlined"
	if (what == "branches" && (aim = leads_to($1, whole, $3)))
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
