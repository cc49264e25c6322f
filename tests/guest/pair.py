"""A problem, and the same load once the advice against it was followed: the files of `pairs/`, and what they cost."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

from .found import Found
from .guest import Guest
from .lab import PAGES_PER_MIB, Lab
from .machine import Hardware
from .scenario import Scenario

FOLDER: Final = Path(__file__).parent / "pairs"
_USUAL: Final = Hardware()


@dataclass(frozen=True)
class Phase:
    """Half of a pair, with what a scenario's file says: see `Scenario`."""

    drive: Callable[[Lab], None]
    prepare: Callable[[Lab], None] = lambda _: None
    judge: Callable[[Found], None] = lambda _: None
    hardware: Hardware = _USUAL
    guest: type[Guest] = Guest
    record: tuple[str, ...] = ()

    def scenario(self, name: str) -> Scenario:
        """As the lab drives it."""
        module = ModuleType(name)
        module.__dict__.update(
            drive=self.drive, prepare=self.prepare, judge=self.judge, HARDWARE=self.hardware, GUEST=self.guest,
            RECORD=self.record,
        )  # fmt: skip
        return Scenario(name, module)


@dataclass(frozen=True)
class Cost:
    """What somebody pays. `decimals` of it are shown."""

    name: str
    unit: str
    of: Callable[[Found], float]
    decimals: int = 0


def _mib(pages: float) -> float:
    return pages / PAGES_PER_MIB


def _waited_s(found: Found) -> float:
    return sum(stall["stall_s"] for stall in found.summary["stalls"])


COSTS: Final[Mapping[str, Cost]] = {
    cost.name: cost
    for cost in (
        Cost("read again", "MiB", lambda found: _mib(found.truth.vmstat["workingset_refault_file"])),
        Cost("moved for nothing", "MiB", lambda found: _mib(found.balloon["wasted_pages"])),
        Cost("waited for memory", "s", _waited_s, 2),
        Cost("OOM kills", "", lambda found: found.truth.vmstat["oom_kill"]),
    )
}
"""Read again and kills by the guest's own counters, the others by the recording."""


@dataclass(frozen=True)
class Pair:
    """One file of `pairs/`.

    `KINDS` are the findings whose advice it follows, `PROBLEM` and `FOLLOWED` say in words what was done, `CLAIMS` to
    what share of itself each cost has to fall at most. `before()` and `after(found)` give the phases, the second from
    what was found in the first, or both from what was found in a phase `first()`. `judge(before, after)` holds further
    claims.
    """

    name: str
    module: ModuleType

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of findings."""
        value: tuple[str, ...] = self.module.KINDS
        return value

    @property
    def problem(self) -> str:
        """In a sentence without its full stop, as `followed`."""
        value: str = self.module.PROBLEM
        return value

    @property
    def followed(self) -> str:
        """What the advice came to."""
        value: str = self.module.FOLLOWED
        return value

    @property
    def claims(self) -> dict[str, float]:
        """By cost."""
        value: dict[str, float] = self.module.CLAIMS
        return value

    def first(self) -> Scenario | None:
        """What has to be found before both; None where nothing has."""
        make: Callable[[], Phase] | None = getattr(self.module, "first", None)
        return make().scenario(f"{self.name}-first") if make else None

    def before(self, first: Found | None) -> Scenario:
        """The problem."""
        phase: Phase = self.module.before(first) if first else self.module.before()
        return phase.scenario(f"{self.name}-before")

    def after(self, found: Found) -> Scenario:
        """The same load with the advice followed."""
        phase: Phase = self.module.after(found)
        return phase.scenario(f"{self.name}-after")

    def hold(self, before: Found, after: Found) -> None:
        """Raises AssertionError where the advice does not do what is claimed."""
        for name, share in self.claims.items():
            cost = COSTS[name]
            was, became = cost.of(before), cost.of(after)
            assert was > 0, f"{name}: nothing to lower"
            assert became <= share * was, f"{name}: {was:.2f} before, {became:.2f} after, claimed {share:.0%} of it"
        getattr(self.module, "judge", lambda *_: None)(before, after)


def pairs() -> list[Pair]:
    """All, by name."""
    package = __package__ or "guest"
    names = sorted(path.stem for path in FOLDER.glob("*.py"))
    return [Pair(name, importlib.import_module(f"{package}.pairs.{name}")) for name in names]
