"""Values as OTLP's JSON has them (github.com/open-telemetry/opentelemetry-proto): 64-bit integers are texts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final

from .errors import printable

Json = dict[str, Any]

_FRACTIONS: Final = ("_s", "_share", "efficiency")
"""How names end whose numbers are no counts, theirs and those below them: a backend takes one type for each name."""


def attributes(values: Mapping[str, Any], prefix: str = "") -> list[Json]:
    """Named values as attributes. A mapping's keys follow its own name after a dot; what is not known (None, no finite
    number, an empty text) is left out; texts are printable."""
    return [{"key": name, "value": value} for name, value in _named(values, prefix)]


def int64(value: int) -> str:
    """As JSON has 64-bit integers."""
    return str(value)


def _named(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Json]]:
    for key, value in values.items():
        name = printable(f"{prefix}{key}")
        if isinstance(value, Mapping):
            yield from _named(value, f"{name}.")
        elif (told := _value(name, value)) is not None:
            yield name, told


def _value(name: str, value: Any) -> Json | None:  # noqa: ANN401 - any value that results have
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, str):
        return {"stringValue": printable(value.value if isinstance(value, Enum) else value)}
    if isinstance(value, Sequence):
        told = [_value(name, each) for each in value]
        return {"arrayValue": {"values": [each for each in told if each is not None]}}
    if isinstance(value, float) or any(part.endswith(_FRACTIONS) for part in name.split(".")):
        return {"doubleValue": float(value)}
    return {"intValue": int64(int(value))}
