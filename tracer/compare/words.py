"""A comparison's numbers as they are shown, in a terminal and on a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ..analyze.terms import Quality
from ..wording.numbers import DASH, change, count, duration, plural
from .align import Align
from .comparing import Pair
from .differences import Difference, Side
from .kinds import Course, KindChange
from .sentence import alike_long, amount
from .spread import ALONE, USUAL
from .waiting import ArmWaits, Bounds

ALIGNED: Final = {
    Align.START: "each from its start",
    Align.MARK: "each from its mark",
    Align.HOST: "each from the host's first command",
}
_MARKS: Final = {Quality.INFERRED: "~", Quality.LOWER_BOUND: ">= "}
_HOW_SURE: Final = (
    "Change is by rate, with its 95 % interval. Of 20 comparisons in which nothing differs, at most one marks any cost"
    " as differing (docs/compare.md)."
)
_ONE: Final = (
    f"One recording a side does not show how much recordings of this load vary: {ALONE.share:.0%} is assumed."
    f" Likely is what differs if they vary by {USUAL.share:.0%} at most. Record the load several times"
    " (--before A... --after B...) to tell more."
).replace("%", " %")


def basis_words(pair: Pair, *, by_work: bool) -> str:
    """What the numbers are counted by."""
    if by_work:
        return "by GiB that the kernel allocated"
    if not alike_long(pair):
        return "by second"
    several = max(len(pair.before.runs), len(pair.after.runs)) > 1
    return "in all of a recording (mean)" if several else "in all of a recording"


def shown_sides(each: Difference, pair: Pair) -> tuple[str, str]:
    """Both sides' numbers as they are shown: totals where recordings are as long as each other, else rates."""
    if each.basis is None:
        return _known(each.before, each), _known(each.after, each)
    if alike_long(pair) and not each.by_work and not each.aspect.level:
        return _known(each.before, each), _known(each.after, each)
    unit = "" if each.aspect.level else "/GiB" if each.by_work else "/s"
    return (
        f"{_MARKS.get(each.before.quality, '')}{amount(each.aspect.unit, each.basis.before)}{unit}",
        f"{_MARKS.get(each.after.quality, '')}{amount(each.aspect.unit, each.basis.after)}{unit}",
    )


def _known(side: Side, each: Difference) -> str:
    if side.mean is None:
        return DASH
    if each.aspect.level:
        return "known"
    return f"{_MARKS.get(side.quality, '')}{amount(each.aspect.unit, side.mean)}"


def shown_judgement(each: Difference) -> str:
    """Whether a difference can be told; else which arm alone has any of it; empty where neither is so."""
    if each.told:
        return "differs"
    if each.likely:
        return "likely"
    return f"only {each.only.arm}" if each.only else ""


def shown_change(each: Difference) -> str:
    """How much more there is after, in percent; empty where there was none before."""
    return "" if each.share is None else change(each.share)


def shown_interval(each: Difference) -> str:
    """Between what the change lies, as a share of before, or as a rate where there was none."""
    basis = each.basis
    if basis is None:
        return ""
    if basis.low is None or basis.high is None:
        return "spread not known"
    if basis.before:
        return f"{change(basis.low / basis.before)} to {change(basis.high / basis.before)}"
    unit = "" if each.aspect.level else "/GiB" if each.by_work else "/s"
    low, high = (amount(each.aspect.unit, bound) for bound in (basis.low, basis.high))
    return f"{low} to {high}{unit}"


def shown_waits(waits: ArmWaits) -> tuple[str, str, str, str, str]:
    """How many, their quantiles as upper bounds, and the longest."""
    if waits.spans is None:
        return (DASH,) * 5
    return (
        count(waits.spans),
        *(_below(bounds) for bounds in (waits.p50_ns, waits.p90_ns, waits.p99_ns)),
        DASH if waits.max_ns is None else duration(waits.max_ns),
    )  # type: ignore[return-value]


def _below(bounds: Bounds | None) -> str:
    return DASH if bounds is None else f"<= {duration(bounds[1])}"


def kind_row(each: KindChange, pair: Pair) -> tuple[str, str, str, str]:
    """A kind of finding: what became of it, how bad it is, and in how many recordings it is."""
    told = f"in {_of(each.before_runs, len(pair.before.runs), each.before)} before, "
    told += f"{_of(each.after_runs, len(pair.after.runs), each.after)} after"
    told += f"; not judged in {each.why}" if each.course is Course.UNKNOWN else ""
    return each.course.value, each.severity.value, each.kind, told


def _of(found: int, runs: int, findings: int) -> str:
    several = f" ({plural(findings, 'finding')})" if findings > found else ""
    return f"{count(found)} of {count(runs)}{several}"


def remarks(pairs: Sequence[Pair]) -> Iterator[str]:
    """How sure one can be, in sentences."""
    yield _HOW_SURE
    bases = [each.basis for pair in pairs for each in pair.differences if not each.is_nothing]
    if any(basis is not None and basis.p_usual is not None for basis in bases):
        yield _ONE
