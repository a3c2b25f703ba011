// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mapping becomes a guest's memory (KVM), and the guest reads and writes
 * it. KVM takes pages of a mapping without references too, so that this rests
 * on the pages' own reference count, which is frozen at 0.
 */
#include <linux/kvm.h>

#include "mapping.h"

/* Where things are in the guest, which runs in real mode. */
#define CODE_AT		0x1000
#define TARGET_AT	0x10000
#define STOLEN		64

/* All bytes from ds:0 on, one by one, to a port. */
static const unsigned char reader[] = {
	0xbe, 0x00, 0x00,	/* mov si, 0 */
	0xba, 0xe9, 0x00,	/* mov dx, 0xe9 */
	0xac,			/* lodsb */
	0xee,			/* out dx, al */
	0xeb, 0xfc,		/* jmp to lodsb */
};

static const unsigned char writer[] = {
	0xc6, 0x06, 0x00, 0x00, 'W',	/* mov byte [0], 'W' */
	0xf4,				/* hlt */
};

struct guest {
	int kvm, vm, cpu;
	char *code;
	struct kvm_run *run;
};

static int set_memory(struct guest *guest, int slot, __u64 at, char *memory,
		      size_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = at,
		.memory_size = size,
		.userspace_addr = (uintptr_t)memory,
	};

	return ioctl(guest->vm, KVM_SET_USER_MEMORY_REGION, &region) ?
		-errno : 0;
}

static int set_registers(struct guest *guest)
{
	struct kvm_regs regs = { .rip = CODE_AT, .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(guest->cpu, KVM_GET_SREGS, &sregs))
		return -errno;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	sregs.ds.base = TARGET_AT;
	sregs.ds.selector = TARGET_AT >> 4;
	if (ioctl(guest->cpu, KVM_SET_SREGS, &sregs) ||
	    ioctl(guest->cpu, KVM_SET_REGS, &regs))
		return -errno;
	return 0;
}

static int open_guest(struct guest *guest)
{
	int size;

	guest->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (guest->kvm < 0)
		return -errno;
	guest->vm = ioctl(guest->kvm, KVM_CREATE_VM, 0);
	if (guest->vm < 0)
		return -errno;
	/* Only Intel's needs it, and only for real mode. */
	ioctl(guest->vm, KVM_SET_TSS_ADDR, 0xfffbd000UL);
	guest->cpu = ioctl(guest->vm, KVM_CREATE_VCPU, 0);
	size = ioctl(guest->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (guest->cpu < 0 || size < 0)
		return -errno;
	guest->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			  guest->cpu, 0);
	guest->code = shared_memory(page_size());
	if (guest->run == MAP_FAILED || guest->code == MAP_FAILED)
		return -errno;
	return set_memory(guest, 0, CODE_AT, guest->code, page_size()) ?:
		set_registers(guest);
}

/* Runs it until it stops, or has sent as much as is wanted. */
static int run_guest(struct guest *guest, char *bag)
{
	struct kvm_run *run = guest->run;
	int got = 0;

	while (got < STOLEN) {
		if (ioctl(guest->cpu, KVM_RUN, 0))
			return -errno;
		if (run->exit_reason == KVM_EXIT_HLT)
			return 0;
		if (run->exit_reason != KVM_EXIT_IO)
			return -EPROTO;
		bag[got++] = *((char *)run + run->io.data_offset);
	}
	return 0;
}

static int attack_by_guest(struct target *target, char *bag, const void *code,
			   size_t size)
{
	struct guest guest = { .kvm = -1, .vm = -1, .cpu = -1 };
	int ret = open_guest(&guest);

	ret = ret ?: set_memory(&guest, 1, TARGET_AT, target->address,
				target_size());
	if (!ret) {
		memcpy(guest.code, code, size);
		ret = run_guest(&guest, bag);
	}
	close(guest.cpu);
	close(guest.vm);
	close(guest.kvm);
	return ret;
}

static int guest_reads(struct target *target, char *bag)
{
	return attack_by_guest(target, bag, reader, sizeof(reader));
}

static int guest_writes(struct target *target, char *bag)
{
	return attack_by_guest(target, bag, writer, sizeof(writer));
}

static int no_kvm(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

TEST_F(mapping, kvm_guest_reads)
{
	int error = no_kvm();

	if (error)
		SKIP(return, "cannot open /dev/kvm: %s", strerror(error));
	READS(EFAULT, memfd, guest_reads);
	READS(EFAULT, anonymous, guest_reads);
}

TEST_F(mapping, kvm_guest_writes)
{
	int error = no_kvm();

	if (error)
		SKIP(return, "cannot open /dev/kvm: %s", strerror(error));
	WRITES(EFAULT, memfd, guest_writes);
}

TEST_HARNESS_MAIN
