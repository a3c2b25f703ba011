# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# For cli.sh: revoke, of blocks that lie there, are held, or are being touched.

revoked_so_far() { labyrinth -j stats | jq .revoked; }

test_revoke() {
	local -a handles
	local before
	before=$(revoked_so_far)
	run 0 labyrinth owner add t-rev --accept uid --inbox 8
	run 0 labyrinth alloc -o t-rev -n 5
	mapfile -t handles <"$dir/out"
	run 0 labyrinth revoke t-rev "${handles[1]}"
	same "$out" "revoked 1 page"
	no_error
	same "$(used_by t-rev)" 4
	run 2 labyrinth show "${handles[1]}"
	says "ENOENT"
	run 2 labyrinth read -o t-rev --handle "${handles[1]}"
	says "ENOENT"
	ok "revoke of one block: its page is taken, and nobody knows its handle any more"
	run 0 labyrinth -j revoke "#$(labyrinth -j show t-rev | jq .id)" "${handles[0]}" "${handles[4]}"
	jq_is '[.owner,.revoked]|map(tostring)|join(" ")' "$(labyrinth -j show t-rev | jq .id) 2"
	same "$(labyrinth -j pages -o t-rev | jq -r '[.pages[].handle]|sort|join(" ")')" \
		"$(printf '%s\n' "${handles[@]:2:2}" | sort | tr '\n' ' ' | sed 's/ $//')"
	ok "revoke -j of two by the owner's number: those two, and no others"
	run 0 labyrinth alloc -o t-rev --order 1 --fallback wait --timeout 5s
	run 0 labyrinth revoke t-rev
	same "$out" "revoked 4 pages"
	same "$(used_by t-rev)" 0
	same "$(revoked_so_far)" $((before + 6))
	ok "revoke of all counts pages; stats count blocks"
	run 0 labyrinth revoke t-rev
	same "$out" "revoked 0 pages"
	run 0 labyrinth alloc -o t-rev
	run 0 labyrinth free -o t-rev "$out"
	ok "revoke of none; the owner lives on, and can take pages again"
}

test_revoke_refused() {
	local -a handles
	run 2 labyrinth revoke nosuch
	refused
	says "no such owner (ENOENT)"
	says "labyrinth owners"
	run 2 labyrinth revoke 999999 0x1
	refused
	says "no such owner (ENOENT)"
	ok "revoke: no such owner"
	run 0 labyrinth alloc -o t-rev -n 3
	mapfile -t handles <"$dir/out"
	run 0 labyrinth free -o t-a --all
	run 0 labyrinth alloc -o t-a
	local foreign=$out wrong
	run 0 labyrinth free -o t-rev "${handles[2]}"
	for wrong in "${handles[2]}" "$foreign" 0xffffffffffffffff; do
		run 2 labyrinth revoke t-rev "${handles[0]}" "$wrong" "${handles[1]}"
		refused
		says "$wrong"
		says "this owner's (ENOENT)"
		says "labyrinth pages --owner"
		same "$(used_by t-rev)" 2
	done
	same "$(used_by t-a)" 1
	run 0 labyrinth free -o t-a --all
	ok "revoke: a stale, another's or a made-up handle is named, and none is taken"
	run 2 labyrinth -j revoke t-rev "${handles[2]}"
	silent
	json_ok "$dir/err"
	same "$(jq -r '[.errno,."errno-name"]|join(" ")' "$dir/err")" "2 ENOENT"
	ok "the same in JSON"
	for wrong in t-rev "t-rev ${handles[0]}" nosuch; do
		# shellcheck disable=SC2086
		run 2 as_nobody labyrinth revoke $wrong
		refused
		says "EPERM"
		says "root"
	done
	same "$(used_by t-rev)" 2
	ok "revoke: not by nobody"
	run 0 labyrinth free -o t-rev --all
	run 0 labyrinth alloc -o t-a
	run 0 labyrinth give -o t-a --to t-rev "$out"
	wrong=$(labyrinth -j pages -o t-rev | jq -r '.pages[0].handle')
	run 2 labyrinth revoke t-rev "$wrong"
	refused
	says "EBUSY"
	says "inbox"
	same "$(used_by t-rev)" 1
	run 0 labyrinth revoke t-rev
	same "$out" "revoked 1 page"
	same "$(used_by t-rev) $(inbox_of t-rev inbox-used)" "0 0"
	run 2 labyrinth take -o t-rev
	says "EAGAIN"
	ok "revoke: what waits in the inbox goes with all, and not alone"
}

