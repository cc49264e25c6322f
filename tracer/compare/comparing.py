"""Holds every arm against the first one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..errors import UsageError
from .align import Align
from .arms import Arm
from .comparable import Obstacle, obstacles
from .differences import Difference, differences
from .kinds import KindChange, kind_changes

MOST_ARMS: Final = 6
"""More than a page and a terminal can show side by side."""


@dataclass(frozen=True)
class Pair:
    """Two arms: what differs, and which kinds of findings came or went."""

    before: Arm
    after: Arm
    differences: list[Difference]
    kinds: list[KindChange]

    def of(self, name: str) -> Difference:
        """The difference in one aspect."""
        return next(each for each in self.differences if each.aspect.name == name)


@dataclass(frozen=True)
class Comparison:
    """All arms, what makes them hard to compare, and each but the first held against the first."""

    arms: tuple[Arm, ...]
    obstacles: list[Obstacle]
    pairs: list[Pair]
    align: Align = Align.START
    by_work: bool = False


def compare(arms: Sequence[Arm], align: Align = Align.START, *, by_work: bool = False) -> Comparison:
    """Raises UsageError where there are fewer than two arms, or too many."""
    if not 2 <= len(arms) <= MOST_ARMS:
        raise UsageError(f"{len(arms)} given: compare takes from 2 to {MOST_ARMS} recordings or arms")
    first, *others = arms
    pairs = [
        Pair(first, other, differences(first, other, by_work=by_work), kind_changes(first, other)) for other in others
    ]
    return Comparison(tuple(arms), obstacles(arms), pairs, align, by_work)
