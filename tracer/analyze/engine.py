"""The one engine: takes items in the order of the recording, in pieces of any size, and gives the analysis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Self

import numpy as np
import numpy.typing as npt

from ..balloon_counters import EVENT_COUNTERS, counts_events
from ..batch import Batch, Fields, LostStretch, Samples
from ..metadata import Metadata
from ..schema import KIND_BY_NAME, KIND_BY_NUMBER, SpanKind
from .accounting import Accounting
from .balloon.counted import READINGS_LATE_NS
from .balloon.tracker import BalloonTracker
from .bounds import check_pages
from .contention.level_swings import SampledLevels
from .contention.meter import Meter
from .contention.reclaim import ReclaimTracker
from .contention.settling import Settling
from .model import Analysis
from .options import Options
from .results import State, analysis_of
from .stream.branching import Branch
from .stream.fields_read import NEVER_READ
from .stream.lane import SPAN_CODE
from .stream.pieces import Given, joined
from .stream.readings import ReadingOrder, Readings, are_hosts
from .stream.stretch import Stretch
from .stream.stretches import Stretches
from .symbol_names import SymbolNames
from .totals.cgroups import CgroupTable
from .totals.hopeless import HopelessNodes
from .totals.kills import KillTracker
from .totals.ladder import Ladders
from .totals.long_stalls import LongStalls
from .totals.own_reclaim import OwnReclaim
from .totals.reclaim_counts import ReclaimCounts
from .totals.series import SampleSeries
from .totals.shrinkers import ShrinkerTable
from .totals.stalls import StallTable
from .totals.tier_fill import TierFill
from .totals.tier_gaps import TierGaps, find_gaps
from .totals.timeline import TimelineBuilder

DEFAULTS = Options()
NO_PATHS: Mapping[int, str] = MappingProxyType({})
Flags = npt.NDArray[np.bool_]
_FOREVER_NS = np.iinfo(np.int64).max
_INFLATING = [
    KIND_BY_NAME[name].number for name in ("balloon_work_begin", "update_balloon_size_begin", "fill_balloon_begin")
]
_MOST_NEW_SAMPLES = 64
"""Items of readings that wait for the next events: settling what follows from many takes as long as from one."""
_FEW_CARRIED = 4096
"""So many events carried from one stretch into the next cost no more than a stretch does. Where there are more, as many
new ones are waited for: time stays linear in the events even where nothing that begins ever ends."""


class Engine:
    """Feed it batches, samples and lost stretches, then `finish`. State is what is still open, plus the results."""

    def __init__(
        self,
        metadata: Metadata,
        symbols: Mapping[int, str],
        options: Options = DEFAULTS,
        on_stretch: Callable[[Stretch], None] | None = None,
        cgroups: Mapping[int, str] = NO_PATHS,
        left_out: Fields = NEVER_READ,
    ) -> None:
        """`symbols` and `cgroups` (paths) may grow while items are fed: they are asked only when they are needed.

        `on_stretch` is handed each stretch of events in time order, with the spans that touch it and all arguments but
        those `left_out`.
        """
        self._metadata = metadata
        self._symbols, self._name_of = symbols, SymbolNames(symbols)
        self._paths = cgroups
        self._options = options
        self._on_stretch = on_stretch
        self._left_out = left_out
        self._stretches = Stretches(metadata, options.reorder_s, left_out)
        self._new: list[Batch] = []
        self._new_events = 0
        self._pending_samples: list[Samples] = []
        self._new_samples = 0
        self._newest_ns = metadata.start_ns
        self._accounting = Accounting()
        self._ladders = Ladders(round(options.gap_s * 1e9))
        self._shrinkers = ShrinkerTable()
        self._stalls = StallTable()
        self._cgroups = CgroupTable(told=bool(metadata.cgroup_hierarchy))
        self._timeline = TimelineBuilder(metadata.start_ns)
        self._long_stalls = LongStalls(metadata.start_ns)
        self._own = OwnReclaim(metadata.recorder_pid)
        self._counts = ReclaimCounts(sampled=metadata.sample_interval_s > 0)
        self._gaps = TierGaps()
        self._fill = TierFill(self._ladders, self._timeline)
        self._readings, self._reading_order = Readings(metadata.page_size_bytes), ReadingOrder()
        meter = Meter(self._readings)
        self._balloon = BalloonTracker(metadata, self._name_of, options)
        self._reclaim = ReclaimTracker(meter, metadata)
        self._kills = KillTracker()
        self._hopeless = HopelessNodes()
        self._series, self._levels = SampleSeries(), SampledLevels(metadata.page_size_bytes)
        self._settled = Settling(self._balloon, meter, self._readings, self._ladders, self._timeline, metadata, options)

    def feed(self, item: Given) -> None:
        """Take the next item."""
        if isinstance(item, Batch):
            self._events(item)
        elif isinstance(item, Samples):
            self._samples(item)
        elif isinstance(item, LostStretch):
            self._lost(item)
        else:
            self._quiet(item.until_ns)

    def finish(self, end_ns: int | None = None) -> Analysis:
        """Close what is open at the end of the recording and give the results. The engine is used up."""
        self._take_new()
        rest = self._stretches.flush()
        final_ns = max(self._newest_ns, end_ns or 0)
        self._advance(rest, final_ns)
        self._balloon.end(final_ns)
        self._close_open(final_ns)
        self._balloon_samples(final_ns)
        none = np.empty(0, np.int64)
        self._settled.settle(_FOREVER_NS, none, none)
        self._settled.finish(final_ns)
        self._gaps = find_gaps(self._counts, self._metadata.cpus or 1, len(self._metadata.numa_nodes))
        self._fill.place(self._gaps)
        self._accounting.late_events = self._stretches.late_events + self._reading_order.late_readings
        return analysis_of(self._state(), final_ns)

    def so_far(self, end_ns: int | None = None) -> Analysis:
        """The results as `finish` would give them now; the engine goes on as if it had not been asked.

        What is open is closed on a branch of the engine's state (`stream/branching.py`), which shares with it the
        columns of the past. It costs what is open and new, and what making the results costs.
        """
        self._ladders.keep_past(self._settled.keep_past(self._stretches.open.time_ns))
        self._stalls.sum_up()
        analysis = self.branch().finish(end_ns)
        analysis.settled_s = (self.over_ns - self._metadata.start_ns) / 1e9
        return analysis

    @property
    def over_ns(self) -> int:
        """Before it all is settled: readings may come late, and a run of the balloon may take long."""
        return self._settled.over_ns

    def forget(self, before_ns: int) -> None:
        """Keep only sums of what ended before a time: results tell it no longer. It lies a minute or more back, and is
        no later than `over_ns`."""
        self._ladders.past.forget(before_ns)
        self._settled.forget(before_ns)

    def branch(self) -> Self:
        """Another engine that goes on from here, as if it had been fed the same; nobody is handed its spans."""
        shared = (self._metadata, self._symbols, self._paths, self._options, self._left_out)
        return Branch(shared, left_out=(self._on_stretch,)).fields(self)

    def _events(self, batch: Batch) -> None:
        if not len(batch):
            return
        check_pages(batch)
        self._newest_ns = max(self._newest_ns, int(batch.header["time_ns"].max()))
        self._new.append(batch.without(self._left_out))
        self._new_events += len(batch)
        if self._new_events >= self._carried:
            self._take_new()

    @property
    def _carried(self) -> int:
        """How many events each stretch has to look at again, 0 where they are few."""
        carried = self._stretches.carried
        return carried if carried > _FEW_CARRIED else 0

    def _take_new(self) -> None:
        if not self._new:
            return
        if self._new_samples:
            self._read(self._stretches.told_ns)
        new, self._new, self._new_events = Batch.concat(self._new), [], 0
        self._advance(self._stretches.push(new))

    def _samples(self, samples: Samples) -> None:
        if not len(samples):
            return
        if not counts_events(self._metadata):
            samples = samples.without(EVENT_COUNTERS)
        samples = self._reading_order.in_time(samples)
        self._newest_ns = max(self._newest_ns, int(samples.time_ns.max()))
        self._series.add(samples)
        self._levels.take(samples)
        if are_hosts(samples):
            self._settled.ticks.hosts_sample(samples)
            return
        self._pending_samples.append(samples)
        self._new_samples += 1
        if self._new_samples >= max(_MOST_NEW_SAMPLES, self._carried // 16):
            self._new_samples = 0
            # Without events between them all readings wait: looked at each time, hours of them would take forever.
            if self._pending_samples[0].time_ns[0] <= self._stretches.told_ns:
                self._balloon_samples(self._stretches.told_ns)

    def _quiet(self, until_ns: int) -> None:
        """Readings do not wait for events where none come. An import's may be far ahead of them."""
        if self._metadata.imported_from is not None:
            return
        self._take_new()
        self._advance(self._stretches.pass_to(until_ns - READINGS_LATE_NS))
        self._balloon_samples(self._stretches.told_ns)

    def _lost(self, stretch: LostStretch) -> None:
        self._newest_ns = max(self._newest_ns, stretch.end_ns)
        self._accounting.lose(stretch, self._metadata.start_ns)

    def _advance(self, due: Sequence[Batch], final_ns: int | None = None) -> None:
        for part in due:
            self._count(part)
        if stretch := self._stretches.take(due, final_ns):
            self._tell(stretch)
            self._balloon_samples(stretch.until_ns)

    def _tell(self, stretch: Stretch) -> None:
        self._consume(stretch)
        self._account(stretch)

    def _consume(self, stretch: Stretch) -> None:
        self._ladders.advance(stretch)
        self._shrinkers.advance(stretch)
        self._stalls.advance(stretch)
        self._cgroups.advance(stretch)
        self._long_stalls.advance(stretch)
        self._own.advance(stretch)
        self._timeline.advance(stretch)
        self._counts.advance(stretch)
        self._hopeless.advance(stretch)
        self._ladders.notified(self._balloon.advance(stretch))
        self._reclaim.advance(stretch)
        self._settled.ticks.advance(stretch)
        self._settled.kill(self._kills.advance(stretch))
        self._settled.user_kills.advance(stretch)
        if self._on_stretch:
            self._on_stretch(stretch)

    def _count(self, due: Batch) -> None:
        counts = np.bincount(due.header["kind"]) if len(due) else np.empty(0, np.int64)
        by_kind = self._accounting.events_by_kind
        for number in np.flatnonzero(counts).tolist():
            kind = KIND_BY_NUMBER.get(number)
            name = kind.name if kind else f"unknown_{number}"
            by_kind[name] = by_kind.get(name, 0) + int(counts[number])
        self._accounting.events += len(due)

    def _account(self, stretch: Stretch) -> None:
        accounting, spans = self._accounting, stretch.spans
        accounting.spans += int(spans.closed.sum())
        accounting.begins_without_end += int(spans.broken.sum())
        ended_awake = stretch.awake & spans.closed & (spans.end_at >= 0)
        accounting.ends_without_begin += len(stretch.orphans) + int(ended_awake.sum())
        untold = spans.closed & (spans.tier < 0) & (spans.kinds_above == 1 << SPAN_CODE[SpanKind.SHRINK_SLAB])
        accounting.untold_calls += int(untold.sum())
        accounting.untold_s += int((spans.end_ns - spans.begin_ns)[untold].sum()) / 1e9

    def _close_open(self, final_ns: int) -> None:
        stretch = self._stretches.close(final_ns)
        if stretch is None:
            return
        self._consume(stretch)
        self._accounting.spans += len(stretch.spans)
        self._accounting.begins_without_end += len(stretch.spans)

    def _balloon_samples(self, until_ns: int) -> None:
        self._read(until_ns)
        self._counts.settle(until_ns)
        self._settle(until_ns)

    def _read(self, until_ns: int) -> None:
        self._new_samples = 0
        due: list[Samples] = []
        later: list[Samples] = []
        for samples in self._pending_samples:
            ready = samples.time_ns <= until_ns
            if ready.all() or not ready.any():
                (due if ready[0] else later).append(samples)
                continue
            for chosen, target in ((ready, due), (~ready, later)):
                target.append(Samples(samples.time_ns[chosen], samples.names, samples.values[chosen]))
        self._pending_samples = later
        for samples in joined(due):
            self._readings.add(samples)
            self._balloon.sample(samples)
            self._counts.sample(samples)
            self._settled.ticks.sample(samples)

    def _settle(self, until_ns: int) -> None:
        """What lies before the newest reading can no longer change; an import may have none at all."""
        read_ns = self._readings.read_ns
        told_ns = until_ns - READINGS_LATE_NS
        if read_ns is not None:
            told_ns = max(told_ns, min(until_ns, self._balloon.read_until(read_ns)))
        elif not self._metadata.sample_interval_s:
            told_ns = until_ns
        told_ns = self._balloon.told_until(told_ns)
        open_ns = self._stretches.open.time_ns
        works = np.isin(self._stretches.open.header["kind"], _INFLATING)
        self._settled.settle(told_ns, open_ns, open_ns[works])

    def _state(self) -> State:
        return State(
            metadata=self._metadata,
            options=self._options,
            name_of=self._name_of,
            symbols=len(self._symbols),
            accounting=self._accounting,
            ladders=self._ladders,
            shrinkers=self._shrinkers,
            stalls=self._stalls,
            cgroups=self._cgroups,
            paths=self._paths,
            own=self._own,
            timeline=self._timeline,
            gaps=self._gaps,
            fill=self._fill,
            balloon=self._balloon,
            settled=self._settled,
            series=self._series,
            levels=self._levels,
            hopeless=self._hopeless,
            long_stalls=self._long_stalls,
        )
