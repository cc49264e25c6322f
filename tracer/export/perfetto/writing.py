"""A recording as a trace: what each piece of it becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from ...analyze.model import Analysis
from ...analyze.stream.lane import SPAN_CODE
from ...analyze.stream.stretch import Stretch
from ...analyze.terms import Tier
from ...batch import LostStretch, Samples
from ...metadata import ClockChangeKind
from ...protobuf import number
from ...record import SpanKind
from ...recording_facts import RecordingFacts
from ...store.decoding import Item
from ..edges import BEGIN, edges_of
from ..results import BALLOON, Lanes, Slice, slices_of
from ..source import Source
from ..unions import Union
from .counters import CounterPackets
from .packets import (
    BOOTTIME,
    EVENT_NAME_IID,
    EVENT_NAMES,
    EVENT_TRACK,
    EVENT_TYPE,
    MONOTONIC,
    REALTIME,
    SLICE_BEGIN,
    SLICE_END,
    Packets,
)
from .spans import SpanPackets
from .tracks import Tracks

I64 = npt.NDArray[np.int64]

_WORKER: Final = (SPAN_CODE[SpanKind.BALLOON_WORK], SPAN_CODE[SpanKind.UPDATE_BALLOON_SIZE])
_CLOSED_FLOW_BASE: Final = 1 << 19
"""Flows of cycles lie above those of wakings in number, and both below the tracks of the next base."""


class PerfettoWriter:
    """Tracks of tasks while the recording is read, tracks of what was found at its end."""

    def __init__(self, source: Source, write: Callable[[bytes], object]) -> None:
        self._packets = packets = Packets(source.metadata, write)
        self._metadata = source.metadata
        self._tracks = Tracks(packets)
        packets.begin()
        self._clocks(source.metadata.start_ns, 0, 0)
        self._spans = SpanPackets(packets, self._tracks, source)
        self._counters = CounterPackets(packets, self._tracks)
        self._tiers = {tier: Union() for tier in Tier}
        self._worker = Union()
        self._lanes = Lanes()

    def item(self, item: Item) -> None:
        """Readings and losses, which no stretch has."""
        if isinstance(item, Samples):
            self._counters.write(item)
        elif isinstance(item, LostStretch):
            args = {"lost_events": item.total, **item.counts}
            self._slice(Slice(("Lost events",), "lost events", item.start_ns, item.end_ns, args))

    def stretch(self, stretch: Stretch) -> None:
        """Events with the spans that touch them."""
        edges = edges_of(stretch)
        self._spans.write(edges)
        spans = stretch.spans
        for tier, union in self._tiers.items():
            found = union.advance(edges, spans.is_root & (spans.tier == tier))
            self._union(found, ("Tiers", tier.label), tier.label)
        found = self._worker.advance(edges, np.isin(spans.code, _WORKER))
        self._union(found, (BALLOON, "Balloon worker"), "balloon worker")

    def finish(self, analysis: Analysis, facts: RecordingFacts) -> None:
        """What was found."""
        self._spans.finish()
        for one in slices_of(analysis, facts):
            self._slice(one)
        self._clock_changes(facts)

    def _union(self, found: tuple[I64, I64], path: tuple[str, ...], name: str) -> None:
        times, types = found
        if not len(times):
            return
        track = number(EVENT_TRACK, self._tracks.named(path))
        begin = number(EVENT_TYPE, SLICE_BEGIN) + track + number(EVENT_NAME_IID, EVENT_NAMES[name])
        end = number(EVENT_TYPE, SLICE_END) + track
        for time_ns, edge in zip(times.tolist(), types.tolist(), strict=True):
            self._packets.event(time_ns, begin if edge == BEGIN else end)

    def _slice(self, one: Slice) -> None:
        track = self._tracks.named(one.path, self._lanes.lane(one))
        if one.end_ns <= one.start_ns:
            self._packets.instant(one.start_ns, track, one.name, one.args)
            return
        flows = [] if one.flow_out is None else [self._packets.flow_out(_CLOSED_FLOW_BASE + one.flow_out)]
        flows += [] if one.flow_in is None else [self._packets.flow_in(_CLOSED_FLOW_BASE + one.flow_in)]
        self._packets.slice_begin(one.start_ns, track, one.name, one.args, *flows)
        self._packets.slice_end(one.end_ns, track)

    def _clock_changes(self, facts: RecordingFacts) -> None:
        asleep_ns = set_ns = 0
        for change in facts.clock_changes:
            asleep_ns += change.by_ns if change.kind is ClockChangeKind.SUSPENDED else 0
            set_ns += change.by_ns
            self._clocks(change.at_ns, asleep_ns, set_ns)

    def _clocks(self, at_ns: int, asleep_ns: int, set_ns: int) -> None:
        """What is known of other clocks at that time: so another trace of the machine can be laid beside this one."""
        metadata = self._metadata
        clocks = {MONOTONIC: at_ns}
        if metadata.boottime_ahead_ns is not None:
            clocks[BOOTTIME] = at_ns + metadata.boottime_ahead_ns + asleep_ns
        if metadata.start_utc_ns:
            clocks[REALTIME] = metadata.start_utc_ns + at_ns - metadata.start_ns + set_ns
        self._packets.clocks(at_ns, clocks)
