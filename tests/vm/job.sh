# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# What the guest is told, for tests/vm/run: the command, its environment and
# where things lie, as an archive behind the initramfs. Sourced, never run.

# The job: two files for the shells in the guest, in an archive of their own behind the initramfs.
write_job() {
	local job=$dir/initrd.d/job cwd path=$root/build/tool:$PATH:/usr/sbin:/sbin keep='' p v

	cwd=$(pwd -P)
	case $cwd/ in "$root"/*) ;; *) cwd=$root ;; esac
	for p in "$root" "$(cache_dir)"; do
		case $p/ in /tmp/* | /run/* | /dev/shm/*) keep+=" $p" ;; esac
	done
	mkdir -p "$job"
	cp "$here/stage1" "$dir/initrd.d/init"
	for v in SHARE="$(share_of "$opt_kernel")" KEEP="$keep" ROOT="$root" CWD="$cwd" \
		RELEASE="$("$here/kernels" release "$opt_kernel")" MODULES="$modules" \
		LOAD="$opt_load" ALLOW_TAINT=$((opt_taint | 12288)) LABYRINTH_KO="$ko" \
		LABYRINTH_PARAMS="$opt_params" LABYRINTH_ROOT="$root" LABYRINTH_KERNEL="$opt_kernel" \
		LABYRINTH_VARIANT="$opt_variant" GUEST_PATH="$path"; do
		quote_assignment "$v"
	done >"$job/config"
	write_command >"$job/command"
}

# For busybox's shell as well, which knows less quoting than printf %q uses.
quote_assignment() {
	local value=${1#*=} quote="'\\''"

	printf "%s='%s'\n" "${1%%=*}" "${value//\'/$quote}"
}

write_command() {
	local v ours="LABYRINTH_KO LABYRINTH_PARAMS LABYRINTH_ROOT LABYRINTH_KERNEL LABYRINTH_VARIANT PATH"

	for v in ${!LC_*} ${!LABYRINTH_*} HOME LANG TERM NO_COLOR V; do
		case " $ours " in *" $v "*) continue ;; esac
		[ -z "${!v-}" ] || printf 'export %s=%q\n' "$v" "${!v}"
	done
	printf 'export %s\n' "$ours"
	printf 'exec'
	printf ' %q' "${command[@]}"
	printf '\n'
}

make_initrd() {
	local base

	base=$("$here/initramfs" "$opt_kernel")
	(cd "$dir/initrd.d" && find . | cpio -o -H newc -R 0:0 --quiet) | cat "$base" - >"$dir/initrd"
}
