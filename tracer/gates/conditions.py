"""Reads `--fail-on`: which number, finding or severity may not be there, and from what limit on.

Imports nothing large: `--help` and completion show the names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from ..analyze.terms import Severity
from ..errors import UsageError


class Unit(Enum):
    """What a measure is counted in; its limits are compared in this unit."""

    COUNT = "count"
    BYTES = "bytes"
    SECONDS = "seconds"


@dataclass(frozen=True)
class Measure:
    """A number of a recording that can have a limit."""

    name: str
    unit: Unit
    meaning: str


MEASURES: Final[Mapping[str, Measure]] = MappingProxyType(
    {
        measure.name: measure
        for measure in (
            Measure("cycles", Unit.COUNT, "cycles"),
            Measure("conflicts", Unit.COUNT, "conflicts"),
            Measure("loss", Unit.COUNT, "events lost"),
            Measure("kills", Unit.COUNT, "OOM kills"),
            Measure("waste", Unit.BYTES, "moved for nothing"),
            Measure("stall", Unit.SECONDS, "waited for memory, all tasks together"),
            Measure("wait", Unit.SECONDS, "the longest single wait for memory"),
            Measure("refault", Unit.BYTES, "page cache read again"),
        )
    }
)
ALONE: Final = ("cycles", "conflicts", "loss", "kills")
"""Measures that also stand alone: `cycles`."""
KIND: Final = "kind"
SEVERITY: Final = "severity"
WORDS: Final = (*ALONE, *(f"{name}>" for name in MEASURES if name not in ALONE), f"{KIND}:", f"{SEVERITY}>=")
"""How a condition begins."""
EXAMPLES: Final = "cycles>0, waste>64MiB, stall>1s, kind:starved, severity>=warning, loss"
SEVERITIES: Final = tuple(severity.value for severity in Severity)
"""From the least to the worst."""

_SCALES: Final[Mapping[Unit, Mapping[str, float]]] = {
    Unit.COUNT: {"": 1},
    Unit.BYTES: {unit: 1024.0**power for power, unit in enumerate(("B", "KiB", "MiB", "GiB", "TiB"))},
    Unit.SECONDS: {"ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0},
}
_LIMIT: Final = re.compile(r"(\w+)\s*(>=?)\s*(\+?)\s*(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z%]*)")
_FINDING: Final = re.compile(rf"{KIND}\s*:\s*([\w-]+)")
_WORST: Final = re.compile(rf"{SEVERITY}\s*>=\s*(\w+)")


class Growth(Enum):
    """How a limit on growth is given: in percent of what it was before, or in the measure's unit."""

    SHARE = "share"
    AMOUNT = "amount"

    def of(self, before: float, after: float) -> float:
        """How much more it is after; as a share infinite where there was none before."""
        if self is Growth.AMOUNT:
            return after - before
        if not before:
            return math.inf if after else 0.0
        return (after - before) / before


@dataclass(frozen=True)
class Condition:
    """What may not be. `text` is as it was given.

    Of a measure: `limit` in its unit (of growth by a share, a share of 1), `inclusive` for `>=`; `alone` for a bare
    word, which fails only on what was seen. Of findings: `kind`, or the least `severity`; then `measure` is None.
    """

    text: str
    measure: Measure | None = None
    limit: float = 0.0
    inclusive: bool = False
    growth: Growth | None = None
    alone: bool = False
    kind: str = ""
    severity: str = ""

    def is_met(self, value: float) -> bool:
        """Whether a value is beyond the limit."""
        return value >= self.limit if self.inclusive else value > self.limit


def parse(text: str | None, *, compares: bool = False) -> tuple[Condition, ...]:
    """The conditions of a list with commas; those on growth only where it `compares`. Raises UsageError."""
    if text is None:
        return ()
    words = [word.strip() for word in text.split(",")]
    if not any(words):
        raise UsageError(f"it names no condition; for example {EXAMPLES}")
    return tuple(_condition(word, compares=compares) for word in words if word)


def _condition(word: str, *, compares: bool) -> Condition:
    if word in ALONE:
        return Condition(word, MEASURES[word], alone=True)
    if match := _FINDING.fullmatch(word):
        return Condition(word, kind=_known_kind(match[1]))
    if match := _WORST.fullmatch(word):
        if match[1] not in SEVERITIES:
            raise UsageError(f"{word!r}: {match[1]!r} is not one of {', '.join(SEVERITIES)}")
        return Condition(word, severity=match[1])
    match = _LIMIT.fullmatch(word)
    if match is None or match[1] not in MEASURES:
        known = ", ".join((*MEASURES, f"{KIND}:NAME", f"{SEVERITY}>=LEVEL"))
        raise UsageError(f"{word!r} is not one of {known}; for example {EXAMPLES}")
    return _limited(word, match, compares=compares)


def _limited(word: str, match: re.Match[str], *, compares: bool) -> Condition:
    measure, growth = MEASURES[match[1]], _growth(match)
    if growth is not None and not compares:
        raise UsageError(f"{word!r} is growth since another recording: reclaim-tracer compare BEFORE AFTER --fail-on")
    scales = {"%": 0.01} if growth is Growth.SHARE else _SCALES[measure.unit]
    number, unit = float(match[4]), match[5]
    if unit not in scales and not (number == 0 and not unit):
        needed = " or ".join(unit or "no unit" for unit in scales)
        raise UsageError(f"{word!r}: {measure.name} takes a number with {needed}")
    inclusive = match[2] == ">="
    if inclusive and not number:
        raise UsageError(f"{word!r} is always met; use {measure.name}>0")
    return Condition(word, measure, number * scales.get(unit, 1.0), inclusive, growth)


def _growth(match: re.Match[str]) -> Growth | None:
    if not match[3]:
        return Growth.SHARE if match[5] == "%" else None
    return Growth.SHARE if match[5] == "%" else Growth.AMOUNT


def _known_kind(name: str) -> str:
    from ..analyze.findings.registry import KIND_BY_NAME

    if name not in KIND_BY_NAME:
        raise UsageError(f"no kind of finding is named {name!r}; reclaim-tracer explain lists them")
    return name


def completions(incomplete: str) -> Iterator[str]:
    """What the last one of a list may become."""
    from ..analyze.findings.registry import KIND_BY_NAME

    before, comma, last = incomplete.rpartition(",")
    given = {word.strip() for word in before.split(",")}
    kinds = [f"{KIND}:{name}" for name in KIND_BY_NAME] if ":" in last else []
    severities = [f"{SEVERITY}>={name}" for name in SEVERITIES] if ">" in last else []
    for word in (*(kinds or WORDS), *severities):
        if word.startswith(last) and word not in given and word != last:
            yield f"{before}{comma}{word}"
