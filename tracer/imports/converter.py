"""The second pass over a source: lines become records."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Final

import numpy as np
import numpy.typing as npt

from ..batch import LostStretch
from ..store.format import BLOCK_EVENTS
from .blocks.certain import Certain, Known
from .blocks.cpu_times import CpuTimes
from .blocks.records import in_order
from .blocks.scan import Head, Scanner, in_turn
from .chunk import Row, beyond_machines, records_of
from .heads import FORMS, FUNCTION_ARROW, NAMELESS, HeadForm, head_of, time_ns
from .lines import MOST_LINE_BYTES
from .losses import Losses
from .placing import Placing
from .returns import OpenEntries
from .rules import Rule, Rules
from .survey import MANY_NAMES, MOST_NAMES, NO_NAME, STACK_LINE, Survey
from .table import MARKERS, STACKS
from .task_names import task_name
from .unread import shown_line
from .values import comm_bytes

MOST_MARKERS: Final = 1000
_MOST_COMMS: Final = 8192
_LOSS_WORDS: Final = ("LOST", "DROPPED")

Records = npt.NDArray[np.void]
Lines = npt.NDArray[np.int64]
Item = Records | LostStretch


class Converter:
    """Takes a source's lines and gives records and lost stretches in the source's order."""

    def __init__(self, rules: Rules, survey: Survey, without_end: Iterable[str], scanner: Scanner) -> None:
        self.unknown: Counter[str] = Counter()
        self.unreadable = 0
        self.first_unreadable = ""
        self.absurd = 0
        self.first_absurd = ""
        self.markers: list[tuple[int, str]] = []
        self.losses = Losses(survey.first_ns)
        self.entries = OpenEntries(frozenset(without_end))
        self._rule_of = rules.by_name
        self._form: HeadForm = FORMS[0]
        self._certain = Certain(rules.by_name, rules.threads, self._refuse, scanner)
        self._placing = Placing(self.entries)
        self._rows: list[Row] = []
        self._lines: list[int] = []
        """The line of each row in its block."""
        self._stretches: list[tuple[int, LostStretch]] = []
        """Losses that end in this block, each with the line that ends it."""
        self._waiting: list[Records] = []
        self._waiting_rows = 0
        self._comms: dict[str, bytes] = {}
        rules.threads.restart()

    @property
    def backwards(self) -> int:
        """Events that are much earlier than the one before them on their thread."""
        return self._placing.backwards

    def feed(self, data: bytes) -> Iterator[Item]:
        """Take the next whole lines; gives full chunks and lost stretches."""
        form = self._form
        known = self._certain.read(data, form)
        times = CpuTimes(self.losses, known)
        self._meet(known)
        waiting = np.flatnonzero(~known.certain)
        heads = self._certain.heads(known, waiting)
        known.turns.begin(waiting)
        for line in in_turn(waiting, len(known.block), lambda: self._form is not form):
            known.certain[line] = False
            known.turns.until(line)
            self._stretches += times.until(line)
            text = known.block.line(line)
            head = heads.get(line) if self._form is form else None
            if head or (head := self._head(text, line, times)):
                self._read(text, head, line, times)
        known.turns.until(len(known.block))
        self._stretches += times.until(len(known.block))
        times.catch_up(len(known.block))
        for name, count in known.counts_left_out().items():
            if count:
                self.unknown[self._counted_as(name)] += count
        yield from self._items(known)

    def finish(self) -> Iterator[Item]:
        """What is left."""
        if self._waiting:
            yield np.concatenate(self._waiting)
        yield from self.losses.rest()

    def absurd_remarks(self) -> Iterator[str]:
        """What to say of lines that tell more pages than any machine has."""
        if self.absurd:
            lines = f"{self.absurd:,} line{'s' if self.absurd > 1 else ''} with impossible page counts"
            yield f"Left out: {lines}, the first: {self.first_absurd}"

    def _meet(self, known: Known) -> None:
        """Names that are left out for the first time are counted in the order in which the text has them."""

        def meet(_thread: int, name: str) -> None:
            if name not in self.unknown:
                self.unknown[self._counted_as(name)] += 0

        for name, rows in known.left_out:
            if name not in self.unknown:
                known.turns.add(rows, meet, repeat(name))

    def _items(self, known: Known) -> Iterator[Item]:
        """The block's events, cut into chunks, and the lost stretches between them."""
        others = np.array(self._lines, np.int64), records_of(self._rows)
        lines, records = in_order(*known.records(), *others)
        self._rows.clear()
        self._lines.clear()
        records, lines = self._without_absurd(known, records, lines)
        records, lines = self._placing.place(records, lines)
        done = 0
        for line, stretch in self._stretches:
            until = int(np.searchsorted(lines, line))
            yield from self._full(records[done:until])
            done = until
            yield stretch
        self._stretches.clear()
        yield from self._full(records[done:])

    def _without_absurd(self, known: Known, records: Records, lines: Lines) -> tuple[Records, Lines]:
        """The events, and their lines, but those whose pages no machine has: with them nothing could be added up."""
        absurd = beyond_machines(records)
        if not absurd.any():
            return records, lines
        self.absurd += int(absurd.sum())
        self.first_absurd = self.first_absurd or shown_line(known.block.line(int(lines[absurd][0])))
        return records[~absurd], lines[~absurd]

    def _full(self, records: Records) -> Iterator[Records]:
        """Chunks that are full with these records; what is left waits."""
        if len(records):
            self._waiting.append(records)
            self._waiting_rows += len(records)
        if self._waiting_rows >= BLOCK_EVENTS:
            waiting = np.concatenate(self._waiting)
            whole = len(waiting) - len(waiting) % BLOCK_EVENTS
            yield from (waiting[start : start + BLOCK_EVENTS] for start in range(0, whole, BLOCK_EVENTS))
            self._waiting = [waiting[whole:]] if whole < len(waiting) else []
            self._waiting_rows = len(waiting) - whole

    def _head(self, text: str, line: int, times: CpuTimes) -> Head | None:
        """The head of a line that is read by itself."""
        if len(text) > MOST_LINE_BYTES:
            return None
        match = self._form.pattern.search(text) or self._other(text, line, times)
        if match is None:
            return None
        tid, tgid, cpu, seconds, fraction, name = match.group(*self._form.order)
        number = int(tid or 0)
        process = int(tgid) if tgid and tgid[0] != "-" else number
        task = text[: match.start()]
        comm = self._comms.get(task) or self._comm(task)
        return Head(number, process, cpu, time_ns(seconds, fraction, self._form.scale), comm, name, match.end())

    def _read(self, text: str, head: Head, line: int, times: CpuTimes) -> None:
        """A line with a head that is read by itself."""
        self._stretches += [(line, stretch) for stretch in times.saw(head.cpu, head.now_ns, line)]
        rule = self._rule_of.get(head.name)
        if rule is None:
            self._leave_out(head.name, text, head.at, head.now_ns)
            return
        processor = int(head.cpu or 0)
        taken = rule.take(text, head.at, head.tid or -1 - processor)
        if taken is None:
            self._not_taken(head.name, rule, text)
            return
        layout, texts = taken
        layout.rows.append(texts)
        self._rows.append((head.now_ns, head.tid, head.tgid, head.comm, layout, processor))
        self._lines.append(line)

    def _comm(self, prefix: str) -> bytes:
        if len(self._comms) >= _MOST_COMMS:
            self._comms.clear()
        comm = comm_bytes(task_name(prefix))
        self._comms[prefix] = comm
        return comm

    def _leave_out(self, name: str, line: str, at: int, now_ns: int) -> None:
        if name in STACKS:
            return
        self.unknown[self._counted_as(name)] += 1
        if name in MARKERS and len(self.markers) < MOST_MARKERS:
            self.markers.append((now_ns, line[at:].removeprefix("tracing_mark_write:").strip()))

    def _counted_as(self, name: str) -> str:
        return name if name in self.unknown or len(self.unknown) < MOST_NAMES else MANY_NAMES

    def _not_taken(self, name: str, rule: Rule, line: str) -> None:
        if rule.settles:
            self.unreadable += 1
            self.first_unreadable = self.first_unreadable or shown_line(line)
        else:
            self._refuse(NO_NAME if name == FUNCTION_ARROW else name)

    def _refuse(self, name: str) -> None:
        self.unknown[name] += 1

    def _other(self, text: str, line: int, times: CpuTimes) -> re.Match[str] | None:
        """A line that is not in the form of the last one: another form, a loss, or no event."""
        if not any(word in text for word in _LOSS_WORDS):
            return self._other_form(text)
        times.catch_up(line)
        match = self._other_form(text)
        times.may_have_lost(line)
        return match

    def _other_form(self, line: str) -> re.Match[str] | None:
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
