# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# For cli.sh: the latency record.

# A few hundred allocations, in process context.
allocate() {
	for _ in $(seq "$1"); do
		labyrinth alloc -o t-a -n 64 --strict --fallback wait --timeout 20s >/dev/null &&
			labyrinth free -o t-a --all >/dev/null
	done
}

test_latency() {
	run 0 labyrinth owner set t-a --quota 1000
	run 0 labyrinth stats set --latency off --deadline none --reset
	silent
	run 0 labyrinth stats --latency -j
	jq_is '[.enabled,."deadline-ns",(.latency|length)]|map(tostring)|join(" ")' "false null 0"
	run 0 labyrinth stats --latency
	prints "off"
	says "labyrinth stats set --latency on"
	ok "latency: off, and nothing recorded"
	allocate 1
	run 0 labyrinth stats --latency -j
	jq_is '.latency|length' 0
	ok "latency: off records nothing"
	run 0 labyrinth -j stats set --latency on --deadline 1ns
	jq_is .ok true
	allocate 3
	run 0 labyrinth stats --latency -j
	jq_is '[.enabled,."deadline-ns"]|map(tostring)|join(" ")' "true 1"
	jq_is '[.latency[]|select(.context=="process")|.count]|add >= 192' true
	jq_is '.latency|map((.bucket|map(.count)|add) == .count)|unique|join(" ")' true
	jq_is '.latency|map(."p50-ns" <= ."p99-ns" and ."p99-ns" <= ."p999-ns" and ."p999-ns" <= ."longest-ns")|unique|join(" ")' true
	jq_is '.latency|map(.late <= .count and .late > 0)|unique|join(" ")' true
	jq_is '.latency|map(.bucket|map(."from-ns")|. == sort)|unique|join(" ")' true
	jq_is '.latency|map(."longest-ns" >= .bucket[-1]."from-ns" and ."longest-ns" <= .bucket[-1]."to-ns")|unique|join(" ")' true
	ok "latency: count, percentiles, late and histogram agree"
	run 0 labyrinth stats --latency
	prints "CONTEXT"
	prints "P99.9"
	prints "process"
	prints "####"
	no_error
	ok "latency: as text, with bars"
	local calls
	calls=$(labyrinth stats --latency -j | jq '[.latency[].count]|add')
	run 0 labyrinth stats set --latency off
	allocate 1
	run 0 labyrinth stats --latency -j
	jq_is '[.latency[].count]|add' "$calls"
	jq_is .enabled false
	ok "latency: switched off, what was recorded stays"
	run 0 labyrinth stats set --deadline 1h
	run 0 labyrinth stats set --latency on --reset
	allocate 1
	run 0 labyrinth stats --latency -j
	jq_is '[.latency[].late]|add' 0
	jq_is "[.latency[].count]|add < $calls" true
	run 0 labyrinth stats set --latency off --deadline none --reset
	run 0 labyrinth stats --latency -j
	jq_is '[(.latency|length), .enabled]|map(tostring)|join(" ")' "0 false"
	ok "latency: reset and a deadline that all keep"
	run 0 as_nobody labyrinth stats --latency
	run 2 as_nobody labyrinth stats set --latency on
	refused
	says "EPERM"
	same "$(labyrinth stats --latency -j | jq .enabled)" false
	ok "latency: all may look, root may change"
	run 0 labyrinth owner set t-a --quota 64
}
