/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Values that differ between two boots of one kernel, such as addresses: RT_BOOT(number) is a 64-bit load that says which
 * value is wanted, and gets it when the program is loaded. tracer/probes/boot_constants.py numbers them. No kernel takes a
 * program in which one was forgotten: there is no such source register.
 */
#ifndef RT_BOOT_H
#define RT_BOOT_H

#ifndef RT_BOOT
#define RT_BOOT(number) ((u64)bpf_pseudo_fd(15, number))
#endif

#endif
