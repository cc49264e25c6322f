"""A recording on its way into a format: read once, in pieces, with the analysis beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from ..analyze import Analysis, Engine, Options, in_pieces, numbers_of
from ..analyze.stream.pieces import Quiet
from ..analyze.stream.stretch import Stretch
from ..batch import NO_FIELDS, LostStretch
from ..metadata import Metadata
from ..recording_facts import RecordingFacts
from ..store.decoding import Item
from ..store.slicing import RecordingPart


class Writer(Protocol):
    """One format's way of writing."""

    def item(self, item: Item) -> None:
        """What was recorded, in pieces: raw events in the recording's order, readings, losses."""

    def stretch(self, stretch: Stretch) -> None:
        """Events in time order, with all arguments and the spans that touch them."""

    def finish(self, analysis: Analysis, facts: RecordingFacts) -> None:
        """What was found; nothing comes after it."""


class Folder(Protocol):
    """Where a format of many files writes to."""

    def create(self, name: str) -> BinaryIO:
        """A new file, by its path inside the folder, which closes it. Raises OSError."""


@dataclass(frozen=True)
class Source:
    """The part of a recording to export; `progress` is told the share that is read, None where that is not known.

    A writer says in `unsaid`, when it is done, what of the recording its format has no words for.
    """

    part: RecordingPart
    options: Options
    progress: Callable[[float | None], object]
    unsaid: list[str] = field(default_factory=list)

    @property
    def metadata(self) -> Metadata:
        """What the recording says of itself."""
        return self.part.metadata

    @property
    def symbols(self) -> Mapping[int, str]:
        """Names of functions by their address."""
        return self.part.recording.symbols

    @property
    def cgroups(self) -> Mapping[int, str]:
        """Paths of cgroups by their number."""
        return self.part.recording.cgroups

    def pour(self, writer: Writer) -> RecordingFacts:
        """Read all of it into a writer; what it then says of itself. Raises RecordingError."""
        engine = Engine(self.metadata, self.symbols, self.options, writer.stretch, self.cgroups, NO_FIELDS)
        with numbers_of(self.part.recording.path):
            for piece in in_pieces(self._items()):
                if not isinstance(piece, Quiet):
                    writer.item(piece)
                engine.feed(piece)
            analysis = engine.finish(self.part.last_ns)
        facts = self.part.facts(analysis.accounting.lost)
        writer.finish(analysis, facts)
        return facts

    def _items(self) -> Iterator[Item]:
        start_ns, length_ns = self.metadata.start_ns, self.part.last_ns - self.metadata.start_ns
        for item in self.part.items():
            yield item
            if length_ns > 0 and not isinstance(item, LostStretch) and len(item):
                self.progress(min(max((int(item.time_ns[-1]) - start_ns) / length_ns, 0.0), 1.0))
