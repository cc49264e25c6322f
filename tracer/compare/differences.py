"""What differs between two arms, the differences that matter first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ..analyze.terms import Quality
from ..gates.measures import missing_part
from .arms import Arm, Run
from .aspects import ASPECTS, Amount, Aspect, Family, allocated
from .spread import Estimate, Part, estimate, told

_WORST: Final = (Quality.MEASURED, Quality.INFERRED, Quality.LOWER_BOUND, Quality.UNKNOWN)
GIB: Final = 1 << 30
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """An aspect in the arm of this name: its total in each recording, None where it could not be had, and how it was
    had.

    `why` says of the first recording that lacks it why it does. `is_whole`: no part of any recording is missing.
    """

    arm: str
    totals: tuple[float | None, ...]
    quality: Quality
    why: str = ""
    is_whole: bool = True

    @property
    def is_known(self) -> bool:
        """Whether all recordings have it."""
        return None not in self.totals

    @property
    def mean(self) -> float | None:
        """Of the recordings' totals; None where one of them is not known."""
        known = [total for total in self.totals if total is not None]
        return sum(known) / len(known) if known and self.is_known else None

    @property
    def has_none(self) -> bool:
        """Whether there is certainly none of it in any recording."""
        return self.is_whole and all(total == 0 for total in self.totals)


@dataclass(frozen=True)
class Difference:
    """One aspect in two arms. `per_s` is its rate by second (of a level: the level), `per_gib` by GiB allocated; None
    where it is not known in one of them. `told`: whether one can tell that they differ, by `basis`. `likely`: whether
    one could if recordings varied no more than they usually do, which a single one a side does not show."""

    aspect: Aspect
    before: Side
    after: Side
    per_s: Estimate | None
    per_gib: Estimate | None
    told: bool = False
    likely: bool = False
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
        """Why it is not known, by arm where it is in one of them or for another reason; empty where it is in both."""
        if self.before.why == self.after.why:
            return self.before.why
        return "; ".join(f"{side.arm}: {side.why}" for side in (self.before, self.after) if side.why)

    @property
    def only(self) -> Side | None:
        """The arm that alone has any of it, and has some in each recording; None where there is no such arm."""
        for absent, present in ((self.before, self.after), (self.after, self.before)):
            if absent.has_none and all(present.totals) and not self.aspect.level:
                return present
        return None

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
    found = [each for family in Family for each in _judged([one for one in found if one.aspect.family is family])]
    order = {aspect.name: at for at, aspect in enumerate(ASPECTS)}

    def rank(each: Difference) -> tuple[bool, bool, float, int]:
        cost_s = each.cost_s if each.told or each.likely else 0.0
        return not each.told, not each.likely, -cost_s, order[each.aspect.name]

    return sorted(found, key=rank)


def _judged(family: Sequence[Difference]) -> list[Difference]:
    """One family's, with what can be told; what is 0 throughout takes no part."""
    bases = [None if each.is_nothing else each.basis for each in family]
    surely = told([None if basis is None else basis.p for basis in bases])
    usually = told([None if basis is None else basis.p if basis.p_usual is None else basis.p_usual for basis in bases])
    return [
        replace(each, told=sure, likely=usual and not sure)
        for each, sure, usual in zip(family, surely, usually, strict=True)
    ]


def difference_in(aspect: Aspect, before: Arm, after: Arm, *, by_work: bool = False) -> Difference:
    """One aspect, by itself: whether it can be told depends on the others."""
    amounts = [[aspect.amount(run) for run in arm.runs] for arm in (before, after)]
    sides = [_side(arm, each) for arm, each in zip((before, after), amounts, strict=True)]
    per_s = per_gib = None
    if all(side.is_known for side in sides):
        per_s = estimate(_parts_s(before, amounts[0]), _parts_s(after, amounts[1]))
        per_gib = None if aspect.level else _per_gib((before, after), amounts)
    return Difference(aspect, sides[0], sides[1], per_s, per_gib, by_work=by_work and not aspect.level)


def _side(arm: Arm, amounts: Sequence[Amount]) -> Side:
    quality = max((each.quality for each in amounts), key=_WORST.index)
    why = next((each.why for each in amounts if each.total is None), "")
    is_whole = not any(missing_part(run.facts) for run in arm.runs)
    return Side(arm.name, tuple(each.total for each in amounts), Quality.UNKNOWN if why else quality, why, is_whole)


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
