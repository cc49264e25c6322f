"""Work that goes on in a fresh interpreter: in this process's place, or in a process beside it.

In its place number and streams stay: typer and pydantic hold 12 MiB of anonymous memory that a long recording has no
use for. Beside it goes what may fail or be killed alone.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn

from ..programs import isolated_python, safe_module_path
from ..terminal.exit_codes import NAME, run_to_exit

if TYPE_CHECKING:
    from subprocess import Popen

_LEAN: Final = f"{__package__.partition('.')[0]}.lean_imports"
_PROGRAM: Final = f"""\
import pickle, sys
parcel = open(int(sys.argv.pop(1)), "rb")
sys.path[:] = pickle.load(parcel)
from {_LEAN} import put_off
put_off()
from {__name__} import go_on
go_on(parcel)
"""
_NAME_SHOWN: Final = Path("/proc/self/comm")


class HandOver(BaseException):
    """Raised by a command that has read its options: `run(**arguments)` of `module` does the rest."""

    def __init__(self, module: str, arguments: Mapping[str, Any]) -> None:
        super().__init__(module)
        self.module = module
        self.arguments = dict(arguments)

    def go_on(self) -> None:
        """Do the rest in a fresh interpreter, in this one where that can't be had."""
        with suppress(OSError):
            self._replace_program()
        _run(self.module, self.arguments)

    def _replace_program(self) -> NoReturn:
        sys.stdout.flush()
        with _packed(self.module, self.arguments) as words:
            try:
                # Until the fresh interpreter can end well by it, Ctrl-C waits.
                signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
                os.execv(words[0], words)  # noqa: S606
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))


def begin_beside(module: str, arguments: Mapping[str, Any]) -> int:
    """Have `run(**arguments)` of `module` done by a child process with this one's streams; its number. Raises OSError.

    Ctrl-C waits until it is ready, as in `HandOver`. It exits as the whole command would.
    """
    sys.stdout.flush()
    with _packed(module, arguments) as words:
        return os.posix_spawn(words[0], words, os.environ, setsigmask=(signal.SIGINT,))


def begin_apart(module: str, arguments: Mapping[str, Any], *, stdin: int, stdout: int, stderr: int) -> Popen[bytes]:
    """As `begin_beside`, with streams of its own (as subprocess takes them), and in a session of its own: what a
    terminal sends to this process does not reach it. Raises OSError."""
    import subprocess

    with _packed(module, arguments) as words:
        # What the parcel is in is inherited, as nothing else is that Python has opened.
        return subprocess.Popen(
            words, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True, close_fds=False
        )


@contextmanager
def _packed(module: str, arguments: Mapping[str, Any]) -> Iterator[list[str]]:
    """The words that start the fresh interpreter; what it reads is there as long as the block is open."""
    parcel = os.memfd_create(NAME, 0)
    try:
        with os.fdopen(parcel, "wb", closefd=False) as file:
            for part in (safe_module_path(), (_NAME_SHOWN.read_text().removesuffix("\n"), module, arguments)):
                pickle.dump(part, file)
        os.lseek(parcel, 0, os.SEEK_SET)
        yield isolated_python(_PROGRAM, (str(parcel), NAME, *sys.argv[1:]), options=("-S",))
    finally:
        os.close(parcel)


def go_on(parcel: BinaryIO) -> None:
    """In the fresh interpreter: take over from the parcel, after its first part."""
    with parcel:
        shown, module, arguments = pickle.load(parcel)  # noqa: S301 - this process wrote it
    with suppress(OSError):
        _NAME_SHOWN.write_text(shown)
    run_to_exit(lambda: _go_on(module, arguments))


def _go_on(module: str, arguments: Mapping[str, Any]) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))
    _run(module, arguments)


def _run(module: str, arguments: Mapping[str, Any]) -> None:
    import_module(module).run(**arguments)
