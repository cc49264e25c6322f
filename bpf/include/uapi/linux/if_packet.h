/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Named by bcc's headers, whose parts that need it are not used here. */
