"""The balloon: its size, the host's target, what came in and by which cause it leaked."""

from __future__ import annotations

from typing import Final

import numpy as np

from ...analyze.balloon.size import Size, sampled_size, stepped_size
from ...analyze.balloon_result import BalloonStep
from ...analyze.model import Analysis
from ...analyze.sizes import MIB
from ...analyze.terms import Cause
from ...balloon_counters import HOSTS_ACTUAL, HOSTS_FULL, HOSTS_TARGET
from ...schema import BALLOON_PAGE_BYTES
from ...wording.numbers import mib
from ..section import Source
from ..series import Floats
from .model import Level, Look, Marks, Row

_VMWARES_TARGET: Final = "vmmemctl.target_pages"
_TOTAL: Final = "meminfo.MemTotal_bytes"
_TARGET: Final = Look("host's target", "var(--balloon-target)", "dash")
_INFLATED: Final = Look("inflated", "var(--balloon)", "mark-up")
_LEAKS: Final = {
    Cause.HOST: ("circle", "mark-circle", "var(--leak-host)"),
    Cause.SHRINKER: ("triangle-down", "mark-triangle", "var(--leak-shrinker)"),
    Cause.COMPACTION: ("diamond", "mark-diamond", "var(--leak-compaction)"),
    Cause.OOM_NOTIFIER: ("x", "mark-x", "var(--leak-oom_notifier)"),
}


def balloon_row(source: Source) -> Row:
    """Size and target over time, each leak marked by its cause; a sentence where the balloon did not move."""
    analysis, page_bytes = source.analysis, source.page_bytes
    row = Row("balloon", "Balloon", "MiB", 112, fits=True)
    sampled = sampled_size(analysis, page_bytes)
    target = target_level(analysis)
    if _quiet(analysis, sampled) and target is None:
        row.words = _resting(sampled)
        return row
    if sampled is not None:
        row.series.append(Level(Look("size, sampled", "var(--balloon-sampled)", "dash"), sampled.time_s, sampled.mib))
    base_mib = float(sampled.mib[0]) if sampled is not None else 0.0
    stepped = stepped_size(analysis.steps, page_bytes, base_mib, analysis.duration_s)
    if stepped is not None:
        look = Look("size, from events", "var(--balloon)", "line")
        row.series.append(Level(look, stepped.time_s, stepped.mib, "hv"))
        row.series += _moves(analysis, page_bytes)
    if target is not None:
        row.series.append(target)
    row.words = _words(analysis, page_bytes)
    row.unknown = _unknown(row, sampled, stepped, target)
    return row


def target_level(analysis: Analysis) -> Level | None:
    """The balloon's size that the host asked for; None where the recording does not tell."""
    told = analysis.samples.get(_VMWARES_TARGET)
    if told is not None:
        return Level(_TARGET, told.time_s, told.values * (BALLOON_PAGE_BYTES / MIB), "hv")
    wanted, full = analysis.samples.get(HOSTS_TARGET), analysis.samples.get(HOSTS_FULL)
    if wanted is None or full is None:
        return None
    total = analysis.samples.get(_TOTAL)
    most = max(float(full.values.max()), 0.0 if total is None else float(total.values.max()))
    changed = np.append(True, np.diff(wanted.values) != 0)
    time_s: Floats = np.append(wanted.time_s[changed], max(analysis.duration_s, float(wanted.time_s[-1])))
    value: Floats = np.maximum(most - wanted.values[changed], 0.0) / MIB
    return Level(_TARGET, time_s, np.append(value, value[-1]), "hv")


def _quiet(analysis: Analysis, sampled: Size | None) -> bool:
    moved = analysis.balloon.inflated_pages or analysis.balloon.out_pages or analysis.steps
    return not moved and (sampled is None or float(np.ptp(sampled.mib)) == 0.0)


def _resting(sampled: Size | None) -> str:
    if sampled is not None and sampled.source == HOSTS_ACTUAL and sampled.mib[0] >= 1:
        return f"By the host's log the balloon held at least {sampled.mib[0]:,.1f} MiB and did not move."
    if sampled is not None and sampled.mib[0] >= 1:
        return f"The balloon held {sampled.mib[0]:,.1f} MiB throughout: no page entered or left it."
    return "No balloon activity was recorded."


def _moves(analysis: Analysis, page_bytes: int) -> list[Marks]:
    found = [_marks(_INFLATED, "triangle-up", [step for step in analysis.steps if step.pages > 0], page_bytes)]
    for cause, (symbol, look, color) in _LEAKS.items():
        leaks = [step for step in analysis.steps if step.cause is cause and step.pages < 0]
        found.append(_marks(Look(f"leak: {cause}", color, look), symbol, leaks, page_bytes))
    return [marks for marks in found if len(marks.time_s)]


def _marks(look: Look, symbol: str, steps: list[BalloonStep], page_bytes: int) -> Marks:
    moved = np.array([abs(step.pages) for step in steps]) * (page_bytes / MIB)
    return Marks(look, symbol, np.array([step.end_s for step in steps]), moved)


def _unknown(row: Row, sampled: Size | None, stepped: Size | None, target: Level | None) -> str:
    words = []
    if not row.series:
        words.append("The recording does not say when pages moved.")
    if sampled is None and stepped is not None:
        words.append("The size at the start is not known: it counts from 0.")
    if target is None:
        words.append("The host's target is not in this recording.")
    return " ".join(words)


def _words(analysis: Analysis, page_bytes: int) -> str:
    balloon = analysis.balloon
    causes = [f"{mib(pages, page_bytes)} by {cause}" for cause, pages in balloon.leaked_pages.items() if pages]
    leaked, net = mib(balloon.out_pages, page_bytes), mib(balloon.net_pages, page_bytes)
    left = f"{leaked} left ({', '.join(causes)})" if causes else "none left"
    return f"{mib(balloon.inflated_pages, page_bytes)} entered the balloon, {left}; net {net}."
