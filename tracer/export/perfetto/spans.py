"""Events of a stretch as packets, by the column: slices of the tasks' threads, and what happens in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...analyze.stream.lane import SPAN_KINDS
from ...protobuf import Fixed64, Message, Varint, key, key64, number, rows, text, whole
from ...record import ADDRESS_FIELDS
from ...schema import FUNCTION_FIELDS, KIND_BY_NAME, KIND_BY_NUMBER, Kind
from ..edges import BEGIN, END, POINT, Edges
from ..source import Source
from ..tasks import tasks_of
from ..wakings import NO_FLOW, Wakings
from .packets import (
    ANNOTATION,
    ANNOTATION_INT,
    ANNOTATION_NAME_IID,
    ANNOTATION_POINTER,
    ANNOTATION_STRING_IID,
    ANNOTATION_UINT,
    ARGUMENTS,
    EVENT_FLOW,
    EVENT_NAME,
    EVENT_NAME_IID,
    EVENT_NAMES,
    EVENT_TERMINATING_FLOW,
    EVENT_TRACK,
    EVENT_TYPE,
    INSTANT,
    PACKET,
    SLICE_BEGIN,
    SLICE_END,
    TIMESTAMP,
    TRACK_EVENT,
    Packets,
)
from .strings import Strings
from .tracks import Tracks

I64 = npt.NDArray[np.int64]

_TYPE: Final = {BEGIN: SLICE_BEGIN, END: SLICE_END, POINT: INSTANT}
_ROWS: Final = 8192
"""Messages made at a time: as many as the CPU's cache holds."""
_LOST: Final = "lost"
_UNSEEN: Final = "not seen"
_WAKEUP, _WAKE = "wakeup_kswapd", "kswapd_wake"


@dataclass(frozen=True)
class _Group:
    """Edges of one shape: rows of the stretch's edges, ascending, and what their packets have beside time and track."""

    rows: I64
    event: list[Any]
    held: int | None = None
    """The node whose kswapd this wake-up may yet wake: its packet waits for that."""


