"""Rows by key, vectorised."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ...distinct_values import distinct_values

I64 = npt.NDArray[np.int64]


def groups(key: I64) -> Iterator[tuple[int, I64]]:
    """Each present key, ascending, with the positions that have it, ascending."""
    if not len(key):
        return
    if key[0] == key[-1] and (key == key[0]).all():
        yield int(key[0]), np.arange(len(key))
        return
    order, starts = grouped(key)
    bounds = [*starts.tolist(), len(order)]
    for present, (start, stop) in zip(key[order[starts]].tolist(), pairwise(bounds), strict=True):
        yield present, order[start:stop]


def grouped(key: I64) -> tuple[I64, I64]:
    """Positions by key, ascending for each, and where in them each key starts: what `reduceat` takes."""
    order = stable_order(key)
    ordered = key[order]
    starts = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    return order, np.concatenate(([0], starts)) if len(key) else starts


def stable_order(key: I64) -> I64:
    """Positions by key, ascending for each. Keys close to each other take numpy's radix sort, which 16 bits have."""
    if not len(key):
        return np.empty(0, np.int64)
    # Python's integers: two keys can lie further apart than 64 bits with a sign reach.
    low, high = int(key.min()), int(key.max())
    if low == high:
        return np.arange(len(key))
    return np.argsort((key - low).astype(np.uint16) if high - low < 1 << 16 else key, kind="stable")


def numbered(key: I64) -> tuple[I64, I64]:
    """The distinct keys, ascending, and which of them each key is: for numbers, of which there are few."""
    order, starts = grouped(key)
    number = np.empty(len(key), np.int64)
    number[order] = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(key))))
    return key[order[starts]], number


def is_among(values: I64, others: I64) -> npt.NDArray[np.bool_]:
    """Which of the values are among the others. `np.isin` says the same, by `np.unique` where they lie far apart."""
    known = np.sort(others)
    found: npt.NDArray[np.bool_] = np.searchsorted(known, values, side="right") > np.searchsorted(known, values)
    return found


def distinct(key: I64) -> tuple[I64, I64]:
    """The distinct keys, ascending, and which of them each key is. For addresses, of which there are few.

    They are sorted by 16 bits that mostly tell them apart, for which numpy has a radix sort: where two share these,
    their rows are only cut into more runs.
    """
    if not len(key):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    order = np.argsort(((key >> 4) ^ (key >> 20)).astype(np.uint16), kind="stable")
    ordered = key[order]
    starts = np.append(0, np.flatnonzero(ordered[1:] != ordered[:-1]) + 1)
    keys = distinct_values(ordered[starts])
    number = np.empty(len(key), np.int64)
    number[order] = np.repeat(np.searchsorted(keys, ordered[starts]), np.diff(np.append(starts, len(key))))
    return keys, number


def last_of_chains(onward: I64) -> I64:
    """Where each row ends up that goes on to row `onward`, from there to that one's, until a row goes on to itself."""
    while True:
        beyond = onward[onward]
        if (beyond == onward).all():
            return onward
        onward = beyond
