"""A writer that never makes the drain wait: what arrives is queued, and a thread of its own packs and writes it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from queue import SimpleQueue
from typing import Final

import numpy as np
import numpy.typing as npt

from ..batch import LostStretch, Samples
from ..buffer_sizes import MOST_QUEUE_BYTES, block_events
from ..errors import TracerError
from ..short_records import SHORT_DTYPE
from .dropping import Dropped, merged
from .format import JSON
from .note_keys import DROPPED_EVENTS_NOTE, DROPPED_SAMPLES_NOTE
from .rotating import RotatingWriter
from .writer import Writer

_MIN_BLOCKS: Final = 2
"""Room for one block being filled and one being packed."""

_MOST_TASKS: Final = 1024
"""With more than this waiting, readings of counters are dropped and lost stretches become one."""


class BackgroundWriter:
    """The writer's interface in front of a bounded queue; one thread calls it.

    Events are copied into a ring of `queue_bytes`. The thread gets them a block at a time, and on `flush` takes what
    there is once it has written all before: packing costs more by the block than by the event, and small blocks would
    keep a thread behind that is behind. Their room is free again once they are written. Where there is no room, events
    are dropped, counted by kind and written as a lost stretch, so that only `close` ever waits. A block has records of
    one size. What the thread fails with is raised once, by the next call; everything after it is ignored.
    """

    def __init__(self, writer: Writer | RotatingWriter, queue_bytes: int = MOST_QUEUE_BYTES) -> None:
        self._writer = writer
        self._block_events = block_events(queue_bytes)
        self._capacity = max(queue_bytes & ~7, _MIN_BLOCKS * self._block_events * SHORT_DTYPE.itemsize)
        self._ring = np.empty(self._capacity, np.uint8)
        # Touched now, because later may be when there is no memory left.
        self._ring.fill(0)
        # In bytes since the start: taken in, handed to the thread, written by it.
        self._head = self._handed = self._tail = 0
        self._records: np.dtype[np.void] = SHORT_DTYPE
        # Held by who takes in or hands over: the thread, too, helps itself.
        self._lock = threading.Lock()
        self._flush_waits = False
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._later: list[Callable[[], None]] = []
        self._dropped = Dropped()
        self._held: LostStretch | None = None
        self._dropped_samples = 0
        self._failure: Exception | None = None
        self._failed = False
        self._cpu_s = 0.0
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            raise TracerError("can't start another thread: raise the limit on processes (ulimit -u)") from error

    @property
    def queue_bytes(self) -> int:
        """Memory of the queue."""
        return self._ring.nbytes

    @property
    def buffer_bytes(self) -> int:
        """Memory of the queue and of packing."""
        return self._ring.nbytes + self._writer.buffer_bytes

    @property
    def bytes_written(self) -> int:
        """Bytes on disk."""
        return self._writer.bytes_written

    @property
    def events_written(self) -> int:
        """Events on disk, without those still queued."""
        return self._writer.events_written

    @property
    def dropped(self) -> Mapping[str, int]:
        """Events dropped so far, by kind."""
        return self._dropped.total

    @property
    def cpu_s(self) -> float:
        """CPU time the thread has used: columns, compression, writing."""
        return self._cpu_s

    def write_events(self, records: npt.NDArray[np.void]) -> None:
        """Records of SHORT_DTYPE or EVENT_DTYPE in order of arrival; copied, or dropped where the queue is full."""
        self._raise()
        with self._lock:
            self._take_all(records)

    def _take_all(self, records: npt.NDArray[np.void]) -> None:
        if records.itemsize != self._records.itemsize:
            self._hand_over()
            self._records = records.dtype
        # Copied as a whole: numpy copies a record with fields field by field.
        rest = records.view(f"V{records.itemsize}")
        while len(rest) and not self._failed:
            if not (room := self._room()):
                self._hand_over()
                self._dropped.add(rest.view(records.dtype))
                return
            self._put_dropped()
            rest = self._take(rest, room)

    def write_samples(self, samples: Samples) -> None:
        """Readings of counters, which wait for what wakes the thread; dropped and counted where it is far behind."""
        self._raise()
        if self._tasks.qsize() + len(self._later) < _MOST_TASKS:
            self._later.append(partial(self._writer.write_samples, samples))
        else:
            self._dropped_samples += len(samples)

    def write_symbols(self, symbols: Mapping[int, str]) -> None:
        """Names of kernel addresses not written before."""
        self._raise()
        self._put(partial(self._writer.write_symbols, symbols))

    def write_cgroups(self, paths: Mapping[int, str]) -> None:
        """Paths of cgroups not written before, by their numbers."""
        self._raise()
        self._put(partial(self._writer.write_cgroups, paths))

    def write_lost(self, stretch: LostStretch) -> None:
        """A stretch in which events were lost; where the thread is far behind, several become one."""
        self._raise()
        self._held = merged(self._held, stretch)
        if self._tasks.qsize() < _MOST_TASKS:
            self._put_held()

    def write_note(self, key: str, value: JSON) -> None:
        """A small fact known only late; a key's last note counts."""
        self._raise()
        self._put(partial(self._writer.write_note, key, value))

    def flush(self) -> None:
        """Have everything so far written, without waiting for it."""
        self._raise()
        self._put_dropped()
        if not self._flush_waits:
            self._flush_waits = True
            self._put(self._flush)

    def close(self) -> None:
        """Write what is queued, close, and wait until that is done; idempotent. Raises what the thread failed with."""
        if self._thread.is_alive():
            with self._lock:
                self._hand_over()
            self._put_dropped()
            self._put_held()
            self._put_notes()
            self._put(None)
            self._thread.join()
        self._raise()

    def _room(self) -> int:
        """Records that can be taken in next, in one piece and one block."""
        size = self._records.itemsize
        if self._to_the_end < size:
            self._skip_end()
        free = self._capacity - (self._head - self._tail)
        return min(free // size, self._to_the_end // size, self._block_events - (self._head - self._handed) // size)

    @property
    def _to_the_end(self) -> int:
        return self._capacity - self._head % self._capacity

    def _skip_end(self) -> None:
        """Leave the ring's last bytes, too few for a record, empty: free again once all before them is written."""
        rest = self._to_the_end
        if self._capacity - (self._head - self._tail) >= rest:
            self._hand_over()
            self._head = self._handed = self._head + rest
            self._put(partial(self._free, rest))

    def _take(self, records: npt.NDArray[np.void], room: int) -> npt.NDArray[np.void]:
        part = records[:room]
        start = self._head % self._capacity
        self._ring[start : start + part.nbytes].view(part.dtype)[:] = part
        self._head += part.nbytes
        if self._head - self._handed == self._block_events * part.itemsize or self._head % self._capacity == 0:
            self._hand_over()
        return records[len(part) :]

    def _hand_over(self) -> None:
        """Give the thread what was taken in since the last time."""
        start, size = self._handed % self._capacity, self._head - self._handed
        if size:
            self._handed = self._head
            self._put(partial(self._write_events, start, size, self._records))

    def _put_dropped(self) -> None:
        if stretch := self._dropped.take():
            self._held = merged(self._held, stretch)
            self._put_held()

    def _put_held(self) -> None:
        stretch, self._held = self._held, None
        if stretch:
            self._put(partial(self._writer.write_lost, stretch))

    def _put_notes(self) -> None:
        if counts := dict(self._dropped.total):
            self._put(partial(self._writer.write_note, DROPPED_EVENTS_NOTE, {**counts}))
        if number := self._dropped_samples:
            self._put(partial(self._writer.write_note, DROPPED_SAMPLES_NOTE, number))

    def _put(self, task: Callable[[], None] | None) -> None:
        later, self._later = self._later, []
        for earlier in later:
            self._tasks.put(earlier)
        self._tasks.put(task)

    def _raise(self) -> None:
        failure, self._failure = self._failure, None
        if failure:
            raise failure

    def _write_events(self, start: int, size: int, records: np.dtype[np.void]) -> None:
        try:
            self._writer.write_block(self._ring[start : start + size].view(records))
        finally:
            self._free(size)

    def _flush(self) -> None:
        """In the thread: behind the blocks that became full since it was asked for, and then what there is."""
        with self._lock:
            if self._handed != self._tail:
                self._tasks.put(self._flush)
                return
            self._flush_waits = False
            start, size, records = self._handed % self._capacity, self._head - self._handed, self._records
            self._handed = self._head
        if size:
            self._write_events(start, size, records)
        self._writer.flush()

    def _free(self, size: int) -> None:
        self._tail += size

    def _run(self) -> None:
        while task := self._tasks.get():
            self._try(task)
            self._cpu_s = time.thread_time()
        self._try(self._writer.close)
        self._cpu_s = time.thread_time()

    def _try(self, task: Callable[[], None]) -> None:
        try:
            task()
        except Exception as error:  # noqa: BLE001 - whatever it is, the recorder has to hear of it
            self._failure, self._failed = error, True
