"""Packets of a trace: field numbers of protos/perfetto/trace/*.proto, and what is written one by one.

All packets are of one sequence, which begins with the clock that its times are of and the names that it uses.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from ...errors import printable
from ...metadata import Metadata
from ...protobuf import double, fixed64, message, number, text
from ...record import SpanKind
from ...schema import FUNCTION_FIELDS, KINDS

SLICE_BEGIN: Final = 1
SLICE_END: Final = 2
INSTANT: Final = 3
COUNTER: Final = 4

PACKET: Final = 1
"""`Trace.packet`."""
TIMESTAMP: Final = 8
TRACK_EVENT: Final = 11
EVENT_TYPE: Final = 9
EVENT_TRACK: Final = 11
EVENT_NAME_IID: Final = 10
EVENT_FLOW: Final = 47
EVENT_TERMINATING_FLOW: Final = 48
EVENT_COUNT: Final = 30
EVENT_DOUBLE_COUNT: Final = 44
ANNOTATION: Final = 4
ANNOTATION_NAME_IID: Final = 1
ANNOTATION_UINT: Final = 3
ANNOTATION_INT: Final = 4
ANNOTATION_POINTER: Final = 7
ANNOTATION_STRING_IID: Final = 17
_ANNOTATION_BOOL: Final = 2
_ANNOTATION_DOUBLE: Final = 5
_ANNOTATION_STRING: Final = 6
_ANNOTATION_NAME: Final = 10
EVENT_NAME: Final = 23
_SEQUENCE: Final = 10
_SEQUENCE_FLAGS: Final = 13
_CLEARED, _NEEDS_STATE = 1, 2
_INTERNED: Final = 12
_EVENT_NAMES, _ANNOTATION_NAMES, _STRINGS = 2, 3, 29
_DEFAULTS: Final = 59
_DEFAULT_CLOCK: Final = 58
_FIRST_PACKET: Final = 87
_CLOCK_SNAPSHOT: Final = 6
_PRIMARY_CLOCK: Final = 2
_TRACK_DESCRIPTOR: Final = 60
REALTIME: Final = 1
MONOTONIC: Final = 3
BOOTTIME: Final = 6
UNIT_BYTES: Final = 3

UNKNOWN: Final = "unknown"
"""What stands where a number could not be had: an argument can't be null."""

TIER_NAMES: Final = ("proactive", "background", "direct", "retry", "oom_notify", "oom_kill")
EVENT_NAMES: Final = {
    name: place
    for place, name in enumerate(
        [*(kind.value for kind in SpanKind), *(kind.name for kind in KINDS), *TIER_NAMES, "balloon worker"], 1
    )
}
"""Names of slices and instants by their number."""
_OWN_ARGUMENTS: Final = ("comm", "cgroup", "begin", "end")
ARGUMENTS: Final = {
    name: place
    for place, name in enumerate(
        [
            *_OWN_ARGUMENTS,
            *dict.fromkeys(name for kind in KINDS for name, _ in kind.fields),
            *(f"{name}_name" for name in sorted(FUNCTION_FIELDS)),
        ],
        1,
    )
}
"""Names of arguments by their number."""


