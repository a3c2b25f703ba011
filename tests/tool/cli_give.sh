# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# For cli.sh: give, take, who accepts, blocks that come later.

inbox_of() { labyrinth -j show "$1" | jq ."\"$2\""; }
follows() { [ "$(labyrinth -j show "$1" | jq .attached)" = true ]; }
lines_in() { [ "$(wc -l <"$1")" -ge "$2" ]; }

# page OWNER FILE TAG: the handle of a new page of OWNER's with FILE's bytes.
page() {
	labyrinth write -o "$1" --replace "$2" >/dev/null || return
	labyrinth -j pages -o "$1" | jq -r '.pages[]|select(.state=="owned" and .used>0).handle'
}

test_accept() {
	run 0 labyrinth owner add t-give
	run 0 labyrinth -j show t-give
	jq_is '[.accept,."inbox-used",.deferred]|map(tostring)|join(" ")' "none 0 0"
	jq_is 'has("inbox")' false
	ok "an owner accepts from nobody, unless it is said"
	run 0 labyrinth owner add t-take --accept uid --inbox 4
	run 0 labyrinth -j show t-take
	jq_is '[.accept,.inbox]|map(tostring)|join(" ")' "uid 4"
	run 0 labyrinth owners -j
	jq_is '.owners[]|select(.name=="t-take")|.inbox' 4
	run 0 labyrinth owners
	prints "INBOX"
	prints "0/4"
	run 0 labyrinth show t-take
	prints "0 of 4, 0 still to come"
	ok "owner add --accept uid --inbox 4, as owners and show tell"
	run 0 labyrinth owner set t-take --accept any
	run 0 labyrinth -j show t-take
	jq_is '[.accept,.inbox]|map(tostring)|join(" ")' "any 4"
	run 0 labyrinth owner set t-take --inbox 4
	ok "owner set --accept; the inbox stays"
	run 2 labyrinth owner set t-take --inbox 5
	refused
	says "EBUSY"
	says "owner-inbox"
	says "only a new owner"
	same "$(inbox_of t-take inbox)" 4
	ok "an inbox keeps its capacity"
}

test_give() {
	local one two
	run 0 labyrinth alloc -o t-give -n 2 --tag 7
	one=$(sed -n 1p "$dir/out") two=$(sed -n 2p "$dir/out")
	run 0 labyrinth -j give -o t-give --to t-take "$one"
	jq_is '[.owner,.to,.given]|map(tostring)|join(" ")' "t-give t-take 1"
	same "$(used_by t-give) $(used_by t-take)" "1 1"
	same "$(inbox_of t-take inbox-used)" 1
	run 0 labyrinth -j pages -o t-take
	jq_is '.pages[0].state' in-transit
	run 2 labyrinth read -o t-give --handle "$one"
	says "ENOENT"
	ok "what is given is charged to the receiver, and the giver's no more"
	run 0 labyrinth give -o t-give --to "#$(labyrinth -j show t-take | jq .id)" "$two"
	same "$out" "gave 1"
	same "$(inbox_of t-take inbox-used)" 2
	ok "give by number"
	run 0 labyrinth take -o t-take
	no_error
	holds grep -Eqx '0x[0-9a-f]{16} 0x0000000000000007 0' <(sed -n 1p "$dir/out")
	holds grep -Eqx '0x[0-9a-f]{16} 0x0000000000000008 0' <(sed -n 2p "$dir/out")
	same "$(wc -l <"$dir/out")" 2
	same "$(inbox_of t-take inbox-used)" 0
	run 0 labyrinth -j pages -o t-take
	jq_is '[.pages[].state]|unique|join(" ")' owned
	ok "take prints handle, tag and used bytes, in the order in which they were given"
	run 2 labyrinth take -o t-take
	refused
	says "EAGAIN"
	says "--follow"
	ok "take from an empty inbox"
	run 0 labyrinth free -o t-take --all
	prints "freed 2"
	run 0 labyrinth alloc -o t-give -n 3
	run 0 labyrinth give -o t-give --to t-take --all
	same "$out" "gave 3"
	run 0 labyrinth take -o t-take -n 2 --free
	same "$(wc -l <"$dir/out") $(used_by t-take)" "2 1"
	run 0 labyrinth -j take -o t-take --free
	jq_is '[.owner,.used,.order]|map(tostring)|join(" ")' "t-take 0 0"
	same "$(used_by t-take)" 0
	ok "give --all, take -n 2 --free, take -j"
	run 0 labyrinth give -o t-give --to t-take --all
	same "$out" "gave 0"
	ok "give --all of none"
}

