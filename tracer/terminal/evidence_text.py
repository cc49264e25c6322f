"""Events and spans as lines of a terminal, in columns that do not wait for what comes later."""

from __future__ import annotations

from typing import Final

from ..analyze.stream.closed import SpanState
from ..errors import printable
from ..evidence.clock import Clock, TimeKind
from ..evidence.printed import fields_text
from ..evidence.rows import LOST, EventRow, SpanRow
from ..wording.events import event_words
from ..wording.numbers import duration, listing, plural
from ..wording.spans import span_words
from .cells import pad

_TIME_HEADS: Final = {TimeKind.START: "seconds", TimeKind.WALL: "wall clock (UTC)", TimeKind.DMESG: "since boot, s"}
_TIME_CELLS: Final = {TimeKind.START: 13, TimeKind.WALL: 27, TimeKind.DMESG: 16}
_TASK_CELLS: Final = 23
"""A name of 15 characters, a blank and a thread's number of 7 digits."""
_KIND_CELLS: Final = 28
_DURATION_CELLS: Final = 9
_NOT_SEEN: Final = {
    SpanState.BEGIN_WITHOUT_END: "its end was not seen",
    SpanState.END_WITHOUT_BEGIN: "its begin was not seen",
}
_LATE: Final = "began earlier, shown at its end"


class EventLines:
    """Makes a line of each event."""

    def __init__(self, clock: Clock, time: TimeKind) -> None:
        self._clock = clock
        self._time = time
        cells = (pad(_TIME_HEADS[time], _TIME_CELLS[time], right=True), "cpu", pad("task, thread", _TASK_CELLS))
        self.head = "  ".join((*cells, pad("event", _KIND_CELLS), "fields"))

    def line(self, row: EventRow) -> str:
        """One event, or where some are missing."""
        time = pad(self._clock.text(row.time_ns, self._time), _TIME_CELLS[self._time], right=True)
        if row.kind == LOST:
            return f"{time}  {self._lost(row)}"
        task = pad(printable(f"{row.comm} {row.tid}"), _TASK_CELLS)
        told = fields_text(row.fields) or event_words(row.kind, row.fields)
        cells = (time, f"{row.cpu:>3}", task, pad(row.kind, _KIND_CELLS), printable(told))
        return "  ".join(cells).rstrip()

    def _lost(self, row: EventRow) -> str:
        counts = {name: number for name, number in row.fields.items() if isinstance(number, int) and name != "until_ns"}
        until = self._clock.text(int(row.fields["until_ns"] or 0), self._time)
        if not counts:
            return f"--- events are missing until {until}: nobody counted them ---"
        kinds = listing([f"{number:,} {name}" for name, number in counts.items()])
        total = plural(sum(counts.values()), "event was lost", "events were lost")
        return printable(f"--- {total} until {until}: {kinds} ---")


class SpanLines:
    """Makes a line of each span, indented by how many lie around it."""

    def __init__(self, clock: Clock, time: TimeKind, evidence: frozenset[int] | None) -> None:
        """`evidence`: ids of spans to mark; None where there is no column of marks."""
        self._clock = clock
        self._time = time
        self._evidence = evidence
        cells = (pad(_TIME_HEADS[time], _TIME_CELLS[time], right=True), pad("lasted", _DURATION_CELLS, right=True))
        self.head = f"{self._mark(False)}{'  '.join((*cells, pad('task, thread', _TASK_CELLS), 'span'))}"

    def line(self, row: SpanRow) -> str:
        """One span."""
        time = pad(self._clock.text(row.time_ns, self._time), _TIME_CELLS[self._time], right=True)
        lasted = pad("-" if row.duration_ns is None else duration(row.duration_ns), _DURATION_CELLS, right=True)
        task = pad(printable(f"{row.comm} {row.tid}"), _TASK_CELLS)
        words = printable(span_words(row.kind, row.fields))
        notes = [note for note in (_NOT_SEEN.get(row.state), _LATE if row.late else None) if note]
        told = f"{'  ' * row.depth}{row.kind}{f'  {words}' if words else ''}{f' ({listing(notes)})' if notes else ''}"
        return f"{self._mark(row.id in (self._evidence or ()))}{time}  {lasted}  {task}  {told}"

    def _mark(self, is_evidence: bool) -> str:
        return "" if self._evidence is None else "* " if is_evidence else "  "
