/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /proc/kcore shows root all memory, as the kernel has it mapped: what a page holds
 * can be seen there, whoever has it, and when nobody does.
 */
#ifndef LABYRINTH_SELFTESTS_KCORE_H
#define LABYRINTH_SELFTESTS_KCORE_H

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <linux/types.h>

/* Where in the file an address of physical memory is; below 0: nowhere. */
static inline off_t kcore_offset(int fd, __u64 physical)
{
	Elf64_Ehdr elf;
	Elf64_Phdr part;

	if (pread(fd, &elf, sizeof(elf), 0) != sizeof(elf))
		return -EIO;
	for (int i = 0; i < elf.e_phnum; i++) {
		if (pread(fd, &part, sizeof(part), elf.e_phoff +
			  i * sizeof(part)) != sizeof(part))
			return -EIO;
		if (part.p_type == PT_LOAD && physical >= part.p_paddr &&
		    physical - part.p_paddr < part.p_memsz)
			return part.p_offset + (physical - part.p_paddr);
	}
	return -ENXIO;
}

/* Does not cross from one bank of memory to the next. 0 or -errno. */
static inline int kcore_read(__u64 physical, void *buffer, size_t size)
{
	int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC), ret = 0;
	off_t at;

	if (fd < 0)
		return -errno;
	at = kcore_offset(fd, physical);
	if (at < 0)
		ret = at;
	else if (pread(fd, buffer, size, at) != (ssize_t)size)
		ret = -EIO;
	close(fd);
	return ret;
}

#endif /* LABYRINTH_SELFTESTS_KCORE_H */
