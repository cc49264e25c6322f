"""One scene as the page has it: lanes, spans, points and links as plain data, and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ...analyze.stream.closed import SpanState
from ...analyze.terms import Quality
from ...evidence.anatomy import Anatomy
from ...evidence.links import Link, LinkKind
from ...evidence.rows import EventRow, SpanRow
from ...wording.numbers import count, duration, offset, plural
from ...wording.spans import span_words
from ..clipping import clean
from ..table import Cell, Column, Table, unknown, word
from .lanes import HOST, Lane, lanes, thread_of
from .looks import LINK_WORDS, POINT_MARKS, SPAN_LOOKS
from .points import point_words
from .titles import Title, title_of

COLUMNS: Final = (Column("Time", number=True), Column("Lasted", number=True), Column("Thread"), Column("What"))
_EDGES: Final = {SpanState.COMPLETE: 0, SpanState.END_WITHOUT_BEGIN: 1, SpanState.BEGIN_WITHOUT_END: 2}
_BEYOND: Final = ("", "its begin was not seen", "its end lies beyond this or was not seen")


@dataclass(frozen=True)
class Entry:
    """A line of the table: `lasted_ns` is None where it is unknown, -1 for a moment."""

    time_ns: int
    lasted_ns: int | None
    thread: str
    what: str


@dataclass(frozen=True)
class SceneView:
    """One scene, from `start_ns` on as seconds of the page."""

    anatomy: Anatomy
    start_ns: int
    page_bytes: int
    lanes: Sequence[Lane]
    threads_seen: int

    @classmethod
    def of(cls, anatomy: Anatomy, start_ns: int, page_bytes: int) -> SceneView:
        """With its lanes."""
        return cls(anatomy, start_ns, page_bytes, *lanes(anatomy))

    @property
    def title(self) -> Title:
        """What it is called, and what it is about."""
        return title_of(self.anatomy.scene, self.page_bytes)

    @property
    def from_s(self) -> float:
        """Where it begins, never before the page's time."""
        return max(0.0, (self.anatomy.scene.from_ns - self.start_ns) / 1e9)

    @property
    def to_s(self) -> float:
        """Where it ends, or reading did."""
        return ((self.anatomy.until_ns or self.anatomy.scene.to_ns) - self.start_ns) / 1e9

    @property
    def spans(self) -> list[SpanRow]:
        """Those of the lanes."""
        tids = {lane.tid for lane in self.lanes}
        return [row for row in self.anatomy.spans if row.tid in tids]

    @property
    def shown(self) -> str:
        """How much of it all is shown."""
        anatomy, spans = self.anatomy, len(self.spans)
        told = [f"Showing {count(spans)} of {plural(anatomy.spans_seen, 'span')}"]
        told.append(f"{count(len(self.lanes))} of {plural(self.threads_seen, 'thread')}")
        if len(anatomy.points) < anatomy.points_seen or anatomy.points_cut:
            least = "at least " if anatomy.points_cut else ""
            told.append(f"{count(len(anatomy.points))} of {least}{plural(anatomy.points_seen, 'single event')}")
        rest = "; the others are shorter or tell less" if spans < anatomy.spans_seen else ""
        until = f" Read up to {offset(self.to_s)} only." if anatomy.until_ns else ""
        return f"{', '.join(told)}{rest}.{until}"

    @property
    def entries(self) -> list[Entry]:
        """Spans, points and links by time."""
        names = {lane.tid: lane.name for lane in self.lanes}
        found = [
            *(self._span(row, names) for row in self.spans),
            *(
                Entry(row.time_ns, -1, names.get(thread_of(row), _thread(row)), point_words(row))
                for row in self._points
            ),
            *(Entry(link.from_ns, -1, _from(link, names), _link_words(link, names)) for link in self._links),
        ]
        return sorted(found, key=lambda entry: entry.time_ns)

    def table(self) -> Table:
        """The same as a table."""
        return Table(f"Spans of {self.title.name}", COLUMNS, [self._row(entry) for entry in self.entries], css="prose")

    def data(self) -> dict[str, Any]:
        """For the script: times in microseconds since `from_s`."""
        place = {lane.tid: at for at, lane in enumerate(self.lanes)}
        return {
            "key": self.anatomy.scene.key,
            "name": self.title.name,
            "about": self.title.about,
            "from": self.from_s,
            "to": self.to_s,
            "shown": self.shown,
            "lanes": [[lane.name, lane.role, len(lane.depths)] for lane in self.lanes],
            "spans": [self._bar(row, place) for row in self.spans],
            "points": [
                [self._us(row.time_ns), place[thread_of(row)], POINT_MARKS[row.kind], point_words(row)]
                for row in self._points
            ],
            "links": [self._arrow(link, place) for link in self._links],
            "entries": [
                [self._us(each.time_ns), _lasted(each.lasted_ns), each.thread, each.what] for each in self.entries
            ],
        }

    @property
    def _points(self) -> Iterator[EventRow]:
        tids = {lane.tid for lane in self.lanes}
        return (row for row in self.anatomy.points if thread_of(row) in tids)

    @property
    def _links(self) -> Iterator[Link]:
        tids = {lane.tid for lane in self.lanes}
        return (link for link in self.anatomy.links if link.to_tid in tids)

    def _us(self, time_ns: int) -> int:
        return round((time_ns - self.start_ns) / 1e3 - self.from_s * 1e6)

    def _span(self, row: SpanRow, names: dict[int, str]) -> Entry:
        return Entry(row.time_ns, row.duration_ns, names[row.tid], _what(row))

    def _bar(self, row: SpanRow, place: dict[int, int]) -> list[Any]:
        lane = self.lanes[place[row.tid]]
        kinds = list(SPAN_LOOKS)
        named = int(row.id is not None and row.id in self.anatomy.scene.named)
        begin = None if row.begin_ns is None else self._us(row.begin_ns)
        end = None if row.end_ns is None else self._us(row.end_ns)
        depth = lane.depths.index(row.depth)
        return [
            place[row.tid],
            depth,
            begin,
            end,
            kinds.index(row.kind),
            clean(span_words(row.kind, row.fields)),
            named,
        ]

    def _arrow(self, link: Link, place: dict[int, int]) -> list[Any]:
        tid = HOST if link.kind is LinkKind.QUEUED else link.from_tid
        inferred = int(link.quality is Quality.INFERRED)
        from_us, to_us = self._us(link.from_ns), self._us(link.to_ns)
        return [from_us, place.get(tid, -1), to_us, place[link.to_tid], LINK_WORDS[link.kind], inferred]

    def _row(self, entry: Entry) -> Sequence[Cell]:
        at_s = (entry.time_ns - self.start_ns) / 1e9
        last_s = at_s + max(entry.lasted_ns or 0, 0) / 1e9
        lasted = unknown() if entry.lasted_ns is None else Cell(_lasted(entry.lasted_ns), css="num")
        return Cell(f"{at_s:,.6f} s", at_s, "num", span=(at_s, last_s)), lasted, word(entry.thread), word(entry.what)


def _what(row: SpanRow) -> str:
    parts = [SPAN_LOOKS[row.kind].name, clean(span_words(row.kind, row.fields)), _BEYOND[_EDGES[row.state]]]
    inside = " (inside the one before)" if row.depth else ""
    return f"{', '.join(part for part in parts if part)}{inside}"


def _lasted(lasted_ns: int | None) -> str:
    if lasted_ns is None:
        return "unknown"
    return "" if lasted_ns < 0 else duration(lasted_ns)


def _thread(row: EventRow) -> str:
    return f"{clean(row.comm or '?')} ({row.tid})"


def _from(link: Link, names: dict[int, str]) -> str:
    if link.kind is LinkKind.QUEUED:
        return names.get(HOST, "host")
    return names.get(link.from_tid, f"{clean(link.comm)} ({link.from_tid})")


def _link_words(link: Link, names: dict[int, str]) -> str:
    how = "inferred from the order" if link.quality is Quality.INFERRED else "told by an event"
    return f"→ {names[link.to_tid]}: {LINK_WORDS[link.kind]} ({how})"
