"""Which events and spans are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ..analyze.only_cgroups import cgroup_matches
from ..batch import Batch
from ..errors import UsageError
from ..schema import KIND_BY_NAME, SpanKind
from ..store import AnyRecording
from .rows import LOST

Flags = npt.NDArray[np.bool_]
_SPAN_KINDS: Final = frozenset(kind.value for kind in SpanKind)


@dataclass(frozen=True)
class Selection:
    """`from_ns <= time < to_ns`, of some kinds, threads (or processes) and cgroups (a shell's pattern); None is all.

    `spans` are ids of spans that are asked for whatever their time.
    """

    from_ns: int | None = None
    to_ns: int | None = None
    kinds: frozenset[str] | None = None
    tids: frozenset[int] | None = None
    cgroup: str | None = None
    spans: frozenset[int] = frozenset()

    def has_kind(self, name: str) -> bool:
        """Whether a kind is asked for."""
        return self.kinds is None or name in self.kinds

    def tasks(self, batch: Batch, recording: AnyRecording) -> Flags:
        """Which events are of tasks that are asked for, shape (events,)."""
        chosen = np.ones(len(batch), np.bool_)
        if self.tids is not None:
            numbers = np.fromiter(self.tids, np.int64)
            chosen &= np.isin(batch.header["tid"], numbers) | np.isin(batch.header["tgid"], numbers)
        if self.cgroup is not None:
            paths = recording.cgroups
            known = [number for number, path in paths.items() if cgroup_matches(path, self.cgroup)]
            chosen &= np.isin(batch.header["cgroup_id"], np.asarray(known, np.int64))
        return chosen

    def inside(self, first_ns: npt.NDArray[np.int64], last_ns: npt.NDArray[np.int64]) -> Flags:
        """Which of these stretches of time touch the one that is asked for."""
        chosen = np.ones(len(first_ns), np.bool_)
        if self.from_ns is not None:
            chosen &= last_ns >= self.from_ns
        if self.to_ns is not None:
            chosen &= first_ns < self.to_ns
        return chosen


def event_kinds(names: frozenset[str]) -> frozenset[str]:
    """The kinds of events of these names. Raises UsageError where there is no such kind."""
    return _checked(names, frozenset(KIND_BY_NAME) | {LOST}, "event")


def span_kinds(names: frozenset[str]) -> frozenset[str]:
    """The kinds of spans of these names. Raises UsageError where there is no such kind."""
    return _checked(names, _SPAN_KINDS, "span")


def _checked(names: frozenset[str], known: frozenset[str], what: str) -> frozenset[str]:
    for name in sorted(names - known):
        raise UsageError(f"there is no {what} kind {name!r}; the kinds are {', '.join(sorted(known))}")
    return names
