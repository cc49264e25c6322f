"""Folded stacks of waiting: one line `tier;cgroup;task;shrinker microseconds`, for flamegraph.pl and speedscope."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from ..analyze.model import Analysis
from ..analyze.stream.grouping import groups, last_of_chains
from ..analyze.stream.lane import SPAN_CODE
from ..analyze.stream.stretch import Stretch
from ..analyze.terms import Tier
from ..errors import printable
from ..record import SpanKind
from ..recording_facts import RecordingFacts
from ..store.decoding import Item
from .source import Source
from .tasks import tasks_of

Frames = tuple[str, ...]
_SLAB: Final = SPAN_CODE[SpanKind.SHRINK_SLAB]
_NS_PER_US: Final = 1000
_UNSEEN: Final = "cgroup unknown"


class FoldedWriter:
    """Adds up what tasks waited in direct reclaim and beyond; a line a stack, at the end.

    The time in a shrinker's calls stands under its task, which is left with the rest: a tier's lines add up to what its
    tasks waited.
    """

    def __init__(self, source: Source, write: Callable[[bytes], object]) -> None:
        self._put = write
        self._source = source
        self._waited_ns: Counter[Frames] = Counter()
        self._inside_ns: dict[int, Counter[str]] = {}

    def item(self, item: Item) -> None:
        """Nothing: waits are spans."""

    def stretch(self, stretch: Stretch) -> None:
        """The waits that end in it, with the shrinker calls inside them, which ended before."""
        spans = stretch.spans
        tasks, codes = tasks_of(stretch.batch)
        waits = spans.is_root & (spans.tier >= Tier.DIRECT)
        self._calls(stretch, waits)
        for row in np.flatnonzero(waits & spans.closed).tolist():
            inside = self._inside_ns.pop(int(spans.id[row]), Counter())
            if spans.broken[row]:
                continue
            task = tasks[codes[spans.begin_at[row]]]
            cgroup = self._source.cgroups.get(task.cgroup_id, _UNSEEN)
            head = (Tier(int(spans.tier[row])).label, cgroup, task.comm)
            self._waited_ns[head] += int(spans.end_ns[row] - spans.begin_ns[row]) - inside.total()
            for shrinker, time_ns in inside.items():
                self._waited_ns[*head, shrinker] += time_ns

    def finish(self, analysis: Analysis, facts: RecordingFacts) -> None:  # noqa: ARG002 - what a Writer has
        """Everything, the longest first."""
        for frames, time_ns in self._waited_ns.most_common():
            if waited_us := round(time_ns / _NS_PER_US):
                self._put(f"{';'.join(map(frame, frames))} {waited_us}\n".encode())

    def _calls(self, stretch: Stretch, waits: npt.NDArray[np.bool_]) -> None:
        spans, wait = stretch.spans, _waits_around(stretch, waits)
        inside = np.where(spans.parent >= 0, spans.code[spans.parent], -1) == _SLAB
        calls = np.flatnonzero(spans.closed & (spans.code == _SLAB) & (wait >= 0) & ~inside)
        if not len(calls):
            return
        shrink = stretch.args.at(spans.begin_at[calls], "shrink_slab_start", "shrink")
        length_ns = spans.end_ns[calls] - spans.begin_ns[calls]
        for owner, places in groups(wait[calls]):
            counted = self._inside_ns.setdefault(int(spans.id[owner]), Counter())
            for address, of_address in groups(shrink[places]):
                counted[self._name(address)] += int(length_ns[places[of_address]].sum())

    def _name(self, address: int) -> str:
        unsigned = address & ((1 << 64) - 1)
        return self._source.symbols.get(unsigned, f"{unsigned:#x}")


def _waits_around(stretch: Stretch, waits: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """For each span the innermost wait it lies in, itself perhaps, or -1."""
    parent, row = stretch.spans.parent, np.arange(len(stretch.spans))
    if not len(row):
        return row
    last = last_of_chains(np.where(waits | (parent < 0), row, parent))
    return np.where(waits[last], last, -1)


def frame(name: str) -> str:
    """A name as one frame: `;` parts frames, and a line is one stack."""
    return " ".join(printable(name).replace(";", ":").split()) or "unknown"
