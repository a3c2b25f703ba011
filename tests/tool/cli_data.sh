# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# For cli.sh: write and read.

sum() { sha256sum <"$1"; }

# made SIZE: a file of that many random bytes.
made() {
	head -c "$1" /dev/urandom >"$dir/in.$1"
	echo "$dir/in.$1"
}

test_round_trips() {
	local size file
	run 0 labyrinth owner set t-a --quota 1000
	for size in 0 1 4095 4096 4097 65536 1048593; do
		file=$(made $size)
		run 0 labyrinth write -o t-a "$file" --fallback wait --timeout 20s
		no_error
		prints "wrote $size bytes in $((size == 0 ? 1 : (size + 4095) / 4096)) pages"
		run 0 labyrinth read -o t-a
		no_error
		same "$(sum "$dir/out")" "$(sum "$file")"
		run 0 labyrinth read -o t-a "$dir/copy"
		prints "read $size bytes"
		same "$(sum "$dir/copy")" "$(sum "$file")"
		same "$(stat -c %a "$dir/copy")" 600
		rm -f "$dir/copy"
		run 0 labyrinth free -o t-a --all
		ok "$size bytes written come back, to stdout and to a file"
	done
	file=$dir/in.1048593
	labyrinth write -o t-a --fallback wait --timeout 20s <"$file" >/dev/null
	same "$(labyrinth read -o t-a - | sha256sum)" "$(sum "$file")"
	# shellcheck disable=SC2002 # a pipe is what is tried
	cat "$file" | labyrinth write -o t-a - --replace --fallback wait --timeout 20s >/dev/null
	same "$(labyrinth read -o t-a - | sha256sum)" "$(sum "$file")"
	(for _ in 1 2 3 4 5; do echo slow; sleep 0.1; done) | labyrinth write -o t-a --replace >/dev/null
	same "$(labyrinth read -o t-a)" "$(yes slow | head -n 5)"
	same "$(used_by t-a)" 1
	ok "from stdin: a file, a pipe, a slow pipe"
	labyrinth free -o t-a --all >/dev/null
}

test_write_modes() {
	printf one >"$dir/one"
	printf two >"$dir/two"
	run 2 labyrinth read -o t-a
	refused
	says "no data"
	ok "read of an owner without data"
	run 0 labyrinth -j write -o t-a "$dir/one"
	jq_is '[.owner,.bytes,.pages,."pages-freed"]|join(" ")' "t-a 3 1 0"
	jq_is '."left-over"' false
	local before
	before=$(state_of t-a)
	run 2 labyrinth write -o t-a "$dir/two"
	refused
	says "--append"
	says "--replace"
	same "$(state_of t-a)" "$before"
	ok "an owner that holds data is refused, and unchanged"
	run 0 labyrinth write -o t-a --append "$dir/two"
	same "$(labyrinth read -o t-a)" onetwo
	run 0 labyrinth -j pages -o t-a
	jq_is '[.pages[]|.used]|join(" ")' "3 3"
	ok "write --append"
	run 0 labyrinth -j write -o t-a --replace "$dir/two"
	jq_is '."pages-freed"' 2
	same "$(labyrinth read -o t-a)" two
	same "$(used_by t-a)" 1
	ok "write --replace, and the old pages are gone"
	run 0 labyrinth -j read -o t-a "$dir/copy"
	jq_is '[.owner,.file,.bytes,.pages]|join(" ")' "t-a $dir/copy 3 1"
	ok "read -j to a file"
	run 0 labyrinth write -o t-a --replace /dev/null
	run 0 labyrinth read -o t-a
	silent
	run 2 labyrinth write -o t-a "$dir/one"
	says "EEXIST"
	ok "empty data are data: they are read, and not written over"
	labyrinth free -o t-a --all >/dev/null
	run 0 labyrinth alloc -o t-a --tag 5
	local handle=$out
	run 0 labyrinth write -o t-a "$dir/one"
	run 0 labyrinth write -o t-a --replace "$dir/two"
	run 0 labyrinth read -o t-a
	same "$out" two
	run 0 labyrinth show "$handle"
	run 0 labyrinth read -o t-a --handle "$handle"
	same "$(stat -c %s "$dir/out")" 0
	run 0 labyrinth read -o t-a --handle "$handle" --whole
	same "$(sum "$dir/out")" "$(head -c "$(getconf PAGESIZE)" /dev/zero | sha256sum)"
	ok "pages of others' tags are no data, and stay"
	local data
	data=$(labyrinth -j pages -o t-a | jq -r '.pages[]|select(.used==3)|.handle')
	run 0 labyrinth read -o t-a --handle "$data"
	same "$out" two
	run 0 labyrinth free -o t-a --all
	ok "read --handle gives a page's used bytes"
}

