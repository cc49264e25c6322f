"""A collector over a ring in memory, for tests."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from test_ring import RECORD_BYTES, FakeRing

from tracer.collect.collector import Collector, Item, Sources
from tracer.kernel.counters import CounterReader
from tracer.schema import EVENT_DTYPE, KIND_BY_NAME, MAX_KINDS
from tracer.short_records import typed_dtype


class Machine:
    """A fake ring, loss counters and counters, and a collector over them."""

    def __init__(
        self,
        root: Path,
        interval_s: float = 0.02,
        symbol_name: Callable[[int], str | None] | None = None,
        turn_s: float | None = None,
    ) -> None:
        (root / "proc").mkdir(exist_ok=True)
        (root / "proc/vmstat").write_text("nr_free_pages 5\nballoon_inflate 0\nballoon_deflate 0\n")
        self.ring = FakeRing(size=1 << 16)
        self.ready = os.eventfd(0, os.EFD_NONBLOCK)
        self.ring.reader.fd = self.ready
        self.lost = np.zeros(MAX_KINDS, np.uint64)
        self.missed = np.zeros(MAX_KINDS, np.uint64)
        self.counters = CounterReader(root)
        self.untold = np.empty(0, EVENT_DTYPE)
        sources = Sources(
            self.ring.reader,
            self.lost.copy,
            self.missed.copy,
            self.counters,
            lambda: self.untold,
            symbol_name=symbol_name,
        )
        self.start_ns = time.monotonic_ns()
        self.collector = Collector(sources, self.start_ns, interval_s, turn_s)

    def write(self, kind: str = "kswapd_sleep", count: int = 1, **arguments: int) -> None:
        """Put records into the ring and make its descriptor readable."""
        record = np.zeros(1, typed_dtype(KIND_BY_NAME[kind], RECORD_BYTES))
        record["kind"] = KIND_BY_NAME[kind].number
        for name, value in arguments.items():
            record[name] = value
        for _ in range(count):
            position = self.ring.write()
            self.ring._poke(position + 24, record.view(np.uint8)[16:])
        os.eventfd_write(self.ready, 1)


def collect(machine: Machine, at: Callable[[int], None], duration_s: float = 5.0) -> list[Item]:
    """All items; `at(n)` is called after the n-th."""
    items: list[Item] = []
    for number, item in enumerate(machine.collector.items(duration_s)):
        items.append(item)
        at(number)
    return items


def kinds(items: list[Item]) -> list[type]:
    return [type(item) for item in items]
