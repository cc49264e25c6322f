"""The first pass over a source: what is in it, so that the recording can say so in its first block."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np

from .blocks.probes import Found, Probes
from .blocks.scan import Head, Scan, Scanner, in_turn
from .blocks.tails import Tails
from .blocks.text import Block, Bools
from .blocks.turns import Act, Turns
from .blocks.works import WORKS, NumberedWorks, WorkTexts, told
from .folding import continues
from .heads import FORMS, NAMELESS, HeadForm, head_of, time_ns
from .layouts import Layout, Texts
from .lines import MOST_LINE_BYTES
from .names import plain_name
from .rules import ProbeRule, Rule, Rules, WorkRule
from .table import STACKS
from .unread import UnreadLines, shown_line

MOST_NAMES: Final = 5000
"""Different event names that are counted one by one; a tracer has some hundred, garbage any number."""
MANY_NAMES: Final = "(other names)"
NO_NAME: Final = "(no event name)"
STACK_LINE: Final = re.compile(r"\s*(?:=>|(?=\d*[a-fA-F])[0-9a-fA-F]{6,16}\s(?!\s*[\w-]+=)|$)")
"""A line of a stack, or a blank one. Digits alone are rather the rest of a folded line than an address."""

_MOST_TIMES: Final = 10_000
_BALLOON_MOVES: Final = frozenset({"virtballoon_changed", "balloon_work_begin", "update_balloon_size_begin"})
"""Kinds whose times are remembered."""
_IDLE_NS: Final = 1_000_000_000
_CPUS: Final = re.compile(r"(?:^cpus=|#P:|^# nrcpus online\s*:\s*)(\d{1,9})(?!\d)")
_RELEASE: Final = re.compile(r"^# (?:os release\s*:\s*|.* trace v[\d.]+ on )(\S+)")
_HOST: Final = re.compile(r"^# hostname\s*:\s*(\S+)")
_WRITTEN: Final = re.compile(r"^# entries-in-buffer/entries-written:\s*(\d{1,18})/(\d{1,18})(?!\d)")


@dataclass
class Facts:
    """What a source says about the machine it comes from."""

    cpus: int = 0
    kernel: str = ""
    host: str = ""
    overwritten: int = 0
    """Events that were gone from the tracer's buffer before it was read."""


@dataclass
class Survey:
    """What a source holds. Times are the source's clock in ns; `fields` are those its text has, by kind."""

    first_ns: int = -1
    last_ns: int = -1
    lines: int = 0
    long_lines: int = 0
    """Lines too long to be read; they are not among `lines`."""
    counts: Counter[str] = field(default_factory=Counter)
    names: dict[str, set[str]] = field(default_factory=dict)
    """Event names in the source by kind."""
    fields: dict[str, set[str]] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    target_changes: list[int] = field(default_factory=list)
    """When `virtballoon_changed` ran."""
    work_starts: list[int] = field(default_factory=list)
    """When balloon work began after a second without any."""
    work_functions: set[str] = field(default_factory=set)
    """Functions of the balloon work."""
    cut: dict[str, frozenset[str]] = field(default_factory=dict)
    """Of kinds no line of which is whole, the fields that each line has."""
    unread: dict[str, str] = field(default_factory=dict)
    """Known events of which no line can be read, with the first such line."""
    unread_lines: UnreadLines = field(default_factory=UnreadLines)
    continued: bool = False
    """Whether lines look as if they were folded."""


