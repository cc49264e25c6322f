"""How a fleet's rates are spread, by kernel, by policy and by every label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..analyze.terms import Quality
from ..gates.measures import Number
from .gathered import GUEST, Fleet, Recorded
from .guests import HOUR_S, rate, total

UNKNOWN: Final = "unknown"
SPREAD: Final = ("cost", "stall", "refault", "waste")
_MOST_VALUES: Final = 50
"""A label with more values than this, such as a serial number, groups nothing."""


@dataclass(frozen=True)
class Spread:
    """A rate by hour over a group's guests: how many tell it, for how many of these it is a lower bound, its median,
    nine tenths, and the highest; None where none tells it."""

    known: int
    bounds: int
    median: float | None
    ninety: float | None
    highest: float | None


@dataclass(frozen=True)
class Group:
    """Guests' recordings that have a value in common. `critical`: guests with a critical finding."""

    value: str
    guests: int
    recordings: int
    hours: float
    kills: Number
    critical: int
    spreads: Mapping[str, Spread]


@dataclass(frozen=True)
class Grouping:
    """A fleet by one thing; `title` as it is shown."""

    name: str
    title: str
    groups: Sequence[Group]


def _kernel(each: Recorded) -> str:
    return each.facts["kernel_release"] or UNKNOWN


def _lru(each: Recorded) -> str:
    enabled = each.facts["lru_gen_enabled"]
    return UNKNOWN if enabled is None else "multi-gen LRU" if enabled else "two lists"


def _policy(each: Recorded) -> str:
    driver = each.facts["balloon_driver"]
    return f"{driver}: {each.facts['balloon_reclaim_path']}" if driver else "no balloon, or not known"


_ALWAYS: Final[tuple[tuple[str, str, Callable[[Recorded], str]], ...]] = (
    ("kernel", "Kernel", _kernel),
    ("lru", "LRU", _lru),
    ("policy", "Balloon, and how it gives pages back under pressure", _policy),
)


def groupings(fleet: Fleet) -> list[Grouping]:
    """By kernel, LRU and balloon, then by each label that has some values in common."""
    found = [_grouping(name, title, value, fleet.recordings) for name, title, value in _ALWAYS]
    for key in sorted({key for each in fleet.recordings for key in each.labels} - {GUEST}):
        values = {each.labels.get(key) for each in fleet.recordings}
        if len(values) <= _MOST_VALUES:
            found.append(_grouping(f"label:{key}", f"Label {key}", _label(key), fleet.recordings))
    return found


def _label(key: str) -> Callable[[Recorded], str]:
    return lambda each: each.labels.get(key, "not set")


def _grouping(name: str, title: str, value: Callable[[Recorded], str], recordings: Iterable[Recorded]) -> Grouping:
    by_value: dict[str, list[Recorded]] = {}
    for each in recordings:
        by_value.setdefault(value(each), []).append(each)
    return Grouping(name, title, [_group(each, by_value[each]) for each in sorted(by_value)])


def _group(value: str, recordings: Sequence[Recorded]) -> Group:
    guests: dict[str, list[Recorded]] = {}
    for each in recordings:
        guests.setdefault(each.guest, []).append(each)
    critical = sum(any(map(_is_critical, own)) for own in guests.values())
    return Group(
        value,
        len(guests),
        len(recordings),
        sum(each.duration_s for each in recordings) / HOUR_S,
        total([each.kills for each in recordings]),
        critical,
        {name: _spread([rate(name, own) for own in guests.values()]) for name in SPREAD},
    )


def _is_critical(each: Recorded) -> bool:
    return any(finding.severity == "critical" for finding in each.findings)


def _spread(rates: Iterable[Number]) -> Spread:
    told = [(each.value, each.quality) for each in rates if each.value is not None]
    if not told:
        return Spread(0, 0, None, None, None)
    known = [value for value, _ in told]
    bounds = sum(quality is Quality.LOWER_BOUND for _, quality in told)
    median, ninety = np.quantile(known, (0.5, 0.9)).tolist()
    return Spread(len(known), bounds, median, ninety, max(known))
