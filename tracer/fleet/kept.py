"""What a fleet's report needs of a recording, read from its fragment or from the tables that an earlier run joined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from ..analyze.terms import Quality
from ..gates.measures import Number
from ..tables.contention import FINDINGS, NOT_JUDGED
from ..tables.library import library
from ..tables.registry import RECORDING_ID
from ..tables.table import Table
from .fragments import Fragments
from .joined import mark_in, path_of
from .tables import NUMBERS, RECORDINGS

FACTS: Final = (
    *("host", "kernel_release", "lru_gen_enabled", "balloon_driver", "balloon_reclaim_path", "start_utc_ns"),
    *("duration_s", "events", "missing_parts", "unseen", "undecided", "verdict"),
)
"""Columns of RECORDINGS that are held of each recording; a fleet has many."""
_COLUMNS: Final[Mapping[Table, Sequence[str]]] = {
    RECORDINGS: (RECORDING_ID, "key", "unread", "labels", *FACTS),
    NUMBERS: (RECORDING_ID, "name", "value", "quality", "why"),
    FINDINGS: (RECORDING_ID, "kind", "severity", "start_s", "cost", "text"),
    NOT_JUDGED: (RECORDING_ID, "kind", "why"),
}
_ROWS: Final = 1 << 13
"""Read at once of a joined table."""
_Value = TypeVar("_Value")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, as far as a fleet looks at it; times in seconds since the recording's start."""

    kind: str
    severity: str
    start_s: float
    cost_s: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Kept:
    """Of one recording. `unread` says why nothing else is known of it; `labels` are its own."""

    recording_id: str
    unread: str | None
    labels: Mapping[str, str]
    facts: Mapping[str, Any]
    numbers: dict[str, Number]
    findings: list[Found]
    not_judged: dict[str, str]


class Keeper:
    """Reads what is kept of recordings, one by one, or of all that were joined. What many have alike is held once."""

    def __init__(self, fragments: Fragments) -> None:
        self._fragments = fragments
        self._shared: dict[Any, Any] = {}

    def of_fragment(self, key: str) -> Kept:
        """Read from its fragment. Raises OSError."""
        kept = self._begun(self._rows(key, RECORDINGS)[0])
        if kept.unread is None:
            for table in (NUMBERS, FINDINGS, NOT_JUDGED):
                for row in self._rows(key, table):
                    self._add(kept, table, row)
        return kept

    def of_joined(self, folder: Path) -> dict[str, Kept]:
        """By their keys all that are in tables which an earlier run joined from these fragments, all of them from the
        same recordings; empty where that can't be told."""
        marks = {mark_in(folder, table, self._fragments.folder) for table in _COLUMNS}
        if len(marks) != 1 or marks == {""}:
            return {}
        try:
            return self._joined(folder)
        except (OSError, ValueError, KeyError):
            return {}

    def _joined(self, folder: Path) -> dict[str, Kept]:
        by_key, by_id = dict[str, Kept](), dict[str, Kept]()
        for row in _rows_of(folder, RECORDINGS):
            by_key[row["key"]] = by_id[row[RECORDING_ID]] = self._begun(row)
        for table in (NUMBERS, FINDINGS, NOT_JUDGED):
            for row in _rows_of(folder, table):
                self._add(by_id[row[RECORDING_ID]], table, row)
        return by_key

    def _rows(self, key: str, table: Table) -> list[Row]:
        read = self._fragments.read(key, table.name, _COLUMNS[table])
        return [] if read is None else read.to_pylist()

    def _begun(self, row: Row) -> Kept:
        labels = dict(self._share(label).split("=", 1) for label in row["labels"] or ())
        facts = {name: self._share(row[name]) for name in FACTS}
        labels = {self._share(name): self._share(value) for name, value in labels.items()}
        return Kept(row[RECORDING_ID], row["unread"], labels, facts, {}, [], {})

    def _add(self, kept: Kept, table: Table, row: Row) -> None:
        share = self._share
        if table is NUMBERS:
            number = Number(row["value"], Quality(row["quality"]), share(row["why"] or ""))
            kept.numbers[share(row["name"])] = share(number)
        elif table is FINDINGS:
            kind, severity, text = (share(row[name]) for name in ("kind", "severity", "text"))
            kept.findings.append(Found(kind, severity, row["start_s"], row["cost"], text))
        else:
            kept.not_judged[share(row["kind"])] = share(row["why"])

    def _share(self, value: _Value) -> _Value:
        if isinstance(value, (str, Number)):
            shared: _Value = self._shared.setdefault(value, value)
            return shared
        return value


def _rows_of(folder: Path, table: Table) -> Iterator[Row]:
    file = library("pyarrow.parquet").ParquetFile(path_of(folder, table))
    with file:
        for batch in file.iter_batches(_ROWS, columns=[*_COLUMNS[table]], use_threads=False):
            yield from batch.to_pylist()
