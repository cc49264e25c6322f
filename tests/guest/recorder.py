"""Our own tracer, recording in a guest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from signal import SIGINT
from typing import Final

from .guest import Guest
from .machine import Hardware

WAIT_S: Final = 600
"""Generous: an emulated guest that gets a fifth of a CPU takes more than 300 s until it traces.

Nothing waits for it that goes well.
"""


def queue_mib(hardware: Hardware) -> int:
    """The recorder's `--queue-size`: 32 MiB, 322,000 events, of a guest with 1 GiB.

    The recording goes to a tmpfs, and writing there waits for memory like all else in a guest whose balloon has left it
    too little: longer than it takes to fill the default of 8 MiB.
    """
    return hardware.memory_mib // 32


class Recorder:
    """A `record` process, which the OOM killer leaves alone."""

    def __init__(self, guest: Guest, place: str, options: Sequence[str] = ()) -> None:
        self._guest, self._place = guest, place
        queue = ("--queue-size", str(queue_mib(guest.hardware)))
        command = ("reclaim-tracer", "record", "--force", "--force-start", "-o", place, *queue, *options)
        self._pid = guest.start(*command, oom_score_adj=-1000)

    def is_attached(self) -> bool:
        """Whether it traces. Raises GuestError where it can't."""
        return "Tracing." in self._guest.errors(self._pid) or self._gone()

    def size(self) -> int:
        """Bytes recorded so far; -1 before the first."""
        return int(self._guest.ask("size", path=self._place))

    def flushed(self, beyond_bytes: int) -> None:
        """Wait until more than that is recorded."""
        self._guest.until(lambda: self.size() > beyond_bytes or self._gone(), WAIT_S, "the tracer to flush")

    def end(self) -> None:
        """As a user ends it, in order. Raises GuestError where it fails."""
        self._guest.kill(self._pid, SIGINT)
        if status := self._guest.finish(self._pid, WAIT_S):
            raise self._guest.error(f"the tracer ended with {status}: {self._guest.errors(self._pid)}")

    def fetch(self, target: Path) -> None:
        """Copy the recording out."""
        self._guest.fetch(self._place, target)

    def _gone(self) -> bool:
        if (status := self._guest.ask("status", pid=self._pid)) is not None:
            raise self._guest.error(f"the tracer ended with {status}: {self._guest.errors(self._pid)}")
        return False
