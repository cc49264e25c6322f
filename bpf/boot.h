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

/*
 * The running task as an ordinary pointer, by bpf_rdonly_cast() where the kernel has it: at each pointer that is reached from a
 * trusted one, the verifier of kernels since 6.2 searches all their types for the name of a list of safe members
 * (btf_nested_type_is_trusted()), 2 to 4 ms a program. tracer/probes/task_cast.py puts the call in, or a move.
 */
#ifdef RT_TASK_TYPE
static void *(*rt_untrusted)(void *, u64) = (void *)0x7c000000;
#define RT_UNTRUSTED(task) rt_untrusted(task, RT_TASK_TYPE)
#else
#define RT_UNTRUSTED(task) (task)
#endif

#endif
