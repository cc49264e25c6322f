"""The ring reader against a ring in ordinary memory, written as the kernel writes one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer.collect.ring import BUSY, DISCARDED, HEADER_BYTES, SHORT_STRIDE, Ring
from tracer.schema import EVENT_DTYPE
from tracer.short_records import SHORT_DTYPE

RECORD_BYTES, LONG_BYTES = SHORT_DTYPE.itemsize, EVENT_DTYPE.itemsize


class FakeRing:
    """A ring and its writer: positions and data in plain memory, the data mirrored behind itself."""

    def __init__(self, size: int = 4096, start: int = 0) -> None:
        self.size = size
        self.consumer = np.array([start], np.uint64)
        self.producer = np.array([start], np.uint64)
        self.data = np.zeros(2 * size, np.uint8)
        self.written = 0
        self.reader = Ring(self.consumer, self.producer, self.data, size)

    def write(self, length: int = RECORD_BYTES, flags: int = 0) -> int:
        """Add a record whose time is its serial number; returns its position."""
        whole = HEADER_BYTES + (length + 7 & ~7)
        position = int(self.producer[0])
        assert position + whole - int(self.consumer[0]) <= self.size, "the kernel would have refused this"
        self._poke(position, np.array([length | flags, 0], np.uint32).view(np.uint8))
        if length >= 8:
            self.written += 1
            self._poke(position + HEADER_BYTES, np.array([self.written], np.uint64).view(np.uint8))
        self.producer[0] = position + whole
        return position

    def finish(self, position: int) -> None:
        """Clear a record's busy bit."""
        at = position % self.size
        length = self.data[at : at + 4].view(np.uint32)[0] & ~np.uint32(BUSY)
        self._poke(position, np.array([length], np.uint32).view(np.uint8))

    def drain(self) -> list[int]:
        batches = list(map(np.copy, self.reader.batches()))
        assert all(batch.dtype in (SHORT_DTYPE, EVENT_DTYPE) for batch in batches)
        return [time_ns for batch in batches for time_ns in batch["time_ns"].tolist()]

    @property
    def free(self) -> int:
        return self.size - (int(self.producer[0]) - int(self.consumer[0]))

    def _poke(self, position: int, values: np.ndarray) -> None:
        for index, value in enumerate(values, position):
            self.data[index % self.size] = self.data[index % self.size + self.size] = value


def test_an_empty_ring_gives_nothing_and_stays() -> None:
    ring = FakeRing()
    assert ring.drain() == []
    assert ring.consumer[0] == 0


def test_all_finished_records_come_in_order_and_free_their_room() -> None:
    ring = FakeRing()
    for _ in range(5):
        ring.write()
    assert ring.drain() == [1, 2, 3, 4, 5]
    assert ring.consumer[0] == ring.producer[0] == 5 * SHORT_STRIDE
    assert ring.drain() == []


def test_a_batch_is_lent_until_the_next_is_asked_for() -> None:
    ring = FakeRing(size=1024)
    ring.write()
    batches = ring.reader.batches()
    (time_ns,) = next(batches)["time_ns"]
    assert (time_ns, ring.consumer[0]) == (1, 0)
    assert list(batches) == []
    assert ring.consumer[0] == SHORT_STRIDE


@pytest.mark.parametrize("busy", [0, 1, 3])
def test_the_run_ends_before_the_first_busy_record_wherever_it_is(busy: int) -> None:
    # GIVEN five records of which one is still being written
    ring = FakeRing()
    positions = [ring.write(flags=BUSY if index == busy else 0) for index in range(5)]
    # WHEN drained THEN only what is before it comes, and the position stops at it
    assert ring.drain() == list(range(1, busy + 1))
    assert ring.consumer[0] == positions[busy]
    assert ring.drain() == []
    # WHEN it is finished THEN it and the rest come
    ring.finish(positions[busy])
    assert ring.drain() == list(range(busy + 1, 6))


