"""Stalls: how long each task and cgroup waited for memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..analyze.cgroup_rows import CgroupRow
from ..analyze.findings.needs import WAIT_KINDS
from ..analyze.model import Stall
from ..analyze.naming import scope_label
from ..wording.cgroups import cgroup_label, paid
from ..wording.evidence import seen_of
from ..wording.numbers import count, duration, seconds
from .section import Content, Source
from .table import Cell, Column, Table, first, none_seen, number, pages, tier, unknown, word

_TASK_COLUMNS = (
    Column("Task"),
    Column("Thread", True, "Thread id"),
    Column("Tier"),
    Column("Spans", True),
    Column("Waited", True),
    Column("Longest", True),
)
_CGROUP_COLUMNS = (
    Column("Cgroup"),
    Column("Waits", True),
    Column("Waited", True, "All its tasks together"),
    Column("Longest", True),
    Column("File", True, "Page cache that its tasks had to reclaim themselves"),
    Column("Anon", True, "Anonymous pages that its tasks had to reclaim themselves"),
    Column("Kills", True, "Victims of the OOM killer"),
)


@dataclass(frozen=True)
class Stalls:
    """Waits by task, or why there are none, and by cgroup where some paid."""

    tasks: Table | None
    absent: str = ""
    cgroups: Table | None = None


def content(source: Source) -> Content:
    """Who waited."""
    analysis = source.analysis
    seen = seen_of(analysis, source.facts, WAIT_KINDS)
    return Content(stalls(analysis.stalls, analysis.cgroups, source.page_bytes, seen=seen))


def stalls(
    waited: Iterable[Stall], cgroups: Iterable[CgroupRow] | None, page_bytes: int, *, seen: bool = True
) -> Stalls:
    """The longest waits first."""
    by_cgroup = _cgroups(cgroups, page_bytes)
    ordered = sorted(waited, key=lambda stall: -stall.stall_s)
    if not ordered:
        none = "No task had to wait for memory: no allocation got as far as direct reclaim."
        return Stalls(None, none_seen(none, "No task was seen waiting for memory", seen=seen), by_cgroup)
    shown, note = first(ordered, "stall", "longest first")
    return Stalls(
        Table("Stalls", _TASK_COLUMNS, [_task(stall) for stall in shown], sortable=True, note=note), "", by_cgroup
    )


def _task(stall: Stall) -> list[Cell]:
    return [
        word(f"{stall.comm} (the recorder)" if stall.is_recorder else stall.comm, "code"),
        number(str(int(stall.pid)), stall.pid),
        tier(stall.tier, scope_label(stall.tier, stall.scope)),
        number(count(stall.spans), stall.spans),
        number(seconds(stall.stall_s), stall.stall_s),
        number(duration(stall.max_ns), stall.max_ns),
    ]


def _cgroups(cgroups: Iterable[CgroupRow] | None, page_bytes: int) -> Table | None:
    ordered = paid([*(cgroups or ())])
    if not ordered:
        return None
    shown, note = first(ordered, "cgroup", "longest wait first")
    rows = [_cgroup(row, page_bytes) for row in shown]
    return Table("Who paid, by cgroup", _CGROUP_COLUMNS, rows, sortable=True, titled=True, note=note)


def _cgroup(row: CgroupRow, page_bytes: int) -> list[Cell]:
    return [
        word(row.path or cgroup_label(row), "code"),
        number(count(row.spans), row.spans),
        number(seconds(row.stall_s), row.stall_s),
        number(duration(row.max_ns), row.max_ns),
        pages(row.file_pages, page_bytes),
        pages(row.anon_pages, page_bytes),
        unknown() if row.kills is None else number(count(row.kills), row.kills),
    ]
