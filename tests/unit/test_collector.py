"""The collector's loop over a ring in memory, and the small things around it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from collector_machine import Machine, collect, kinds

from tracer.batch import LostStretch, Samples
from tracer.schema import EVENT_DTYPE, KIND_BY_NAME
from tracer.short_records import SHORT_DTYPE


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.collector.close()
    os.close(made.ready)


def test_it_begins_and_ends_with_a_sample_and_ends_when_told(machine: Machine) -> None:
    items = collect(machine, lambda number: machine.collector.stop() if number == 3 else None)
    assert set(kinds(items)) == {Samples}
    assert len(items) == 5
    times = [int(item.time_ns[0]) for item in items]
    assert times == sorted(times)
    assert items[0].column("vmstat.nr_free_pages").tolist() == [5]


def test_it_gives_something_at_least_once_a_turn(tmp_path: Path) -> None:
    # GIVEN readings every five seconds and nothing else, and somebody who wants to look every ten milliseconds
    machine = Machine(tmp_path, interval_s=5.0, turn_s=0.01)
    items = collect(machine, lambda number: machine.collector.stop() if number == 5 else None)
    # THEN items without records come in between
    assert [len(item) for item in items] == [1, 0, 0, 0, 0, 0, 1]
    machine.collector.close()


def test_what_the_programs_still_hold_comes_behind_the_last_records(machine: Machine) -> None:
    # GIVEN scans that no event has told of, and an event still in the ring
    machine.untold = np.zeros(2, EVENT_DTYPE)
    machine.untold["kind"] = KIND_BY_NAME["lru_shrink_inactive"].number
    machine.write()
    items = collect(machine, lambda number: machine.collector.stop() if number == 0 else None)
    # THEN they come once, behind it and before the last readings
    batches = [item for item in items if isinstance(item, np.ndarray)]
    assert [len(batch) for batch in batches] == [1, 2]
    assert batches[-1] is machine.untold
    assert isinstance(items[-1], Samples)


def test_it_ends_when_the_time_is_over(machine: Machine) -> None:
    before = time.monotonic()
    collect(machine, lambda number: None, duration_s=0.1)
    assert 0.1 <= time.monotonic() - before < 2.0


def test_records_come_as_one_batch_and_what_is_left_at_the_end_too(machine: Machine) -> None:
    def at(number: int) -> None:
        if number == 0:
            machine.write(count=5)
        if number == 1:
            machine.write(count=3)
            machine.collector.stop()

    batches = [item for item in collect(machine, at) if isinstance(item, np.ndarray)]
    assert [len(batch) for batch in batches] == [5, 3]
    assert all(batch.dtype == SHORT_DTYPE for batch in batches)


@pytest.mark.parametrize("lend", [False, True])
def test_records_are_copies_unless_lent(machine: Machine, lend: bool) -> None:
    # GIVEN a record whose place in the ring is written over before the next item is asked for
    machine.write()
    for item in machine.collector.items(duration_s=60, lend=lend):
        if isinstance(item, np.ndarray):
            machine.ring.data[:] = 0xFF
            assert (item["time_ns"].tolist() == [1]) == (not lend)
            machine.ring.data[:] = 0
            machine.collector.stop()


def test_a_record_never_finished_cannot_hold_up_the_end(machine: Machine) -> None:
    def at(number: int) -> None:
        if number == 0:
            machine.ring.write(flags=1 << 31)
            machine.collector.stop()

    before = time.monotonic()
    items = collect(machine, at)
    assert set(kinds(items)) == {Samples}
    assert time.monotonic() - before < 2.0


def test_loss_comes_as_a_stretch_between_two_looks(machine: Machine) -> None:
    def at(number: int) -> None:
        if number == 0:
            machine.lost[1] += 7
            machine.write()
        if number == 2:
            machine.lost[1] += 1
            machine.lost[2] += 2
            machine.collector.stop()

    stretches = [item for item in collect(machine, at) if isinstance(item, LostStretch)]
    assert [dict(stretch.counts) for stretch in stretches] == [
        {"shrink_slab_start": 7},
        {"shrink_slab_start": 1, "shrink_slab_end": 2},
    ]
    assert stretches[0].start_ns < stretches[0].end_ns <= stretches[1].start_ns < stretches[1].end_ns


def test_loss_between_attaching_and_the_first_look_is_told(machine: Machine) -> None:
    # GIVEN programs that are attached, a ring that is full before anybody reads it, and one program skipped
    machine.lost[1] = 1000
    machine.missed[2] = 3
    items = collect(machine, lambda number: machine.collector.stop())
    stretches = [item for item in items if isinstance(item, LostStretch)]
    assert [dict(stretch.counts) for stretch in stretches] == [{"shrink_slab_start": 1000}, {"shrink_slab_end": 3}]
    assert {stretch.start_ns for stretch in stretches} == {machine.start_ns}


def test_what_came_before_time_zero_is_forgotten_and_the_reading_made_there_comes_first(machine: Machine) -> None:
    # GIVEN records and losses of programs that were attached earlier
    machine.write(count=4)
    machine.lost[1] = 1000
    machine.missed[2] = 3
    machine.untold = np.zeros(1, EVENT_DTYPE)
    zero_ns = machine.collector.begin()
    machine.untold = np.empty(0, EVENT_DTYPE)
    # WHEN more come
    machine.write(count=2)
    machine.lost[1] += 7
    items = collect(machine, lambda number: machine.collector.stop())
    # THEN only these are told, behind the reading that was made at time zero
    assert isinstance(items[0], Samples)
    assert items[0].time_ns.tolist() == [zero_ns]
    assert [len(item) for item in items if isinstance(item, np.ndarray)] == [2]
    stretches = [item for item in items if isinstance(item, LostStretch)]
    assert [dict(stretch.counts) for stretch in stretches] == [{"shrink_slab_start": 7}]


def test_the_duration_counts_from_time_zero(machine: Machine) -> None:
    zero_ns = machine.collector.begin()
    time.sleep(0.1)
    items = [item for item in machine.collector.items(0.1) if isinstance(item, Samples)]
    # The time was over when they were asked for: no reading but the first and the last.
    assert [items[0].time_ns[0], len(items)] == [zero_ns, 2]


def test_nothing_earlier_comes_behind_a_sample(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN records that come while the collector stands still just before it reads a counter
    written: list[int] = []
    plain = machine.counters.read

    def read() -> np.ndarray:
        machine.write(count=3)
        written.append(machine.ring.written)
        return plain()

    monkeypatch.setattr(machine.counters, "read", read)
    seen = samples = 0
    for item in machine.collector.items(duration_s=5):
        if isinstance(item, np.ndarray):
            seen += len(item)
        elif isinstance(item, Samples) and samples < 5:
            # THEN what was there at the reading is given first
            assert seen >= written[samples]
            samples += 1
        elif samples == 5:
            machine.collector.stop()
    assert samples == 5


@pytest.mark.parametrize(("kind", "extra"), [("balloon_work_begin", True), ("kswapd_sleep", False)])
def test_balloon_events_bring_a_sample_at_once(tmp_path: Path, kind: str, extra: bool) -> None:
    # GIVEN samples an hour apart, and 50 ms since the last
    machine = Machine(tmp_path, interval_s=3600.0)

    def at(number: int) -> None:
        if number == 0:
            time.sleep(0.06)
            machine.write(kind)
        if number == 1:
            machine.collector.stop()

    items = collect(machine, at, duration_s=600)
    machine.collector.close()
    assert len([item for item in items if isinstance(item, Samples)]) == (3 if extra else 2)


def test_readings_that_take_long_are_rarer_than_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN counters that take 10 ms of CPU to read, and readings wanted every 10 ms
    machine = Machine(tmp_path, interval_s=0.01)
    read = machine.counters.read

    def slowly() -> object:
        end_ns = time.thread_time_ns() + 10_000_000
        while time.thread_time_ns() < end_ns:
            pass
        return read()

    monkeypatch.setattr(machine.counters, "read", slowly)
    # WHEN it runs for a while
    items = [item for item in machine.collector.items(0.4) if isinstance(item, Samples)]
    # THEN they take a fifth of a CPU, but for the one at either end
    times = np.concatenate([item.time_ns for item in items])
    assert len(times) > 2
    assert np.diff(times[:-1]).min() >= 50_000_000


def test_a_condition_with_a_descriptor_ends_it_at_once(tmp_path: Path) -> None:
    machine = Machine(tmp_path, interval_s=3600.0)
    wake = os.eventfd(0)
    machine.collector.stop_when(wake, lambda: over)
    over = False

    def at(number: int) -> None:
        nonlocal over
        over = True
        os.eventfd_write(wake, 1)

    before = time.monotonic()
    collect(machine, at, duration_s=60)
    machine.collector.close()
    assert time.monotonic() - before < 2.0


def test_events_the_kernel_skipped_are_a_lost_stretch_too(machine: Machine) -> None:
    # GIVEN a program that the kernel does not run for three events while the collector does
    stretches = []
    for number, item in enumerate(machine.collector.items(duration_s=5)):
        if number == 0:
            machine.missed[KIND_BY_NAME["wakeup_kswapd"].number] += 3
        if isinstance(item, LostStretch):
            stretches.append(item)
            machine.collector.stop()
    # THEN they are told, by kind, once
    assert [stretch.counts for stretch in stretches] == [{"wakeup_kswapd": 3}]


@pytest.mark.parametrize(
    ("kind", "count", "rarely"),
    [("kswapd_sleep", 3, True), ("kswapd_sleep", 40, False), ("balloon_work_begin", 1, False)],
)
def test_few_events_between_samples_are_no_reason_to_read_counters_often(
    machine: Machine, kind: str, count: int, rarely: bool
) -> None:
    # GIVEN some events between any two samples, for longer than the collector takes to call a machine quiet
    times: list[int] = []
    for item in machine.collector.items(duration_s=60):
        if not isinstance(item, Samples):
            continue
        times.append(int(item.time_ns[0]))
        if len(times) == 40:
            machine.collector.stop()
        elif len(times) < 40:
            machine.write(kind, count)
    # THEN the last are four intervals of 20 ms apart where there were few, and none of the balloon
    assert (min(np.diff(times[30:40])) >= 80_000_000) == rarely


def sample_times(machine: Machine, count: int, at: Callable[[int], None] = lambda _: None) -> list[int]:
    """When so many samples were taken; `at(n)` is called after the n-th."""
    times: list[int] = []
    for item in machine.collector.items(duration_s=120):
        if isinstance(item, Samples) and len(times) < count:
            times.append(int(item.time_ns[0]))
            at(len(times))
            if len(times) == count:
                machine.collector.stop()
    return times


def test_a_machine_long_at_rest_is_read_still_more_rarely(tmp_path: Path) -> None:
    machine = Machine(tmp_path, interval_s=0.002)
    times = sample_times(machine, 50)
    # A reading can come late, never early.
    assert min(np.diff(times[40:])) >= 8 * 2_000_000


def test_a_balloon_whose_counters_move_is_read_often_although_no_event_tells_of_it(
    machine: Machine, tmp_path: Path
) -> None:
    # GIVEN a machine that has become quiet, on which the count of inflated pages then goes up at each reading
    def at(number: int) -> None:
        if number >= 30:
            (tmp_path / "proc/vmstat").write_text(f"nr_free_pages 5\nballoon_inflate {number}\nballoon_deflate 0\n")

    times = sample_times(machine, 60, at)
    # THEN readings come again before four intervals of 20 ms are over; at least one of them, on a busy machine
    assert min(np.diff(times[24:30])) >= 80_000_000
    assert min(np.diff(times[31:])) < 80_000_000
