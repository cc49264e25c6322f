"""The files of `scenarios/`, as the lab drives and judges them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from tracer.analyze.options import Options

from .guest import Guest
from .lab import Lab
from .machine import Hardware

FOLDER = Path(__file__).parent / "scenarios"


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

    @property
    def horizon_s(self) -> float:
        """How long leaked pages may stay out before coming back is no cycle."""
        return float(getattr(self.module, "HORIZON_S", Options.horizon_s))

    @property
    def user_kills(self) -> int:
        """How many processes another one kills with SIGKILL, memory being short."""
        return int(getattr(self.module, "USER_KILLS", 0))

    def prepare(self, lab: Lab) -> None:
        """What is done before anybody records."""
        getattr(self.module, "prepare", lambda _: None)(lab)

    def why_not(self, kernel: str) -> str:
        """Why the kernel can't run it; empty where it can."""
        return str(getattr(self.module, "WITHOUT", {}).get(kernel, ""))


def scenarios() -> list[Scenario]:
    """All, those for the same machine together."""
    names = sorted(path.stem for path in FOLDER.glob("*.py"))
    package = __package__ or "guest"
    found = [Scenario(name, importlib.import_module(f"{package}.scenarios.{name}")) for name in names]
    return sorted(found, key=lambda scenario: (scenario.guest.__name__, repr(scenario.hardware), scenario.name))


def scenario_named(name: str) -> Scenario:
    """One of them. Raises StopIteration where there is none."""
    return next(scenario for scenario in scenarios() if scenario.name == name)
