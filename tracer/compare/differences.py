"""What differs between two arms, the differences that matter first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ..analyze.terms import Quality
from .arms import Arm, Run
from .aspects import ASPECTS, Amount, Aspect, Family, allocated
from .spread import Estimate, Part, estimate, told

_WORST: Final = (Quality.MEASURED, Quality.INFERRED, Quality.LOWER_BOUND, Quality.UNKNOWN)
GIB: Final = 1 << 30
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """An aspect in one arm: its total in each recording, None where it could not be had, and how it was had.

    `why` says of the first recording that lacks it why it does.
    """

    totals: tuple[float | None, ...]
    quality: Quality
    why: str = ""

    @property
    def is_known(self) -> bool:
        """Whether all recordings have it."""
        return None not in self.totals

    @property
    def mean(self) -> float | None:
        """Of the recordings' totals; None where one of them is not known."""
        known = [total for total in self.totals if total is not None]
        return sum(known) / len(known) if known and self.is_known else None


@dataclass(frozen=True)
class Difference:
    """One aspect in two arms. `per_s` is its rate by second (of a level: the level), `per_gib` by GiB allocated; None
    where it is not known in one of them. `told`: whether one can tell that they differ, by `basis`."""

    aspect: Aspect
    before: Side
    after: Side
    per_s: Estimate | None
    per_gib: Estimate | None
    told: bool = False
    by_work: bool = False

    @property
    def basis(self) -> Estimate | None:
        """The rates that are judged."""
        return self.per_gib if self.by_work else self.per_s

    @property
    def share(self) -> float | None:
        """How much more there is after, as a share of before; None where there was none or it is not known."""
        basis = self.basis
        return basis.difference / basis.before if basis is not None and basis.before else None

    @property
    def why(self) -> str:
        """Why it is not known in one of them; empty where it is in both."""
        return self.before.why or self.after.why

    @property
    def is_nothing(self) -> bool:
        """Whether it is 0 throughout."""
        return not any((*self.before.totals, *self.after.totals)) and self.before.is_known and self.after.is_known

    @property
    def cost_s(self) -> float:
        """What the difference costs, in seconds a second (or GiB), for the order."""
        return 0.0 if self.basis is None else abs(self.basis.difference) * self.aspect.cost_s


def differences(before: Arm, after: Arm, *, by_work: bool = False) -> list[Difference]:
    """All aspects: what can be told first, by cost, then as they are listed."""
    found = [difference_in(aspect, before, after, by_work=by_work) for aspect in ASPECTS]
    judged = {id(each): tells for family in Family for each, tells in _told(found, family)}
    found = [replace(each, told=judged[id(each)]) for each in found]
    order = {aspect.name: at for at, aspect in enumerate(ASPECTS)}
    return sorted(found, key=lambda each: (not each.told, -each.cost_s if each.told else 0.0, order[each.aspect.name]))


def _told(found: Sequence[Difference], family: Family) -> list[tuple[Difference, bool]]:
    """Which of a family's can be told; what is 0 throughout takes no part."""
    own = [each for each in found if each.aspect.family is family]
    some = [None if each.is_nothing or each.basis is None else each.basis.p for each in own]
    return list(zip(own, told(some), strict=True))


def difference_in(aspect: Aspect, before: Arm, after: Arm, *, by_work: bool = False) -> Difference:
    """One aspect, by itself: whether it can be told depends on the others."""
    amounts = [[aspect.amount(run) for run in arm.runs] for arm in (before, after)]
    sides = [_side(each) for each in amounts]
    per_s = per_gib = None
    if all(side.is_known for side in sides):
        per_s = estimate(_parts_s(before, amounts[0]), _parts_s(after, amounts[1]))
        per_gib = None if aspect.level else _per_gib((before, after), amounts)
    return Difference(aspect, sides[0], sides[1], per_s, per_gib, by_work=by_work and not aspect.level)


def _side(amounts: Sequence[Amount]) -> Side:
    quality = max((each.quality for each in amounts), key=_WORST.index)
    why = next((each.why for each in amounts if each.total is None), "")
    return Side(tuple(each.total for each in amounts), Quality.UNKNOWN if why else quality, why)


def _parts_s(arm: Arm, amounts: Sequence[Amount]) -> list[Part]:
    return [_part(each, run.length_s, None) for run, each in zip(arm.runs, amounts, strict=True)]


def _per_gib(arms: Sequence[Arm], amounts: Sequence[Sequence[Amount]]) -> Estimate | None:
    before, after = (_parts_gib(arm, each) for arm, each in zip(arms, amounts, strict=True))
    return None if before is None or after is None else estimate(before, after)


def _parts_gib(arm: Arm, amounts: Sequence[Amount]) -> list[Part] | None:
    worked = [work for run in arm.runs if (work := _allocated(run)) is not None]
    if len(worked) < len(arm.runs):
        return None
    return [_part(each, total, by) for each, (total, by) in zip(amounts, worked, strict=True)]


def _allocated(run: Run) -> tuple[float, Floats] | None:
    """GiB allocated, in all and by window; None where that is not known, or nothing was."""
    work = allocated(run)
    if not work.total or work.windows is None:
        return None
    return work.total / GIB, work.windows / GIB


def _part(amount: Amount, by_total: float, by: Floats | None) -> Part:
    assert amount.total is not None
    windows = amount.windows
    if windows is None and not amount.total:
        windows = np.zeros(8 if by is None else len(by))
    return Part(amount.total, max(by_total, 1e-9), windows, by)
