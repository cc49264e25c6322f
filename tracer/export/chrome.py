"""The JSON of chrome://tracing, which Perfetto, speedscope and others open too (Trace Event Format, by Google)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from ..analyze.model import Analysis
from ..analyze.stream.stretch import Stretch
from ..batch import LostStretch, Samples
from ..errors import printable
from ..recording_facts import RecordingFacts
from ..schema import KIND_BY_NUMBER, SAMPLE_NULL
from ..store.decoding import Item
from .arguments import Arguments
from .edges import BEGIN, END, Edges, edges_of
from .results import Lanes, Slice, slices_of
from .source import Source
from .tasks import Task, tasks_of

Row = dict[str, Any]
_PHASE: Final = {BEGIN: "B", END: "E"}
_RESULTS_PID: Final = 1 << 30
"""A process that no machine has: PID_MAX_LIMIT is 2^22 (include/linux/threads.h)."""


class ChromeWriter:
    """An array of events, each as they come: viewers sort them by time."""

    def __init__(self, source: Source, write: Callable[[bytes], object]) -> None:
        self._put = write
        self._source = source
        self._arguments = Arguments(source)
        self._names: dict[tuple[int, int, int], str] = {}
        self._tracks: dict[tuple[tuple[str, ...], int], int] = {}
        self._lanes = Lanes()
        self._separator = b"\n"
        self._put(b'{"displayTimeUnit": "ns", "traceEvents": [')
        self._row({"ph": "M", "pid": _RESULTS_PID, "name": "process_name", "args": {"name": "reclaim-tracer"}})

    def item(self, item: Item) -> None:
        """Readings and losses."""
        if isinstance(item, Samples):
            self._samples(item)
        elif isinstance(item, LostStretch):
            args = {"lost_events": item.total, **item.counts}
            self._slice(Slice(("Lost events",), "lost events", item.start_ns, item.end_ns, args))

    def stretch(self, stretch: Stretch) -> None:
        """Events, each with its task."""
        edges = edges_of(stretch)
        tasks, codes = tasks_of(stretch.batch)
        for task in tasks:
            self._name(task)
        for row in self._edges(edges, tasks, codes[edges.at].tolist()):
            self._row(row)

    def finish(self, analysis: Analysis, facts: RecordingFacts) -> None:
        """What was found, and what the recording says of itself."""
        for one in slices_of(analysis, facts):
            self._slice(one)
        metadata = facts.metadata
        other = {"kernel_release": metadata.kernel_release, "host": metadata.host, "lost_events": facts.lost_total}
        self._put(f'\n], "otherData": {json.dumps(other)}}}\n'.encode())

    def _edges(self, edges: Edges, tasks: list[Task], codes: list[int]) -> Iterator[Row]:
        args = self._arguments.of(edges)
        columns = zip(edges.type.tolist(), edges.time_ns.tolist(), edges.at.tolist(), codes, args, strict=True)
        kinds = edges.stretch.batch.header["kind"]
        for of_type, time_ns, at, code, arguments in columns:
            task, kind = tasks[code], KIND_BY_NUMBER.get(int(kinds[at]))
            row: Row = {"ph": _PHASE.get(of_type, "i"), "pid": task.tgid, "tid": task.tid, "ts": _us(time_ns)}
            if of_type != END:
                named = kind.span.value if kind and kind.span and of_type == BEGIN else kind and kind.name
                row["name"] = named or f"unknown kind {int(kinds[at])}"
            if row["ph"] == "i":
                row["s"] = "t"
            who = {} if of_type == END else {"comm": task.comm, **self._cgroup(task)}
            yield row | {"args": who | arguments}

    def _cgroup(self, task: Task) -> dict[str, str | None]:
        if not self._source.metadata.cgroup_hierarchy:
            return {}
        path = self._source.cgroups.get(task.cgroup_id)
        return {"cgroup": None if path is None else printable(path)}

    def _samples(self, samples: Samples) -> None:
        for place, name in enumerate(samples.names):
            values = samples.values[:, place]
            for row in np.flatnonzero(values != SAMPLE_NULL).tolist():
                at = {"pid": _RESULTS_PID, "ts": _us(int(samples.time_ns[row]))}
                self._row({"ph": "C", "name": printable(name), **at, "args": {"value": int(values[row])}})

    def _name(self, task: Task) -> None:
        if self._names.get(task.thread) != task.comm:
            self._names[task.thread] = task.comm
            at = {"pid": task.tgid, "tid": task.tid}
            self._row({"ph": "M", "name": "thread_name", **at, "args": {"name": task.comm}})

    def _slice(self, one: Slice) -> None:
        at: Row = {"pid": _RESULTS_PID, "tid": self._track(one), "name": printable(one.name), "ts": _us(one.start_ns)}
        args = {key: printable(value) if isinstance(value, str) else value for key, value in one.args.items()}
        length_ns = max(one.end_ns - one.start_ns, 0)
        self._row({"ph": "X", **at, "dur": _us(length_ns), "args": args})
        for flow, phase in ((one.flow_out, "s"), (one.flow_in, "f")):
            if flow is not None:
                bound = {"bp": "e"} if phase == "f" else {}
                self._row({"ph": phase, **at, **bound, "name": "cycle", "cat": "cycle", "id": flow})

    def _track(self, one: Slice) -> int:
        key = one.path, self._lanes.lane(one)
        if key not in self._tracks:
            self._tracks[key] = len(self._tracks) + 1
            at = {"pid": _RESULTS_PID, "tid": self._tracks[key]}
            named = printable(": ".join(one.path))
            self._row({"ph": "M", "name": "thread_name", **at, "args": {"name": named}})
        return self._tracks[key]

    def _row(self, row: Row) -> None:
        self._put(self._separator + json.dumps(row, separators=(",", ":")).encode())
        self._separator = b",\n"


def _us(time_ns: int) -> float:
    """Microseconds, in which these files count; below a nanosecond's third of a double nothing is lost for 100 days."""
    return time_ns / 1000
