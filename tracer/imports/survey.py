"""The first pass over a source: what is in it, so that the recording can say so in its first block."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from .heads import FORMS, NAMELESS, HeadForm, head_of, time_ns
from .names import plain_name
from .rules import Rule, Rules
from .table import STACKS
from .threads import thread_of

MOST_NAMES: Final = 5000
"""Different event names that are counted one by one; a tracer has some hundred, garbage any number."""
MANY_NAMES: Final = "(other names)"
NO_NAME: Final = "(no event name)"
STACK_LINE: Final = re.compile(r"\s*(?:=>|[0-9a-fA-F]{6,16}\s|$)")

_MOST_TIMES: Final = 10_000
_IDLE_NS: Final = 1_000_000_000
_CPUS: Final = re.compile(r"(?:^cpus=|#P:|^# nrcpus online\s*:\s*)(\d+)")
_RELEASE: Final = re.compile(r"^# (?:os release\s*:\s*|.* trace v[\d.]+ on )(\S+)")
_HOST: Final = re.compile(r"^# hostname\s*:\s*(\S+)")
_WRITTEN: Final = re.compile(r"^# entries-in-buffer/entries-written:\s*(\d+)/(\d+)")


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


class Surveyor:
    """Takes a source's lines, settles how each event is read, and gives the survey."""

    def __init__(self, rules: Rules) -> None:
        self.survey = Survey()
        self._rules = rules
        self._watched: dict[str, Rule] = {}
        self._form: HeadForm = FORMS[0]
        self._last_work_ns = -_IDLE_NS

    def feed(self, lines: Iterable[str]) -> None:
        """Take the next lines."""
        survey, counts, watched = self.survey, self.survey.counts, self._watched
        search, name_group = self._form.pattern.search, self._form.order[5]
        for line in lines:
            survey.lines += 1
            match = search(line)
            if match is None:
                match = self._other(line)
                if match is None:
                    continue
                search, name_group = self._form.pattern.search, self._form.order[5]
            name = match[name_group]
            if name not in counts:
                name = self._meet(name, line, match)
            counts[name] += 1
            if name in watched:
                self._look(name, watched[name], line, match)
            last = match
        self._remember_time(locals().get("last"))

    def _remember_time(self, match: re.Match[str] | None) -> None:
        if match is not None:
            _, _, _, seconds, fraction, _ = match.group(*self._form.order)
            self.survey.last_ns = max(self.survey.last_ns, time_ns(seconds, fraction))

    def _meet(self, name: str, line: str, match: re.Match[str]) -> str:
        """An event name for the first time: find its rule."""
        if len(self.survey.counts) >= MOST_NAMES:
            return MANY_NAMES
        if self.survey.first_ns < 0:
            self.survey.first_ns = time_ns(*match.group(*self._form.order[3:5]))
        if name not in STACKS and (rule := self._rules.meet(name, line, match.end())):
            self._watched[name] = rule
        return name

    def _look(self, name: str, rule: Rule, line: str, match: re.Match[str]) -> None:
        tid, _, cpu, seconds, fraction, _ = match.group(*self._form.order)
        taken = rule.take(line, match.end(), thread_of(tid, cpu))
        if taken is None:
            return
        layout, texts = taken
        kind = layout.kind.name
        self.survey.names.setdefault(kind, set()).add(name)
        self.survey.fields.setdefault(kind, set()).update(layout.names)
        if rule.settles:
            del self._watched[name]
        elif kind in ("virtballoon_changed", "balloon_work_begin", "update_balloon_size_begin"):
            self._balloon_moves(kind, time_ns(seconds, fraction))
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

    def _other(self, line: str) -> re.Match[str] | None:
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
        return None

    def _nameless(self, match: re.Match[str]) -> None:
        seconds, fraction, text = match.group(4, 5, 6)
        now_ns = time_ns(seconds, fraction)
        if self.survey.first_ns < 0:
            self.survey.first_ns = now_ns
        self.survey.last_ns = max(self.survey.last_ns, now_ns)
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
