"""A finding's numbers with their units, which their names tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ..analyze.model import Finding
from ..analyze.totals.kill_context import Constraint
from ..wording.numbers import bytes_, count, mib, percent, plural, seconds
from ..wording.scans import bounds

_BOUNDS: Final = {"at least ": "lower_bound", "at most ": "upper_bound", "": "measured"}
_SHARES: Final = frozenset({"efficiency"})
_UNITS: Final = ("pages", "bytes", "share", "s")
_AS_IS: Final = frozenset({"pid", "sender_pid", "tid", "uid", "nid", "memcg_id"})


@dataclass(frozen=True)
class Number:
    """One number of a finding: its key in `summary --json`, its name in words, its value with a unit, and how it was
    had."""

    key: str
    name: str
    value: str
    quality: str


def numbers(finding: Finding, page_bytes: int) -> list[Number]:
    """All of them, in the order in which the kind gives them."""
    bound = bounds(finding)
    return [
        Number(
            key,
            _name(key),
            f"{bound.get(key, '')}{_value(key, value, page_bytes)}",
            _BOUNDS[bound.get(key, "")] if bound else finding.quality.value,
        )
        for key, value in finding.numbers.items()
    ]


def _unit(key: str) -> str:
    if key in _SHARES:
        return "share"
    return next((unit for unit in _UNITS if key == unit or key.endswith(f"_{unit}")), "")


def _name(key: str) -> str:
    unit = _unit(key)
    stem = key.removesuffix(f"_{unit}") if unit in {"bytes", "s", "pages"} else key
    return stem.replace("_", " ")


def _value(key: str, value: float, page_bytes: int) -> str:
    special = _SPECIAL.get(key)
    return special(value) if special else _WITH_UNIT[_unit(key)](value, page_bytes)


def _pages(value: float, page_bytes: int) -> str:
    return f"{mib(value, page_bytes)} ({plural(value, 'page')})"


def _plain(value: float, _page_bytes: int) -> str:
    return count(value) if float(value).is_integer() else f"{value:,.3g}"


_WITH_UNIT: Final[Mapping[str, Callable[[float, int], str]]] = {
    "pages": _pages,
    "bytes": lambda value, _: bytes_(value),
    "share": lambda value, _: percent(value),
    "s": lambda value, _: seconds(value),
    "": _plain,
}
_SPECIAL: Final[Mapping[str, Callable[[float], str]]] = {
    "gfp_flags": lambda value: f"{int(value):#x}",
    "constraint": lambda value: Constraint(int(value)).label,
    "by_cgroup": lambda value: "yes" if value else "no",
    **dict.fromkeys(_AS_IS, lambda value: str(int(value))),
}
