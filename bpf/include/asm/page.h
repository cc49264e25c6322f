/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef RT_ASM_PAGE_H
#define RT_ASM_PAGE_H

#ifndef PAGE_SIZE
#define PAGE_SIZE 4096
#endif

#endif
