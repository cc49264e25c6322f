"""Kernel function addresses in records, noticed when first seen and named when there is time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from ..kernel.kallsyms import Resolution
from ..schema import HEADER_DTYPE, KINDS

_ADDRESS_FIELDS: Final = ("shrink", "function", "cb")
_SLOTS: Final = 1 << 12


def _field_offsets() -> dict[int, int]:
    """Kind number to the offset in the record of its function address, for kinds that have one."""
    offsets: dict[int, int] = {}
    for kind in KINDS:
        for name, _ in kind.fields:
            if name in _ADDRESS_FIELDS:
                fields = kind.args_dtype.fields
                offsets[kind.number] = HEADER_DTYPE.itemsize + (fields[name][1] if fields else 0)
    return offsets


_OFFSET_OF_KIND: Final = _field_offsets()


class AddressBook:
    """Which function addresses have been seen, and which still need a name.

    A direct-mapped table answers for nearly every record at a few ns; only what misses it is looked at one by one.
    """

    def __init__(self) -> None:
        self._known: set[int] = {0}
        self._pending: set[int] = set()
        self._naming: Resolution | None = None
        self._table = np.zeros(_SLOTS, np.uint64)

    @property
    def pending(self) -> bool:
        """Whether addresses wait for their names."""
        return bool(self._pending or self._naming)

    @property
    def naming(self) -> bool:
        """Whether `name_some` has begun and not ended."""
        return self._naming is not None

    def notice(self, records: npt.NDArray[np.void], kinds: npt.NDArray[np.uint16], present: Iterable[int]) -> None:
        """Remember the new addresses in records of EVENT_DTYPE; `kinds` is their column, `present` what is in it."""
        for number in present:
            offset = _OFFSET_OF_KIND.get(number)
            if offset is not None:
                column = np.ndarray(len(records), np.uint64, records, offset, (records.itemsize,))
                self._notice_column(column[np.flatnonzero(kinds == number)])

    def name_some(self) -> dict[int, str]:
        """Go on a few ms with naming what was pending when it began; the names once it is through, empty until then."""
        if self._naming is None:
            self._naming, self._pending = Resolution(self._pending), set()
        if self._naming.step():
            return {}
        names, self._naming = self._naming.names(), None
        return names

    def name_all(self) -> dict[int, str]:
        """Names of everything that is pending: a tenth of a second."""
        names: dict[int, str] = {}
        while self.pending:
            names |= self.name_some()
        return names

    def _notice_column(self, addresses: npt.NDArray[np.uint64]) -> None:
        missing = addresses[self._table[_slots(addresses)] != addresses]
        if not len(missing):
            return
        found = np.unique(missing)
        self._table[_slots(found)] = found
        new = set(found.tolist()) - self._known
        self._known |= new
        self._pending |= new


def _slots(addresses: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    # Functions are aligned to sixteen bytes.
    return (addresses.view(np.int64) >> 4) & (_SLOTS - 1)
