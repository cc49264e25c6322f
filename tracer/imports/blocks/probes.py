"""Probes on functions: the texts of their lines are read at once, what they take from their thread's past in turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Final

import numpy as np

from ..rules import Place, ProbeRule
from ..threads import NUMBERED, Threads
from .scan import Scan
from .templates import Columns, Template
from .text import I64
from .turns import Turns

_MOST_TEMPLATES: Final = 16
"""Places of one probe, and ways to print them, that are read at once."""
_MOST_TRIES: Final = 4
FUNCTIONS: Final = "functions"
"""The memory of the function that each thread entered last."""


@dataclass(frozen=True)
class Found:
    """Lines of one place by the rows of their heads, and the fields that their texts have."""

    place: Place
    rows: I64
    columns: Columns


class Probes:
    """Templates of one probe's lines."""

    def __init__(self, rule: ProbeRule, threads: Threads) -> None:
        self._rule = rule
        self._threads = threads
        self._known: list[tuple[Template, Place]] = []

    def read(self, scan: Scan, rows: I64) -> Iterator[Found]:
        """Those of the lines whose texts are certain."""
        tries = 0
        for template, place in self._known:
            good, columns = template.read(scan.block, scan.heads.lines[rows], scan.heads.after_name[rows])
            yield Found(place, rows[good], columns)
            rows = rows[~good]
        while len(rows) and tries < _MOST_TRIES and len(self._known) < _MOST_TEMPLATES:
            tries += 1
            new = self._new(scan, int(rows[0]))
            if new is None or new in self._known:
                return
            self._known.append(new)
            good, columns = new[0].read(scan.block, scan.heads.lines[rows], scan.heads.after_name[rows])
            yield Found(new[1], rows[good], columns)
            rows = rows[~good]

    def act(self, found: Found, turns: Turns) -> Columns:
        """What these lines do in turn; gives the fields that this works out."""
        threads, rows, place = self._threads, found.rows, found.place
        if place.layout is None:
            if place.counted is not None:
                turns.add(rows, threads.count, repeat(place.counted))
            return {}
        kind = place.layout.kind.name
        if kind == "tell_host":
            return {"direction": self._directions(found, turns)}
        turns.remember(rows, threads.functions.__setitem__, kind, FUNCTIONS)
        if kind != "oom_notify_begin":
            return {}
        callback = dict(place.layout.fields)["cb"].column([place.callback])
        return {"cb": np.repeat(callback, len(rows))}

    def _directions(self, found: Found, turns: Turns) -> I64:
        """The queue of each `tell_host`: known when all lines have had their turn, where it has no number."""
        directions = np.zeros(len(found.rows), np.int64)
        waiting = np.arange(len(found.rows))
        queues, functions = self._threads.queues, self._threads.functions

        def tell(thread: int, told: tuple[int, int | None]) -> None:
            row, queue = told
            directions[row] = queues.direction(queue, functions.get(thread))

        told: Iterable[int | None] = repeat(None)
        if (column := found.columns.get("vq")) is not None:
            queue = column.view(np.uint64)
            is_numbered = queue < len(NUMBERED)
            directions[is_numbered] = np.array(NUMBERED)[column[is_numbered]]
            waiting = np.flatnonzero(~is_numbered)
            told = queue[waiting].tolist()
        turns.recall(found.rows[waiting], tell, zip(waiting.tolist(), told, strict=False), FUNCTIONS)
        return directions

    def _new(self, scan: Scan, row: int) -> tuple[Template, Place] | None:
        line, at = scan.text_after_name(row)
        place = self._rule.place(line, at)
        template = Template.of(place.layout, line, at, place.at) if place else None
        return (template, place) if template and place else None
