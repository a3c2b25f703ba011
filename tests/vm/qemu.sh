# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2054
#
# How the VM is made, for tests/vm/run: what qemu is asked for, from the options
# that run has parsed into opt_*. Sourced, never run.

# A /dev/kvm that opens proves nothing: it may be one without hardware behind it,
# on which these kernels hang.
use_kvm() {
	[ -z "$opt_icount" ] || return
	[ -n "$opt_kvm" ] || { grep -qEm1 '^flags.*\b(vmx|svm)\b' /proc/cpuinfo && [ -w /dev/kvm ]; }
}

# Without cx16: an interrupt right after a cmpxchg16b finds garbage in the emulated
# flags, and returns with the trap flag set (QEMU 7.2; SLUB's fast path has one).
accel_args() {
	if use_kvm; then
		qemu+=(-accel kvm -cpu host)
	elif [ -n "$opt_icount" ]; then
		qemu+=(-accel tcg,thread=single -icount shift=0 -cpu max,-cx16)
	else
		qemu+=(-accel tcg,thread=multi -cpu max,-cx16)
	fi
}

# virtiofs reads the guest's memory from another process, so that it must be shared.
memory_args() {
	local each=$(($1 / opt_nodes)) cpus=$((opt_cpus / opt_nodes)) n share=off

	[ "$(share_of "$opt_kernel")" = virtiofs ] && share=on
	[ "$opt_nodes" -gt 1 ] || [ $share = on ] || return 0
	for ((n = 0; n < opt_nodes; n++)); do
		qemu+=(-object "memory-backend-memfd,id=mem$n,size=${each}M,share=$share"
			-numa "node,nodeid=$n,cpus=$((n * cpus))-$((n * cpus + cpus - 1)),memdev=mem$n")
	done
}

share_args() {
	case $(share_of "$opt_kernel") in
	9p)
		qemu+=(-fsdev "local,id=host,path=/,readonly=on,security_model=none,multidevs=remap"
			-device virtio-9p-pci,fsdev=host,mount_tag=host)
		;;
	virtiofs)
		qemu+=(-chardev "socket,id=host,path=$dir/virtiofs"
			-device vhost-user-fs-pci,chardev=host,tag=host)
		;;
	esac
}

# One port for each stream: the serial line carries the kernel's log and nothing else.
port_args() {
	local name

	qemu+=(-device virtio-serial-pci)
	for name in out err; do
		qemu+=(-chardev "file,id=$name,path=$dir/$name,append=on"
			-device "virtserialport,chardev=$name,name=org.labyrinth.$name")
	done
	qemu+=(-chardev "pipe,id=control,path=$dir/control"
		-device "virtserialport,chardev=control,name=org.labyrinth.control"
		-chardev "file,id=log,path=$log" -serial chardev:log)
}

# Emulated, and on a busy machine, a CPU may be gone for seconds: watchdogs that
# call that a lock-up cry wolf, so they wait longer here.
kernel_args() {
	local args=(console=ttyS0 loglevel=5 log_buf_len=2M rdinit=/init reboot=t
		panic_on_warn=1 oops=panic softlockup_panic=1 hung_task_panic=1 panic=-1
		watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=180)

	case $opt_kernel in
	debug) args+=(page_owner=on) ;;
	# A first race does not hide the next one.
	kcsan) args+=(panic_on_warn=0) ;;
	esac
	# On a busy host the watchdog thinks ill of the clock, and switches a static key in
	# the scheduler: code that is patched under an emulated CPU can end the guest.
	args+=(tsc=reliable)
	qemu+=(-append "${args[*]} $opt_append")
}

# qemu_command MIB IMAGE INITRD: fills the array qemu. A socket for each node: the
# kernel warns of a socket that spans nodes, and a warning is a panic here.
qemu_command() {
	qemu=(qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none
		-M q35 -m "$1M" -smp "$opt_cpus,sockets=$opt_nodes" -kernel "$2" -initrd "$3")
	accel_args
	memory_args "$1"
	share_args
	port_args
	kernel_args
}
