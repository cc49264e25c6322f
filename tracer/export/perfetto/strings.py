"""Texts by number: a trace holds each once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from ...distinct_values import distinct_values
from ...errors import printable
from ..tasks import word
from .packets import Packets

U64 = npt.NDArray[np.uint64]
_MOST: int = 1 << 16
"""Texts remembered: then numbers begin anew, and the newest text of a number counts."""


class Strings:
    """Numbers texts from 1 on; `tell` writes those that are new, before packets that have them."""

    def __init__(self, packets: Packets) -> None:
        self._packets = packets
        self._numbers: dict[str, int] = {}
        self._new: list[tuple[int, str]] = []

    def number(self, text: str) -> int:
        """A text's number."""
        known = self._numbers.get(text)
        if known is None:
            known = self._numbers[text] = len(self._numbers) + 1
            self._new.append((known, printable(text)))
        return known

    def numbers(self, texts: Iterable[str]) -> U64:
        """Several texts'."""
        return np.asarray([self.number(text) for text in texts], np.uint64)

    def of_names(self, names: npt.NDArray[np.bytes_]) -> U64:
        """The kernel's texts of fixed length."""
        present = distinct_values(names)
        return self.numbers(map(word, present.tolist()))[np.searchsorted(present, names)]

    def of_addresses(self, addresses: npt.NDArray[np.uint64], symbols: Mapping[int, str]) -> U64:
        """Functions' names, or their addresses where those are not known."""
        present = distinct_values(addresses)
        names = (symbols.get(address, f"{address:#x}") for address in present.tolist())
        return self.numbers(names)[np.searchsorted(present, addresses)]

    def tell(self) -> None:
        """Write what is new."""
        if self._new:
            self._packets.strings(self._new)
            self._new = []
