"""What the blocks hold: events and samples as columns, the rest as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from ..batch import HEADER_COLUMNS, NO_FIELDS, Batch, Column, Fields, LostStretch, Samples
from ..schema import COMM_BYTES, EVENT_DTYPE
from .columns import Codes, CorruptPayloadError, Cursor, Words, decode_codes, decode_column, skip_column
from .contents import CGROUPS, LOST, NOTE, NOTE_VALUES, SAMPLE_NAMES, SYMBOLS
from .encoding import put_count, put_frame, put_steps
from .format import JSON, MAX_SAMPLE_CELLS
from .kind_index import ANY_KIND, mask_of
from .kinds import KindLayout, Layouts
from .shapes import Shape, ShapeError
from .sink import Sink

_COMM = f"S{COMM_BYTES}"
_WORD = np.dtype(np.uint64)
_NONE: frozenset[str] = frozenset()
_SIGN_SHIFT = np.int64(63)


def decode_events(
    payload: bytes, count: int, layouts: Layouts, leave_out: Fields = NO_FIELDS, kinds: int = ANY_KIND
) -> Batch:
    """The inverse of `EventEncoder.encode`, arguments to `leave_out` passed over.

    Raises CorruptPayloadError, also for a kind that is not in the mask `kinds`.
    """
    cursor = Cursor(payload)
    header: dict[str, Column] = {"time_ns": decode_column(cursor, count, EVENT_DTYPE["time_ns"])}
    threads = _decode_threads(cursor, count)
    header |= threads.header
    header |= {name: decode_column(cursor, count, EVENT_DTYPE[name]) for name in ("kind", "cpu")}
    rows: dict[str, npt.NDArray[np.int64]] = {}
    args: dict[str, dict[str, Column]] = {}
    present = _present(header["kind"])
    if mask_of(present) & ~kinds:
        raise CorruptPayloadError("kinds that the recording says not to be there")
    for number in present:
        if layout := layouts.get(number):
            where = np.flatnonzero(header["kind"] == number)
            unread = leave_out.get(layout.kind.name, _NONE) if layout.kind else _NONE
            columns = _decode_arguments(cursor, len(where), layout, unread)
            if layout.kind:
                rows[layout.kind.name], args[layout.kind.name] = where, columns
    header["cgroup_id"] = threads.cgroups(cursor)
    return Batch({name: header[name] for name in HEADER_COLUMNS}, rows, args)


def encode_samples(samples: Samples) -> bytes:
    """Names, times, first readings, then each counter's steps."""
    values = np.ascontiguousarray(samples.values, np.int64)
    names, sink = pack_json(list(samples.names)), Sink(2 * values.nbytes)
    put_count(sink, len(names))
    sink.put(names)
    put_steps(sink, samples.time_ns)
    put_frame(sink, values[0])
    put_frame(sink, _zigzag((values[1:] - values[:-1]).T.ravel()))
    return bytes(sink.view())


def decode_samples(payload: bytes, count: int) -> Samples:
    """The inverse of `encode_samples`. Raises CorruptPayloadError."""
    cursor = Cursor(payload)
    names = _counter_names(bytes(cursor.take(cursor.count(len(payload)))))
    if not count or count * len(names) > MAX_SAMPLE_CELLS:
        raise CorruptPayloadError(f"{count} x {len(names)} samples")
    time_ns = decode_column(cursor, count, np.dtype(np.int64))
    values = np.empty((count, len(names)), np.int64)
    values[0] = decode_column(cursor, len(names), np.dtype(np.int64))
    steps = _unzigzag(decode_column(cursor, (count - 1) * len(names), _WORD))
    values[1:] = steps.reshape(len(names), count - 1).T
    return Samples(time_ns, names, np.cumsum(values, axis=0, dtype=np.int64))


@lru_cache(maxsize=4)
def _counter_names(packed: bytes) -> tuple[str, ...]:
    """What most blocks of a recording say again. Raises CorruptPayloadError."""
    names = unpack_shaped(packed, SAMPLE_NAMES)
    if len({*names}) < len(names):
        raise CorruptPayloadError("a counter is there twice")
    return tuple(names)


def pack_names(names: Mapping[int, str]) -> bytes:
    """Names by number: of kernel addresses, paths of cgroups."""
    return pack_json({f"{number:x}": name for number, name in names.items()})


def unpack_symbols(payload: bytes) -> dict[int, str]:
    """Names by kernel address. Raises CorruptPayloadError."""
    return _unpack_names(payload, SYMBOLS)


