# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# For cli.sh: run a command, then say what should hold of it. A condition that
# does not hold is remembered until ok() makes a line of TAP of all of them.

count=0 failed=0 bad='' status=0 out='' err=''

# run STATUS COMMAND...: runs it; output in $out and $dir/out, errors in $err.
run() {
	local wanted=$1
	shift
	"$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
	{ out=$(<"$dir/out"); } 2>/dev/null # NULs are dropped, with a warning
	err=$(<"$dir/err")
	[ "$status" = "$wanted" ] || note "exit status $status, not $wanted: $*"
}

note() { bad+="# $1"$'\n'; }

# says TEXT: the error has it.  prints TEXT: the output has it.
says() { [[ $err == *"$1"* ]] || note "stderr lacks '$1'"; }
prints() { [[ $out == *"$1"* ]] || note "stdout lacks '$1'"; }
silent() { [ -z "$out" ] || note "stdout is not empty"; }
no_error() { [ -z "$err" ] || note "stderr is not empty"; }

# An error as it should be: cause and remedy, nothing on stdout.
refused() {
	silent
	says "labyrinth: "
	says "  hint: "
}

# json_ok FILE: it is one JSON document.
# jq_is FILTER VALUE: so is the output, and the filter gives that (once).
jq_is() {
	local got
	got=$(jq -r "$1" <"$dir/out" 2>&1)
	[ "$got" = "$2" ] || note "$1 is '$got', not '$2'"
}

json_ok() { jq -es 'length == 1' "$1" >/dev/null 2>&1 || note "not one JSON document: $1"; }

same() { [ "$1" = "$2" ] || note "'$1' is not '$2'"; }
holds() { "$@" || note "does not hold: $*"; }

# ok SENTENCE: one line of TAP for all that was noted since the last one.
ok() {
	count=$((count + 1))
	if [ -z "$bad" ]; then
		echo "ok $count - $1"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $count - $1"
	printf '%s' "$bad"
	printf '# stdout: %.300s\n# stderr: %.600s\n' "$(tr -c '[:print:]' ' ' <<<"$out")" "${err//$'\n'/ | }"
	bad=''
}

# skip SENTENCE REASON: nothing could be said of it.
skip() {
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

finish() {
	echo "1..$count"
	[ "$failed" = 0 ] && [ "$count" -gt 0 ]
}

# What an owner holds, and the data in it, as one word to compare.
state_of() {
	{
		labyrinth -j pages -o "$1" | jq -S -c '.pages | map(del(."age-ns")) | sort_by(.handle)'
		labyrinth read -o "$1" 2>&1 | sha256sum
	} | sha256sum
}

used_by() { labyrinth -j show "$1" | jq .used; }

# waited COMMAND...: tries for a while until it succeeds.
waited() {
	for _ in $(seq 100); do
		"$@" && return 0
		sleep 0.1
	done
	return 1
}
