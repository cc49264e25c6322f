"""The second pass over a source: lines become records."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from ...batch import LostStretch
from ...schema import COMM_BYTES
from .chunk import Chunk
from .heads import FORMS, NAMELESS, SCALE_NS, HeadForm, head_of, time_ns
from .losses import Losses
from .returns import OpenEntries, Row
from .rules import Rule, Rules, Taken
from .survey import MANY_NAMES, MOST_NAMES, NO_NAME, STACK_LINE, Survey
from .table import MARKERS, STACKS

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
        self._rules = rules
        self._rule_of: dict[str, Rule | None] = {}
        self._form: HeadForm = FORMS[0]
        self._chunk = Chunk()
        self._last_ns: dict[int, int] = {}
        self._comms: dict[str, bytes] = {}
        rules.threads.restart()

    def feed(self, lines: Iterable[str]) -> Iterator[Item]:
        """Take the next lines; gives full chunks and lost stretches."""
        rule_of, chunk, losses = self._rule_of, self._chunk, self.losses
        search, order = self._form.pattern.search, self._form.order
        for line in lines:
            match = search(line)
            if match is None:
                match = self._other(line)
                if match is None:
                    continue
                search, order = self._form.pattern.search, self._form.order
            tid, tgid, cpu, seconds, fraction, name = match.group(*order)
            losses.last[cpu] = (seconds, fraction)
            if losses.pending:
                yield from losses.due(cpu, time_ns(seconds, fraction))
            if name not in rule_of:
                self._meet(name, line, match.end())
            rule = rule_of.get(name)
            if rule is None:
                self._leave_out(name, line, match.end(), seconds, fraction)
                continue
            number = int(tid or 0)
            processor = int(cpu or 0)
            thread = number or -1 - processor
            taken = rule.take(line, match.end(), thread)
            if taken is None:
                self._not_taken(name, rule)
                continue
            now_ns = int(seconds + fraction) * SCALE_NS[len(fraction)]
            process = int(tgid) if tgid and tgid[0] != "-" else number
            comm = self._comms.get(line[: match.start()]) or self._comm(line[: match.start()])
            self._add(thread, Row(now_ns, number, process, comm, taken[0].kind.number, processor), taken)
            if chunk.is_full:
                yield self._take()

    def finish(self) -> Iterator[Item]:
        """What is left."""
        for row in self.entries.rest():
            self._chunk.add(row)
        records = self._take()
        if len(records):
            yield records
        yield from self.losses.rest()

    def _take(self) -> npt.NDArray[np.void]:
        if len(self._last_ns) > _MOST_THREADS:
            self._last_ns.clear()
        return self._chunk.take()

    def _add(self, thread: int, row: Row, taken: Taken) -> None:
        last_ns = self._last_ns.get(thread, -1)
        for end in self.entries.before(thread, row):
            self._chunk.add(end)
            if end.tid == row.tid:
                last_ns = max(last_ns, end.time_ns)
        if row.time_ns <= last_ns:
            row = self._later(row, last_ns)
        self._last_ns[thread] = row.time_ns
        self._chunk.add(row, taken)

    def _later(self, row: Row, last_ns: int) -> Row:
        """A time that ties with the thread's last one, or is a little before it, comes right after it."""
        if last_ns - row.time_ns >= STEP_BACK_NS:
            self.backwards += 1
            return row
        return row._replace(time_ns=last_ns + 1)

    def _comm(self, prefix: str) -> bytes:
        if len(self._comms) >= _MOST_COMMS:
            self._comms.clear()
        comm = prefix.strip().encode("utf-8", "replace")[: COMM_BYTES - 1]
        self._comms[prefix] = comm
        return comm

    def _meet(self, name: str, line: str, at: int) -> None:
        if len(self._rule_of) < MOST_NAMES:
            self._rule_of[name] = None if name in STACKS else self._rules.rule_for(name, line, at)

    def _leave_out(self, name: str, line: str, at: int, seconds: str, fraction: str) -> None:
        if name in STACKS:
            return
        self.unknown[name if name in self.unknown or len(self.unknown) < MOST_NAMES else MANY_NAMES] += 1
        if name in MARKERS and len(self.markers) < MOST_MARKERS:
            self.markers.append((time_ns(seconds, fraction), line[at:].removeprefix("tracing_mark_write:").strip()))

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
