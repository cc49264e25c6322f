"""Events laid out thread by thread, the form in which they are paired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ...batch import Batch
from ...schema import KINDS, MAX_KINDS, Role, SpanKind

I64 = npt.NDArray[np.int64]

SPAN_KINDS: Final = tuple(SpanKind)
"""Position in this tuple is a span's kind in arrays; -1 is no span."""
SPAN_CODE: Final = {kind: code for code, kind in enumerate(SPAN_KINDS)}

_ROLE_VALUE: Final = {Role.BEGIN: 1, Role.END: -1, Role.POINT: 0}
_ROLE: Final = np.zeros(MAX_KINDS, np.int64)
_CODE: Final = np.full(MAX_KINDS, -1, np.int64)
for _kind in KINDS:
    _ROLE[_kind.number] = _ROLE_VALUE[_kind.role]
    _CODE[_kind.number] = -1 if _kind.span is None else SPAN_CODE[_kind.span]

SYNTHETIC: Final = -1
"""Position of an end that no event marks."""


@dataclass
class Lane:
    """Events in ascending order of thread, in time order on each. `position` points into the batch, or is SYNTHETIC."""

    position: I64
    time_ns: I64
    thread: I64
    role: I64
    code: I64

    def insert(self, at: I64, time_ns: I64, thread: I64, code: I64) -> Lane:
        """A lane with synthetic ends inserted before the places `at`."""
        return Lane(
            np.insert(self.position, at, SYNTHETIC),
            np.insert(self.time_ns, at, time_ns),
            np.insert(self.thread, at, thread),
            np.insert(self.role, at, -1),
            np.insert(self.code, at, code),
        )


def thread_of(batch: Batch) -> I64:
    """A number for each event's thread; the idle tasks, all tid 0, are told apart by CPU."""
    tid = batch.header["tid"].astype(np.int64)
    return np.where(tid == 0, -1 - batch.header["cpu"].astype(np.int64), tid)


def lane_of(batch: Batch) -> Lane:
    """The batch (in time order) sorted by thread, time order kept on each."""
    thread = thread_of(batch)
    low, high = (int(thread.min()), int(thread.max())) if len(thread) else (0, 0)
    key = (thread - low).astype(np.uint16) if high - low < 1 << 16 else thread
    order = np.argsort(key, kind="stable")
    kind = batch.header["kind"][order].astype(np.int64)
    kind = np.where(kind < MAX_KINDS, kind, 0)
    time_ns = batch.time_ns[order]
    return Lane(order, time_ns, thread[order], _ROLE[kind], _CODE[kind])
