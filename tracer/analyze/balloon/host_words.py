"""The host's config changes: which of them set a target, and which were commands for free page hinting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

WAIT_NS: Final = 10_000_000_000
"""How long the run of hinting that tells a command from a change of target is waited for: hinting all takes seconds."""


class HostWords:
    """Holds changes back until a run of hinting tells what they were, if such runs are traced.

    The driver runs after each change (virtballoon_changed() queues report_free_page_work, drivers/virtio), once after
    several; what no run of the next WAIT_NS tells of set a target.
    """

    def __init__(self, *, runs_traced: bool) -> None:
        self._runs_traced = runs_traced
        self._waiting: list[int] = []
        self._targets: list[int] = []

    def changed(self, times_ns: Iterable[int]) -> None:
        """Take config changes no earlier than those taken before."""
        (self._waiting if self._runs_traced else self._targets).extend(times_ns)

    def ran(self, end_ns: int, commands: int, *, hinted: bool) -> None:
        """Take the end of a run of hinting that followed so many commands.

        One that hinted began with the first of the changes that it met; those after that may be the next run's.
        """
        self._expire(end_ns)
        met = [time_ns for time_ns in self._waiting if time_ns <= end_ns]
        later = self._waiting[len(met) :]
        if commands:
            del met[:1]
        if commands > 1:
            del met[-1:]
        self._targets += [] if hinted else met
        self._waiting = [*met, *later] if hinted else later

    def told_until(self, until_ns: int) -> int:
        """Up to when it is known what every change was, if all events up to `until_ns` were taken."""
        self._expire(until_ns)
        return min(until_ns, self._waiting[0] - 1) if self._waiting else until_ns

    def due(self, until_ns: int) -> list[int]:
        """Changes of target up to a time, in order; they are forgotten here."""
        self._expire(until_ns)
        self._targets.sort()
        due = [time_ns for time_ns in self._targets if time_ns <= until_ns]
        self._targets = self._targets[len(due) :]
        return due

    def _expire(self, until_ns: int) -> None:
        over = [time_ns for time_ns in self._waiting if time_ns + WAIT_NS <= until_ns]
        self._targets += over
        self._waiting = self._waiting[len(over) :]
