"""Scenarios on guests: which there are, run on one machine after another, with an outcome each."""

from __future__ import annotations

import importlib
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Self

from .debian import LabError
from .found import Found
from .guest import Guest, MachineError, say_again
from .lab import Lab
from .machine import Hardware
from .ways import DEFAULT, NONE, Recorders, is_possible, with_room

SCENARIOS = Path(__file__).parent / "scenarios"


@dataclass(frozen=True)
class Scenario:
    """One file of `scenarios/`: `drive(lab)`, `judge(found)`, and what else it says, as here."""

    name: str
    module: ModuleType = field(compare=False)

    @property
    def hardware(self) -> Hardware:
        """What machine it takes."""
        value: Hardware = getattr(self.module, "HARDWARE", Hardware())
        return value

    @property
    def guest(self) -> type[Guest]:
        """What kind of guest: by its balloon's driver."""
        value: type[Guest] = getattr(self.module, "GUEST", Guest)
        return value

    @property
    def record(self) -> tuple[str, ...]:
        """Options of `record` that it takes."""
        value: tuple[str, ...] = getattr(self.module, "RECORD", ())
        return value

    def why_not(self, kernel: str) -> str:
        """Why the kernel can't run it; empty where it can."""
        return str(getattr(self.module, "WITHOUT", {}).get(kernel, ""))


@dataclass
class Outcome:
    """What became of a scenario on a kernel, recorded in one way: `ok`, `failed`, `skipped`."""

    kernel: str
    scenario: str
    recorder: str
    state: str
    reason: str = ""
    seconds: float = 0.0
    numbers: dict[str, Any] = field(default_factory=dict)


def scenarios() -> list[Scenario]:
    """All, those for the same machine together."""
    names = sorted(path.stem for path in SCENARIOS.glob("*.py"))
    package = __package__ or "guest"
    found = [Scenario(name, importlib.import_module(f"{package}.scenarios.{name}")) for name in names]
    return sorted(found, key=lambda scenario: (scenario.guest.__name__, repr(scenario.hardware), scenario.name))


class Bench:
    """Keeps the last machine running for the next scenario that takes the same; a failed one's is thrown away.

    `recorder` is the way that it records, by name; `beside` names further recorders of the same and their options.
    """

    def __init__(
        self, folder: Path, options: tuple[str, ...] = (), recorder: str = DEFAULT, beside: Recorders = NONE
    ) -> None:
        self._folder, self._options, self.recorder, self._beside = folder, options, recorder, beside
        self._key: tuple[str, type[Guest], Hardware] | None = None
        self._lab: Lab | None = None

    def run(self, kernel: str, scenario: Scenario) -> Found:
        """Drive it and hold the result against the truth. Raises AssertionError, or LabError with the console.

        Where the machine fails, and not what is tested on it, it is driven once more on a new one, and that is said.
        """
        try:
            found = self._drive(kernel, scenario)
        except MachineError as error:
            say_again(error)
            found = self._drive(kernel, scenario)
        for seen in (found, *found.beside.values()):
            hold(seen, scenario)
        return found

    def _drive(self, kernel: str, scenario: Scenario) -> Found:
        lab = self._machine(kernel, scenario)
        try:
            with lab.tracing(*scenario.record):
                scenario.module.drive(lab)
            found = lab.found(self._folder, f"{kernel}-{scenario.name}")
            lab.reset()
        except BaseException as error:
            told = lab.guest.error(str(error)) if isinstance(error, (LabError, OSError)) else error
            self.close()
            if isinstance(told, MachineError):
                raise told from error
            raise
        return found

    def close(self) -> None:
        """End the machine; idempotent."""
        if self._lab is not None:
            self._lab.guest.close()
        self._lab = self._key = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _machine(self, kernel: str, scenario: Scenario) -> Lab:
        key = (kernel, scenario.guest, scenario.hardware)
        if self._lab is None or self._key != key:
            self.close()
            guest = scenario.guest(kernel, with_room(scenario.hardware, len(self._beside)))
            try:
                self._lab = Lab(guest, self._options, self.recorder, self._beside)
            except BaseException:
                guest.close()
                raise
            self._key = key
        return self._lab


def hold(found: Found, scenario: Scenario) -> None:
    """Nothing lost, pages as they really were, the scenario's claims. Raises AssertionError.

    Of a way that the kernel has not nothing is asked, and of one that can only infer that it says how far off it is.
    """
    found.require_nothing_lost()
    if found.is_measured or found.recorder == DEFAULT:
        found.require_true_pages()
        scenario.module.judge(found)
    elif is_possible(found):
        found.require_stated_error()


def outcomes(bench: Bench, kernels: list[str], chosen: list[Scenario]) -> Iterator[Outcome]:
    """Every kernel x scenario, as they end; no more of a kernel that has not what the recorder is forced to use."""
    for kernel in kernels:
        impossible = ""
        for scenario in chosen:
            if reason := impossible or scenario.why_not(kernel):
                yield Outcome(kernel, scenario.name, bench.recorder, "skipped", reason)
                continue
            outcome = _outcome(bench, kernel, scenario)
            impossible = outcome.reason if outcome.state == "skipped" else ""
            yield outcome


def _outcome(bench: Bench, kernel: str, scenario: Scenario) -> Outcome:
    outcome, began_s = Outcome(kernel, scenario.name, bench.recorder, "ok"), time.monotonic()
    try:
        found = bench.run(kernel, scenario)
        outcome.numbers = numbers(found)
        if not is_possible(found):
            outcome.state, outcome.reason = "skipped", "this kernel has none"
    except Exception as error:  # noqa: BLE001 - one scenario's failure is a row in the table
        outcome.state, outcome.reason = "failed", _told(error)
    outcome.seconds = round(time.monotonic() - began_s, 1)
    return outcome


def _told(error: Exception) -> str:
    """An assertion without words is told by its line."""
    line = traceback.extract_tb(error.__traceback__)[-1].line
    return f"{type(error).__name__}: {str(error) or line}"


def numbers(found: Found) -> dict[str, Any]:
    """What the table shows of a result."""
    return {
        "inflated_pages": found.balloon["inflated_pages"],
        "leaked_pages": found.leaked,
        "host_pages": found.truth.host_pages,
        "quality": found.balloon["quality"],
        "missed_pages": found.balloon["missed_pages"],
        "counted_by": found.counted_by,
        "transport": found.transport,
        "cycles": sorted(found.classes),
        "findings": sorted(found.kinds),
        "kills": found.kills,
        "events": found.summary["recording"]["events"],
    }
