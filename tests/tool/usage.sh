#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2154
#
# Command lines that can't be meant, help and version: the kernel has no part in
# them. TAP. Run anywhere with `labyrinth` on PATH.
set -u
here=$(dirname "$(readlink -f "$0")")
# shellcheck source-path=SCRIPTDIR source=cli_lib.sh
. "$here/cli_lib.sh"
export LC_ALL=C
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# usage WORD...: exit 1, an error, and nothing else.
usage() {
	run 1 labyrinth "$@"
	silent
	says "labyrinth: "
	ok "usage: labyrinth ${*@Q}"
}

# absent WORD...: there is no module to ask.
absent() {
	run 2 labyrinth "$@"
	silent
	says "modprobe labyrinth"
	ok "without the module: labyrinth ${*@Q}"
}

test_absent() {
	[ ! -e /sys/module/labyrinth ] || return
	absent info
	absent verify
	absent alloc -o t-a
	absent free -o t-a --all
	absent give -o t-a --to t-b --all
	absent take -o t-a
	absent read -o t-a
	absent revoke t-a
	absent owner del t-a
	absent pages
	absent show 1
	absent owners
	absent reserve
	absent reserve set --low 1
	absent stats
	absent stats --latency
	absent stats set --reset
}

test_usage() {
	run 1 labyrinth
	says "Usage: labyrinth"
	ok "labyrinth alone: short help and 1"
	usage bogus
	usage --bogus
	usage info --bogus
	usage info extra
	usage owner
	usage owner bogus
	usage owner add
	usage owner add 'a b'
	usage owner add 12
	usage owner add 0x12
	usage owner add aaaaaaaaaabbbbbbbbbbccccccccccdd
	usage owner add t-a --uid nosuchuser
	usage owner add t-a --uid ''
	usage owner add t-a --uid 4294967295
	usage owner add t-a --gid nosuchgroup
	usage owner add t-a --mode 8
	usage owner add t-a --mode 1777
	usage owner add t-a --quota x
	usage owner add t-a --quota 3K
	usage owner add t-a --quota -1
	usage owner add t-a --quota limitless
	usage owner add t-a --guarantee unlimited
	usage owner set t-a
	usage owner set t-a --emergency --no-emergency
	usage owner set '' --quota 1
	usage owner add t-a --accept all
	usage owner add t-a --accept ''
	usage owner set t-a --inbox 0
	usage owner set t-a --inbox 65537
	usage owner set t-a --inbox x
	usage reserve set
	usage reserve set --low 5 --high 4
	usage reserve set --low x
	usage reserve set --node x --low 1
	usage show
	usage show 0x
	usage show 0x0
	usage show '#x'
	usage pages -o t-a --owner 1
	usage pages --owner x
	usage alloc -o t-a -n 0
	usage alloc -o t-a -n x
	usage alloc -o t-a --order -1
	usage alloc -o t-a --order 1x
	usage alloc -o t-a --tag 0x1abd000000000000
	usage alloc -o t-a -n 2 --tag 0x1abcffffffffffff
	usage alloc -o t-a -n 2 --tag 0xffffffffffffffff
	usage alloc -o t-a --fallback never
	usage alloc -o t-a --fallback defer --partial
	usage alloc -o t-a --fallback defer --timeout 2s
	usage alloc -o t-a --fallback defer -n 65537
	usage alloc -o t-a --timeout 2s
	usage alloc -o t-a --fallback wait --timeout 2
	usage alloc -o t-a --fallback wait --timeout 0s
	usage free -o t-a
	usage free -o t-a --all 0x1
	usage free -o t-a 12
	usage write -o t-a --append --replace /dev/null
	usage write -o t-a --fallback wait /dev/null
	usage write -o t-a --fallback defer /dev/null
	usage give -o t-a 0x1
	usage give -o t-a --to t-b
	usage give -o t-a --to t-b --all 0x1
	usage give -o t-a --to t-b 12
	usage give -o t-a --to 0 0x1
	usage give -o t-a --to 'a b' 0x1
	usage take -o t-a -n 0
	usage take -o t-a -n x
	usage take -o t-a 0x1
	usage take -o t-a --timeout 2s
	usage take -o t-a --follow --timeout 2
	usage take -o t-a --free --data
	usage stats extra
	usage stats set
	usage stats set --latency
	usage stats set --latency maybe
	usage stats set --deadline 5
	usage stats set --deadline 0s
	usage stats --latency set --reset
	usage read -o t-a --handle x
	usage read -o t-a --whole
	usage --color sometimes info
	usage --color never bogus
	usage alloc -o t-a --scope thread
	usage alloc -o t-a --scope threads
	usage hold extra
	usage hold -n 0
	usage hold -n x
	usage hold --order -1
	usage hold --scope all
	usage hold -o 'a b'
	usage hold --tag 1
	usage hold --fallback defer
	usage hold --fallback wait
	usage hold --timeout 2s
	usage hold -n 0 -- true
	usage revoke
	usage revoke ''
	usage revoke 'a b'
	usage revoke '#x'
	usage revoke t-a 12
	usage revoke t-a 0x0
	usage revoke t-a 0x1 0x2 0x1
	usage revoke --all t-a
	run 1 labyrinth alloc -o t-a --scope thread
	refused
	says "labyrinth hold --scope thread"
	ok "alloc for one thread points to hold"
	for command in alloc free write read give take; do
		run 1 labyrinth "$command"
		refused
		says "labyrinth owner add"
		says "die with this command"
		ok "$command without -o points to owner add"
	done
	run 1 labyrinth -j bogus
	silent
	json_ok "$dir/err"
	same "$(jq -r .errno "$dir/err")" 0
	ok "a usage error with -j is JSON on stderr"
	for command in -j --json -p --pretty; do
		run 1 labyrinth bogus "$command"
		json_ok "$dir/err"
		ok "a usage error with $command behind it is JSON on stderr"
		run 1 labyrinth "$command" alloc -o
		json_ok "$dir/err"
		ok "an option without its value, $command before it, is JSON on stderr"
	done
	run 1 labyrinth read -j -o t-a
	silent
	json_ok "$dir/err"
	holds grep -q 'read -j -o NAME FILE' "$dir/err"
	ok "read to stdout can't be JSON as well"
	run 1 labyrinth take -p -o t-a --data
	silent
	json_ok "$dir/err"
	holds grep -q "both the data and JSON" "$dir/err"
	ok "nor can take --data"
	run 1 labyrinth alloc --pretty
	json_ok "$dir/err"
	holds grep -q 'owner add' "$dir/err"
	ok "a missing -o with --pretty is JSON on stderr"
}

test_help() {
	local command
	for command in '' info alloc free read write pages owners owner 'owner add' 'owner del' \
		'owner set' show stats 'stats set' reserve 'reserve set' verify give take hold revoke; do
		# shellcheck disable=SC2086
		run 0 labyrinth $command -h
		no_error
		prints "Usage: labyrinth${command:+ $command}"
		ok "help: labyrinth $command -h"
	done
	run 0 labyrinth -V
	prints "labyrinth "
	no_error
	ok "version"
	for command in --help -V "alloc -h"; do
		run 2 sh -c "labyrinth $command >/dev/full"
		says "ENOSPC"
	done
	ok "help and version to a full device"
}

test_usage
test_help
test_absent
finish
