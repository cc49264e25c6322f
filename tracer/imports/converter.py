"""The second pass over a source: lines become records."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from ..batch import LostStretch
from ..store.format import BLOCK_EVENTS
from .chunk import Row, records_of
from .heads import FORMS, NAMELESS, SCALE_NS, HeadForm, head_of
from .losses import Losses
from .returns import OpenEntries
from .rules import Rule, Rules
from .survey import MANY_NAMES, MOST_NAMES, NO_NAME, STACK_LINE, Survey
from .table import MARKERS, STACKS
from .values import comm_bytes

STEP_BACK_NS: Final = 1_000_000
"""A thread's clock that goes back by less is made to go on by 1 ns a step: texts have microseconds, and CPUs differ."""
MOST_MARKERS: Final = 1000
_MOST_THREADS: Final = 65_536
_MOST_COMMS: Final = 8192

Item = npt.NDArray[np.void] | LostStretch


class Converter:
    """Takes a source's lines and gives records and lost stretches in the source's order."""

    def __init__(self, rules: Rules, survey: Survey, without_end: Iterable[str]) -> None:
        self.unknown: Counter[str] = Counter()
        self.unreadable = 0
        self.backwards = 0
        self.markers: list[tuple[int, str]] = []
        self.losses = Losses(survey.first_ns)
        self.entries = OpenEntries(frozenset(without_end))
        self._rule_of = rules.by_name
        self._form: HeadForm = FORMS[0]
        self._rows: list[Row] = []
        self._last_ns: dict[int, int] = {}
        self._tie = (-1, -1)
        """The last event's time as the text has it, and where it was put: those that tie with it follow it."""
        self._comms: dict[str, bytes] = {}
        rules.threads.restart()

    def feed(self, lines: Iterable[str]) -> Iterator[Item]:
        """Take the next lines; gives full chunks and lost stretches."""
        rule_of, losses, newest, rows, last = self._rule_of, self.losses, self.losses.last, self._rows, self._last_ns
        search, order, follows = self._form.pattern.search, self._form.order, bool(self.entries)
        tied_ns, placed_ns = self._tie
        for line in lines:
            match = search(line)
            if match is None:
                match = self._other(line)
                if match is None:
                    continue
                search, order = self._form.pattern.search, self._form.order
            tid, tgid, cpu, seconds, fraction, name = match.group(*order)
            now_ns = int(seconds + fraction) * SCALE_NS[len(fraction)]
            newest[cpu] = now_ns
            if losses.pending:
                yield from losses.due(cpu, now_ns)
            rule = rule_of.get(name)
            if rule is None:
                self._leave_out(name, line, match.end(), now_ns)
                continue
            number, processor = int(tid or 0), int(cpu or 0)
            thread = number or -1 - processor
            taken = rule.take(line, match.end(), thread)
            if taken is None:
                self._not_taken(name, rule)
                continue
            layout, texts = taken
            task = line[: match.start()]
            comm = self._comms.get(task) or self._comm(task)
            process = int(tgid) if tgid and tgid[0] != "-" else number
            if follows:
                self._end_entries(thread, (now_ns, number, process, comm, layout, processor))
            tied_ns, now_ns = now_ns, placed_ns + 1 if now_ns == tied_ns else now_ns
            placed_ns = now_ns
            if now_ns <= last.get(thread, -1):
                now_ns = self._later(now_ns, last[thread])
            last[thread] = now_ns
            layout.rows.append(texts)
            rows.append((now_ns, number, process, comm, layout, processor))
            if len(rows) >= BLOCK_EVENTS:
                yield self._take()
        self._tie = tied_ns, placed_ns

    def finish(self) -> Iterator[Item]:
        """What is left."""
        if self._rows:
            yield self._take()
        yield from self.losses.rest()

    def _take(self) -> npt.NDArray[np.void]:
        if len(self._last_ns) > _MOST_THREADS:
            self._last_ns.clear()
        records = records_of(self._rows)
        self._rows.clear()
        return records

    def _end_entries(self, thread: int, row: Row) -> None:
        for end in self.entries.before(thread, row):
            end_ns, tid, *_, cpu = end
            ended = tid or -1 - cpu
            self._last_ns[ended] = end_ns = max(end_ns, self._last_ns.get(ended, -1) + 1)
            self._rows.append((end_ns, *end[1:]))

    def _later(self, now_ns: int, last_ns: int) -> int:
        """A time that ties with the thread's last one, or is a little before it, comes right after it."""
        if last_ns - now_ns >= STEP_BACK_NS:
            self.backwards += 1
            return now_ns
        return last_ns + 1

    def _comm(self, prefix: str) -> bytes:
        if len(self._comms) >= _MOST_COMMS:
            self._comms.clear()
        comm = comm_bytes(prefix.strip())
        self._comms[prefix] = comm
        return comm

    def _leave_out(self, name: str, line: str, at: int, now_ns: int) -> None:
        if name in STACKS:
            return
        self.unknown[name if name in self.unknown or len(self.unknown) < MOST_NAMES else MANY_NAMES] += 1
        if name in MARKERS and len(self.markers) < MOST_MARKERS:
            self.markers.append((now_ns, line[at:].removeprefix("tracing_mark_write:").strip()))

    def _not_taken(self, name: str, rule: Rule) -> None:
        if rule.settles:
            self.unreadable += 1
        else:
            self.unknown[name] += 1

    def _other(self, line: str) -> re.Match[str] | None:
        if STACK_LINE.match(line) or line.startswith("#") or self.losses.read(line):
            return None
        if found := head_of(line):
            self._form = found[0]
            return found[1]
        if match := NAMELESS.pattern.search(line):
            cpu, text = match.group(3, 6)
            if not self.losses.read_perf(cpu, text) and not text.startswith(("<stack trace", "<user stack trace")):
                self.unknown[NO_NAME] += 1
        return None
