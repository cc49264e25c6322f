"""Who paid, by cgroup: waits, pages that its tasks reclaimed, victims of the OOM killer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ...schema import SpanKind
from ..cgroup_rows import CgroupNames, CgroupRow, CgroupTier
from ..model import Stall, known_sum
from ..scanned import NOT_SCANNED, Scanned, scanned_pages
from ..stream.attribution import RUNGS, scope_of_rung, tier_of_rung
from ..stream.cells import Cells
from ..stream.grouping import numbered
from ..stream.stretch import LruRows, Stretch
from ..terms import Quality, Scope, Tier

I64 = npt.NDArray[np.int64]

_FILE, _ANON, _UNSPLIT, _ENDED, _SCANNED, _SILENT = range(6)
"""Which pages: off the file or the anonymous list, off one that is not told, `nr_reclaimed` of reclaim's ends;
pages that were scanned; and scans of which the kernel says too little."""
_COLUMNS = 6
_LIMITED: Final = "memcg_reclaim_begin"
_Rung = tuple[Tier, Scope | None]


@dataclass(frozen=True)
class PagesTold:
    """Whether LRU events tell of pages, of which list, and of all, of the scanned ones, and of each scan for which the
    kernel says too few of these; whether ends of reclaim do; whether begins of memory cgroups' own reclaim tell whose
    limit it is for."""

    scans: bool
    split: bool
    ends: bool
    all_scans: bool
    limits: bool
    scanned: bool
    silent_scans: bool

    @property
    def quality(self) -> Quality:
        """That of the pages."""
        if not self.scans and not self.ends:
            return Quality.UNKNOWN
        return Quality.MEASURED if self.all_scans else Quality.LOWER_BOUND

    def of(self, pages: Sequence[int]) -> tuple[int | None, int | None, int | None]:
        """File, anonymous and unsplit pages."""
        if self.scans and self.split:
            return pages[_FILE], pages[_ANON], 0
        if self.scans:
            return None, None, pages[_UNSPLIT]
        return None, None, pages[_ENDED] if self.ends else None

    def scanned_of(self, pages: Sequence[int]) -> Scanned:
        """Scanned pages; unknown where scans tell of no page that came off."""
        freed = pages[_FILE] + pages[_ANON] + pages[_UNSPLIT]
        if not self.scanned or (not pages[_SCANNED] and (freed or pages[_ENDED])):
            return NOT_SCANNED
        return scanned_pages(pages[_SCANNED], freed, pages[_SILENT], told=self.silent_scans)


class CgroupTable:
    """Adds up pages by cgroup and rung; tasks' waiting is added up by task already (`StallTable`)."""

    def __init__(self, *, told: bool) -> None:
        """`told`: whether events of the recording have the cgroup at all."""
        self._told = told
        self._pages: dict[tuple[int, int], list[int]] = {}
        self._limits: dict[int, tuple[int, int]] = {}

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch."""
        if not self._told:
            return
        lru = stretch.lru
        which = np.where(lru.is_file, _FILE, _ANON) if lru.is_split else np.full(len(lru.at), _UNSPLIT)
        self._add(stretch, lru.at, lru.rung, which, lru.pages, lru)
        for kind, ends in stretch.reclaimed.items():
            if kind is not SpanKind.BALANCE_PGDAT:
                self._add(stretch, ends.at, ends.rung, np.full(len(ends.at), _ENDED), ends.value)
        self._at_limits(stretch)

    def _at_limits(self, stretch: Stretch) -> None:
        """Whose limit memory cgroups' own reclaim was for: times and ns by cgroup."""
        spans, rows = stretch.spans, stretch.spans.of(SpanKind.MEMCG_RECLAIM)
        rows = rows[spans.closed[rows] & ~spans.broken[rows]]
        memcg_id = stretch.args.at(spans.begin_at[rows], _LIMITED, "memcg_id")
        rows, memcg_id = rows[memcg_id > 0], memcg_id[memcg_id > 0]
        if not len(rows):
            return
        ids, number = numbered(memcg_id)
        cells = Cells(number)
        sums = zip(cells.count().tolist(), cells.sums(spans.end_ns[rows] - spans.begin_ns[rows]).tolist(), strict=True)
        for cgroup_id, (times, waited_ns) in zip(ids.tolist(), sums, strict=True):
            before = self._limits.get(cgroup_id, (0, 0))
            self._limits[cgroup_id] = before[0] + times, before[1] + waited_ns

    def _add(self, stretch: Stretch, at: I64, rung: I64, which: I64, pages: I64, lru: LruRows | None = None) -> None:
        if not len(at):
            return
        ids, number = numbered(stretch.cgroup_id(at))
        cells = Cells((number * (RUNGS + 1) + rung + 1) * _COLUMNS + which)
        none = np.zeros(len(cells.keys), np.int64)
        scans = (none, none) if lru is None else (cells.sums(lru.scanned), cells.count_of(lru.silent))
        columns = (cells.keys, cells.sums(pages), *scans)
        for cell, more, scanned, silent in zip(*(column.tolist() for column in columns), strict=True):
            rest, column = divmod(cell, _COLUMNS)
            cgroup, present = divmod(rest, RUNGS + 1)
            if present:
                counts = self._pages.setdefault((int(ids[cgroup]), present - 1), [0] * _COLUMNS)
                counts[column] += more
                counts[_SCANNED] += scanned
                counts[_SILENT] += silent

    def rows(
        self, stalls: Iterable[Stall], kills: Mapping[int, int], paths: Mapping[int, str], told: PagesTold
    ) -> list[CgroupRow] | None:
        """All cgroups, those whose tasks waited longest first; None where the recording tells of none. `kills` are
        numbers by the victim's cgroup."""
        if not self._told:
            return None
        tiers: dict[int, dict[_Rung, CgroupTier]] = {}
        for (cgroup_id, number), pages in self._pages.items():
            tier = _tier(tiers, cgroup_id, tier_of_rung(number), scope_of_rung(number), told)
            tier.file_pages, tier.anon_pages, tier.lru_pages = told.of(pages)
            tier.nr_scanned, tier.efficiency, tier.silent_scans = told.scanned_of(pages)
        for stall in stalls:
            _tier(tiers, stall.cgroup_id or 0, stall.tier, stall.scope, told).add(
                stall.spans, stall.stall_s, stall.max_ns
            )
        rows = {cgroup_id: _row(cgroup_id, paths, [*found.values()], told) for cgroup_id, found in tiers.items()}
        for cgroup_id, (times, waited_ns) in self._limits.items() if told.limits else ():
            row = rows.setdefault(cgroup_id, _row(cgroup_id, paths, [], told))
            row.limit_spans, row.limit_s = times, waited_ns / 1e9
        for cgroup_id, killed in kills.items():
            row = rows.setdefault(cgroup_id, _row(cgroup_id, paths, [], told))
            row.kills = (row.kills or 0) + killed
        if 0 in rows and rows[0].kills:
            for row in rows.values():
                row.kills = row.kills or None
        return sorted(rows.values(), key=lambda row: (-row.stall_s, -(row.kills or 0), row.path or "", row.id or 0))


