"""Rows as JSON values and as cells of CSV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from ..csv_cells import cell
from ..schema import FUNCTION_FIELDS, KIND_BY_NAME
from .clock import Clock
from .rows import LOST, EventRow, Fields, SpanRow, Value
from .values import NAME_SUFFIX

FIELDS: Final = "fields"
EVENT_CELLS: Final = (
    *("time_s", "time_ns", "time_utc", "cpu", "tid", "tgid", "comm", "cgroup_id", "cgroup", "kind", FIELDS),
)
"""What is told of an event."""
SPAN_CELLS: Final = (
    *("begin_s", "end_s", "begin_ns", "end_ns", "begin_utc", "duration_ns", "id", "parent", "depth", "kind", "tier"),
    *("tid", "tgid", "comm", "cpu", "cgroup_id", "cgroup", "state", "late", "evidence", FIELDS),
)
"""Of a span."""
_OWN: Final = frozenset(
    {
        *("time_s", "time_ns", "time_utc", "begin_s", "end_s", "begin_ns", "end_ns", "begin_utc", "duration_ns"),
        *("id", "parent", "depth", "cpu", "tid", "tgid", "cgroup_id", "kind", "tier", "state"),
    }
)
"""Columns of numbers, and of words of this program."""
_known_cell: Final = lru_cache(4096)(cell)
"""Of names, which come again and again."""
Values = tuple[Any, ...]
"""One for each column, the fields as a mapping."""


def event_values(row: EventRow, clock: Clock) -> Values:
    """One event: what EVENT_CELLS name."""
    time_ns, kind, fields, cpu, tid, tgid, comm, cgroup_id, cgroup = row
    if kind == LOST:
        fields = {"until_s": clock.seconds(int(fields["until_ns"] or 0)), **fields}  # type: ignore[dict-item]
        del fields["until_ns"]
    times = clock.seconds(time_ns), time_ns, clock.utc(time_ns)
    return (*times, cpu, tid, tgid, comm, cgroup_id, cgroup, kind, fields)


def span_values(row: SpanRow, clock: Clock, *, is_evidence: bool | None) -> Values:
    """One span: what SPAN_CELLS name."""
    begin_ns, end_ns = row.begin_ns, row.end_ns
    return (
        None if begin_ns is None else clock.seconds(begin_ns),
        None if end_ns is None else clock.seconds(end_ns),
        begin_ns,
        end_ns,
        None if begin_ns is None else clock.utc(begin_ns),
        row.duration_ns,
        row.id,
        row.parent,
        row.depth,
        row.kind,
        None if row.tier is None else row.tier.label,
        row.tid,
        row.tgid,
        row.comm,
        row.cpu,
        row.cgroup_id,
        row.cgroup,
        row.state.value,
        row.late,
        is_evidence,
        row.fields,
    )


def as_json(values: Values, columns: Sequence[str]) -> dict[str, Any]:
    """One row as docs/schema/events.schema.json or spans.schema.json has it."""
    return dict(zip(columns, values, strict=True))


def event_columns(kinds: frozenset[str] | None) -> tuple[str, ...]:
    """Columns of events in CSV: with one kind a column for each of its fields, else one for all."""
    return (*EVENT_CELLS[:-1], *(_field_columns(kinds) or (FIELDS,)))


def event_cells(kinds: frozenset[str] | None) -> Callable[[Values], list[object]]:
    """Makes rows with these columns of an event's values, for a writer of CSV."""
    names = _field_columns(kinds)
    if names is None:
        return cells(EVENT_CELLS)
    plain = _plain(EVENT_CELLS)
    return lambda values: [*plain(values)[:-1], *map(cell, map(values[-1].get, names))]


def cells(columns: Sequence[str]) -> Callable[[Values], list[object]]:
    """Makes rows of values with these columns, for a writer of CSV: it writes nothing for what is not known."""
    plain = _plain(columns)

    def row(values: Values) -> list[object]:
        cells = plain(values)
        cells[-1] = cell(fields_text(values[-1]))
        return cells

    return row


def _plain(columns: Sequence[str]) -> Callable[[Values], list[object]]:
    """Values with control characters escaped and nothing that begins a formula; their fields stay as they are."""
    places = [at for at, name in enumerate(columns) if name not in _OWN and name != FIELDS]

    def row(values: Values) -> list[object]:
        cells = [*values]
        for at in places:
            cells[at] = _known_cell(cells[at])
        return cells

    return row


def fields_text(fields: Fields) -> str:
    """`order=0 nr_reclaimed=40`, functions by their symbols; what the kernel does not tell is `-`."""
    form, shown_of, addresses = _form(tuple(fields))
    shown = shown_of(fields)
    if None not in shown:
        return form % shown
    values = [*shown]
    for at, name in addresses:
        values[at] = values[at] or fields[name]
    return form % tuple(["-" if value is None else value for value in values])


@lru_cache(256)
def _form(names: tuple[str, ...]) -> tuple[str, Callable[[Fields], tuple[Value, ...]], list[tuple[int, str]]]:
    """A text with places for values; what takes these, a function's symbol for its address; the symbols' places, with
    the fields that have the addresses."""
    symbols = {name: f"{name}{NAME_SUFFIX}" for name in FUNCTION_FIELDS}
    shown = [name for name in names if name not in symbols.values()]
    addresses = [(at, name) for at, name in enumerate(shown) if symbols.get(name) in names]
    taken = [symbols[name] if (at, name) in addresses else name for at, name in enumerate(shown)]
    take = itemgetter(*taken) if len(taken) > 1 else lambda fields: tuple(fields[name] for name in taken)
    return " ".join(f"{name}=%s" for name in shown), take, addresses


def _field_columns(kinds: frozenset[str] | None) -> tuple[str, ...] | None:
    if kinds is None or len(kinds) != 1 or LOST in kinds:
        return None
    names = [name for name, _ in KIND_BY_NAME[next(iter(kinds))].fields]
    each = [(name, f"{name}{NAME_SUFFIX}") if name in FUNCTION_FIELDS else (name,) for name in names]
    return tuple(name for pair in each for name in pair)
