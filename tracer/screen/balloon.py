"""The balloon: a gauge with the host's target, and what went in and out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from textual.content import Content

from ..live.model import BalloonNow, BalloonWindow, Snapshot, Window
from ..terminal.cells import cells
from . import figures
from .glyphs import Glyphs
from .styled import BAD, BOLD, DIM, Piece, fitted, joined

_CAUSES: Final = {"host": "host", "shrinker": "shrinker", "oom_notifier": "OOM notifier", "compaction": "compaction"}
_WINDOWS: Final = ("1s", "10s", "total")
_TITLES: Final = {"1s": "1 s", "10s": "10 s", "total": "total"}
_GAUGE_LEAST: Final = 10


def balloon(snapshot: Snapshot, width: int, height: int, glyphs: Glyphs) -> Content:
    """The gauge, and below it as many windows as there is room for."""
    lines = [_gauge(snapshot, width, glyphs)]
    names = _WINDOWS if height > 3 else ("1s", "total")[: height - 1]
    is_alone = len(names) == 1
    for name in names:
        if (window := snapshot.windows.get(name)) is not None:
            pieces = list(_flows(window, glyphs, is_total=name == "total"))
            if is_alone and (total := snapshot.windows.get("total")) is not None:
                pieces += [f"; {figures.number(total.balloon.cycles)} in all"]
            lines.append(fitted(width, (f"{_TITLES[name]:>7}  ", DIM), *pieces))
    return joined(lines[:height])


def _gauge(snapshot: Snapshot, width: int, glyphs: Glyphs) -> Content:
    now = snapshot.balloon
    if now.size_bytes is None:
        known = f", target {figures.size(now.target_bytes)}" if now.target_bytes is not None else ""
        why = "" if snapshot.source.balloon_driver else " (no balloon driver seen)"
        return fitted(width, ("Balloon  ", BOLD), f"size unknown{known}{why}")
    text = _sizes(now, glyphs)
    room = width - len("Balloon  ") - cells(text) - 2
    whole = _whole(now, snapshot.memory.total_bytes)
    if room < _GAUGE_LEAST or not whole:
        return fitted(width, ("Balloon  ", BOLD), text)
    bar: list[Piece] = _bar(now, whole, min(room, 60), glyphs)
    return fitted(width, ("Balloon  ", BOLD), *bar, f"  {text}")


def _whole(now: BalloonNow, total_bytes: int | None) -> int:
    """What the gauge's end stands for: the machine with its balloon empty, as far as that is known."""
    size = now.size_bytes or 0
    known = now.full_bytes if now.full_bytes is not None else total_bytes
    return max(size, now.target_bytes or 0, known or 0)


def _bar(now: BalloonNow, whole: int, width: int, glyphs: Glyphs) -> list[Piece]:
    filled = glyphs.bar((now.size_bytes or 0) / whole, width)
    if now.target_bytes is None:
        return [filled]
    at = min(width - 1, round(now.target_bytes / whole * width))
    return [filled[:at], (glyphs.target, BAD), filled[at + 1 :]]


def _sizes(now: BalloonNow, glyphs: Glyphs) -> str:
    about = figures.mark(now.quality, glyphs) if now.size_bytes else ""
    target = "unknown" if now.target_bytes is None else figures.size(now.target_bytes)
    return f"{about}{figures.size(now.size_bytes)}, target {target}"


def _flows(window: Window, glyphs: Glyphs, *, is_total: bool) -> Iterator[Piece]:
    """`in 12.3  out 3.0 (shrinker 3.0) MiB/s, 2 cycles/s`; in all of it MiB."""
    seen, length_s = window.balloon, 1.0 if is_total else window.length_s
    about = figures.mark(seen.quality, glyphs)
    unit = "MiB" if is_total else "MiB/s"
    yield f"in {_moved(seen.inflated_bytes, length_s, about)}  out {_out(seen, length_s, about)} {unit}"
    if seen.reported_bytes:
        yield f", reported {figures.rate(seen.reported_bytes, length_s)}"
    if is_total:
        yield f", for nothing {_moved(seen.wasted_bytes, 1.0, about)} MiB"
        cycles = figures.number(seen.cycles)
    else:
        cycles = figures.frequency(seen.cycles, length_s)
    yield ", "
    yield (f"{cycles} cycles{'' if is_total else '/s'}", BAD if seen.cycles else "")


def _out(seen: BalloonWindow, length_s: float, about: str) -> str:
    known = [size for size in seen.leaked_bytes.values() if size is not None]
    if not known:
        return figures.UNKNOWN
    causes = ", ".join(_causes(seen.leaked_bytes, length_s))
    return f"{_moved(sum(known), length_s, about)}{f' ({causes})' if causes else ''}"


def _causes(leaked: Mapping[str, int | None], length_s: float) -> Iterator[str]:
    """Those that took something, and those of which nobody knows."""
    for cause, size in leaked.items():
        if size or size is None:
            yield f"{_CAUSES.get(str(cause), str(cause))} {figures.rate(size, length_s)}"


def _moved(size: int | None, length_s: float, about: str) -> str:
    text = figures.rate(size, length_s)
    return text if text in {"0", figures.UNKNOWN} else about + text