def _tier(
    tiers: dict[int, dict[_Rung, CgroupTier]], cgroup_id: int, tier: Tier, scope: Scope | None, told: PagesTold
) -> CgroupTier:
    """A cgroup's part of a tier, with no pages where it is new."""
    of_cgroup = tiers.setdefault(cgroup_id, {})
    nothing = [0] * _COLUMNS
    scanned = told.scanned_of(nothing)
    new = CgroupTier(tier, scope, *told.of(nothing), nr_scanned=scanned.nr_scanned, silent_scans=scanned.silent_scans)
    return of_cgroup.setdefault((tier, scope), new)


def _row(cgroup_id: int, paths: Mapping[int, str], tiers: list[CgroupTier], told: PagesTold) -> CgroupRow:
    path, names = paths.get(cgroup_id), CgroupNames.of(paths.get(cgroup_id))
    own = [tier for tier in tiers if tier.tier is Tier.DIRECT]
    # Throttling, in tier 3, lies inside direct reclaim, which has that time already.
    waits = [tier for tier in tiers if tier.tier is not Tier.RETRY]
    none = told.of([0] * _COLUMNS)
    file_pages, anon_pages, lru_pages = (
        nothing if nothing is None else known_sum([0, *pages])
        for nothing, pages in zip(
            none,
            ([t.file_pages for t in own], [t.anon_pages for t in own], [t.lru_pages for t in own]),
            strict=True,
        )
    )
    return CgroupRow(
        path,
        cgroup_id or None,
        *names,
        stall_s=sum(tier.stall_s for tier in waits),
        spans=sum(tier.spans for tier in waits),
        limit_s=0.0 if told.limits else None,
        limit_spans=0 if told.limits else None,
        max_ns=max((tier.max_ns for tier in waits), default=0),
        file_pages=file_pages,
        anon_pages=anon_pages,
        lru_pages=lru_pages,
        quality=told.quality,
        tiers=sorted(tiers, key=lambda tier: (tier.tier, tier.scope or "")),
    )
