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

_SLOTS: Final = 1 << 12
_AT_ONCE: Final = 128
"""Addresses that take 2 ms to name one by one."""


class _Place:
    """Where in a record some kinds have a function's address."""

    def __init__(self, offset: int, kinds: frozenset[int]) -> None:
        self.kinds = kinds
        self.is_here = np.zeros(MAX_KINDS, np.bool_)
        self.is_here[sorted(kinds)] = True
        self.dtype = np.dtype(
            {"names": ["address"], "formats": ["u8"], "offsets": [offset], "itemsize": EVENT_DTYPE.itemsize}
        )


def _places() -> tuple[_Place, ...]:
    kinds_at: dict[int, set[int]] = {}
    for kind in KINDS:
        for name, _ in kind.fields:
            if name in FUNCTION_FIELDS and kind.args_dtype.fields:
                offset = HEADER_DTYPE.itemsize + kind.args_dtype.fields[name][1]
                kinds_at.setdefault(offset, set()).add(kind.number)
    return tuple(_Place(offset, frozenset(kinds)) for offset, kinds in kinds_at.items())


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
        """Remember the new addresses in records of EVENT_DTYPE; `kinds` is their column, `present` what is in it."""
        for place in _PLACES:
            here = place.kinds & present
            if here:
                addresses = records.view(place.dtype)["address"].copy()
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
