/* SPDX-License-Identifier: GPL-2.0-only */
/* What --wrap makes of two names: the wrap is called, and calls the real one. */
#ifndef LABYRINTH_ATTACKS_PFNMAP_STAND_IN_H
#define LABYRINTH_ATTACKS_PFNMAP_STAND_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

void *__real_mmap(void *address, size_t length, int prot, int flags, int fd,
		  off_t offset);
void *__wrap_mmap(void *address, size_t length, int prot, int flags, int fd,
		  off_t offset);
bool __real_check_vmflag_pfnmap(void *address);
bool __wrap_check_vmflag_pfnmap(void *address);

#endif /* LABYRINTH_ATTACKS_PFNMAP_STAND_IN_H */
