"""Pages reclaimed by the kernel's own counters, as the guest shows them around and within a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final, Self

Counters = dict[str, int]
Tiers = dict[str, dict[str, Any]]

INFERRED_SHARE: Final = 0.01
"""How far off pages may be that are not measured."""
_KEPT: Final = ("pgsteal_", "workingset_refault_")
_LISTS: Final = ("file", "anon")
_DIRECT: Final = ("pgsteal_direct", "pgsteal_khugepaged")
_BY_TIER: Final = ("pgsteal_kswapd", *_DIRECT, "pgsteal_proactive")
FOLD: Final = "/proc/sys/vm/stat_refresh"
"""Written to, it folds the CPUs' own counts into those of /proc/vmstat. Where `pgsteal_*` are a node's (7.3) they lag
by up to 125 pages a CPU otherwise."""


@dataclass(frozen=True)
class Reading:
    """/proc/vmstat's counters of reclaimed pages and of refaults, read between these two times of the guest's clock."""

    begin_ns: int
    end_ns: int
    pages: Counters

    @classmethod
    def of(cls, begin_ns: int, end_ns: int, counters: Counters) -> Self:
        """What of all the counters is kept."""
        return cls(begin_ns, end_ns, {name: value for name, value in counters.items() if name.startswith(_KEPT)})


@dataclass
class ReclaimTruth:
    """/proc/vmstat from before the recorder was started to when it had ended.

    `beginning` are readings, one after the other, from before it was started until it said that it traces: which of
    them are from before its time zero, and which are not, its recording tells. `driven` was read when all was done,
    `ended` when the recorder had ended.

    `counts_memcg` says whether `pgsteal_kswapd` and its like count memory cgroups' reclaim: they do where they are
    counters of a node. `pgsteal_file` and `pgsteal_anon` always do (`shrink_inactive_list` in mm/vmscan.c).
    """

    counts_memcg: bool = False
    beginning: list[Reading] = field(default_factory=list)
    driven: Reading = Reading(0, 0, {})
    ended: Reading = Reading(0, 0, {})

    def bounds(self, start_ns: int, *names: str) -> tuple[int, int]:
        """Pages by which counters grew from time zero on, at least and at most; equal where it was quiet around it."""
        before = [reading for reading in self.beginning if reading.end_ns <= start_ns]
        since = [reading for reading in self.beginning if reading.begin_ns >= start_ns]
        return _growth(since[0], self.driven, names), _growth(before[-1], self.ended, names)

    def held(self, tiers: Tiers, start_ns: int) -> dict[str, Held]:
        """Tiers and lists of a recording against the counters, by name."""
        kswapd, direct = self.bounds(start_ns, "pgsteal_kswapd"), self.bounds(start_ns, *_DIRECT)
        rows = {
            "kswapd": Held(*kswapd, *_told(tiers, ["background"], _off_lru)),
            "direct": Held(*direct, *_told(tiers, ["direct", "retry"], self._direct)),
        }
        for name in _LISTS:
            rows[name] = Held(*self.bounds(start_ns, f"pgsteal_{name}"), *_told(tiers, tiers, _pages_of(name)))
        return rows

    def memcg_pages(self, start_ns: int) -> tuple[int, int] | None:
        """Pages reclaimed inside memory cgroups, at least and at most; None where the counters don't tell."""
        if self.counts_memcg:
            return None
        every = self.bounds(start_ns, *(f"pgsteal_{name}" for name in _LISTS))
        machine = self.bounds(start_ns, *_BY_TIER)
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


def _growth(since: Reading, until: Reading, names: Iterable[str]) -> int:
    return sum(until.pages.get(name, 0) - since.pages.get(name, 0) for name in names)


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
