"""Whose the files are that are written as root."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path


def give_to_sudo_user(*files: Path | int) -> None:
    """Let files and directories, by path or descriptor, belong to the user who ran sudo.

    Does nothing without sudo, to links and devices, and where the file system knows no owners.
    """
    uid, gid = (os.environ.get(name, "") for name in ("SUDO_UID", "SUDO_GID"))
    if os.geteuid() != 0 or not (uid.isdecimal() and gid.isdecimal()):
        return
    for file in files:
        with suppress(OSError, OverflowError):
            mode = (os.fstat(file) if isinstance(file, int) else file.lstat()).st_mode
            if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
                os.chown(file, int(uid), int(gid), follow_symlinks=isinstance(file, int))
