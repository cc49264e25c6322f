"""What a recorder's queue drops where the thread that packs is slow: `python -m tests.slow_packing RECORDING`.

A recording's events come again, at their own times, and the thread that writes them sleeps so many times as long as
it worked: a guest whose emulated CPUs are busy with something else gets no more done.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.event_records import records_of
from tracer.batch import Batch
from tracer.buffer_sizes import LEAST_QUEUE_BYTES, block_events
from tracer.metadata import Metadata
from tracer.recorder.flushing import FLUSH_S
from tracer.store import BackgroundWriter, Recording, Writer
from tracer.store.event_columns import EventEncoder

_LOOK_S = 0.02
"""Between two looks at the kernel's ring."""
_NS = 1_000_000_000


class SlowWriter(Writer):
    """Sleeps `slowness` times as long as packing a block took, until `hurry`."""

    def __init__(self, path: Path, slowness: float) -> None:
        super().__init__(path, Metadata(), force=True, encoder=EventEncoder(block_events(LEAST_QUEUE_BYTES)))
        self.slowness = slowness
        self.blocks = 0

    def write_block(self, records: npt.NDArray[np.void]) -> None:
        """As the writer does, and slower."""
        before = time.thread_time()
        super().write_block(records)
        self.blocks += 1
        time.sleep(self.slowness * (time.thread_time() - before))


def main() -> None:
    """Say how many events were dropped."""
    options = _parser().parse_args()
    records = _records(options.recording)
    with tempfile.TemporaryDirectory() as folder:
        writer = SlowWriter(Path(folder) / "x.rtrace", options.slowness)
        queue = BackgroundWriter(writer, LEAST_QUEUE_BYTES)
        _feed(queue, records)
        writer.slowness = 0.0
        queue.close()
    dropped = sum(queue.dropped.values())
    print(f"{dropped:,} of {len(records):,} events dropped, {writer.blocks:,} blocks")


def _records(path: Path) -> npt.NDArray[np.void]:
    return np.concatenate([records_of(item) for item in Recording.open(path).items() if isinstance(item, Batch)])


def _feed(queue: BackgroundWriter, records: npt.NDArray[np.void]) -> None:
    """Each event when its time has come, and a flush as often as a recorder does."""
    times_ns = records["time_ns"].astype(np.int64) - int(records["time_ns"][0])
    began_s, taken, next_flush_s = time.monotonic(), 0, FLUSH_S
    while taken < len(records):
        time.sleep(_LOOK_S)
        now_s = time.monotonic() - began_s
        come = int(np.searchsorted(times_ns, now_s * _NS))
        queue.write_events(records[taken:come])
        taken = come
        if now_s >= next_flush_s:
            queue.flush()
            next_flush_s = now_s + FLUSH_S


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.slow_packing", description=__doc__)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--slowness", type=float, default=300.0, help="how many times as long as it works it sleeps")
    return parser


if __name__ == "__main__":
    main()
