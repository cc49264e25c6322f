"""Pages by tier from events held against the kernel's counters: what is missing, what is too many, and where.

What `__count_vm_events` in shrink_inactive_list and evict_folios (mm/vmscan.c) counts: pgsteal_kswapd, _direct,
_khugepaged and _proactive leave memory cgroups' own reclaim out, pgsteal_file and _anon have it in. So file and anon
beyond the sum of the others are memory cgroups' pages. Where reclaim is counted by node (7.3) all of them have it in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from ...schema import SAMPLE_NULL
from ..terms import Tier
from .reclaim_counts import Counter, Edges, Limit, ReclaimCounts, Told

I64 = npt.NDArray[np.int64]

_THRESHOLD_PAGES: Final = 125
"""The most that a CPU keeps back of a node's statistic: MAX_THRESHOLD in calculate_normal_threshold, mm/vmstat.c."""

_TIER_OF: Final = {
    Counter.KSWAPD: Tier.BACKGROUND,
    Counter.DIRECT: Tier.DIRECT,
    Counter.KHUGEPAGED: Tier.DIRECT,
    Counter.PROACTIVE: Tier.PROACTIVE,
}


@dataclass(frozen=True)
class Fill:
    """Pages of a tier between two readings that counters have and events don't; `unsplit` are file or anon.

    `in_memcg` says that they were memory cgroups' own reclaim.
    """

    begin_ns: int
    end_ns: int
    tier: Tier
    in_memcg: bool
    file: int
    anon: int
    unsplit: int

    @property
    def pages(self) -> int:
        """All of them."""
        return self.file + self.anon + self.unsplit


@dataclass
class TierGaps:
    """What came of the comparison, by tier; a tier that nothing was held against is not in it.

    `includes_memcg`: whether the counters by tier include memory cgroups' reclaim, None where no reclaim shows it.
    """

    missed: dict[Tier, int] = field(default_factory=dict)
    extra: dict[Tier, int] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    includes_memcg: bool | None = None


@dataclass(frozen=True)
class _Series:
    """One quantity at each edge: counted, and told by events at least (`sure`) and at most (`maybe` as well)."""

    counted: I64
    sure: tuple[I64, I64]
    maybe: tuple[I64, I64]


@dataclass(frozen=True)
class _Gap:
    """Pages missing at each edge since `since` (an edge's number), and pages too many in all."""

    missing: I64
    since: I64
    extra: int


class _Table:
    """Edges as columns, but for those in the middle of a rest: nothing moved up to them, nor to the next."""

    def __init__(self, edges: Edges) -> None:
        has_lists = bool((edges.lists != SAMPLE_NULL).all())
        kept = edges.part(_moving([edges.low, edges.high, edges.counts, *([edges.lists] if has_lists else [])]))
        self.time_ns, self.low, self.high, self.counts = kept.time_ns, kept.low, kept.high, kept.counts
        self.lists = kept.lists if has_lists else None

    def series(self, counted: I64, sure: Iterable[int], maybe: Iterable[int] = ()) -> _Series:
        certain, perhaps = list(sure), [*sure, *maybe]
        return _Series(
            counted,
            (self.low[:, certain].sum(axis=1), self.high[:, certain].sum(axis=1)),
            (self.low[:, perhaps].sum(axis=1), self.high[:, perhaps].sum(axis=1)),
        )

    @property
    def memcg_counted(self) -> I64 | None:
        """Memory cgroups' pages that the counters by tier leave out.

        The kernel adds up counters by tier before those by list, and meanwhile goes on reclaiming: what a later reading
        takes back was none. What only the last one has may be none either, unless such reclaim was seen.
        """
        if self.lists is None:
            return None
        beyond = self.lists.sum(axis=1) - self.counts.sum(axis=1)
        if not self.grown((*_MEMCG, *_UNSEEN, *Told)):
            beyond[-1] = min(beyond[-2:])
        lasting: I64 = np.minimum.accumulate(beyond[::-1])[::-1]
        return lasting

    def grown(self, codes: Iterable[int]) -> int:
        """Pages told of between the first edge and the last, at most."""
        chosen = list(codes)
        return int(self.high[-1, chosen].sum() - self.low[0, chosen].sum())


