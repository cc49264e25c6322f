"""The buffers of all CPUs as one stream."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import numpy as np
import pytest
from fake_perf import STRIDE, FakePerf
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer.collect import perf as perf_module
from tracer.collect.perf import PerfBuffers
from tracer.collect.transport import LossOfPerf
from tracer.probes.attach import UNKNOWN_NUMBER
from tracer.schema import EVENT_DTYPE, MAX_KINDS
from tracer.short_records import SHORT_DTYPE


class FakeBell:
    """Rung by whoever sets `is_waiting` to False."""

    is_waiting = False

    def wait(self) -> None:
        self.is_waiting = True


class FakeMachine:
    """Some CPUs, each with a buffer of its own; `opened` notes them in their order."""

    def __init__(self, cpus: int = 2, size: int = 4096, *, without_bell: int | None = None) -> None:
        self.size = size
        self.bell = FakeBell()
        self.without_bell = without_bell
        self.online = set(range(cpus))
        self.perf: dict[int, FakePerf] = {}
        self.opened: list[int] = []
        self.buffers = PerfBuffers(self._open, lambda: frozenset(self.online), self.bell)

    def _open(self, cpu: int) -> tuple[tuple[int, ...], object]:
        self.opened.append(cpu)
        self.perf[cpu] = FakePerf(self.size, start=cpu * 64, cpu=cpu)
        events = 1 if cpu == self.without_bell else 2
        return tuple(os.eventfd(0) for _ in range(events)), self.perf[cpu].reader

    def read(self) -> list[tuple[int, int]]:
        """Times and CPUs of everything there is."""
        records = [record for batch in self.buffers.batches() for record in batch]
        assert all(record.dtype in (SHORT_DTYPE, EVENT_DTYPE) for record in records)
        return [(int(record["time_ns"]), int(record["cpu"])) for record in records]


@pytest.fixture
def machine():
    made = FakeMachine()
    yield made
    made.buffers.close()


def test_records_of_two_cpus_come_in_the_order_of_their_times(machine: FakeMachine) -> None:
    for time_ns in (1, 4, 5):
        machine.perf[0].write(time_ns)
    for time_ns in (2, 3, 6):
        machine.perf[1].write(time_ns)
    assert machine.read() == [(1, 0), (2, 1), (3, 1), (4, 0), (5, 0), (6, 1)]
    assert machine.read() == []
    assert machine.buffers.written_bytes == machine.buffers.read_bytes


def test_records_of_two_sizes_are_merged_as_long_ones(machine: FakeMachine) -> None:
    for time_ns in (1, 4):
        machine.perf[0].write(time_ns)
    machine.perf[1].write(2, long=True)
    machine.perf[1].write(3, long=True)
    machine.perf[1].write(5)
    batches = list(machine.buffers.batches())
    assert [(batch.itemsize, batch["time_ns"].tolist()) for batch in batches] == [(104, [1, 2, 3]), (80, [4, 5])]
    assert np.concatenate([batch["cpu"] for batch in batches]).tolist() == [0, 1, 1, 0, 1]


def test_a_batch_is_whole_records_that_later_writing_does_not_touch(machine: FakeMachine) -> None:
    machine.perf[0].write(1)
    machine.perf[1].write(2)
    (batch,) = machine.buffers.batches()
    for perf in machine.perf.values():
        perf.data[:] = 0xFF
    assert batch["time_ns"].tolist() == [1, 2]
    assert [bytes(args)[:8] for args in batch["args"]] == [np.uint64(n).tobytes() for n in (1, 2)]


def test_what_is_younger_than_the_pass_waits_for_the_next_one(machine: FakeMachine, monkeypatch) -> None:
    # GIVEN a record written after the pass began to look: another CPU's older one may not be visible yet
    machine.perf[0].write(100)
    machine.perf[1].write(200)
    monkeypatch.setattr(time, "monotonic_ns", lambda: 150)
    assert machine.read() == [(100, 0)]
    machine.perf[0].write(180)
    monkeypatch.setattr(time, "monotonic_ns", lambda: 250)
    assert machine.read() == [(180, 0), (200, 1)]


def test_one_cpus_backlog_does_not_overtake_the_others(monkeypatch) -> None:
    # GIVEN more on each CPU than a batch takes
    monkeypatch.setattr(perf_module, "_MAX_RECORDS", 8)
    monkeypatch.setattr(perf_module, "_MIN_RUN", 2)
    machine = FakeMachine(size=1 << 14)
    for time_ns in range(1, 101):
        machine.perf[time_ns > 50].write(time_ns)
    # THEN order holds across batches, and each is bounded
    batches = list(machine.buffers.batches())
    assert [int(record["time_ns"]) for batch in batches for record in batch] == list(range(1, 101))
    assert max(map(len, batches)) <= 8
    machine.buffers.close()


def test_a_reader_that_finds_nothing_looks_once_more_and_leaves_the_rest_to_the_bell(machine: FakeMachine) -> None:
    # GIVEN a look that found nothing THEN what was being written while the bell was hung is looked for once
    assert machine.buffers.longest_wait_s() == pytest.approx(0.075)
    assert machine.bell.is_waiting
    assert machine.buffers.longest_wait_s() is None
    # WHEN a record rings, and is read THEN more may follow, and no bell is needed as long as it does
    machine.bell.is_waiting = False
    for time_ns in range(3):
        machine.perf[0].write(time_ns)
        machine.read()
        assert machine.buffers.longest_wait_s() == pytest.approx(0.075)
        assert not machine.bell.is_waiting
    # THEN after the first look that finds nothing it is hung again
    machine.read()
    assert machine.buffers.longest_wait_s() == pytest.approx(0.075)
    assert machine.bell.is_waiting
    assert machine.buffers.longest_wait_s() is None


def test_after_a_record_that_comes_alone_the_bell_is_hung_at_once(machine: FakeMachine, monkeypatch) -> None:
    assert machine.buffers.longest_wait_s() == pytest.approx(0.075)
    assert machine.buffers.longest_wait_s() is None
    # WHEN a record rings a second later
    later_s = time.monotonic() + 1
    monkeypatch.setattr(time, "monotonic", lambda: later_s)
    machine.bell.is_waiting = False
    machine.perf[0].write(1)
    machine.read()
    # THEN there is one look more, not two
    assert machine.buffers.longest_wait_s() == pytest.approx(0.075)
    assert machine.bell.is_waiting
    assert machine.buffers.longest_wait_s() is None


def test_where_a_cpu_has_no_bell_the_reader_goes_on_looking() -> None:
    machine = FakeMachine(without_bell=1)
    for _ in range(3):
        assert machine.buffers.longest_wait_s() == pytest.approx(0.075)
    assert not machine.bell.is_waiting
    # WHEN that CPU goes offline THEN the others' bells do
    machine.online.discard(1)
    machine.buffers.refresh()
    assert [machine.buffers.longest_wait_s() for _ in range(3)][-1] is None
    assert machine.bell.is_waiting
    machine.buffers.close()


def test_fullness_is_the_fullest_buffers(machine: FakeMachine) -> None:
    for time_ns in range(10):
        machine.perf[1].write(time_ns)
    assert machine.buffers.fullness == 10 * STRIDE / 4096


def test_a_cpu_that_comes_online_gets_a_buffer(machine: FakeMachine) -> None:
    machine.online.add(2)
    machine.buffers.refresh()
    machine.perf[2].write(1)
    machine.perf[0].write(2)
    assert machine.read() == [(1, 2), (2, 0)]
    machine.buffers.refresh()
    assert machine.opened == [0, 1, 2]


def test_what_a_cpu_left_behind_is_read_and_it_gets_a_new_buffer_when_it_returns(machine: FakeMachine) -> None:
    # GIVEN a CPU that goes offline with records unread and some lost
    left = machine.perf[1]
    left.write(1)
    left.reader.lost = 5
    machine.online.discard(1)
    machine.buffers.refresh()
    # WHEN it comes back before they were read
    machine.online.add(1)
    machine.buffers.refresh()
    assert machine.opened == [0, 1, 1]
    machine.perf[1].write(2)
    # THEN both buffers' records come, and the loss stays counted when the old one is gone
    assert machine.read() == [(1, 1), (2, 1)]
    machine.perf[1].reader.lost = 1
    machine.buffers.refresh()
    machine.buffers.refresh()
    assert machine.buffers.lost_by_cpu == {0: 0, 1: 6}


def test_a_cpu_that_is_gone_again_when_it_is_opened_does_no_harm(machine: FakeMachine, monkeypatch) -> None:
    def gone(cpu: int) -> tuple[tuple[int, ...], object]:
        raise OSError(errno.ENODEV, "No such device")

    monkeypatch.setattr(machine.buffers, "_open_buffer", gone)
    machine.online.add(2)
    machine.buffers.refresh()
    machine.perf[0].write(1)
    assert machine.read() == [(1, 0)]


def test_closing_gives_every_descriptor_back_and_can_be_done_twice() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    machine = FakeMachine(cpus=4)
    machine.online.discard(3)
    machine.buffers.refresh()
    machine.buffers.close()
    machine.buffers.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=120),
    st.integers(1, 12),
    st.sampled_from([1024, 2048, 1 << 14]),
)
def test_however_it_is_cut_everything_comes_once_and_in_order(
    steps: list[tuple[int, int]], most: int, size: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(perf_module, "_MAX_RECORDS", most)
        patch.setattr(perf_module, "_MIN_RUN", 1)
        machine = FakeMachine(cpus=3, size=size)
        kept: list[tuple[int, int]] = []
        seen: list[tuple[int, int]] = []
        for number, (cpu, then) in enumerate(steps):
            if machine.perf[cpu].write(number):
                kept.append((number, cpu))
            if then == 0:
                seen += machine.read()
        seen += machine.read()
        machine.buffers.close()
    assert seen == kept


def test_loss_the_programs_were_not_told_of_counts_without_a_kind_and_only_once() -> None:
    counted = np.zeros((2, MAX_KINDS), np.uint64)
    told: dict[int, int] = {}
    loss = LossOfPerf(lambda: counted, lambda: told)
    # GIVEN a kernel that tells both the program and, later, the reader
    counted[0, 3] = 10
    assert loss().tolist()[:4] == [0, 0, 0, 10]
    told[0] = 10
    assert loss().sum() == 10
    # AND one that tells the reader alone
    told[1] = 4
    assert loss()[UNKNOWN_NUMBER] == 4
    assert loss().sum() == 14
    # THEN what the program counts later for another reason takes nothing back
    counted[1, 5] = 1
    assert loss()[UNKNOWN_NUMBER] == 4