class Surveyor:
    """Takes a source's lines, settles how each event is read, and gives the survey."""

    def __init__(self, rules: Rules, scanner: Scanner) -> None:
        self.survey = Survey()
        self._rules = rules
        self._watched: dict[str, Rule] = {}
        self._probes: dict[int, Probes] = {}
        self._works: dict[int, Tails[WorkTexts]] = {}
        self._seen: set[tuple[str, Layout]] = set()
        self._form: HeadForm = FORMS[0]
        self._scanner = scanner
        self._last_work_ns = -_IDLE_NS
        self._last_line = ""
        """The last one of the block before."""

    def feed(self, data: bytes) -> None:
        """Take the next whole lines."""
        form = self._form
        scan = self._scanner.scan(data, form)
        heads = scan.heads
        head_of_line = np.full(len(scan.block), -1, np.int64)
        head_of_line[heads.lines] = np.arange(len(heads))
        settled = self._settled(scan)
        certain = scan.silent.copy()
        certain[heads.lines] = True
        turns = Turns(scan, certain)
        self._watch(scan, settled, turns)
        waiting = ~scan.silent
        waiting[heads.lines[settled]] = False
        self.survey.lines += len(scan.block)
        lines = np.flatnonzero(waiting)
        certain_heads = self._scanner.heads(scan, lines)
        turns.begin(lines)
        for line in in_turn(lines, len(scan.block), lambda: self._form is not form):
            turns.until(line)
            certain[line] = False
            head = int(head_of_line[line])
            if head >= 0:
                settled[head] = self._form is form and self._is_settled(int(scan.numbers[head]))
                if settled[head]:
                    continue
            self._line(scan.block, line, certain_heads.get(line) if self._form is form else None)
        turns.until(len(scan.block))
        self._last_line = scan.block.line(len(scan.block) - 1)
        self._count(scan, settled)

    def _watch(self, scan: Scan, settled: Bools, turns: Turns) -> None:
        """Settles the lines of watched names whose texts are certain; what they tell is taken in turn."""
        for number, rows in scan.by_name() if self._watched else ():
            name = self._scanner.name(number)
            rule = self._watched.get(name)
            if isinstance(rule, ProbeRule):
                probes = self._probes.setdefault(number, Probes(rule, self._rules.threads))
                for found in probes.read(scan, rows):
                    settled[found.rows] = True
                    probes.act(found, turns)
                    self._notice(scan, name, found, turns)
            elif isinstance(rule, WorkRule):
                tails = self._works.setdefault(number, Tails(rule.texts))
                certain, numbers = tails.numbers(scan, rows)
                settled[certain] = True
                self._watch_works(scan, rule, partial(self._work, name, rule), (certain, numbers, tails.values), turns)

    def _notice(self, scan: Scan, name: str, found: Found, turns: Turns) -> None:
        """What else a probe's lines tell than what their threads enter."""
        layout = found.place.layout
        if layout is None or ((name, layout) in self._seen and layout.kind.name not in _BALLOON_MOVES):
            return

        def take(_thread: int, now_ns: int) -> None:
            self._took(name, layout, (), now_ns)

        turns.add(found.rows, take, scan.heads.now_ns[found.rows].tolist())

    def _watch_works(self, scan: Scan, rule: WorkRule, work: Act, lines: NumberedWorks, turns: Turns) -> None:
        """`work` takes what it has to: lines that tell whose work it is only once a text, then their times will do."""
        rows, numbers, values = lines
        kind = rule.layout.kind.name
        is_told = told(rule, lines, turns)
        is_first = np.zeros(len(rows), bool)
        is_first[np.unique(numbers, return_index=True)[1]] = True
        for some, add in ((~is_told, partial(turns.recall, memory=WORKS)), (is_told & is_first, turns.add)):
            texts = map(values.__getitem__, numbers[some].tolist())
            add(rows[some], work, zip(texts, scan.heads.now_ns[rows[some]].tolist(), strict=True))
        if kind in _BALLOON_MOVES:
            again = rows[is_told & ~is_first]
            turns.add(
                again, lambda _thread, now_ns: self._balloon_moves(kind, now_ns), scan.heads.now_ns[again].tolist()
            )

    def _work(self, name: str, rule: WorkRule, thread: int, line: tuple[WorkTexts | None, int]) -> None:
        texts, now_ns = line
        function = rule.settle(thread, texts[1]) if texts else None
        if texts and function:
            self._took(name, rule.layout, (texts[0], function), now_ns)

    def _settled(self, scan: Scan) -> Bools:
        """Heads of which nothing more has to be known than their number."""
        known = [self._is_settled(number) for number in range(int(scan.numbers.max(initial=-1)) + 1)]
        return np.array([*known, False])[scan.numbers]

    def _is_settled(self, number: int) -> bool:
        if number < 0:
            return False
        name = self._scanner.name(number)
        return name in self.survey.counts and name not in self._watched

    def _count(self, scan: Scan, settled: Bools) -> None:
        for number, count in enumerate(np.bincount(scan.numbers[settled]).tolist()):
            if count:
                self.survey.counts[self._scanner.name(number)] += count
        times = scan.heads.now_ns[settled]
        if len(times):
            self._remember_time(int(times.min()))
            self._remember_time(int(times.max()))

    def _remember_time(self, now_ns: int) -> None:
        survey = self.survey
        survey.first_ns = min(survey.first_ns, now_ns) if survey.first_ns >= 0 else now_ns
        survey.last_ns = max(survey.last_ns, now_ns)

    def _line(self, block: Block, number: int, certain: Head | None) -> None:
        line = block.line(number)
        head = certain or self._head(line, block.line(number - 1) if number else self._last_line)
        if head is None:
            return
        self._remember_time(head.now_ns)
        name = head.name
        if name not in self.survey.counts:
            name = self._meet(line, head)
        self.survey.counts[name] += 1
        if name in self._watched:
            self._look(self._watched[name], line, head)

    def _head(self, line: str, before: str) -> Head | None:
        if len(line) > MOST_LINE_BYTES:
            self.survey.lines -= 1
            self.survey.long_lines += 1
            return None
        match = self._form.pattern.search(line) or self._other(line, before)
        if match is None:
            return None
        tid, _, cpu, seconds, fraction, name = match.group(*self._form.order)
        return Head(int(tid or 0), 0, cpu, time_ns(seconds, fraction, self._form.scale), b"", name, match.end())

    def _meet(self, line: str, head: Head) -> str:
        """An event name for the first time: find its rule."""
        if len(self.survey.counts) >= MOST_NAMES:
            return MANY_NAMES
        if head.name not in STACKS and (rule := self._rules.meet(head.name, line, head.at)):
            self._watched[head.name] = rule
        return head.name

    def _look(self, rule: Rule, line: str, head: Head) -> None:
        taken = rule.take(line, head.at, head.tid or -1 - int(head.cpu or 0))
        if taken is None:
            if rule.settles:
                self.survey.unread.setdefault(head.name, shown_line(line))
            return
        layout, texts = taken
        self.survey.unread.pop(head.name, None)
        self._took(head.name, layout, texts, head.now_ns)
        if rule.settles and layout.is_whole:
            del self._watched[head.name]

    def _took(self, name: str, layout: Layout, texts: Texts, now_ns: int) -> None:
        kind = layout.kind.name
        if (name, layout) not in self._seen:
            self._seen.add((name, layout))
            self.survey.names.setdefault(kind, set()).add(name)
            if layout.is_whole:
                self.survey.fields.setdefault(kind, set()).update(layout.names)
            else:
                self.survey.cut[kind] = self.survey.cut.get(kind, layout.names) & layout.names
        if kind in _BALLOON_MOVES:
            self._balloon_moves(kind, now_ns)
            if kind == "balloon_work_begin" and len(self.survey.work_functions) < _MOST_TIMES:
                self.survey.work_functions.add(plain_name(str(texts[1])))

    def _balloon_moves(self, kind: str, now_ns: int) -> None:
        if kind == "virtballoon_changed":
            times = self.survey.target_changes
        else:
            idle_ns, self._last_work_ns = now_ns - self._last_work_ns, now_ns
            if idle_ns < _IDLE_NS:
                return
            times = self.survey.work_starts
        if len(times) < _MOST_TIMES:
            times.append(now_ns)

    def _other(self, line: str, before: str) -> re.Match[str] | None:
        """A line that is not in the form of the last one: another form, a header, or no event."""
        if STACK_LINE.match(line):
            return None
        if line.startswith(("#", "cpus=")):
            self._header(line)
            return None
        if found := head_of(line):
            self._form = found[0]
            return found[1]
        if match := NAMELESS.pattern.search(line):
            self._nameless(match)
        else:
            self.survey.continued = self.survey.continued or continues(before, line)
            self.survey.unread_lines.take(line)
        return None

    def _nameless(self, match: re.Match[str]) -> None:
        seconds, fraction, text = match.group(4, 5, 6)
        self._remember_time(time_ns(seconds, fraction))
        if not text.startswith(("<stack trace", "<user stack trace")):
            self.survey.counts[NO_NAME] += 1

    def _header(self, line: str) -> None:
        facts = self.survey.facts
        if match := _CPUS.search(line):
            facts.cpus = min(int(match[1]), 65_536)
        if match := _RELEASE.match(line):
            facts.kernel = match[1]
        if match := _HOST.match(line):
            facts.host = match[1]
        if match := _WRITTEN.match(line):
            facts.overwritten = max(int(match[2]) - int(match[1]), 0)
