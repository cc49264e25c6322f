"""Reading a file whose contents go into the kernel: only one that nobody else may have written."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from ...errors import CannotTraceError, shell_word, shown
from .file_format import MAX_FILE_BYTES

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_ADVICE: Final = "try: a copy of your own in a folder that others can't write to"
_PIECE: Final = 1 << 20


class UnsafeFileError(CannotTraceError):
    """Somebody else may have written the file."""


def read_trusted(path: Path) -> bytes:
    """A file's contents, read from the descriptor that was looked at.

    Raises UnsafeFileError, CannotTraceError where it can't be read or is too large.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise CannotTraceError(f"{shown(path)}: {error.strerror}") from error
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise CannotTraceError(f"{shown(path)}: not a regular file")
        if reason := why_unsafe(found) or _why_unsafe_folders(fd):
            raise UnsafeFileError(f"{shown(path)}: not loaded: {reason} ({_ADVICE})")
        return _read(fd, path)
    finally:
        os.close(fd)


def why_unsafe(found: os.stat_result, *, sticky_is_safe: bool = False) -> str:
    """Why somebody else may write to what has this status; empty where nobody may.

    An access list that lets others write shows in the group's bits. In a sticky folder others can't replace a file.
    """
    if found.st_uid not in (0, os.geteuid()):
        return f"it belongs to user {found.st_uid}"
    if found.st_mode & _OTHERS_WRITE and not (sticky_is_safe and found.st_mode & stat.S_ISVTX):
        return "others may write to it"
    return ""


def _why_unsafe_folders(fd: int) -> str:
    """The same for the folders that the open file is in, links followed."""
    try:
        real = Path(f"/proc/self/fd/{fd}").readlink()
        folders = {folder: folder.stat() for folder in real.parents}
    except OSError as error:
        return f"its folders can't be looked at: {error.strerror}"
    reasons = ((folder, why_unsafe(found, sticky_is_safe=True)) for folder, found in folders.items())
    return next((f"its folder {shell_word(folder)}: {reason}" for folder, reason in reasons if reason), "")


def _read(fd: int, path: Path) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := os.read(fd, _PIECE):
        size += len(piece)
        if size > MAX_FILE_BYTES:
            raise CannotTraceError(f"{shown(path)}: larger than {MAX_FILE_BYTES >> 20} MiB: no file of programs")
        pieces.append(piece)
    return b"".join(pieces)
