"""The balloon's size by the host's log, for where the guest's own counters do not tell it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...balloon_counters import HOSTS_ACTUAL, HOSTS_FULL
from ...batch import Samples
from ...schema import SAMPLE_NULL
from .time_sums import Sums

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_TIME, _FULL, _ACTUAL, _GAVE, _TOOK, _NET = range(6)
"""Columns of what is kept. `_GAVE` and `_TOOK` are bytes that left the balloon and entered it by the host's sizes up to
then, `_NET` guest pages that entered it by its steps."""


class HostsSize(NamedTuple):
    """At some moments: the guest's memory with an empty balloon in bytes, and in guest pages what the balloon holds and
    what left it and entered it since the first reading; before that NaN (what moved: 0)."""

    full_bytes: F64
    held_pages: F64
    gave_pages: F64
    took_pages: F64


class HostsView:
    """Takes the host's readings, and tells the balloon's size at moments of the recording.

    The host tells what the guest has. With an empty balloon it has at least the most that the log ever said, and no
    less than MemTotal, from which a driver takes what is in the balloon or nothing (adjust_managed_page_count() in
    drivers/virtio/virtio_balloon.c). What it lacks of that is in the balloon: a lower bound.
    """

    def __init__(self, page_bytes: int) -> None:
        self._page_bytes = page_bytes
        self._new = np.empty((0, _NET + 1))
        self._rows = self._new
        self._total_bytes = np.nan
        self._newest: F64 | None = None

    def add(self, samples: Samples) -> None:
        """Take the host's readings, oldest first."""
        full, actual = samples.column(HOSTS_FULL), samples.column(HOSTS_ACTUAL)
        if full is None or actual is None:
            return
        read = (full != SAMPLE_NULL) & (actual != SAMPLE_NULL)
        rows = np.zeros((int(read.sum()), _NET + 1))
        if not len(rows):
            return
        rows[:, _TIME], rows[:, _FULL], rows[:, _ACTUAL] = samples.time_ns[read], full[read], actual[read]
        before = rows[0] if self._newest is None else self._newest
        more = np.diff(rows[:, _ACTUAL], prepend=before[_ACTUAL])
        rows[:, _GAVE] = before[_GAVE] + np.cumsum(np.maximum(more, 0))
        rows[:, _TOOK] = before[_TOOK] + np.cumsum(np.maximum(-more, 0))
        self._newest = rows[-1].copy()
        self._new = np.concatenate((self._new, rows))

    def settle(self, until_ns: int, net: Sums) -> None:
        """All of the balloon's steps up to a time are in `net`: guest pages in, less those out."""
        count = int(np.searchsorted(self._new[:, _TIME], until_ns, side="right"))
        rows, self._new = self._new[:count].copy(), self._new[count:]
        rows[:, _NET] = net.until(rows[:, _TIME].astype(np.int64))
        self._rows = np.concatenate((self._rows, rows))

    def at(self, time_ns: I64, total_bytes: F64, net: Sums) -> HostsSize:
        """At ascending moments, all later than those asked for before and settled, at which MemTotal was as given (NaN
        where unread)."""
        most = np.fmax.accumulate(np.append(self._total_bytes, total_bytes))
        self._total_bytes = float(most[-1])
        if not len(self._rows):
            nothing = np.full(len(time_ns), np.nan)
            return HostsSize(nothing, nothing, np.zeros(len(time_ns)), np.zeros(len(time_ns)))
        last = np.searchsorted(self._rows[:, _TIME], time_ns, side="right") - 1
        rows = self._rows[np.maximum(last, 0)]
        full = np.where(last < 0, np.nan, np.fmax(rows[:, _FULL], most[1:]))
        since = net.until(time_ns) - rows[:, _NET]
        held = np.maximum((full - rows[:, _ACTUAL]) // self._page_bytes + since, 0)
        moved = rows[:, [_GAVE, _TOOK]] // self._page_bytes
        if len(last):
            self._rows = self._rows[max(int(last[-1]), 0) :]
        return HostsSize(full, held, moved[:, 0], moved[:, 1])