def unpack_cgroups(payload: bytes) -> dict[int, str]:
    """Paths by the cgroups' numbers. Raises CorruptPayloadError."""
    return _unpack_names(payload, CGROUPS)


def _unpack_names(payload: bytes, shape: Shape) -> dict[int, str]:
    try:
        return {int(number, 16): name for number, name in unpack_shaped(payload, shape).items()}
    except ValueError as error:
        raise CorruptPayloadError(f"names: {error}") from error


def pack_lost(stretches: list[LostStretch]) -> bytes:
    """Stretches of lost events."""
    rows: list[JSON] = [
        [lost.start_ns, lost.end_ns, {name: int(n) for name, n in lost.counts.items()}] for lost in stretches
    ]
    return pack_json(rows)


def unpack_lost(payload: bytes) -> list[LostStretch]:
    """The inverse of `pack_lost`. Raises CorruptPayloadError."""
    return [LostStretch(start, end, counts) for start, end, counts in unpack_shaped(payload, LOST)]


def unpack_note(payload: bytes) -> tuple[str, JSON]:
    """A note's key and value. Raises CorruptPayloadError."""
    note = unpack_shaped(payload, NOTE)
    key, value = note["key"], note["value"]
    if shape := NOTE_VALUES.get(key):
        _held_against(shape, value)
    return key, value


def pack_json(value: JSON) -> bytes:
    """Compact ASCII. Raises TypeError, ValueError for what JSON can't hold."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def unpack_json(payload: bytes | memoryview) -> Any:  # noqa: ANN401
    """Any JSON value. Raises CorruptPayloadError."""
    try:
        return json.loads(bytes(payload), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise CorruptPayloadError(f"no JSON: {error}") from error


def unpack_shaped(payload: bytes | memoryview, shape: Shape) -> Any:  # noqa: ANN401
    """A JSON value as declared. Raises CorruptPayloadError."""
    return _held_against(shape, unpack_json(payload))


def _held_against(shape: Shape, value: Any) -> Any:  # noqa: ANN401
    try:
        shape.check(value)
    except ShapeError as error:
        raise CorruptPayloadError(str(error)) from error
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _present(kinds: npt.NDArray[Any]) -> list[int]:
    return [int(number) for number in np.flatnonzero(np.bincount(kinds, minlength=1))]


@dataclass(frozen=True)
class _Threads:
    """Which entry of the table of threads an event's is, and the columns that say so."""

    entries: int
    codes: Codes
    header: Mapping[str, Column]

    def cgroups(self, cursor: Cursor) -> Column:
        """Each event's `cgroup_id`, from the table's last column; writers before minor version 2 put nothing there."""
        if cursor.is_at_end:
            return np.zeros(len(self.codes), EVENT_DTYPE["cgroup_id"])
        return decode_column(cursor, self.entries, EVENT_DTYPE["cgroup_id"]).take(self.codes)


def _decode_threads(cursor: Cursor, count: int) -> _Threads:
    entries = cursor.count(count)
    tids, tgids = (decode_column(cursor, entries, EVENT_DTYPE[name]) for name in ("tid", "tgid"))
    comms = np.frombuffer(cursor.take(entries * COMM_BYTES), _COMM)
    codes: Codes = decode_codes(cursor, count, entries)
    header = {"tid": tids.take(codes), "tgid": tgids.take(codes), "comm": comms.take(codes)}
    return _Threads(entries, codes, header)


def _decode_arguments(cursor: Cursor, count: int, layout: KindLayout, unread: frozenset[str]) -> dict[str, Column]:
    known = layout.kind.fields if layout.kind else ()
    fields = {name: np.dtype(code) for name, code in known if name not in unread}
    found: dict[str, Column] = {}
    for name in layout.columns:
        if name is None or name in unread:
            skip_column(cursor, count)
        else:
            found[name] = decode_column(cursor, count, fields[name])
    return {name: found[name] if name in found else np.zeros(count, dtype) for name, dtype in fields.items()}


def _zigzag(steps: npt.NDArray[np.int64]) -> Words:
    return ((steps << np.int64(1)) ^ (steps >> _SIGN_SHIFT)).view(np.uint64)


def _unzigzag(words: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    half: npt.NDArray[np.int64] = (words >> np.uint64(1)).view(np.int64)
    return half ^ -(words & np.uint64(1)).view(np.int64)
