"""What a person at a terminal sees while it records: since when, how much, what was lost, how large the balloon is."""

from __future__ import annotations

import time
from typing import Final

from ..balloon_counters import GAUGES, INFLATED, LEAKED, counts_events
from ..batch import Samples
from ..metadata import Metadata
from ..schema import SAMPLE_NULL
from ..terminal.messages import Messages
from ..terminal.written_over import LINE

_MIB: Final = 1 << 20


class SignOfLife:
    """One line that is written over, once a second, and stays as it is where nothing is new.

    None for a quiet recording, for `-v`, which says as much line by line, or beside a COMMAND, whose terminal it is.
    """

    def __init__(self, facts: Metadata, say: Messages, *, command: bool) -> None:
        self._shown = not (say.quiet or say.verbose or command)
        self._facts = facts
        self._since = _since(facts.start_utc_ns)
        self._samples: Samples | None = None

    def sampled(self, samples: Samples) -> None:
        """Keep the newest reading."""
        if len(samples):
            self._samples = samples

    def show(self, events: int, lost: int) -> None:
        """Say how it goes."""
        if self._shown:
            LINE.show(f"{self._since}{events:,} events, {lost:,} lost{self._balloon()}")

    def clear(self) -> None:
        """Take the line away."""
        LINE.clear()

    def _balloon(self) -> str:
        size = None if self._samples is None else balloon_bytes(self._samples, self._facts)
        if self._facts.balloon.driver is None and not size:
            return ""
        return ", balloon not known" if size is None else f", balloon {size / _MIB:,.1f} MiB"


def _since(start_utc_ns: int) -> str:
    """When it began, by this machine's clock on the wall; how long ago would change all the time."""
    if not start_utc_ns:
        return ""
    return time.strftime("since %b %d %H:%M:%S: ", time.localtime(start_utc_ns / 1e9))


def balloon_bytes(samples: Samples, facts: Metadata) -> int | None:
    """The balloon's size at the last reading; None where no counter tells.

    By one of GAUGES, or what was inflated and not deflated since the machine started.
    """
    for name, unit_bytes in GAUGES:
        if (size := _last(samples, name)) is not None:
            return size * (unit_bytes or facts.page_size_bytes)
    if not counts_events(facts):
        return None
    into, out = _last(samples, INFLATED), _last(samples, LEAKED)
    return None if into is None or out is None else max(0, into - out) * facts.page_size_bytes


def _last(samples: Samples, name: str) -> int | None:
    column = samples.column(name)
    return None if column is None or column[-1] == SAMPLE_NULL else int(column[-1])
