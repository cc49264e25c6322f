"""The one place where what goes wrong becomes a line on stderr and an exit code."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from ..errors import TracerError

NAME = "reclaim-tracer"
INTERRUPTED = 130
_STDERR = 2


def run_to_exit(work: Callable[[], object]) -> None:
    """Do the work; exit with its code where it fails."""
    _prepare_streams()
    try:
        try:
            work()
        finally:
            sys.stdout.flush()
    except TracerError as error:
        _fail(str(error), error.exit_code)
    except BrokenPipeError:
        _drop_stdout()
        sys.exit(1)
    except OSError as error:
        _drop_stdout()
        _fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", 1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


@contextmanager
def interrupted_afterwards() -> Iterator[None]:
    """Ctrl-C waits for the end of the block: numpy makes an ImportError of one that comes while it is imported.

    By a handler, since a signal mask is a thread's own: the kernel gives the signal to a thread that takes it.
    """
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


def _one_line(text: str) -> str:
    """Text for a terminal: control characters (a file's name may hold them) escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _fail(message: str, exit_code: int) -> NoReturn:
    sys.stderr.write(f"{NAME}: error: {_one_line(message)}\n")
    sys.exit(exit_code)


def _drop_stdout() -> None:
    """Keep the interpreter from writing to a stdout that is gone or full once more when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _prepare_streams() -> None:
    """Open closed streams (`>&-`) on /dev/null, or a file gets what is printed; escape what has no encoding."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(descriptor)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(_STDERR, "w")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
