"""Recent readings of the counters that single moments ask for: the balloon's size, and refaults."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ...balloon_counters import GAUGES, INFLATED, LEAKED
from ...batch import Samples
from ...schema import BALLOON_PAGE_BYTES, SAMPLE_NULL

I64 = npt.NDArray[np.int64]

PSI_SOME: Final = "psi.memory.some_total_us"
AVAILABLE: Final = "meminfo.MemAvailable_bytes"
TOTAL: Final = "meminfo.MemTotal_bytes"
SWAP_FREE: Final = "meminfo.SwapFree_bytes"
SWAP_TOTAL: Final = "meminfo.SwapTotal_bytes"
FREE: Final = "meminfo.MemFree_bytes"
REFAULT_COUNTERS: Final = ("vmstat.workingset_refault_file", "vmstat.workingset_refault_anon")
_HOST: Final = "host."
"""What the names of the host's readings begin with; everything else was read in the guest."""


class ReadingOrder:
    """Gives readings that are older than one before them its time; the guest's and the host's by themselves."""

    def __init__(self) -> None:
        self._newest_ns = {True: -1, False: -1}
        self.late_readings = 0

    def in_time(self, samples: Samples) -> Samples:
        """The next readings, at least one, in order of time."""
        newest_ns = self._newest_ns[are_hosts(samples)]
        time_ns = np.maximum(np.maximum.accumulate(samples.time_ns), newest_ns)
        self._newest_ns[are_hosts(samples)] = int(time_ns[-1])
        late = int((time_ns != samples.time_ns).sum())
        self.late_readings += late
        return replace(samples, time_ns=time_ns) if late else samples


class Readings:
    """Every reading since the time up to which `forget` was told to forget, and the one before that."""

    def __init__(self, page_bytes: int = BALLOON_PAGE_BYTES) -> None:
        self._page_bytes = page_bytes
        gauges = (name for name, _ in GAUGES)
        names = (*REFAULT_COUNTERS, *gauges, INFLATED, LEAKED)
        names += (PSI_SOME, AVAILABLE, TOTAL, SWAP_FREE, SWAP_TOTAL, FREE)
        self._rows: dict[str, list[tuple[int, int]]] = {name: [] for name in names}
        self.read_ns: int | None = None

    def add(self, samples: Samples) -> None:
        """Take the guest's readings, oldest first. `read_ns` is the newest."""
        self.read_ns = int(samples.time_ns[-1])
        for name, rows in self._rows.items():
            column = samples.column(name)
            if column is not None:
                pairs = zip(samples.time_ns.tolist(), column.tolist(), strict=True)
                rows += [(time_ns, value) for time_ns, value in pairs if value != SAMPLE_NULL]

    def forget(self, until_ns: int) -> None:
        """Keep what a question about a time from `until_ns` on needs."""
        for rows in self._rows.values():
            older = _first_after(rows, until_ns) - 1
            if older > 0:
                del rows[:older]

    def refaults(self, time_ns: I64) -> npt.NDArray[np.float64] | None:
        """Pages read again after eviction, since boot, between readings; None where they were not read."""
        known = [rows for name in REFAULT_COUNTERS if (rows := self._rows[name])]
        if not known:
            return None
        columns = (np.asarray(rows, np.int64).T for rows in known)
        total: npt.NDArray[np.float64] = np.sum([np.interp(time_ns, *column) for column in columns], axis=0)
        return total

    def newest(self, name: str, time_ns: int) -> int | None:
        """The newest reading no later than a time, or the first after it; None without any."""
        return _newest(self._rows[name], time_ns)

    def age_ns(self, name: str, time_ns: int) -> int | None:
        """How long before a time the newest reading was made, 0 where only later ones are there; None without any."""
        rows = self._rows[name]
        return max(0, time_ns - rows[max(_first_after(rows, time_ns) - 1, 0)][0]) if rows else None

    def balloon_pages(self, time_ns: int) -> int | None:
        """The balloon's size by the newest reading no later than a time, or the first after it; None without any."""
        for name, unit_bytes in GAUGES:
            if (size := _newest(self._rows[name], time_ns)) is not None:
                return size * (unit_bytes or self._page_bytes) // self._page_bytes
        inflated, leaked = (_newest(self._rows[name], time_ns) for name in (INFLATED, LEAKED))
        return None if inflated is None or leaked is None else max(0, inflated - leaked)


def are_hosts(samples: Samples) -> bool:
    """Whether these readings are the host's, and none of the guest's."""
    return all(name.startswith(_HOST) for name in samples.names)


def _newest(rows: list[tuple[int, int]], time_ns: int) -> int | None:
    return rows[max(_first_after(rows, time_ns) - 1, 0)][1] if rows else None


def _first_after(rows: list[tuple[int, int]], time_ns: int) -> int:
    return bisect_right(rows, time_ns, key=lambda row: row[0])
