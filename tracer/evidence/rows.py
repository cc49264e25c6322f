"""Events and spans as plain rows. Times are CLOCK_MONOTONIC ns; `_s` are seconds since the recording's start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from ..analyze.stream.closed import SpanState
from ..analyze.terms import Tier

Value = int | str | None
Fields = Mapping[str, Value]

LOST: Final = "lost"
"""The kind of a row that says where events are missing."""


class EventRow(NamedTuple):
    """One event as it was recorded, or, of kind LOST, a stretch in which some were lost.

    `fields` are the kind's in the kernel's names, None where the recorded kernel has no such field; kernel addresses
    are hexadecimal, and a function has its symbol in `<field>_name` (None where it was not resolved). Of LOST they are
    `until_s` in ns (`until_ns`) and the number lost by kind. `tid`, `tgid`, `cpu` and `comm` are None of LOST,
    `cgroup_id` and `cgroup` (its path) where they are unknown.
    """

    time_ns: int
    kind: str
    fields: Fields
    cpu: int | None = None
    tid: int | None = None
    tgid: int | None = None
    comm: str | None = None
    cgroup_id: int | None = None
    cgroup: str | None = None


class SpanRow(NamedTuple):
    """One piece of work on one thread.

    `id` counts spans by begin over the whole recording, as results' `spans` do; it and `parent` (the span around it)
    are None where the recording was not read from its start, or there is none. `depth` is how many spans lie around it.
    `begin_ns` or `end_ns` is None where that edge was not seen, which `state` says. `fields` are those of its begin and
    end events and what was counted inside. `late`: longer than can be waited for, it follows spans that began after it.
    """

    id: int | None
    parent: int | None
    depth: int
    kind: str
    tier: Tier | None
    begin_ns: int | None
    end_ns: int | None
    tid: int
    tgid: int
    comm: str
    cpu: int
    cgroup_id: int | None
    cgroup: str | None
    state: SpanState
    fields: Fields
    late: bool = False

    @property
    def time_ns(self) -> int:
        """When it began; of an end without a begin when it ended."""
        return self.begin_ns if self.begin_ns is not None else self.end_ns or 0

    @property
    def duration_ns(self) -> int | None:
        """None where an edge was not seen."""
        return None if self.begin_ns is None or self.end_ns is None else self.end_ns - self.begin_ns
