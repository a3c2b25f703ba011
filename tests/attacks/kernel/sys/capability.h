/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of libcap as the kernel's memfd_secret test uses, which is to drop all
 * capabilities: so that nobody has to install it.
 */
#ifndef LABYRINTH_ATTACKS_CAPABILITY_H
#define LABYRINTH_ATTACKS_CAPABILITY_H

#include <linux/capability.h>

#define cap_t	struct __user_cap_data_struct *

static inline struct __user_cap_data_struct *cap_init(void)
{
	static struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	return none;
}

int capset(cap_user_header_t header, const cap_user_data_t data);

static inline int cap_set_proc(struct __user_cap_data_struct *cap)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};

	return capset(&header, cap);
}

#endif /* LABYRINTH_ATTACKS_CAPABILITY_H */
