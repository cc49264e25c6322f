"""The table of spans that a finding stands on."""

from __future__ import annotations

from collections.abc import Sequence

from ..analyze.model import Finding
from ..evidence.rows import SpanRow
from ..evidence.standing import Standing
from ..wording.numbers import duration, plural
from ..wording.spans import span_words
from .table import Cell, Column, Table, unknown, word

_COLUMNS = (
    Column("Time", number=True),
    Column("Lasted", number=True),
    Column("Task"),
    Column("Thread", number=True),
    Column("Span"),
    Column("What came of it"),
)


def evidence_table(finding: Finding, standing: Standing, start_ns: int) -> Table:
    """`start_ns` is the time from which the report's seconds count."""
    rows = [_row(row, start_ns) for row in standing.rows]
    return Table(f"Spans of finding {finding.id}", _COLUMNS, rows, note=_note(finding, standing))


def _row(row: SpanRow, start_ns: int) -> Sequence[Cell]:
    begin_s, last_s = ((at_ns - start_ns) / 1e9 for at_ns in (row.time_ns, row.end_ns or row.time_ns))
    lasted = unknown() if row.duration_ns is None else Cell(duration(row.duration_ns), row.duration_ns / 1e9, "num")
    when = Cell(f"{begin_s:,.6f} s", begin_s, "num", span=(begin_s, last_s))
    return (when, lasted, word(row.comm), Cell(str(row.tid), row.tid, "num"), word(row.kind), word(_told(row)))


def _told(row: SpanRow) -> str:
    words = span_words(row.kind, row.fields)
    if row.duration_ns is not None:
        return words
    unseen = "its begin was not seen" if row.begin_ns is None else "its end was not seen"
    return f"{words} ({unseen})" if words else unseen


def _note(finding: Finding, standing: Standing) -> str:
    every = f"reclaim-tracer spans FILE --finding {finding.id} prints every span of its time."
    shown = plural(len(standing.rows), "span")
    if standing.named is None:
        return f"The first {shown} of its time that lie in no other span; {every}"
    of = "" if len(standing.rows) == standing.named else f" of {standing.named}"
    return f"{shown}{of} that the analysis keeps as evidence; {every}"
