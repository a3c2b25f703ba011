# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# For cli.sh: info, stats, verify, owners, owner, reserve; and colours.

test_info() {
	run 0 labyrinth info
	no_error
	prints "page size"
	ok "info"
	run 0 labyrinth info -j
	no_error
	jq_is '."page-size"' "$(getconf PAGESIZE)"
	jq_is '[."max-order",."max-batch",.slots,."slots-vacant",."pages-taken",.owners,.guaranteed]|map(type)|unique|.[]' number
	jq_is '.slots >= ."slots-vacant" and .slots > 0' true
	jq_is '.reserve[0]|[.node,.low,.high,.emergency,.available,.guaranteed,."emergency-available",.cpu]|map(type)|unique|.[]' number
	jq_is '.caller."memlock-limit"' null # root has CAP_IPC_LOCK
	ok "info -j"
	same "$(labyrinth -j info | jq .slots)" "$(labyrinth info --json | jq .slots)"
	ok "flags work before and behind the command"
	run 0 labyrinth info -p
	jq_is .owners "$(labyrinth -j info | jq .owners)"
	holds test "$(wc -l <"$dir/out")" -gt 10
	ok "info -p is indented JSON"
	run 0 labyrinth stats
	prints "refilled"
	ok "stats"
	run 0 labyrinth stats -j
	jq_is '.alloc|type' object
	jq_is '.fail.quota|type' number
	jq_is '[.free,.recycled,.returned,.refilled,."refill-failed",."refill-held",.quarantined]|map(type)|unique|.[]' number
	ok "stats -j"
	run 0 labyrinth verify
	prints "all books agree"
	ok "verify"
	run 0 labyrinth verify -j
	jq_is .result agree
	jq_is '.slots > 0 and .tries > 0' true
	ok "verify -j"
}

# on_terminal COMMAND-LINE: what it shows there.
on_terminal() { script -qec "$1" /dev/null </dev/null; }

plain() { same "${out//[^$'\033']/}" ""; }

test_color() {
	local command
	run 0 labyrinth --color always verify
	prints $'\033['
	run 0 env NO_COLOR=1 labyrinth --color always verify
	plain
	run 0 labyrinth verify
	plain
	ok "colour when asked for, not in a pipe, never with NO_COLOR"
	for command in "labyrinth verify" "env NO_COLOR= labyrinth verify" "env NO_COLOR= labyrinth --color auto verify"; do
		run 0 on_terminal "$command"
		prints "all books agree"
		prints $'\033['
	done
	ok "colours on a terminal; an empty NO_COLOR says nothing"
	for command in "env NO_COLOR=1 labyrinth verify" "labyrinth --color never verify"; do
		run 0 on_terminal "$command"
		prints "all books agree"
		plain
	done
	ok "none there with NO_COLOR, or when they are not wanted"
}

test_owners() {
	run 0 labyrinth owner add t-a --uid 0 --gid 0 --mode 0640 --quota 64 --guarantee 2 --emergency
	no_error
	holds grep -Eqx '[0-9]+' "$dir/out"
	ok "owner add prints a number"
	local id=$out
	run 0 labyrinth -j show t-a
	jq_is .id "$id"
	jq_is '[.kind,.name,.mode]|join(" ")' "named t-a 0640"
	jq_is '[.uid,.gid,.used,.quota,.guarantee,.quarantined]|join(" ")' "0 0 0 64 2 0"
	jq_is .emergency true
	jq_is .attached false
	jq_is 'has("pid")' false
	jq_is '."age-ns" > 0' true
	ok "the owner is as it was asked for"
	run 0 labyrinth show "#$id"
	prints "t-a"
	run 0 labyrinth show "$id"
	prints "t-a"
	ok "show by number"
	run 0 labyrinth owners -j
	jq_is '.interrupted' false
	jq_is ".owners[]|select(.name==\"t-a\")|.id" "$id"
	ok "owners -j lists it"
	run 0 labyrinth owners
	prints "t-a"
	prints "GUARANTEE"
	ok "owners"
	run 2 labyrinth owner add t-a
	silent
	says "EEXIST"
	ok "the same name again is refused"
	run 0 labyrinth -j owner add info --uid nobody --gid nogroup --quota 8K
	jq_is .name info
	run 0 labyrinth -j show info
	jq_is '[.uid,.gid,.quota]|join(" ")' "$(id -u nobody) $(getent group nogroup | cut -d: -f3) 2"
	ok "an owner with the name of a command; user and group by name; quota in bytes"
	run 0 labyrinth owner del info
	silent
	run 2 labyrinth show info
	refused
	says "ENOENT"
	run 2 labyrinth owner del info
	refused
	says "ENOENT"
	ok "owner del, and it is gone"
	run 2 labyrinth owner add t-b --guarantee 999999999
	silent
	says "labyrinth: adding owner t-b: "
	run 2 labyrinth show t-b
	ok "a guarantee that can't be kept is refused, and no owner made"
	run 2 labyrinth pages -o nosuch
	refused
	run 2 labyrinth pages --owner 1000000
	refused
	ok "pages of an unknown owner is an error, not an empty list"
}

