/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* bcc's headers take pointers to it; tracepoint programs never look inside. */
#ifndef RT_UAPI_LINUX_PTRACE_H
#define RT_UAPI_LINUX_PTRACE_H

#include <linux/types.h>

struct pt_regs;

#endif
