"""Kernel function addresses in records, noticed when first seen and named when there is time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from ..kernel.kallsyms import resolve
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
        self._table = np.zeros(_SLOTS, np.uint64)

    @property
    def pending(self) -> bool:
        """Whether addresses wait for their names."""
        return bool(self._pending)

    def notice(self, records: npt.NDArray[np.void], kinds: npt.NDArray[np.uint16], present: Iterable[int]) -> None:
        """Remember the new addresses in records of EVENT_DTYPE; `kinds` is their column, `present` what is in it."""
        for number in present:
            offset = _OFFSET_OF_KIND.get(number)
            if offset is not None:
                column = np.ndarray(len(records), np.uint64, records, offset, (records.itemsize,))
                self._notice_column(column[np.flatnonzero(kinds == number)])

    def name_pending(self) -> dict[int, str]:
        """Names of the addresses noticed since the last call; one pass over kallsyms, a tenth of a second."""
        pending, self._pending = self._pending, set()
        return resolve(pending) if pending else {}

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