test_owner_change() {
	run 0 labyrinth owner set t-a --quota 100 --no-emergency --mode 600 --guarantee 3
	silent
	no_error
	run 0 labyrinth -j show t-a
	jq_is '[.quota,.emergency,.mode,.guarantee]|map(tostring)|join(" ")' "100 false 0600 3"
	ok "owner set"
	run 0 labyrinth owner set t-a --emergency
	run 0 labyrinth owner set t-a --gid 12
	run 0 labyrinth -j show t-a
	jq_is '[.emergency,.gid,.quota]|map(tostring)|join(" ")' "true 12 100"
	run 0 labyrinth owner set t-a --gid 0 --no-emergency
	ok "owner set of one thing leaves the others"
	run 0 labyrinth -j owner set t-a --quota 1M
	jq_is .ok true
	run 0 labyrinth -j show t-a
	jq_is '[.quota,.guarantee]|join(" ")' "256 3"
	ok "what is not named stays"
	run 2 labyrinth owner set nosuch --quota 1
	refused
	says "ENOENT"
	ok "owner set of an unknown owner"
	run 2 labyrinth -j owner set t-a --guarantee 999999999
	json_ok "$dir/err"
	holds test "$(jq .errno "$dir/err")" -gt 0
	run 0 labyrinth -j show t-a
	jq_is .guarantee 3
	ok "owner set that is refused changes nothing"
	run 0 labyrinth owner set t-a --quota 64 --guarantee 0
	ok "owner set back"
}

test_reserve() {
	run 0 labyrinth reserve
	prints "EMERGENCY-AVAILABLE"
	run 0 labyrinth reserve -j
	jq_is '.reserve|length > 0' true
	local low high emergency
	low=$(jq '.reserve[0].low' "$dir/out")
	high=$(jq '.reserve[0].high' "$dir/out")
	emergency=$(jq '.reserve[0].emergency' "$dir/out")
	holds test "$low" -gt 0
	ok "reserve"
	run 0 labyrinth reserve set --node 0 --low $((low - 1)) --high $((high - 1))
	silent
	run 0 labyrinth -j reserve
	jq_is '.reserve[0]|[.low,.high,.emergency]|join(" ")' "$((low - 1)) $((high - 1)) $emergency"
	ok "reserve set"
	run 0 labyrinth reserve set --low "$low" --high "$high"
	run 0 labyrinth -j reserve
	jq_is '.reserve[0]|[.low,.high]|join(" ")' "$low $high"
	run 0 labyrinth reserve set --high $((high + 1))
	run 0 labyrinth -j reserve
	jq_is '.reserve[0]|[.low,.high]|join(" ")' "$low $((high + 1))"
	run 0 labyrinth reserve set --high "$high"
	ok "reserve set back, on all nodes, and one of them alone"
	run 0 labyrinth reserve set --emergency $((emergency + 1))
	run 0 labyrinth -j reserve
	jq_is '.reserve[0].emergency' "$((emergency + 1))"
	run 0 labyrinth reserve set --emergency "$emergency"
	run 0 labyrinth -j reserve
	jq_is '.reserve[0].emergency' "$emergency"
	ok "reserve set --emergency, and back"
	run 2 labyrinth reserve set --low $((high + 1))
	silent
	says "labyrinth: setting the reserve: "
	says "EINVAL"
	run 2 labyrinth reserve set --node 4000 --low 1
	silent
	says "labyrinth: setting the reserve: "
	run 0 labyrinth -j reserve
	jq_is '.reserve[0]|[.low,.high]|join(" ")' "$low $high"
	ok "low above high, and no such node: refused, and nothing changed"
}
