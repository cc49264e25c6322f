"""A recording as text, an event a line, in time order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...analyze.model import Analysis
from ...analyze.stream.stretch import Stretch
from ...batch import Batch, Column, LostStretch, Samples
from ...errors import printable
from ...imports.returns import NO_END
from ...metadata import Metadata
from ...recording_facts import RecordingFacts
from ...schema import KIND_BY_NAME, KIND_BY_NUMBER, UNKNOWN_DIRECTION
from ...store.decoding import Item
from ...store.format import BlockType
from ...store.note_keys import MARKERS_NOTE
from ..source import Source
from ..tasks import Task, tasks_of
from .losses import LossLines, Told
from .texts import field_of, name_of, pieces_of
from .values import Values

I64 = npt.NDArray[np.int64]

BEGINS: Final = "reclaim-tracer: the recording begins"
ENDS: Final = "reclaim-tracer: the recording ends"
"""Marks in the text: without them a quiet begin or end would be none of the recording."""
_LINES: Final = 8192
"""Events whose text is in memory at once."""
_NS: Final = 1_000_000_000
_MOST_S: Final = 1 << 32
"""Of a note that says anything."""
_NOBODY: Final = f"{'<...>':>16}-0       (-------) [000]"
"""ftrace's name for a task that it does not know."""
_COLUMNS: Final = """\
#           TASK-PID     TGID     CPU#       TIMESTAMP  FUNCTION
#              | |         |        |           |         |
"""


class FtraceWriter:
    """Writes the `trace` file of tracefs with the options `record-tgid` and `noirq-info`, and times to the ns."""

    def __init__(self, source: Source, write: Callable[[bytes], object]) -> None:
        self._put = write
        self._source = source
        self._values = Values(source.symbols)
        self._losses = LossLines(_losses(source))
        self._marks = _marks(source)
        self._marks_done = 0
        self._texts: dict[str, tuple[str, list[str]]] = {}
        self._made_up = [
            KIND_BY_NAME[row.what].number
            for row in source.metadata.plan
            if row.reason == NO_END and row.what in KIND_BY_NAME
        ]
        self._unknown = 0
        self._readings = False
        self._put(_head(source.metadata).encode())

    def item(self, item: Item) -> None:
        """Text has no readings."""
        self._readings = self._readings or isinstance(item, Samples)

    def stretch(self, stretch: Stretch) -> None:
        """Events that were recorded, but no ends that an import made up."""
        new = stretch.batch.between(stretch.carried, len(stretch.batch))
        begins = stretch.spans.begin_at[stretch.awake] - stretch.carried
        told = ~np.isin(new.header["kind"], self._made_up)
        told[begins[begins >= 0]] = False
        known = np.isin(new.header["kind"], list(KIND_BY_NUMBER))
        self._unknown += int((told & ~known).sum())
        if not (told & known).all():
            new = new.take(np.flatnonzero(told & known))
        for start in range(0, len(new), _LINES):
            self._put("".join(self._lines(new.between(start, min(start + _LINES, len(new))))).encode())

    def finish(self, analysis: Analysis, facts: RecordingFacts) -> None:  # noqa: ARG002 - what a Writer has
        """The losses and marks after the last event."""
        self._put("".join([*self._losses.rest(), *(line for _, line in self._marks[self._marks_done :])]).encode())
        self._put(_mark(self._source.part.last_ns, ENDS).encode())
        self._source.unsaid.extend(self._unsaid(facts))

    def _lines(self, batch: Batch) -> Iterator[str]:
        time_ns, cpu = batch.time_ns, batch.header["cpu"].astype(np.int64)
        lines = self._events(batch)
        told = sorted([*self._marks_before(time_ns), *self._losses.before(time_ns, cpu)], key=lambda line: line[0])
        done = 0
        for place, line in told:
            yield from lines[done:place]
            yield line
            done = place
        yield from lines[done:]

    def _marks_before(self, time_ns: I64) -> Iterator[Told]:
        while self._marks_done < len(self._marks) and self._marks[self._marks_done][0] <= int(time_ns[-1]):
            at_ns, line = self._marks[self._marks_done]
            self._marks_done += 1
            yield int(np.searchsorted(time_ns, at_ns)), line

    def _events(self, batch: Batch) -> list[str]:
        tasks, codes = tasks_of(batch)
        named = [_task(task) for task in tasks]
        bodies = [""] * len(batch)
        for kind, rows in batch.rows.items():
            text, fields = self._text(kind)
            args = batch.args[kind]
            columns = [
                self._values.column(kind, name, args[name] if name != "vq" else self._queue(args)) for name in fields
            ]
            values: Any = zip(*columns, strict=True) if columns else [()] * len(rows)
            for row, of_row in zip(rows.tolist(), values, strict=True):
                bodies[row] = text % of_row
        seconds, rest = np.divmod(batch.time_ns, _NS)
        columns = [codes.tolist(), batch.header["cpu"].tolist(), seconds.tolist(), rest.tolist(), bodies]
        return [
            f"{named[code]}[{cpu:03d}] {second:5d}.{ns:09d}: {body}\n"
            for code, cpu, second, ns, body in zip(*columns, strict=True)
        ]

    def _queue(self, args: Mapping[str, Column]) -> Column:
        """The queue that `tell_host` told: by its number where that is known, which no address says by itself."""
        queue, direction = args["vq"].astype(np.int64), args["direction"].astype(np.int64)
        if self._source.metadata.imported_from is not None:
            return queue
        return np.where(direction == UNKNOWN_DIRECTION, queue, direction)

    def _text(self, kind: str) -> tuple[str, list[str]]:
        """A kind's text for Python's `%`, and its fields in that order."""
        if kind not in self._texts:
            pieces = pieces_of(KIND_BY_NAME[kind], self._source.metadata)
            shown = []
            for piece in pieces:
                field = field_of(piece)
                shown.append(piece.replace(f"{{{field}}}", self._values.conversion(field)) if field else piece)
            text = " ".join([f"{name_of(KIND_BY_NAME[kind])}:", *shown])
            self._texts[kind] = text, [field for piece in pieces if (field := field_of(piece))]
        return self._texts[kind]

    def _unsaid(self, facts: RecordingFacts) -> Iterator[str]:
        if self._readings:
            yield "readings of counters"
        if facts.metadata.cgroup_hierarchy:
            yield "cgroups"
        if facts.lost_total:
            yield "which kinds of events were lost, and between which times"
        if facts.host_commands:
            yield "the host's commands"
        if facts.clock_changes:
            yield "changes of the clocks"
        if self._unknown:
            yield f"{self._unknown:,} events of kinds that this version does not know"


