"""Tables of whole numbers by column: many rows are taken, joined and put in order at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Columns:
    """Base of tables: each field is a column of shape (rows,)."""

    @classmethod
    def of(cls, rows: Sequence[tuple[int, ...]]) -> Self:
        """A table of rows that have the fields in their order."""
        if not rows:
            return cls.concat(())
        return cls(*(np.asarray(column, np.int64) for column in zip(*rows, strict=True)))

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """The rows of all parts, one part after the other."""
        parts = [part for part in parts if len(part)]
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls(*(np.empty(0, np.int64) for _ in _names(cls)))
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in _names(cls)))

    def __len__(self) -> int:
        first: I64 = getattr(self, _names(self)[0])
        return len(first)

    def take(self, rows: I64 | Flags | slice) -> Self:
        """Only these."""
        return type(self)(*(getattr(self, name)[rows] for name in _names(self)))

    def rows(self) -> list[list[int]]:
        """Each row's numbers, in the order of the fields."""
        return np.column_stack([getattr(self, name) for name in _names(self)]).tolist() if len(self) else []


def _names(table: Columns | type[Columns]) -> tuple[str, ...]:
    return tuple(table.__dataclass_fields__)
