"""Readings of counters as tracks: sizes as they were read, what only grows as its rate."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ...batch import Samples
from ...protobuf import Fixed64, Message, Varint, key, key64, number, rows, whole
from ...schema import SAMPLE_NULL
from ..counters import is_gauge, unit_of
from .packets import (
    COUNTER,
    EVENT_COUNT,
    EVENT_DOUBLE_COUNT,
    EVENT_TRACK,
    EVENT_TYPE,
    PACKET,
    TIMESTAMP,
    TRACK_EVENT,
    UNIT_BYTES,
    Packets,
)
from .tracks import Tracks

I64 = npt.NDArray[np.int64]
_PER_S: Final = 1e9


class CounterPackets:
    """Writes readings as they come, of each counter in time order."""

    def __init__(self, packets: Packets, tracks: Tracks) -> None:
        self._packets = packets
        self._tracks = tracks
        self._last: dict[str, tuple[int, int]] = {}

    def write(self, samples: Samples) -> None:
        """All readings of these; what could not be read is left out."""
        for place, name in enumerate(samples.names):
            values = samples.values[:, place]
            read = np.flatnonzero(values != SAMPLE_NULL)
            if not len(read):
                continue
            if is_gauge(name):
                self._gauge(name, samples.time_ns[read], values[read])
            else:
                self._rate(name, samples.time_ns[read], values[read])

    def _gauge(self, name: str, time_ns: I64, values: I64) -> None:
        unit = unit_of(name)
        track = self._tracks.counter(name, unit, UNIT_BYTES if unit == "bytes" else 0)
        self._put(track, time_ns, [key(EVENT_COUNT), whole(values)])

    def _rate(self, name: str, time_ns: I64, values: I64) -> None:
        """What it grew by in a second, from each reading to the next one."""
        if name in self._last:
            before_ns, before = self._last[name]
            time_ns, values = np.append(before_ns, time_ns), np.append(before, values)
        self._last[name] = int(time_ns[-1]), int(values[-1])
        length_ns, growth = np.diff(time_ns), np.diff(values)
        grown = np.flatnonzero((length_ns > 0) & (growth >= 0))
        if len(grown):
            track = self._tracks.counter(f"{name} per s", f"{unit_of(name)}/s")
            rate = growth[grown] / length_ns[grown] * _PER_S
            self._put(track, time_ns[:-1][grown], [key64(EVENT_DOUBLE_COUNT), Fixed64(rate)])

    def _put(self, track: int, time_ns: I64, value: list[bytes | Varint | Fixed64]) -> None:
        event = [number(EVENT_TYPE, COUNTER), number(EVENT_TRACK, track), *value]
        time = Varint(time_ns.astype(np.uint64))
        packet = Message(PACKET, [key(TIMESTAMP), time, self._packets.head, Message(TRACK_EVENT, event)])
        self._packets.write(rows([packet], len(time_ns)).tobytes())
