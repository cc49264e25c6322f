"""Runs of the balloon's worker that take long: the host does not answer, or memory can't be had."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ...schema import KIND_BY_NAME, KIND_BY_NUMBER
from ..stream.grouping import stable_order
from ..stream.intervals import merge
from ..stream.stretch import Stretch
from ..terms import Tier
from .columns import I64
from .runs import Run, Runs

STUCK_NS: Final = 2_000_000_000
"""A run moves 256 pages or sleeps 200 ms for lack of memory; one that takes ten times as long waits for somebody."""
_TELL_HOST: Final = KIND_BY_NAME["tell_host"].number
_WORK_ENDS: Final = [KIND_BY_NAME[name].number for name in ("balloon_work_end", "update_balloon_size_end")]
UNSEEN: Final = -1
"""Id of a run whose begin was not seen."""


@dataclass(frozen=True)
class StuckRun:
    """A long run, and what its thread did in it.

    `until_ns` is its end, or the recording's where it `is_open`; `last_kind` is the kind of the thread's last event
    before. `host_ns` is the time from each tell_host to the thread's next event, `reclaim_ns` that in direct reclaim
    and compaction. One whose id is UNSEEN began before the recording, from whose start it is counted.
    """

    run: Run
    until_ns: int
    last_kind: int
    last_ns: int
    host_ns: int = 0
    reclaim_ns: int = 0
    is_open: bool = True

    def is_mostly(self, part_ns: int) -> bool:
        """Whether that was half of the run and more."""
        return self.run.id != UNSEEN and 2 * part_ns >= self.until_ns - self.run.begin_ns

    @property
    def last_name(self) -> str:
        """The last event's kind by name, empty without one."""
        kind = KIND_BY_NUMBER.get(self.last_kind)
        return kind.name if kind else ""


class _Threads:
    """What some threads did in a stretch, by thread: sorted once, so that many of them take no longer than one."""

    def __init__(self, stretch: Stretch, threads: I64, left_out: list[int]) -> None:
        """`left_out` are kinds of events that are not looked at."""
        header, spans = stretch.batch.header, stretch.spans
        rows = np.flatnonzero(np.isin(header["tid"], threads) & ~np.isin(header["kind"], left_out))
        tid = header["tid"][rows].astype(np.int64)
        order = stable_order(tid)
        self._tid, self._time_ns = tid[order], stretch.time_ns[rows[order]]
        self._kind = header["kind"][rows[order]].astype(np.int64)
        waiting = spans.is_root & (spans.tier >= Tier.DIRECT) & (spans.tier <= Tier.RETRY) & np.isin(spans.tid, threads)
        order = stable_order(spans.tid[waiting])
        begin_ns, end_ns = stretch.clipped(waiting)
        self._waiting, self._begin_ns, self._end_ns = spans.tid[waiting][order], begin_ns[order], end_ns[order]

    def events(self, run: Run, after_ns: int) -> tuple[I64, I64]:
        """Times and kinds of the events of a run's thread that came after a time and before its end."""
        own = slice(*np.searchsorted(self._tid, (run.tid, run.tid + 1)))
        time_ns, kind = self._time_ns[own], self._kind[own]
        inside = slice(*np.searchsorted(time_ns, (after_ns, run.end_ns), side="right"))
        return time_ns[inside], kind[inside]

    def reclaim_ns(self, run: Run) -> int:
        """Time in direct reclaim and compaction of a run's thread, of this run and in this stretch."""
        own = slice(*np.searchsorted(self._waiting, (run.tid, run.tid + 1)))
        begin_ns, end_ns = np.maximum(self._begin_ns[own], run.begin_ns), np.minimum(self._end_ns[own], run.end_ns)
        starts, ends = merge(begin_ns[begin_ns < end_ns], end_ns[begin_ns < end_ns])
        return int((ends - starts).sum())


