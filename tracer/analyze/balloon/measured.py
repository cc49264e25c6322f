"""Balloon steps from events: every one with its pages, its thread and what it was nested in."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from ...metadata import Metadata
from ...schema import BALLOON_PAGE_BYTES, DEFLATE, INFLATE, KIND_BY_NAME, SpanKind
from ..stream.attribution import (
    BALLOON_BIT,
    COMPACTION_BIT,
    DRIVER_BITS,
    LEAK_BIT,
    NO_TIER,
    NOTIFIER_BIT,
    RUNG_OF_SCOPE,
    SLAB_BIT,
)
from ..stream.grouping import last_of_chains
from ..stream.lane import SPAN_CODE
from ..stream.spans import Spans
from ..stream.stretch import Stretch
from ..terms import Cause, Quality, Scope, Tier
from .columns import I64
from .runs import Runs
from .step_columns import CAUSES, QUALITIES, StepColumns, puff_steps
from .steps import PUFF_NS, RUN_PAGES, Step

_KSWAPD: Final = b"kswapd"
_KWORKER: Final = b"kworker"
_NOTIFIER_ENDS: Final = frozenset({"oom_notify_end", "oom_notifier_end"})
"""Where neither is traced, pages that an OOM takes out belong to no run that is seen."""
_IN_RUN: Final = BALLOON_BIT | NOTIFIER_BIT | SLAB_BIT
_LEAK: Final = SPAN_CODE[SpanKind.LEAK_BALLOON]
_FILL: Final = SPAN_CODE[SpanKind.FILL_BALLOON]
_NOTIFIER_RUN: Final = SPAN_CODE[SpanKind.OOM_NOTIFIER]

_BY_HOST, _BY_SHRINKER, _BY_NOTIFIER = map(CAUSES.index, (Cause.HOST, Cause.SHRINKER, Cause.OOM_NOTIFIER))
_BY_COMPACTION: Final = CAUSES.index(Cause.COMPACTION)
_INFERRED, _MEASURED = map(QUALITIES.index, (Quality.INFERRED, Quality.MEASURED))


@dataclass(frozen=True)
class PageSources:
    """Which events count the pages of this recording; where none does, counters have to, if there are any."""

    fill: bool = False
    leak: bool = False
    tell: bool = False
    tell_has_pages: bool = False
    fill_returns: bool = False
    leak_returns: bool = False
    run_pages: bool = False
    run_leaks: bool = False
    counters: bool = False

    @classmethod
    def of(cls, metadata: Metadata) -> Self:
        """By the recording's plan."""
        used = metadata.kinds_traced

        def has(kind: str, field: str) -> bool:
            return kind in used and metadata.tells(kind, field)

        tell_has_pages = has("tell_host", "num_pfns")
        notifier_seen = bool(used & _NOTIFIER_ENDS) or metadata.balloon.reclaim_path != "oom_notifier"
        run_pages = "balloon_run_pages" in used
        fill, leak = has("fill_balloon_end", "filled"), has("leak_balloon_end", "freed")
        return cls(
            fill=fill or (has("fill_balloon_begin", "num") and not tell_has_pages),
            leak=leak or (has("leak_balloon_begin", "num") and not tell_has_pages),
            tell="tell_host" in used,
            tell_has_pages=tell_has_pages,
            fill_returns=fill,
            leak_returns=leak,
            run_pages=run_pages,
            run_leaks=run_pages and notifier_seen,
            counters="balloon_pages" in used,
        )

    @property
    def runs(self) -> bool:
        """Whether nothing counts inflated pages, so that a run that leaked nothing has to stand for a full one."""
        return self.leaks and not (self.fill or self.tell or self.run_pages or self.counters)

    @property
    def inflations(self) -> bool:
        """Whether events count inflated pages, or runs of them where there are no counters."""
        return self.fill or self.run_pages or self.runs or (self.tell and (self.tell_has_pages or not self.counters))

    @property
    def leaks(self) -> bool:
        """Whether events count leaked pages."""
        return self.leak or self.run_leaks or (self.tell and (self.tell_has_pages or not self.counters))

    @property
    def exact(self) -> bool:
        """Whether all pages are measured."""
        leaks = self.run_leaks or self.leak_returns or self.tell_has_pages
        return leaks and (self.run_pages or self.fill_returns or self.tell_has_pages)


