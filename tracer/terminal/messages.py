"""What commands say on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from ..errors import printable
from .written_over import LINE, stderr_columns

_INDENT: Final = "  "
_LEAST: Final = 20
"""Columns below which words would only be torn."""


@dataclass(frozen=True)
class Messages:
    """`info` unless quiet, `detail` only when verbose; results are stdout's."""

    quiet: bool = False
    verbose: bool = False

    def info(self, text: str) -> None:
        """Something everybody wants to know."""
        if not self.quiet:
            say(text)

    def next(self, command: str) -> None:
        """A command to go on with; in one piece however narrow the terminal is, because it is there to be pasted."""
        if not self.quiet:
            LINE.clear()
            write_stderr(f"Next: {printable(command)}\n")

    def detail(self, text: str) -> None:
        """Something for those who asked."""
        if self.verbose:
            say(text)


def say(text: str) -> None:
    """A line on stderr, wrapped where that is a terminal and narrower; a path stays in one piece, to be pasted."""
    LINE.clear()
    write_stderr(f"{_fitted(printable(text))}\n")


def _fitted(text: str) -> str:
    columns = stderr_columns()
    if columns is None or len(text) <= columns // 2:
        return text
    from .cells import cells, wrap

    if cells(text) <= columns:
        return text
    return f"\n{_INDENT}".join(wrap(text, max(columns, _LEAST) - len(_INDENT), part=False))


def print_result(text: str) -> None:
    """A result on stdout; a reader that has seen enough of it (`| head`) is no failure. Raises OSError."""
    with stdout_until_read():
        sys.stdout.write(text)
        sys.stdout.flush()


def print_lines(lines: Iterable[str]) -> None:
    """Results on stdout as they come; they end where their reader has seen enough. Raises OSError."""
    with stdout_until_read():
        for line in lines:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


@contextmanager
def stdout_until_read() -> Iterator[None]:
    """What writes to stdout ends here, and is no failure, where its reader has seen enough of it."""
    try:
        yield
    except BrokenPipeError:
        lead_nowhere(1)


def lead_nowhere(descriptor: int) -> None:
    """Have what is written to a stream that is gone or full go nowhere, as what is left of it when Python exits."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def write_stderr(text: str) -> None:
    """Text on stderr; where it can't be written (its disk is full, its reader has gone) nothing ends for that.

    Then the descriptor leads nowhere from here on, or the interpreter would try once more when it exits, and fail.
    """
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        lead_nowhere(2)
