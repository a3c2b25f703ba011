# SPDX-License-Identifier: GPL-2.0-only
#
# The C preprocessor's output for spin, which can't stand a line marker inside an
# inline: those are replaced by as many empty lines.
/^# [0-9]+ "/ {
	if ($3 == file && $2 >= line) {
		for (; line < $2; line++)
			print ""
	} else {
		if ($3 ~ /\.pml"$/)
			print "# " $2 " " $3
		file = $3
		line = $2
	}
	next
}
{
	print
	line++
}
