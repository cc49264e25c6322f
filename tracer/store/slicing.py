"""A recording, or a slice of its time, that has an axis of its own: its seconds count from where it begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ..batch import NO_FIELDS, Fields, Samples
from ..metadata import Metadata
from ..recording_facts import RecordingFacts, Slice
from .decoding import SAMPLES_ONLY, Item
from .notes import clock_changes, facts_of
from .redacting import AnyRecording


@dataclass(frozen=True)
class RecordingPart:
    """What is looked at of a recording: `start_ns <= time < end_ns`, None for no limit.

    `metadata` is the recording's with the times of this part's beginning; `slice` is None for the whole.
    """

    recording: AnyRecording
    metadata: Metadata
    start_ns: int | None = None
    end_ns: int | None = None
    slice: Slice | None = None

    @property
    def last_ns(self) -> int:
        """Where it ends: CLOCK_MONOTONIC, never after the recording."""
        last_ns = self.recording.last_ns
        return last_ns if self.end_ns is None else min(self.end_ns, last_ns)

    def items(self, leave_out: Fields = NO_FIELDS, kinds: frozenset[str] | None = None) -> Iterator[Item]:
        """What was recorded in it, as `Recording.items`."""
        return self.recording.items(self.start_ns, self.end_ns, leave_out, kinds=kinds)

    def counters(self) -> tuple[str, ...]:
        """Names of all counters that were sampled in it, as they came first: a pass over readings alone."""
        readings = self.recording.items(self.start_ns, self.end_ns, types=SAMPLES_ONLY)
        return tuple(dict.fromkeys(name for item in readings if isinstance(item, Samples) for name in item.names))

    def facts(self, lost: Mapping[str, int]) -> RecordingFacts:
        """What results say about it; after a whole pass, to which the `lost` events by kind came."""
        facts = facts_of(self.recording, lost)
        if self.slice is None:
            return facts
        changes = tuple(each for each in facts.clock_changes if self._has(each.at_ns))
        marks = tuple(each for each in facts.marks if self._has(each.at_ns))
        commands = tuple(each for each in facts.host_commands if self._has(each.at_ns))
        return replace(
            facts,
            metadata=self.metadata,
            slice=self.slice,
            clock_changes=changes,
            marks=marks,
            host_commands=commands,
        )

    def _has(self, at_ns: int) -> bool:
        return (self.start_ns or 0) <= at_ns <= self.last_ns


def part_of(recording: AnyRecording, from_s: float | None, to_s: float | None) -> RecordingPart:
    """The recording from second `from_s` to second `to_s` of it; all of it without both."""
    whole = recording.metadata
    if from_s is None and to_s is None:
        return RecordingPart(recording, whole)
    of_s = (recording.last_ns - whole.start_ns) / 1e9
    later_ns = round((from_s or 0.0) * 1e9)
    start_ns = whole.start_ns + later_ns
    return RecordingPart(
        recording,
        replace(whole, start_ns=start_ns, start_utc_ns=_utc_ns(recording, start_ns)),
        None if from_s is None else start_ns,
        None if to_s is None else whole.start_ns + round(to_s * 1e9),
        Slice(from_s or 0.0, of_s if to_s is None else min(to_s, of_s), of_s),
    )


def _utc_ns(recording: AnyRecording, at_ns: int) -> int:
    """The wall clock at a time (CLOCK_MONOTONIC), with what happened to the clocks before; 0 where it is unknown."""
    whole = recording.metadata
    if not whole.start_utc_ns:
        return 0
    changed_ns = sum(change.by_ns for change in clock_changes(recording.notes) if change.at_ns < at_ns)
    return whole.start_utc_ns + at_ns - whole.start_ns + changed_ns
