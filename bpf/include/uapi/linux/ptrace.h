/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Registers at a kprobe, as far as bcc's PT_REGS_* macros name them. Layouts are ABI: arch/{x86,arm64,s390,powerpc,
 * riscv}/include/uapi/asm/ptrace.h. Tracepoint programs never look inside.
 */
#ifndef RT_UAPI_LINUX_PTRACE_H
#define RT_UAPI_LINUX_PTRACE_H

#include <linux/types.h>

#if defined(__TARGET_ARCH_x86) || defined(__x86_64__)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
#elif defined(__TARGET_ARCH_arm64) || defined(__aarch64__)
struct pt_regs {
	__u64 regs[31], sp, pc, pstate;
};
#elif defined(__TARGET_ARCH_s390x) || defined(__s390x__)
struct pt_regs {
	unsigned long args[1];
	struct {
		unsigned long mask, addr;
	} psw;
	unsigned long gprs[16];
};
#elif defined(__TARGET_ARCH_powerpc) || defined(__powerpc64__)
struct pt_regs {
	unsigned long gpr[32], nip, msr;
};
#elif defined(__TARGET_ARCH_riscv64) || (defined(__riscv) && __riscv_xlen == 64)
struct user_regs_struct {
	unsigned long pc, ra, sp, gp, tp, t0, t1, t2, s0, s1, a0, a1, a2, a3, a4, a5, a6, a7;
};
struct pt_regs {
	struct user_regs_struct user;
};
#else
struct pt_regs;
#endif

#endif
