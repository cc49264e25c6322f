"""The table of spans and single events that a finding stands on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..analyze.model import Finding
from ..evidence.rows import EventRow, SpanRow
from ..evidence.standing import WITHOUT_SPANS, Standing
from ..wording.events import event_words
from ..wording.numbers import count, duration, plural
from ..wording.spans import span_words
from .table import Cell, Column, Table, dash, unknown, word

_COLUMNS: Final = (
    Column("Time", number=True),
    Column("Lasted", number=True, hint="A dash: an event, which has no length"),
    Column("Task"),
    Column("Thread", number=True),
    Column("Span or event"),
    Column("What came of it"),
)


def evidence_table(finding: Finding, standing: Standing, start_ns: int) -> Table:
    """`start_ns` is the time from which the report's seconds count."""
    every: list[SpanRow | EventRow] = [*standing.rows, *standing.moments.rows]
    rows = sorted(every, key=lambda row: row.time_ns)
    cells = [_span(row, start_ns) if isinstance(row, SpanRow) else _event(row, start_ns) for row in rows]
    return Table(f"Evidence of finding {finding.id}", _COLUMNS, cells, note=_note(finding, standing))


def _span(row: SpanRow, start_ns: int) -> Sequence[Cell]:
    lasted = unknown() if row.duration_ns is None else Cell(duration(row.duration_ns), row.duration_ns / 1e9, "num")
    when = _when(row.time_ns, row.end_ns or row.time_ns, start_ns)
    return (when, lasted, word(row.comm), Cell(str(row.tid), row.tid, "num"), word(row.kind), word(_told(row)))


def _event(row: EventRow, start_ns: int) -> Sequence[Cell]:
    thread = unknown() if row.tid is None else Cell(str(row.tid), row.tid, "num")
    told = word(event_words(row.kind, row.fields))
    return (_when(row.time_ns, row.time_ns, start_ns), dash(), word(row.comm or ""), thread, word(row.kind), told)


def _when(begin_ns: int, end_ns: int, start_ns: int) -> Cell:
    begin_s, last_s = ((at_ns - start_ns) / 1e9 for at_ns in (begin_ns, end_ns))
    return Cell(f"{begin_s:,.6f} s", begin_s, "num", span=(begin_s, last_s))


def _told(row: SpanRow) -> str:
    words = span_words(row.kind, row.fields)
    if row.duration_ns is not None:
        return words
    unseen = "its begin was not seen" if row.begin_ns is None else "its end was not seen"
    return f"{words} ({unseen})" if words else unseen


def _note(finding: Finding, standing: Standing) -> str:
    told = [] if finding.kind in WITHOUT_SPANS else [_spans(finding, standing)]
    if standing.moments.total:
        told.append(_events(finding, standing))
    return " ".join(told)


def _spans(finding: Finding, standing: Standing) -> str:
    every = f"reclaim-tracer spans FILE --finding {finding.id} prints every span of its time."
    if not standing.rows:
        return f"No span of its time was read for this page; {every}"
    shown = plural(len(standing.rows), "span")
    if standing.named is None:
        return f"The first {shown} of its time that lie in no other span; {every}"
    of = "" if len(standing.rows) == standing.named else f" of {standing.named}"
    return f"{shown}{of} that the analysis keeps as evidence; {every}"


def _events(finding: Finding, standing: Standing) -> str:
    moments = standing.moments
    least = "at least " * moments.at_least
    of = f" of {least}{count(moments.total)}" if moments.at_least or len(moments.rows) < moments.total else ""
    events = plural(len(moments.rows), "single event")
    return f"{events}{of} of its time; reclaim-tracer events FILE --finding {finding.id} prints every event."