class SpanPackets:
    """Writes the edges of each stretch."""

    def __init__(self, packets: Packets, tracks: Tracks, source: Source) -> None:
        self._packets = packets
        self._tracks = tracks
        self._strings = Strings(packets)
        self._absent = source.metadata.absent_fields
        self._symbols = source.symbols
        self._cgroups = source.cgroups if source.metadata.cgroup_hierarchy else None
        self._wakings = Wakings()
        self._held: dict[int, dict[bool, bytes]] = {}

    def write(self, edges: Edges) -> None:
        """All of them; of a thread's edges at one time in their order."""
        self._look_up(edges)
        self._wake(edges)
        groups = list(self._groups(edges))
        self._strings.tell()
        tied = _tied(edges)
        in_order: dict[int, bytes] = {}
        for group in groups:
            if group.held is None:
                self._write(edges, group, tied[group.rows], in_order)
            else:
                packets = self._packets_of(edges, group, slice(0, 1)).tobytes()
                self._held.setdefault(group.held, {})[_ends_in_flow(group)] = packets
        self._packets.write(b"".join(in_order[row] for row in sorted(in_order)))

    def finish(self) -> None:
        """Write what still waited."""
        for packets in self._held.values():
            self._packets.write(packets[False])

    def _write(self, edges: Edges, group: _Group, apart: npt.NDArray[np.bool_], in_order: dict[int, bytes]) -> None:
        """A group's packets, but for those whose place among others matters, which are added to `in_order`."""
        for start in range(0, len(group.rows), _ROWS):
            part = slice(start, start + _ROWS)
            made = self._packets_of(edges, group, part)
            if apart[part].any():
                ordered = np.flatnonzero(apart[part])
                in_order |= zip(group.rows[part][ordered].tolist(), map(bytes, made[ordered]), strict=True)
                made = made[~apart[part]]
            self._packets.write(made.tobytes())

    def _wake(self, edges: Edges) -> None:
        """Find which wake-up woke which kswapd, and write those held back that are settled by it."""
        called, woke = (_of_kind(edges, kind) for kind in (_WAKEUP, _WAKE))
        nids = [_argument_of(edges, rows_, kind, "nid") for rows_, kind in ((called, _WAKEUP), (woke, _WAKE))]
        found = self._wakings.advance(nids[0], edges.time_ns[called], nids[1], edges.time_ns[woke])
        self._flow = np.zeros(len(edges), np.int64)
        self._flow[called], self._flow[woke] = found.callers, found.wakers
        self._holding = {int(called[row]): nid for nid, row in found.held.items()}
        for nid, flow in found.settled.items():
            packets = self._held.pop(nid)
            flow_bytes = (self._packets.base + flow).to_bytes(8, "little")
            self._packets.write(packets[False] if flow == NO_FLOW else packets[True][: -len(flow_bytes)] + flow_bytes)

    def _look_up(self, edges: Edges) -> None:
        tasks, codes = tasks_of(edges.stretch.batch)
        code = codes[edges.at]
        self._track = np.asarray([self._tracks.of_task(task) for task in tasks], np.uint64)[code]
        self._comm = self._strings.numbers(task.comm for task in tasks)[code]
        if self._cgroups is not None:
            paths = (self._cgroups.get(task.cgroup_id, "unknown") for task in tasks)
            self._cgroup = self._strings.numbers(paths)[code]

    def _packets_of(self, edges: Edges, group: _Group, part: slice) -> npt.NDArray[np.uint8]:
        chosen = group.rows[part]
        event = [key(EVENT_TRACK), Varint(self._track[chosen]), *(_cut(one, part) for one in group.event)]
        time_ns = Varint(edges.time_ns[chosen].astype(np.uint64))
        packet = Message(PACKET, [key(TIMESTAMP), time_ns, self._packets.head, Message(TRACK_EVENT, event)])
        return rows([packet], len(chosen))

    def _groups(self, edges: Edges) -> Iterator[_Group]:
        kind = np.where(edges.told, edges.stretch.batch.header["kind"][edges.at].astype(np.int64), 0)
        shape = kind << 2 | edges.type
        for number_, chosen in _by(shape):
            of_kind, of_type = KIND_BY_NUMBER.get(number_ >> 2), number_ & 3
            if number_ >> 2 == 0:
                yield from self._untold(edges, chosen, of_type)
            elif of_kind is None:
                name = text(EVENT_NAME, f"unknown kind {number_ >> 2}")
                yield _Group(chosen, [number(EVENT_TYPE, INSTANT), name, *self._who(chosen)])
            else:
                yield from self._told(edges, chosen, of_kind, of_type)

    def _told(self, edges: Edges, chosen: I64, kind: Kind, of_type: int) -> Iterator[_Group]:
        head = [number(EVENT_TYPE, _TYPE[of_type])]
        if of_type == BEGIN and kind.span:
            head.append(number(EVENT_NAME_IID, EVENT_NAMES[kind.span.value]))
        elif of_type == POINT:
            head.append(number(EVENT_NAME_IID, EVENT_NAMES[kind.name]))
        field = EVENT_FLOW if kind.name == _WAKEUP else EVENT_TERMINATING_FLOW
        for rows_, flows, held in self._by_flow(chosen):
            who = [] if of_type == END else self._who(rows_)
            flow = [] if flows is None else [key64(field), Fixed64(flows)]
            yield _Group(rows_, [*head, *who, *self._arguments(edges, rows_, kind), *flow], held)

    def _by_flow(self, chosen: I64) -> Iterator[tuple[I64, npt.NDArray[np.uint64] | None, int | None]]:
        """Rows with their flows, None for those without one; those that are held twice, with one and without."""
        flow = self._flow[chosen]
        held = [row for row in self._holding if flow.size and row in chosen]
        for row in held:
            one = np.array([row])
            yield one, None, self._holding[row]
            yield one, np.zeros(1, np.uint64), self._holding[row]
        without = chosen[(flow == NO_FLOW) & ~np.isin(chosen, held)]
        if len(without):
            yield without, None, None
        flowing = chosen[flow != NO_FLOW]
        if len(flowing):
            yield flowing, flow[flow != NO_FLOW].astype(np.uint64) + np.uint64(self._packets.base), None

    def _untold(self, edges: Edges, chosen: I64, of_type: int) -> Iterator[_Group]:
        """Begins and ends that no event tells."""
        spans = edges.stretch.spans
        if of_type == BEGIN:
            for code, of_code in _by(spans.code[edges.span[chosen]]):
                rows_ = chosen[of_code]
                name = number(EVENT_NAME_IID, EVENT_NAMES[SPAN_KINDS[code].value])
                note = self._note("begin", _UNSEEN)
                yield _Group(rows_, [number(EVENT_TYPE, SLICE_BEGIN), name, *self._who(rows_), note])
            return
        for is_lost, word in ((True, _LOST), (False, "inferred")):
            rows_ = chosen[edges.lost[chosen] == is_lost]
            if len(rows_):
                yield _Group(rows_, [number(EVENT_TYPE, SLICE_END), self._note("end", word)])

    def _note(self, name: str, word: str) -> Message:
        """An argument that is the same in all packets."""
        told = number(ANNOTATION_STRING_IID, self._strings.number(word))
        return Message(ANNOTATION, [number(ANNOTATION_NAME_IID, ARGUMENTS[name]), told])

    def _who(self, chosen: I64) -> list[Any]:
        who: list[Any] = [_string("comm", self._comm[chosen])]
        return who if self._cgroups is None else [*who, _string("cgroup", self._cgroup[chosen])]

    def _arguments(self, edges: Edges, chosen: I64, kind: Kind) -> Iterator[Any]:
        batch = edges.stretch.batch
        at = np.searchsorted(batch.rows[kind.name], edges.at[chosen])
        absent = self._absent.get(kind.name, ())
        for name, _ in kind.fields:
            if name not in absent:
                yield from self._argument(name, batch.args[kind.name][name][at])

    def _argument(self, name: str, values: npt.NDArray[Any]) -> Iterator[Any]:
        if values.dtype.kind == "S":
            yield _string(name, self._strings.of_names(values))
            return
        typed = ANNOTATION_POINTER if name in ADDRESS_FIELDS else ANNOTATION_UINT
        if values.dtype.kind == "i" and name not in ADDRESS_FIELDS:
            typed = ANNOTATION_INT
        yield Message(ANNOTATION, [number(ANNOTATION_NAME_IID, ARGUMENTS[name]), key(typed), whole(values)])
        if name in FUNCTION_FIELDS:
            yield _string(f"{name}_name", self._strings.of_addresses(values, self._symbols))


