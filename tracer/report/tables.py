"""The report's tables, each with a sentence for when there is nothing to list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from ..analyze.cgroup_rows import CgroupRow
from ..analyze.model import Analysis, Conflict, Cycle, Finding, ShrinkerStat, Stall, Storm
from ..analyze.naming import scope_label
from ..analyze.terms import Severity
from ..wording.cgroups import cgroup_label, paid
from ..wording.numbers import count, duration, mib, offset, percent, plural, seconds
from .explanations import explained
from .ladder import quality_badge, tier_label
from .markup import Cell, Column, badge, dash, number, sentence, span_of_time, table, unknown, word

_Item = TypeVar("_Item")
MOST_ROWS: Final = 100
"""Rows of one table: a page of this size stays quick, and within its size budget for any recording."""
_WORST: Final = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}


def first(items: Sequence[_Item], noun: str, order: str) -> tuple[Sequence[_Item], str]:
    """At most MOST_ROWS items, and a note that says how many of how many are shown."""
    if len(items) <= MOST_ROWS:
        return items, ""
    return items[:MOST_ROWS], sentence(f"Showing {count(MOST_ROWS)} of {plural(len(items), noun)}, {order}.", "note")


def _none(words: str, unsure: str, *, seen: bool) -> str:
    """What is said where there is nothing to list: that there was nothing only where it would have been seen."""
    rest = ", but this recording can't show whether there was any."
    return sentence(words if seen else f"{unsure}{rest}")


def _times(start_s: float, end_s: float) -> Cell:
    length = f" for {seconds(end_s - start_s)}" if end_s > start_s else ""
    return span_of_time(start_s, end_s, f"{offset(start_s)}{length}")


def findings_table(analysis: Analysis) -> str:
    """Everything flagged, the worst first."""
    if not analysis.findings:
        return sentence("Nothing was flagged.")
    shown, note = first(analysis.findings, "finding", "worst first")
    columns = (Column("Severity"), Column("When", True), Column("What happened"), Column("Kind"), Column("Numbers"))
    return table("Findings", columns, map(_finding, shown), css="prose findings") + note


def _finding(finding: Finding) -> list[Cell]:
    return [
        Cell(badge(finding.severity, f"sev-{finding.severity}"), float(_WORST[finding.severity])),
        _times(finding.start_s, finding.end_s),
        word(finding.text),
        Cell(explained(finding.kind), css="quiet"),
        Cell(quality_badge(finding.quality)),
    ]


def shrinkers_table(stats: Iterable[ShrinkerStat], *, seen: bool = True) -> str:
    """What each shrinker cost and gave."""
    ordered = sorted(stats, key=lambda stat: -stat.busy_s)
    if not ordered:
        return _none("No shrinker ran during the recording.", "No shrinker was seen running", seen=seen)
    shown, note = first(ordered, "shrinker", "busiest first")
    columns = (
        Column("Shrinker"),
        Column("Calls", True),
        Column("Scanned", True, "Objects scanned"),
        Column("Freed", True, "Objects freed"),
        Column("Efficiency", True, "Objects freed, of those scanned"),
        Column("Busy", True, "Time inside the shrinker, all calls"),
        Column("p50", True, "Half of the calls took no longer"),
        Column("p99", True),
        Column("Max", True),
        Column("Scan share", True, "Its share of all objects scanned"),
        Column("Size share", True, "Its share of all objects cached"),
    )
    return table("Shrinkers", columns, map(_shrinker, shown), sortable=True) + note


def _share(share: float | None, css: str) -> Cell:
    if share is None:
        return unknown()
    return Cell(percent(share), share, f"num share {css}", min(max(share, 0.0), 1.0))


def _objects(objects: int | None) -> Cell:
    return unknown() if objects is None else number(count(objects), objects)


def _shrinker(stat: ShrinkerStat) -> list[Cell]:
    return [
        word(stat.name, "code"),
        number(count(stat.calls), stat.calls),
        _objects(stat.scanned),
        _objects(stat.freed_objects),
        unknown() if stat.efficiency is None else number(percent(stat.efficiency), stat.efficiency),
        number(seconds(stat.busy_s), stat.busy_s),
        number(duration(stat.p50_ns), stat.p50_ns),
        number(duration(stat.p99_ns), stat.p99_ns),
        number(duration(stat.max_ns), stat.max_ns),
        _share(stat.scan_share, "scan"),
        _share(stat.size_share, "size"),
    ]


def stalls_table(stalls: Iterable[Stall], *, seen: bool = True) -> str:
    """How long each task waited for memory."""
    ordered = sorted(stalls, key=lambda stall: -stall.stall_s)
    if not ordered:
        none = "No task had to wait for memory: no allocation got as far as direct reclaim."
        return _none(none, "No task was seen waiting for memory", seen=seen)
    shown, note = first(ordered, "stall", "longest first")
    columns = (
        Column("Task"),
        Column("Thread", True, "Thread id"),
        Column("Tier"),
        Column("Spans", True),
        Column("Waited", True),
        Column("Longest", True),
    )
    return table("Stalls", columns, map(_stall, shown), sortable=True) + note


def cgroups_table(cgroups: Iterable[CgroupRow] | None, page_bytes: int) -> str:
    """Who paid, by cgroup; nothing where none is told, or none paid."""
    ordered = paid([*(cgroups or ())])
    if not ordered:
        return ""
    shown, note = first(ordered, "cgroup", "longest wait first")
    columns = (
        Column("Cgroup"),
        Column("Waits", True),
        Column("Waited", True, "All its tasks together"),
        Column("Longest", True),
        Column("File", True, "Page cache that its tasks had to reclaim themselves"),
        Column("Anon", True, "Anonymous pages that its tasks had to reclaim themselves"),
        Column("Kills", True, "Victims of the OOM killer"),
    )
    rows = (_cgroup(row, page_bytes) for row in shown)
    return table("Who paid, by cgroup", columns, rows, sortable=True, titled=True) + note


def _cgroup(row: CgroupRow, page_bytes: int) -> list[Cell]:
    pages = (row.file_pages, row.anon_pages)
    return [
        word(row.path or cgroup_label(row), "code"),
        number(count(row.spans), row.spans),
        number(seconds(row.stall_s), row.stall_s),
        number(duration(row.max_ns), row.max_ns),
        *(unknown() if each is None else number(mib(each, page_bytes), each) for each in pages),
        unknown() if row.kills is None else number(count(row.kills), row.kills),
    ]


def _stall(stall: Stall) -> list[Cell]:
    return [
        word(f"{stall.comm} (the recorder)" if stall.is_recorder else stall.comm, "code"),
        Cell(str(int(stall.pid)), float(stall.pid), "num"),
        Cell(tier_label(stall.tier, scope_label(stall.tier, stall.scope)), float(stall.tier)),
        number(count(stall.spans), stall.spans),
        number(seconds(stall.stall_s), stall.stall_s),
        number(duration(stall.max_ns), stall.max_ns),
    ]


def conflicts_table(conflicts: Sequence[Conflict], page_bytes: int, *, seen: bool = True) -> str:
    """Inflation and reclaim at the same time."""
    if not conflicts:
        none = "No conflict: the balloon never inflated while memory was being reclaimed."
        return _none(none, "No conflict was seen", seen=seen)
    ordered = sorted(conflicts, key=lambda c: -sum(c.overlap_s.values()))
    shown, note = first(ordered, "conflict", "longest overlap first")
    columns = (
        Column("Conflict"),
        Column("When", True),
        Column("Self", True, "Reclaim by the balloon's worker itself"),
        Column("Induced", True, "kswapd, woken by the balloon's worker"),
        Column("Foreign", True, "Reclaim by others"),
        Column("Reclaimed", True),
        Column("Inflated", True),
    )
    rows = ([_id(c.id), _times(c.start_s, c.end_s), *_overlaps(c), *_moved(c, page_bytes)] for c in shown)
    return table("Conflicts", columns, rows, sortable=True) + note


def _id(item: int) -> Cell:
    return Cell(f"{int(item)}", float(item))


def _overlaps(conflict: Conflict) -> list[Cell]:
    lengths = [conflict.overlap_s.get(who, 0.0) for who in ("self", "induced", "foreign")]
    return [number(seconds(length), length) for length in lengths]


def _moved(conflict: Conflict, page_bytes: int) -> list[Cell]:
    moved = (conflict.reclaimed_pages, conflict.inflated_pages)
    return [unknown() if pages is None else number(mib(pages, page_bytes), pages) for pages in moved]


def storms_table(storms: Sequence[Storm], page_bytes: int) -> str:
    """Three and more cycles in a row; nothing where there was none."""
    if not storms:
        return ""
    ordered = sorted(storms, key=lambda s: -s.wasted_pages)
    shown, note = first(ordered, "storm", "most moved for nothing first")
    columns = (
        Column("Storm"),
        Column("When", True),
        Column("Class"),
        Column("Cycles", True),
        Column("Moved for nothing", True),
    )
    rows = (
        [
            _id(s.id),
            _times(s.start_s, s.end_s),
            word(s.cycle_class),
            number(count(s.cycles), s.cycles),
            number(mib(s.wasted_pages, page_bytes), s.wasted_pages),
        ]
        for s in shown
    )
    return table("Storms", columns, rows, sortable=True, titled=True) + note


def cycles_table(cycles: Sequence[Cycle], page_bytes: int, *, seen: bool = True) -> str:
    """Pages that left the balloon and came back."""
    if not cycles:
        none = "No cycle: no page that left the balloon came back within the horizon."
        return _none(none, "No cycle was seen", seen=seen)
    shown, note = first(sorted(cycles, key=lambda c: -c.wasted_pages), "cycle", "most moved for nothing first")
    columns = (
        Column("Cycle"),
        Column("When", True),
        Column("Class"),
        Column("Leaked", True),
        Column("Reinflated", True),
        Column("Moved for nothing", True, "Twice the smaller side"),
        Column("Worker time", True),
        Column("Storm", True),
    )
    return table("Cycles", columns, (_cycle(c, page_bytes) for c in shown), sortable=True, titled=True) + note


def _cycle(cycle: Cycle, page_bytes: int) -> list[Cell]:
    pages = (cycle.leaked_pages, cycle.reinflated_pages, cycle.wasted_pages)
    return [
        _id(cycle.id),
        _times(cycle.start_s, cycle.end_s),
        word(cycle.cycle_class),
        *(number(mib(moved, page_bytes), moved) for moved in pages),
        number(seconds(cycle.worker_s), cycle.worker_s),
        dash() if cycle.storm is None else number(str(cycle.storm), cycle.storm),
    ]
