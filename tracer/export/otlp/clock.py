"""The wall clock at any moment of a recording."""

from __future__ import annotations

from ...errors import TracerError, printable
from ...otlp_json import Json, int64
from ...recording_facts import RecordingFacts


def refuse_clockless(start_utc_ns: int, source: str) -> None:
    """Raises TracerError where a recording has no wall clock."""
    if not start_utc_ns:
        raise TracerError(
            f"{printable(source)}: OTLP needs the time of day, and this recording has none; "
            "import it with a side file that tells it, or export to another format"
        )


class WallClock:
    """Knows when the machine slept and when somebody set its clock."""

    def __init__(self, facts: RecordingFacts) -> None:
        self.start_ns = facts.metadata.start_utc_ns
        """When the recording began, since 1970."""
        self._monotonic_ns = facts.metadata.start_ns
        self._changes = [(change.at_ns, change.by_ns) for change in facts.clock_changes]

    def at_ns(self, seconds: float) -> int:
        """Since 1970, for seconds since the recording's start."""
        later_ns = round(seconds * 1e9)
        changed_ns = sum(by_ns for at_ns, by_ns in self._changes if at_ns <= self._monotonic_ns + later_ns)
        return self.start_ns + later_ns + changed_ns

    def stretch(self, start_s: float, end_s: float) -> Json:
        """Begin and end of a span: as far apart as by CLOCK_MONOTONIC, however the wall clock was set in between."""
        start_ns = self.at_ns(start_s)
        length_ns = round((end_s - start_s) * 1e9)
        return {"startTimeUnixNano": int64(start_ns), "endTimeUnixNano": int64(start_ns + length_ns)}
