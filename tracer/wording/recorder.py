"""What is to be known of the recorder, in sentences: clocks, a disk too slow, memory, scans that were added up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..metadata import LOCKED, ClockChange, ClockChangeKind
from ..recording_facts import RecordingFacts
from .numbers import count, offset, plural, seconds, several
from .unseen import taken_for

_SHOWN_FILES: Final = 20
_SHOWN_CHANGES: Final = 8
_SHOWN_MARKS: Final = 20


def recorder_remarks(facts: RecordingFacts) -> Iterator[str]:
    """Sentences without a capital and a full stop; times are since the recording's start."""
    yield from _marks(facts)
    if facts.not_kept_ns:
        before = seconds(facts.not_kept_ns / 1e9)
        yield f"it begins {before} into what was recorded: the memory for the stream held no more than this"
    yield from _files(facts)
    if facts.dropped_events:
        dropped = f"{count(facts.dropped_events)} of the lost events"
        yield f"the recorder dropped {dropped} because packing or writing was too slow (--queue-size)"
    if facts.metadata.lru_detail == "span":
        yield "LRU scans were summed per reclaim span (--lru-detail span)"
    if facts.lost_total and (lock := facts.metadata.memory_lock) not in {"", LOCKED}:
        yield f"the recorder's own memory could be reclaimed ({lock}): CAP_IPC_LOCK prevents that"
    yield from taken_for(facts.metadata.plan)
    for change in facts.clock_changes[:_SHOWN_CHANGES]:
        yield f"{_clock_change(change)}, seen at {offset((change.at_ns - facts.metadata.start_ns) / 1e9)}"
    if (more := len(facts.clock_changes) - _SHOWN_CHANGES) > 0:
        yield f"{plural(more, 'more change')} of the clocks"


def _marks(facts: RecordingFacts) -> Iterator[str]:
    for mark in facts.marks[:_SHOWN_MARKS]:
        yield f"mark at {offset((mark.at_ns - facts.metadata.start_ns) / 1e9)}: {mark.words}"
    if (more := len(facts.marks) - _SHOWN_MARKS) > 0:
        yield plural(more, "more mark")


def _files(facts: RecordingFacts) -> Iterator[str]:
    files = facts.files
    if files.part:
        stem, _, suffix = facts.source.rpartition(".")
        yield f"this is file {files.part} of several: {stem.rpartition('.')[0]}.{suffix} opens all of them"
    if files.count > 1 or files.removed:
        before = f"; {plural(files.removed, 'earlier one was', 'earlier ones were')} removed" if files.removed else ""
        yield f"it was read from {plural(files.count, 'file')}{before}"
    if files.missing:
        numbers = several([*map(str, files.missing)], _SHOWN_FILES)
        yield f"files missing in between: {numbers}; their contents are unknown"
    if files.skipped:
        numbers = several([*map(str, files.skipped)], _SHOWN_FILES)
        yield f"the recorder skipped file numbers {numbers}, whose names were taken; no events are lost"


def _clock_change(change: ClockChange) -> str:
    if change.kind is ClockChangeKind.SUSPENDED:
        return f"the machine was suspended for {seconds(change.by_ns / 1e9)}, not counted in times here"
    direction = "forward" if change.by_ns > 0 else "back"
    return f"the wall clock was set {direction} by {seconds(abs(change.by_ns) / 1e9)}"