# Whoever made a kernel owner: the sample, where it has been built.
test_revoke_kernel() {
	local what="revoke: a module's pages can't be taken" id handle
	local ko=${LABYRINTH_ROOT-.}/build/${LABYRINTH_KERNEL-host}/${LABYRINTH_VARIANT-release}/labyrinth_capture.ko
	if ! [ -e "$ko" ]; then
		skip "$what" "labyrinth_capture.ko has not been built (make samples)"
		return
	fi
	if ! insmod "$ko" to=t-rev count=1 2>"$dir/err"; then
		skip "$what" "labyrinth_capture.ko is not one for this labyrinth.ko"
		return
	fi
	id=$(labyrinth -j owners | jq '.owners[]|select(.kind=="kernel").id')
	run 2 labyrinth revoke "$id"
	refused
	says "EOPNOTSUPP"
	says "module"
	handle=$(labyrinth -j pages --owner "$id" | jq -r '.pages[0].handle // empty')
	if [ -n "$handle" ]; then
		run 2 labyrinth revoke "$id" "$handle"
		says "EOPNOTSUPP"
	fi
	rmmod labyrinth_capture || note "the module can't be unloaded"
	run 0 labyrinth revoke t-rev
	ok "$what"
}

test_revoke_held() {
	local holder handle
	local -a handles
	hold 5 -n 4
	mapfile -t handles < <(tail -n 3 "$dir/held")
	run 0 labyrinth revoke "$(owner_held)" "${handles[0]}" "${handles[2]}"
	same "$out" "revoked 2 pages"
	same "$(used_by "$(owner_held)")" 2
	sleep 0.3
	holds kill -0 "$holder"
	kill "$holder"
	let_go 0
	holds grep -qx "revoked ${handles[0]}" "$dir/held"
	holds grep -qx "revoked ${handles[2]}" "$dir/held"
	same "$(grep -c revoked "$dir/held")" 2
	says "2 of 4 blocks were revoked meanwhile"
	ok "hold: what is revoked is told at the end; who does not touch it does not die"
	hold 1 -j -n 3
	handle=$(jq -r '.handles[1]' "$dir/held")
	run 0 labyrinth revoke "$(jq .owner "$dir/held")" "$handle"
	kill "$holder"
	let_go 0
	no_error
	same "$(jq -s -c '.[1]' "$dir/held")" "{\"freed\":2,\"revoked\":[\"$handle\"]}"
	ok "the same in JSON"
	hold 3 -n 2
	run 0 labyrinth revoke "$(owner_held)"
	same "$out" "revoked 2 pages"
	run 0 labyrinth -j show "$(owner_held)"
	jq_is '[.kind,.used]|map(tostring)|join(" ")' "file 0"
	kill "$holder"
	let_go 0
	says "2 of 2 blocks were"
	hold 3
	run 0 labyrinth revoke "$(owner_held)"
	kill "$holder"
	let_go 0
	says "1 of 1 block was revoked"
	ok "revoke of all: a file owner lives on with nothing"
}

# touch_pages [NAME]: the toucher, in the background, as $toucher; its handles in
# $handles.
touch_pages() {
	"$dir/toucher" "$@" >"$dir/touched" 2>"$dir/err" </dev/null &
	toucher=$!
	waited lines_in "$dir/touched" 4 || note "it does not begin: $(cat "$dir/err")"
	mapfile -t handles <"$dir/touched"
}

owner_of() { labyrinth -j show "$1" | jq .owner; }

test_revoke_touched() {
	local what="a process that touches what was revoked gets SIGBUS" toucher id
	local -a handles
	if ! command -v cc >/dev/null; then
		skip "$what" "no C compiler"
		return
	fi
	cc -Wall -Werror -I"$here/../../uapi" -o "$dir/toucher" "$here/toucher.c" || note "it does not build"
	touch_pages
	id=$(owner_of "${handles[0]}")
	same "$(labyrinth -j pages --owner "$id" | jq -r '[.pages[].mapped]|unique|join(" ")')" true
	run 0 labyrinth revoke "$id" "${handles[3]}"
	sleep 0.5
	holds kill -0 "$toucher"
	same "$(used_by "$id")" 3
	ok "who touches others than what was revoked lives on"
	run 0 labyrinth revoke "$id" "${handles[1]}"
	waited ended_is "$toucher" || kill -9 "$toucher"
	wait "$toucher" 2>/dev/null
	same $? $((128 + 7))
	run 2 labyrinth show "$id"
	says "ENOENT"
	ok "$what"
	touch_pages t-rev
	same "$(used_by t-rev)" 4
	run 0 labyrinth revoke t-rev
	same "$out" "revoked 4 pages"
	waited ended_is "$toucher" || kill -9 "$toucher"
	wait "$toucher" 2>/dev/null
	same $? $((128 + 7))
	run 0 labyrinth -j show t-rev
	jq_is '[.used,.attached]|map(tostring)|join(" ")' "0 false"
	run 0 labyrinth alloc -o t-rev
	run 0 labyrinth free -o t-rev --all
	ok "all at once, as a named owner, which lives on"
	run 0 labyrinth owner del t-rev
	run 0 labyrinth verify
}
