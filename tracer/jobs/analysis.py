"""Plugs a recording into the engine."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import UsageError
from ..freed_memory import keep_freed_memory
from .memory_bound import bounded_memory

if TYPE_CHECKING:
    from ..analyze import Analysis, Options
    from ..analyze.stream.stretch import Stretch
    from ..outputs import FileIdentity
    from ..recording_facts import RecordingFacts
    from ..store import AnyRecording
    from ..store.aliases import Aliases
    from ..store.slicing import RecordingPart


@dataclass(frozen=True)
class Span:
    """A part of a recording in seconds since its start; None for no limit."""

    from_s: float | None = None
    to_s: float | None = None

    def __post_init__(self) -> None:
        if self.to_s is not None and self.to_s <= (self.from_s or 0.0):
            raise UsageError(f"--to {self.to_s:g} is not after --from {self.from_s or 0:g}: the range is empty")

    def part(self, recording: AnyRecording) -> RecordingPart:
        """This part of a recording. Raises UsageError when there is nothing in it."""
        from ..store.slicing import part_of

        part = part_of(recording, self.from_s, self.to_s)
        if part.slice and next(part.items(), None) is None:
            of_s = part.slice.of_s
            raise UsageError(f"nothing was recorded between --from and --to: the recording is {of_s:.3f} s long")
        return part


WHOLE: Final = Span()
_NEW_OBJECTS: Final = 100_000
_KEPT_BYTES: Final = 32 << 20
"""More than a piece of the stream and what is made of it."""


def analyse(part: RecordingPart, options: Options, on_stretch: Callable[[Stretch], None] | None = None) -> Analysis:
    """The engine's results for a recording, or for a part of it; `on_stretch` is handed its stretches (Engine).

    Raises RecordingError where it can't be added up.
    """
    from ..analyze import NEVER_READ, Engine, in_pieces, numbers_of

    keep_freed_memory(_KEPT_BYTES)
    recording = part.recording
    engine = Engine(part.metadata, recording.symbols, options, on_stretch, recording.cgroups)
    with numbers_of(recording.path), rare_collections():
        for item in in_pieces(part.items(NEVER_READ)):
            engine.feed(item)
        return engine.finish(part.last_ns)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Python looks for garbage in cycles after every 700 new objects. The engine makes many objects and no cycles:
    where the balloon moves all the time that took a tenth of the analysis."""
    before = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def opened(path: Path, span: Span = WHOLE, *, redact: bool | Aliases = False) -> AnyRecording:
    """The recording of that name; of `-` what comes from standard input, which has no parts.

    With `redact` it tells aliases for names: its own, or those of `Aliases` that other recordings share.
    Raises RecordingError, UsageError.
    """
    from ..store import STDIN, FollowedRecording, RedactedRecording, feed_of, open_recording

    if path == STDIN and span != WHOLE:
        raise UsageError("--from and --to need a file: write standard input to one first")
    recording = FollowedRecording(feed_of(path)) if path == STDIN else open_recording(path)
    if not redact:
        return recording
    return RedactedRecording(recording, None if redact is True else redact)


def analyse_file(
    path: Path, options: Options | None = None, span: Span = WHOLE, *, redact: bool | Aliases = False
) -> tuple[Analysis, RecordingFacts]:
    """Open a recording, or read it from standard input (`-`), and analyse it; `redact` as for `opened`.

    Raises RecordingError, UsageError.
    """
    return _analysed(opened(path, span, redact=redact), options, span)


def analyse_written(path: Path, identities: Mapping[Path, FileIdentity]) -> tuple[Analysis, RecordingFacts]:
    """What was just recorded, from the files that it was written to and no others, in bounded memory.

    Raises RecordingError.
    """
    from ..store import open_recording

    with bounded_memory(path):
        return _analysed(open_recording(path, identities), None, WHOLE)


def _analysed(recording: AnyRecording, options: Options | None, span: Span) -> tuple[Analysis, RecordingFacts]:
    from ..analyze import Options

    part = span.part(recording)
    analysis = analyse(part, options or Options())
    return analysis, part.facts(analysis.accounting.lost)