class StuckRuns:
    """Follows the runs under way, and keeps those that took long."""

    def __init__(self, made_up: frozenset[str], start_ns: int) -> None:
        """`made_up` are kinds of ends that the source does not have; the recording starts at `start_ns`."""
        self._start_ns = start_ns
        self._made_up = [KIND_BY_NAME[name].number for name in made_up if name in KIND_BY_NAME]
        self._open: dict[int, StuckRun] = {}
        self._any_seen = self._is_over = False
        self.found: list[StuckRun] = []
        self.never_returned = np.empty(0, np.int64)
        """Ids of those that were open at the end."""
        self.for_host = np.empty(0, np.int64)
        """Ids of those that mostly waited for the host, and not for memory."""

    def advance(self, stretch: Stretch, ended: Runs, under_way: Runs) -> None:
        """Take the runs that ended in a stretch, and those that are open at its end."""
        if self._is_over:
            return
        self._began_unseen(stretch, ended, under_way)
        spans = stretch.spans
        long = ended.long(STUCK_NS)
        long = long.take(~long.among(spans.id[spans.broken])) if len(long) else long
        if not len(long) and not len(under_way):
            self._open = {}
            return
        seen = _Threads(stretch, np.concatenate((long.tid, under_way.tid)), [*self._made_up, *_WORK_ENDS])
        ended_late = [_waited(self._progress(seen, run), run.end_ns) for run in long.each()]
        self._keep([replace(run, is_open=False) for run in ended_late])
        self._open = {run.id: self._progress(seen, run) for run in under_way.each()}

    def end(self, end_ns: int) -> None:
        """The recording ends: those that are open for long are stuck."""
        self._is_over = True
        still = [each for each in self._open.values() if end_ns - each.run.begin_ns >= STUCK_NS]
        self._keep([_waited(each, end_ns) for each in still])
        self.never_returned = np.asarray([each.run.id for each in still], np.int64)

    def _keep(self, runs: list[StuckRun]) -> None:
        self.found += runs
        for_host = np.asarray([each.run.id for each in runs if each.is_mostly(each.host_ns)], np.int64)
        self.for_host = np.concatenate((self.for_host, for_host))

    def _progress(self, seen: _Threads, run: Run) -> StuckRun:
        """What a run did up to its end, or to the stretch's."""
        before = self._open.get(run.id, StuckRun(run, run.begin_ns, -1, run.begin_ns))
        time_ns, kind = seen.events(run, before.last_ns)
        times_ns = np.concatenate(([before.last_ns], time_ns))
        kinds = np.concatenate(([before.last_kind], kind))
        return StuckRun(
            run=run,
            until_ns=run.end_ns,
            last_kind=int(kinds[-1]),
            last_ns=int(times_ns[-1]),
            host_ns=before.host_ns + int(np.diff(times_ns)[kinds[:-1] == _TELL_HOST].sum()),
            reclaim_ns=before.reclaim_ns + seen.reclaim_ns(run),
        )

    def _began_unseen(self, stretch: Stretch, ended: Runs, under_way: Runs) -> None:
        """An end without a begin that is the first thing seen of the worker: that run began before the recording."""
        if self._any_seen:
            return
        begin_ns = np.concatenate((ended.begin_ns, under_way.begin_ns))
        kinds = stretch.batch.header["kind"][stretch.orphans]
        first = np.sort(stretch.orphans[np.isin(kinds, _WORK_ENDS)])[:1]
        self._any_seen = bool(len(begin_ns) or len(first))
        end_ns = int(stretch.time_ns[first[0]]) if len(first) else self._start_ns
        if end_ns - self._start_ns >= STUCK_NS and not (begin_ns < end_ns).any():
            run = Run(UNSEEN, self._start_ns, end_ns)
            self.found.append(StuckRun(run, end_ns, -1, end_ns, is_open=False))


def _waited(run: StuckRun, until_ns: int) -> StuckRun:
    """The same up to a time until which its thread was not seen again."""
    waited_ns = max(until_ns - run.last_ns, 0) if run.last_kind == _TELL_HOST else 0
    return replace(run, until_ns=until_ns, host_ns=run.host_ns + waited_ns)
