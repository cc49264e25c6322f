"""How often a view's analysis looks at the results so far."""

from __future__ import annotations

from typing import Final

LOOK_EVERY_S: Final = 0.2
_LOOK_SHARE: Final = 0.3
"""Share of the time that looking may take: a look takes the longer the more was found."""


def next_look_s(began_s: float, now_s: float) -> float:
    """When the next look is due, after one that began and has just ended at these times."""
    return began_s + max(LOOK_EVERY_S, (now_s - began_s) / _LOOK_SHARE)
