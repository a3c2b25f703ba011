# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# For cli.sh: hold. What it prints and passes on, and that nothing outlives it.

# hold LINES WORD...: labyrinth hold WORD... in the background, as $holder, once it
# has printed so many lines to $dir/held.
hold() {
	local lines=$1
	shift
	labyrinth hold "$@" >"$dir/held" 2>"$dir/err" </dev/null &
	holder=$!
	waited lines_in "$dir/held" "$lines" || note "it does not hold: $(cat "$dir/err")"
}

# let_go STATUS: the holder has come to its end, with that.
let_go() {
	waited ended_is "$holder" || { note "it does not end" && kill -9 "$holder"; }
	wait "$holder"
	same $? "$1"
	# shellcheck disable=SC2034
	err=$(cat "$dir/err") out=$(cat "$dir/held")
}

owner_held() { awk '$1 == "owner" { print $2 }' "$dir/held"; }
ended_is() { ! kill -0 "$1" 2>/dev/null; }
gone() { ! labyrinth show "$1" >/dev/null 2>&1; }

# left_nothing OWNER: it is gone, its pages too, and the books agree.
left_nothing() {
	waited gone "$1" || note "owner $1 is still there"
	run 0 labyrinth -j pages
	jq_is "[.pages[]|select(.owner==$1)]|length" 0
	run 0 labyrinth verify
}

test_hold() {
	local holder id from to
	hold 5 -n 3
	id=$(owner_held)
	holds grep -Eq '^owner +[0-9]+$' "$dir/held"
	holds grep -Eq '^mapped +0x[0-9a-f]{16}-0x[0-9a-f]{16}$' "$dir/held"
	same "$(grep -Ecx '0x[0-9a-f]{16}' "$dir/held")" 3
	run 0 labyrinth -j show "$id"
	jq_is '[.kind,.used,.pid]|map(tostring)|join(" ")' "file 3 $holder"
	ok "hold says at once who holds what, and where it is mapped"
	run 0 labyrinth -j pages --owner "$id"
	jq_is '[.pages[].mapped]|unique|join(" ")' true
	jq_is '[.pages[]|.scope+" "+.state]|unique|join(" ")' "process owned"
	holds cmp -s <(jq -r '.pages[].handle' "$dir/out" | sort) <(grep -x '0x.*' "$dir/held" | sort)
	run 0 labyrinth pages
	prints "MAPPED"
	run 0 labyrinth show "$(tail -n 1 "$dir/held")"
	holds grep -Eq '^mapped +yes$' "$dir/out"
	holds grep -Eq '^scope +process$' "$dir/out"
	ok "pages and show say that they are mapped"
	from=$(sed -n 's/^mapped *0x\(.*\)-0x.*/\1/p' "$dir/held")
	to=$(sed -n 's/^mapped *0x.*-0x\(.*\)/\1/p' "$dir/held")
	same $((0x$to - 0x$from)) $((3 * $(getconf PAGESIZE)))
	holds grep -Eqi "^$(printf %x-%x "0x$from" "0x$to") rw-s .*labyrinth" "/proc/$holder/maps"
	ok "the range is where the process has them"
	kill "$holder"
	let_go 0
	no_error
	same "$(wc -l <"$dir/held")" 5
	left_nothing "$id"
	ok "and at the end nothing is left"
	hold 1 -j -n 2 --order 1 --fallback wait --timeout 10s
	jq -e . "$dir/held" >/dev/null || note "not JSON"
	same "$(jq -r '[.order,.scope,.mapped,.bytes,(.handles|length),has("name")]|map(tostring)|join(" ")' "$dir/held")" \
		"1 process true $((4 * $(getconf PAGESIZE))) 2 false"
	id=$(jq .owner "$dir/held")
	same "$(used_by "$id")" 4
	kill "$holder"
	let_go 0
	same "$(jq -s -c '.[1]' "$dir/held")" '{"freed":2,"revoked":[]}'
	left_nothing "$id"
	ok "hold -j --order 1: an object at once, and one at the end"
	hold 1 -j -n 1500 --fallback wait --timeout 60s
	same "$(jq -r '[.bytes,(.handles|unique|length)]|join(" ")' "$dir/held")" \
		"$((1500 * $(getconf PAGESIZE))) 1500"
	from=$(jq -r .address "$dir/held")
	same "$(awk -v from="$(printf %x "$from")" 'index($1, from) == 1' "/proc/$holder/maps" | wc -l)" 1
	run 0 labyrinth -j pages --owner "$(jq .owner "$dir/held")"
	jq_is '[.pages[].mapped]|map(select(.))|length' 1500
	kill "$holder"
	let_go 0
	ok "more than one call takes, in one range"
}

