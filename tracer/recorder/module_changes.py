"""Balloon drivers that come or go while tracing, to be said at once."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Final

import numpy as np

from ..schema import KIND_BY_NAME

if TYPE_CHECKING:
    from ..collect.collector import Item

_LOADED: Final = KIND_BY_NAME["module_load"]
_FREED: Final = KIND_BY_NAME["module_free"]


def module_changes(item: Item, present: AbstractSet[int]) -> Iterator[str]:
    """A sentence for each balloon driver's module that was loaded or unloaded; `present` are the records' kinds."""
    if not isinstance(item, np.ndarray):
        return
    for kind, what in ((_LOADED, "loaded: not traced until the next start"), (_FREED, "unloaded: no longer traced")):
        if kind.number in present:
            chosen = item[item["kind"] == kind.number]
            for name in chosen.view(kind.record_dtype)["module_name"].tolist():
                if b"balloon" in name or name == b"cmm":
                    yield f"module {name.decode(errors='replace')} was {what}"
