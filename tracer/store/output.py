"""Creating the recording's file: mode, owner, and never losing what was there before."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import Final

from ..errors import TracerError
from ..ownership import give_to_sudo_user
from .format import shown

_MODE: Final = 0o600
_TRIAL_BYTES: Final = 4096
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_NOT_REGULAR: Final = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def create_output(path: Path, start: bytes, *, force: bool) -> int:
    """A new file at `path` that begins with `start`, as a descriptor.

    An existing recording is replaced only with `force`, and only once the new file holds `start`. Raises TracerError;
    no file is left behind then.
    """
    try:
        replaces = _may_replace(path, force=force)
        return _create(path, start, replaces=replaces)
    except OSError as error:
        raise TracerError(_refusal(path, error)) from error


def check_output(path: Path, *, force: bool) -> None:
    """Try whether `create_output` would work: a page is written beside `path` and removed. Raises TracerError."""
    trial = path.parent / f".rtrace-{os.urandom(6).hex()}"
    try:
        _may_replace(path, force=force)
        os.close(_create(trial, bytes(_TRIAL_BYTES), replaces=False))
        trial.unlink()
    except OSError as error:
        raise TracerError(_refusal(path, error)) from error


def write_at(descriptor: int, data: bytes, offset: int) -> None:
    """All of `data` at `offset`. Raises OSError."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def kind_of_file(mode: int) -> str | None:
    """What a file is that is no regular one: `a directory`, `a pipe`; None for a regular file."""
    if stat.S_ISREG(mode):
        return None
    return next((name for test, name in _NOT_REGULAR if test(mode)), "no regular file")


def _may_replace(path: Path, *, force: bool) -> bool:
    """Whether a regular file is there that may go. Raises TracerError where something is there that may not."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if what := kind_of_file(mode):
        raise TracerError(f"{shown(path)}: is {what}, a recording needs a regular file; choose another path with -o")
    if not force:
        raise TracerError(f"{shown(path)}: exists already; overwrite it with --force or choose another path with -o")
    return True


def _create(path: Path, start: bytes, *, replaces: bool) -> int:
    target = path.with_name(f".rtrace-{os.urandom(6).hex()}") if replaces else path
    descriptor = os.open(target, _FLAGS, _MODE)
    try:
        os.fchmod(descriptor, _MODE)
        give_to_sudo_user(descriptor)
        write_at(descriptor, start, 0)
        if replaces:
            target.replace(path)
    except BaseException:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            target.unlink()
        raise
    return descriptor


def _refusal(path: Path, error: OSError) -> str:
    if error.errno == errno.ENOENT and not path.parent.exists():
        advice = "create it or choose another path with -o"
        return f"{shown(path)}: the directory {shown(path.parent)} does not exist; {advice}"
    reason = os.strerror(error.errno) if error.errno else str(error)
    return f"{shown(path)}: can't write a recording there: {reason}; choose another path with -o"
