"""Small items joined to larger pieces: the engine's work is by piece as well as by event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...batch import Batch, LostStretch, Samples

Item = Batch | Samples | LostStretch


@dataclass(frozen=True)
class Quiet:
    """No event came among the readings before this. A recorder gives what it recorded before a reading ahead of it, so
    that all of its events from before `until_ns`, when the newest was read, were given."""

    until_ns: int


Given = Item | Quiet
"""What the engine takes."""
PIECE_EVENTS: Final = 98_304
"""Six blocks of a recording: a stretch costs some 10 ms whatever is in it, and 250 bytes of memory an event."""
PIECE_VALUES: Final = 1 << 20
"""Values of readings that are held back at most, 8 MiB."""


class Pieces:
    """Holds events back until they are enough, and readings until the events are.

    Readings are given before the events that they came among or right behind, as imports have them: the engine lets a
    reading wait until all events up to its time are in, but for readings it does not wait long.
    """

    def __init__(self, events: int = PIECE_EVENTS, values: int = PIECE_VALUES) -> None:
        self._most_events = events
        self._most_values = values
        self._batches: list[Batch] = []
        self._samples: list[Samples] = []
        self._events = 0
        self._values = 0

    def add(self, item: Item) -> Iterator[Given]:
        """Take the next item, give what is ready."""
        if isinstance(item, Batch):
            if self._events >= self._most_events:
                yield from self.rest()
            self._batches.append(item)
            self._events += len(item)
        elif isinstance(item, Samples):
            self._samples.append(item)
            self._values += item.values.size
        else:
            yield item
        if self._values >= self._most_values:
            yield from self.rest()

    def rest(self) -> Iterator[Given]:
        """Give what is held."""
        samples, batches = self._samples, self._batches
        self._samples, self._batches, self._events, self._values = [], [], 0, 0
        yield from joined(samples)
        if batches:
            piece = Batch.concat(batches)
            # Else they would lie in memory beside the piece for as long as it is looked at.
            del batches
            yield piece
        elif any(map(len, samples)):
            yield Quiet(max(int(one.time_ns[-1]) for one in samples if len(one)))


def in_pieces(items: Iterable[Item], events: int = PIECE_EVENTS) -> Iterator[Given]:
    """The same items in pieces of at least so many events."""
    pieces = Pieces(events)
    for item in items:
        yield from pieces.add(item)
    yield from pieces.rest()


def joined(samples: list[Samples]) -> Iterator[Samples]:
    """Readings of the same counters that follow each other as one item."""
    start = 0
    for stop in range(1, len(samples) + 1):
        if stop < len(samples) and samples[stop].names == samples[start].names:
            continue
        alike = samples[start:stop]
        times, values = ([getattr(one, column) for one in alike] for column in ("time_ns", "values"))
        yield alike[0] if len(alike) == 1 else Samples(np.concatenate(times), alike[0].names, np.concatenate(values))
        start = stop