def _moving(columns: Sequence[I64]) -> I64:
    """The first and the last row, and those that differ from the one before or behind."""
    changed = np.logical_or.reduce([(column[1:] != column[:-1]).any(axis=1) for column in columns])
    return np.flatnonzero(np.append(True, changed) | np.append(changed, True))


def find_gaps(counts: ReclaimCounts, cpus: int, nodes: int) -> TierGaps:
    """Compare; without two readings of the counters nothing is known of any tier."""
    edges = counts.edges()
    found = TierGaps()
    lag = _THRESHOLD_PAGES * cpus * nodes if counts.by_node else 0
    parts = [_Table(part) for part in _without_resets(edges) if len(part.time_ns) > 1]
    if not parts:
        return found
    found.includes_memcg = _includes_memcg(parts)
    for table in parts:
        _compare(table, counts.has, lag, found)
    return found


def _without_resets(edges: Edges) -> list[Edges]:
    """Stretches in which counters only grow: a recording can lie on both sides of a boot."""
    counts, lists = edges.counts, edges.lists
    has_lists = (lists != SAMPLE_NULL).all(axis=1)
    fell = (counts[1:] < counts[:-1]).any(axis=1)
    fell |= (lists[1:] < lists[:-1]).any(axis=1) & has_lists[1:] & has_lists[:-1]
    cuts = [0, *(np.flatnonzero(fell) + 1).tolist(), len(counts)]
    return [edges.part(slice(first, last)) for first, last in pairwise(cuts)]


def _codes(counters: Iterable[Counter], limits: Iterable[Limit]) -> list[int]:
    wanted = list(limits)
    return [
        (counter * len(Limit) + limit) * 2 + is_file for counter in counters for limit in wanted for is_file in (0, 1)
    ]


def _of_list(is_file: int) -> list[int]:
    return [code for code in _codes(Counter, Limit) if code % 2 == is_file]


_MEMCG: Final = _codes(Counter, (Limit.MEMCG,))
_UNSEEN: Final = _codes(Counter, (Limit.UNSEEN,))


def _includes_memcg(parts: Sequence[_Table]) -> bool | None:
    told = sum(table.grown(_MEMCG) for table in parts) or sum(table.grown(Told) for table in parts)
    left_out = [table.memcg_counted for table in parts]
    if all(counted is not None for counted in left_out):
        grown = sum(int(counted[-1] - counted[0]) for counted in left_out if counted is not None)
        return None if not told and grown <= 0 else abs(grown) * 2 < told
    by_tier = sum(int(table.counts[-1].sum() - table.counts[0].sum()) for table in parts)
    beyond = by_tier - sum(table.grown(_codes(Counter, (Limit.MACHINE, Limit.UNSEEN))) for table in parts)
    return beyond * 2 > told if told else None


def _compare(table: _Table, has: frozenset[str], lag: int, found: TierGaps) -> None:
    included = bool(found.includes_memcg)
    limits = (Limit.MACHINE, Limit.MEMCG) if included else (Limit.MACHINE,)
    gaps: list[tuple[Tier, bool, _Gap]] = []
    for counter, together in _counted_together(has).items():
        series = table.series(table.counts[:, counter], _codes(together, limits), _codes(together, (Limit.UNSEEN,)))
        gaps.append((_TIER_OF[counter], False, _gap(series, lag)))
    counted = table.memcg_counted
    if counted is not None and not included:
        gaps.append((Tier.DIRECT, True, _gap(table.series(counted, _MEMCG, _UNSEEN), lag)))
    for tier, _, gap in gaps:
        found.extra[tier] = found.extra.get(tier, 0) + gap.extra
    if counted is not None:
        found.extra.setdefault(Tier.PROACTIVE, 0)
    fills = _fills(table, gaps, _missing_by_list(table, lag))
    for tier in found.extra:
        found.missed[tier] = found.missed.get(tier, 0) + sum(fill.pages for fill in fills if fill.tier is tier)
    found.fills += fills


