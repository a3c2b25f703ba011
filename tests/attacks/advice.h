/* SPDX-License-Identifier: GPL-2.0-only */
/* Advices that not every C library knows. */
#ifndef LABYRINTH_ATTACKS_ADVICE_H
#define LABYRINTH_ATTACKS_ADVICE_H

#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED	24
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

#endif /* LABYRINTH_ATTACKS_ADVICE_H */
