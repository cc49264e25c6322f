"""Metrics as text, printed before they are fetched: whoever fetches them waits for no CPU."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import Final

from prometheus_client.core import CollectorRegistry
from prometheus_client.exposition import choose_encoder

_AHEAD_S: Final = 2.0
"""Before a fetch is expected: results come every second, or a little later."""
_MISSED: Final = 3
"""Nobody who let so many fetches pass is waited for."""

Encode = Callable[[CollectorRegistry], bytes]


class _Fetches:
    """Fetches in one format, and when the next one is expected: as long after the last as any two of the last three lay
    apart at least."""

    def __init__(self, encode: Encode) -> None:
        self.encode = encode
        self._times_s: deque[float] = deque(maxlen=3)

    def fetched(self, now_s: float) -> None:
        self._times_s.append(now_s)

    def expected(self, now_s: float) -> bool:
        times_s = [*self._times_s]
        gaps_s = [after_s - before_s for before_s, after_s in pairwise(times_s)]
        return bool(gaps_s) and min(gaps_s) - _AHEAD_S <= now_s - times_s[-1] <= _MISSED * max(*gaps_s, _AHEAD_S)


class PrintedMetrics:
    """The newest metrics in each format in which they are fetched.

    Printing takes 6 to 12 ms of CPU, for which a fetch would have to wait on a machine that is busy. It is done ahead
    where a fetch is expected, from when somebody has fetched twice: not at every look.
    """

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._clock = clock
        self._fetches: dict[str, _Fetches] = {}
        self._texts: dict[str, bytes] = {}

    def fetch(self, accept: str) -> tuple[str, bytes]:
        """The content type, and the metrics in it, for an Accept header; from any thread."""
        encode, kind = choose_encoder(accept)
        self._fetches.setdefault(kind, _Fetches(encode)).fetched(self._clock())
        return kind, self._texts.get(kind) or encode(self._registry)

    def print_ahead(self) -> None:
        """The metrics are new: print what will be fetched before they are so again, and forget what was printed."""
        now_s = self._clock()
        due = [(kind, one.encode) for kind, one in [*self._fetches.items()] if one.expected(now_s)]
        self._texts = {kind: encode(self._registry) for kind, encode in due}
