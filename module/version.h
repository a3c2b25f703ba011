/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LABYRINTH_VERSION_H
#define LABYRINTH_VERSION_H

/* The one place that says it; tool/Makefile reads it too. */
#define LABYRINTH_VERSION "0.1.0"

#endif /* LABYRINTH_VERSION_H */
