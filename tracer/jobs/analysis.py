"""Plugs a recording into the engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..batch import NO_FIELDS
from ..errors import UsageError

if TYPE_CHECKING:
    from ..analyze import Analysis, Options
    from ..batch import Batch, Fields, LostStretch, Samples
    from ..recording_facts import RecordingFacts
    from ..store import AnyRecording

    Item = Batch | Samples | LostStretch


@dataclass(frozen=True)
class Span:
    """A part of a recording in seconds since its start; None for no limit."""

    from_s: float | None = None
    to_s: float | None = None

    def __post_init__(self) -> None:
        if self.to_s is not None and self.to_s <= (self.from_s or 0.0):
            raise UsageError(f"--to {self.to_s:g} is not after --from {self.from_s or 0:g}: nothing would be left")

    def __str__(self) -> str:
        if self == WHOLE:
            return ""
        start = f"{self.from_s or 0:g} s"
        return f"from {start} on" if self.to_s is None else f"{start} to {self.to_s:g} s"

    def items(self, recording: AnyRecording, leave_out: Fields = NO_FIELDS) -> Iterator[Item]:
        """What was recorded in it, without some arguments. Raises UsageError when there is nothing."""
        items = recording.items(self._ns(recording, self.from_s), self._ns(recording, self.to_s), leave_out)
        if self == WHOLE:
            return items
        first = next(items, None)
        if first is None:
            length = (recording.last_ns - recording.metadata.start_ns) / 1e9
            raise UsageError(f"nothing was recorded between --from and --to: the recording is {length:.3f} s long")
        return chain((first,), items)

    def end_ns(self, recording: AnyRecording) -> int:
        """Where it ends: CLOCK_MONOTONIC, never after the recording."""
        end = self._ns(recording, self.to_s)
        return recording.last_ns if end is None else min(end, recording.last_ns)

    @staticmethod
    def _ns(recording: AnyRecording, offset_s: float | None) -> int | None:
        return None if offset_s is None else recording.metadata.start_ns + round(offset_s * 1e9)


WHOLE: Final = Span()
_PIECE_EVENTS: Final = 32_768
"""Two blocks of a recording: the engine's work is by piece as well as by event."""


def in_pieces(items: Iterable[Item], events: int = _PIECE_EVENTS) -> Iterator[Item]:
    """The same items with batches that follow each other joined to at least so many events."""
    from ..batch import Batch

    held: list[Batch] = []
    for item in items:
        if isinstance(item, Batch):
            held.append(item)
            if sum(map(len, held)) < events:
                continue
        if held:
            yield Batch.concat(held)
            held = []
        if not isinstance(item, Batch):
            yield item
    if held:
        yield Batch.concat(held)


def analyse(recording: AnyRecording, options: Options, span: Span = WHOLE) -> Analysis:
    """The engine's results for a recording, or for a part of it."""
    from ..analyze import NEVER_READ, Engine

    engine = Engine(recording.metadata, recording.symbols, options)
    for item in in_pieces(span.items(recording, NEVER_READ)):
        engine.feed(item)
    return engine.finish(span.end_ns(recording))


def analyse_file(path: Path, options: Options | None = None, span: Span = WHOLE) -> tuple[Analysis, RecordingFacts]:
    """Open a recording and analyse it. Raises RecordingError, UsageError."""
    from ..analyze import Options
    from ..store import open_recording
    from ..store.notes import facts_of

    recording = open_recording(path)
    analysis = analyse(recording, options or Options(), span)
    return analysis, facts_of(recording, analysis.accounting.lost)
