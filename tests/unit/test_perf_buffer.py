"""The reader of one CPU's perf buffer."""

from __future__ import annotations

import numpy as np
import pytest
from fake_perf import LONG_STRIDE, STRIDE, FakePerf
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer.collect.perf_buffer import SAMPLE
from tracer.schema import EVENT_DTYPE
from tracer.short_records import SHORT_DTYPE


def test_a_sample_takes_as_many_bytes_as_the_kernel_gives_it() -> None:
    # perf_output_sample: header, u32 size, the raw data, filled up to eight bytes
    assert (EVENT_DTYPE.itemsize, LONG_STRIDE) == (104, 120)
    assert (SHORT_DTYPE.itemsize, STRIDE) == (80, 96)


def test_an_empty_buffer_gives_nothing_and_stays() -> None:
    perf = FakePerf()
    assert perf.read_all() == []
    assert perf.tail[0] == 0


def test_samples_come_in_order_and_free_their_room_once_released() -> None:
    perf = FakePerf()
    for time_ns in range(1, 6):
        perf.write(time_ns, misc=time_ns % 3)
    slots = perf.reader.run(perf.reader.written_bytes, 3)
    assert slots["time_ns"].tolist() == [1, 2, 3]
    perf.reader.take(2 * STRIDE)
    assert perf.tail[0] == 0
    perf.reader.release()
    assert perf.tail[0] == 2 * STRIDE
    assert perf.read_all() == [3, 4, 5]
    assert perf.tail[0] == perf.head[0]


def test_a_sample_that_wraps_comes_whole() -> None:
    perf = FakePerf(size=1024)
    seen: list[int] = []
    written = 0
    for _ in range(60):
        while perf.free >= STRIDE:
            written += 1
            perf.write(written)
        seen += perf.read_all()
    assert seen == list(range(1, written + 1))
    assert written > 400
    assert perf.reader.lost == perf.reader.malformed == 0


def test_only_what_is_before_the_end_given_is_read() -> None:
    perf = FakePerf()
    perf.write(1)
    end = perf.reader.written_bytes
    perf.write(2)
    assert perf.reader.run(end, 10)["time_ns"].tolist() == [1]


@pytest.mark.parametrize("start", range(0, 1024, 104))
def test_samples_of_both_sizes_come_in_order_each_run_of_one(start: int) -> None:
    perf = FakePerf(size=1024, start=start)
    for time_ns, long in enumerate((False, False, True, False, True, True), 1):
        assert perf.write(time_ns, long=long)
    assert perf.read_all() == [1, 2, 3, 4, 5, 6]
    assert perf.reader.lost == perf.reader.malformed == 0
    assert perf.tail[0] == perf.head[0]


def test_what_the_kernel_says_it_lost_is_summed_up_and_no_sample() -> None:
    perf = FakePerf(size=512)
    times = [time_ns for time_ns in range(1, 10) if perf.write(time_ns)]
    assert perf.read_all() == times == [1, 2, 3, 4, 5]
    assert perf.reader.lost == 0, "it is told before the next record"
    perf.write(10)
    assert perf.read_all() == [10]
    assert perf.reader.lost == 4


@pytest.mark.parametrize("length", [8, 60, 200])
def test_a_sample_of_another_size_is_malformed_and_stepped_over(length: int) -> None:
    perf = FakePerf()
    perf.write(1)
    perf.write_raw(SAMPLE, np.zeros(length, np.uint8))
    perf.write(2)
    assert perf.read_all() == [1, 2]
    assert perf.reader.malformed == 1


def test_records_of_other_kinds_are_stepped_over() -> None:
    perf = FakePerf()
    perf.write_raw(5, np.zeros(16, np.uint8))
    perf.write(1)
    assert perf.read_all() == [1]
    assert perf.reader.malformed == 0


def test_a_size_of_zero_cannot_hold_the_reader_up() -> None:
    perf = FakePerf()
    perf.write(1)
    perf.data[6:8] = 0
    assert perf.read_all() == []
    assert perf.reader.malformed == 1
    perf.write(2)
    assert perf.read_all() == [2]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(["write", "long", "other", "read", "some"]), max_size=150), st.integers(0, 5000))
def test_every_sample_comes_once_in_order_or_is_counted(actions: list[str], start: int) -> None:
    perf = FakePerf(size=1024, start=start * 8)
    written, refused = 0, 0
    kept: list[int] = []
    seen: list[int] = []
    for action in [*actions, "read", "write", "read"]:
        if action in ("write", "long"):
            written += 1
            if perf.write(written, long=action == "long"):
                kept.append(written)
            else:
                refused += 1
        elif action == "other" and perf.free >= 64:
            perf.write_raw(5, np.zeros(20, np.uint8))
        elif action == "read":
            seen += perf.read_all()
        elif action == "some":
            slots = perf.reader.run(perf.reader.written_bytes, 2)
            seen += slots["time_ns"].tolist()
            perf.reader.take(slots.nbytes)
            perf.reader.release()
    assert seen == kept
    assert perf.reader.lost == refused == written - len(kept)
