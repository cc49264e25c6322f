"""The second pass over a block: the lines whose events are read at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..heads import HeadForm
from ..layouts import Layout, Matcher
from ..rules import NotifierRule, ProbeRule, Rule, WorkRule
from ..table import MARKERS, STACKS
from ..threads import Threads
from .heads import Heads
from .probes import Probes
from .records import Taken, records_of
from .scan import Head, Scan, Scanner
from .tails import Tails
from .templates import Template
from .text import I64, Block, Bools
from .turns import Turns
from .works import Works

MOST_TEMPLATES: Final = 8
"""Ways to print one event that are read at once."""
_MOST_TRIES: Final = 2
"""Lines of one event in one block from which a template is made."""


class _Fate(Enum):
    """What becomes of the lines of a name."""

    IN_TURN = auto()
    STACK = auto()
    LEFT_OUT = auto()
    TAKEN = auto()
    PROBE = auto()
    NOTIFIER = auto()
    WORK = auto()


@dataclass
class Known:
    """A block's lines that are `certain`: taken, left out by name, or nothing at all. The others are read in turn."""

    scan: Scan
    certain: Bools
    turns: Turns
    taken: list[Taken] = field(default_factory=list)
    left_out: list[tuple[str, I64]] = field(default_factory=list)
    """Names and the rows of their heads."""
    works: list[Works] = field(default_factory=list)

    @property
    def block(self) -> Block:
        """The text."""
        return self.scan.block

    @property
    def heads(self) -> Heads:
        """Its certain heads."""
        return self.scan.heads

    def are_certain(self, rows: I64) -> Bools:
        """Whether the lines of these heads still are."""
        return self.certain[self.heads.lines[rows]]

    def records(self) -> tuple[I64, npt.NDArray[np.void]]:
        """The events that were taken and are still certain, with their lines; times are as the text has them."""
        kept = []
        for each in (*self.taken, *(works.taken() for works in self.works)):
            good = self.are_certain(each.rows)
            columns = {name: column[good] for name, column in each.columns.items()}
            kept.append(each if good.all() else Taken(each.kind, each.rows[good], columns))
        return records_of(self.block, self.heads, kept)

    def counts_left_out(self) -> dict[str, int]:
        """How many events of each name were left out."""
        counts: dict[str, int] = {}
        for name, rows in self.left_out:
            counts[name] = counts.get(name, 0) + int(self.are_certain(rows).sum())
        return counts


class Certain:
    """Reads what it can of one block after another."""

    def __init__(
        self, rules: Mapping[str, Rule], threads: Threads, refused: Callable[[str], None], scanner: Scanner
    ) -> None:
        """`refused` is told the name of each event that turns out in its turn to be none of ours."""
        self._rules = rules
        self._threads = threads
        self._refused = refused
        self._probes: dict[int, Probes] = {}
        self._tails: dict[int, Tails[Any]] = {}
        self._scanner = scanner
        self._fates: dict[int, _Fate] = {}
        self._templates: dict[int, list[Template]] = {}

    def read(self, data: bytes, form: HeadForm) -> Known:
        """The next whole lines, whose heads should be in this form."""
        scan = self._scanner.scan(data, form)
        known = Known(scan, scan.silent, Turns(scan, scan.silent))
        take = {
            _Fate.TAKEN: self._take,
            _Fate.PROBE: self._take_probes,
            _Fate.NOTIFIER: self._take_notifiers,
            _Fate.WORK: self._take_works,
        }
        for number, rows in scan.by_name():
            fate = self._fates.get(number) or self._fates.setdefault(number, self._fate(self._scanner.name(number)))
            if fate in take:
                take[fate](known, number, rows)
            elif fate is not _Fate.IN_TURN:
                known.certain[scan.heads.lines[rows]] = True
            if fate is _Fate.LEFT_OUT:
                known.left_out.append((self._scanner.name(number), rows))
        return known

    def heads(self, known: Known, lines: I64) -> dict[int, Head]:
        """The certain heads of lines whose text is not."""
        return self._scanner.heads(known.scan, lines)

    def _fate(self, name: str) -> _Fate:
        rule = self._rules.get(name)
        if isinstance(rule, Matcher):
            return _Fate.TAKEN
        if isinstance(rule, ProbeRule):
            return _Fate.PROBE
        if isinstance(rule, NotifierRule):
            return _Fate.NOTIFIER
        if isinstance(rule, WorkRule):
            return _Fate.WORK
        if rule is not None or name in MARKERS:
            return _Fate.IN_TURN
        return _Fate.STACK if name in STACKS else _Fate.LEFT_OUT

    def _take_probes(self, known: Known, number: int, rows: I64) -> None:
        name = self._scanner.name(number)
        rule = self._rules[name]
        assert isinstance(rule, ProbeRule)
        for found in self._probes.setdefault(number, Probes(rule, self._threads)).read(known.scan, rows):
            if not len(found.rows):
                continue
            known.certain[known.heads.lines[found.rows]] = True
            given = self._probes[number].act(found, known.turns)
            if found.place.layout is None:
                known.left_out.append((name, found.rows))
            else:
                known.taken.append(Taken(found.place.layout.kind, found.rows, {**found.columns, **given}))

    def _take_notifiers(self, known: Known, number: int, rows: I64) -> None:
        name = self._scanner.name(number)
        rule = self._rules[name]
        assert isinstance(rule, NotifierRule)
        tails = self._tails.setdefault(number, Tails(rule.texts))
        rows, numbers = tails.numbers(known.scan, rows)
        known.certain[known.heads.lines[rows]] = True
        ours = tails.said()[numbers]
        if not ours.all():
            known.left_out.append((name, rows[~ours]))
        if ours.any():
            texts = [tails.values[each] for each in numbers[ours].tolist()]
            known.taken.append(Taken(rule.layout.kind, rows[ours], rule.layout.columns(texts)))

    def _take_works(self, known: Known, number: int, rows: I64) -> None:
        name = self._scanner.name(number)
        rule = self._rules[name]
        assert isinstance(rule, WorkRule)
        tails = self._tails.setdefault(number, Tails(rule.texts))
        rows, numbers = tails.numbers(known.scan, rows)
        known.certain[known.heads.lines[rows]] = True
        known.works.append(Works(rule, partial(self._refused, name), (rows, numbers, tails.values), known.turns))

    def _take(self, known: Known, number: int, rows: I64) -> None:
        matcher = self._rules[self._scanner.name(number)]
        layout = matcher.first if isinstance(matcher, Matcher) else None
        if layout is None:
            return
        templates = self._templates.setdefault(number, [])
        for template in templates:
            rows = _read(known, template, rows)
        for _ in range(_MOST_TRIES):
            new = _new_template(known, layout, rows, templates)
            if new is None:
                return
            templates.append(new)
            rows = _read(known, new, rows)


def _read(known: Known, template: Template, rows: I64) -> I64:
    """Takes what fits and gives the rest."""
    if not len(rows):
        return rows
    heads = known.heads
    lines = heads.lines[rows]
    good, columns = template.read(known.block, lines, heads.after_name[rows])
    if template.layout is not None and good.any():
        known.taken.append(Taken(template.layout.kind, rows[good], columns))
        known.certain[lines[good]] = True
    return rows[~good]


def _new_template(known: Known, layout: Layout, rows: I64, templates: list[Template]) -> Template | None:
    if not len(rows) or len(templates) >= MOST_TEMPLATES:
        return None
    line, at = known.scan.text_after_name(int(rows[0]))
    template = Template.of(layout, line, at, at)
    return None if template in templates else template
