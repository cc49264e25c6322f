"""The one place where what goes wrong becomes a line on stderr and an exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from ..errors import RAISE_MEMORY_LIMIT, TracerError
from .messages import lead_nowhere, say

NAME = "reclaim-tracer"
INTERRUPTED = 130
_STDOUT, _STDERR = 1, 2
_STDOUT_NAME = "<stdout>"
_ADVICE = {errno.EMFILE: "raise the limit on open files (ulimit -n)", errno.ENOMEM: RAISE_MEMORY_LIMIT}


def run_to_exit(work: Callable[[], object]) -> None:
    """Do the work; exit with its code where it fails."""
    _prepare_streams()
    _silence_libraries()
    try:
        try:
            work()
        finally:
            sys.stdout.flush()
    except TracerError as error:
        _fail(str(error), error.exit_code)
    except BrokenPipeError as error:
        # Whoever read stdout has seen enough (`| head`).
        lead_nowhere(1)
        _exit_as_meant(error)
    except OSError as error:
        lead_nowhere(1)
        _exit_as_meant(error)
        _fail(_os_error(error), 1)
    except MemoryError:
        lead_nowhere(1)
        _fail(f"out of memory: {RAISE_MEMORY_LIMIT}", 1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _exit_as_meant(error: OSError) -> None:
    """Exit with the code of what could not be said, where it was a failure of its own: a usage error, say."""
    if code := getattr(error.__context__, "exit_code", 0):
        lead_nowhere(_STDERR)
        sys.exit(code)


def _silence_libraries() -> None:
    """A library's warnings are for programmers: whoever asks for them (`python -W`, PYTHONWARNINGS) gets them."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def _fail(message: str, exit_code: int) -> NoReturn:
    say(f"{NAME}: error: {message}")
    sys.exit(exit_code)


def _os_error(error: OSError) -> str:
    if error.filename == _STDOUT_NAME:
        return f"can't write to stdout: {error.strerror}"
    where = f": {error.filename}" if error.filename else ""
    advice = _ADVICE.get(error.errno or 0)
    return f"{error.strerror or error}{where}" + (f"; {advice}" if advice else "")


def _nowhere() -> int:
    try:
        return os.open(os.devnull, os.O_RDWR)
    except OSError:
        # No /dev, as in a bare chroot.
        return os.memfd_create("null")


class _Stdout(io.FileIO):
    """Stdout whose failures say that they are its."""

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - a buffer
        try:
            return super().write(data)
        except OSError as error:
            error.filename = _STDOUT_NAME
            raise


def _prepare_streams() -> None:
    """Open closed streams (`>&-`) on /dev/null, or a file gets what is printed; escape what has no encoding.

    They are inherited like any standard stream: a child would take the first files it opens for them. A result that is
    printed on a closed stdout is lost, which is an error, as with coreutils: what is open there can only be read.
    """
    while (descriptor := _nowhere()) <= _STDERR:
        if descriptor == _STDOUT:
            os.close(descriptor)
            descriptor, other_end = os.pipe()
            os.close(other_end)
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdout = sys.stdout or os.fdopen(_STDOUT, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(_STDERR, "w")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
        # What stands for stdout inside of another program (a test's capture) may have no descriptor.
        with suppress(io.UnsupportedOperation):
            sys.stdout = _named(sys.stdout)


def _named(stdout: io.TextIOWrapper) -> io.TextIOWrapper:
    raw = io.BufferedWriter(_Stdout(stdout.fileno(), "w", closefd=False))
    by_line = stdout.line_buffering or stdout.write_through
    return io.TextIOWrapper(raw, stdout.encoding, "backslashreplace", line_buffering=by_line)
