"""Which tier supplies memory: the last second, the last ten, in all, and in the current or last episode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from textual.content import Content

from ..analyze.model import Episode, TierRow, known_sum
from ..analyze.naming import row_label, tier_title
from ..analyze.terms import Quality, Tier
from ..live.model import MemoryNow, Snapshot, TierWindow, Window
from ..wording.numbers import plural
from ..wording.tiers import rungs
from . import figures
from .glyphs import Glyphs
from .styled import BAD, BOLD, DIM, WARNING, Piece, fitted, joined, left, right

WINDOWS: Final = ("1s", "10s", "total")
_LABEL: Final = 24
_COLUMN: Final = 9
_BUSY: Final = 5
_PRIORITY: Final = 5
_STYLES: Final = {Tier.DIRECT: WARNING, Tier.RETRY: WARNING, Tier.OOM_NOTIFY: BAD, Tier.OOM_KILL: BAD}


def labels(snapshot: Snapshot) -> list[str]:
    """Rows of the table: those of any window, in its order."""
    found: dict[str, None] = {}
    for name in reversed(WINDOWS):
        if (window := snapshot.windows.get(name)) is not None:
            found.update(dict.fromkeys(tier.label for tier in window.tiers))
    return list(found)


def tiers(snapshot: Snapshot, width: int, height: int, glyphs: Glyphs) -> Content:
    """The table, then pressure and memory; where there is too little room the last lines go."""
    windows = {name: {tier.label: tier for tier in window.tiers} for name, window in snapshot.windows.items()}
    rows = episode_rows(snapshot.episode)
    lines = [fitted(width, (_heading(snapshot), BOLD))]
    for label in labels(snapshot):
        line = _row(snapshot, label, {name: tiers.get(label) for name, tiers in windows.items()}, glyphs)
        line += _in_episode(rows.get(label), snapshot.source.page_size_bytes)
        now = windows.get("1s", {}).get(label)
        lines.append(fitted(width, (line, style_of(label, is_at_work=bool(now and (now.spans or now.busy_share))))))
    lines += [fitted(width, *_pressure(snapshot.windows)), fitted(width, *_memory(snapshot.memory))]
    return joined(lines[:height])


def episode_rows(episode: Episode | None) -> dict[str, TierRow]:
    """An episode's rows by every name that they have: of each scope, and of the whole tier."""
    if episode is None:
        return {}
    whole = {name: row for row in episode.tiers for name in (row.tier.label, tier_title(row.tier), row_label(row))}
    return whole | dict(rungs(episode.tiers))


def tier_of(label: str) -> Tier | None:
    """The tier that a row's name speaks of."""
    return next((tier for tier in Tier if label.startswith((tier.label, tier_title(tier)))), None)


def style_of(label: str, *, is_at_work: bool) -> str:
    """A tier that is at work has a colour, the worse the louder."""
    tier = tier_of(label)
    return (_STYLES.get(tier, BOLD) if tier is not None else BOLD) if is_at_work else DIM


def numbered(label: str) -> str:
    """`2 direct (global)`."""
    tier = tier_of(label)
    return label if tier is None else f"{int(tier)} {label}"


def known_bytes(row: TierRow, page_bytes: int) -> int | None:
    """All that a tier gave in an episode, as far as it is known."""
    pages = known_sum((row.file_pages, row.anon_pages, row.lru_pages, row.slab_pages, row.balloon_pages))
    return None if pages is None else pages * page_bytes


def _heading(snapshot: Snapshot) -> str:
    windows = "".join(f"{title:>{_COLUMN}}{'busy':>{_BUSY}}" for title in ("1 s", "10 s", "total"))
    which = "this" if snapshot.episode_open else "last"
    return f"{'Tier (MiB/s, total MiB)':<{_LABEL}}{windows}{f'{which} ep.':>{_COLUMN}}{'prio':>{_PRIORITY}}"


def _row(snapshot: Snapshot, label: str, tiers: Mapping[str, TierWindow | None], glyphs: Glyphs) -> str:
    line = left(numbered(label), _LABEL)
    for name in WINDOWS:
        window, tier = snapshot.windows.get(name), tiers.get(name)
        given, busy = _given(window, tier, glyphs, in_all=name == "total")
        line += right(given, _COLUMN) + right(busy, _BUSY)
    return line


def _given(window: Window | None, tier: TierWindow | None, glyphs: Glyphs, *, in_all: bool) -> tuple[str, str]:
    """What it gave and its share of the time; of the OOM killer how many it killed.

    Of a tier that other windows know and this one does not, nobody can say that it gave nothing.
    """
    if window is None or tier is None:
        return figures.UNKNOWN, figures.UNKNOWN
    if tier_of(tier.label) is Tier.OOM_KILL:
        return (figures.UNKNOWN if window.kills is None else plural(window.kills, "kill")), ""
    return figures.supplied(tier, window.length_s, glyphs, in_all=in_all), figures.share(tier.busy_share)


def _in_episode(row: TierRow | None, page_bytes: int) -> str:
    """What it gave in the episode in MiB, and the priority that it came to."""
    if row is None:
        return right("", _COLUMN + _PRIORITY)
    about = "~" if row.quality is Quality.INFERRED else ""
    given = figures.mebibytes(known_bytes(row, page_bytes))
    prio = "" if row.min_priority is None else str(row.min_priority)
    return right(given if given in {"0", figures.UNKNOWN} else about + given, _COLUMN) + right(prio, _PRIORITY)


def _pressure(windows: Mapping[str, Window]) -> Iterator[Piece]:
    """Shares of each window: `1 s/10 s/total`."""
    shown = [windows.get(name) for name in WINDOWS]

    def each(value: Callable[[Window], float | None]) -> str:
        return "/".join(figures.UNKNOWN if one is None else figures.share(value(one)).strip("%") for one in shown)

    yield ("PSI some ", BOLD)
    yield f"{each(lambda one: one.psi_some)} full {each(lambda one: one.psi_full)}"
    yield (" waits ", BOLD)
    yield f"{each(lambda one: one.waiting_share)} %"
    yield (" refaults ", BOLD)
    rates = [figures.UNKNOWN if one is None else figures.rate(one.refault_bytes, one.length_s) for one in shown]
    yield f"{'/'.join(rates)} MiB/s"


def _memory(memory: MemoryNow) -> Iterator[Piece]:
    yield ("MemAvailable ", BOLD)
    yield f"{figures.mebibytes(memory.available_bytes)} of {figures.mebibytes(memory.total_bytes)} MiB, "
    yield f"free {figures.mebibytes(memory.free_bytes)}"
    if memory.above_low_bytes is None:
        yield ", watermarks unknown"
        return
    is_below = memory.above_low_bytes < 0
    yield ", "
    yield (f"{figures.mebibytes(abs(memory.above_low_bytes))} {'BELOW' if is_below else 'above'}", BAD * is_below)
    yield f" low ({figures.mebibytes(memory.low_bytes)})"
