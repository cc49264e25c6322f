"""What a table is: its columns, each with a type, a unit and a meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

UNITS: Final = {
    "_ns": "ns",
    "_us": "us",
    "_s": "s",
    "_pages": "pages",
    "_bytes": "bytes",
    "_objects": "objects",
}
"""The unit that the end of a name tells."""


@dataclass(frozen=True)
class Column:
    """One column. `dtype` is pandas' name of its type; one of these:

    `int64`, `float64`, `bool`, `string`; `Int64`, `UInt64`, `Float64` may be missing; `category` is a tier, in order;
    `numbers` maps names to numbers, `ids` is a list of integers, `words` a list of texts. A text may be missing, and a
    `float64` that is NaN is missing: no number stands for one that could not be had. `unit` is empty for what has none.
    """

    name: str
    dtype: str
    doc: str = ""
    unit: str = ""

    @cached_property
    def measured_in(self) -> str:
        """Its unit: as declared, else as its name ends; empty for what has none."""
        return self.unit or next((unit for end, unit in UNITS.items() if self.name.endswith(end)), "")


@dataclass(frozen=True)
class Table:
    """One table, a row for each thing of its `doc`. `name` is that of its file, without the suffix, and of its view.

    `open_ended` tables have further columns that a recording itself names: samples a counter each, all `Int64`.
    """

    name: str
    doc: str
    columns: tuple[Column, ...] = field(repr=False)
    open_ended: bool = False

    @cached_property
    def dtypes(self) -> Mapping[str, str]:
        """Each column's dtype, in order."""
        return {column.name: column.dtype for column in self.columns}

    def with_columns(self, more: tuple[Column, ...]) -> Table:
        """The same with more columns behind."""
        return Table(self.name, self.doc, (*self.columns, *more))
