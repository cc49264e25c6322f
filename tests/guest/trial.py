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
from .guest import Guest, MachineError, say_again
from .lab import Found, Lab
from .machine import Hardware

SCENARIOS = Path(__file__).parent / "scenarios"


@dataclass(frozen=True)
class Scenario:
    """One file of `scenarios/`: `drive(lab)`, `judge(found)`, and where it differs `GUEST`, `HARDWARE`, `WITHOUT`."""

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
    def says(self) -> str:
        """Its docstring."""
        return (self.module.__doc__ or "").strip()

    def why_not(self, kernel: str) -> str:
        """Why the kernel can't run it; empty where it can."""
        return str(getattr(self.module, "WITHOUT", {}).get(kernel, ""))


@dataclass
class Outcome:
    """What became of a scenario on a kernel: `ok`, `failed`, `skipped`."""

    kernel: str
    scenario: str
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
    """Keeps the last machine running for the next scenario that takes the same; a failed one's is thrown away."""

    def __init__(self, folder: Path, options: tuple[str, ...] = ()) -> None:
        self._folder, self._options = folder, options
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
        found.require_nothing_lost()
        found.require_true_pages()
        scenario.module.judge(found)
        return found

    def _drive(self, kernel: str, scenario: Scenario) -> Found:
        lab = self._machine(kernel, scenario)
        try:
            with lab.tracing():
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
            self._lab = Lab(scenario.guest(kernel, scenario.hardware), self._options)
            self._key = key
        return self._lab


def outcomes(bench: Bench, kernels: list[str], chosen: list[Scenario]) -> Iterator[Outcome]:
    """Every kernel x scenario, as they end."""
    for kernel in kernels:
        for scenario in chosen:
            if reason := scenario.why_not(kernel):
                yield Outcome(kernel, scenario.name, "skipped", reason)
                continue
            began_s = time.monotonic()
            outcome = Outcome(kernel, scenario.name, "ok")
            try:
                outcome.numbers = numbers(bench.run(kernel, scenario))
            except Exception as error:  # noqa: BLE001 - one scenario's failure is a row in the table
                outcome.state, outcome.reason = "failed", _told(error)
            outcome.seconds = round(time.monotonic() - began_s, 1)
            yield outcome


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
        "cycles": sorted(found.classes),
        "findings": sorted(found.kinds),
        "kills": found.kills,
        "events": found.summary["recording"]["events"],
    }
