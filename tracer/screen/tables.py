"""Who waits and what shrinkers do, as rows that can be sorted and chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from textual.content import Content

from ..analyze.cgroup_rows import short_name
from ..live.model import Shrinking, Waiting
from . import figures
from .styled import BOLD, DIM, fitted, left, right

_SHARE: Final = 7
_TIME: Final = 9
_COUNT: Final = 13
_PID: Final = 9
_TIER: Final = 16
_CGROUP_FROM: Final = 96
"""Columns from which on a task's cgroup stands beside it."""
_TIER_FROM: Final = 62
_SCANNED_FROM: Final = 70
"""Columns from which on what a shrinker scanned stands beside what it freed."""


class Order(NamedTuple):
    """One way of sorting: its name, and what the highest of comes first."""

    name: str
    key: Callable[[Any], Any]


def _known(value: float | None) -> float:
    """Unknown ones come last."""
    return -1.0 if value is None else value


WAITING_ORDERS: Final = (
    Order("10 s", lambda row: (_known(row.share_10s), row.total_s)),
    Order("total", lambda row: row.total_s),
    Order("longest", lambda row: _known(row.longest_s)),
)
SHRINKER_ORDERS: Final = (
    Order("10 s", lambda row: (_known(row.share_10s), row.total_s)),
    Order("total", lambda row: row.total_s),
    Order("freed", lambda row: _known(row.freed)),
    Order("scanned", lambda row: _known(row.scanned)),
)


def ordered(rows: Sequence[Any], order: Order) -> list[Any]:
    """The highest first; those that are equal stay in the order that they came in."""
    return sorted(rows, key=order.key, reverse=True)


def waiting_heading(width: int, *, cgroups: bool) -> Content:
    """The columns of waiting tasks, or of cgroups."""
    name = "cgroup" if cgroups else "task"
    pid = "" if cgroups else right("pid", _PID)
    text = f"{left(name, _name_width(width, cgroups=cgroups))}{pid}{_beside('tier', 'cgroup', width, cgroups=cgroups)}"
    return fitted(width, (f"{text}{right('10 s', _SHARE)}{right('total', _TIME)}{right('longest', _TIME)}", DIM))


def waiting_row(row: Waiting, width: int, *, cgroups: bool) -> Content:
    """One task or cgroup: how much of the last 10 s it waited, how long in all, and the longest wait."""
    name = short_name(row.name) if cgroups else f"{row.name}{' (recorder)' * row.is_recorder}"
    pid = "" if cgroups else right(figures.UNKNOWN if row.pid is None else str(row.pid), _PID)
    beside = _beside(row.tier or "", short_name(row.cgroup or ""), width, cgroups=cgroups)
    times = f"{right(figures.time(row.total_s), _TIME)}{right(figures.time(row.longest_s), _TIME)}"
    share = right(figures.share(row.share_10s), _SHARE)
    return fitted(
        width,
        (left(name, _name_width(width, cgroups=cgroups)), BOLD if row.share_10s else ""),
        f"{pid}{beside}{share}{times}",
    )


def _beside(tier: str, cgroup: str, width: int, *, cgroups: bool) -> str:
    if cgroups or width < _TIER_FROM:
        return ""
    text = f"  {left(tier, _TIER)}"
    return text if width < _CGROUP_FROM else f"{text}  {left(cgroup, _cgroup_width(width))}"


def _cgroup_width(width: int) -> int:
    return max(0, (width - _CGROUP_FROM) * 2 // 3 + 16)


def _name_width(width: int, *, cgroups: bool) -> int:
    used = _SHARE + 2 * _TIME + (0 if cgroups else _PID)
    if not cgroups and width >= _TIER_FROM:
        used += 2 + _TIER + (2 + _cgroup_width(width) if width >= _CGROUP_FROM else 0)
    return max(8, width - used)


def shrinker_heading(width: int) -> Content:
    """The columns of shrinkers."""
    name = left("shrinker (objects)", _shrinker_width(width))
    return fitted(width, (f"{name}{_shrinker_columns('10 s', 'freed', 'total', 'scanned', 'eff.', width)}", DIM))


def shrinker_row(row: Shrinking, width: int) -> Content:
    """One shrinker: work in the last 10 s, objects freed in all, work in all, objects scanned, freed by scanned."""
    numbers = _shrinker_columns(
        figures.share(row.share_10s),
        figures.number(row.freed),
        figures.time(row.total_s),
        figures.number(row.scanned),
        figures.share(row.efficiency),
        width,
    )
    return fitted(width, (left(row.name, _shrinker_width(width)), BOLD if row.share_10s else ""), numbers)


def _shrinker_columns(share: str, freed: str, total: str, scanned: str, efficiency: str, width: int) -> str:
    more = f"{right(scanned, _COUNT)}{right(efficiency, _SHARE)}" if width >= _SCANNED_FROM else ""
    return f"{right(share, _SHARE)}{right(freed, _COUNT)}{right(total, _TIME)}{more}"


def _shrinker_width(width: int) -> int:
    more = _COUNT + _SHARE if width >= _SCANNED_FROM else 0
    return max(8, width - _SHARE - _COUNT - _TIME - more)
