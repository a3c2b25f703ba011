#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The books are what every other test trusts: each of them is made wrong in turn,
# and verify must name it, and no other. Needs the debug build of the module.

cd "$(dirname "$0")" || exit 1
# shellcheck source-path=SCRIPTDIR source=ktap.sh
. ./ktap.sh

corrupt=/sys/kernel/debug/labyrinth/corrupt
books="words stacks rings dirty owners index charges taken inboxes frames references"

[ "$(id -u)" -eq 0 ] || skip_all "needs root"
[ -e $corrupt ] || skip_all "no $corrupt: not a debug build of the module"
command -v labyrinth >/dev/null || skip_all "no labyrinth tool on PATH"

# refused TEXT ERROR: it can't be made wrong. tee tells why, the shell's echo does not.
refused() {
	said=$(echo "$1" | LC_ALL=C tee $corrupt 2>&1 >/dev/null)
	case $said in *"$2"*) return 0 ;; esac
	note "said: $said"
	return 1
}

plan 28
refused inboxes "No data available"
result $? "a book in which there is nothing can't be made wrong"

# All but the first slots and owners are alike: one with pages and an inbox must
# be there.
mkfifo "/tmp/verify_test.$$" || exit 1
./books hold 16 <"/tmp/verify_test.$$" >/dev/null &
holder=$!
exec 3>"/tmp/verify_test.$$"
trap 'echo none >$corrupt; exec 3>&-; wait $holder; rm -f "/tmp/verify_test.$$"' EXIT
tries=600
while [ "$(./books out)" -lt 16 ] && [ $tries -gt 0 ]; do
	tries=$((tries - 1))
	sleep 0.1
done

# named BOOK: verify exits with 2 and names BOOK and nothing else.
named() {
	said=$(labyrinth -j verify 2>/dev/null)
	status=$?
	found=$(printf '%s\n' "$said" | sed -n 's/.*"book": *"\([^"]*\)".*/\1/p')
	[ $status -eq 2 ] && [ "$found" = "$1" ] && return
	note "exit status $status, said: $said"
	return 1
}

agrees() {
	said=$(labyrinth -j verify) && case $said in *'"book"'*) false ;; esac && return
	note "said: $said"
	return 1
}

# Once wrong, once mended, for each book; and the frame around it.
agrees
result $? "the books agree before anything is made wrong"
for book in $books; do
	echo "$book" >$corrupt && named "$book"
	result $? "verify names the book '$book' when it is wrong"
	echo none >$corrupt && agrees
	result $? "verify agrees when the book '$book' is mended"
done

# One after the other without mending: the one before is mended first.
echo words >$corrupt && echo taken >$corrupt && named taken && echo none >$corrupt && agrees
result $? "one book is wrong at a time"

refused nonsense "Invalid argument"
result $? "an unknown book is refused"
refused words-and-stacks-and-rings-and-all "Invalid argument"
result $? "a text that no book has is refused"
agrees
result $? "a refused book made nothing wrong"

finish
