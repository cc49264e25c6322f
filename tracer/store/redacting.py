"""A recording that tells no names: whoever reads it sees aliases, and so does whatever is made of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy.typing as npt

from ..batch import NO_FIELDS, Batch, Fields
from ..metadata import Metadata, PlanRow
from ..record import ADDRESS_FIELDS
from ..schema import KINDS
from .aliases import AddressAliases, Aliases, CgroupAliases, SymbolAliases
from .decoding import ITEM_TYPES, Item
from .following import FollowedRecording
from .format import JSON, BlockType
from .note_keys import HOST_COMMANDS_NOTE, IMPORT_NOTE, KNOWN_NOTES, MARKS_NOTE
from .parts import RecordingParts
from .reader import Recording

Unredacted = Recording | RecordingParts | FollowedRecording

_COMMAND_ALIAS: Final = ("command",)
_SOURCE_ALIAS: Final = "trace"
_DAMAGE_ALIAS: Final = "the reason may hold names and was left out"
_VICTIM: Final = "victim_comm"
_NAMED: Final = ADDRESS_FIELDS | {_VICTIM}
_NAMES_ONLY: Final[Fields] = {kind.name: frozenset(name for name, _ in kind.fields) - _NAMED for kind in KINDS}
_PATH: Final = re.compile(r"(?<![\w.])/(?!(?:proc|sys|dev/kmsg)\b)[\w.+@%~-]+(?:/[^\s,;:'\"()]*)?")
"""A file's path in a sentence, but for the kernel's own."""
_PATH_ALIAS: Final = "(path)"


class RedactedRecording:
    """A `Recording` with the same attributes, in which names are aliases.

    Aliased are tasks (`task-1`), parts of cgroups' paths (`cgroup-1.service`), the host, the command, the file, marks,
    the source of an import and kernel addresses (which tell where the kernel was loaded); the boot's id and labels are
    left out. Kernel threads, kernel functions, modules, numbers and times stay. An alias stands for the same name in
    everything made of one recording, whatever part of it is looked at: a file is read once for its names before
    anything else. With the same `aliases` that holds for several recordings.
    """

    def __init__(self, recording: Unredacted, aliases: Aliases | None = None) -> None:
        aliases = aliases or Aliases()
        self.unredacted = recording
        self.metadata = _redacted_metadata(recording.metadata, aliases)
        self.path = Path(aliases.next_file())
        self._addresses = AddressAliases()
        self.symbols: Mapping[int, str] = SymbolAliases(recording.symbols, self._addresses)
        self.cgroups: Mapping[int, str] = CgroupAliases(recording.cgroups, aliases.cgroup_parts)
        self._tasks = aliases.tasks
        self._named = isinstance(recording, FollowedRecording)

    @property
    def notes(self) -> Mapping[str, JSON]:
        """Those that readers look at, without words of people or of an import's source."""
        told: Any = {key: value for key, value in self.unredacted.notes.items() if key in KNOWN_NOTES}
        if MARKS_NOTE in told:
            told[MARKS_NOTE] = [[at_ns, f"mark-{number}"] for number, (at_ns, _) in enumerate(told[MARKS_NOTE], 1)]
        if HOST_COMMANDS_NOTE in told:
            told[HOST_COMMANDS_NOTE] = [{**command, "comment": ""} for command in told[HOST_COMMANDS_NOTE]]
        if IMPORT_NOTE in told:
            told[IMPORT_NOTE] = {"damage": told[IMPORT_NOTE].get("damage") and _DAMAGE_ALIAS}
        return {**told}

    @property
    def complete(self) -> bool:
        """As `Recording.complete`."""
        return self.unredacted.complete

    @property
    def cut_bytes(self) -> int:
        """As `Recording.cut_bytes`."""
        return self.unredacted.cut_bytes

    @property
    def bad_blocks(self) -> int:
        """As `Recording.bad_blocks`."""
        return self.unredacted.bad_blocks

    @property
    def bad_bytes(self) -> int:
        """As `Recording.bad_bytes`."""
        return self.unredacted.bad_bytes

    @property
    def event_count(self) -> int:
        """As `Recording.event_count`."""
        return self.unredacted.event_count

    @property
    def first_ns(self) -> int:
        """As `Recording.first_ns`."""
        return self.unredacted.first_ns

    @property
    def last_ns(self) -> int:
        """As `Recording.last_ns`."""
        return self.unredacted.last_ns

    def items(
        self,
        start_ns: int | None = None,
        end_ns: int | None = None,
        leave_out: Fields = NO_FIELDS,
        types: tuple[BlockType, ...] = ITEM_TYPES,
        kinds: frozenset[str] | None = None,
    ) -> Iterator[Item]:
        """As `Recording.items`."""
        if BlockType.EVENTS in types:
            self._name_all()
        for item in self.unredacted.items(start_ns, end_ns, leave_out, types, kinds):
            yield self._redacted(item) if isinstance(item, Batch) else item

    def _name_all(self) -> None:
        """Give aliases in the order in which names stand in the file, whatever is read first."""
        if self._named:
            return
        self._named = True
        for item in self.unredacted.items(leave_out=_NAMES_ONLY):
            if isinstance(item, Batch):
                self._redacted(item)

    def _redacted(self, batch: Batch) -> Batch:
        header = {**batch.header, "comm": self._tasks.column(batch.header["comm"])}
        args = {
            kind: {field: self._column(field, column) for field, column in columns.items()}
            for kind, columns in batch.args.items()
        }
        return Batch(header, batch.rows, args)

    def _column(self, field: str, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if field == _VICTIM:
            return self._tasks.column(column)
        return self._addresses.column(column) if field in ADDRESS_FIELDS else column


AnyRecording = Unredacted | RedactedRecording


def is_stream(recording: AnyRecording) -> bool:
    """Whether it comes from a stream, of which there is one pass and no part."""
    inner = recording.unredacted if isinstance(recording, RedactedRecording) else recording
    return isinstance(inner, FollowedRecording)


def _redacted_metadata(told: Metadata, aliases: Aliases) -> Metadata:
    return replace(
        told,
        host=aliases.host(told.host),
        boot_id="",
        command=told.command and _COMMAND_ALIAS,
        plan=tuple(map(_redacted_row, told.plan)),
        transport_reason=_without_paths(told.transport_reason),
        cgroup_hierarchy_reason=_without_paths(told.cgroup_hierarchy_reason),
        memory_lock=_without_paths(told.memory_lock),
        imported_from=told.imported_from and _SOURCE_ALIAS,
        labels={},
    )


def _redacted_row(row: PlanRow) -> PlanRow:
    return replace(row, source=_without_paths(row.source), reason=_without_paths(row.reason))


def _without_paths(words: str) -> str:
    return _PATH.sub(_PATH_ALIAS, words)