test_write_undone() {
	local before mode pages=100
	head -c 40000 /dev/urandom >"$dir/old"
	head -c $((pages * 4096)) /dev/urandom >"$dir/large"
	run 0 labyrinth owner add t-small --quota 60
	run 2 labyrinth write -o t-small "$dir/large"
	refused
	says "EDQUOT"
	says "unchanged"
	says "$pages more wanted"
	same "$(used_by t-small)" 0
	ok "a file larger than the quota: nothing is taken, the remedy is named"
	run 0 labyrinth write -o t-small "$dir/old"
	before=$(state_of t-small)
	for mode in --append --replace; do
		run 2 labyrinth write -o t-small $mode "$dir/large"
		refused
		says "EDQUOT"
		same "$(state_of t-small)" "$before"
		run 2 sh -c "cat $dir/large | labyrinth write -o t-small $mode"
		says "EDQUOT"
		same "$(state_of t-small)" "$before"
		ok "write $mode, larger than the quota, leaves pages and data as they were"
	done
	run 0 labyrinth owner set t-small --quota 1000
	# More than one buffer of input, so that pages were written before it fails.
	head -c 3000000 /dev/urandom >"$dir/larger"
	run 0 labyrinth owner set t-small --quota 500
	before=$(state_of t-small)
	for mode in --append --replace; do
		run 2 labyrinth write -o t-small $mode --fallback wait --timeout 20s "$dir/larger"
		says "EDQUOT"
		same "$(state_of t-small)" "$before"
	done
	ok "the same where the first pages were written already"
	run 2 labyrinth write -o t-small --replace "$dir"
	says "EISDIR"
	same "$(state_of t-small)" "$before"
	run 2 labyrinth write -o t-small --replace "$dir/nosuch"
	says "ENOENT"
	same "$(state_of t-small)" "$before"
	ok "input that can't be read changes nothing"
	run 2 sh -c "labyrinth write -o t-small --replace - <&-"
	same "$(state_of t-small)" "$before"
	ok "closed standard input is no empty file"
}

# A writer is stopped half-way: by a signal that it may answer, and by one not.
test_write_killed() {
	local before signal writer
	before=$(state_of t-small)
	for signal in INT TERM HUP; do
		mkfifo "$dir/fifo"
		labyrinth write -o t-small --replace "$dir/fifo" --fallback wait --timeout 20s \
			>"$dir/out" 2>"$dir/err" &
		writer=$!
		exec 9>"$dir/fifo"
		head -c 1048576 "$dir/larger" >&9
		waited written_pages 100
		kill -s $signal $writer
		wait $writer
		same $? 2
		exec 9>&-
		# shellcheck disable=SC2034
		err=$(cat "$dir/err") out=''
		says "interrupted"
		same "$(state_of t-small)" "$before"
		rm -f "$dir/fifo"
		ok "a writer stopped by SIG$signal leaves everything as it was"
	done
	mkfifo "$dir/fifo"
	labyrinth write -o t-small --replace "$dir/fifo" --fallback wait --timeout 20s >/dev/null 2>&1 &
	writer=$!
	exec 9>"$dir/fifo"
	head -c 1048576 "$dir/larger" >&9
	waited written_pages 100
	kill -s KILL $writer
	wait $writer 2>/dev/null
	exec 9>&-
	rm -f "$dir/fifo"
	run 0 labyrinth read -o t-small
	same "$(sum "$dir/out")" "$(sum "$dir/old")"
	holds test "$(used_by t-small)" -gt 100
	ok "after kill -9 the data from before are read; the killed one's pages are not"
	run 0 labyrinth write -o t-small --append "$dir/old"
	same "$(used_by t-small)" 20
	same "$(labyrinth read -o t-small | sha256sum)" "$(cat "$dir/old" "$dir/old" | sha256sum)"
	ok "the next write frees what the killed one left"
}

written_pages() { [ "$(used_by t-small)" -gt "$1" ]; }

test_read_refused() {
	local victim
	run 0 labyrinth write -o t-small --replace "$dir/old"
	victim=$(labyrinth -j pages -o t-small | jq -r '.pages[3].handle')
	run 0 labyrinth free -o t-small "$victim"
	printf before >"$dir/target"
	run 2 labyrinth read -o t-small "$dir/target"
	refused
	says "missing"
	says "EILSEQ"
	same "$(cat "$dir/target")" before
	run 2 labyrinth write -o t-small --append "$dir/old"
	says "EILSEQ"
	ok "data that lack a page are refused before a file is touched"
	run 0 labyrinth write -o t-small --replace "$dir/old"
	same "$(labyrinth read -o t-small | sha256sum)" "$(sum "$dir/old")"
	same "$(used_by t-small)" 10
	ok "and replaced on request"
	run 2 labyrinth read -o t-small --handle "$victim"
	refused
	says "ENOENT"
	ok "read of a stale handle"
	run 2 labyrinth read -o nosuch
	refused
	says "ENOENT"
	ok "read of an unknown owner"
}

test_stdout() {
	local used command
	for command in info "owners -j" "pages" "stats -p" "read -o t-small"; do
		# shellcheck disable=SC2086
		run 2 sh -c "labyrinth $command >/dev/full"
		says "standard output"
		says "ENOSPC"
		run 2 sh -c "labyrinth $command >&-"
		says "standard output"
		ok "labyrinth $command: a full or closed stdout is an error"
	done
	# shellcheck disable=SC2016
	run 2 bash -c 'set -o pipefail; labyrinth read -o t-small | { exec <&-; sleep 0.3; }; exit ${PIPESTATUS[0]}'
	says "EPIPE"
	ok "so is a reader that went away"
	used=$(used_by t-small)
	run 2 sh -c "labyrinth alloc -o t-small -n 5 >/dev/full"
	same "$(used_by t-small)" "$used"
	ok "alloc that can't tell its handles takes nothing"
}
