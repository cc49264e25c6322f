"""Episodes that get nothing more, and their sums: kept once, however often the results are asked for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field

from ..model import Episode
from ..stream.attribution import tier_of_rung
from ..stream.branching import Branch
from ..terms import Tier
from .episode_ladder import EpisodeLadder


@dataclass(frozen=True, eq=False)
class PastEpisode:
    """An episode that two states share: nothing is added to its ladder, and it was made a row of last for `made_for`,
    in `made`."""

    ladder: EpisodeLadder
    made: list[tuple[Hashable, Episode]] = field(default_factory=list)

    def row(self, made_for: Hashable, make: Callable[[EpisodeLadder], Episode]) -> Episode:
        """The episode's row, made anew only where what it depends on is another."""
        if not self.made or self.made[0][0] != made_for:
            self.made[:] = [(made_for, make(self.ladder))]
        return self.made[0][1]


@dataclass(frozen=True, eq=False)
class _Counted:
    """Which tiers the shared ladders say that they were held against the kernel's counters."""

    tiers: set[Tier] = field(default_factory=set)


class PastEpisodes:
    """Takes episodes in order. Pages that only the kernel's counters tell of are added to copies: that is done anew for
    each result."""

    def __init__(self) -> None:
        self.kept: list[PastEpisode] = []
        self.forgotten = 0
        """Earlier ones than those that are kept: these are in the sums alone."""
        self._gone: EpisodeLadder | None = None
        self._total = EpisodeLadder(0, 0)
        self._counted = _Counted()
        self._filled: dict[int, EpisodeLadder] = {}
        self._filled_ids: set[int] = set()
        self._fills = EpisodeLadder(0, 0)

    def take(self, ladders: Sequence[EpisodeLadder]) -> None:
        """Take the next episodes."""
        for ladder in ladders:
            _mark(ladder, self._counted.tiers)
            self._total.add(ladder)
        self.kept += map(PastEpisode, ladders)

    def forget(self, before_ns: int) -> None:
        """Keep only the sums of those that ended before a time."""
        over = bisect_left(self.kept, before_ns, key=lambda one: one.ladder.end_ns)
        self.kept = self.kept[over:]
        self.forgotten += over

    def add_to(self, total: EpisodeLadder) -> None:
        """Add them all."""
        total.add(self._total)
        total.add(self._fills)

    def mark_counted(self, tiers: Collection[Tier]) -> None:
        """Say in every rung whether it was held against the kernel's counters: the same for all rungs of a tier."""
        _mark(self._total, tiers)
        if self._counted.tiers != set(tiers):
            for one in self.kept:
                _mark(one.ladder, tiers)
            self._counted.tiers.clear()
            self._counted.tiers.update(tiers)

    def episodes(self) -> list[PastEpisode]:
        """All of them, with what was filled in."""
        if not self._filled:
            return self.kept
        return [PastEpisode(self._filled[at]) if at in self._filled else one for at, one in enumerate(self.kept)]

    def at(self, begin_ns: int, end_ns: int) -> EpisodeLadder | None:
        """One that two times meet, to be filled in; None where they meet none."""
        number = bisect_right(self.kept, end_ns, key=lambda one: one.ladder.start_ns) - 1
        if number < 0 and self.forgotten:
            return self._forgotten_one()
        if number < 0 or begin_ns > self.kept[number].ladder.end_ns:
            return None
        if number not in self._filled:
            filled = self._filled[number] = Branch().fields(self.kept[number].ladder)
            self._filled_ids.add(id(filled))
        return self._filled[number]

    def _forgotten_one(self) -> EpisodeLadder:
        """Stands for any of them: what is filled into it goes to the sums."""
        if self._gone is None:
            self._gone = Branch().fields(self._total)
            self._filled_ids.add(id(self._gone))
        return self._gone

    def total_of(self, ladder: EpisodeLadder) -> EpisodeLadder | None:
        """Where what is filled into one of these goes as well."""
        return self._fills if id(ladder) in self._filled_ids else None


def _mark(ladder: EpisodeLadder, tiers: Collection[Tier]) -> None:
    for number, rung in ladder.rungs.items():
        rung.is_counted = tier_of_rung(number) in tiers
