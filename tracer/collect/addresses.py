"""Kernel function addresses in records, noticed when first seen and named when there is time."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt

from ..distinct_values import distinct_values
from ..kernel.kallsyms import Resolution
from ..schema import EVENT_DTYPE, FUNCTION_FIELDS, HEADER_DTYPE, KINDS, MAX_KINDS
from ..short_records import SHORT_DTYPE, args_of

_SLOTS: Final = 1 << 12
_AT_ONCE: Final = 128
"""Addresses that take 2 ms to name one by one."""


class _Place:
    """Where in records of one size some kinds have a function's address, perhaps its lower half."""

    def __init__(self, record_bytes: int, offset: int, code: str, kinds: frozenset[int]) -> None:
        self.record_bytes = record_bytes
        self.kinds = kinds
        self.is_here = np.zeros(MAX_KINDS, np.bool_)
        self.is_here[sorted(kinds)] = True
        self.dtype = np.dtype({"names": ["address"], "formats": [code], "offsets": [offset], "itemsize": record_bytes})


def _places() -> tuple[_Place, ...]:
    kinds_at: dict[tuple[int, int, str], set[int]] = {}
    for kind in KINDS:
        for size in (SHORT_DTYPE.itemsize, EVENT_DTYPE.itemsize):
            for name, (dtype, offset, *_) in ((args_of(kind, size) or _NO_ARGS).fields or {}).items():
                if name in FUNCTION_FIELDS:
                    place = size, HEADER_DTYPE.itemsize + offset, dtype.str
                    kinds_at.setdefault(place, set()).add(kind.number)
    return tuple(_Place(*place, frozenset(kinds)) for place, kinds in kinds_at.items())


_NO_ARGS: Final = np.dtype([])
_PLACES: Final = _places()


class AddressBook:
    """Which function addresses have been seen, and which still need a name.

    A direct-mapped table answers for nearly every record at a few ns; only what misses it is looked at one by one.
    """

    def __init__(self, name_at_once: Callable[[int], str | None] | None = None) -> None:
        """`name_at_once` names one address in microseconds; without it all of /proc/kallsyms is read, in pieces."""
        self._name_at_once = name_at_once
        self._known: set[int] = {0}
        self._pending: set[int] = set()
        self._naming: Resolution | None = None
        self._table = np.zeros(_SLOTS, np.uint64)

    @property
    def pending(self) -> bool:
        """Whether addresses wait for their names."""
        return bool(self._pending or self._naming)

    @property
    def reads_table(self) -> bool:
        """Whether a name costs a pass over /proc/kallsyms, so that it pays to wait for more addresses."""
        return self._name_at_once is None

    @property
    def naming(self) -> bool:
        """Whether `name_some` has begun and not ended."""
        return self._naming is not None

    def notice(self, records: npt.NDArray[np.void], kinds: npt.NDArray[np.uint16], present: AbstractSet[int]) -> None:
        """Remember the new addresses in records; `kinds` is their column, `present` what is in it."""
        for place in _PLACES:
            here = place.kinds & present if place.record_bytes == records.itemsize else None
            if here:
                addresses = records.view(place.dtype)["address"].astype(np.uint64)
                new = self._table.take(_slots(addresses), mode="clip") != addresses
                if len(here) < len(present):
                    # Other kinds have something else in this place.
                    new &= place.is_here.take(kinds, mode="clip")
                self._learn(addresses[new])

    def name_some(self) -> dict[int, str]:
        """Go on a few ms with naming what was pending when it began; the names once it is through, empty until then."""
        if self._name_at_once is not None:
            found = ((address, self._name_at_once(address)) for address in self._some())
            return {address: name for address, name in found if name}
        if self._naming is None:
            self._naming, self._pending = Resolution(self._pending), set()
        if self._naming.step():
            return {}
        names, self._naming = self._naming.names(), None
        return names

    def name_all(self) -> dict[int, str]:
        """Names of everything that is pending: a tenth of a second where the table has to be read."""
        names: dict[int, str] = {}
        while self.pending:
            names |= self.name_some()
        return names

    def _some(self) -> list[int]:
        """No longer pending."""
        some = list(islice(self._pending, _AT_ONCE))
        self._pending.difference_update(some)
        return some

    def _learn(self, addresses: npt.NDArray[np.uint64]) -> None:
        if not len(addresses):
            return
        found = distinct_values(addresses)
        self._table[_slots(found)] = found
        new = set(found.tolist()) - self._known
        self._known |= new
        self._pending |= new


def _slots(addresses: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    # Functions are aligned to sixteen bytes.
    return (addresses.view(np.int64) >> 4) & (_SLOTS - 1)
