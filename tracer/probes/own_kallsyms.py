"""A /proc/kallsyms of the compiling child's own, of one line: bcc reads all of it, for a single name, each time.

`BFrontendAction::DoMiscWorkAround` (src/cc/frontends/clang/b_frontend_action.cc of bcc) looks for bpf_probe_read_kernel
and keeps every symbol of the kernel for that: of the 1.0 s of CPU that compiling takes with bcc 0.26 on 6.18 that
is 0.3 s, and 13 MiB. (With bcc 0.31 in an emulated guest no difference was measured.) Which function the kernel has is
found out without bcc (`sources.py`), so that the answer changes nothing.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Final

_KALLSYMS: Final = b"/proc/kallsyms"
_CLONE_NEWNS: Final = 0x00020000
"""include/uapi/linux/sched.h"""
_MS_BIND: Final = 1 << 12
_MS_REC: Final = 1 << 14
_MS_PRIVATE: Final = 1 << 18
"""include/uapi/linux/mount.h"""


def replace_kallsyms(listing: Path) -> bool:
    """Show `listing` to this thread as /proc/kallsyms, and to nobody else; False where the kernel refuses.

    That takes CAP_SYS_ADMIN, and a root directory that is a mount.
    """
    libc = ctypes.CDLL(None)
    return bool(
        libc.unshare(_CLONE_NEWNS) == 0
        # Before anything is mounted: what is mounted in a shared tree shows in everybody's.
        and libc.mount(b"none", b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None) == 0
        and libc.mount(os.fsencode(listing), _KALLSYMS, None, ctypes.c_ulong(_MS_BIND), None) == 0
    )
