"""What waits to be sent: bounded, with a count of what was given up."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

MOST_BYTES: Final = 4 << 20
"""Some 3,000 spans or log records."""


@dataclass(frozen=True)
class Parcel:
    """A request for a path of the endpoint, which carries so many `records` of one kind (`spans`). A newer one of its
    kind `replaces` it."""

    path: str
    body: bytes
    kind: str
    records: int
    replaces: bool = False


@dataclass
class Tally:
    """Records by kind: `sent` were taken, `lost` refused or given up, for the last of which `why` says the reason."""

    sent: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    why: str = ""


class Outbox:
    """Parcels in the order in which they came. Where they are too many, the oldest go. For several threads."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._waiting: deque[Parcel] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._is_closed = False
        self._tally = Tally()

    def put(self, parcels: Sequence[Parcel]) -> None:
        """Take parcels of one kind."""
        with self._changed:
            if any(parcel.replaces for parcel in parcels):
                self._drop([one for one in self._waiting if one.replaces and one.kind == parcels[0].kind], "")
            self._waiting += parcels
            self._bytes += sum(len(parcel.body) for parcel in parcels)
            self._shorten()
            self._changed.notify_all()

    def take(self) -> Parcel | None:
        """The next one, when there is one; None when the outbox is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            if not self._waiting:
                return None
            parcel = self._waiting.popleft()
            self._bytes -= len(parcel.body)
            return parcel

    def back(self, parcel: Parcel) -> None:
        """It was not taken: it waits again, behind all others, unless a newer one replaces it."""
        with self._changed:
            if not (parcel.replaces and any(one.replaces and one.kind == parcel.kind for one in self._waiting)):
                self._waiting.append(parcel)
                self._bytes += len(parcel.body)
                self._shorten()

    def sent(self, parcel: Parcel, rejected: int, why: str) -> None:
        """A server took it, but for so many of its records."""
        with self._changed:
            lost = min(rejected, parcel.records)
            self._tally.sent[parcel.kind] += parcel.records - lost
            if lost:
                self._count(parcel.kind, lost, why)

    def lost(self, parcel: Parcel, why: str) -> None:
        """It is given up."""
        with self._changed:
            self._count(parcel.kind, parcel.records, why)

    def close(self) -> None:
        """Nothing more comes."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def tally(self) -> Tally:
        """What became of all so far, but of those that wait."""
        with self._changed:
            return Tally(Counter(self._tally.sent), Counter(self._tally.lost), self._tally.why)

    def wait_closed(self, most_s: float) -> bool:
        """Wait a time, or until nothing more comes: whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_closed, most_s)

    def give_up(self, why: str) -> None:
        """Whatever waits is lost."""
        with self._changed:
            self._drop([*self._waiting], why)

    def _shorten(self) -> None:
        while self._bytes > self._most_bytes:
            self._drop([self._waiting[0]], "too much waited to be sent")

    def _drop(self, parcels: Sequence[Parcel], why: str) -> None:
        """A parcel that is replaced (no `why`) is not lost: the newer one says more."""
        gone = {id(parcel) for parcel in parcels}
        self._waiting = deque(one for one in self._waiting if id(one) not in gone)
        self._bytes -= sum(len(parcel.body) for parcel in parcels)
        for parcel in parcels:
            if why:
                self._count(parcel.kind, parcel.records, why)

    def _count(self, kind: str, records: int, why: str) -> None:
        self._tally.lost[kind] += records
        self._tally.why = why
