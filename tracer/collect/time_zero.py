"""Leaves out what happened before time zero: single programs are attached up to a second before all of them are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ..batch import LostStretch, Samples

if TYPE_CHECKING:
    from .collector import Item

_LATEST_NS: Final = 1_000_000_000
"""So late a record can come out of the kernel that was stamped before time zero: far longer than a program runs."""


def since(start_ns: int, items: Iterator[Item]) -> Iterator[Item]:
    """The items without records from before `start_ns` (CLOCK_MONOTONIC)."""
    for item in items:
        if isinstance(item, Samples):
            yield item
            if item.time_ns[-1] > start_ns + _LATEST_NS:
                break
        elif isinstance(item, LostStretch):
            yield replace(item, start_ns=max(item.start_ns, start_ns))
        elif isinstance(item, dict):
            yield item
        elif len(records := _later(item, start_ns)):
            yield records
    yield from items


def _later(records: npt.NDArray[np.void], start_ns: int) -> npt.NDArray[np.void]:
    is_later = records["time_ns"] >= start_ns
    return records if is_later.all() else records[is_later]
