/* SPDX-License-Identifier: GPL-2.0-only */
/* Speculation is not what these tests look at. */
#define array_index_nospec(index, size)	((void)(size), (index))