def _ends_in_flow(group: _Group) -> bool:
    return isinstance(group.event[-1], Fixed64)


def _of_kind(edges: Edges, kind: str) -> I64:
    """Rows of the edges that are events of a kind."""
    number_ = KIND_BY_NAME[kind].number
    return np.flatnonzero(edges.told & (edges.stretch.batch.header["kind"][edges.at] == number_))


def _argument_of(edges: Edges, rows_: I64, kind: str, name: str) -> I64:
    return edges.stretch.args.at(edges.at[rows_], kind, name)


def _string(name: str, numbers: npt.NDArray[np.uint64]) -> Message:
    return Message(
        ANNOTATION, [number(ANNOTATION_NAME_IID, ARGUMENTS[name]), key(ANNOTATION_STRING_IID), Varint(numbers)]
    )


def _cut(part: Any, rows_: slice) -> Any:  # noqa: ANN401 - a part of a message
    """The same of some rows only."""
    if isinstance(part, Message):
        return Message(part.field, [_cut(one, rows_) for one in part.parts])
    return part if isinstance(part, bytes) else type(part)(part.values[rows_])


def _by(key_: I64) -> Iterator[tuple[int, I64]]:
    for one in np.flatnonzero(np.bincount(key_)).tolist() if len(key_) else ():
        yield one, np.flatnonzero(key_ == one)


def _tied(edges: Edges) -> npt.NDArray[np.bool_]:
    """Which edges share their time with another one of their thread."""
    tied = np.zeros(len(edges), np.bool_)
    same = edges.time_ns[1:] == edges.time_ns[:-1]
    if not same.any():
        return tied
    near = np.flatnonzero(np.append(same, False) | np.append(False, same))
    thread = edges.thread[near]
    order = np.lexsort((thread, edges.time_ns[near]))
    time_ns, thread = edges.time_ns[near][order], thread[order]
    alike = (time_ns[1:] == time_ns[:-1]) & (thread[1:] == thread[:-1])
    tied[near[order[np.append(alike, False) | np.append(False, alike)]]] = True
    return tied
