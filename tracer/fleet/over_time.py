"""When findings of each kind began, over all recordings, by the wall clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .gathered import Fleet

_MOST_BINS: Final = 60
_WIDTHS_S: Final = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600)
_WEEK_S: Final = 7 * 24 * 3600


@dataclass(frozen=True)
class KindOverTime:
    """One kind: how many findings, in how many guests, the worst severity, and how many began in each bin."""

    kind: str
    severity: str
    findings: int
    guests: int
    bins: Sequence[int]


@dataclass(frozen=True)
class OverTime:
    """All kinds, the most severe and then the most frequent first. Bins are `width_s` long from `start_s` (Unix) on;
    `untimed` findings are of recordings that do not tell when they were made."""

    start_s: int
    width_s: int
    count: int
    kinds: Sequence[KindOverTime]
    untimed: int


_SEVERITIES: Final = ("critical", "warning", "info")


def over_time(fleet: Fleet) -> OverTime:
    """Findings by kind and time."""
    begun = [
        (each.facts["start_utc_ns"] / 1e9 + finding.start_s, finding.kind)
        for each in fleet.recordings
        if each.facts["start_utc_ns"] is not None
        for finding in each.findings
    ]
    start_s, width_s, count = _bins([at for at, _ in begun])
    bins: dict[str, list[int]] = {}
    for at, kind in begun:
        bins.setdefault(kind, [0] * count)[min(int((at - start_s) / width_s), count - 1)] += 1
    kinds = [_kind(fleet, kind, bins.get(kind, [0] * count)) for kind in _kinds(fleet)]
    kinds.sort(key=lambda each: (_SEVERITIES.index(each.severity), -each.findings, each.kind))
    total = sum(len(each.findings) for each in fleet.recordings)
    return OverTime(start_s, width_s, count, kinds, total - len(begun))


def _kinds(fleet: Fleet) -> Counter[str]:
    return Counter(finding.kind for each in fleet.recordings for finding in each.findings)


def _bins(times_s: Sequence[float]) -> tuple[int, int, int]:
    """From when on, how wide, how many."""
    if not times_s:
        return 0, 1, 0
    first, last = min(times_s), max(times_s)
    width = next((each for each in _WIDTHS_S if (last - first) / each < _MOST_BINS - 1), 0)
    if not width:
        width = max(int((last - first) / (_MOST_BINS - 1) / _WEEK_S) + 1, 1) * _WEEK_S
    start = int(first // width) * width
    return start, width, int((last - start) // width) + 1


def _kind(fleet: Fleet, kind: str, bins: Sequence[int]) -> KindOverTime:
    found = [(each.guest, finding) for each in fleet.recordings for finding in each.findings if finding.kind == kind]
    worst = min((finding.severity for _, finding in found), key=_SEVERITIES.index)
    return KindOverTime(kind, worst, len(found), len({guest for guest, _ in found}), bins)
