"""What threads on their way into the OOM killer met: zones without memory, and what they allocated for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from ..stream.stretch import Stretch

I64 = npt.NDArray[np.int64]

_FIXED: Final = 2
"""Columns before an event's own: its time and thread."""


class Constraint(IntEnum):
    """What limited the allocation: enum oom_constraint, include/linux/oom.h."""

    NONE = 0
    CPUSET = 1
    MEMORY_POLICY = 2
    MEMCG = 3

    @property
    def label(self) -> str:
        """As the kernel's log has it: `CONSTRAINT_MEMORY_POLICY`."""
        return f"CONSTRAINT_{self.name}"


@dataclass(frozen=True)
class Request:
    """What was allocated for: `order` and `gfp_flags` of the kernel's, None where not told. `memcg_id` is the memory
    cgroup that was out of memory, 0 for none."""

    order: int | None = None
    gfp_flags: int | None = None
    memcg_id: int | None = None

    def beside(self, other: Request) -> Request:
        """What it tells, and what else another one does."""
        return Request(
            other.order if self.order is None else self.order,
            other.gfp_flags if self.gfp_flags is None else self.gfp_flags,
            other.memcg_id if self.memcg_id is None else self.memcg_id,
        )

    @classmethod
    def of(cls, stretch: Stretch, kind: str, values: list[int]) -> Request:
        """The order, flags and cgroup that an event of this kind has. Flags of 0 are none that the kernel uses."""
        names = ("order", "gfp_flags", "memcg_id")
        order, gfp_flags, memcg_id = (
            value if stretch.args.tells(kind, name) else None for name, value in zip(names, values, strict=True)
        )
        return cls(order, gfp_flags or None, memcg_id)


_MOST_ORDER: Final = 20
"""More than any kernel's MAX_PAGE_ORDER (10 unless configured, include/linux/mmzone.h); sysrq's OOM kill has -1."""


@dataclass(frozen=True)
class Zones:
    """The zones that an allocation retried last, added up, in pages: what was free, their min watermarks, and what was
    missing below these."""

    free_pages: int
    min_wmark_pages: int
    below_pages: int
    order: int

    @classmethod
    def of(cls, rows: I64) -> Zones | None:
        """Rows of `reclaim_retry_zone`, one a zone, of `node`, `zone_idx` and the fields in RETRY_FIELDS; None without
        any. Reclaimable pages are in `available`, too: should_reclaim_retry(), mm/page_alloc.c."""
        if not len(rows):
            return None
        available, reclaimable, min_wmark, order = rows[:, _FIXED + len(RETRY_KEYS) :].T
        free = available - reclaimable
        below = np.maximum(min_wmark - free, 0)
        return cls(int(free.sum()), int(min_wmark.sum()), int(below.sum()), int(order[-1]))

    def missing_pages(self, order: int) -> int | None:
        """How many pages more would have brought all of them above their min watermarks, this allocation made.

        None for an order that no allocation has.
        """
        return self.below_pages + (1 << order) if 0 <= order <= _MOST_ORDER else None


RETRY_KEYS: Final = ("node", "zone_idx")
RETRY_FIELDS: Final = ("available", "reclaimable", "min_wmark", "order")
REQUEST_FIELDS: Final = ("order", "gfp_flags", "memcg_id")


class NewestRows:
    """The newest event of a kind for each thread and key, as long as it is recent."""

    def __init__(self, kind: str, keys: tuple[str, ...], fields: tuple[str, ...], recent_ns: int) -> None:
        self._kind = kind
        self._names = (*keys, *fields)
        self._by = _FIXED + len(keys)
        self._recent_ns = recent_ns
        self._table: I64 = np.empty((0, _FIXED + len(self._names)), np.int64)

    def take(self, stretch: Stretch) -> None:
        """Take the next stretch's events."""
        rows, args = stretch.args.all(self._kind)
        if not len(rows):
            return
        columns = [stretch.time_ns[rows], stretch.batch.header["tid"][rows], *(args[name] for name in self._names)]
        new = np.column_stack([column.astype(np.int64) for column in columns])
        self._table = np.concatenate((self._table, new))

    def of(self, tid: int, time_ns: int) -> I64:
        """A thread's newest rows up to a time: time, thread, keys, fields."""
        table = self._table
        recent = (table[:, 1] == tid) & (table[:, 0] <= time_ns) & (table[:, 0] >= time_ns - self._recent_ns)
        return self._newest(table[recent])

    def forget(self, until_ns: int) -> None:
        """Keep what events after a time may ask for."""
        if len(self._table):
            self._table = self._newest(self._table[self._table[:, 0] >= until_ns - self._recent_ns])

    def _newest(self, table: I64) -> I64:
        order = np.lexsort((table[:, 0], *table[:, 1 : self._by].T))
        table = table[order]
        last = np.ones(len(table), np.bool_)
        last[:-1] = (table[1:, 1 : self._by] != table[:-1, 1 : self._by]).any(axis=1)
        return table[last]
