/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef RT_LINUX_VERSION_H
#define RT_LINUX_VERSION_H

/* LINUX_VERSION_CODE itself is handed in: only kernels before 5.0 look at it, and want their own. */
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))

#endif
