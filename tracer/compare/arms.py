"""What is compared: recordings in arms, of which the first one is what the others are held against."""

from __future__ import annotations

from dataclasses import dataclass

from ..analyze.model import Analysis
from ..recording_facts import RecordingFacts


@dataclass(frozen=True)
class Run:
    """One recording, from second `from_s` of it on, which is second 0 of what is compared; `source` is its name as it
    was given."""

    source: str
    analysis: Analysis
    facts: RecordingFacts
    from_s: float = 0.0

    @property
    def length_s(self) -> float:
        """How long it is from there on."""
        return self.analysis.duration_s

    @property
    def page_bytes(self) -> int:
        """Size of the guest's pages in bytes."""
        return self.facts.metadata.page_size_bytes


@dataclass(frozen=True)
class Arm:
    """Recordings of one setting, at least one."""

    name: str
    runs: tuple[Run, ...]