test_hold_signals() {
	local holder signal id
	for signal in INT TERM HUP; do
		hold 4 -n 2
		id=$(owner_held)
		kill -s $signal "$holder"
		let_go 0
		no_error
		left_nothing "$id"
	done
	ok "SIGINT, SIGTERM and SIGHUP end it, with 0"
	(trap '' HUP && exec labyrinth hold >"$dir/held" 2>"$dir/err") &
	holder=$!
	waited lines_in "$dir/held" 3
	kill -s HUP "$holder"
	sleep 0.3
	holds kill -0 "$holder"
	kill "$holder"
	let_go 0
	ok "SIGHUP does not where it is ignored, as with nohup"
}

test_hold_command() {
	local holder id signal
	# shellcheck disable=SC2016
	run 7 labyrinth hold -n 2 -- sh -c 'labyrinth -j owners | jq -c "[.owners[]|select(.pid==$PPID)|.used]"; exit 7'
	same "$(tail -n 1 <<<"$out")" '[2]'
	left_nothing "$(awk '$1 == "owner" { print $2 }' <<<"$out")"
	ok "hold -- COMMAND: held while it runs, and its exit status is passed on"
	run 0 labyrinth hold -- printf '<%s>' '[a,b]' -j -- '' '--help'
	same "$(tail -n 1 <<<"$out")" '<[a,b]><-j><--><><--help>'
	ok "its words are passed on as they are"
	# shellcheck disable=SC2016
	run $((128 + 9)) labyrinth hold -- sh -c 'kill -9 $$'
	# shellcheck disable=SC2016
	run $((128 + 13)) labyrinth hold -- sh -c 'kill -s PIPE $$'
	ok "a command that dies of a signal: 128 and its number"
	run 2 labyrinth hold -n 2 -- nosuchcommand
	says "starting 'nosuchcommand'"
	says "ENOENT"
	left_nothing "$(awk '$1 == "owner" { print $2 }' <<<"$out")"
	ok "a command that is not there"
	for signal in INT TERM HUP; do
		# What runs in the background has SIGINT ignored, and a shell leaves it so.
		env --default-signal=INT labyrinth hold -- sh -c "trap 'exit 9' $signal; echo ready; while :; do sleep 0.1; done" \
			>"$dir/held" 2>"$dir/err" </dev/null &
		holder=$!
		waited grep -q ready "$dir/held"
		id=$(owner_held)
		kill -s $signal "$holder"
		let_go 9
		left_nothing "$id"
	done
	ok "signals are the command's, and the hold ends when it does"
	run 0 labyrinth -j hold -- true
	same "$(jq -s length "$dir/out")" 2
	ok "hold -j -- COMMAND"
}

