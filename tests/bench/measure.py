"""Measuring side by side: turns, CPU time of other processes, and which CPU is whose."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)
Measured = TypeVar("Measured")

_STILL_FOR, _LOOK_EVERY_S = 3, 0.03
_IDLE_NS = 600_000
"""Between two looks, 2 % of a CPU: timers, samples."""
_SETTLE_TIMEOUT_S = 60.0


class CannotRunError(Exception):
    """Something that can't run on this machine; the message is the reason."""


def interleave(rounds: int, actions: Mapping[Name, Callable[[], Measured]]) -> dict[Name, list[Measured]]:
    """Every action once a round, in an order that turns by one from round to round; results by name."""
    names = list(actions)
    results: dict[Name, list[Measured]] = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            results[name].append(actions[name]())
    return results


def interleave_able(
    rounds: int, actions: Mapping[Name, Callable[[], Measured]], needed: Collection[Name]
) -> tuple[dict[Name, list[Measured]], dict[Name, str]]:
    """The same; what raises CannotRunError is left out from then on, with its reason in the second dictionary.

    Of what is `needed` the error is everybody's: without ours there is nothing to compare.
    """
    refused: dict[Name, str] = {}

    def attempt(name: Name) -> Measured | None:
        if name in refused:
            return None
        try:
            return actions[name]()
        except CannotRunError as error:
            if name in needed:
                raise
            refused[name] = str(error)
            return None

    found = interleave(rounds, {name: partial(attempt, name) for name in actions})
    able = {name: [one for one in results if one is not None] for name, results in found.items() if name not in refused}
    return able, refused


@dataclass(frozen=True)
class Cpus:
    """Where loads run and where tracers run: two different CPUs where there are two."""

    producer: int
    collector: int


def choose_cpus() -> Cpus:
    """The highest and the lowest CPU this process may use."""
    allowed = os.sched_getaffinity(0)
    return Cpus(max(allowed), min(allowed))


def pinned(cpu: int, command: list[str]) -> list[str]:
    """The command, kept on one CPU; the process keeps its number."""
    return ["taskset", "-c", str(cpu), *command]


def cpu_ns(pid: int) -> dict[int, int]:
    """CPU time of a process's threads, user and system, exact for those that sleep (/proc/PID/task/TID/schedstat)."""
    times = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            times[int(task.name)] = int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return times


def settle(pid: int) -> dict[int, int]:
    """Wait until a process has nothing more to do; its threads' CPU time then.

    Raises TimeoutError for one that does not come to rest.
    """
    give_up = time.monotonic() + _SETTLE_TIMEOUT_S
    still, before = 0, cpu_ns(pid)
    while time.monotonic() < give_up:
        time.sleep(_LOOK_EVERY_S)
        now = cpu_ns(pid)
        still = still + 1 if sum(now.values()) - sum(before.values()) < _IDLE_NS else 0
        if still == _STILL_FOR:
            return now
        before = now
    raise TimeoutError(f"process {pid} does not come to rest")