test_give_refused() {
	local handle
	run 0 labyrinth alloc -o t-give -n 5
	mapfile -t handles <"$dir/out"
	handle=${handles[0]}
	run 2 labyrinth give -o t-give --to nosuch "$handle"
	refused
	says "ESRCH"
	says "labyrinth owners"
	run 2 labyrinth give -o t-give --to 999999 "$handle"
	says "ESRCH"
	ok "give to nobody"
	run 2 labyrinth give -o t-give --to t-give "$handle"
	refused
	says "EINVAL"
	says "itself"
	ok "give to oneself"
	run 2 labyrinth give -o t-give --to t-take "${handles[@]:1:2}" 0xffffffffffffffff
	refused
	says "ENOENT"
	says "0xffffffffffffffff"
	ok "give of a stale handle names it"
	run 2 labyrinth give -o t-give --to t-take "$handle" "$handle"
	says "ENOENT"
	says "$handle"
	ok "give of one twice"
	run 2 labyrinth give -o t-give --to t-take --all
	refused
	says "ENOSPC"
	says "0 of 4"
	says "labyrinth take -o t-take"
	ok "give of more than the inbox has room for"
	run 2 labyrinth -j give -o t-give --to t-take --all
	silent
	json_ok "$dir/err"
	same "$(jq -r '[.errno,."errno-name",.reason]|join(" ")' "$dir/err")" "28 ENOSPC inbox"
	ok "the same in JSON"
	run 0 labyrinth owner set t-take --quota 1
	run 2 labyrinth give -o t-give --to t-take "${handles[@]:0:2}"
	refused
	says "EDQUOT"
	says "0 of 1 pages"
	says "labyrinth owner set t-take --quota"
	run 0 labyrinth owner set t-take --quota 1000
	ok "give beyond the receiver's quota"
	run 0 labyrinth owner set t-take --accept none
	run 2 labyrinth give -o t-give --to t-take "$handle"
	refused
	says "EACCES"
	says "from nobody"
	says "labyrinth owner set t-take --accept"
	run 0 labyrinth owner set t-take --accept uid --uid nobody
	run 2 labyrinth give -o t-give --to t-take "$handle"
	refused
	says "ESRCH"
	says "own user only"
	run 0 labyrinth owner set t-take --accept none
	run 2 labyrinth give -o t-give --to t-take "$handle"
	refused
	says "ESRCH"
	says "from nobody"
	run 0 labyrinth owner set t-take --accept any --uid 0
	ok "give to whom does not accept"
	same "$(used_by t-give) $(used_by t-take)" "5 0"
	ok "after all of these the pages are the giver's"
	run 0 labyrinth give -o t-give --to t-take "${handles[@]:1}"
	run 2 labyrinth give -o t-give --to t-take "$handle"
	says "4 of 4"
	run 0 labyrinth take -o t-take --free
	run 0 labyrinth give -o t-give --to t-take "$handle"
	run 0 labyrinth take -o t-take --free
	ok "a full inbox has room again once something was taken"
}

