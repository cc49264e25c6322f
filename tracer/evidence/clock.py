"""Times of rows: since the recording's start, on the wall, and as the kernel's log has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from ..errors import UsageError
from ..metadata import Metadata


class TimeKind(StrEnum):
    """What a column of times counts."""

    START = "start"
    WALL = "wall"
    DMESG = "dmesg"


@dataclass(frozen=True)
class Clock:
    """Converts CLOCK_MONOTONIC ns. The wall clock's offset is the one at the recording's start."""

    start_ns: int
    start_utc_ns: int

    @classmethod
    def of(cls, metadata: Metadata) -> Clock:
        """A recording's."""
        return cls(metadata.start_ns, metadata.start_utc_ns)

    def seconds(self, time_ns: int) -> float:
        """Since the recording's start."""
        return (time_ns - self.start_ns) / 1e9

    def utc(self, time_ns: int) -> str | None:
        """ISO 8601 with microseconds; None where the recording does not tell the wall clock."""
        if not self.start_utc_ns:
            return None
        wall_ns = self.start_utc_ns + time_ns - self.start_ns
        whole_s, rest_ns = divmod(wall_ns, 10**9)
        return f"{_second_text(whole_s)}.{rest_ns // 1000:06d}Z"

    def text(self, time_ns: int, kind: TimeKind) -> str:
        """One time as a column shows it. Raises UsageError where that clock is not known."""
        if kind is TimeKind.START:
            return f"{self.seconds(time_ns):.6f}"
        if kind is TimeKind.DMESG:
            return f"{time_ns / 1e9:.6f}"
        wall = self.utc(time_ns)
        if wall is None:
            raise UsageError("--time wall: the recording does not tell the wall clock's time; use start or dmesg")
        return wall


@lru_cache(64)
def _second_text(whole_s: int) -> str:
    return f"{datetime.fromtimestamp(whole_s, UTC):%Y-%m-%dT%H:%M:%S}"
