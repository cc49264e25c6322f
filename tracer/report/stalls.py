"""Stalls: how long tasks waited for memory, by tier, task and cgroup, and how their waits are distributed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ..analyze.cgroup_rows import CgroupRow
from ..analyze.findings.needs import WAIT_KINDS
from ..analyze.model import Stall
from ..analyze.naming import scope_label
from ..analyze.terms import Scope, Tier
from ..analyze.wait_lengths import WaitLengths, added, quantile_bounds_ns
from ..wording.cgroups import cgroup_label, paid
from ..wording.evidence import seen_of
from ..wording.numbers import count, duration, plural, seconds
from .cards import waited_s
from .palette import tier_color
from .section import Content, Source
from .table import Cell, Column, Table, first, none_seen, number, pages, tier, unknown, word

_WAIT_COLUMNS: Final = (
    Column("Waits", True, "How often"),
    Column("Waited", True, "In all"),
    Column("Half within", True, "Half of the waits took no longer than this: less than the power of two above"),
    Column("99 % within", True, "99 in 100 waits took no longer than this: less than the power of two above"),
    Column("Longest", True),
)
_TASK_COLUMNS: Final = (
    Column("Task"),
    Column("Thread", True, "Thread id"),
    Column("Tier", term="direct"),
    *_WAIT_COLUMNS,
)
_CGROUP_COLUMNS: Final = (
    Column("Cgroup"),
    *_WAIT_COLUMNS,
    Column("File", True, "Page cache that its tasks had to reclaim themselves"),
    Column("Anon", True, "Anonymous pages that its tasks had to reclaim themselves"),
    Column("Kills", True, "Victims of the OOM killer"),
)


@dataclass(frozen=True)
class Bar:
    """Waits of one length: how many, as a share of the most, and what is said of them."""

    share: float
    waits: int
    words: str


@dataclass(frozen=True)
class Distribution:
    """Waits of one tier by their length, from the shortest, without a gap; `within` are the bounds of quantiles."""

    label: str
    color: str
    waits: str
    within: str
    bars: Sequence[Bar]
    first: str
    last: str


@dataclass(frozen=True)
class Stalls:
    """Waits by task, or why there are none; how they are distributed; by cgroup where some paid."""

    tasks: Table | None
    absent: str = ""
    distributions: Sequence[Distribution] = ()
    cgroups: Table | None = None


def content(source: Source) -> Content:
    """Who waited."""
    analysis = source.analysis
    seen = seen_of(analysis, source.facts, WAIT_KINDS)
    shown = stalls(analysis.stalls, analysis.cgroups, source.page_bytes, seen=seen)
    tasks = len({stall.pid for stall in analysis.stalls})
    waited = f"{plural(tasks, 'task')} waited {seconds(waited_s(analysis.stalls))} for memory"
    return Content(shown, gist=waited if tasks else shown.absent)


def stalls(
    waited: Iterable[Stall], cgroups: Iterable[CgroupRow] | None, page_bytes: int, *, seen: bool = True
) -> Stalls:
    """The longest waits first."""
    ordered = sorted(waited, key=lambda stall: -stall.stall_s)
    by_cgroup = _cgroups(cgroups, ordered, page_bytes)
    if not ordered:
        none = "No task had to wait for memory: no allocation got as far as direct reclaim."
        return Stalls(None, none_seen(none, "No task was seen waiting for memory", seen=seen), (), by_cgroup)
    shown, note = first(ordered, "stall", "longest first")
    tasks = Table("Stalls", _TASK_COLUMNS, [_task(stall) for stall in shown], sortable=True, note=note)
    return Stalls(tasks, "", distributions(ordered), by_cgroup)


def distributions(waited: Iterable[Stall]) -> list[Distribution]:
    """How waits of each tier and scope are distributed, the lowest tier first."""
    by_rung: dict[tuple[Tier, Scope | None], list[Stall]] = defaultdict(list)
    for stall in waited:
        by_rung[stall.tier, stall.scope].append(stall)
    rungs = sorted(by_rung.items(), key=lambda item: (item[0][0], str(item[0][1])))
    made = [_distribution(tier, scope, of_rung) for (tier, scope), of_rung in rungs]
    return [each for each in made if each.bars]


def _distribution(tier: Tier, scope: Scope | None, waited: Sequence[Stall]) -> Distribution:
    lengths = added(stall.lengths for stall in waited)
    bars = _bars(lengths)
    longest = max(stall.max_ns for stall in waited)
    within = [f"{words} within {bound}" for words, share in _SHARES if (bound := _within(lengths, share, longest))]
    return Distribution(
        f"{int(tier)} {scope_label(tier, scope)}",
        tier_color(tier),
        plural(sum(lengths.values()), "wait"),
        f"{', '.join(within)}, longest {duration(longest)}",
        bars,
        duration(min(lengths) // 2) if lengths else "",
        duration(max(lengths)) if lengths else "",
    )


_SHARES: Final = (("half", 0.5), ("90 %", 0.9), ("99 %", 0.99))


def _bars(lengths: WaitLengths) -> list[Bar]:
    if not lengths:
        return []
    most, below_ns, bars = max(lengths.values()), min(lengths), []
    while below_ns <= max(lengths):
        waits = lengths.get(below_ns, 0)
        words = f"{plural(waits, 'wait')} of {duration(below_ns // 2)} to {duration(below_ns)}"
        bars.append(Bar(waits / most, waits, words))
        below_ns *= 2
    return bars


def _within(lengths: WaitLengths, share: float, max_ns: int) -> str:
    bounds = quantile_bounds_ns(lengths, share, max_ns)
    return "" if bounds is None else duration(bounds[1])


def _waits(spans: int, stall_s: float, lengths: WaitLengths, max_ns: int) -> list[Cell]:
    bounds = [quantile_bounds_ns(lengths, share, max_ns) for share in (0.5, 0.99)]
    return [
        number(count(spans), spans),
        number(seconds(stall_s), stall_s),
        *(unknown() if each is None else number(f"≤ {duration(each[1])}", each[1]) for each in bounds),
        number(duration(max_ns), max_ns),
    ]


def _task(stall: Stall) -> list[Cell]:
    return [
        word(f"{stall.comm} (the recorder)" if stall.is_recorder else stall.comm, "code"),
        number(str(int(stall.pid)), stall.pid),
        tier(stall.tier, scope_label(stall.tier, stall.scope)),
        *_waits(stall.spans, stall.stall_s, stall.lengths, stall.max_ns),
    ]


def _cgroups(cgroups: Iterable[CgroupRow] | None, waited: Sequence[Stall], page_bytes: int) -> Table | None:
    ordered = paid([*(cgroups or ())])
    if not ordered:
        return None
    lengths = {
        row.id: added(stall.lengths for stall in waited if stall.cgroup_id == row.id and stall.tier is not Tier.RETRY)
        for row in ordered
    }
    shown, note = first(ordered, "cgroup", "longest wait first")
    rows = [_cgroup(row, lengths[row.id], page_bytes) for row in shown]
    return Table("Who paid, by cgroup", _CGROUP_COLUMNS, rows, sortable=True, titled=True, note=note)


def _cgroup(row: CgroupRow, lengths: WaitLengths, page_bytes: int) -> list[Cell]:
    return [
        word(row.path or cgroup_label(row), "code"),
        *_waits(row.spans, row.stall_s, lengths, row.max_ns),
        pages(row.file_pages, page_bytes),
        pages(row.anon_pages, page_bytes),
        unknown() if row.kills is None else number(count(row.kills), row.kills),
    ]
