"""Holds conditions against a recording."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ..analyze.model import Analysis
from ..analyze.terms import Quality, Severity
from ..recording_facts import RecordingFacts
from ..wording.numbers import bytes_, count, plural, seconds
from ..wording.verdict import UNKNOWN as UNKNOWN_LEVEL
from ..wording.verdict import undecided, verdict
from .conditions import SEVERITIES, Condition, Measure, Unit
from .measures import Number, missing_part, number_of, unjudged_why

OPTION: Final = "--fail-on"


class Outcome(Enum):
    """What came of a condition. Of UNKNOWN nobody can say that it was not met, so it is not passed either."""

    PASSED = "passed"
    MET = "met"
    UNKNOWN = "could not be judged"


_RANK: Final = (Outcome.PASSED, Outcome.UNKNOWN, Outcome.MET)


@dataclass(frozen=True)
class Judged:
    """A condition with its outcome; `words` say the numbers, or why it could not be judged, a clause."""

    condition: Condition
    outcome: Outcome
    words: str

    @property
    def fails(self) -> bool:
        """Whether the command ends with an exit code for it: a bare word does so only for what was seen."""
        return self.outcome is Outcome.MET or (self.outcome is Outcome.UNKNOWN and not self.condition.alone)

    @property
    def line(self) -> str:
        """One line that says what came of it."""
        if self.condition.alone and self.outcome is Outcome.MET:
            return f"{OPTION}: {self.condition.text} {self.words}"
        between = f" {self.outcome.value}" if self.outcome is Outcome.UNKNOWN else ""
        return f"{OPTION}: {self.condition.text}{between}: {self.words}"


def judge(conditions: Iterable[Condition], analysis: Analysis, facts: RecordingFacts) -> list[Judged]:
    """What came of each condition in a recording."""
    return [_judged(condition, analysis, facts) for condition in conditions]


def worst_outcome(judged: Iterable[Judged]) -> Outcome:
    """MET where any is, else UNKNOWN where any is."""
    return max((each.outcome for each in judged), key=_RANK.index)


def worst(condition: Condition, judged: Sequence[Judged]) -> Judged:
    """One condition held against several things: the worst outcome, with the words of all that have it."""
    outcome = worst_outcome(judged)
    return Judged(condition, outcome, "; ".join(each.words for each in judged if each.outcome is outcome))


def failures(judged: Iterable[Judged]) -> list[str]:
    """What to say on stderr: a line for each condition that was met or could not be judged."""
    return [each.line for each in judged if each.outcome is not Outcome.PASSED]


def value_words(measure: Measure, value: float) -> str:
    """A measure's value with its unit: `2`, `80.0 MiB`, `1.50 s`."""
    if measure.unit is Unit.COUNT:
        return count(value)
    return bytes_(value) if measure.unit is Unit.BYTES else seconds(value)


def number_words(measure: Measure, number: Number) -> str:
    """The same, with how it was had where it was not measured."""
    prefix = {Quality.LOWER_BOUND: "at least ", Quality.INFERRED: "inferred "}.get(number.quality, "")
    return number.why if number.value is None else f"{prefix}{value_words(measure, number.value)}"


def _judged(condition: Condition, analysis: Analysis, facts: RecordingFacts) -> Judged:
    if condition.kind:
        return _of_kind(condition, analysis, facts)
    if condition.severity:
        return _of_severity(condition, analysis, facts)
    assert condition.measure is not None
    if condition.measure.name == "loss":
        return of_loss(condition, analysis.accounting.lost_total, missing_parts(facts))
    return of_number(condition, condition.measure, number_of(condition.measure.name, analysis, facts))


def of_number(condition: Condition, measure: Measure, number: Number) -> Judged:
    """A limit held against a number."""
    words = number_words(measure, number)
    if number.value is None:
        return Judged(condition, Outcome.UNKNOWN, words)
    met = condition.is_met(number.value)
    return Judged(condition, Outcome.MET if met else Outcome.PASSED, count(number.value) if condition.alone else words)


def of_loss(condition: Condition, lost: int, parts: Sequence[str]) -> Judged:
    """Events lost, or, of which nobody knows how many events they had, parts of the recording that are missing."""
    if condition.is_met(lost) or (parts and condition.alone):
        words = ", ".join((*([count(lost)] if lost else []), *parts))
        return Judged(condition, Outcome.MET, words)
    if parts:
        return Judged(condition, Outcome.UNKNOWN, f"{count(lost)} known, {', '.join(parts)}")
    return Judged(condition, Outcome.PASSED, count(lost))


def missing_parts(facts: RecordingFacts) -> list[str]:
    """What of its file is missing, of which nobody knows how many events it had."""
    parts = []
    if missing := len(facts.files.missing):
        parts.append(plural(missing, "missing file"))
    if facts.cut_bytes:
        parts.append(f"{bytes_(facts.cut_bytes)} cut")
    elif facts.source_damage:
        parts.append("damaged source")
    elif not facts.complete:
        parts.append("not closed")
    if facts.bad_blocks:
        parts.append(plural(facts.bad_blocks, "damaged block"))
    return parts


def _of_kind(condition: Condition, analysis: Analysis, facts: RecordingFacts) -> Judged:
    found = [finding.text for finding in analysis.findings if finding.kind == condition.kind]
    return of_findings(condition, found, unjudged_why(condition.kind, analysis) or missing_part(facts))


def _of_severity(condition: Condition, analysis: Analysis, facts: RecordingFacts) -> Judged:
    least = SEVERITIES.index(condition.severity)
    found = [finding.text for finding in analysis.findings if _rank(finding.severity) >= least]
    return of_findings(condition, found, undecided_why(analysis, facts))


def undecided_why(analysis: Analysis, facts: RecordingFacts) -> str:
    """Why it can't be said that there is no finding of some severity, a clause; empty where it can."""
    judged = verdict(analysis, facts)
    unknown = "; ".join(undecided(analysis, facts)) or judged.sentence if judged.level == UNKNOWN_LEVEL else ""
    return unknown or missing_part(facts)


def _rank(severity: Severity) -> int:
    return SEVERITIES.index(severity.value)


def of_findings(condition: Condition, found: Sequence[str], why: str) -> Judged:
    """Sentences of findings that may not be there; `why` none of them would be no evidence, empty where it is one."""
    if found:
        more = f" (and {count(len(found) - 1)} more)" if len(found) > 1 else ""
        return Judged(condition, Outcome.MET, f"{found[0]}{more}")
    return Judged(condition, Outcome.UNKNOWN, why) if why else Judged(condition, Outcome.PASSED, "none")