def test_records_that_wrap_around_the_end_come_whole() -> None:
    # GIVEN a ring whose size is no multiple of a record's
    ring = FakeRing(size=1024)
    seen: list[int] = []
    # WHEN many times its size goes through it
    for _ in range(50):
        while ring.free >= SHORT_STRIDE:
            ring.write()
        seen += ring.drain()
    # THEN nothing is lost or repeated
    assert seen == list(range(1, ring.written + 1))
    assert ring.written > 300


@pytest.mark.parametrize("start", range(0, 1024, 104))
def test_records_of_both_sizes_come_in_order_each_batch_of_one(start: int) -> None:
    # GIVEN runs of short and of long records, wherever they lie in the ring
    ring = FakeRing(size=1024, start=start)
    lengths = [RECORD_BYTES, RECORD_BYTES, LONG_BYTES, RECORD_BYTES, LONG_BYTES, LONG_BYTES]
    for length in lengths:
        ring.write(length)
    # WHEN read
    batches = list(map(np.copy, ring.reader.batches()))
    # THEN each batch is one run
    assert [(batch.itemsize, batch["time_ns"].tolist()) for batch in batches] == [
        (RECORD_BYTES, [1, 2]),
        (LONG_BYTES, [3]),
        (RECORD_BYTES, [4]),
        (LONG_BYTES, [5, 6]),
    ]
    assert ring.consumer[0] == ring.producer[0]
    assert ring.reader.malformed == 0


def test_discarded_records_are_stepped_over_and_are_not_malformed() -> None:
    ring = FakeRing()
    for flags in (0, DISCARDED, DISCARDED, 0):
        ring.write(flags=flags)
    seen = ring.drain() + ring.drain()
    assert seen == [1, 4]
    assert ring.reader.malformed == 0
    assert ring.consumer[0] == ring.producer[0]


def test_a_busy_record_is_not_stepped_over_even_if_its_length_is_foreign() -> None:
    ring = FakeRing()
    ring.write(length=24, flags=BUSY)
    ring.write()
    assert ring.drain() == []
    assert ring.consumer[0] == 0


@pytest.mark.parametrize("length", [8, 23, RECORD_BYTES - 8, RECORD_BYTES + 16, LONG_BYTES + 8])
def test_a_record_of_a_foreign_length_is_skipped_and_counted(length: int) -> None:
    ring = FakeRing()
    ring.write()
    ring.write(length=length)
    ring.write()
    assert ring.drain() + ring.drain() == [1, 3]
    assert ring.reader.malformed == 1


def test_a_length_beyond_the_ring_cannot_lead_behind_the_writer() -> None:
    ring = FakeRing()
    position = ring.write()
    ring._poke(position, np.array([DISCARDED - 8], np.uint32).view(np.uint8))
    assert ring.drain() == []
    assert ring.consumer[0] == ring.producer[0]
    assert ring.reader.malformed == 1


def test_reading_starts_where_the_consumer_was() -> None:
    ring = FakeRing(size=1024, start=7 * SHORT_STRIDE)
    ring.write()
    assert ring.drain() == [1]
    assert ring.consumer[0] == 8 * SHORT_STRIDE


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from(["write", "long", "busy", "finish", "discard", "foreign", "drain"]), max_size=120),
    st.integers(0, 5000),
)
def test_every_finished_record_comes_exactly_once_and_in_order(actions: list[str], start: int) -> None:
    ring = FakeRing(size=1024, start=start * 8)
    busy: list[int] = []
    expected: list[int] = []
    seen: list[int] = []
    for action in actions:
        if action == "drain" or ring.free < SHORT_STRIDE + 32 + 24:
            seen += ring.drain()
        elif action == "finish" and busy:
            ring.finish(busy.pop())
        elif action == "discard":
            ring.write(flags=DISCARDED)
        elif action == "foreign":
            ring.write(length=48)
        elif action in ("write", "long", "busy"):
            position = ring.write(LONG_BYTES if action == "long" else RECORD_BYTES, BUSY if action == "busy" else 0)
            busy += [position] if action == "busy" else []
            expected.append(ring.written)
    for position in busy:
        ring.finish(position)
    while ring.consumer[0] != ring.producer[0]:
        seen += ring.drain()
    assert seen == expected
