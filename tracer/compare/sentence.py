"""A comparison in one sentence: what can be told of the costs, then what the host got, then findings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..analyze.terms import Severity
from ..gates.conditions import Unit
from ..wording.numbers import bytes_, count, listing, percent, plural, seconds
from .aspects import Family
from .comparing import Pair
from .differences import Difference
from .kinds import Course

_ALIKE: Final = 0.05
"""Recordings whose lengths differ by no more than this have totals that can be held against each other."""
_MANY: Final = 2.0
"""From so many times as much on, that is said and not a percentage."""


def sentence(pair: Pair) -> str:
    """`after: 91 % less page cache read again, 3.1 s less waiting for memory; 400 MiB less given to the host. ...`"""
    rest = [*_kills(pair), *_only(pair), *_unknown(pair), *_findings(pair)]
    return " ".join([f"{pair.after.name}: {_head(pair)}.", *(f"{words}." for words in rest)])


def _head(pair: Pair) -> str:
    """What can be told of costs and of what the host got, then what is likely."""
    own = [each for each in pair.differences if each.aspect.family is Family.COST]
    told = [each for each in own if each.told]
    costs = ", ".join(change(each, pair) for each in told if not each.aspect.level)
    levels = ", ".join(change(each, pair) for each in told if each.aspect.level)
    likely = ", ".join(change(each, pair) for each in own if each.likely)
    likely = f"likely {likely}" if likely else ""
    if not told:
        return likely or "no difference can be told"
    return "; ".join(filter(None, (costs or "no difference in cost can be told", levels, likely)))


def alike_long(pair: Pair) -> bool:
    """Whether all recordings of a pair are as long as each other."""
    lengths = [run.length_s for arm in (pair.before, pair.after) for run in arm.runs]
    return min(lengths) > 0 and max(lengths) <= min(lengths) * (1 + _ALIKE)


def change(each: Difference, pair: Pair) -> str:
    """One difference in words, with the way it goes."""
    aspect, basis = each.aspect, each.basis
    assert basis is not None
    words = aspect.less if basis.difference < 0 else aspect.more
    share = each.share
    in_time = aspect.unit is Unit.SECONDS and alike_long(pair) and not each.by_work
    if aspect.level or in_time or share is None:
        return f"{_size(each, pair)} {words}"
    if basis.after >= basis.before * _MANY:
        return f"{basis.after / basis.before:,.1f} times as much: {words}"
    return f"{percent_of(abs(share))} {words}"


def percent_of(share: float) -> str:
    """A share without a decimal, with one where it would be said to be all or nothing: `91 %`, `99.7 %`."""
    return f"{share * 100:,.0f} %" if share in {0.0, 1.0} or 0.01 <= share < 0.99 or share > 1 else percent(share)


def amount(unit: Unit, value: float) -> str:
    """A value with its unit."""
    if unit is Unit.COUNT:
        return count(value) if value == round(value) else f"{value:,.2f}"
    return bytes_(value) if unit is Unit.BYTES else seconds(value)


def _size(each: Difference, pair: Pair) -> str:
    """How much the difference is, in all where recordings are as long as each other, else by second."""
    assert each.basis is not None
    means = (each.before.mean, each.after.mean)
    if each.aspect.level or not alike_long(pair) or each.by_work or None in means:
        unit = "" if each.aspect.level else "/GiB" if each.by_work else "/s"
        return f"{amount(each.aspect.unit, abs(each.basis.difference))}{unit}"
    return amount(each.aspect.unit, abs((means[1] or 0.0) - (means[0] or 0.0)))


def _kills(pair: Pair) -> Iterator[str]:
    """Kills are never left out, however few there are."""
    each = pair.of("kills")
    if not each.told and each.before.mean is not None and each.after.mean is not None:
        sums = [sum(total or 0.0 for total in side.totals) for side in (each.before, each.after)]
        if sums[0] != sums[1]:
            killed = plural(sums[0], "OOM kill")
            yield f"{killed} before and {count(sums[1])} after, too few to tell a difference"


def _only(pair: Pair) -> Iterator[str]:
    """What never happened in one arm, where that is no difference that can be told."""
    silent = [each for each in pair.differences if each.only and not (each.told or each.likely)]
    for arm in (pair.before.name, pair.after.name):
        words = [_amount_words(each) for each in silent if each.only and each.only.arm == arm and _weighs(each)]
        if words:
            yield f"Only {arm}: {listing(words)}"


def _weighs(each: Difference) -> bool:
    """Whether it is worth a word: cycles, or a cost of a second and more. Kills have a sentence of their own."""
    assert each.only is not None
    mean = each.only.mean or 0.0
    return each.aspect.name == "cycles" or (each.aspect.name != "kills" and mean * each.aspect.cost_s >= 1.0)


def _amount_words(each: Difference) -> str:
    assert each.only is not None
    mean, runs = each.only.mean or 0.0, len(each.only.totals)
    words = plural(mean, "cycle") if mean == 1 else f"{amount(each.aspect.unit, mean)} {each.aspect.title}"
    return words if runs == 1 else f"{words} a recording"


def _unknown(pair: Pair) -> Iterator[str]:
    unknown = [each for each in pair.differences if each.aspect.family is Family.COST and each.basis is None]
    if unknown:
        yield f"Not known: {listing([f'{each.aspect.title} ({each.why})' for each in unknown])}"


def _findings(pair: Pair) -> Iterator[str]:
    for course, words in ((Course.WENT, "Findings gone"), (Course.CAME, "New findings")):
        kinds = [each.kind for each in pair.kinds if each.course is course and each.severity is not Severity.INFO]
        if kinds:
            yield f"{words}: {listing(kinds)}"
