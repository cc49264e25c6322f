"""Going on without the command line's libraries: the process's program is replaced, its number and streams stay.

typer and pydantic hold 12 MiB of anonymous memory that a long recording has no use for.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

from ..programs import isolated_python, safe_module_path
from ..terminal.exit_codes import NAME, run_to_exit

_PROGRAM: Final = f"""\
import pickle, sys
parcel = open(int(sys.argv.pop(1)), "rb")
sys.path[:] = pickle.load(parcel)
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
        parcel = os.memfd_create(NAME, 0)
        try:
            with os.fdopen(parcel, "wb", closefd=False) as file:
                for part in (
                    safe_module_path(),
                    (_NAME_SHOWN.read_text().removesuffix("\n"), self.module, self.arguments),
                ):
                    pickle.dump(part, file)
            os.lseek(parcel, 0, os.SEEK_SET)
            # Until the fresh interpreter can end well by it, Ctrl-C waits.
            signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
            words = isolated_python(_PROGRAM, (str(parcel), NAME, *sys.argv[1:]), options=("-S",))
            os.execv(words[0], words)  # noqa: S606
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))
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
