"""Who ran this by sudo, and whose the files are that are written as root."""

from __future__ import annotations

import os
import pwd
import stat
from contextlib import suppress


def give_to_sudo_user(descriptor: int, folder: os.stat_result) -> None:
    """Let an open file or directory belong to the user who ran sudo, if that user could have made it in its folder.

    By descriptor only: between a look at a path and a chown of it anybody who may write to the folder can put another
    file there. Does nothing without sudo, to what is neither, and where the file system knows no owners.
    """
    uid, gid = (os.environ.get(name, "") for name in ("SUDO_UID", "SUDO_GID"))
    if os.geteuid() != 0 or not (uid.isdecimal() and gid.isdecimal()):
        return
    with suppress(OSError, OverflowError):
        mode = os.fstat(descriptor).st_mode
        if (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) and _may_write(folder, int(uid), int(gid)):
            os.fchown(descriptor, int(uid), int(gid))


def sudo_user() -> str:
    """The name of the user who ran this as root by sudo; empty where that was root, and without sudo."""
    uid, name = (os.environ.get(key, "") for key in ("SUDO_UID", "SUDO_USER"))
    return name if os.geteuid() == 0 and uid.isdecimal() and int(uid) != 0 else ""


def _may_write(folder: os.stat_result, uid: int, gid: int) -> bool:
    """Whether a user may make files in a folder, by its mode: an access list may say more, which counts as no."""
    if uid in (0, folder.st_uid):
        return bool(folder.st_mode & stat.S_IWUSR) or uid == 0
    if folder.st_gid in _groups(uid, gid):
        return bool(folder.st_mode & stat.S_IWGRP)
    return bool(folder.st_mode & stat.S_IWOTH)


def _groups(uid: int, gid: int) -> list[int]:
    try:
        return os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except (KeyError, OSError):
        return [gid]
