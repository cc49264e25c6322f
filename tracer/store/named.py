"""Events that wait for the names of the kernel's functions in them, which a recorder writes a moment later."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from ..batch import Batch, LostStretch, Samples
from ..schema import FUNCTION_FIELDS, KINDS
from .decoding import Item

_PLACES: Final = tuple((kind.name, name) for kind in KINDS for name, _ in kind.fields if name in FUNCTION_FIELDS)
_LATE_NS: Final = 3_000_000_000
"""Names come half a second after the first event with their address, and some passes over the kernel's symbols."""
_MOST_EVENTS: Final = 1 << 20


class NamedItems:
    """Gives items in their order, each when its addresses have names, or when none is likely to come.

    A file's reader has all names before the first event; so has, by this, one that follows the writer.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        """`names` grows while items are added."""
        self._names = names
        self._waiting: deque[tuple[Item, int, set[int]]] = deque()
        self._events = 0
        self._unnamed: set[int] = set()

    def add(self, item: Item) -> Iterator[Item]:
        """Take the next item, give those that are ready."""
        addresses = self._addresses(item) if isinstance(item, Batch) else set()
        newest_ns = _newest_ns(item)
        self._waiting.append((item, newest_ns, addresses))
        self._events += len(item) if isinstance(item, Batch) else 0
        return self._ready(newest_ns)

    def rest(self) -> Iterator[Item]:
        """Give what is held: no more names will come."""
        while self._waiting:
            yield self._waiting.popleft()[0]

    def _ready(self, now_ns: int) -> Iterator[Item]:
        while self._waiting:
            item, newest_ns, addresses = self._waiting[0]
            unnamed = addresses - self._names.keys() - self._unnamed
            if unnamed and now_ns - newest_ns < _LATE_NS and self._events <= _MOST_EVENTS:
                return
            self._unnamed |= unnamed
            self._waiting.popleft()
            self._events -= len(item) if isinstance(item, Batch) else 0
            yield item

    def _addresses(self, batch: Batch) -> set[int]:
        """Those in a batch that have no name yet."""
        found: set[int] = {0}
        for kind, name in _PLACES:
            column = batch.args.get(kind, {}).get(name)
            if column is not None:
                found.update(np.unique(column.view(np.uint64)).tolist())
        return found - {0} - self._names.keys() - self._unnamed


def _newest_ns(item: Item) -> int:
    if isinstance(item, LostStretch):
        return item.end_ns
    times = item.time_ns if isinstance(item, Samples) else item.header["time_ns"]
    return int(times.max()) if len(times) else 0
