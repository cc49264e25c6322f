"""The careful way through a thread whose begins and ends do not match."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...schema import SpanKind
from .lane import SPAN_CODE, Lane

_SLAB = SPAN_CODE[SpanKind.SHRINK_SLAB]

I64 = npt.NDArray[np.int64]


def repair(lane: Lane, threads: I64) -> tuple[Lane, I64]:
    """Make begins and ends of these threads match; returns the lane and the batch positions of ends without a begin.

    An end closes the innermost open span of its kind; what is open above that has lost its own end and ends there too.
    An end whose kind is not open has lost its begin and stays as a point. A kind that can't nest in itself and begins
    again has lost its end.
    """
    role = lane.role.copy()
    orphans: list[int] = []
    inserts: list[tuple[int, int]] = []
    for first, last in _stretches(lane, threads):
        _walk(lane, role, first, last, inserts, orphans)
    fixed = _with_inserts(lane, role, inserts)
    spurious = (fixed.position < 0) & (fixed.role == 0)
    keep = np.flatnonzero(~spurious)
    columns = (fixed.position, fixed.time_ns, fixed.thread, fixed.role, fixed.code)
    return Lane(*(column[keep] for column in columns)), np.asarray(orphans, np.int64)


def _stretches(lane: Lane, threads: I64) -> list[tuple[int, int]]:
    starts = np.searchsorted(lane.thread, threads, side="left")
    stops = np.searchsorted(lane.thread, threads, side="right")
    return list(zip(starts.tolist(), stops.tolist(), strict=True))


def _walk(lane: Lane, role: I64, first: int, last: int, inserts: list[tuple[int, int]], orphans: list[int]) -> None:
    stack: list[int] = []
    edges = zip(lane.role[first:last].tolist(), lane.code[first:last].tolist(), strict=True)
    for index, (edge, code) in enumerate(edges, first):
        if edge == 1:
            if code != _SLAB and code in stack:
                _close_down_to(stack, code, index, inserts)
                stack.pop()
                inserts.append((index, code))
            stack.append(code)
        elif edge == -1:
            if code in stack:
                _close_down_to(stack, code, index, inserts)
                stack.pop()
            else:
                role[index] = 0
                if lane.position[index] >= 0:
                    orphans.append(int(lane.position[index]))


def _close_down_to(stack: list[int], code: int, index: int, inserts: list[tuple[int, int]]) -> None:
    while stack[-1] != code:
        inserts.append((index, stack.pop()))


def _with_inserts(lane: Lane, role: I64, inserts: list[tuple[int, int]]) -> Lane:
    with_roles = Lane(lane.position, lane.time_ns, lane.thread, role, lane.code)
    if not inserts:
        return with_roles
    at, code = (np.asarray(column, np.int64) for column in zip(*inserts, strict=True))
    return with_roles.insert(at, lane.time_ns[at], lane.thread[at], code)
