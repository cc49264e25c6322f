"""A recording in several files, read as one: `x.rtrace` where only `x.0001.rtrace`, `x.0002.rtrace`... are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

from ..batch import NO_FIELDS, Fields, LostStretch
from ..errors import RecordingError, shown
from ..metadata import Metadata
from ..outputs import FileIdentity
from .decoding import ITEM_TYPES, Item
from .format import JSON, BlockType
from .limits import Claims
from .note_keys import PART_NOTE, SKIPPED_PARTS_NOTE
from .reader import Recording
from .rotating import find_parts, parts_among

NO_IDENTITIES: Final[Mapping[Path, FileIdentity]] = MappingProxyType({})

_MOST_MISSING: Final = 1 << 16
"""Files that may be missing between others: a number may be anything that somebody calls a file."""


def files_of(path: Path) -> list[Path]:
    """The file of a recording, or those of one in several files, oldest first."""
    return [path] if path.exists() else [*find_parts(path).values()]


def open_recording(path: Path, identities: Mapping[Path, FileIdentity] = NO_IDENTITIES) -> Recording | RecordingParts:
    """The recording of that name, in one file or in several. Raises RecordingError.

    With `identities`, those of its files when it was written: none that was put in its place or beside it since.
    """
    if identities and path not in identities:
        names = (file.name for file in identities)
        return RecordingParts.open(path, parts_among(path, names), identities)
    if identities:
        return Recording.open(path, identities[path])
    if not path.exists() and (found := find_parts(path)):
        return RecordingParts.open(path, found)
    return Recording.open(path)


class RecordingParts:
    """Several files as one `Recording`, with the same attributes; times count from the first file that is there.

    `removed` tells how many earlier files there were, `missing` are the numbers of those between the others that are
    not there: what they held is a lost stretch without counts. `skipped` are numbers that no file of it ever had.
    """

    def __init__(self, path: Path, parts: Mapping[int, Recording], skipped: Collection[int] = ()) -> None:
        self.path = path
        self.parts = dict(parts)
        self.skipped = tuple(sorted(skipped))
        self.removed = min(parts) - 1 - sum(number < min(parts) for number in self.skipped)
        self.missing = tuple(sorted(set(range(min(parts), max(parts))) - parts.keys() - {*self.skipped}))
        self._all = tuple(parts.values())
        # A file cut inside its first block says nothing of itself, not even when it began.
        self._timed = tuple(part for part in self._all if part.metadata != Metadata()) or self._all

    @classmethod
    def open(
        cls, path: Path, files: Mapping[int, Path], identities: Mapping[Path, FileIdentity] = NO_IDENTITIES
    ) -> Self:
        """Open all of them. Raises RecordingError where one can't be, or is of another recording.

        From the newest on, which tells what names it passed over because something else had them: that is not opened.
        """
        if (left_out := max(files) - min(files) + 1 - len(files)) > _MOST_MISSING:
            raise RecordingError(f"{shown(path)}: {left_out:,} files in between are missing; name single files")
        parts, claims, skipped = {}, Claims(), set[int]()
        for number in sorted(files, reverse=True):
            if number in skipped:
                continue
            parts[number] = part = Recording.open(files[number], identities.get(files[number]))
            part.rest()
            skipped.update(_skipped_before(number, part))
            claims = claims.plus(part.claims)
            claims.refuse_if_beyond(path)
        in_order = dict(sorted(parts.items()))
        _refuse_others([part for part in in_order.values() if part.metadata != Metadata()])
        return cls(path, in_order, skipped)

    @cached_property
    def metadata(self) -> Metadata:
        """The first file's."""
        return self._timed[0].metadata

    @cached_property
    def symbols(self) -> Mapping[int, str]:
        """Of all files."""
        return {address: name for part in self._all for address, name in part.symbols.items()}

    @cached_property
    def cgroups(self) -> Mapping[int, str]:
        """Of all files."""
        return {number: path for part in self._all for number, path in part.cgroups.items()}

    @cached_property
    def notes(self) -> Mapping[str, JSON]:
        """Of all files, the latest of each name; which part a file is is no note of the whole."""
        notes = {key: value for part in self._all for key, value in part.notes.items()}
        notes.pop(PART_NOTE, None)
        return notes

    @property
    def complete(self) -> bool:
        """Whether every file was closed in order."""
        return all(part.complete for part in self._all)

    @property
    def file_bytes(self) -> int:
        """The files' length together."""
        return sum(part.file_bytes for part in self._all)

    @property
    def read_bytes(self) -> int:
        """As `Recording.read_bytes`, of all files."""
        return sum(part.read_bytes for part in self._all)

    @property
    def cut_bytes(self) -> int:
        """Bytes at the files' ends that belong to no whole block."""
        return sum(part.cut_bytes for part in self._all)

    @property
    def bad_blocks(self) -> int:
        """Damaged blocks found so far, skipped."""
        return sum(part.bad_blocks for part in self._all)

    @property
    def bad_bytes(self) -> int:
        """Bytes of the damaged blocks found so far."""
        return sum(part.bad_bytes for part in self._all)

    @property
    def event_count(self) -> int:
        """Events in all files."""
        return sum(part.event_count for part in self._all)

    @property
    def first_ns(self) -> int:
        """As `Recording.first_ns`."""
        return min(part.first_ns for part in self._timed)

    @property
    def last_ns(self) -> int:
        """As `Recording.last_ns`."""
        return max(part.last_ns for part in self._timed)

    def items(
        self,
        start_ns: int | None = None,
        end_ns: int | None = None,
        leave_out: Fields = NO_FIELDS,
        types: tuple[BlockType, ...] = ITEM_TYPES,
        kinds: frozenset[str] | None = None,
    ) -> Iterator[Item]:
        """As `Recording.items`, file by file."""
        missing, before = {*self.missing}, self._all[0]
        last = min(self.parts)
        for number, part in self.parts.items():
            if BlockType.LOST in types and not missing.isdisjoint(range(last, number)):
                yield from self._gap(before, part, start_ns, end_ns)
            try:
                yield from part.items(start_ns, end_ns, leave_out, types, kinds)
            finally:
                part.rest()
            before, last = part, number

    @staticmethod
    def _gap(earlier: Recording, later: Recording, start_ns: int | None, end_ns: int | None) -> Iterator[LostStretch]:
        """What is not there between two files, if it overlaps the range."""
        before = earlier.last_ns
        after = max(before, later.metadata.start_ns)
        if (end_ns is None or before < end_ns) and (start_ns is None or after >= start_ns):
            yield LostStretch(before, after)


def _skipped_before(number: int, part: Recording) -> Iterator[int]:
    """Numbers below its own that a file says no file of its recording has."""
    told: Any = part.notes.get(SKIPPED_PARTS_NOTE, ())
    return (other for other in told if other < number)


def _refuse_others(described: list[Recording]) -> None:
    """Raises RecordingError where one is of another recording than the one before it."""
    for earlier, later in pairwise(described):
        if not continues(earlier.metadata, later.metadata):
            raise RecordingError(
                f"{shown(later.path)}: belongs to another recording than {shown(earlier.path)}; name single files"
            )


def continues(earlier: Metadata, later: Metadata) -> bool:
    """Whether two files say the same of themselves, and the later one begins later."""
    same = replace(later, start_ns=earlier.start_ns, start_utc_ns=earlier.start_utc_ns)
    return same == earlier and later.start_ns >= earlier.start_ns
