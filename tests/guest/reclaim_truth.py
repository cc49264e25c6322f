"""Pages reclaimed by the kernel's own counters, as the guest shows them around and within a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final

Counters = dict[str, int]
Tiers = dict[str, dict[str, Any]]

INFERRED_SHARE: Final = 0.01
"""How far off pages may be that are not measured."""
_LISTS: Final = ("file", "anon")
_DIRECT: Final = ("pgsteal_direct", "pgsteal_khugepaged")
_BY_TIER: Final = ("pgsteal_kswapd", *_DIRECT, "pgsteal_proactive")
FOLD: Final = "/proc/sys/vm/stat_refresh"
"""Written to, it folds the CPUs' own counts into those of /proc/vmstat. Where `pgsteal_*` are a node's (7.3) they lag
by up to 125 pages a CPU otherwise."""


@dataclass
class ReclaimTruth:
    """All of /proc/vmstat, read before the recorder traced, when it did, when all was done, and when it had ended.

    `counts_memcg` says whether `pgsteal_kswapd` and its like count memory cgroups' reclaim: they do where they are
    counters of a node. `pgsteal_file` and `pgsteal_anon` always do (`shrink_inactive_list` in mm/vmscan.c).
    """

    counts_memcg: bool = False
    before: Counters = field(default_factory=dict)
    tracing: Counters = field(default_factory=dict)
    driven: Counters = field(default_factory=dict)
    ended: Counters = field(default_factory=dict)

    def bounds(self, *names: str) -> tuple[int, int]:
        """Pages that the counters grew by at least and at most while it was recorded; equal where nothing else was."""
        return _growth(self.tracing, self.driven, names), _growth(self.before, self.ended, names)

    def held(self, tiers: Tiers) -> dict[str, Held]:
        """Tiers and lists against the counters, by name."""
        rows = {"kswapd": Held(*self.bounds("pgsteal_kswapd"), *_told(tiers, ["background"], _off_lru))}
        rows["direct"] = Held(*self.bounds(*_DIRECT), *_told(tiers, ["direct", "retry"], self._direct))
        for name in _LISTS:
            rows[name] = Held(*self.bounds(f"pgsteal_{name}"), *_told(tiers, tiers, _pages_of(name)))
        return rows

    def memcg_pages(self) -> tuple[int, int] | None:
        """Pages reclaimed inside memory cgroups, at least and at most; None where the counters don't tell."""
        if self.counts_memcg:
            return None
        every, machine = self.bounds("pgsteal_file", "pgsteal_anon"), self.bounds(*_BY_TIER)
        return every[0] - machine[1], every[1] - machine[0]

    def _direct(self, tier: dict[str, Any]) -> int | None:
        """The tier's pages that the kernel's counter has, too."""
        memcg = tier["scopes"].get("memcg")
        pages = _off_lru(tier)
        if memcg is None or self.counts_memcg or pages is None:
            return pages
        within = _off_lru(memcg)
        return None if within is None else pages - within


@dataclass(frozen=True)
class Held:
    """Pages by the counters, at least and at most, and as told; None where that says they are unknown."""

    at_least: int
    at_most: int
    told: int | None
    is_measured: bool

    @property
    def is_true(self) -> bool:
        """To the page where measured, within INFERRED_SHARE elsewhere."""
        if self.told is None:
            return False
        slack = 0 if self.is_measured else ceil(self.at_most * INFERRED_SHARE)
        return self.at_least - slack <= self.told <= self.at_most + slack


def _growth(since: Counters, until: Counters, names: Iterable[str]) -> int:
    return sum(until.get(name, 0) - since.get(name, 0) for name in names)


def _told(tiers: Tiers, names: Iterable[str], pages: Callable[[dict[str, Any]], int | None]) -> tuple[int | None, bool]:
    """Pages of some tiers together, and whether all of them are measured."""
    rows = [tiers[name] for name in names if name in tiers]
    counts = [count for row in rows if (count := pages(row)) is not None]
    is_known = len(counts) == len(rows)
    return sum(counts) if is_known else None, all(row["quality"] == "measured" for row in rows)


def _off_lru(tier: dict[str, Any]) -> int | None:
    """File, anonymous and unsplit pages; None where one of them is unknown."""
    counts = [tier["sources"][name]["pages"] for name in (*_LISTS, "lru")]
    return None if None in counts else sum(counts)


def _pages_of(name: str) -> Callable[[dict[str, Any]], int | None]:
    def pages(tier: dict[str, Any]) -> int | None:
        value: int | None = tier["sources"][name]["pages"]
        return value

    return pages
