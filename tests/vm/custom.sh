# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# Kernels that are built here, from Debian's source, allnoconfig and the fragments
# in configs/: for tests/vm/kernels. Sourced, never run.
#
# A kernel lies in a directory that is named by what it is made of, so that one
# that is in use stays as it is, and a change of a fragment makes another.

# Counted up when what is below builds another kernel from the same fragments.
CUSTOM_RECIPE=1

is_custom() {
	case $1 in debug | debug-rt | kcsan | mainline) ;; *) return 1 ;; esac
}

# The fragments of K, a later one's word over an earlier one's.
fragments_of() {
	case $1 in
	debug) echo common locks debug ;;
	debug-rt) echo common locks rt ;;
	kcsan) echo common kcsan ;;
	mainline) echo common mainline ;;
	esac
}

# More for make, when K is built. A kernel that watches its own accesses for data
# races reports many that are none of ours; KCSAN_SANITIZE is kbuild's own switch.
make_arguments_of() {
	case $1 in kcsan) echo KCSAN_SANITIZE=n ;; esac
}

series_of_custom() {
	case $1 in
	mainline) mainline_series ;;
	*) echo 6.12 ;;
	esac
}

# As measured on two CPUs.
minutes_of() {
	case $1 in
	debug) echo 10 ;;
	kcsan) echo 10 ;;
	*) echo 6 ;;
	esac
}

# symbol=value, or symbol=n: each once, as the last fragment has it.
wanted_options() {
	local f

	for f in $(fragments_of "$1"); do
		cat "$here/configs/$f.config"
	done | sed -nE 's/^(CONFIG_[A-Z0-9_]+)=(.*)$/\1=\2/p; s/^# (CONFIG_[A-Z0-9_]+) is not set$/\1=n/p' |
		awk -F= '!($1 in value) { order[++n] = $1 } { value[$1] = $0 }
			END { for (i = 1; i <= n; i++) print value[order[i]] }'
}

key_of() {
	{
		echo "$CUSTOM_RECIPE"
		debian_version "$2"
		gcc -dumpfullversion
		make_arguments_of "$1"
		wanted_options "$1"
	} | sha256sum | cut -c1-8
}

# What kconfig does not take it drops without a word: a detector that is not there.
check_config() {
	local k=$1 config=$2 line symbol lost=()

	while read -r line; do
		symbol=${line%%=*}
		case $line in
		*=n) ! grep -q "^$symbol=" "$config" || lost+=("$line") ;;
		*) grep -qxF "$line" "$config" || lost+=("$line") ;;
		esac
	done < <(wanted_options "$k")
	[ ${#lost[@]} -eq 0 ] ||
		die "$k: the kernel's configuration does not take ${lost[*]} (a dependency is missing, or it has another name)"
}

in_tree() {
	local log=$1

	shift
	make -s "$@" >"$log" 2>&1 </dev/null || {
		grep -aE 'error|Error|\*\*\*' "$log" | head -n 20 >&2
		die "the kernel does not build: make $*; the log is $log"
	}
}

# What a module is built against, and nothing more: not the objects.
slim() {
	rm -rf "${1:?}/arch/x86/boot" "${1:?}/usr"
	find "$1" \( -path "$1/scripts" -o -path "$1/tools" \) -prune -o -type f \
		\( -name '*.o' -o -name '*.a' -o -name '*.cmd' -o -name '*.ko' -o -name '*.gcno' \
		-o -name 'vmlinux' -o -name '.tmp_vmlinux*' \) -print0 | xargs -0 -r rm -f
	find "$1" -mindepth 1 -type d -empty -delete
}

# build_kernel K SOURCE KEY TREE: into TREE, laid out as Debian's packages are.
build_kernel() {
	local k=$1 source=$2 key=$3 tree=$4 objects release modules

	objects=$tree/objects
	mkdir -p "$objects"
	rm -rf "${tree:?}/boot" "${tree:?}/lib" "${tree:?}/usr"
	wanted_options "$k" >"$tree/wanted"
	in_tree "$tree/log" -C "$source" O="$objects" KCONFIG_ALLCONFIG="$tree/wanted" allnoconfig
	check_config "$k" "$objects/.config"
	# shellcheck disable=SC2046 # several arguments
	in_tree "$tree/log" -C "$source" O="$objects" -j"$(nproc)" LOCALVERSION="-$k-$key" \
		$(make_arguments_of "$k") bzImage modules
	release=$(<"$objects/include/config/kernel.release")
	modules=$tree/lib/modules/$release
	in_tree "$tree/log" -C "$source" O="$objects" INSTALL_MOD_PATH="$tree" modules_install
	mkdir -p "$tree/boot" "$tree/usr/src"
	cp "$objects/arch/x86/boot/bzImage" "$tree/boot/vmlinuz-$release"
	cp "$objects/System.map" "$tree/boot/System.map-$release"
	slim "$objects"
	# Since 6.13 the objects' own Makefile says where they lie.
	sed -i "s|$objects|${tree%.tmp}/usr/src/linux-headers-$release|" "$objects/Makefile"
	mv "$objects" "$tree/usr/src/linux-headers-$release"
	rm -f "$tree/log" "$modules/source"
	ln -sfn "../../../usr/src/linux-headers-$release" "$modules/build"
	printf '%s\n' "$release" >"$tree/release"
}

# The one before stays: another branch of the tree may want it in turn.
drop_old_builds() {
	local dir

	find "$1" -mindepth 2 -maxdepth 2 -name release -printf '%T@ %h\n' | sort -rn |
		awk 'NR > 2 { print $2 }' | while read -r dir; do rm -rf "$dir"; done
}

# Whole or not at all; what was interrupted is gone on with. Called with the lock held.
build_custom() {
	local k=$1 final=$2 tmp=$2.tmp key=${2##*/} source begin=$SECONDS

	need make make
	need gcc gcc
	need flex flex
	need bison bison
	need bc bc
	need depmod kmod
	source=$(source_dir "$(series_of_custom "$k")")
	mkdir -p "$tmp"
	say "building the $k kernel, Linux $(debian_version "$source"): about $(minutes_of "$k") minutes on two CPUs"
	build_kernel "$k" "$source" "$key" "$tmp"
	mv "$tmp" "$final"
	drop_old_builds "${final%/*}"
	say "built the $k kernel in $((SECONDS - begin)) s"
}