test_hold_named() {
	local holder
	run 0 labyrinth owner add t-hold --quota 5
	run 0 labyrinth alloc -o t-hold
	hold 4 -o t-hold -n 2
	holds grep -Eq "^owner +$(labyrinth -j show t-hold | jq .id) \(t-hold\)$" "$dir/held"
	same "$(used_by t-hold)" 3
	run 2 labyrinth alloc -o t-hold
	says "process $holder"
	same "$(labyrinth -j pages -o t-hold | jq -c '[.pages[].mapped]|sort')" '[false,true,true]'
	kill "$holder"
	let_go 0
	same "$(used_by t-hold)" 1
	ok "hold -o: as that owner, and what it had before stays"
	run 2 labyrinth hold -o t-hold -n 5
	refused
	says "1 of 5 pages held, 5 more wanted"
	same "$(used_by t-hold)" 1
	run 2 labyrinth hold -o nosuch
	refused
	says "ENOENT"
	ok "hold -o: no more than its quota; no such owner"
	hold 4 -o t-hold -n 2
	kill -9 "$holder"
	wait "$holder" 2>/dev/null
	same "$(used_by t-hold)" 3
	same "$(labyrinth -j pages -o t-hold | jq -c '[.pages[].mapped]|unique')" '[false]'
	run 0 labyrinth free -o t-hold --all
	prints "freed 3"
	ok "hold -o, kill -9: a named owner keeps its pages, as it does always; its mappings go"
	hold 3 -o t-hold
	run 0 labyrinth owner del t-hold
	let_go 2
	says "ESHUTDOWN"
	run 0 labyrinth verify
	ok "hold -o: its owner is removed"
}

test_hold_killed() {
	local holder id child
	hold 102 -n 100
	id=$(owner_held)
	kill -9 "$holder"
	wait "$holder" 2>/dev/null
	same $? $((128 + 9))
	left_nothing "$id"
	ok "kill -9 leaves nothing"
	# shellcheck disable=SC2016
	labyrinth hold -n 10 -- sh -c 'echo child $$; exec sleep 60' >"$dir/held" 2>"$dir/err" </dev/null &
	holder=$!
	waited grep -q '^child' "$dir/held"
	id=$(owner_held)
	child=$(awk '$1 == "child" { print $2 }' "$dir/held")
	kill -9 "$holder"
	wait "$holder" 2>/dev/null
	holds kill -0 "$child"
	left_nothing "$id"
	kill "$child"
	ok "nor where its command lives on"
}

test_hold_thread() {
	local holder id
	hold 4 -n 2 --scope thread
	id=$(owner_held)
	holds grep -Eq '^mapped +no: ' "$dir/held"
	run 0 labyrinth -j pages --owner "$id"
	jq_is '[.pages[]|.scope+" "+(.mapped|tostring)]|join(",")' "thread false,thread false"
	run 0 labyrinth pages --owner "$id"
	prints "thread"
	kill "$holder"
	let_go 0
	no_error
	left_nothing "$id"
	hold 1 -j --scope thread
	same "$(jq -r '[.scope,.mapped,has("address")]|map(tostring)|join(" ")' "$dir/held")" "thread false false"
	kill "$holder"
	let_go 0
	same "$(jq -s -c '.[1]' "$dir/held")" '{"freed":1,"revoked":[]}'
	ok "hold --scope thread: held, not mapped, and it says so"
}

test_hold_refused() {
	local before mode
	before=$(labyrinth -j owners | jq '.owners|length')
	run 2 sh -c "labyrinth hold -n 2 >/dev/full"
	says "ENOSPC"
	run 2 labyrinth hold --order 31
	refused
	says "order"
	run 2 labyrinth hold --order 1 --strict
	refused
	says "EOPNOTSUPP"
	mode=$(stat -c %a /dev/labyrinth)
	chmod 600 /dev/labyrinth
	run 2 as_nobody labyrinth hold
	refused
	says "EACCES"
	chmod "$mode" /dev/labyrinth
	same "$(labyrinth -j owners | jq '.owners|length')" "$before"
	run 0 labyrinth verify
	ok "hold: output that can't be written, and what can't be had, leave nothing"
	run 0 labyrinth info -j
	jq_is '.ceiling >= ."pages-taken" and .ceiling > 0' true
	run 0 labyrinth info
	holds grep -Eq '^pages taken +[0-9]+, at most [0-9]+$' "$dir/out"
	ok "info tells the ceiling"
}