class Packets:
    """Makes packets, and numbers of tracks and flows that are this recording's alone."""

    def __init__(self, metadata: Metadata, write: Callable[[bytes], object]) -> None:
        name = f"{metadata.boot_id} {metadata.host} {metadata.start_ns}".encode()
        salt = zlib.crc32(name)
        self.write = write
        self.base = ((salt & 0xFFFFF) | 1 << 19) << 20
        """Added to the numbers of tracks and flows: those of other traces lie elsewhere."""
        self._sequence = number(_SEQUENCE, (salt & 0x0FFFFFFF) | 1 << 27)
        self.head = self._sequence + number(_SEQUENCE_FLAGS, _NEEDS_STATE)
        """What every packet has after its time."""

    def begin(self) -> None:
        """The sequence's first packet: its clock, its names."""
        names = [message(_EVENT_NAMES, number(1, place), text(2, name)) for name, place in EVENT_NAMES.items()]
        names += [message(_ANNOTATION_NAMES, number(1, place), text(2, name)) for name, place in ARGUMENTS.items()]
        self._put(
            self._sequence,
            number(_SEQUENCE_FLAGS, _CLEARED),
            number(_FIRST_PACKET, 1),
            message(_DEFAULTS, number(_DEFAULT_CLOCK, MONOTONIC)),
            message(_INTERNED, *names),
        )

    def clocks(self, at_ns: int, clocks: Mapping[int, int]) -> None:
        """What several clocks said at one time."""
        told = [message(1, number(1, clock), number(2, value_ns)) for clock, value_ns in clocks.items()]
        snapshot = message(_CLOCK_SNAPSHOT, *told, number(_PRIMARY_CLOCK, MONOTONIC))
        self._put(number(TIMESTAMP, at_ns), number(_DEFAULT_CLOCK, MONOTONIC), snapshot, self._sequence)

    def strings(self, words: Iterable[tuple[int, str]]) -> None:
        """Texts that arguments will have, by their numbers."""
        told = [message(_STRINGS, number(1, place), text(2, word)) for place, word in words]
        self._put(self.head, message(_INTERNED, *told))

    def track(self, uuid: int, *description: bytes, parent: int | None = None) -> None:
        """A track's description."""
        above = b"" if parent is None else number(5, parent)
        self._put(self._sequence, message(_TRACK_DESCRIPTOR, number(1, uuid), above, *description))

    def event(self, at_ns: int, *event: bytes) -> None:
        """One event of a track."""
        self._put(number(TIMESTAMP, at_ns), self.head, message(TRACK_EVENT, *event))

    def slice_begin(self, at_ns: int, track: int, name: str, args: Mapping[str, Any], *flows: bytes) -> None:
        """The begin of a slice that is named by itself."""
        self.event(at_ns, *_named(SLICE_BEGIN, track, name, args), *flows)

    def slice_end(self, at_ns: int, track: int) -> None:
        """Its end."""
        self.event(at_ns, number(EVENT_TYPE, SLICE_END), number(EVENT_TRACK, track))

    def instant(self, at_ns: int, track: int, name: str, args: Mapping[str, Any]) -> None:
        """Something without a length."""
        self.event(at_ns, *_named(INSTANT, track, name, args))

    def flow_out(self, flow: int) -> bytes:
        """An event from which this flow comes."""
        return fixed64(EVENT_FLOW, self.base + flow)

    def flow_in(self, flow: int) -> bytes:
        """An event in which it ends."""
        return fixed64(EVENT_TERMINATING_FLOW, self.base + flow)

    def _put(self, *parts: bytes) -> None:
        self.write(message(PACKET, *parts))


def _named(event_type: int, track: int, name: str, args: Mapping[str, Any]) -> list[bytes]:
    head = [number(EVENT_TYPE, event_type), number(EVENT_TRACK, track), text(EVENT_NAME, printable(name))]
    return head + [_annotation(key, value) for key, value in args.items()]


def _annotation(name: str, value: Any) -> bytes:  # noqa: ANN401 - what an argument may be
    named = text(_ANNOTATION_NAME, name)
    if value is None:
        return message(ANNOTATION, named, text(_ANNOTATION_STRING, UNKNOWN))
    if isinstance(value, bool):
        return message(ANNOTATION, named, number(_ANNOTATION_BOOL, value))
    if isinstance(value, int):
        return message(ANNOTATION, named, number(ANNOTATION_INT, value))
    if isinstance(value, float):
        return message(ANNOTATION, named, double(_ANNOTATION_DOUBLE, value))
    return message(ANNOTATION, named, text(_ANNOTATION_STRING, printable(str(value))))
