"""Holds `--fail-on` against a fleet: limits against every recording, growth against arms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ..compare.spread import LEVEL
from ..gates.conditions import SEVERITIES, Condition, Growth
from ..gates.judging import Judged, Outcome, of_findings, of_loss, of_number, worst, worst_outcome
from ..wording.numbers import count
from .effects import Arms, Effect, Side
from .gathered import Fleet, Recorded
from .words import amount

_MOST_NAMED: Final = 3


def judge_fleet(conditions: Iterable[Condition], fleet: Fleet, arms: Arms | None) -> list[Judged]:
    """What came of each condition: the worst of all recordings, with arms of those that are held against the control.

    What could not be read leaves a condition open that nothing else met.
    """
    return [_judged(condition, fleet, arms) for condition in conditions]


def _judged(condition: Condition, fleet: Fleet, arms: Arms | None) -> Judged:
    if condition.growth is not None:
        return _of_growth(condition, condition.growth, arms)
    recordings = [each for each in fleet.recordings if arms is None or arms.treats(each)]
    told = [(each.source, _of_recording(condition, each)) for each in recordings]
    told += [(each.source, Judged(condition, Outcome.UNKNOWN, f"not read ({each.why})")) for each in fleet.unread]
    if not told:
        return Judged(condition, Outcome.UNKNOWN, "there is no recording")
    return _worst(condition, told)


def _worst(condition: Condition, told: Sequence[tuple[str, Judged]]) -> Judged:
    outcome = worst_outcome(judged for _, judged in told)
    if outcome is Outcome.PASSED:
        return Judged(condition, outcome, f"in none of {count(len(told))} recordings")
    alike = [(source, judged) for source, judged in told if judged.outcome is outcome]
    named = "; ".join(f"{judged.words} in {source}" for source, judged in alike[:_MOST_NAMED])
    more = f" and {count(len(alike) - _MOST_NAMED)} more" if len(alike) > _MOST_NAMED else ""
    return Judged(condition, outcome, f"{count(len(alike))} of {count(len(told))} recordings: {named}{more}")


def _of_recording(condition: Condition, each: Recorded) -> Judged:
    unseen = each.facts["unseen"] or ""
    if condition.kind:
        found = [finding.text for finding in each.findings if finding.kind == condition.kind]
        return of_findings(condition, found, each.not_judged.get(condition.kind) or unseen)
    if condition.severity:
        least = SEVERITIES.index(condition.severity)
        found = [finding.text for finding in each.findings if SEVERITIES.index(finding.severity) >= least]
        return of_findings(condition, found, each.facts["undecided"] or "")
    assert condition.measure is not None
    number = each.numbers[condition.measure.name]
    if condition.measure.name == "loss" and number.value is not None:
        return of_loss(condition, int(number.value), each.facts["missing_parts"])
    return of_number(condition, condition.measure, number)


def _of_growth(condition: Condition, growth: Growth, arms: Arms | None) -> Judged:
    assert condition.measure is not None
    effects = [] if arms is None else arms.of(condition.measure.name)
    if not effects:
        return Judged(condition, Outcome.UNKNOWN, "arms are not compared by this number")
    return worst(condition, [_grown(condition, growth, arm, effect) for arm, effect in effects])


def _grown(condition: Condition, growth: Growth, arm: str, effect: Effect) -> Judged:
    if effect.difference is None:
        return Judged(condition, Outcome.UNKNOWN, f"{effect.why} ({arm})")
    rates = [amount(effect.measure, side.rate) for side in (effect.control, effect.treatment)]
    words = f"from {rates[0]} to {rates[1]} an hour ({arm})"
    if not condition.is_met(_growth(growth, effect.control, effect.treatment)):
        return Judged(condition, Outcome.PASSED, words)
    if effect.p is None:
        return Judged(condition, Outcome.UNKNOWN, f"{words}; {effect.why}")
    if effect.p > LEVEL:
        return Judged(condition, Outcome.PASSED, f"{words}, but no difference can be told")
    return Judged(condition, Outcome.MET, words)


def _growth(growth: Growth, control: Side, treatment: Side) -> float:
    assert control.rate is not None
    assert treatment.rate is not None
    return growth.of(control.rate, treatment.rate)
