"""What handing events over to the recording costs the drain: `python tests/bench/bench_handover.py [EVENTS]`.

CPU ns per event of the thread that hands over (as the collector does: pieces of 8,192 events), and of the thread that
packs and writes, on synthetic events; `lost` is what was dropped because the queue was full, given that nothing paces
the events. Medians of five passes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from synthetic_events import synthetic_events

from tracer.metadata import Metadata
from tracer.store import BackgroundWriter, Writer

PASSES = 5
PIECE = 8192


def main(count: int) -> None:
    events = synthetic_events(count)
    pieces = [events[start : start + PIECE] for start in range(0, len(events), PIECE)]
    handing: list[float] = []
    packing: list[float] = []
    lost = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(PASSES):
            writer = BackgroundWriter(Writer(Path(folder) / f"{number}.rtrace", Metadata()), 64 << 20)
            used = 0.0
            for piece in pieces:
                before = time.thread_time()
                writer.write_events(piece)
                used += time.thread_time() - before
                time.sleep(PIECE / 1e6)
            writer.close()
            handing.append(used)
            packing.append(writer.cpu_s)
            lost += sum(writer.dropped.values())
    print(f"hand-over, CPU of the drain      {median(handing) / len(events) * 1e9:>8.1f} ns per event")
    print(f"packing and writing, its thread  {median(packing) / len(events) * 1e9:>8.1f} ns per event")
    print(f"lost                             {lost:>8,} of {PASSES * len(events):,}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
