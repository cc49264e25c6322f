"""History as small curves, the newest at the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from ..live.model import History, Snapshot
from ..wording.numbers import seconds
from . import figures
from .glyphs import Glyphs
from .styled import DIM, fitted, left, right

_NAME: Final = 19
_NUMBER: Final = 11
_LEAST: Final = 8
_BESIDE_FROM: Final = 74
"""Columns from which on the last minute and all of it stand side by side."""
_MOST_FROM: Final = 64
"""Columns from which on the highest value stands beside the newest, in brackets."""
_UNITS: Final = ("bytes_per_s", "bytes", "share")


def history_title(snapshot: Snapshot) -> str:
    """What the curves cover."""
    covered = _covered_s(snapshot.history)
    return f"last {seconds(_covered_s(snapshot.recent))} and all {seconds(covered)}" if covered else "nothing yet"


def history(snapshot: Snapshot, width: int, glyphs: Glyphs) -> list[Content]:
    """A curve a line with its newest and its highest value; the last minute beside all of it where there is room."""
    whole, recent = snapshot.history, snapshot.recent
    # What nobody knows comes last: there may be no room for all.
    names = sorted(whole.series, key=lambda name: all(point is None for point in whole.series[name]))
    return [_line(name, whole.series[name], recent.series.get(name, ()), width, glyphs) for name in names]


def _covered_s(shown: History) -> float:
    return max(map(len, shown.series.values()), default=0) * shown.step_s


def _line(
    name: str, points: Sequence[float | None], recent: Sequence[float | None], width: int, glyphs: Glyphs
) -> Content:
    title, unit = named(name)
    has_most = width >= _MOST_FROM
    room = max(_LEAST, width - _NAME - _NUMBER - (_NUMBER + 2) * has_most)
    newest = next((kept[-1] for kept in (recent, points) if kept), None)
    most = max((point for point in (*points, *recent) if point is not None), default=None)
    curves = [glyphs.curve(points, room)]
    if width >= _BESIDE_FROM:
        curves = [glyphs.curve(recent, (room - 1) // 2), glyphs.curve(points, room - 1 - (room - 1) // 2)]
        curves[1] = right(curves[1], room - 1 - (room - 1) // 2)
    text = right(" ".join(curves), room)
    return fitted(
        width, left(title, _NAME), text, right(figure(newest, unit), _NUMBER), (_most(most, unit) * has_most, DIM)
    )


def _most(most: float | None, unit: str) -> str:
    return f"{f'({figure(most, unit)})':>{_NUMBER + 2}}"


def named(name: str) -> tuple[str, str]:
    """A series' title and its unit, from its name: units are in the names."""
    unit = next((unit for unit in _UNITS if name.endswith((f"_{unit}", f".{unit}"))), "")
    title = name[: -len(unit) - 1] if unit else name
    per_s = ", MiB/s" if unit == "bytes_per_s" else ""
    return f"{title.replace('_', ' ')}{per_s}", unit or ("share" if name.startswith("psi") else "")


def figure(value: float | None, unit: str) -> str:
    """A value with the unit that its name says."""
    if value is None:
        return figures.UNKNOWN
    if unit == "share":
        return figures.share(value)
    if unit == "bytes":
        return figures.size(value)
    return figures.mebibytes(value) if unit == "bytes_per_s" else f"{value:,.1f}"
