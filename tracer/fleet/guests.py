"""Guests: all recordings of one together, by hour, the costliest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..analyze.terms import Quality
from ..gates.measures import Number
from .gathered import Fleet, Recorded

HOUR_S: Final = 3600.0
RATES: Final = ("kills", "cost", "stall", "refault", "waste", "cycles")
"""What is told by hour of recording; `cost` in seconds."""
_BY: Final = ("kills", "cost")
"""What guests, and recordings of one, are ordered by."""
_SEVERITIES: Final = ("critical", "warning", "info")
_WORST: Final = (Quality.MEASURED, Quality.INFERRED, Quality.LOWER_BOUND)


@dataclass(frozen=True)
class Guest:
    """One guest. `rates` are by hour, over the recordings that tell them; `findings` by severity; `unseen`: how many of
    its recordings have a part missing."""

    name: str
    recordings: Sequence[Recorded]
    rates: Mapping[str, Number]
    findings: Mapping[str, int]
    unseen: int

    @property
    def hours(self) -> float:
        """How long it was recorded."""
        return sum(each.duration_s for each in self.recordings) / HOUR_S

    @property
    def cost_s(self) -> Number:
        """What its recordings cost together."""
        return total([each.cost_s for each in self.recordings])

    @property
    def costliest(self) -> Recorded:
        """Of its recordings the one with most kills, then the highest cost by hour."""
        return min(self.recordings, key=lambda each: (_order({name: rate(name, [each]) for name in _BY}), each.source))


def guests_of(fleet: Fleet) -> list[Guest]:
    """All guests: those with most kills by hour first, then by cost; those of which neither is known last."""
    by_name: dict[str, list[Recorded]] = {}
    for each in fleet.recordings:
        by_name.setdefault(each.guest, []).append(each)
    guests = [_guest(name, recordings) for name, recordings in by_name.items()]
    return sorted(guests, key=lambda each: (_order(each.rates), each.name))


def _order(rates: Mapping[str, Number]) -> tuple[bool, float, float]:
    kills, cost = rates["kills"].value, rates["cost"].value
    return (kills is None and cost is None, -(kills or 0.0), -(cost or 0.0))


def rates_of(recordings: Sequence[Recorded]) -> dict[str, Number]:
    """What RATES come to by hour."""
    return {name: rate(name, recordings) for name in RATES}


def rate(name: str, recordings: Iterable[Recorded]) -> Number:
    """One by hour, over those recordings that tell it and have a length; a lower bound where one of these is."""
    told = [(each.cost_s if name == "cost" else each.numbers[name], each.duration_s) for each in recordings]
    known = [(number, length) for number, length in told if number.value is not None and length > 0]
    if not known:
        return Number(None, Quality.UNKNOWN, next((number.why for number, _ in told if number.why), "nothing recorded"))
    hours = sum(length for _, length in known) / HOUR_S
    summed = total([number for number, _ in known])
    return summed if summed.value is None else Number(summed.value / hours, summed.quality)


def total(numbers: Sequence[Number]) -> Number:
    """The sum of those that are known; a lower bound where one of them is, or is not known."""
    values = [each.value for each in numbers if each.value is not None]
    if not values:
        return Number(None, Quality.UNKNOWN, next((each.why for each in numbers if each.why), "nothing recorded"))
    told = (
        Quality.LOWER_BOUND if len(values) < len(numbers) else max((each.quality for each in numbers), key=_WORST.index)
    )
    return Number(sum(values), told)


def _guest(name: str, recordings: Sequence[Recorded]) -> Guest:
    found = [finding.severity for each in recordings for finding in each.findings]
    counts = {severity: found.count(severity) for severity in _SEVERITIES}
    unseen = sum(each.facts["unseen"] is not None for each in recordings)
    return Guest(name, recordings, rates_of(recordings), counts, unseen)