def _head(metadata: Metadata) -> str:
    """What ftrace puts first, and what perf says of the machine in the same way."""
    told = {"hostname": metadata.host, "os release": metadata.kernel_release, "nrcpus online": metadata.cpus}
    about = "".join(f"# {key} : {printable(str(value))}\n" for key, value in told.items() if value)
    return f"# tracer: nop\n#\n{about}#\n{_COLUMNS}{_mark(metadata.start_ns, BEGINS)}"


def _task(task: Task) -> str:
    tgid = f"{task.tgid:7d}" if task.tgid or task.tid else "-------"
    return f"{task.comm:>16}-{task.tid:<7d} ({tgid}) "


def _mark(at_ns: int, words: str) -> str:
    return f"{_NOBODY} {at_ns // _NS:5d}.{at_ns % _NS:09d}: tracing_mark_write: {printable(words)}\n"


def _marks(source: Source) -> list[tuple[int, str]]:
    """What somebody wrote into the recording, by time, with its line."""
    marks = [(mark.at_ns, mark.words) for mark in source.part.facts({}).marks]
    marks += [mark for mark in _markers(source) if mark[1] not in (BEGINS, ENDS)]
    return [(at_ns, _mark(at_ns, words)) for at_ns, words in sorted(marks)]


def _markers(source: Source) -> Iterator[tuple[int, str]]:
    """Those of the text that was imported."""
    recording = source.part.recording
    rows = recording.notes.get(MARKERS_NOTE)
    for row in rows if isinstance(rows, list) else ():
        match row:
            case [int() | float() as since_s, str() as words] if 0 <= since_s < _MOST_S:
                at_ns = recording.metadata.start_ns + round(since_s * _NS)
                if (source.part.start_ns or 0) <= at_ns <= source.part.last_ns:
                    yield at_ns, words


def _losses(source: Source) -> list[LostStretch]:
    part = source.part
    found = part.recording.items(part.start_ns, part.end_ns, types=(BlockType.LOST,))
    return sorted((item for item in found if isinstance(item, LostStretch)), key=lambda loss: loss.end_ns)
