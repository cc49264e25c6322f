"""The clocks on which a moment of the recording can be told: seconds since its start, wall clock, dmesg's."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...recording_facts import RecordingFacts


@dataclass(frozen=True)
class Clocks:
    """`utc_s` and `dmesg_s`: what those clocks showed at second 0, None where that is not known; `why_*` says why not.

    `jumps` are moments, in seconds, from which on the wall clock is ahead by so much more: the machine slept, or
    somebody set the clock.
    """

    utc_s: float | None
    dmesg_s: float | None
    why_no_utc: str = ""
    why_no_dmesg: str = ""
    jumps: list[tuple[float, float]] = field(default_factory=list)


def clocks_of(facts: RecordingFacts) -> Clocks:
    """What the recording knows of its clocks. The kernel's messages have the time of a clock that stops in suspend, as
    CLOCK_MONOTONIC does, but without NTP's corrections; what clock an import's times are of is not known."""
    metadata = facts.metadata
    imported = metadata.imported_from is not None
    utc_s = metadata.start_utc_ns / 1e9 if metadata.start_utc_ns else None
    dmesg_s = metadata.start_ns / 1e9 if metadata.start_ns and not imported else None
    return Clocks(
        utc_s,
        dmesg_s,
        "" if utc_s is not None else "the recording does not say when it began",
        "" if dmesg_s is not None else "the imported trace does not say which clock its times are of",
        [((change.at_ns - metadata.start_ns) / 1e9, change.by_ns / 1e9) for change in facts.clock_changes],
    )
