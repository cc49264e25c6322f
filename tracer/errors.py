"""What can go wrong, each with the exit code the command line ends with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path


class TracerError(Exception):
    """Something failed; the message is one line that says what, where and what to do."""

    exit_code = 1


class UsageError(TracerError):
    """The command line asks for something that makes no sense."""

    exit_code = 2


class CannotTraceError(TracerError):
    """This machine can't trace: what is missing and how to get it."""

    exit_code = 3


class RecordingError(TracerError):
    """A recording that can't be read."""

    exit_code = 4


_NO_MEMORY: Final = (
    "failed to map segment",
    "cannot map zero-fill pages",
    "cannot allocate memory",
    "Cannot allocate memory",
)
"""glibc's elf/dl-load.c and strerror(ENOMEM)."""
RAISE_MEMORY_LIMIT: Final = "free some memory, or raise the limit (ulimit -v)"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it was for want of memory that something failed, such as loading a library."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY)


def printable(text: str) -> str:
    """Text that can't move a terminal's cursor: names of tasks and files are whatever somebody chose."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def shown(path: Path) -> str:
    """A path as messages print it: always one line."""
    return printable(str(path))


def shell_word(path: Path) -> str:
    """A path as one word of a shell's command, to be pasted: always one line, never an option."""
    text = str(path)
    text = f"./{text}" if text.startswith("-") else text
    if text.isprintable():
        import shlex

        return shlex.quote(text)
    return "$'" + "".join(map(_ansi_c, os.fsencode(text))) + "'"


def _ansi_c(byte: int) -> str:
    """A byte inside of `$'...'` (bash, zsh, ksh)."""
    char = chr(byte)
    if char in "\\'":
        return f"\\{char}"
    return char if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"
