"""What flows between the rooms: columns of events, samples of counters, lost stretches, names of cgroups."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from .schema import EVENT_DTYPE, KIND_BY_NUMBER

HEADER_COLUMNS = ("time_ns", "tid", "tgid", "comm", "kind", "cpu", "cgroup_id")
_HEADER_DTYPES = {name: EVENT_DTYPE[name] for name in HEADER_COLUMNS}

UNKNOWN_KIND = "unknown"
"""What a lost event counts as where nothing but its loss is known."""

Column = npt.NDArray[np.generic]
Fields = Mapping[str, frozenset[str]]
"""Arguments by kind."""
NO_FIELDS: Final[Fields] = {}


@dataclass(frozen=True)
class Batch:
    """Events as columns, in order of arrival.

    `header` maps each of HEADER_COLUMNS to a column of shape (n,). `rows[kind name]` holds the positions of that
    kind's events in the header columns, ascending, and `args[kind name][field]` the arguments at these positions.
    """

    header: Mapping[str, Column]
    rows: Mapping[str, npt.NDArray[np.int64]]
    args: Mapping[str, Mapping[str, Column]]

    def __len__(self) -> int:
        return len(self.header["time_ns"])

    @property
    def time_ns(self) -> npt.NDArray[np.int64]:
        """Each event's time, not copied."""
        return self.header["time_ns"].view(np.int64)

    @classmethod
    def from_records(cls, records: npt.NDArray[np.void]) -> Batch:
        """Split records of EVENT_DTYPE by kind; records of an unknown kind keep their header only."""
        header = {name: records[name] for name in HEADER_COLUMNS}
        rows: dict[str, npt.NDArray[np.int64]] = {}
        args: dict[str, Mapping[str, Column]] = {}
        present = np.flatnonzero(np.bincount(header["kind"], minlength=1)) if len(records) else ()
        for number in present:
            kind = KIND_BY_NUMBER.get(int(number))
            if kind is None:
                continue
            where = np.flatnonzero(header["kind"] == number)
            typed = records[where].view(kind.record_dtype)
            rows[kind.name] = where
            args[kind.name] = {name: typed[name] for name, _ in kind.fields}
        return cls(header, rows, args)

    @classmethod
    def empty(cls) -> Batch:
        """A batch of no events."""
        return cls.from_records(np.empty(0, EVENT_DTYPE))

    @classmethod
    def concat(cls, batches: Iterable[Batch]) -> Batch:
        """One batch of all, in the given order."""
        parts = [batch for batch in batches if len(batch)]
        if not parts:
            return cls.empty()
        if len(parts) == 1:
            return parts[0]
        offsets = np.cumsum([0] + [len(part) for part in parts[:-1]])
        header = {name: np.concatenate([part.header[name] for part in parts]) for name in HEADER_COLUMNS}
        kinds = {name for part in parts for name in part.rows}
        rows = {
            name: np.concatenate(
                [part.rows[name] + offset for part, offset in zip(parts, offsets, strict=True) if name in part.rows]
            )
            for name in kinds
        }
        args = {
            name: {
                column: np.concatenate([part.args[name][column] for part in parts if name in part.rows])
                for column in next(part.args[name] for part in parts if name in part.rows)
            }
            for name in kinds
        }
        return cls(header, rows, args)

    def without(self, fields: Fields) -> Batch:
        """The same events without some arguments, by kind."""
        args = {
            name: {column: values for column, values in columns.items() if column not in fields[name]}
            if name in fields
            else columns
            for name, columns in self.args.items()
        }
        return Batch(self.header, self.rows, args)

    def between(self, start: int, stop: int) -> Batch:
        """The events at positions start <= position < stop, not copied."""
        if start == 0 and stop == len(self):
            return self
        header = {name: column[start:stop] for name, column in self.header.items()}
        rows: dict[str, npt.NDArray[np.int64]] = {}
        args: dict[str, Mapping[str, Column]] = {}
        for name, old_rows in self.rows.items():
            low, high = np.searchsorted(old_rows, (start, stop))
            if low < high:
                rows[name] = old_rows[low:high] - start
                args[name] = {column: values[low:high] for column, values in self.args[name].items()}
        return Batch(header, rows, args)

    def copy(self) -> Batch:
        """The same events in memory of their own: a part that stays keeps the whole that it was cut from otherwise."""
        header = {name: column.copy() for name, column in self.header.items()}
        rows = {name: positions.copy() for name, positions in self.rows.items()}
        args = {
            name: {column: values.copy() for column, values in columns.items()} for name, columns in self.args.items()
        }
        return Batch(header, rows, args)

    def take(self, positions: npt.NDArray[np.int64]) -> Batch:
        """The events at `positions` (each at most once), in that order."""
        header = {name: column.take(positions) for name, column in self.header.items()}
        rows: dict[str, npt.NDArray[np.int64]] = {}
        args: dict[str, Mapping[str, Column]] = {}
        new_position = np.full(len(self), -1, np.int64)
        new_position[positions] = np.arange(len(positions))
        for name, old_rows in self.rows.items():
            moved = new_position.take(old_rows)
            if len(moved) and moved[0] >= 0 and (moved[1:] > moved[:-1]).all():
                rows[name], args[name] = moved, self.args[name]
                continue
            kept = np.flatnonzero(moved >= 0)
            if not len(kept):
                continue
            order = kept[np.argsort(moved[kept], kind="stable")]
            rows[name] = moved.take(order)
            args[name] = {column: values.take(order) for column, values in self.args[name].items()}
        return Batch(header, rows, args)


@dataclass(frozen=True)
class Samples:
    """Readings of counters.

    `values` has shape (len(time_ns), len(names)), int64; SAMPLE_NULL where a counter could not be read. Names carry
    their source and unit: `vmstat.pgscan_kswapd`, `psi.memory.some_total_us`, `meminfo.MemFree_bytes`.
    """

    time_ns: npt.NDArray[np.int64]
    names: tuple[str, ...]
    values: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.time_ns)

    def column(self, name: str) -> npt.NDArray[np.int64] | None:
        """One counter over time, or None where it was never sampled."""
        return self.values[:, self.names.index(name)] if name in self.names else None

    def without(self, names: Collection[str]) -> Samples:
        """The same readings without some counters."""
        kept = [at for at, name in enumerate(self.names) if name not in names]
        return Samples(self.time_ns, tuple(self.names[at] for at in kept), self.values[:, kept])


class CgroupNames(dict[int, str]):
    """Paths of cgroups by their numbers, seen for the first time."""


@dataclass(frozen=True)
class LostStretch:
    """Events the kernel could not hand over between two looks at the loss counters, by kind name."""

    start_ns: int
    end_ns: int
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Events lost in the stretch."""
        return sum(self.counts.values())
