"""The multi-gen LRU where kswapd can't follow: hogs larger than memory, at full speed, beside page cache, with swap."""

from __future__ import annotations

from ..lab import Found, Lab
from .lru_gen_page_cache import ENABLED, WITHOUT

__all__ = ["WITHOUT", "drive", "judge", "prepare"]
HOGS = 3
MORE_MIB = 60
CACHED_MIB = 300


def prepare(lab: Lab) -> None:
    """Swap, and watermarks so close to each other that hogs have to reclaim themselves."""
    lab.put(ENABLED, "y")
    lab.swap_on()
    lab.narrow_watermarks()


def drive(lab: Lab) -> None:
    """More than there is, by some at once."""
    lab.said(lab.load("stream", "/dev/vdc", CACHED_MIB, 1), "read")
    hogs = [lab.load("hog", (lab.available_mib() + MORE_MIB) // HOGS) for _ in range(HOGS)]
    for hog in hogs:
        lab.said(hog, "touched")
    for hog in hogs:
        lab.stop(hog)


def judge(found: Found) -> None:
    """Anonymous memory and page cache, by kswapd and by tasks themselves."""
    assert found.summary["recording"]["lru_gen_enabled"]
    assert {"background", "direct"} <= set(found.tiers)
    for name in ("kswapd", "direct", "file", "anon"):
        held = found.reclaimed[name]
        assert held.at_least > 0, f"the load made no {name} reclaim"
    assert found.leaked["shrinker"] == 0
