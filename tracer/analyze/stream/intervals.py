"""Unions and intersections of half-open integer intervals, vectorised."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
_MOST = np.iinfo(np.int64).max


def merge(begin: I64, end: I64, gap: int = 0) -> tuple[I64, I64]:
    """The union as disjoint ascending intervals; two that are no further apart than `gap` become one."""
    if not len(begin):
        return begin[:0], end[:0]
    order = np.argsort(begin, kind="stable")
    begin, end = begin[order], end[order]
    reach = np.maximum.accumulate(end)
    first = np.concatenate(([True], begin[1:] > reach[:-1] + gap))
    starts = np.flatnonzero(first)
    return begin[starts], reach[np.concatenate((starts[1:] - 1, [len(begin) - 1]))]


def overlap(begin: I64, end: I64, other_begin: I64, other_end: I64) -> I64:
    """For each interval, how much of it the disjoint ascending other intervals cover. Shape as `begin`."""
    return covered_until(end, other_begin, other_end) - covered_until(begin, other_begin, other_end)


def covered_until(time: I64, begin: I64, end: I64) -> I64:
    """How much disjoint ascending intervals cover before each time. Shape as `time`."""
    if not len(begin):
        return np.zeros(len(time), np.int64)
    before = np.concatenate(([0], np.cumsum(end - begin)))
    index = np.searchsorted(begin, time, side="right")
    beyond = np.where(index > 0, np.maximum(end[np.maximum(index - 1, 0)] - time, 0), 0)
    covered: I64 = before[index] - beyond
    return covered


def overlapping_until(time: I64, begin: I64, end: I64) -> I64:
    """How much intervals that may overlap cover before each time, each counted in full. Shape as `time`."""
    if not len(begin):
        return np.zeros(len(time), np.int64)
    begin, end = np.sort(begin), np.sort(end)
    origin = begin[0]
    sums = [np.append(0, np.cumsum(column - origin)) for column in (begin, end)]
    begun, ended = (np.searchsorted(column, time, side="right") for column in (begin, end))
    covered: I64 = (begun - ended) * (time - origin) - sums[0][begun] + sums[1][ended]
    return covered


def union_length_by_group(group: I64, begin: I64, end: I64, groups: int) -> I64:
    """Length of the union of each group's intervals; `group` holds 0..groups-1. Shape (groups,)."""
    if not len(begin):
        return np.zeros(groups, np.int64)
    low = int(begin.min())
    stride = int(end.max()) - low + 1
    if stride * groups > _MOST:
        return _union_length_by_rank(group, begin, end, groups)
    merged_begin, merged_end = merge(begin - low + group * stride, end - low + group * stride)
    lengths = np.zeros(groups, np.int64)
    np.add.at(lengths, merged_begin // stride, merged_end - merged_begin)
    return lengths


def _union_length_by_rank(group: I64, begin: I64, end: I64, groups: int) -> I64:
    """The same for times so far apart that the groups side by side don't fit into 64 bits: ranks of times do."""
    times, ranks = np.unique(np.concatenate((begin, end)), return_inverse=True)
    first, last = np.split(ranks, 2)
    merged_begin, merged_end = merge(first + group * len(times), last + group * len(times))
    lengths = np.zeros(groups, np.int64)
    np.add.at(lengths, merged_begin // len(times), times[merged_end % len(times)] - times[merged_begin % len(times)])
    return lengths
