"""The last second, the last ten, and everything: what totals grew by."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

from ..analyze.naming import scope_label
from ..analyze.terms import Quality
from .looks import PSI_FULL, PSI_SOME, Look, Moved, Reading, Rung, Supply, refaults
from .model import BalloonWindow, TierWindow, Window

SECOND_S: Final = 1.0
TEN_S: Final = 10.0
KEPT_S: Final = 70.0
"""How long looks are remembered: findings of shortage are told up to a minute after they began."""
_CLOSE_S: Final = 0.1
"""Looks are remembered that far apart at least..."""
_FINE_S: Final = 11.0
"""...for so long, and ..."""
_COARSE_S: Final = 0.5
"""...that far apart when they are older."""
_LEAST_SHARE: Final = 0.5
"""A window is at least so much of its length, where there are looks that old."""


class RecentLooks:
    """Looks of the last minute, the oldest first: some 250 at most, however often somebody looks.

    `beginning` is how things stood when the recording began, by what is known of it now.
    """

    def __init__(self) -> None:
        self.beginning: Look | None = None
        self._looks: list[Look] = []

    def add(self, look: Look) -> None:
        """Remember a look later than those before it, unless it came too soon after the last."""
        if self._looks and look.time_s - self._looks[-1].time_s < _CLOSE_S:
            return
        fine_s, kept = look.time_s - _FINE_S, list[Look]()
        for one in (*self._looks, look):
            if one.time_s >= fine_s or not kept or one.time_s - kept[-1].time_s >= _COARSE_S:
                kept.append(one)
        # One that is older stays: it tells how things stood before.
        first = bisect_right(kept, look.time_s - KEPT_S, key=_time)
        self._looks = kept[max(first - 1, 0) :]

    def base(self, now: Look, length_s: float) -> Look:
        """Where a window that ends now begins: at the look closest to so long ago, but none so young that hardly
        anything would be left of it."""
        wanted_s, youngest_s = now.time_s - length_s, now.time_s - length_s * _LEAST_SHARE
        looks = [*self._from_beginning(), now]
        at = bisect_left(looks, wanted_s, key=_time)
        before, after = looks[max(at - 1, 0)], looks[min(at, len(looks) - 1)]
        closer = after.time_s - wanted_s < wanted_s - before.time_s
        return after if closer and after.time_s <= youngest_s else before

    def before(self, time_s: float, now: Look) -> Look:
        """The last one that is not later than a time, or the first of all."""
        looks = [*self._from_beginning(), now]
        return looks[max(bisect_right(looks, time_s, key=_time) - 1, 0)]

    def since(self, time_s: float) -> list[Look]:
        """Those from a time on."""
        looks = self._from_beginning()
        return looks[bisect_left(looks, time_s, key=_time) :]

    def _from_beginning(self) -> list[Look]:
        return [*([self.beginning] if self.beginning else []), *self._looks]


def _time(look: Look) -> float:
    return look.time_s


def window(name: str, base: Look, now: Look, page_bytes: int) -> Window:
    """What happened between two looks."""
    length_s = max(now.time_s - base.time_s, 0.0)
    read_again = grown(refaults(now), refaults(base))
    rows = now.supplies.items()
    return Window(
        name=name,
        length_s=length_s,
        tiers=[_tier(rung, base.supplies.get(rung), supply, length_s, page_bytes) for rung, supply in rows],
        balloon=_balloon(base.moved, now.moved, page_bytes),
        refault_bytes=None if read_again is None else round(read_again[0] * page_bytes),
        psi_some=_pressure(base, now, PSI_SOME),
        psi_full=_pressure(base, now, PSI_FULL),
        waiting_share=_share(now.waited_s, base.waited_s, length_s),
        kills=_more(now.kills, base.kills),
    )


def grown(now: Reading | None, base: Reading | None) -> tuple[float, float] | None:
    """By how much a counter grew between two readings, and how far these are apart; None where there are no two."""
    if now is None or base is None or now.time_s <= base.time_s:
        return None
    return max(now.value - base.value, 0.0), now.time_s - base.time_s


def works(rung: Rung, base: Look, now: Look) -> bool:
    """Whether a rung was at work between two looks."""
    before, after = base.supplies.get(rung, Supply()), now.supplies[rung]
    return after.spans > before.spans or (after.busy_s or 0.0) > (before.busy_s or 0.0)


def _tier(rung: Rung, base: Supply | None, now: Supply, length_s: float, page_bytes: int) -> TierWindow:
    before = base or Supply()
    return TierWindow(
        label=scope_label(*rung),
        file_bytes=_bytes(now.file_pages, before.file_pages, page_bytes),
        anon_bytes=_bytes(now.anon_pages, before.anon_pages, page_bytes),
        lru_bytes=_bytes(now.lru_pages, before.lru_pages, page_bytes),
        slab_bytes=_bytes(now.slab_pages, before.slab_pages, page_bytes),
        balloon_bytes=_bytes(now.balloon_pages, before.balloon_pages, page_bytes),
        busy_share=_share(now.busy_s, before.busy_s, length_s),
        waiting_share=_share(now.waited_s, before.waited_s, length_s),
        spans=max(now.spans - before.spans, 0),
        quality=now.quality,
    )


def _balloon(base: Moved, now: Moved, page_bytes: int) -> BalloonWindow:
    leaked = {cause.value: _bytes(pages, base.leaked.get(cause), page_bytes) for cause, pages in now.leaked.items()}
    inflated, wasted = _bytes(now.inflated, base.inflated, page_bytes), _bytes(now.wasted, base.wasted, page_bytes)
    unknown = inflated is None and all(size is None for size in leaked.values())
    return BalloonWindow(
        inflated_bytes=inflated,
        leaked_bytes=leaked,
        reported_bytes=_bytes(now.reported, base.reported, page_bytes),
        cycles=_more(now.cycles, base.cycles),
        wasted_bytes=wasted,
        quality=Quality.UNKNOWN if unknown else now.quality,
    )


def _more(now: int | None, base: int | None) -> int | None:
    """What was inferred may have been too much: it goes down then, and nothing came of it in between."""
    return None if now is None or base is None else max(now - base, 0)


def _bytes(now: int | None, base: int | None, page_bytes: int) -> int | None:
    pages = _more(now, base)
    return None if pages is None else pages * page_bytes


def _share(now_s: float | None, base_s: float | None, length_s: float) -> float | None:
    return None if now_s is None or base_s is None or not length_s else max(now_s - base_s, 0.0) / length_s


def _pressure(base: Look, now: Look, name: str) -> float | None:
    """A share of the time between the two readings."""
    more = grown(now.readings.get(name), base.readings.get(name))
    return None if more is None else more[0] / 1e6 / more[1]
