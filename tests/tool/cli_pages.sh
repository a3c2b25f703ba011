# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# For cli.sh: alloc, free, show of a page, pages.

test_alloc() {
	run 0 labyrinth alloc -o t-a
	no_error
	holds grep -Eqx '0x[0-9a-f]{16}' "$dir/out"
	same "$(used_by t-a)" 1
	ok "alloc prints a handle of 16 digits, and the page outlives the command"
	run 0 labyrinth alloc -o t-a -n 3 --tag 40 --strict
	same "$(sort -u "$dir/out" | wc -l)" 3
	run 0 labyrinth -j pages -o t-a
	jq_is '[.pages[].tag]|sort|join(" ")' "$(printf '0x%016x ' 0 40 41 42 | sed 's/ $//')"
	jq_is '[.pages[].state]|unique|.[]' owned
	ok "alloc -n 3 --tag 40 --strict: tags count on"
	run 0 labyrinth -j alloc -o t-a -n 2 --order 2 --fallback wait --timeout 5s
	jq_is '[.owner,.wanted,.order,(.handles|length)]|join(" ")' "t-a 2 2 2"
	same "$(used_by t-a)" 12
	ok "alloc -j --order 2"
	run 2 labyrinth alloc -o nosuch
	refused
	says "labyrinth owner add nosuch"
	says "ENOENT"
	ok "alloc for an unknown owner"
	run 2 labyrinth alloc -o t-a --order 31
	refused
	says "order"
	run 2 labyrinth alloc -o t-a --order 1 --strict
	refused
	says "EOPNOTSUPP"
	same "$(used_by t-a)" 12
	ok "an order too large, and strict with an order, are refused"
	run 0 labyrinth free -o t-a --all
	prints "freed 6"
	same "$(used_by t-a)" 0
	ok "free --all"
}

test_alloc_limits() {
	run 0 labyrinth owner set t-a --quota 10
	run 0 labyrinth alloc -o t-a -n 4
	run 2 labyrinth alloc -o t-a -n 7
	refused
	says "4 of 10 pages held, 7 more wanted"
	says "EDQUOT"
	says "labyrinth owner set t-a --quota"
	same "$(used_by t-a)" 4
	ok "quota: used, quota and wanted are named, nothing is taken"
	run 2 labyrinth -j alloc -o t-a -n 7
	silent
	json_ok "$dir/err"
	same "$(jq -r '[.errno,."errno-name",.reason]|join(" ")' "$dir/err")" "122 EDQUOT quota"
	holds test "$(jq -r '.hint|length' "$dir/err")" -gt 0
	ok "the same in JSON"
	run 0 labyrinth alloc -o t-a -n 20 --partial
	same "$(wc -l <"$dir/out")" 6
	says "6 of 20"
	ok "alloc --partial keeps what could be had, and says so"
	run 0 labyrinth owner set t-a --quota 64
}

test_free() {
	run 0 labyrinth free -o t-a --all
	run 0 labyrinth alloc -o t-a -n 3
	local -a handles
	mapfile -t handles <"$dir/out"
	run 0 labyrinth free -o t-a "${handles[0]}"
	prints "freed 1"
	run 2 labyrinth free -o t-a "${handles[0]}"
	refused
	says "${handles[0]}"
	says "ENOENT"
	says "labyrinth pages -o t-a"
	ok "a stale handle is refused and named"
	run 2 labyrinth free -o t-a "${handles[1]}" "${handles[0]}" "${handles[2]}"
	says "${handles[0]}"
	same "$(used_by t-a)" 2
	run 2 labyrinth free -o t-a "${handles[1]}" "${handles[1]}"
	same "$(used_by t-a)" 2
	ok "one bad handle of three, or one twice: none is freed"
	run 0 labyrinth -j free -o t-a --partial "${handles[1]}" "${handles[0]}" "${handles[2]}"
	jq_is '[.wanted,.freed]|join(" ")' "3 2"
	same "$(used_by t-a)" 0
	ok "free --partial skips it"
	run 2 labyrinth free -o t-a 0xffffffffffffffff
	says "ENOENT"
	run 0 labyrinth owner add t-b
	run 0 labyrinth alloc -o t-b
	local foreign=$out
	run 2 labyrinth free -o t-a "$foreign"
	says "ENOENT"
	same "$(used_by t-b)" 1
	ok "a made-up handle, and another owner's, are refused alike"
	run 0 labyrinth free -o t-a --all
	prints "freed 0"
	ok "free --all of none"
}

test_show() {
	run 0 labyrinth alloc -o t-a --order 1 --tag 0xabc --fallback wait --timeout 5s
	local handle=$out
	run 0 labyrinth -j show "$handle"
	jq_is .handle "$handle"
	jq_is '[.order,.used,.tag,.state,.scope]|join(" ")' "1 0 0x0000000000000abc owned process"
	jq_is .owner "$(labyrinth -j show t-a | jq .id)"
	jq_is '.phys|test("^0x[0-9a-f]{16}$")' true
	jq_is '."age-ns" > 0' true
	ok "show a page, -j"
	run 0 labyrinth show "$handle"
	prints "$handle"
	prints "0xabc"
	ok "show a page"
	run 0 labyrinth owner del t-b
	run 2 labyrinth show 0xffffffffffffffff
	refused
	run 0 labyrinth free -o t-a --all
	run 2 labyrinth show "$handle"
	refused
	says "ENOENT"
	ok "show a stale handle"
}

test_dump() {
	local many=5000
	run 0 labyrinth owner add t-many --quota 100000
	run 0 labyrinth alloc -o t-many -n $many --fallback wait --timeout 60s
	same "$(wc -l <"$dir/out")" $many
	sort "$dir/out" >"$dir/handles"
	run 0 labyrinth -j pages -o t-many
	jq_is '.pages|length' $many
	jq_is '[.pages[].tag]|unique|length' $many
	holds cmp -s "$dir/handles" <(jq -r '.pages[].handle' "$dir/out" | sort)
	ok "a dump of $many pages is complete, each once"
	run 0 labyrinth pages
	holds test "$(wc -l <"$dir/out")" -gt $many
	run 0 labyrinth -p pages --owner "$(labyrinth -j show t-many | jq .id)"
	jq_is '.pages|length' $many
	ok "pages of all owners, and by number"
	mapfile -t handles <"$dir/handles"
	run 2 labyrinth free -o t-many "${handles[@]}" 0xffffffffffffffff
	same "$(used_by t-many)" $many
	run 0 labyrinth free -o t-many "${handles[@]}"
	prints "freed $many"
	same "$(used_by t-many)" 0
	ok "free of $many handles: none with one stale, then all"
	run 0 labyrinth owner del t-many
}
