# SPDX-License-Identifier: GPL-2.0-only
#
# The C preprocessor's output for spin, which can't stand a line marker inside an
# inline: those are replaced by as many empty lines. pan, which spin makes, forgets
# the file: so line 23 of the fourth of `files` is numbered 4023.
BEGIN {
	count = split(files, name, " ")
	for (i = 1; i <= count; i++)
		first["\"" name[i] "\""] = 1000 * i
}
/^# [0-9]+ "/ {
	if ($3 == file && $2 >= line) {
		for (; line < $2; line++)
			print ""
	} else {
		if ($3 in first)
			print "# " first[$3] + $2 " " $3
		file = $3
		line = $2
	}
	next
}
{
	print
	line++
}