class MeasuredSteps:
    """Reads steps off `leak_balloon`, `fill_balloon` and `tell_host`, or off what was counted in each run."""

    def __init__(self, sources: PageSources, page_size_bytes: int, reclaim_path: str) -> None:
        self._path = reclaim_path
        self._sources = sources
        self._balloon_pages = max(page_size_bytes // BALLOON_PAGE_BYTES, 1)
        self._moved = self._reclaiming = np.empty(0, np.int64)
        """Ids of runs under way that moved pages, and of those that reclaimed."""
        self._status: tuple[int, int] | None = None
        self._half_migrated = 0
        """Pages that compaction has told in and not out again."""
        self.migrated_pages = 0

    @property
    def status_seen(self) -> bool:
        """Whether Hyper-V's driver told how many pages it has."""
        return self._status is not None

    def advance(self, stretch: Stretch, works: Runs, under_way: Runs) -> StepColumns:
        """Steps of the next stretch, in time order; `works` are the runs that ended in it, `under_way` those open."""
        parts = [self._statuses(stretch)]
        if len(stretch.orphans):
            parts.append(self._ended_unseen(stretch))
        if self._sources.run_pages:
            parts += self._run_pages(stretch)
        if self._sources.leak:
            parts.append(self._calls(stretch, _LEAK, "leak_balloon_begin", "leak_balloon_end", "freed"))
        if self._sources.fill and not self._sources.run_pages:
            parts.append(self._calls(stretch, _FILL, "fill_balloon_begin", "fill_balloon_end", "filled"))
        if self._sources.tell:
            parts += self._tells(stretch)
        if self._sources.inflations:
            parts += self._moving(parts, works, under_way)
        else:
            parts.append(self._reclaimers(stretch, works, under_way))
        steps = StepColumns.concat(parts)
        return steps.take(np.lexsort((steps.begin_ns, steps.end_ns)))

    def _moving(self, parts: list[StepColumns], works: Runs, under_way: Runs) -> list[StepColumns]:
        """Steps of runs that no other step is of."""
        moved = np.concatenate((self._moved, *(part.span for part in parts)))
        self._moved = under_way.id[under_way.among(moved)]
        steps = [puff_steps(works, moved)]
        if self._sources.runs:
            steps.append(self._runs(works, moved))
        return steps

    def _reclaimers(self, stretch: Stretch, works: Runs, under_way: Runs) -> StepColumns:
        """Runs that reclaimed: only an inflation allocates, so they inflated, by pages that no event counts."""
        spans = stretch.spans
        inside = (spans.kinds_above & BALLOON_BIT != 0) & (spans.tier == Tier.DIRECT) & spans.is_root
        reclaiming = np.concatenate((self._reclaiming, spans.id[_work_of(spans, np.flatnonzero(inside))]))
        self._reclaiming = under_way.id[under_way.among(reclaiming)]
        return StepColumns.inflating(works.take(works.among(reclaiming)), 0)

    def _calls(self, stretch: Stretch, code: int, begin_kind: str, end_kind: str, argument: str) -> StepColumns:
        """Steps of calls of one function; a call whose return was missed is taken to have moved what it was asked."""
        spans = stretch.spans
        rows = np.flatnonzero((spans.code == code) & spans.closed)
        if self._sources.run_leaks:
            # What leaks inside a run was counted there.
            rows = rows[spans.kinds_above[rows] & _IN_RUN == 0]
        told = self._sources.leak_returns if code == _LEAK else self._sources.fill_returns
        returned = (spans.end_at[rows] >= 0) & told
        pages = np.minimum(stretch.args.at(spans.begin_at[rows], begin_kind, "num"), RUN_PAGES)
        pages[returned] = stretch.args.at(spans.end_at[rows[returned]], end_kind, argument)
        pages = pages // self._balloon_pages * (-1 if code == _LEAK else 1)
        moved = pages != 0
        return _steps(stretch, rows[moved], pages[moved], returned[moved])

    def _run_pages(self, stretch: Stretch) -> list[StepColumns]:
        """Steps of the pages that runs report at their end; OOM callbacks of which only the chain tells among them."""
        at, args = stretch.args.all("balloon_run_pages")
        spans = stretch.spans
        inflated, deflated = args["inflated_pages"].astype(np.int64), args["deflated_pages"].astype(np.int64)
        pages = np.column_stack((inflated, -deflated * self._sources.run_leaks)).ravel()
        row, time_ns = (np.repeat(column, 2) for column in (stretch.enclosing[at], stretch.time_ns[at]))
        seen, unseen = (pages != 0) & (row >= 0), (pages != 0) & (row < 0)
        measured = np.ones(len(pages), np.bool_)
        steps = [_steps(stretch, row[seen], pages[seen], measured[seen], time_ns[seen])]
        comm = np.repeat(stretch.batch.header["comm"][at].astype(np.bytes_, copy=False), 2)[unseen].tolist()
        begun_unseen = map(_of_unseen_run, time_ns[unseen].tolist(), pages[unseen].tolist(), comm, repeat(self._path))
        steps.append(StepColumns.of_steps(list(begun_unseen)))
        if not self._sources.run_leaks:
            return steps
        ended = np.flatnonzero((spans.code == _NOTIFIER_RUN) & spans.closed & (spans.end_at >= 0))
        freed = stretch.args.at(spans.end_at[ended], "oom_notifier_end", "deflated_pages")
        ended, freed = ended[freed != 0], freed[freed != 0]
        return [*steps, _steps(stretch, ended, -freed, np.ones(len(ended), np.bool_))]

    def _ended_unseen(self, stretch: Stretch) -> StepColumns:
        """Pages that a leak gave whose begin was not seen, as its end tells."""
        steps: list[Step] = []
        leaks, runs = self._sources.leak_returns and not self._sources.run_leaks, self._sources.run_leaks
        for kind, field, told in (("leak_balloon_end", "freed", leaks), ("oom_notifier_end", "deflated_pages", runs)):
            of_kind = stretch.batch.header["kind"][stretch.orphans] == KIND_BY_NAME[kind].number
            rows = np.sort(stretch.orphans[of_kind & told])
            pages = stretch.args.at(rows, kind, field) // (self._balloon_pages if field == "freed" else 1)
            comm = stretch.batch.header["comm"][rows].astype(np.bytes_, copy=False)
            columns = zip(stretch.time_ns[rows].tolist(), (-pages).tolist(), comm.tolist(), strict=True)
            steps += [_of_unseen_run(*row, self._path) for row in columns if row[1]]
        return StepColumns.of_steps(steps)

    def _statuses(self, stretch: Stretch) -> StepColumns:
        """Hyper-V's driver tells now and then how many pages it has: what changed in between, at the host's wish."""
        at, args = stretch.args.all("balloon_status")
        steps: list[Step] = []
        for now_ns, pages in zip(stretch.time_ns[at].tolist(), args["pages_ballooned"].tolist(), strict=True):
            before_ns, before = self._status or (now_ns, pages)
            if pages != before:
                cause = Cause.HOST if pages < before else None
                steps.append(Step(before_ns, now_ns, pages - before, cause, None))
            self._status = (now_ns, pages)
        return StepColumns.of_steps(steps)

    def _runs(self, works: Runs, moved: I64) -> StepColumns:
        """Runs that leaked nothing and never slept for lack of memory: taken to have inflated all they can."""
        full = (works.end_ns - works.begin_ns < PUFF_NS) & ~works.among(moved)
        return StepColumns.inflating(works.take(full), RUN_PAGES // self._balloon_pages)

    def _tells(self, stretch: Stretch) -> list[StepColumns]:
        at, args = stretch.args.all("tell_host")
        span = stretch.enclosing[at]
        above = (
            np.where(span >= 0, stretch.spans.kinds_above[span], 0) if len(stretch.spans) else np.zeros(len(at), int)
        )
        direction = args["direction"].astype(np.int64)
        leaking = above & (LEAK_BIT | NOTIFIER_BIT | SLAB_BIT) != 0
        direction = np.where(direction >= INFLATE, direction, np.where(leaking, DEFLATE, INFLATE))
        pages = args["num_pfns"].astype(np.int64) if self._sources.tell_has_pages else np.full(len(at), RUN_PAGES)
        pages = pages // self._balloon_pages
        driver = (above & (BALLOON_BIT | LEAK_BIT | NOTIFIER_BIT | SLAB_BIT) != 0) & (above & COMPACTION_BIT == 0)
        if self._sources.tell_has_pages:
            self.migrated_pages += int(pages[~driver & (direction == INFLATE)].sum())
        wanted = np.zeros(len(at), np.bool_)
        if self._sources.inflations and not (self._sources.fill or self._sources.run_pages):
            wanted |= driver & (direction == INFLATE)
        if self._sources.leaks and not (self._sources.leak or self._sources.run_leaks):
            wanted |= driver & (direction == DEFLATE)
        wanted &= pages != 0
        signed = np.where(direction == INFLATE, pages, -pages)
        measured = np.full(len(signed), self._sources.tell_has_pages)
        steps = _steps(stretch, span[wanted], signed[wanted], measured[wanted], stretch.time_ns[at[wanted]])
        return [steps, self._compacted(stretch, at, np.where(above & COMPACTION_BIT != 0, signed, 0), span)]

    def _compacted(self, stretch: Stretch, at: I64, signed: I64, span: I64) -> StepColumns:
        """A migration tells the new page in, then the old one out: what it tells out alone has left the balloon."""
        rows = np.flatnonzero(signed) if self._sources.leaks and self._sources.tell_has_pages else np.arange(0)
        if not len(rows):
            return StepColumns.of(())
        balance = self._half_migrated + np.cumsum(signed[rows])
        lowest = np.minimum.accumulate(np.minimum(balance, 0))
        left = np.diff(lowest, prepend=0)
        self._half_migrated = int(balance[-1] - lowest[-1])
        rows, left = rows[left < 0], left[left < 0]
        time_ns, each = stretch.time_ns[at[rows]], np.ones(len(rows), np.int64)
        cause, number = each * _BY_COMPACTION, stretch.spans.id[span[rows]]
        return StepColumns(time_ns, time_ns, left, cause, number, -each, each * _MEASURED, -each, each * 0)


def _steps(
    stretch: Stretch, rows: I64, pages: I64, measured: npt.NDArray[np.bool_], end_ns: I64 | None = None
) -> StepColumns:
    """Steps in the spans `rows`, up to their ends or `end_ns`; the cause of each is what its span is nested in."""
    spans = stretch.spans
    if not len(rows):
        return StepColumns.of(())
    above = spans.kinds_above[rows]
    cause = _causes(above, spans.comm[rows], pages)
    return StepColumns(
        begin_ns=spans.begin_ns[rows],
        end_ns=spans.end_ns[rows] if end_ns is None else end_ns,
        pages=pages,
        cause=cause,
        span=spans.id[_work_of(spans, rows)],
        rung=stretch.rung[rows],
        quality=np.where(measured, _MEASURED, _INFERRED),
        priority=np.where(cause == _BY_SHRINKER, _priority(stretch, rows), -1),
        teardown=((cause == _BY_HOST) & (above & BALLOON_BIT == 0)).astype(np.int64),
    )


def _causes(above: I64, comm: npt.NDArray[np.bytes_], pages: I64) -> I64:
    """Numbers in CAUSES."""
    by_kswapd = comm.astype(f"S{len(_KSWAPD)}") == _KSWAPD
    by_shrinker = (above & SLAB_BIT != 0) | ((above & DRIVER_BITS == 0) & by_kswapd)
    out = np.where(by_shrinker, _BY_SHRINKER, np.where(above & NOTIFIER_BIT != 0, _BY_NOTIFIER, _BY_HOST))
    cause: I64 = np.where(pages < 0, out, 0)
    return cause


def _work_of(spans: Spans, rows: I64) -> I64:
    """The outermost balloon work around each span, or the span itself."""
    inside = spans.kinds_above & BALLOON_BIT != 0
    return last_of_chains(np.where(inside & (spans.parent >= 0) & inside[spans.parent], spans.parent, _own(spans)))[
        rows
    ]


def _own(spans: Spans) -> I64:
    """Each span's row."""
    return np.arange(len(spans))


def _priority(stretch: Stretch, rows: I64) -> I64:
    """The priority of the innermost shrinker call around each span, -1 where there is none."""
    spans, slab = stretch.spans, SPAN_CODE[SpanKind.SHRINK_SLAB]
    row = last_of_chains(np.where((spans.code != slab) & (spans.parent >= 0), spans.parent, _own(spans)))[rows]
    priority = np.full(len(rows), -1)
    called = spans.code[row] == slab
    priority[called] = stretch.args.at(spans.begin_at[row[called]], "shrink_slab_start", "priority")
    return priority


def _of_unseen_run(time_ns: int, pages: int, comm: bytes, path: str) -> Step:
    """Pages of a run whose begin was not seen: the balloon's work is a kworker's, kswapd only calls the shrinker, and
    any other task gave pages on the `path` that this kernel's balloon has."""
    cause: Cause | None = None
    rung = NO_TIER
    if pages < 0:
        cause = Cause.HOST
        if comm.startswith(_KSWAPD):
            cause, rung = Cause.SHRINKER, int(Tier.BACKGROUND)
        elif not comm.startswith(_KWORKER):
            taken = path == "shrinker"
            cause = Cause.SHRINKER if taken else Cause.OOM_NOTIFIER
            rung = RUNG_OF_SCOPE[Scope.GLOBAL] if taken else int(Tier.OOM_NOTIFY)
    return Step(time_ns, time_ns, pages, cause, None, rung=rung, quality=Quality.MEASURED)
