"""The part of a recording that a finding or a cycle is about."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from ..analyze import Analysis
from ..analyze.model import Finding
from ..errors import UsageError
from ..metadata import Metadata


@dataclass(frozen=True)
class Subject:
    """`from_ns <= time < to_ns`, and the ids of the spans that are named as evidence."""

    from_ns: int
    to_ns: int
    spans: frozenset[int]

    @classmethod
    def _of(cls, metadata: Metadata, start_s: float, end_s: float, spans: list[int]) -> Self:
        # Seconds are floats: a microsecond around them costs nothing and keeps what stands at the edges.
        first_ns = metadata.start_ns + math.floor(start_s * 1e9) - 1000
        return cls(first_ns, metadata.start_ns + math.ceil(end_s * 1e9) + 1000, frozenset(spans))

    @classmethod
    def finding(cls, analysis: Analysis, metadata: Metadata, number: int) -> Self:
        """Raises UsageError where there is no such finding."""
        for found in analysis.findings:
            if found.id == number:
                return cls.of_finding(found, metadata)
        raise UsageError(f"there is no finding {number}; {_there_are(len(analysis.findings), 'findings')}")

    @classmethod
    def of_finding(cls, found: Finding, metadata: Metadata) -> Self:
        """The time and the spans of a finding; `metadata` has the time that its seconds count from."""
        return cls._of(metadata, found.start_s, found.end_s, found.spans)

    @classmethod
    def cycle(cls, analysis: Analysis, metadata: Metadata, number: int) -> Self:
        """Raises UsageError where there is no such cycle."""
        for cycle in analysis.cycles:
            if cycle.id == number:
                return cls._of(metadata, cycle.leak_start_s, cycle.end_s, cycle.spans)
        raise UsageError(f"there is no cycle {number}; {_there_are(len(analysis.cycles), 'cycles')}")


def _there_are(number: int, what: str) -> str:
    return f"`summary --json` lists the ids of all {number:,} {what}" if number else f"the recording has no {what}"
