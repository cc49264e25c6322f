"""Arms of a fleet held against their control: the effect on what memory costs, with an interval over guests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ..analyze.terms import Quality
from ..compare.spread import told
from ..errors import UsageError, printable
from ..wording.numbers import listing
from .gathered import Fleet, Recorded
from .guests import HOUR_S

MEASURES: Final = ("kills", "stall", "refault", "waste", "cycles")
LEAST_GUESTS: Final = 5
"""Fewer do not tell how guests of an arm differ."""
_RESAMPLES: Final = 4000
_DRAWN: Final = 1 << 18
"""Guests drawn at once, so that memory does not grow with the fleet."""
_SEED: Final = 20_240_229
_MOST_ARMS: Final = 8
_TWO_SIDED: Final = 1.959964
_POWER: Final = 0.841621
"""Normal quantiles: of 97.5 %, and of a power of 80 %."""
_CONTROL: Final = "control"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """A measure by hour in an arm; None where no guest tells it. `guests` tell it, of `of`; `bounds` of these are lower
    bounds."""

    rate: float | None
    guests: int
    of: int
    bounds: int


@dataclass(frozen=True)
class Effect:
    """A measure by hour in an arm and its control: difference, its interval (95 %) and the probability of one as large
    where nothing differs, None with `why`. `power`: how often a fleet like this tells a difference like this one;
    `detectable`: the least difference that is told four times of five. `told`: whether one can tell that they differ.
    """

    measure: str
    control: Side
    treatment: Side
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    power: float | None = None
    detectable: float | None = None
    told: bool = False
    why: str = ""

    @property
    def share(self) -> float | None:
        """The difference as a share of the control's rate; None where that is 0 or not known."""
        return self.difference / self.control.rate if self.difference is not None and self.control.rate else None


@dataclass(frozen=True)
class ArmEffects:
    """One arm's effects. `both`: guests that have recordings in it and in the control."""

    arm: str
    effects: Sequence[Effect]
    both: int


@dataclass(frozen=True)
class Arms:
    """All arms by the label `key` held against `control`; `unset` recordings have no such label."""

    key: str
    control: str
    arms: Sequence[ArmEffects]
    unset: int

    def of(self, measure: str) -> list[tuple[str, Effect]]:
        """A measure's effect in each arm."""
        return [(arm.arm, each) for arm in self.arms for each in arm.effects if each.measure == measure]

    def treats(self, recording: Recorded) -> bool:
        """Whether a recording is in an arm that is held against the control."""
        return recording.labels.get(self.key, self.control) != self.control


def arms_of(fleet: Fleet, key: str, control: str = "") -> Arms:
    """Arms by a label's values. Raises UsageError where there are not two, or nobody said which one is the control."""
    by_value: dict[str, list[Recorded]] = {}
    for each in fleet.recordings:
        if key in each.labels:
            by_value.setdefault(each.labels[key], []).append(each)
    named = listing([printable(value) or "(empty)" for value in sorted(by_value)][:_MOST_ARMS]) or "none"
    if not 2 <= len(by_value) <= _MOST_ARMS:
        raise UsageError(
            f"--arm {printable(key)}: it takes from 2 to {_MOST_ARMS} values of this label; found: {named}"
        )
    control = control or _CONTROL
    if control not in by_value:
        raise UsageError(f"--arm {printable(key)}: name the control, --arm {printable(key)}=VALUE; values: {named}")
    others = [_arm(value, by_value[control], by_value[value]) for value in sorted(by_value) if value != control]
    unset = len(fleet.recordings) - sum(map(len, by_value.values()))
    return Arms(key, control, others, unset)


def _arm(value: str, control: Sequence[Recorded], treatment: Sequence[Recorded]) -> ArmEffects:
    effects = [_effect(measure, control, treatment) for measure in MEASURES]
    tells = told([None if each.p is None or _is_nothing(each) else each.p for each in effects])
    both = {each.guest for each in control} & {each.guest for each in treatment}
    return ArmEffects(value, [replace(each, told=tell) for each, tell in zip(effects, tells, strict=True)], len(both))


def _is_nothing(effect: Effect) -> bool:
    return not effect.control.rate and not effect.treatment.rate


def _effect(measure: str, control: Sequence[Recorded], treatment: Sequence[Recorded]) -> Effect:
    amounts = [_by_guest(measure, side) for side in (control, treatment)]
    sides = [_side(measure, each, side) for each, side in zip(amounts, (control, treatment), strict=True)]
    effect = Effect(measure, sides[0], sides[1])
    if sides[0].rate is None or sides[1].rate is None:
        return replace(effect, why="not known in any guest of an arm")
    effect = replace(effect, difference=sides[1].rate - sides[0].rate)
    if min(side.guests for side in sides) < LEAST_GUESTS:
        return replace(effect, why=f"fewer than {LEAST_GUESTS} guests of an arm tell it")
    return _with_interval(effect, _resampled(amounts[0], 0), _resampled(amounts[1], 1))


def _with_interval(effect: Effect, before: Floats, after: Floats) -> Effect:
    assert effect.difference is not None
    drawn = after - before
    error = float(drawn.std())
    if not error:
        return replace(effect, low=effect.difference, high=effect.difference, p=0.0 if effect.difference else 1.0)
    low, high = np.quantile(drawn, (0.025, 0.975)).tolist()
    beyond = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    p = min(1.0, 2 * (beyond + 1) / (_RESAMPLES + 1))
    power = _normal(abs(effect.difference) / error - _TWO_SIDED)
    return replace(effect, low=low, high=high, p=p, power=power, detectable=(_TWO_SIDED + _POWER) * error)


def _normal(value: float) -> float:
    return 0.5 * (1 + math.erf(value / math.sqrt(2)))


def _by_guest(measure: str, recordings: Sequence[Recorded]) -> Floats:
    """What guests that tell it come to, and their hours: shape (2, guests)."""
    sums: dict[str, list[float]] = {}
    for each in recordings:
        value = each.numbers[measure].value
        if value is not None and each.duration_s > 0:
            own = sums.setdefault(each.guest, [0.0, 0.0])
            own[0] += value
            own[1] += each.duration_s / HOUR_S
    made: Floats = np.array([sums[guest] for guest in sorted(sums)], np.float64).reshape(-1, 2).T
    return made


def _side(measure: str, amounts: Floats, recordings: Sequence[Recorded]) -> Side:
    guests = {each.guest for each in recordings}
    bounds = {each.guest for each in recordings if each.numbers[measure].quality is Quality.LOWER_BOUND}
    rate = float(amounts[0].sum() / amounts[1].sum()) if amounts.shape[1] else None
    return Side(rate, amounts.shape[1], len(guests), len(bounds))


def _resampled(amounts: Floats, stream: int) -> Floats:
    """Rates of guests drawn again, as many as there are; spread out by what drawing again makes too narrow."""
    if not amounts[0].any():
        return np.zeros(_RESAMPLES)
    rng = np.random.default_rng((_SEED, stream))
    guests = amounts.shape[1]
    sums = np.empty((2, _RESAMPLES))
    step = max(_DRAWN // guests, 1)
    for first in range(0, _RESAMPLES, step):
        part = sums[:, first : first + step]
        part[:] = amounts[:, rng.integers(guests, size=(part.shape[1], guests))].sum(axis=2)
    rates = sums[0] / np.maximum(sums[1], 1e-12)
    rate = amounts[0].sum() / amounts[1].sum()
    made: Floats = rate + (rates - rate) * math.sqrt(guests / (guests - 1))
    return made
