"""Functions by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_ADDRESS_MASK: Final = (1 << 64) - 1


@dataclass(frozen=True)
class SymbolNames:
    """Names of functions by address, in hexadecimal where there is none. `symbols` may grow meanwhile.

    It is not the engine that is asked: what the engine holds would hold the engine, and each of its branches would stay
    in memory until the garbage collector looks, with all its columns.
    """

    symbols: Mapping[int, str]

    def __call__(self, address: int) -> str:
        """The name of the function at an address as columns have it."""
        # Columns are int64, in which the kernel's half of the address space is negative.
        unsigned = address & _ADDRESS_MASK
        return self.symbols.get(unsigned, f"{unsigned:#x}")
