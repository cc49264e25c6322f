"""Rows as JSON values and as cells of CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ..csv_cells import cell
from ..schema import FUNCTION_FIELDS, KIND_BY_NAME
from .clock import Clock
from .rows import LOST, EventRow, Fields, SpanRow
from .values import NAME_SUFFIX

_EVENT_CELLS: Final = ("time_s", "time_ns", "time_utc", "cpu", "tid", "tgid", "comm", "cgroup_id", "cgroup", "kind")
SPAN_CELLS: Final = (
    *("begin_s", "end_s", "begin_ns", "end_ns", "begin_utc", "duration_ns", "id", "parent", "depth", "kind", "tier"),
    *("tid", "tgid", "comm", "cpu", "cgroup_id", "cgroup", "state", "late", "evidence", "fields"),
)
"""Columns of spans."""


def event_json(row: EventRow, clock: Clock) -> dict[str, Any]:
    """One event as docs/schema/events.schema.json has it."""
    fields = dict(row.fields)
    if row.kind == LOST:
        until_ns = fields.pop("until_ns")
        fields = {"until_s": clock.seconds(int(until_ns or 0)), **fields}  # type: ignore[dict-item]
    return {
        "time_s": clock.seconds(row.time_ns),
        "time_ns": row.time_ns,
        "time_utc": clock.utc(row.time_ns),
        "cpu": row.cpu,
        "tid": row.tid,
        "tgid": row.tgid,
        "comm": row.comm,
        "cgroup_id": row.cgroup_id,
        "cgroup": row.cgroup,
        "kind": row.kind,
        "fields": fields,
    }


def span_json(row: SpanRow, clock: Clock, *, is_evidence: bool | None) -> dict[str, Any]:
    """One span as docs/schema/spans.schema.json has it."""
    return {
        "begin_s": None if row.begin_ns is None else clock.seconds(row.begin_ns),
        "end_s": None if row.end_ns is None else clock.seconds(row.end_ns),
        "begin_ns": row.begin_ns,
        "end_ns": row.end_ns,
        "begin_utc": None if row.begin_ns is None else clock.utc(row.begin_ns),
        "duration_ns": row.duration_ns,
        "id": row.id,
        "parent": row.parent,
        "depth": row.depth,
        "kind": row.kind,
        "tier": None if row.tier is None else row.tier.label,
        "tid": row.tid,
        "tgid": row.tgid,
        "comm": row.comm,
        "cpu": row.cpu,
        "cgroup_id": row.cgroup_id,
        "cgroup": row.cgroup,
        "state": row.state.value,
        "late": row.late,
        "evidence": is_evidence,
        "fields": dict(row.fields),
    }


def event_columns(kinds: frozenset[str] | None) -> tuple[str, ...]:
    """Columns of events in CSV: with one kind a column for each of its fields, else one for all."""
    if kinds is None or len(kinds) != 1 or LOST in kinds:
        return (*_EVENT_CELLS, "fields")
    names = [name for name, _ in KIND_BY_NAME[next(iter(kinds))].fields]
    each = [(name, f"{name}{NAME_SUFFIX}") if name in FUNCTION_FIELDS else (name,) for name in names]
    return (*_EVENT_CELLS, *(name for pair in each for name in pair))


def cells(values: dict[str, Any], columns: Sequence[str]) -> list[str]:
    """One row of CSV: unknown is empty, control characters are escaped, no text begins a formula."""
    whole = values if "fields" in columns else {**values["fields"], **values}
    return [_cell(whole.get(name)) for name in columns]


def fields_text(fields: Fields) -> str:
    """`order=0 nr_reclaimed=40`, functions by their symbols; what the kernel does not tell is `-`."""
    symbols = {f"{name}{NAME_SUFFIX}" for name in FUNCTION_FIELDS}
    shown = ((name, fields.get(f"{name}{NAME_SUFFIX}") or value) for name, value in fields.items())
    return " ".join(f"{name}={'-' if value is None else value}" for name, value in shown if name not in symbols)


def _cell(value: object) -> str:
    return cell(fields_text(value) if isinstance(value, dict) else value)
