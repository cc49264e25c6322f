"""Descriptions of kernels on disk, by file, folder or kernel release."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ...errors import RecordingError, TracerError, UsageError, shown
from .facts import Facts, FactsError
from .file_format import MAX_FILE_BYTES, decode

SUFFIX: Final = ".facts"
"""What a description is called by default: the kernel's release, and this."""
_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
"""O_NONBLOCK: a pipe is refused, not waited for."""


def find_descriptions(names: Sequence[str]) -> dict[Path, Facts]:
    """What each name leads to: a description, a folder of them, or the release of a kernel described in this folder.

    Raises TracerError: UsageError for names that lead nowhere, RecordingError for files that are damaged.
    """
    return {path: read_description(path) for name in names for path in _paths(name)}


def read_description(path: Path) -> Facts:
    """One file. Raises TracerError where it can't be read, RecordingError where it is damaged."""
    try:
        return decode(_contents(path))
    except FactsError as error:
        raise RecordingError(f"{shown(path)}: {error}") from error
    except OSError as error:
        raise TracerError(f"{shown(path)}: can't be read: {error.strerror}") from error


def is_described(name: str) -> bool:
    """Whether a name leads to something."""
    return Path(name).exists() or Path(f"{name}{SUFFIX}").exists()


def _paths(name: str) -> Iterator[Path]:
    path, by_release = Path(name), Path(f"{name}{SUFFIX}")
    if path.is_dir():
        if not (found := sorted(path.glob(f"*{SUFFIX}"))):
            raise UsageError(f"{shown(path)}: no description of a kernel (*{SUFFIX}) is in this folder")
        yield from found
    elif path.exists() or not by_release.exists():
        yield _existing(path, by_release)
    else:
        yield by_release


def _existing(path: Path, by_release: Path) -> Path:
    if not path.exists():
        raise UsageError(
            f"--for {shown(path)}: no such file or folder, and no {shown(by_release)} either; describe that kernel on "
            "its machine: reclaim-tracer programs describe"
        )
    return path


def _contents(path: Path) -> bytes:
    """A regular file's, no more than a description can have. Raises OSError, FactsError."""
    with os.fdopen(os.open(path, _FLAGS), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise FactsError("not a regular file")
        return file.read(MAX_FILE_BYTES + 1)
