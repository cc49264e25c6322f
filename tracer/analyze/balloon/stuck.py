"""Runs of the balloon's worker that take long: the host does not answer, or memory can't be had."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ...schema import KIND_BY_NAME, KIND_BY_NUMBER
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
        self._keep([replace(_waited(self._progress(stretch, run), run.end_ns), is_open=False) for run in long.each()])
        self._open = {run.id: self._progress(stretch, run) for run in under_way.each()}

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

    def _progress(self, stretch: Stretch, run: Run) -> StuckRun:
        """What a run did up to its end, or to the stretch's."""
        before = self._open.get(run.id, StuckRun(run, run.begin_ns, -1, run.begin_ns))
        row = self._events(stretch, run, before.last_ns)
        times_ns = np.concatenate(([before.last_ns], stretch.time_ns[row]))
        kinds = np.concatenate(([before.last_kind], stretch.batch.header["kind"][row].astype(np.int64)))
        host_ns = int(np.diff(times_ns)[kinds[:-1] == _TELL_HOST].sum())
        return StuckRun(
            run=run,
            until_ns=run.end_ns,
            last_kind=int(kinds[-1]),
            last_ns=int(times_ns[-1]),
            host_ns=before.host_ns + host_ns,
            reclaim_ns=before.reclaim_ns + _reclaim_ns(stretch, run),
        )

    def _events(self, stretch: Stretch, run: Run, after_ns: int) -> I64:
        """Where the events of a run's thread are that came after a time and before its end."""
        header = stretch.batch.header
        row = np.flatnonzero(header["tid"] == run.tid)
        time_ns = stretch.time_ns[row]
        inside = (time_ns > after_ns) & (time_ns <= run.end_ns)
        return row[inside & ~np.isin(header["kind"][row], [*self._made_up, *_WORK_ENDS])]

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


def _reclaim_ns(stretch: Stretch, run: Run) -> int:
    """Time in direct reclaim and compaction of a run's thread, of this run and in this stretch."""
    spans = stretch.spans
    chosen = (spans.tid == run.tid) & (spans.tier >= Tier.DIRECT) & (spans.tier <= Tier.RETRY) & spans.is_root
    begin_ns, end_ns = stretch.clipped(chosen)
    begin_ns, end_ns = np.maximum(begin_ns, run.begin_ns), np.minimum(end_ns, run.end_ns)
    starts, ends = merge(begin_ns[begin_ns < end_ns], end_ns[begin_ns < end_ns], 0)
    return int((ends - starts).sum())
