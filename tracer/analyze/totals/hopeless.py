"""Nodes that kswapd has given up on: it failed so often in a row that it is no longer woken for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ..stream.stretch import Stretch

MAX_RECLAIM_RETRIES: Final = 16
"""Failures in a row from which on kswapd is not woken for its node: kswapd_test_hopeless() in mm/vmscan.c, with the
constant of mm/internal.h."""

_FAIL: Final = "kswapd_reclaim_fail"
_CLEAR: Final = "kswapd_clear_hopeless"


@dataclass
class HopelessNode:
    """From `start_ns` on kswapd had given up on node `nid`, None where the event does not tell which.

    `failures` are the most in a row that were seen. `began_unseen`: it was so already, since when is not known.
    `end_ns` is None where no end was seen; `reason` is the kernel's for the end, None where that is not known.
    """

    nid: int | None
    start_ns: int
    failures: int
    began_unseen: bool
    end_ns: int | None = None
    reason: int | None = None


class HopelessNodes:
    """Follows each node's failures in a row. `found` are in the order of their starts."""

    def __init__(self) -> None:
        self.found: list[HopelessNode] = []
        self._open: dict[int | None, HopelessNode] = {}

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch."""
        events = [*_values(stretch, _FAIL, "failures"), *_values(stretch, _CLEAR, "reason")]
        for at, kind, nid, value in sorted(events, key=lambda event: event[0]):
            time_ns = int(stretch.time_ns[at])
            if kind == _CLEAR:
                self._end(nid, time_ns, value)
            elif value is not None:
                self._failed(nid, time_ns, value)

    def _failed(self, nid: int | None, time_ns: int, failures: int) -> None:
        node = self._open.get(nid)
        if node and failures <= node.failures:
            # The count only grows until it is cleared: that was not seen.
            self._end(nid, time_ns, None)
            node = None
        if node:
            node.failures = failures
        elif failures >= MAX_RECLAIM_RETRIES:
            node = HopelessNode(nid, time_ns, failures, began_unseen=failures > MAX_RECLAIM_RETRIES)
            self._open[nid] = node
            self.found.append(node)

    def _end(self, nid: int | None, time_ns: int, reason: int | None) -> None:
        if node := self._open.pop(nid, None):
            node.end_ns, node.reason = time_ns, reason


def _values(stretch: Stretch, kind: str, name: str) -> Iterable[tuple[int, str, int | None, int | None]]:
    """Position, kind, node and one argument of every event of a kind; None for what it does not tell."""
    rows, args = stretch.args.all(kind)
    nids, values = (
        args[field].tolist() if stretch.args.tells(kind, field) else [None] * len(rows) for field in ("nid", name)
    )
    return zip(rows.tolist(), [kind] * len(rows), nids, values, strict=True)