def _missing_by_list(table: _Table, lag: int) -> tuple[I64, I64] | None:
    """File and anonymous pages missing at each edge, where the kernel counts them."""
    if table.lists is None:
        return None
    file, anon = (
        _gap(table.series(table.lists[:, column], _of_list(is_file)), lag).missing
        for column, is_file in ((0, 1), (1, 0))
    )
    return file, anon


def _counted_together(has: frozenset[str]) -> dict[Counter, list[Counter]]:
    """For each counter that there is, what it counts: without one of their own others count as direct reclaim."""
    together = {counter: [counter] for counter in Counter if counter.sample in has}
    together[Counter.DIRECT] += [counter for counter in Counter if counter.sample not in has]
    return together


def _gap(series: _Series, lag: int) -> _Gap:
    """Follow a quantity from edge to edge; it is settled, and begun anew, wherever nobody reclaims at a reading."""
    counted = series.counted.tolist()
    (sure_low, sure_high), (low, high) = ([column.tolist() for column in pair] for pair in (series.sure, series.maybe))
    missing, since = [0] * len(counted), list(range(-1, len(counted) - 1))
    base = filled = extra = 0
    for at in range(1, len(counted)):
        grown = counted[at] - counted[base]
        least, most = grown - (high[at] - low[base]), grown - (sure_low[at] - sure_high[base])
        if least > filled + lag:
            missing[at] = least - filled
            filled = least
        settled = sure_high[at] == sure_low[at] and high[at] == low[at]
        if settled or at == len(counted) - 1:
            too_many = filled - most
            if too_many > lag:
                extra += too_many
            if abs(too_many) > lag or too_many == 0:
                since[at] = base
                base, filled = at, 0
    return _Gap(np.asarray(missing, np.int64), np.asarray(since, np.int64), extra)


def _fills(table: _Table, gaps: Sequence[tuple[Tier, bool, _Gap]], lists: tuple[I64, I64] | None) -> list[Fill]:
    """What is missing at each edge, file and anonymous pages in the proportion of those that are missing by then."""
    fills: list[Fill] = []
    file = anon = 0
    by_list = (np.zeros(len(table.time_ns), np.int64),) * 2 if lists is None else lists
    missing = np.stack([*by_list, *(gap.missing for _, _, gap in gaps)])
    for at in (np.flatnonzero((missing[:, 1:] != 0).any(axis=0)) + 1).tolist():
        file, anon = file + int(by_list[0][at]), anon + int(by_list[1][at])
        for tier, in_memcg, since, pages in _parts(table, gaps, at):
            of_file = min(file, round(pages * file / (file + anon))) if file + anon else 0
            of_anon = min(anon, pages - of_file)
            file, anon = file - of_file, anon - of_anon
            begin_ns, end_ns = int(table.time_ns[since]), int(table.time_ns[at])
            fills.append(Fill(begin_ns, end_ns, tier, in_memcg, of_file, of_anon, pages - of_file - of_anon))
    return fills


def _parts(table: _Table, gaps: Sequence[tuple[Tier, bool, _Gap]], at: int) -> Iterator[tuple[Tier, bool, int, int]]:
    """Tier, whether in memory cgroups, since which edge, how many; what memory.reclaim was asked for apart."""
    for tier, in_memcg, gap in gaps:
        since, pages = int(gap.since[at]), int(gap.missing[at])
        asked = 0
        if in_memcg and pages:
            ended = table.high[at, list(Told)] - table.low[since, list(Told)]
            asked = round(pages * int(ended[1]) / int(ended.sum())) if ended.sum() else 0
        for whose, share in ((Tier.PROACTIVE, asked), (tier, pages - asked)):
            if share:
                yield whose, in_memcg, since, share
