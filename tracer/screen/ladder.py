"""The ladder of the current or the last episode, filling as it escalates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from textual.content import Content

from ..analyze.model import TierRow
from ..analyze.terms import Quality
from ..live.model import Snapshot
from ..wording.numbers import seconds
from ..wording.tiers import rungs
from . import figures
from .glyphs import Glyphs
from .styled import DIM, fitted, left, right
from .tiers import known_bytes, numbered, style_of

_LABEL: Final = 19
_SIZE: Final = 8
_PRIORITY: Final = 4
_LEAST_BAR: Final = 4
_BUSY_FROM: Final = 46
"""Columns from which on the time that a tier was busy stands beside its bar."""
_SOURCES: Final = ("file", "anon", "LRU", "slab", "balloon")


def ladder_title(snapshot: Snapshot) -> str:
    """Which episode it is, and how long it lasted."""
    episode = snapshot.episode
    if episode is None:
        return "no episode yet"
    lasted = seconds(max(0.0, (snapshot.now_s if snapshot.episode_open else episode.end_s) - episode.start_s))
    which = "now" if snapshot.episode_open else "last"
    return f"{which}, {lasted} since {figures.moment(episode.start_s)}"


def ladder(snapshot: Snapshot, width: int, glyphs: Glyphs) -> list[Content]:
    """A tier a line: what it gave by source, how long it was busy, the lowest priority."""
    if snapshot.episode is None:
        return [fitted(width, ("no reclaim of tier 1 or above so far", DIM))]
    rows = [(label, row) for label, row in rungs(snapshot.episode.tiers)]
    page = snapshot.source.page_size_bytes
    most = max((known_bytes(row, page) or 0 for _, row in rows), default=0)
    lines = [_rung(label, row, most, page, width, glyphs) for label, row in rows]
    legend = " ".join(f"{glyph}{name}" for glyph, name in zip(glyphs.sources, _SOURCES, strict=True))
    return [*lines, fitted(width, (legend, DIM))]


def _rung(label: str, row: TierRow, most: int, page: int, width: int, glyphs: Glyphs) -> Content:
    given = known_bytes(row, page)
    about = "~" if row.quality is Quality.INFERRED and given else ""
    busy = figures.time(row.busy_s) if row.busy_s or row.busy_s is None else ""
    prio = "" if row.min_priority is None else f" p{row.min_priority}"
    kills = f" {row.kills}x" if row.kills else ""
    tail = right(about + figures.mebibytes(given), _SIZE) + (right(busy, _SIZE) if width >= _BUSY_FROM else "")
    tail += left(kills or prio, _PRIORITY)
    room = width - _LABEL - len(tail)
    bar = left("".join(_bar(row, most, page, room, glyphs)), room) if room >= _LEAST_BAR else ""
    return fitted(width, (left(numbered(label), _LABEL), style_of(label, is_at_work=True)), bar, tail)


def _bar(row: TierRow, most: int, page: int, width: int, glyphs: Glyphs) -> Iterator[str]:
    """What it gave, stacked by source, on the scale of the tier that gave most."""
    counts = (row.file_pages, row.anon_pages, row.lru_pages, row.slab_pages, row.balloon_pages)
    used = 0
    for glyph, pages in zip(glyphs.sources, counts, strict=True):
        if pages and most:
            cells = min(width - used, max(1, round(pages * page / most * width)))
            used += cells
            yield glyph * cells
