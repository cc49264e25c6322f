"""Signals as a wish to stop: the first is noted and wakes the collector, the second aborts."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Any, Final, Self

STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""What a terminal, its end or a service manager sends. One that is ignored from the start (nohup(1)) stays ignored."""


class StopSignals:
    """Takes the STOPPING signals for the length of a `with` block; main thread only.

    `fd` becomes readable when one came. A second one raises KeyboardInterrupt. What was in force before is restored.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}
        self.fd = -1

    def __enter__(self) -> Self:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        for number in STOPPING:
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)
        os.eventfd_write(self.fd, 1)
