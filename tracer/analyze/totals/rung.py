"""One rung of a ladder: what a tier, or one scope of direct reclaim, supplied, and who did it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ..stream.attribution import RUNG_OF_SCOPE
from ..terms import Scope, Tier

_ADDITIVE: Final = (
    "busy_ns",
    "spans",
    "file_pages",
    "anon_pages",
    "lru_pages",
    "reclaimed_pages",
    "unseen_pages",
    "missed_pages",
    "kills",
    "balloon_pages",
    "balloon_pages_at_def_priority",
    "reports",
    "reported_pages",
)


@dataclass(slots=True)
class Share:
    """One reclaimer's part of a rung; `told` counts the events that told of its `pages`, for which it scanned so many
    of the LRU lists, in its `silent` scans at least."""

    spans: int = 0
    busy_ns: int = 0
    pages: int = 0
    told: int = 0
    scanned: int = 0
    silent: int = 0

    def add(self, other: Share) -> None:
        """Add what it did at another time."""
        self.spans += other.spans
        self.busy_ns += other.busy_ns
        self.pages += other.pages
        self.told += other.told
        self.scanned += other.scanned
        self.silent += other.silent


@dataclass(slots=True)
class Rung:
    """What one tier supplied in one episode, in ns and pages; `objects` by shrinker callback address.

    `unseen_pages` are those of reclaim that began before anything was seen, beyond what else tells of them; such a rung
    `began_unseen`. A rung is `timed` when something in it had a begin and an end, or told how long it waited.
    One that `is_counted` was held against the kernel's counters, which gave it the `missed_pages` that are among its
    pages.
    `reclaimed_pages` are those of `nr_reclaimed` at the ends of reclaim, of which `slab_in_reclaimed` tells whether
    slab's are among them, and `ends_counted` whether there were any such ends; it was `scanned` where LRU events told
    of the LRU's share. `of_machine`: something in it was not inside a memory cgroup's own reclaim. `shares` are by the
    reclaimers' numbers, `scopes` those of direct reclaim.
    `reports` are the driver's, with `reported_pages` as far as these were counted.
    """

    first_ns: int
    busy_ns: int = 0
    spans: int = 0
    tids: set[int] = field(default_factory=set)
    counted_tasks: int = 0
    min_priority: int | None = None
    file_pages: int = 0
    anon_pages: int = 0
    lru_pages: int = 0
    objects: dict[int, int] = field(default_factory=dict)
    reclaimed_pages: int = 0
    slab_in_reclaimed: bool = False
    ends_counted: bool = False
    scanned: bool = False
    unseen_pages: int = 0
    missed_pages: int = 0
    is_counted: bool = False
    timed: bool = False
    began_unseen: bool = False
    of_machine: bool = False
    kills: int = 0
    balloon_pages: int = 0
    balloon_pages_at_def_priority: int = 0
    reports: int = 0
    reported_pages: int = 0
    node_pages: dict[int, int] = field(default_factory=dict)
    shares: dict[int, Share] = field(default_factory=dict)
    scopes: dict[Scope, Rung] = field(default_factory=dict)

    @property
    def tasks(self) -> int:
        """How many tasks there were: of a rung that gets no more of them only their number is kept."""
        return self.counted_tasks or len(self.tids)

    @property
    def slab_pages(self) -> int | None:
        """What slab gave: `nr_reclaimed` without the LRU's share, where that includes slab's and LRU events were seen;
        None where those don't tell of all, and where objects were freed and nothing tells of their pages."""
        if self.scopes:
            parts = [scope.slab_pages for scope in self.scopes.values()]
            return None if None in parts else sum(part or 0 for part in parts)
        if self.missed_pages:
            return None
        split = self.file_pages + self.anon_pages
        if self.slab_in_reclaimed and (split or (self.scanned and not self.lru_pages)):
            return max(self.reclaimed_pages - split, 0)
        return None if any(self.objects.values()) else 0

    @property
    def unsplit_pages(self) -> int:
        """Pages off the LRU of unknown kind; all that was reclaimed where nothing tells of the LRU's share alone."""
        if self.scopes:
            return sum(scope.unsplit_pages for scope in self.scopes.values())
        if self.is_counted:
            return self.lru_pages
        split = self.scanned or self.file_pages + self.anon_pages + self.lru_pages
        return (self.lru_pages if split else self.reclaimed_pages) + self.unseen_pages

    def share(self, number: int) -> Share:
        """A reclaimer's part."""
        return self.shares.setdefault(number, Share())

    def took(self, pages: int, *, is_file: bool | None) -> None:
        """Count pages off the LRU; None where nothing tells of which kind."""
        if is_file is None:
            self.lru_pages += pages
        elif is_file:
            self.file_pages += pages
        else:
            self.anon_pages += pages

    def saw_priority(self, priority: int) -> None:
        """Keep the lowest reclaim priority."""
        self.min_priority = priority if self.min_priority is None else min(self.min_priority, priority)

    def add(self, other: Rung) -> None:
        """Add another rung; times are those of both together only where the two do not overlap."""
        self.first_ns = min(self.first_ns, other.first_ns)
        for name in _ADDITIVE:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.tids |= other.tids
        self.timed |= other.timed
        self.is_counted |= other.is_counted
        self.began_unseen |= other.began_unseen
        self.of_machine |= other.of_machine
        self.slab_in_reclaimed |= other.slab_in_reclaimed
        self.ends_counted |= other.ends_counted
        self.scanned |= other.scanned
        if other.min_priority is not None:
            self.saw_priority(other.min_priority)
        for mine, others in ((self.objects, other.objects), (self.node_pages, other.node_pages)):
            for key, value in others.items():
                mine[key] = mine.get(key, 0) + value
        for number, share in other.shares.items():
            self.share(number).add(share)


def by_tier(rungs: Mapping[int, Rung], direct: Rung) -> dict[int, Rung]:
    """Rungs by tier, direct reclaim's scopes joined; `direct` has their time and tasks, which do not add up."""
    tiers = {number: rung for number, rung in rungs.items() if number < len(Tier)}
    scopes = {scope: rungs[number] for scope, number in RUNG_OF_SCOPE.items() if number in rungs}
    if scopes:
        joined = Rung(first_ns=min(rung.first_ns for rung in scopes.values()))
        for rung in scopes.values():
            joined.add(rung)
        joined.busy_ns, joined.counted_tasks, joined.scopes = direct.busy_ns, direct.counted_tasks, scopes
        for number, share in joined.shares.items():
            share.busy_ns = direct.share(number).busy_ns
        tiers[Tier.DIRECT] = joined
    return dict(sorted(tiers.items()))
