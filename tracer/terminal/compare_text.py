"""A comparison as text for a terminal: what makes it hard to compare first, then the verdict."""

from __future__ import annotations

from typing import Final

from ..analyze.naming import tier_title
from ..compare.comparing import Comparison, Pair
from ..compare.differences import Difference
from ..compare.sentence import percent_of, sentence
from ..compare.waiting import arm_waits, tier_shares
from ..compare.words import (
    ALIGNED,
    basis_words,
    kind_row,
    remarks,
    shown_change,
    shown_interval,
    shown_judgement,
    shown_sides,
    shown_waits,
)
from ..wording.numbers import DASH, listing, seconds
from .paper import Paper

_PLAIN: Final = Paper()


def compare_text(comparison: Comparison, paper: Paper = _PLAIN, title: str = "") -> str:
    """All of it, ending in a newline, `title` above it."""
    sections = [
        paper.paragraph(title, "") if title else [],
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
    return [f"Compared, {ALIGNED[comparison.align]}:", *paper.rows(rows)]


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
    title = f"Differences, {basis_words(pair, by_work=comparison.by_work)}"
    lines = [title, *paper.table(heads, rows)] if rows else []
    unknown = [f"{each.aspect.title} ({each.why})" for each in shown if each.basis is None]
    if unknown:
        lines += paper.paragraph(f"Can't be held against each other: {listing(unknown)}.")
    if nothing:
        lines += paper.paragraph(f"None in any: {listing(nothing)}.")
    return lines


def _row(each: Difference, pair: Pair) -> tuple[str, ...]:
    before, after = shown_sides(each, pair)
    return (each.aspect.title, before, after, shown_change(each), shown_judgement(each), shown_interval(each))


def _waits(comparison: Comparison, paper: Paper) -> list[str]:
    told = [(arm.name, arm_waits(arm)) for arm in comparison.arms]
    if not any(waits.spans or waits.why for _, waits in told):
        return []
    rows = [(name, *shown_waits(waits)) for name, waits in told]
    return ["Single waits for memory", *paper.table(("", "waits", "median", "90 %", "99 %", "longest"), rows)]


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


def _sure(comparison: Comparison, paper: Paper) -> list[str]:
    return [line for words in remarks(comparison.pairs) for line in paper.paragraph(words)]
