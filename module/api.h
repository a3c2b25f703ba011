/* SPDX-License-Identifier: GPL-2.0-only */
/* The exported API: see include/linux/labyrinth.h. */
#ifndef LABYRINTH_API_H
#define LABYRINTH_API_H

#include "core.h"

void lab_api_init(struct labyrinth *lab);
void lab_api_exit(void);

struct labyrinth_page;
void lab_api_page(struct labyrinth_page *page, const struct lab_slot *slot,
		  u64 handle);

#endif /* LABYRINTH_API_H */
