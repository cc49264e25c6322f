"""Who waits for memory, and which shrinkers work: in the last ten seconds, and in all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ..analyze.cgroup_rows import CgroupRow, short_name
from ..analyze.model import Analysis, ShrinkerStat, Stall
from ..analyze.naming import scope_label
from ..analyze.terms import Scope, Tier
from .growth import RecentGrowth
from .model import Shrinking, Waiting
from .windows import TEN_S

MOST_ROWS: Final = 50
"""Tasks, cgroups and shrinkers told, those that were busy lately first."""
_KEPT_S: Final = TEN_S + 5.0
"""Looks may be some seconds apart."""
_NO_CGROUP: Final = "unknown cgroup"

_StallKey = tuple[int, Tier, Scope | None, int | None]
_TaskKey = tuple[int, int | None]


class Busy:
    """Takes the results so far at each look."""

    def __init__(self) -> None:
        self._stalls = RecentGrowth[_StallKey](_KEPT_S)
        self._cgroups, self._limits = RecentGrowth[int | None](_KEPT_S), RecentGrowth[int | None](_KEPT_S)
        self._shrinkers = RecentGrowth[str](_KEPT_S)
        self._freed = RecentGrowth[str](_KEPT_S)

    def take(self, analysis: Analysis) -> None:
        """Take results later than all before."""
        now_s = analysis.duration_s
        self._stalls.take(now_s, {_stall_key(stall): stall.stall_s for stall in analysis.stalls})
        self._cgroups.take(now_s, {row.id: row.stall_s for row in analysis.cgroups or ()})
        self._limits.take(now_s, {row.id: row.limit_s or 0.0 for row in analysis.cgroups or ()})
        self._shrinkers.take(now_s, {one.name: one.busy_s for one in analysis.shrinkers})
        self._freed.take(now_s, {one.name: float(one.freed_objects or 0) for one in analysis.shrinkers})

    def tasks(self, stalls: Sequence[Stall], base_s: float, length_s: float) -> list[Waiting]:
        """Tasks by cgroup; waits of tier 3 lie inside those of tier 2."""
        grown: dict[_TaskKey, float] = {}
        for (pid, tier, _, cgroup_id), more_s in self._stalls.since(base_s).items():
            if tier is not Tier.RETRY:
                grown[pid, cgroup_id] = grown.get((pid, cgroup_id), 0.0) + more_s
        tasks: dict[_TaskKey, list[Stall]] = {}
        for stall in stalls:
            if stall.tier is not Tier.RETRY:
                tasks.setdefault((stall.pid, stall.cgroup_id), []).append(stall)
        rows = (_task(own, _share(grown.get(key, 0.0), length_s)) for key, own in tasks.items())
        return _busiest(rows)

    def cgroups(self, rows: Sequence[CgroupRow], base_s: float, length_s: float) -> list[Waiting]:
        """Cgroups whose tasks waited."""
        grown = self._cgroups.since(base_s)
        return _busiest(_cgroup(row, _share(grown.get(row.id, 0.0), length_s)) for row in rows if row.stall_s)

    def limited(self, analysis: Analysis, base_s: float) -> str | None:
        """The path of the cgroup at whose limit tasks waited most after a time, or where the kernel does not tell whose
        it was, of that whose tasks did; None where it is not known."""
        at_limit = self._limits.since(base_s)
        waited = at_limit or self._waited_at_limits(base_s)
        if not waited:
            return None
        number = max(waited, key=lambda one: waited[one])
        paths = {row.id: row.path for row in analysis.cgroups or ()}
        paths |= {stall.cgroup_id: stall.cgroup for stall in analysis.stalls if stall.cgroup}
        return paths.get(number) if number else None

    def _waited_at_limits(self, base_s: float) -> dict[int | None, float]:
        waited: dict[int | None, float] = {}
        for (_, tier, scope, number), more_s in self._stalls.since(base_s).items():
            if tier is Tier.DIRECT and scope is Scope.MEMCG:
                waited[number] = waited.get(number, 0.0) + more_s
        return waited

    def shrinkers(self, shrinkers: Sequence[ShrinkerStat], base_s: float, length_s: float) -> list[Shrinking]:
        """Shrinkers that were called."""
        busy, freed = self._shrinkers.since(base_s), self._freed.since(base_s)
        rows = [
            Shrinking(
                name=one.name,
                share_10s=_share(busy.get(one.name, 0.0), length_s),
                freed_10s=None if one.freed_objects is None else round(freed.get(one.name, 0.0)),
                total_s=one.busy_s,
                freed=one.freed_objects,
                scanned=one.scanned,
                efficiency=one.efficiency,
            )
            for one in shrinkers
        ]
        return sorted(rows, key=lambda row: (-(row.share_10s or 0.0), -row.total_s, row.name))[:MOST_ROWS]


def _stall_key(stall: Stall) -> _StallKey:
    return stall.pid, stall.tier, stall.scope, stall.cgroup_id


def _task(own: Sequence[Stall], share: float | None) -> Waiting:
    """One task in one cgroup; the tier is that in which it waited most."""
    most = max(own, key=lambda stall: stall.stall_s)
    return Waiting(
        name=most.comm,
        pid=most.pid,
        cgroup=most.cgroup,
        tier=scope_label(most.tier, most.scope),
        share_10s=share,
        total_s=sum(stall.stall_s for stall in own),
        longest_s=max(stall.max_ns for stall in own) / 1e9,
        is_recorder=most.is_recorder,
    )


def _cgroup(row: CgroupRow, share: float | None) -> Waiting:
    waited = [tier for tier in row.tiers if tier.tier is not Tier.RETRY and tier.stall_s]
    most = max(waited, key=lambda tier: tier.stall_s, default=None)
    known = short_name(row.path) if row.path else f"cgroup {row.id}" if row.id else _NO_CGROUP
    return Waiting(
        name=known,
        pid=None,
        cgroup=row.path,
        tier=None if most is None else scope_label(most.tier, most.scope),
        share_10s=share,
        total_s=row.stall_s,
        longest_s=row.max_ns / 1e9,
    )


def _share(more_s: float, length_s: float) -> float | None:
    return more_s / length_s if length_s else None


def _busiest(rows: Iterable[Waiting]) -> list[Waiting]:
    return sorted(rows, key=lambda row: (-(row.share_10s or 0.0), -row.total_s, row.name, row.pid or 0))[:MOST_ROWS]
