"""How often a view's analysis looks at the results so far."""

from __future__ import annotations

from typing import Final

LOOK_EVERY_S: Final = 0.2
LOOK_AT_EVENTS_S: Final = 0.1
"""Where events have come: a recorder writes what is new ten times a second at most."""
_LOOK_SHARE: Final = 0.3
"""Share of the time that looking may take: a look takes the longer the more was found."""


def next_look_s(began_s: float, now_s: float, every_s: float = LOOK_EVERY_S) -> float:
    """When the next look is due, after one that began and has just ended at these times."""
    return began_s + max(every_s, (now_s - began_s) / _LOOK_SHARE)
