"""One recording's results as the tables that a fleet keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..analyze.model import Analysis
from ..gates.conditions import MEASURES
from ..gates.judging import missing_parts, undecided_why
from ..gates.measures import number_of
from ..metadata import Metadata
from ..recording_facts import RecordingFacts
from ..tables.library import library
from ..tables.origin import recording_id
from ..tables.registry import RESULT_TABLES
from ..tables.results import result_rows
from ..tables.table import Table
from ..wording.evidence import unseen_part
from ..wording.numbers import listing
from ..wording.verdict import verdict
from .minutes import minute_rows
from .tables import KEPT, MINUTES, NUMBERS, RECORDINGS

if TYPE_CHECKING:
    import pyarrow as pa

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """What a recording came to; `metadata` is that of the whole recording."""

    analysis: Analysis
    facts: RecordingFacts
    metadata: Metadata


def tables_of(result: Result, key: str) -> dict[str, pa.RecordBatch]:
    """Every table of KEPT by its name, each with the recording's id. Raises TracerError without pyarrow."""
    library("pyarrow")
    from ..tables.arrow import batch_of

    known = recording_id(result.metadata)
    own: Mapping[str, Callable[[], list[Row]]] = {
        RECORDINGS.name: lambda: [_recording(result, key)],
        NUMBERS.name: lambda: _numbers(result),
        MINUTES.name: lambda: minute_rows(result.analysis, result.facts),
    }
    made: dict[str, pa.RecordBatch] = {}
    for table in KEPT:
        rows = own[table.name]() if table.name in own else _known_rows(table, result)
        made[table.name] = batch_of(table, rows, known)
    return made


def unread_table(key: str, why: str) -> dict[str, pa.RecordBatch]:
    """What is kept of a recording that can't be read, so that it is not tried again until it changes."""
    library("pyarrow")
    from ..tables.arrow import batch_of

    row = dict.fromkeys(RECORDINGS.dtypes) | {"key": key, "unread": why}
    return {RECORDINGS.name: batch_of(RECORDINGS, [row], "")}


_RESULTS: Final = frozenset(table.name for table in RESULT_TABLES)


def _known_rows(table: Table, result: Result) -> list[Row]:
    assert table.name in _RESULTS, table.name
    return [*result_rows(table, result.analysis, result.facts)]


def _recording(result: Result, key: str) -> Row:
    analysis, facts, told = result.analysis, result.facts, result.metadata
    judged = verdict(analysis, facts)
    balloon = told.balloon
    return {
        "key": key,
        "unread": None,
        "host": told.host or None,
        "boot_id": told.boot_id or None,
        "kernel_release": told.kernel_release or None,
        "machine": told.machine or None,
        "page_size_bytes": told.page_size_bytes,
        "cpus": told.cpus,
        "memory_total_bytes": told.memory_total_bytes or None,
        "lru_gen_enabled": told.lru_gen_enabled,
        "balloon_driver": balloon.driver,
        "balloon_features": list(balloon.features),
        "balloon_reclaim_path": balloon.reclaim_path,
        "start_utc_ns": told.start_utc_ns or None,
        "duration_s": analysis.duration_s,
        "events": analysis.accounting.events,
        "lost_events": facts.lost_total,
        "missing_parts": missing_parts(facts),
        "unseen": listing(unseen_part(facts)) or None,
        "undecided": undecided_why(analysis, facts) or None,
        "verdict_level": judged.level,
        "verdict_kind": judged.kind,
        "verdict": judged.sentence,
        "labels": [f"{name}={value}" for name, value in sorted(told.labels.items())],
    }


def _numbers(result: Result) -> list[Row]:
    rows: list[Row] = []
    for name, measure in MEASURES.items():
        number = number_of(name, result.analysis, result.facts)
        told = {"value": number.value, "quality": number.quality.value, "why": number.why or None}
        rows.append({"name": name, "unit": measure.unit.value, **told})
    return rows
