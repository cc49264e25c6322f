"""The load's folder, held by descriptor: whoever owns the directory around it may put another in its place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import TracerError, shown

_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_OTHERS: Final = 0o077


@dataclass(frozen=True)
class Folder:
    """An open folder in which nobody else can do anything; `path` is what it was made as."""

    path: Path
    descriptor: int


@contextmanager
def private_folder(directory: Path) -> Iterator[Folder]:
    """A folder for the length of the block; it goes even if a second Ctrl-C comes while its files are removed.

    Raises TracerError where it can't be made, or somebody has put another one in its place.
    """
    name = f".load-{os.urandom(6).hex()}"
    above = _opened(directory, directory, None)
    try:
        descriptor = _made(directory / name, above)
        try:
            yield Folder(directory / name, descriptor)
        finally:
            try:
                _remove(name, descriptor, above)
            except KeyboardInterrupt:
                _remove(name, descriptor, above)
                raise
            finally:
                os.close(descriptor)
    finally:
        os.close(above)


def _made(path: Path, above: int) -> int:
    try:
        os.mkdir(path.name, 0o700, dir_fd=above)
    except OSError as error:
        raise _refusal(path.parent, error.strerror) from error
    descriptor = _opened(path.parent, Path(path.name), above)
    try:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid() or found.st_mode & _OTHERS or os.listdir(descriptor):  # noqa: PTH208
            raise _refusal(path.parent, "another directory was put in its place")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _opened(directory: Path, path: Path, above: int | None) -> int:
    try:
        return os.open(path, _FLAGS | (0 if above is None else os.O_NOFOLLOW), dir_fd=above)
    except OSError as error:
        raise _refusal(directory, error.strerror) from error


def _refusal(directory: Path, why: str | None) -> TracerError:
    return TracerError(f"can't create a directory for its files in {shown(directory)}: {why}")


def _remove(name: str, descriptor: int, above: int) -> None:
    """What is in it, and the folder where it still has its name."""
    for entry in os.listdir(descriptor):
        shutil.rmtree(entry, ignore_errors=True, dir_fd=descriptor)
        with suppress(OSError):
            os.unlink(entry, dir_fd=descriptor)
    with suppress(OSError):
        os.rmdir(name, dir_fd=above)
