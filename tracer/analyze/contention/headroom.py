"""How large the balloon could have been without the guest reading anything again or waiting."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from .shortage_ticks import Column, Ticks, global_pages

F64 = npt.NDArray[np.float64]

_REFAULTS_BYTES: Final = 1 << 20
"""Page cache read again in 10 s, of which a guest that has enough memory reads less."""
_WAITING_SHARE: Final = 0.001
"""Of the time, in direct reclaim: a guest that has enough memory waits hardly ever."""


class Headroom:
    """Follows pieces of 10 s in which hardly anything was read again or waited for.

    `free_bytes` is the lowest sum in them of what the balloon held and of free memory above the watermarks,
    `available_bytes` that of what it held and of MemAvailable, in which all page cache counts as not needed; None
    without such a piece. `calm_ns` is how long they last.
    """

    def __init__(self, page_bytes: int) -> None:
        self._page_bytes = page_bytes
        self._free = self._available = np.inf
        self._calm_until_ns = 0
        self.calm_ns = 0

    @property
    def free_bytes(self) -> int | None:
        """Up to what size the balloon would have taken only free memory."""
        return int(self._free) if np.isfinite(self._free) else None

    @property
    def available_bytes(self) -> int | None:
        """Up to what size there would have been memory for it, were no page cache needed."""
        return int(self._available) if np.isfinite(self._available) else None

    def take(self, begin: Ticks, end: Ticks) -> None:
        """Take pieces of time by their edges, in order of time.

        MemAvailable is free memory and page cache and reclaimable slab, less reserves and watermarks
        (si_mem_available() in mm/show_mem.c); without the caches it is free memory above those.
        """
        more = end.values - begin.values
        (refaults,) = global_pages(more, Column.REFAULTED)
        calm = refaults * self._page_bytes < _REFAULTS_BYTES
        calm &= more[:, Column.WAITING_NS] <= _WAITING_SHARE * (end.time_ns - begin.time_ns)
        calm &= np.isfinite(end.values[:, Column.AVAILABLE_BYTES])
        for row in np.flatnonzero(calm).tolist():
            from_ns, until_ns = int(begin.time_ns[row]), int(end.time_ns[row])
            self.calm_ns += until_ns - max(from_ns, self._calm_until_ns)
            self._calm_until_ns = until_ns
        edges = np.concatenate((begin.values[calm], end.values[calm]))
        held = np.nan_to_num(edges[:, Column.HELD]) * self._page_bytes
        available = edges[:, Column.AVAILABLE_BYTES]
        free = np.maximum(available - edges[:, Column.CACHE_BYTES], 0)
        self._available = float(np.nanmin(held + available, initial=self._available))
        self._free = float(np.nanmin(held + free, initial=self._free))
