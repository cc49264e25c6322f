"""The table of event kinds inside a recording, and how an older or newer table maps onto this tool's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..schema import KIND_BY_NUMBER, KINDS, Kind
from .format import JSON

_DTYPE = re.compile(r"[ui][1248]|S[1-9][0-9]{0,2}")


@dataclass(frozen=True)
class KindLayout:
    """One recorded kind: `columns` are the recorded ones in order, None for those this tool does not know."""

    kind: Kind | None
    columns: tuple[str | None, ...]

    @property
    def absent(self) -> tuple[str, ...]:
        """Fields this tool knows and the recording lacks."""
        return tuple(name for name, _ in self.kind.fields if name not in self.columns) if self.kind else ()


Layouts = Mapping[int, KindLayout]


def kind_table() -> list[JSON]:
    """This tool's kinds as JSON."""
    return [{"number": kind.number, "name": kind.name, "fields": [[*pair] for pair in kind.fields]} for kind in KINDS]


def read_layouts(table: list[dict[str, Any]]) -> Layouts:
    """A recorded `kind_table`. Raises ValueError."""
    return {row["number"]: _layout(KIND_BY_NUMBER.get(row["number"]), row["fields"]) for row in table}


def _layout(kind: Kind | None, fields: list[list[str]]) -> KindLayout:
    known = dict(kind.fields) if kind else {}
    columns = [name if _compatible(code, known.get(name)) else None for name, code in fields]
    seen = [name for name in columns if name]
    if len(seen) != len(set(seen)):
        raise ValueError("a field is there twice")
    return KindLayout(kind, tuple(columns))


def _compatible(recorded: str, known: str | None) -> bool:
    return known is not None and bool(_DTYPE.fullmatch(recorded)) and (recorded[0] == "S") == (known[0] == "S")
