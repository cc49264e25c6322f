"""Balloon drivers that came or went while tracing: what was attached before does not see the new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..stream.stretch import Stretch
from .runs import belongs_to_balloon

_MOST: Final = 64
"""A driver that comes and goes more often is told of no better."""


@dataclass(frozen=True)
class ModuleChange:
    """One module of a balloon driver loaded or unloaded."""

    time_ns: int
    name: str
    loaded: bool


class ModuleTracker:
    """Collects the changes."""

    def __init__(self) -> None:
        self.changes: list[ModuleChange] = []

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch."""
        for kind, loaded in (("module_load", True), ("module_free", False)):
            at, args = stretch.args.all(kind)
            names = [bytes(name).decode(errors="replace") for name in args["module_name"].tolist()]
            times = stretch.time_ns[at].tolist()
            changes = [ModuleChange(t, n, loaded) for t, n in zip(times, names, strict=True) if belongs_to_balloon(n)]
            self.changes = sorted([*self.changes, *changes], key=lambda change: change.time_ns)[:_MOST]
