/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Included before everything else; its place tells bcc that this directory is a kernel source tree. */
#ifndef RT_LINUX_KCONFIG_H
#define RT_LINUX_KCONFIG_H

#define CONFIG_BPF_SYSCALL 1

#endif
