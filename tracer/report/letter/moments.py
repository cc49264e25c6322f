"""What happened in one stretch of a recording, in about a dozen lines with times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ...analyze import Engine, in_pieces
from ...analyze.model import Analysis, Finding
from ...analyze.stream.closed import NO_TIME, ClosedSpans, leaving
from ...analyze.stream.lane import SPAN_KINDS
from ...analyze.stream.pieces import Item
from ...analyze.stream.stretch import Stretch as EventStretch
from ...batch import Batch
from ...errors import printable
from ...metadata import Metadata
from ...schema import SpanKind
from ...wording.numbers import count, mib, plural, seconds
from ...wording.spans import SPAN_NAMES
from .typical import Stretch

MOST_LINES: Final = 13
_INNER: Final = frozenset({SpanKind.SHRINK_SLAB, SpanKind.FILL_BALLOON, SpanKind.LEAK_BALLOON, SpanKind.BALANCE_PGDAT})
_WORDS: Final = {kind: SPAN_NAMES[kind] for kind in SpanKind if kind not in _INNER}
"""Spans that are shown; those inside of them (slab, the balloon's functions) are part of what they did."""
_BALLOON: Final = "balloon"
_KILL: Final = "kill"
_CLAUSE: Final = re.compile(r"[:;.] ")
_FIRST_GAP_S: Final = 0.001


@dataclass(frozen=True)
class Moment:
    """`times` things of one kind that one actor did from `start_s` to `end_s`, busy for `busy_s` of it.

    `pages` were reclaimed, or entered (> 0) or left (< 0) the balloon; None where that is not told.
    """

    actor: str
    what: str
    start_s: float
    end_s: float
    busy_s: float = 0.0
    times: int = 1
    pages: int | None = None


@dataclass(frozen=True)
class Moments:
    """Lines as (time, words), and what was left out of them, empty where nothing was."""

    lines: list[tuple[str, str]]
    left_out: str = ""


def moments(
    items: Iterable[Item], metadata: Metadata, symbols: Mapping[int, str], stretch: Stretch, findings: Iterable[Finding]
) -> Moments:
    """What the items of a stretch tell, joined where one actor does the same again, until it fits.

    They are analysed once more: `items` need not hold more than the stretch, of which `findings` tell the kills.
    """
    spans = _Spans(metadata.start_ns)
    engine = Engine(metadata, symbols, on_stretch=spans)
    for item in in_pieces(items):
        spans.take(item)
        engine.feed(item)
    analysis = engine.finish()
    found = [*spans.moments(), *_steps(analysis), *_kills(findings)]
    inside = [each for each in found if each.end_s >= stretch.from_s and each.start_s <= stretch.to_s]
    return _told(inside, stretch, metadata.page_size_bytes)


class _Spans:
    """Takes the spans that leave the engine, and the pages that their ends tell."""

    def __init__(self, start_ns: int) -> None:
        self._start_ns = start_ns
        self._reclaimed: dict[tuple[int, int], int] = {}
        self._closed: list[ClosedSpans] = []

    def __call__(self, stretch: EventStretch) -> None:
        self._closed.extend(leaving(stretch))

    def take(self, item: object) -> None:
        if not isinstance(item, Batch):
            return
        for kind, args in item.args.items():
            if kind.endswith("_end") and "nr_reclaimed" in args:
                rows = item.rows[kind]
                where = zip(item.header["tid"][rows].tolist(), item.header["time_ns"][rows].tolist(), strict=True)
                self._reclaimed.update(zip(where, args["nr_reclaimed"].tolist(), strict=True))

    def moments(self) -> Iterable[Moment]:
        for spans in self._closed:
            columns = (spans.code, spans.begin_ns, spans.end_ns, spans.tid, spans.comm)
            for code, begin_ns, end_ns, tid, comm in zip(*(column.tolist() for column in columns), strict=True):
                kind = SPAN_KINDS[code]
                if kind not in _WORDS or NO_TIME in (begin_ns, end_ns):
                    continue
                start_s, end_s = ((at - self._start_ns) / 1e9 for at in (begin_ns, end_ns))
                actor = f"{printable(comm.decode('utf-8', 'replace'))} ({tid})"
                pages = self._reclaimed.get((tid, end_ns))
                yield Moment(actor, _WORDS[kind], start_s, end_s, end_s - start_s, 1, pages)


def _steps(analysis: Analysis) -> Iterable[Moment]:
    for step in analysis.steps:
        what = f"leaks ({step.cause.value})" if step.cause else "inflates"
        yield Moment(_BALLOON, what, step.start_s, step.end_s, pages=step.pages)


def _kills(findings: Iterable[Finding]) -> Iterable[Moment]:
    for finding in findings:
        if finding.kind in {"oom_kill", "user_kill"}:
            sentence = _CLAUSE.split(finding.text, maxsplit=1)[0]
            yield Moment(_KILL, printable(sentence), finding.start_s, finding.start_s)


def _told(found: list[Moment], stretch: Stretch, page_bytes: int) -> Moments:
    gap_s, joined = 0.0, sorted(found, key=lambda each: each.start_s)
    while len(joined) > MOST_LINES and gap_s <= 2 * (stretch.to_s - stretch.from_s) + 1:
        joined = _joined(joined, gap_s)
        gap_s = max(_FIRST_GAP_S, 2 * gap_s)
    shown = joined
    if len(joined) > MOST_LINES:
        first = sorted(joined, key=lambda each: (each.actor != _BALLOON, -each.busy_s))[:MOST_LINES]
        shown = sorted(first, key=lambda each: each.start_s)
    hidden = len(joined) - len(shown)
    left_out = f"{plural(hidden, 'shorter one')} not shown" if hidden else ""
    return Moments([(f"{each.start_s:.3f}", _words(each, page_bytes)) for each in shown], left_out)


def _joined(found: list[Moment], gap_s: float) -> list[Moment]:
    """Those of one actor and kind as one where no more than the gap lies between them."""
    result: list[Moment] = []
    last: dict[tuple[str, str], int] = {}
    for each in found:
        key = (each.actor, each.what)
        at = last.get(key)
        if at is not None and each.start_s - result[at].end_s <= gap_s:
            result[at] = _sum(result[at], each)
        else:
            last[key] = len(result)
            result.append(each)
    return result


def _sum(one: Moment, other: Moment) -> Moment:
    pages = None if one.pages is None or other.pages is None else one.pages + other.pages
    return replace(
        one,
        end_s=max(one.end_s, other.end_s),
        busy_s=one.busy_s + other.busy_s,
        times=one.times + other.times,
        pages=pages,
    )


def _words(each: Moment, page_bytes: int) -> str:
    if each.actor == _KILL:
        return each.what
    over = f" until {each.end_s:.3f}" if each.times > 1 else ""
    if each.actor == _BALLOON:
        steps = f" in {count(each.times)} steps{over}" if over else ""
        return f"{_BALLOON}: {each.what} {mib(abs(each.pages or 0), page_bytes)}{steps}"
    took = f", {seconds(each.busy_s)}" if each.busy_s else ""
    times = f" {count(each.times)} times{over}" if over else ""
    gave = f", {mib(each.pages, page_bytes)} reclaimed" if each.pages is not None else ""
    return f"{each.actor}: {each.what}{times}{took}{gave}"
