"""What the events at a span's ends, and those inside it, tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from ..analyze.stream.stretch import Stretch
from ..schema import KIND_BY_NUMBER, Role, SpanKind
from .rows import Value
from .values import columns_of

I64 = npt.NDArray[np.int64]

_BEGIN: Final[Mapping[SpanKind, tuple[str, ...]]] = {
    SpanKind.SHRINK_SLAB: ("shrink", "nid", "priority", "cache_items", "total_scan"),
    SpanKind.DIRECT_RECLAIM: ("order",),
    SpanKind.MEMCG_RECLAIM: ("order",),
    SpanKind.KSWAPD: ("nid",),
    SpanKind.BALANCE_PGDAT: ("nid",),
    SpanKind.OOM_NOTIFIER: ("cb",),
    SpanKind.OOM_NOTIFY: ("cb",),
    SpanKind.OUT_OF_MEMORY: ("order",),
    SpanKind.UPDATE_BALLOON_SIZE: ("num_pages",),
    SpanKind.FILL_BALLOON: ("num",),
    SpanKind.LEAK_BALLOON: ("num",),
    SpanKind.BALLOON_SHRINKER: ("nr_to_scan",),
}
_END: Final[Mapping[SpanKind, tuple[str, ...]]] = {
    SpanKind.SHRINK_SLAB: ("retval",),
    SpanKind.DIRECT_RECLAIM: ("nr_reclaimed",),
    SpanKind.MEMCG_RECLAIM: ("nr_reclaimed",),
    SpanKind.MEMCG_SOFTLIMIT_RECLAIM: ("nr_reclaimed",),
    SpanKind.NODE_RECLAIM: ("nr_reclaimed",),
    SpanKind.BALANCE_PGDAT: ("nr_reclaimed",),
    SpanKind.OOM_NOTIFIER: ("deflated_pages",),
    SpanKind.OOM_NOTIFY: ("retval",),
    SpanKind.OUT_OF_MEMORY: ("retval", "constraint"),
    SpanKind.FILL_BALLOON: ("filled",),
    SpanKind.LEAK_BALLOON: ("freed",),
    SpanKind.BALLOON_SHRINKER: ("freed",),
    SpanKind.COMPACTION: ("status",),
    SpanKind.PROACTIVE_RECLAIM: ("retval",),
}
_INSIDE: Final = {
    "lru_shrink_inactive": {"nr_reclaimed": "lru_reclaimed_pages"},
    "balloon_run_pages": {"inflated_pages": "inflated_pages", "deflated_pages": "deflated_pages"},
}
"""Events inside a span whose pages are added up, each to the innermost span around it, and what the sum is called."""


class Details:
    """Fields of the spans of one stretch after the other; sums of spans that are open are carried on."""

    def __init__(self, absent: Mapping[str, tuple[str, ...]], symbols: Mapping[int, str]) -> None:
        self._absent = absent
        self._symbols = symbols
        self._sums: dict[int, dict[str, int]] = {}

    def of(self, stretch: Stretch, rows: I64) -> list[dict[str, Value]]:
        """Of each of these spans, which are closed, the fields by name."""
        spans = stretch.spans
        found: list[dict[str, Value]] = [{} for _ in range(len(rows))]
        self._edge(stretch, found, np.arange(len(rows)), spans.begin_at[rows], Role.BEGIN)
        ended = np.flatnonzero(spans.end_at[rows] >= 0)
        self._edge(stretch, found, ended, spans.end_at[rows][ended], Role.END)
        self._scanned(stretch, found, rows)
        for values, number in zip(found, spans.id[rows].tolist(), strict=True):
            values.update(self._sums.get(number, {}))
        return found

    @staticmethod
    def _scanned(stretch: Stretch, found: list[dict[str, Value]], rows: I64) -> None:
        """What a shrinker's call scanned: its begin and its end each tell what was still to be."""
        slab, place = stretch.slab, dict(zip(stretch.spans.id[rows].tolist(), found, strict=True))
        for number, scanned in zip(slab.span_id.tolist(), slab.scanned.tolist(), strict=True):
            if number in place:
                place[number]["scanned_objects"] = scanned

    def at(self, stretch: Stretch, positions: I64) -> list[dict[str, Value]]:
        """Of ends without a begin the fields of the end."""
        found: list[dict[str, Value]] = [{} for _ in range(len(positions))]
        self._edge(stretch, found, np.arange(len(positions)), positions, Role.END)
        return found

    def take(self, stretch: Stretch) -> None:
        """Add up what lies inside of spans; before they are asked for."""
        for event, names in _INSIDE.items():
            if event not in stretch.batch.rows:
                continue
            span = stretch.enclosing[stretch.batch.rows[event]]
            inside = np.flatnonzero(span >= 0)
            for field, name in names.items():
                if field not in self._absent.get(event, ()):
                    values = stretch.batch.args[event][field][inside].astype(np.int64)
                    self._add(name, stretch.spans.id[span[inside]], values)

    def forget(self, stretch: Stretch) -> None:
        """Those that are closed were asked for."""
        for number in stretch.spans.id[stretch.spans.closed].tolist() if self._sums else ():
            self._sums.pop(number, None)

    def _add(self, name: str, ids: I64, values: I64) -> None:
        numbers, at = np.unique(ids, return_inverse=True)
        sums = np.zeros(len(numbers), np.int64)
        np.add.at(sums, at, values)
        for number, total in zip(numbers.tolist(), sums.tolist(), strict=True):
            known = self._sums.setdefault(number, {})
            known[name] = known.get(name, 0) + total

    def _edge(self, stretch: Stretch, found: list[dict[str, Value]], rows: I64, positions: I64, role: Role) -> None:
        numbers = stretch.batch.header["kind"][positions]
        for number in np.unique(numbers).tolist():
            kind = KIND_BY_NUMBER[number]
            wanted = (_BEGIN if role is Role.BEGIN else _END).get(kind.span, ()) if kind.span else ()
            chosen = np.flatnonzero(numbers == number)
            for field in wanted:
                self._field(stretch, found, (rows[chosen], positions[chosen]), kind.name, field)

    def _field(
        self, stretch: Stretch, found: list[dict[str, Value]], where: tuple[I64, I64], kind: str, field: str
    ) -> None:
        rows, positions = where
        places = stretch.args.rows(positions)
        column = stretch.batch.args[kind].get(field)
        absent = column is None or field in self._absent.get(kind, ())
        values = np.zeros(len(rows), np.int64) if column is None else column[places]
        for name, listed in columns_of(field, values, self._symbols, absent=absent):
            for at, value in zip(rows.tolist(), listed, strict=True):
                found[at][name] = value
