"""Single values of recorded columns as they are shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import numpy.typing as npt

from ..record import ADDRESS_FIELDS
from ..schema import FUNCTION_FIELDS
from .rows import Value

NAME_SUFFIX: Final = "_name"
"""What a function's symbol has behind the name of the field with its address."""
_MASK: Final = (1 << 64) - 1


@lru_cache(4096)
def text_of(raw: bytes) -> str:
    """A kernel's string; bytes that are no UTF-8 become U+FFFD, control characters stay."""
    return raw.decode("utf-8", "replace")


def columns_of(
    name: str, values: npt.NDArray[Any], symbols: Mapping[int, str], *, absent: bool
) -> Iterator[tuple[str, list[Value]]]:
    """A field's values under its name, and of a function's address its symbols. `absent`: nothing tells it."""
    if absent:
        nothing: list[Value] = [None] * len(values)
        yield name, nothing
        if name in FUNCTION_FIELDS:
            yield f"{name}{NAME_SUFFIX}", nothing
    elif values.dtype.kind == "S":
        yield name, [text_of(raw) for raw in values.tolist()]
    elif name in ADDRESS_FIELDS:
        # Hexadecimal: a number of 64 bits does not survive many a JSON reader.
        addresses = [int(value) & _MASK for value in values.tolist()]
        yield name, [f"{address:#x}" for address in addresses]
        if name in FUNCTION_FIELDS:
            yield f"{name}{NAME_SUFFIX}", [symbols.get(address) for address in addresses]
    else:
        yield name, values.tolist()
