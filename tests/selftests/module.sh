# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For the scripts that load the module with parameters of their own, behind
# ktap.sh: it ends up loaded as it was found. LABYRINTH_KO is its file,
# LABYRINTH_PARAMS its parameters.

PATH=$PATH:/usr/sbin:/sbin
module_ko=${LABYRINTH_KO:-$(modinfo -n labyrinth 2>/dev/null)}
module_changed=

module_wanted() {
	[ "$(id -u)" -eq 0 ] || skip_all "needs root"
	[ -e "$module_ko" ] || skip_all "no module: LABYRINTH_KO='$module_ko'"
	command -v labyrinth >/dev/null || skip_all "no labyrinth tool on PATH"
}

# reload_with [PARAMETER]...: with these behind its own.
# shellcheck disable=SC2120 # of those who source it, some pass them
reload_with() {
	local params said

	read -ra params <<<"${LABYRINTH_PARAMS-}"
	module_changed=1
	if [ -e /sys/module/labyrinth ]; then
		said=$(rmmod labyrinth 2>&1) || { note "$said" && return 1; }
	fi
	said=$(insmod "$module_ko" "${params[@]}" "$@" 2>&1) || { note "$said" && return 1; }
}

# shellcheck disable=SC2119,SC2317 # called by trap, and without any
module_as_it_was() {
	[ -z "$module_changed" ] || reload_with
}

# The kernel's log from here on: log_begin, and then log_has PATTERN.
log_begin() {
	log_mark="labyrinth selftest: $RANDOM$RANDOM$RANDOM"
	echo "$log_mark" >/dev/kmsg
}

log_since() {
	dmesg | awk -v mark="$log_mark" 'seen { print } index($0, mark) { seen = 1 }'
}

log_has() {
	log_since | grep -qE "$1" && return
	note "the log says nothing of /$1/:"
	log_since | tail -n 5 | while IFS= read -r line; do note "$line"; done
	return 1
}
