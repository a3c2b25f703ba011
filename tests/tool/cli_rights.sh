# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# For cli.sh: what another user may do, and two users of one owner.

as_nobody() { setpriv --reuid=nobody --regid=nogroup --clear-groups -- "$@"; }

test_rights() {
	local mode
	mode=$(stat -c %a /dev/labyrinth)
	chmod 600 /dev/labyrinth
	run 2 as_nobody labyrinth alloc -o t-a
	refused
	says "EACCES"
	says "0600, user 0"
	ok "no permission on the device: its mode is named"
	run 0 as_nobody labyrinth info -j
	no_error
	jq_is '.slots > 0 and (has("caller") | not)' true
	ok "info without it says what is everybody's"
	chmod 666 /dev/labyrinth
	run 0 as_nobody labyrinth info
	prints "page size"
	for command in "owner add t-x" "owner del t-a" "owner set t-a --quota 1" "reserve set --low 1" \
		verify; do
		# shellcheck disable=SC2086
		run 2 as_nobody labyrinth $command
		refused
		says "EPERM"
		says "root"
	done
	ok "nobody may see info, but administrate nothing"
	run 0 labyrinth alloc -o t-a
	run 2 as_nobody labyrinth show "$out"
	refused
	says "ENOENT"
	run 2 as_nobody labyrinth show t-a
	says "ENOENT"
	run 0 as_nobody labyrinth owners -j
	jq_is '[.owners[]|select(.uid==0)]|length' 0
	run 0 as_nobody labyrinth pages -j
	jq_is '.pages|length' 0
	ok "nobody sees neither root's owners nor their pages"
	run 2 as_nobody labyrinth read -o t-a
	refused
	says "EACCES"
	says "labyrinth owner set t-a"
	ok "an owner's mode keeps others out"
	run 0 labyrinth owner add t-nobody --uid nobody --gid nogroup
	printf data >"$dir/data"
	chmod 644 "$dir/data"
	run 0 as_nobody labyrinth write -o t-nobody "$dir/data"
	run 0 as_nobody labyrinth read -o t-nobody
	same "$out" data
	run 0 as_nobody labyrinth -j pages -o t-nobody
	jq_is '.pages|length' 1
	jq_is '.pages[0]|has("phys")' false
	ok "nobody's own owner: write, read, pages, but no physical address"
	run 0 labyrinth owner add t-open --uid 0 --gid nogroup --mode 0640
	run 0 labyrinth write -o t-open "$dir/data"
	run 0 as_nobody labyrinth read -o t-open
	same "$out" data
	run 2 as_nobody labyrinth write -o t-open --replace "$dir/data"
	says "EACCES"
	ok "the group may read and not write, with mode 0640"
	test_memlock
	chmod "$mode" /dev/labyrinth
}

test_memlock() {
	local limit=8 before
	before=$(used_by t-nobody)
	run 2 bash -c "ulimit -l $((limit * 4)); exec setpriv --reuid=nobody --regid=nogroup \
		--clear-groups -- labyrinth alloc -o t-nobody -n 20"
	refused
	says "RLIMIT_MEMLOCK"
	says "of $limit pages"
	says "ulimit -l"
	says "CAP_IPC_LOCK"
	same "$(used_by t-nobody)" "$before"
	ok "RLIMIT_MEMLOCK: limit and use are named, nothing is taken"
}

# A writer that waits for its input holds the owner.
test_busy() {
	local holder
	mkfifo "$dir/hold"
	labyrinth write -o t-small --replace "$dir/hold" >/dev/null 2>&1 &
	holder=$!
	exec 9>"$dir/hold"
	waited attached
	run 2 labyrinth read -o t-small
	refused
	says "EBUSY"
	says "process $holder"
	ok "an owner that is attached: by which process"
	printf x >&9
	exec 9>&-
	wait $holder
	same $? 0
	same "$(labyrinth read -o t-small)" x
	rm -f "$dir/hold"
	ok "and free for the next once that is done"
}

attached() { [ "$(labyrinth -j show t-small | jq .attached)" = true ]; }
