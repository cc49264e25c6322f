"""Events laid out thread by thread, the form in which they are paired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...batch import Batch, Column
from ...schema import KINDS, MAX_KINDS, Role, SpanKind

I64 = npt.NDArray[np.int64]

SPAN_KINDS: Final = tuple(SpanKind)
"""Position in this tuple is a span's kind in arrays; -1 is no span."""
SPAN_CODE: Final = {kind: code for code, kind in enumerate(SPAN_KINDS)}

SYNTHETIC: Final = -1
"""Position of an end that no event marks."""

_SIGN: Final = {Role.BEGIN: 1, Role.END: -1, Role.POINT: 0}
_EDGE: Final = np.zeros(MAX_KINDS + 1, np.int8)
for _kind in KINDS:
    _EDGE[_kind.number] = 0 if _kind.span is None else _SIGN[_kind.role] * (SPAN_CODE[_kind.span] + 1)


def edge_of(kind: SpanKind) -> int:
    """What stands for the begin of such a span in `edges`; its end is the same, negative."""
    return SPAN_CODE[kind] + 1


def edges(batch: Batch) -> npt.NDArray[np.int8]:
    """For each event which kind of span begins there (positive) or ends (negative), 0 for a point."""
    return _edges(batch.header["kind"])


def _edges(kind: Column) -> npt.NDArray[np.int8]:
    return _EDGE.take(kind.astype(np.uint16, copy=False), mode="clip")


@dataclass
class Lane:
    """Events in ascending order of thread, in time order on each. `position` points into the batch, or is SYNTHETIC."""

    position: I64
    time_ns: I64
    thread: I64
    role: I64
    code: I64

    @classmethod
    def of(cls, batch: Batch, positions: I64) -> Lane:
        """These events, which are in that order."""
        edge = _edges(batch.header["kind"][positions]).astype(np.int64)
        return cls(positions, batch.time_ns[positions], thread_of(batch, positions), np.sign(edge), np.abs(edge) - 1)

    def insert(self, at: I64, time_ns: I64, thread: I64, code: I64) -> Lane:
        """A lane with synthetic ends inserted before the places `at`."""
        return Lane(
            np.insert(self.position, at, SYNTHETIC),
            np.insert(self.time_ns, at, time_ns),
            np.insert(self.thread, at, thread),
            np.insert(self.role, at, -1),
            np.insert(self.code, at, code),
        )


def thread_of(batch: Batch, positions: I64 | slice = slice(None)) -> I64:
    """A number for each event's thread; the idle tasks, all tid 0, are told apart by CPU."""
    tid = batch.header["tid"][positions].astype(np.int64)
    return np.where(tid == 0, -1 - batch.header["cpu"][positions].astype(np.int64), tid)


def by_thread(batch: Batch) -> tuple[I64, npt.NDArray[np.bool_]]:
    """Positions in ascending order of thread, in time order on each, and which of them are the first of a thread."""
    key = _thread_key(batch)
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    first = np.ones(len(order), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return order, first


def _thread_key(batch: Batch) -> npt.NDArray[np.integer[Any]]:
    """Numbers in the order of `thread_of`'s; in 16 bits, for which numpy has a radix sort, where they fit."""
    tid = batch.header["tid"].astype(np.uint32, copy=False)
    low, high = (int(tid.min()), int(tid.max())) if len(tid) else (1, 1)
    if low and high - low < 1 << 16:
        return (tid - np.uint32(low)).astype(np.uint16)
    thread = thread_of(batch)
    low, high = int(thread.min()), int(thread.max())
    return (thread - low).astype(np.uint16) if high - low < 1 << 16 else thread
