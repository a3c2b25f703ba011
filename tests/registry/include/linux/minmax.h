/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_MINMAX_H
#define SHIM_MINMAX_H

#define min(x, y) \
	({ typeof(x) _x = (x); typeof(y) _y = (y); _x < _y ? _x : _y; })

#define max(x, y) \
	({ typeof(x) _x = (x); typeof(y) _y = (y); _x > _y ? _x : _y; })

#endif
