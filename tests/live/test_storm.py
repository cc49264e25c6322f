"""Storms of records with known content: none torn, none lost, none twice, each thread's in order."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from storm import Checker, Generator, StormProgram, build_generator, new_token

from tracer.collect.ring import STRIDE

pytestmark = pytest.mark.usefixtures("bcc")

CPUS = sorted(os.sched_getaffinity(0))[:2]


@pytest.fixture(scope="session")
def generator(tmp_path_factory: pytest.TempPathFactory, need) -> Path:
    need("live", shutil.which("gcc") is not None, "no gcc on PATH (`make setup-test`)")
    return build_generator(tmp_path_factory.mktemp("storm"))


def read_all(program: StormProgram, load: Generator, checker: Checker, room: int) -> None:
    """Drain until the load has ended and nothing is left, letting each thread be `room` calls ahead of its reader."""
    ended = False
    while not ended:
        ended = load.ended
        time.sleep(0.001)
        while len(records := program.ring.drain()):
            checker.take(records)
        for thread in range(len(CPUS)):
            load.allow(thread, checker.next_of(thread) + room)


def test_every_call_of_two_producers_comes_once_whole_and_in_order(generator: Path) -> None:
    # GIVEN a small ring, and producers at full speed that stop rather than fill it
    token, checker, calls = new_token(), Checker(), 1_500_000
    with (
        StormProgram(token, 1 << 20) as program,
        Generator(generator, token, CPUS, calls=calls, windowed=True) as load,
    ):
        # WHEN millions of records go many times around it
        load.go()
        read_all(program, load, checker, program.buffer_bytes // STRIDE // len(CPUS))
        lost = int(program.lost().sum())
        results = load.results()
    # THEN every single one is there, whole, once, in its thread's order
    assert checker.missing(results) == lost == 0
    assert checker.seen == calls * len(CPUS)