# Contents: what is given arrives as it was, and what take --data writes is that.
test_take_data() {
	local n
	for n in 1 2 3 4; do
		head -c $((n * 1111 - 1000)) /dev/urandom >"$dir/part.$n"
		run 0 labyrinth give -o t-give --to t-take "$(page t-give "$dir/part.$n")"
	done
	run 0 labyrinth take -o t-take --data
	no_error
	holds cmp -s "$dir/out" <(cat "$dir"/part.[1-4])
	same "$(used_by t-take)" 0
	ok "take --data: byte for byte, in order, and freed"
	run 0 labyrinth give -o t-give --to t-take "$(page t-give "$dir/part.4")"
	run 0 labyrinth alloc -o t-give --order 1 --fallback wait --timeout 5s
	run 0 labyrinth give -o t-give --to t-take --all
	run 0 labyrinth take -o t-take --data
	holds cmp -s "$dir/out" "$dir/part.4"
	ok "a block of which nothing is used adds nothing"
	run 0 labyrinth give -o t-give --to t-take "$(page t-give "$dir/part.4")"
	run 2 sh -c "labyrinth take -o t-take --data >/dev/full"
	says "ENOSPC"
	says "labyrinth pages -o t-take"
	same "$(used_by t-take)" 1
	local handle
	handle=$(labyrinth -j pages -o t-take | jq -r '.pages[0].handle')
	run 0 labyrinth read -o t-take --handle "$handle"
	holds cmp -s "$dir/out" "$dir/part.4"
	run 0 labyrinth free -o t-take --all
	ok "data that can't be written are not freed"
	run 0 labyrinth give -o t-give --to t-take "$(page t-give "$dir/part.1")"
	# shellcheck disable=SC2016
	run 2 bash -c 'set -o pipefail; { sleep 0.3; labyrinth take -o t-take --data; } | exec true; exit ${PIPESTATUS[0]}'
	says "EPIPE"
	same "$(inbox_of t-take inbox-used)" 1
	run 0 labyrinth take -o t-take --free
	ok "nothing is taken for a reader that went away"
}

# follow WORD...: labyrinth take -o t-take --follow, in the background, as $follower.
follow() {
	labyrinth take -o t-take --follow "$@" >"$dir/followed" 2>"$dir/err" </dev/null &
	follower=$!
	waited follows t-take || note "it does not attach"
}

# ended STATUS: the follower has come to its end, with that.
ended() {
	wait "$follower"
	same $? "$1"
	# shellcheck disable=SC2034
	err=$(cat "$dir/err") out=$(tr -d '\0' <"$dir/followed")
}

test_follow() {
	local follower n signal
	follow -n 3
	for n in 1 2 3; do
		run 0 labyrinth alloc -o t-give --tag $n
		run 0 labyrinth give -o t-give --to t-take "$out"
		waited lines_in "$dir/followed" $n || note "line $n did not come"
	done
	ended 0
	same "$(cut -d ' ' -f 2 "$dir/followed" | tr '\n' ' ')" "$(printf '0x%016x ' 1 2 3)"
	run 0 labyrinth free -o t-take --all
	ok "take --follow -n 3: each comes when it is given, and the third ends it"
	for signal in INT TERM HUP; do
		follow --free
		run 0 labyrinth alloc -o t-give
		run 0 labyrinth give -o t-give --to t-take "$out"
		waited lines_in "$dir/followed" 1 || note "the line did not come"
		kill -s $signal "$follower"
		ended 0
		no_error
		same "$(used_by t-take)" 0
	done
	ok "take --follow ends in order on SIGINT, SIGTERM and SIGHUP"
	follow --data
	for n in 1 2 3 4; do
		run 0 labyrinth give -o t-give --to t-take "$(page t-give "$dir/part.$n")"
	done
	waited same_size "$dir/followed" "$(cat "$dir"/part.[1-4] | wc -c)" || note "not all came"
	kill "$follower"
	ended 0
	holds cmp -s "$dir/followed" <(cat "$dir"/part.[1-4])
	ok "take --follow --data: byte for byte"
	follow -j --free
	run 0 labyrinth alloc -o t-give -n 2
	run 0 labyrinth give -o t-give --to t-take --all
	waited lines_in "$dir/followed" 2
	kill "$follower"
	ended 0
	same "$(jq -s 'length' "$dir/followed")" 2
	same "$(jq -r '.owner' "$dir/followed" | sort -u)" t-take
	ok "take --follow -j: one object on each line"
	run 2 labyrinth take -o t-take --follow --timeout 200ms
	refused
	says "ETIMEDOUT"
	run 0 labyrinth alloc -o t-give
	run 0 labyrinth give -o t-give --to t-take "$out"
	run 2 labyrinth take -o t-take --follow -n 2 --timeout 200ms
	says "1 of 2"
	run 0 labyrinth free -o t-take --all
	run 0 labyrinth alloc -o t-give
	run 0 labyrinth give -o t-give --to t-take "$out"
	run 0 labyrinth take -o t-take --follow --free --timeout 200ms
	same "$(wc -l <"$dir/out")" 1
	ok "take --timeout: an error where nothing came, or fewer than were asked for"
}

