"""The lab's host as a policy drives it: told once a second what a host can see, it answers with a target."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from .debian import LabError
from .guest import MIB, Guest
from .lab import Lab
from .recorder import WAIT_S

HOSTS: Final = Path(__file__).parent / "hosts"
_BALLOON: Final = "/machine/peripheral/balloon0"
_UNKNOWN: Final = (1 << 64) - 1
"""What QEMU says of a statistic that the guest has not sent: hw/virtio/virtio-balloon.c, reset_stats()."""


@dataclass(frozen=True)
class Seen:
    """What a host sees of its guest: QEMU's `query-balloon`, and the statistics that the guest's driver sends.

    `statistics` are by QEMU's names (`stat-available-memory`, in bytes), those that the guest has sent: none before the
    first. `second` counts from the policy's start.
    """

    second: int
    full_mib: int
    actual_mib: int
    target_mib: int
    statistics: Mapping[str, int] = field(default_factory=dict)

    def mib(self, name: str) -> int | None:
        """A statistic in bytes as MiB; None where it was not sent."""
        value = self.statistics.get(name)
        return None if value is None else value // MIB


Policy = Callable[[Seen], int | None]
"""The guest's memory in MiB that the host sets as target; None where it says nothing this time."""


class Host:
    """A policy at work on a guest for as long as the lab waits for something."""

    def __init__(self, lab: Lab, policy: Policy) -> None:
        self._lab, self._policy = lab, policy
        self._begin_ns = _now_ns(lab.guest)
        self._second = 0
        self.target_mib = lab.guest.balloon_bytes() // MIB
        _ask_for_statistics(lab.guest, 1)

    def until(self, condition: Callable[[], Any], what: str) -> None:
        """Let the policy go on until a condition holds. Raises GuestError where it does not in ten minutes."""
        self._lab.guest.until(lambda: self._turn() or condition(), WAIT_S, what)

    def for_seconds(self, seconds: float) -> None:
        """Let the policy go on for so long by the guest's clock."""
        until_ns = _now_ns(self._lab.guest) + int(seconds * 1e9)
        self.until(lambda: _now_ns(self._lab.guest) >= until_ns, f"{seconds} s to pass")

    def end(self) -> None:
        """No more statistics: the guest's driver has nothing to do."""
        _ask_for_statistics(self._lab.guest, 0)

    def _turn(self) -> None:
        guest = self._lab.guest
        if (_now_ns(guest) - self._begin_ns) // 1_000_000_000 < self._second:
            return
        seen = Seen(self._second, self._lab.full_mib, self._lab.actual_mib(), self.target_mib, _statistics(guest))
        self._second = (_now_ns(guest) - self._begin_ns) // 1_000_000_000 + 1
        target_mib = self._policy(seen)
        if target_mib is not None:
            self.target_mib = max(1, min(int(target_mib), self._lab.full_mib))
            self._lab.host(self.target_mib)


def policy_of(path: Path) -> Policy:
    """A policy from a file: its function `target_mib(seen)`, or what its `make()` gives where it keeps a state.

    Raises LabError where there is neither.
    """
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise LabError(f"{path}: no Python file; a policy is one with a function target_mib(seen)")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 - whatever it was belongs to whoever wrote the file
        raise LabError(f"{path}: {type(error).__name__}: {error}") from None
    make = getattr(module, "make", lambda: getattr(module, "target_mib", None))
    policy: Policy | None = make()
    if policy is None:
        raise LabError(f"{path}: has neither target_mib(seen) nor make()")
    return policy


def driven_by(policy: str | Path, load: Callable[[Lab, Host], None]) -> Callable[[Lab], None]:
    """A scenario's `drive`: the load beside the policy, a file or the name of one of the lab's own in `hosts/`."""
    path = HOSTS / f"{policy}.py" if isinstance(policy, str) else policy

    def drive(lab: Lab) -> None:
        host = Host(lab, policy_of(path))
        load(lab, host)
        host.end()
        lab.settle()

    return drive


def _now_ns(guest: Guest) -> int:
    return int(guest.ask("clock")["monotonic"])


def _ask_for_statistics(guest: Guest, every_s: int) -> None:
    name = "guest-stats-polling-interval"
    guest.monitor.execute("qom-set", path=_BALLOON, property=name, value=every_s)


def _statistics(guest: Guest) -> dict[str, int]:
    told = guest.monitor.execute("qom-get", path=_BALLOON, property="guest-stats")
    if not told["last-update"]:
        return {}
    return {name: value for name, value in told["stats"].items() if 0 <= value < _UNKNOWN}
