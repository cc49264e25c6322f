"""Storms of records with known content: none torn, none lost, none twice, each thread's in order."""

from __future__ import annotations

import os
import select
import time
from pathlib import Path

import pytest
from storm import Checker, Generator, StormProgram, checking, new_token

from tracer.collect import perf_buffer, ring
from tracer.probes import syscalls
from tracer.probes.transport import Transport
from tracer.schema import EVENT_DTYPE

pytestmark = pytest.mark.usefixtures("bcc")

CPUS = sorted(os.sched_getaffinity(0))[:2]


def room_of(program: StormProgram) -> int:
    """Records of each thread that surely fit: threads are on CPUs of their own."""
    if program.choice.transport is Transport.RING:
        return program.sizes.each_bytes // (ring.HEADER_BYTES + EVENT_DTYPE.itemsize) // len(CPUS)
    return program.sizes.each_bytes // max(perf_buffer.SLOTS) - 1


def read_all(program: StormProgram, load: Generator, checker: Checker) -> None:
    """Drain until the load has ended and nothing is left, letting no thread be further ahead than its records fit."""
    ended, room = False, room_of(program)
    while not ended:
        ended = load.ended
        time.sleep(0.001)
        for records in program.buffers.batches():
            checker.take(records)
        for thread in range(len(CPUS)):
            load.allow(thread, checker.next_of(thread) + room)


def test_every_call_of_two_producers_comes_once_whole_and_in_order(generator: Path, transport: Transport) -> None:
    # GIVEN small buffers, and producers at full speed that stop rather than fill them
    token, checker, calls = new_token(), Checker(), 1_500_000
    with (
        StormProgram(token, 1 << 20, transport=transport) as program,
        Generator(generator, token, CPUS, calls=calls, windowed=True) as load,
    ):
        # WHEN millions of records go many times around
        load.go()
        read_all(program, load, checker)
        lost = int(program.lost_in_buffers().sum())
        results = load.results()
    # THEN every single one is there, whole, once, in its thread's order
    assert checker.missing(results) == lost == 0
    assert checker.seen == calls * len(CPUS)
    assert program.buffers.malformed == 0


@pytest.mark.parametrize("cpu", CPUS)
def test_a_single_record_wakes_a_reader_that_waits(generator: Path, transport: Transport, cpu: int) -> None:
    token, checker, waiting = new_token(), Checker(), select.epoll()
    with (
        StormProgram(token, transport=transport) as program,
        Generator(generator, token, [cpu], calls=1) as load,
        waiting,
    ):
        # GIVEN a reader that has found nothing and waits for as long as it takes
        waiting.register(program.buffers.fd, select.EPOLLIN)
        while program.buffers.longest_wait_s() is not None:
            pass
        # WHEN there is one record THEN it is woken, and finds it
        load.go()
        assert waiting.poll(30)
        for records in program.buffers.batches():
            checker.take(records)
        assert checker.missing(load.results()) == 0


def test_a_bell_that_can_not_be_mapped_is_hung_by_system_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a kernel that maps no arrays
    monkeypatch.setattr(syscalls, "accepts_mapped_array", lambda: False)
    with StormProgram(new_token(), transport=Transport.PERF) as program:
        assert program.bell is not None
        assert not program.bell.is_waiting
        program.bell.wait()
        assert program.bell.is_waiting


def test_what_a_reader_that_sleeps_does_not_get_is_counted_to_the_last_record(
    generator: Path, transport: Transport
) -> None:
    # GIVEN producers that nothing holds back, far beyond what the buffers hold
    token, checker = new_token(), Checker()
    with (
        StormProgram(token, 1 << 20, transport=transport) as program,
        Generator(generator, token, CPUS, calls=200_000) as load,
    ):
        # WHEN nobody reads until they have ended, but for a look in the middle
        load.go()
        while program.lost().sum() == 0 and not load.ended:
            time.sleep(0.001)
        for records in program.buffers.batches():
            checker.take(records)
        results = load.results()
        for records in program.buffers.batches():
            checker.take(records)
        lost = program.lost_in_buffers()
    # THEN what came is whole and in order, and what did not is exactly what was counted, under its kind
    assert checker.missing(results) == lost[checking.KIND] == lost.sum() > 0
    assert checker.seen > 0
