"""How much is told of scans of the LRU lists, and what the kernel side still holds of them when tracing ends."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt

from ..kernel import kernel_time
from ..schema import EVENT_DTYPE, KIND_BY_NAME, LRU_SPAN_DTYPE
from . import syscalls

PER_SPAN: Final = "-DRT_LRU_PER_SPAN"
PER_SPAN_NOTE: Final = "scans summed while a reclaim span is open on their thread"
_MOST_SPANS: Final = 1024
"""Entries that the map has room for: bpf/lru.bpf.c."""
_LRU: Final = KIND_BY_NAME["lru_shrink_inactive"]


class LruDetail(StrEnum):
    """The choices of `--lru-detail`: every scan by itself, or the scans of a reclaim span added up by list, node and
    priority."""

    EACH = "each"
    SPAN = "span"


def take_lru_spans(map_fd: int) -> npt.NDArray[np.void]:
    """What was added up and not told yet, as records of EVENT_DTYPE made now.

    Those threads tell each scan from here on. A scan that a thread adds in this very moment may be left out, and so may
    spans that begin meanwhile.
    """
    records = [record for span in _take_spans(map_fd) for record in _records_of(span)]
    return np.concatenate(records) if records else np.empty(0, EVENT_DTYPE)


def _take_spans(map_fd: int) -> Iterator[npt.NDArray[np.void]]:
    # Who is there first, then their spans: threads that go on reclaiming would else keep this busy for ever.
    for tid in list(islice(_threads(map_fd), _MOST_SPANS)):
        span = np.zeros(1, LRU_SPAN_DTYPE)
        if syscalls.take_element(map_fd, tid, span.ctypes.data):
            yield span


def _threads(map_fd: int) -> Iterator[int]:
    tid = syscalls.next_key(map_fd, None)
    while tid is not None:
        yield tid
        tid = syscalls.next_key(map_fd, tid)


def _records_of(span: npt.NDArray[np.void]) -> Iterator[npt.NDArray[np.void]]:
    for scans in (span["anon"], span["file"]):
        if not scans["nr_calls"][0]:
            continue
        record = np.zeros(1, _LRU.record_dtype)
        for name in ("tid", "tgid", "comm", "cpu", "cgroup_id"):
            record[name] = span[name]
        for name, _ in _LRU.fields:
            record[name] = scans[name]
        record["time_ns"], record["kind"] = kernel_time.now_ns(), _LRU.number
        yield record.view(EVENT_DTYPE)
