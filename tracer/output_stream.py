"""Standard output as something that is written to alone: a recording into a pipe."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path
from typing import Final

from .errors import UsageError
from .outputs import FileIdentity

STDOUT: Final = Path("-")
"""Standard output, as a name on the command line."""
_STDOUT_NAME: Final = Path("standard output")
_PIECE_BYTES: Final = select.PIPE_BUF
"""So much a pipe takes at once where poll(2) says that it takes something: the write does not block."""
_TAKES_OR_FAILS: Final = select.POLLOUT | select.POLLERR
"""One of these says poll(2) of a descriptor to which write(2) does not wait. Of a virtio port whose other end nobody
has open it says POLLHUP alone (port_fops_poll in drivers/char/virtio_console.c, Linux 6.12)."""
_LOOK_S: Final = 0.25
LAST_STALL_S: Final = 5.0
"""At the end a reader that takes nothing for so long is not waited for any longer."""


class OutputStream:
    """A descriptor that is written to from its place on. One that takes nothing is waited for until `hurry`.

    Every failure is an OSError that says what the reader did.
    """

    def __init__(self, descriptor: int, path: Path = _STDOUT_NAME) -> None:
        self.path = path
        self.descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._hurried = False

    @property
    def identity(self) -> FileIdentity:
        """Which pipe or file it is."""
        return FileIdentity.of(os.fstat(self.descriptor))

    def hurry(self) -> None:
        """It is the end: do not wait for ever; from any thread."""
        self._hurried = True

    def write(self, data: bytes) -> None:
        """All of it, however slowly the reader takes it. Raises OSError."""
        rest, stalled_s = memoryview(data), 0.0
        while rest:
            if not (ready := self._poll.poll(_LOOK_S * 1e3)):
                stalled_s += _LOOK_S
                if self._hurried and stalled_s >= LAST_STALL_S:
                    raise OSError(f"its reader took nothing for {LAST_STALL_S:.0f} s")
                continue
            if not ready[0][1] & _TAKES_OR_FAILS:
                raise OSError("its reader has gone")
            try:
                rest, stalled_s = rest[os.write(self.descriptor, rest[:_PIECE_BYTES]) :], 0.0
            except BrokenPipeError as error:
                raise OSError("its reader has gone") from error

    def close(self) -> None:
        """The reader sees the end; idempotent."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def refuse_terminal() -> None:
    """Raises UsageError where standard output is one."""
    if os.isatty(1):
        raise UsageError("-o -: standard output is a terminal; redirect it, or pipe it into a command")


def take_stdout() -> OutputStream:
    """Standard output for one user alone: what else this process or a child of it prints goes to stderr from here on.

    Raises UsageError for a terminal.
    """
    refuse_terminal()
    sys.stdout.flush()
    descriptor = os.dup(1)
    os.dup2(2, 1)
    return OutputStream(descriptor)
