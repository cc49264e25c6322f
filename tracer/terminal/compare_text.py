"""A comparison as text for a terminal: what makes it hard to compare first, then the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..analyze.naming import tier_title
from ..analyze.terms import Quality
from ..compare.align import Align
from ..compare.comparing import Comparison, Pair
from ..compare.differences import Difference, Side
from ..compare.kinds import Course, KindChange
from ..compare.sentence import alike_long, amount, percent_of, sentence
from ..compare.waiting import ArmWaits, Bounds, arm_waits, tier_shares
from ..wording.numbers import DASH, count, duration, listing, plural, seconds
from .paper import Paper

_PLAIN: Final = Paper()
_ALIGNED: Final = {
    Align.START: "each from its start",
    Align.MARK: "each from its mark",
    Align.HOST: "each from the host's first command",
}
_MARKS: Final = {Quality.INFERRED: "~", Quality.LOWER_BOUND: ">= "}
_HOW_SURE: Final = (
    "change: by rate; 95 % interval of the change. `differs`: all that is marked so is wrong together in at most one"
    " comparison of 20 in which nothing differs (docs/compare.md)."
)
_ONE: Final = (
    "With one recording a side the spread between recordings is assumed (25 %): record the load several times"
    " (--before A... --after B...) to tell smaller differences."
)


def compare_text(comparison: Comparison, paper: Paper = _PLAIN) -> str:
    """All of it, ending in a newline."""
    sections = [
        _head(comparison, paper),
        _obstacles(comparison, paper),
        _verdicts(comparison, paper),
        *(_table(pair, paper, comparison) for pair in comparison.pairs),
        _waits(comparison, paper),
        _tiers(comparison, paper),
        *(_kinds(pair, paper, comparison) for pair in comparison.pairs),
        _sure(comparison, paper),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _head(comparison: Comparison, paper: Paper) -> list[str]:
    rows = []
    for arm in comparison.arms:
        runs = [f"{run.source} ({seconds(run.length_s)})" for run in arm.runs]
        rows.append((arm.name, ", ".join(runs)))
    return [f"Compared, {_ALIGNED[comparison.align]}:", *paper.rows(rows)]


def _obstacles(comparison: Comparison, paper: Paper) -> list[str]:
    broken = [each for each in comparison.obstacles if each.breaks]
    minor = [each for each in comparison.obstacles if not each.breaks]
    lines = [line for each in broken for line in paper.paragraph(each.text, "  ! ", "warning")]
    others = [line for each in minor for line in paper.paragraph(each.text, "  - ")]
    return [
        *(["Hard to compare:"] if broken else []),
        *lines,
        *(["Not the same:"] if minor else []),
        *others,
    ]


def _verdicts(comparison: Comparison, paper: Paper) -> list[str]:
    return [line for pair in comparison.pairs for line in paper.paragraph(sentence(pair), "Verdict: ")]


def _table(pair: Pair, paper: Paper, comparison: Comparison) -> list[str]:
    shown = [each for each in pair.differences if not each.is_nothing]
    nothing = [each.aspect.title for each in pair.differences if each.is_nothing]
    heads = ("", pair.before.name, pair.after.name, "change", "", "95 % interval")
    rows = [_row(each, pair) for each in shown]
    title = f"Differences, {_basis(pair, by_work=comparison.by_work)}"
    lines = [title, *paper.table(heads, rows)] if rows else []
    unknown = [f"{each.aspect.title} ({each.why})" for each in shown if each.basis is None]
    if unknown:
        lines += paper.paragraph(f"Can't be held against each other: {listing(unknown)}.")
    if nothing:
        lines += paper.paragraph(f"None in any: {listing(nothing)}.")
    return lines


def _basis(pair: Pair, *, by_work: bool) -> str:
    if by_work:
        return "by GiB that the kernel allocated"
    if not alike_long(pair):
        return "by second"
    several = max(len(pair.before.runs), len(pair.after.runs)) > 1
    return "in all of a recording (mean)" if several else "in all of a recording"


def _row(each: Difference, pair: Pair) -> tuple[str, ...]:
    before, after = shown_sides(each, pair)
    return (each.aspect.title, before, after, shown_change(each), "differs" if each.told else "", shown_interval(each))


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


def shown_change(each: Difference) -> str:
    """How much more there is after, in percent; empty where there was none before."""
    return "" if each.share is None else f"{each.share:+.0%}".replace("%", " %")


def shown_interval(each: Difference) -> str:
    """Between what the change lies, as a share of before, or as a rate where there was none."""
    basis = each.basis
    if basis is None:
        return ""
    if basis.low is None or basis.high is None:
        return "spread not known"
    if basis.before:
        return f"{basis.low / basis.before:+.0%} to {basis.high / basis.before:+.0%}".replace("%", " %")
    unit = "" if each.aspect.level else "/GiB" if each.by_work else "/s"
    low, high = (amount(each.aspect.unit, bound) for bound in (basis.low, basis.high))
    return f"{low} to {high}{unit}"


def _waits(comparison: Comparison, paper: Paper) -> list[str]:
    told = [(arm.name, arm_waits(arm)) for arm in comparison.arms]
    if not any(waits.spans or waits.why for _, waits in told):
        return []
    rows = [(name, *shown_waits(waits)) for name, waits in told]
    return ["Single waits for memory", *paper.table(("", "waits", "median", "90 %", "99 %", "longest"), rows)]


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


def _tiers(comparison: Comparison, paper: Paper) -> list[str]:
    rows = []
    for arm in comparison.arms:
        shares = [
            f"{tier_title(each.tier)} {DASH if each.share is None else percent_of(each.share)}"
            for each in tier_shares(arm)
        ]
        rows.append((arm.name, ", ".join(shares) or "no memory was reclaimed"))
    return ["Who supplied memory, as shares of all pages", *paper.rows(rows)]


def _kinds(pair: Pair, paper: Paper, comparison: Comparison) -> list[str]:
    if not pair.kinds:
        return []
    title = "Findings" if len(comparison.pairs) == 1 else f"Findings, {pair.before.name} and {pair.after.name}"
    return [title, *paper.rows([kind_row(each, pair) for each in pair.kinds])]


def kind_row(each: KindChange, pair: Pair) -> tuple[str, str, str, str]:
    """A kind of finding: what became of it, how bad it is, and in how many recordings it is."""
    told = f"in {_of(each.before_runs, len(pair.before.runs), each.before)} before, "
    told += f"{_of(each.after_runs, len(pair.after.runs), each.after)} after"
    told += f"; not judged in {each.why}" if each.course is Course.UNKNOWN else ""
    return each.course.value, each.severity.value, each.kind, told


def _of(found: int, runs: int, findings: int) -> str:
    several = f" ({plural(findings, 'finding')})" if findings > found else ""
    return f"{count(found)} of {count(runs)}{several}"


def _sure(comparison: Comparison, paper: Paper) -> list[str]:
    has_one = min(len(arm.runs) for arm in comparison.arms) == 1
    return [line for words in _remarks(has_one=has_one) for line in paper.paragraph(words)]


def _remarks(*, has_one: bool) -> Iterator[str]:
    yield _HOW_SURE
    if has_one:
        yield _ONE
