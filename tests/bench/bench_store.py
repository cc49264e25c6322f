"""Cost of the recording on synthetic events: `python tests/bench/bench_store.py [EVENTS]`.

Prints bytes per event, CPU ns per event for writing (columns and compressor apart), events per second for reading, and
the time to open. Medians of five interleaved passes over the same events.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from synthetic_events import synthetic_events

from tracer.batch import Batch
from tracer.metadata import Metadata
from tracer.schema import EVENT_DTYPE
from tracer.store import Recording, Writer
from tracer.store.event_columns import EventEncoder
from tracer.store.format import BLOCK_EVENTS

PASSES = 5


def cpu_seconds(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def main(count: int) -> None:
    events = synthetic_events(count)
    count = len(events)
    blocks = [events[start : start + BLOCK_EVENTS] for start in range(0, count, BLOCK_EVENTS)]
    encoder = EventEncoder(BLOCK_EVENTS)
    timings: dict[str, list[float]] = {"write": [], "columns": [], "open": [], "read": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.rtrace"

        def write() -> None:
            writer = Writer(path, Metadata(), force=True)
            for block in blocks:
                writer.write_events(block)
            writer.close()

        def read() -> None:
            read_back = sum(len(item) for item in Recording.open(path).items() if isinstance(item, Batch))
            assert read_back == count

        for _ in range(PASSES):
            timings["write"].append(cpu_seconds(write))
            timings["columns"].append(cpu_seconds(lambda: [encoder.encode(block) for block in blocks]))
            timings["open"].append(cpu_seconds(lambda: Recording.open(path)))
            timings["read"].append(cpu_seconds(read))
        size = path.stat().st_size
    middle = {name: median(values) for name, values in timings.items()}
    print(f"synthetic events      {count:>12,} of {EVENT_DTYPE.itemsize} bytes")
    print(f"bytes per event       {size / count:>12.2f}")
    print(f"write, CPU            {middle['write'] / count * 1e9:>12.0f} ns per event")
    print(f"  columns             {middle['columns'] / count * 1e9:>12.0f} ns per event")
    print(f"  compressor and disk {(middle['write'] - middle['columns']) / count * 1e9:>12.0f} ns per event")
    print(f"read                  {count / middle['read'] / 1e6:>12.1f} million events/s")
    print(f"open                  {middle['open'] * 1e3:>12.2f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
