"""Holds conditions against a comparison: limits against what came after, growth against what there was before."""

from __future__ import annotations

from collections.abc import Iterable

from ..gates.conditions import Condition, Growth, Measure
from ..gates.judging import Judged, Outcome, judge, value_words, worst
from ..gates.measures import number_of
from ..wording.numbers import change
from .arms import Run
from .aspects import ASPECT_BY_NAME, Amount, Aspect, Family
from .comparing import Comparison, Pair
from .differences import Difference, difference_in
from .spread import LEVEL


def judge_comparison(conditions: Iterable[Condition], comparison: Comparison) -> list[Judged]:
    """What came of each condition: the worst of all arms but the first."""
    return [worst(condition, _each(condition, comparison)) for condition in conditions]


def _each(condition: Condition, comparison: Comparison) -> list[Judged]:
    if condition.growth is not None:
        return [_grown(condition, condition.growth, pair) for pair in comparison.pairs]
    runs = [run for arm in comparison.arms[1:] for run in arm.runs]
    return [_in(run, judged) for run in runs for judged in judge([condition], run.analysis, run.facts)]


def _in(run: Run, judged: Judged) -> Judged:
    return Judged(judged.condition, judged.outcome, f"{judged.words} in {run.source}")


def _grown(condition: Condition, growth: Growth, pair: Pair) -> Judged:
    assert condition.measure is not None
    each = _difference(condition.measure, pair)
    estimate, name = each.basis, pair.after.name
    if estimate is None:
        return Judged(condition, Outcome.UNKNOWN, each.why)
    words = f"{_words(each, condition.measure)} ({name})"
    if not condition.is_met(_growth(growth, each)):
        return Judged(condition, Outcome.PASSED, words)
    if estimate.p is None:
        return Judged(condition, Outcome.UNKNOWN, f"{words}; one recording a side does not tell its spread")
    if estimate.p > LEVEL:
        likely = ": likely" if estimate.p_usual is not None and estimate.p_usual <= LEVEL else ""
        return Judged(condition, Outcome.PASSED, f"{words}{likely}, but no difference can be told")
    return Judged(condition, Outcome.MET, words)


def _growth(growth: Growth, each: Difference) -> float:
    assert each.basis is not None
    if growth is Growth.AMOUNT:
        return growth.of(each.before.mean or 0.0, each.after.mean or 0.0)
    return growth.of(each.basis.before, each.basis.after)


def _words(each: Difference, measure: Measure) -> str:
    assert each.basis is not None
    sides = [value_words(measure, side.mean or 0.0) for side in (each.before, each.after)]
    share = f", {change(each.basis.difference / each.basis.before)} by rate" if each.basis.before else ""
    return f"from {sides[0]} to {sides[1]} a recording{share}"


def _difference(measure: Measure, pair: Pair) -> Difference:
    """In an aspect of that name, or in the measure alone, of which windows tell nothing."""
    aspect = ASPECT_BY_NAME.get(measure.name) or _aspect_of(measure)
    if aspect.name in ASPECT_BY_NAME:
        return pair.of(aspect.name)
    return difference_in(aspect, pair.before, pair.after)


def _aspect_of(measure: Measure) -> Aspect:
    def amount(run: Run) -> Amount:
        number = number_of(measure.name, run.analysis, run.facts)
        return Amount(number.value, None, number.quality, number.why)

    return Aspect(measure.name, measure.meaning, measure.unit, Family.SOURCE, amount, "", "")