same_size() { [ "$(stat -c %s "$1")" = "$2" ]; }

test_follow_end() {
	local follower
	# shellcheck disable=SC2016
	run 2 bash -c 'set -o pipefail; labyrinth take -o t-take --follow | { sleep 0.3; exec <&-; }; exit ${PIPESTATUS[0]}'
	says "EPIPE"
	ok "take --follow ends when its reader goes away, though nothing comes"
	run 0 labyrinth owner add t-end --accept any
	labyrinth take -o t-end --follow >"$dir/followed" 2>"$dir/err" </dev/null &
	follower=$!
	waited follows t-end
	run 0 labyrinth owner del t-end
	ended 2
	says "ESHUTDOWN"
	ok "take --follow ends when its owner is removed"
}

test_defer() {
	local now=0
	run 0 labyrinth owner add t-later --quota 100000 --inbox 64
	run 0 labyrinth -j alloc -o t-later -n 3 --fallback defer
	jq_is '[.wanted,(.handles|length)+.deferred]|map(tostring)|join(" ")' "3 3"
	ok "alloc --fallback defer -j tells what came and what is to come"
	run 0 labyrinth free -o t-later --all
	run 0 labyrinth owner add t-hog --quota 100000
	hog t-hog
	run 0 labyrinth alloc -o t-later -n 20 --strict --fallback defer --tag 100
	now=$(wc -l <"$dir/out")
	holds test "$now" -lt 20
	says "$now of 20 at once; $((20 - now)) will come into the inbox"
	says "labyrinth take -o t-later"
	run 2 labyrinth alloc -o t-later -n 65 --strict --fallback defer
	refused
	says "ENOSPC"
	says "of 64 places"
	ok "from an empty reserve: how many at once, how many later; no more than the inbox holds"
	run 0 labyrinth free -o t-hog --all
	run 0 labyrinth take -o t-later --follow -n $((20 - now)) --timeout 20s
	same "$(cut -d ' ' -f 2 "$dir/out" | sort)" "$(seq -f '%.0f' $((100 + now)) 119 | xargs printf '0x%016x\n')"
	same "$(cut -d ' ' -f 2 "$dir/out")" "$(cut -d ' ' -f 2 "$dir/out" | sort)"
	same "$(inbox_of t-later deferred) $(inbox_of t-later inbox-used)" "0 0"
	same "$(used_by t-later)" 20
	ok "they come once there are pages, first in, first out"
	run 0 labyrinth owner del t-hog
	run 0 labyrinth owner del t-later
}

# hog OWNER: takes all there is, on each CPU, as what stands ready for one is out
# of the others' reach.
hog() {
	local cpu
	for cpu in $(seq 0 $(($(nproc) - 1))); do
		while taskset -c "$cpu" labyrinth alloc -o "$1" --strict --partial -n 1000 >/dev/null 2>&1; do :; done
	done
}

test_give_stats() {
	run 0 labyrinth stats -j
	jq_is '.given > 0 and .taken > 0' true
	jq_is '[.given,.taken,.dropped,.deferred,.refused.inbox,.refused.quota,.refused.refused]|map(type)|unique|.[]' number
	jq_is '.refused.inbox > 0 and .refused.quota > 0 and .refused.refused > 0' true
	local dropped
	dropped=$(jq .dropped "$dir/out")
	run 0 labyrinth owner add t-end --accept any
	run 0 labyrinth alloc -o t-give -n 3
	run 0 labyrinth give -o t-give --to t-end --all
	run 0 labyrinth owner del t-end
	same "$(labyrinth -j stats | jq .dropped)" $((dropped + 3))
	run 0 labyrinth stats
	prints "refused inbox"
	ok "stats count what is given, taken, refused and dropped"
}
