"""The command that is traced: started after attaching, watched, told to end; and the tracer's place in an OOM."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..errors import UsageError
from .command_user import CommandUser, nothing_inherited

GRACE_S: Final = 2.0
"""How long a command that was told to end may take before it is left alone."""

_OOM_SCORE_ADJ: Final = Path("/proc/self/oom_score_adj")
_NEVER_KILL: Final = "-1000"
"""OOM_SCORE_ADJ_MIN, include/uapi/linux/oom.h."""


class OomShield:
    """Keeps the OOM killer away from this process while it traces; does nothing where that is not allowed."""

    def __init__(self) -> None:
        self._before: str | None = None

    def raise_(self) -> None:
        """From now on, this process is no victim."""
        with suppress(OSError):
            before = _OOM_SCORE_ADJ.read_text().strip()
            _OOM_SCORE_ADJ.write_text(_NEVER_KILL)
            self._before = before

    def lower(self) -> None:
        """As it was before; idempotent."""
        if self._before is not None:
            with suppress(OSError):
                _OOM_SCORE_ADJ.write_text(self._before)
            self._before = None


def _require_command(arguments: Sequence[str]) -> None:
    if shutil.which(arguments[0]) is None:
        there = os.path.dirname(arguments[0]) and os.path.exists(arguments[0])  # noqa: PTH110, PTH120
        raise UsageError(f"{arguments[0]}: {'is not executable' if there else 'no such command'}")


class Command:
    """A child process with the caller's stdin, stdout and stderr; `was_ended` says that it was told to end."""

    def __init__(self, arguments: Sequence[str], user: CommandUser | None = None) -> None:
        """Only looks whether the command is there; without a `user` it is the caller. Raises UsageError."""
        _require_command(arguments)
        self.arguments = tuple(arguments)
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self.pidfd = -1
        self.was_ended = False

    @property
    def status(self) -> int | None:
        """Exit status, negative the signal that killed it; None before its end."""
        return self._process.poll() if self._process else None

    @property
    def pid(self) -> int | None:
        """Its process id, None before `start`."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it. Raises UsageError where it can't be executed."""
        try:
            self._process = subprocess.Popen(self.arguments) if self._user is None else self._start_as(self._user)
        except OSError as error:
            who = f" as {self._user.name}" if self._user else ""
            raise UsageError(f"{self.arguments[0]}: cannot be started{who}: {error.strerror}") from error
        # Without pidfds (kernels before 5.3) its end is seen at the next sample.
        with suppress(OSError):
            self.pidfd = os.pidfd_open(self._process.pid)

    def leave(self) -> None:
        """Look at it no more; idempotent."""
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1

    def wait(self, most_s: float | None) -> None:
        """Until it ends by itself, at most so long; None for as long as it takes."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(most_s)

    def finish(self) -> None:
        """Tell it to end with SIGTERM if it still runs, and wait a moment; idempotent."""
        self.leave()
        if self._process is None or self._process.poll() is not None:
            return
        self.was_ended = True
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_S)

    def _start_as(self, user: CommandUser) -> subprocess.Popen[bytes]:
        with nothing_inherited(user):
            return subprocess.Popen(
                self.arguments, user=user.uid, group=user.gid, env={**os.environ, **user.environment}
            )
