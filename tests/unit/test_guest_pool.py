"""How the guest lab shares trials out among machines."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar, Self

import pytest
from guest.guest import Guest, MachineError
from guest.machine import Hardware
from guest.pool import Pool
from guest.scenario import Scenario
from guest.trial import Outcome, Trial

WAIT_S = 30


class FakeBench:
    """Stands for a bench: notes what it is given; a trial ends when `go` is set, or it is abandoned."""

    go = threading.Event()
    made: ClassVar[list[FakeBench]] = []

    def __init__(self, *_: object) -> None:
        self.machine, self.attempted, self.abandoned, self.closed = None, [], threading.Event(), False
        self.made.append(self)

    def attempt(self, trial: Trial) -> Outcome:
        self.machine = trial.machine
        self.attempted.append(trial)
        while not self.go.wait(0.01) and not self.abandoned.is_set():
            pass
        state = "failed" if self.abandoned.is_set() else "ok"
        return Outcome(trial.kernel, trial.scenario.name, trial.way, state)

    def abandon(self) -> None:
        self.abandoned.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True


@pytest.fixture
def benches(monkeypatch):
    monkeypatch.setattr("guest.pool.Bench", FakeBench)
    monkeypatch.setattr(FakeBench, "go", threading.Event())
    monkeypatch.setattr(FakeBench, "made", made := [])
    return made


def trial(name: str, memory_mib: int = 1024) -> Trial:
    return Trial("6.12", Scenario(name, SimpleNamespace(HARDWARE=Hardware(memory_mib=memory_mib), GUEST=Guest)))


def test_a_worker_stays_on_its_machine_and_all_is_run_once(benches):
    FakeBench.go.set()
    trials = [trial(f"{mib}-{number}", memory_mib=mib) for number in range(4) for mib in (512, 1024, 2048)]
    with Pool(Path(), trials, workers=1) as pool:
        assert [outcome.state for outcome in pool.outcomes()] == ["ok"] * 12
    (bench,) = benches
    assert sorted(map(str, bench.attempted)) == sorted(map(str, trials))
    machines = [done.machine for done in bench.attempted]
    assert sum(one != other for one, other in pairwise(machines)) == 2


def test_workers_begin_on_different_machines_where_they_can(benches):
    trials = [trial(f"{mib}-{number}", memory_mib=mib) for mib in (512, 1024) for number in range(2)]
    with Pool(Path(), trials, workers=2) as pool:
        FakeBench.go.set()
        list(pool.outcomes())
    assert {bench.attempted[0].machine for bench in benches} == {trials[0].machine, trials[2].machine}


def test_what_runs_at_the_end_is_given_up_with_its_machine(benches):
    trials = [trial("a"), trial("b")]
    with Pool(Path(), trials, workers=1) as pool:
        pass
    assert [len(bench.attempted) for bench in benches] in ([0], [1])
    assert all(bench.closed for bench in benches)
    assert pool._outcomes[trials[1]].cancelled()


def test_an_error_of_the_lab_itself_reaches_who_waits(benches, monkeypatch):
    def broken(*_: object) -> Outcome:
        raise MachineError("no more disk")

    monkeypatch.setattr(FakeBench, "attempt", broken)
    with Pool(Path(), [trial("a"), trial("b")], workers=1) as pool, pytest.raises(MachineError, match="no more disk"):
        list(pool.outcomes())
