"""Which part of a recording stands for the rest: one cycle, or the beginning of the worst finding."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from ...analyze.model import Analysis, Cycle
from ...analyze.terms import Severity
from ...wording.numbers import count, mib, offset, seconds
from ...wording.verdict import Verdict

_MOST_S: Final = 10.0
"""Of a finding that is no cycle so much is shown."""
_BEFORE_S: Final = 1.0


@dataclass(frozen=True)
class Stretch:
    """`from_s` to `to_s` since the recording's (or its slice's) start; `why` says in a sentence how it was chosen."""

    title: str
    why: str
    from_s: float
    to_s: float


def typical_stretch(analysis: Analysis, judged: Verdict, page_bytes: int) -> Stretch | None:
    """A cycle of median cost, of the class that moved most; without cycles the worst finding's beginning.

    None where nothing is wrong.
    """
    if analysis.cycles:
        return _cycle(analysis.cycles, page_bytes)
    worst = next((finding for finding in analysis.findings if finding.id == judged.finding), None)
    if worst is None or worst.severity is Severity.INFO:
        return None
    from_s = max(worst.start_s - _BEFORE_S, 0.0)
    to_s = min(worst.end_s, worst.start_s + _MOST_S)
    part = f", of {seconds(worst.end_s - worst.start_s)} the first {seconds(_MOST_S)}" if to_s < worst.end_s else ""
    why = f"{worst.kind} at {offset(worst.start_s)}, from {seconds(_BEFORE_S)} before it{part}."
    return Stretch("The worst finding", why, from_s, to_s)


def _cycle(cycles: list[Cycle], page_bytes: int) -> Stretch:
    moved: Counter[str] = Counter()
    for cycle in cycles:
        moved[cycle.cycle_class] += cycle.wasted_pages
    [(name, _)] = moved.most_common(1)
    alike = sorted((each for each in cycles if each.cycle_class == name), key=lambda each: (each.wasted_pages, each.id))
    chosen = alike[len(alike) // 2]
    size = mib(chosen.wasted_pages, page_bytes)
    which = f"the median of {count(len(alike))} by what they moved for nothing" if len(alike) > 1 else "the only one"
    return Stretch(
        "One typical cycle",
        f"Cycle {chosen.id}, {name}, {size} moved for nothing: {which}.",
        chosen.leak_start_s or chosen.start_s,
        chosen.end_s,
    )
