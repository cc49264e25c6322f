"""One scenario on one kernel, recorded in one way: driven, and held against the truth."""

from __future__ import annotations

import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from .carried import carry
from .debian import LabError
from .found import Found
from .guest import Guest, MachineError, say_again
from .lab import Lab
from .machine import Hardware
from .scenario import Scenario
from .ways import DEFAULT, NONE, Recorders, is_as_asked, may_infer, on, options_of, with_room

Machine = tuple[str, type[Guest], Hardware]


@dataclass(frozen=True)
class Trial:
    """A scenario on a kernel, recorded in one of `WAYS` or `CARRIED_WAYS`, or as `record` does by itself."""

    kernel: str
    scenario: Scenario
    way: str = DEFAULT

    @property
    def machine(self) -> Machine:
        """What it runs on; trials that take the same can share one."""
        return self.kernel, self.scenario.guest, on(self.scenario.hardware, self.way)

    @property
    def why_not(self) -> str:
        """Why it can't be run; empty where it can."""
        return self.scenario.why_not(self.kernel)

    def __str__(self) -> str:
        return ".".join(filter(None, (f"{self.kernel}-{self.scenario.name}", self.way)))


@dataclass
class Outcome:
    """What became of a trial: `ok`, `failed`, `skipped`."""

    kernel: str
    scenario: str
    recorder: str
    state: str
    reason: str = ""
    seconds: float = 0.0
    numbers: dict[str, Any] = field(default_factory=dict)


class Bench:
    """Keeps the last machine running for the next trial that takes the same; a failed one's is thrown away.

    `options` are for each `record`; `beside` names further recorders of the same and their options.
    """

    def __init__(self, folder: Path, options: tuple[str, ...] = (), beside: Recorders = NONE) -> None:
        self._folder, self._options, self._beside = folder, options, beside
        self._lab: Lab | None = None
        self._abandoned = False
        self.machine: Machine | None = None

    def attempt(self, trial: Trial) -> Outcome:
        """Run it where it can be; a failure is an outcome too."""
        if reason := trial.why_not:
            return _outcome(trial, "skipped", reason)
        outcome, began_s = _outcome(trial, "ok"), time.monotonic()
        try:
            found = self.drive(trial)
            outcome.numbers = numbers(found)
            hold_all(found, trial.scenario)
        except Exception as error:  # noqa: BLE001 - one scenario's failure is a row in the table
            outcome.state, outcome.reason = "failed", _told(error)
        outcome.seconds = round(time.monotonic() - began_s, 1)
        return outcome

    def run(self, trial: Trial) -> Found:
        """Drive it and hold the result against the truth. Raises AssertionError, or LabError with the console."""
        found = self.drive(trial)
        hold_all(found, trial.scenario)
        return found

    def drive(self, trial: Trial) -> Found:
        """What was found, not yet judged. Raises LabError with the console.

        Where the machine fails, and not what is tested on it, it is driven once more on a new one, and that is said.
        """
        try:
            return self._drive(trial)
        except MachineError as error:
            if self._abandoned:
                raise
            say_again(error)
            return self._drive(trial)

    def abandon(self) -> None:
        """End the machine under a trial that another thread drives here; that fails, and no other begins."""
        self._abandoned = True
        if lab := self._lab:
            lab.guest.power_cut()

    def close(self) -> None:
        """End the machine; idempotent."""
        if self._lab is not None:
            self._lab.guest.close()
        self._lab = self.machine = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _drive(self, trial: Trial) -> Found:
        lab = self._made(trial)
        try:
            trial.scenario.prepare(lab)
            with lab.tracing(trial.way, (*options_of(trial.way), *trial.scenario.record, *self._options)):
                trial.scenario.module.drive(lab)
            name = f"{trial.kernel}-{trial.scenario.name}"
            found = lab.found(self._folder, name, trial.scenario.horizon_s)
            lab.reset()
            # kswapd of a machine with one node stays asleep until somebody reclaims and has it balanced
            # (kswapd_try_clear_hopeless in mm/vmscan.c): the next scenario would find direct reclaim only.
            if lab.is_hopeless():
                self.close()
        except BaseException as error:
            told = lab.guest.error(str(error)) if isinstance(error, (LabError, OSError)) else error
            self.close()
            if isinstance(told, MachineError):
                raise told from error
            raise
        return found

    def _made(self, trial: Trial) -> Lab:
        if self._lab is None or self.machine != trial.machine:
            self.close()
            guest = trial.scenario.guest(trial.kernel, with_room(trial.machine[-1], len(self._beside)))
            try:
                if not guest.hardware.compiler:
                    carry(guest)
                self._lab = Lab(guest, self._beside)
                if self._abandoned:
                    guest.power_cut()
            except BaseException:
                guest.close()
                raise
            self.machine = trial.machine
        return self._lab


def hold_all(found: Found, scenario: Scenario) -> None:
    """What each recorder saw. Raises AssertionError."""
    for seen in (found, *found.beside.values()):
        hold(seen, scenario)


def hold(found: Found, scenario: Scenario) -> None:
    """Recorded as asked, nothing lost; kills, reclaimed pages and the balloon's as they were; the scenario's claims.

    Raises AssertionError. Of a way that can only infer it is asked that it says how far off it is.
    """
    assert is_as_asked(found), _not_as_asked(found)
    found.require_nothing_lost()
    found.require_true_kills()
    found.require_true_user_kills(scenario.user_kills)
    found.require_true_reclaim()
    found.require_true_hopelessness()
    if not found.is_measured and may_infer(found):
        found.require_stated_error()
        return
    assert found.is_measured, f"{found.counted_by} has inferred the balloon's pages"
    found.require_true_pages()
    scenario.module.judge(found)


def _not_as_asked(found: Found) -> str:
    return (
        f"{found.recorder} was asked for, got {found.counted_by} through {found.transport}, programs {found.programs}"
    )


def numbers(found: Found) -> dict[str, Any]:
    """What the table shows of a result."""
    return {
        "inflated_pages": found.balloon["inflated_pages"],
        "leaked_pages": found.leaked,
        "host_pages": found.truth.host_pages,
        "quality": found.balloon["quality"],
        "missed_pages": found.balloon["missed_pages"],
        "extra_pages": found.balloon["extra_pages"],
        "counted_by": found.counted_by,
        "transport": found.transport,
        "cycles": sorted(found.classes),
        "findings": sorted(found.kinds),
        "reclaimed": {name: asdict(held) for name, held in found.reclaimed.items()},
        "kills": found.kills,
        "events": found.summary["recording"]["events"],
    }


def _outcome(trial: Trial, state: str, reason: str = "") -> Outcome:
    return Outcome(trial.kernel, trial.scenario.name, trial.way, state, reason)


def _told(error: Exception) -> str:
    """An assertion without words is told by its line."""
    line = traceback.extract_tb(error.__traceback__)[-1].line
    return f"{type(error).__name__}: {str(error) or line}"
