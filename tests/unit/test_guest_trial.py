"""What the guest lab tries again: a machine that failed, never what was found on one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from guest.guest import GuestError, MachineError
from guest.trial import Bench, Trial


class Trials:
    """Stands for a scenario, and for what driving it gives: an exception each time until there is none left."""

    def __init__(self, *errors: Exception, judged: Exception | None = None) -> None:
        self.errors, self.driven, self._judged = list(errors), 0, judged
        self.module = SimpleNamespace(judge=self.judge)
        self.require_nothing_lost = self.require_true_pages = lambda: None
        self.is_measured, self.recorder, self.beside = True, "", {}

    def drive(self, *_: object) -> Trials:
        self.driven += 1
        if self.errors:
            raise self.errors.pop(0)
        return self

    def judge(self, found: Trials) -> None:
        assert found is self
        if self._judged:
            raise self._judged


def run(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> Trials:
    bench = Bench(Path())
    monkeypatch.setattr(bench, "_drive", trials.drive)
    return bench.run(Trial("6.12", trials))


def test_a_machine_that_failed_is_replaced_once_and_that_is_said(monkeypatch) -> None:
    monkeypatch.setattr("guest.guest.machines_replaced", said := [])
    trials = Trials(MachineError("QEMU has ended"))
    assert run(trials, monkeypatch) is trials
    assert trials.driven == 2
    assert said == ["QEMU has ended"]


def test_two_machines_that_failed_are_a_failure(monkeypatch) -> None:
    monkeypatch.setattr("guest.guest.machines_replaced", [])
    with pytest.raises(MachineError, match="second"):
        run(Trials(MachineError("first"), MachineError("second")), monkeypatch)


@pytest.mark.parametrize("error", [GuestError("waited 300 s for the tracer to attach"), AssertionError("lost")])
def test_what_goes_wrong_on_a_machine_that_runs_is_never_tried_again(monkeypatch, error) -> None:
    trials = Trials(error)
    with pytest.raises(type(error)):
        run(trials, monkeypatch)
    assert trials.driven == 1
    judged = Trials(judged=error)
    with pytest.raises(type(error)):
        run(judged, monkeypatch)
    assert judged.driven == 1
