"""How far another clock is from the trace's: matched by what both saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

EARLY_NS: Final = 20_000_000
"""How much a guest may seem to act before it was told: the grain of both clocks."""
LATE_NS: Final = 400_000_000
"""How long after a command a change of the guest's is still taken for its effect."""
MESSAGE_NS: Final = 1_000_000_000
"""How long a message with the guest's clock and the guest's notice of a command may take together; measured up to
127 ms under emulation."""
DRIFT_NS: Final = 250_000_000
"""How far the two clocks may drift apart meanwhile. A message comes after it was sent, and a command's effect after the
command: a change that came earlier than both allow is another command's, or of another run."""
LEAST_NS: Final = 132_000_000
"""Nothing here is known better than this: how long a guest took at most to notice, measured under emulation. What all
delays have in common can't be told from the offset."""
_MOST: Final = 300


@dataclass(frozen=True)
class Offset:
    """Trace's clock minus the other clock, how far it may be off, and how it was found."""

    ns: int
    uncertainty_ns: int
    method: str
    matched: int = 0
    """How many of the other clock's times have one of the trace's."""


def by_matching(theirs: Sequence[int], ours: Sequence[int], near_ns: int | None, what: str) -> Offset | None:
    """The offset at which most of their times have one of ours shortly after.

    `near_ns` is what a message says it is at least, but for the clocks' drift. None where the times do not say: no
    match at all, or only one among several.
    """
    theirs, ours = sorted(theirs)[:_MOST], sorted(ours)[:_MOST]
    their_ns, our_ns = np.array(theirs, np.int64), np.array(ours, np.int64)
    candidates = np.unique(our_ns[:, None] - their_ns)
    if near_ns is not None:
        candidates = candidates[(candidates - near_ns >= -DRIFT_NS) & (candidates - near_ns <= MESSAGE_NS)]
    best = max((_delays(their_ns, our_ns, each) for each in candidates.tolist()), key=_quality, default=[])
    needed = 1 if near_ns is not None or len(theirs) == len(ours) == 1 else 2
    if len(best) < needed:
        return None
    shortest, longest = min(best), max(best)
    uncertainty = max(longest - shortest, LEAST_NS) if len(best) > 1 else LATE_NS
    return Offset(shortest, uncertainty, f"{len(best)} of {len(theirs)} {what}", len(best))


@dataclass
class Messages:
    """Messages that carried the guest's clock: how many, and its time in them minus the host's when they came."""

    number: int = 0
    least_ns: int = 0
    most_ns: int = 0

    def add(self, guest_ns: int, host_ns: int) -> None:
        """One more."""
        offset = guest_ns - host_ns
        self.least_ns = min(self.least_ns, offset) if self.number else offset
        self.most_ns = max(self.most_ns, offset) if self.number else offset
        self.number += 1


def by_messages(messages: Messages) -> Offset | None:
    """A message comes after it was sent, so the largest difference is the nearest to the truth; None without one."""
    if not messages.number:
        return None
    uncertainty = max(messages.most_ns - messages.least_ns, LEAST_NS) if messages.number > 1 else LATE_NS
    return Offset(messages.most_ns, uncertainty, f"the guest's clock in {messages.number} of its messages")


def _delays(theirs: npt.NDArray[np.int64], ours: npt.NDArray[np.int64], offset: int) -> list[int]:
    """For each of their times that has one of ours right after it, our time minus theirs."""
    index = np.searchsorted(ours, theirs + (offset - EARLY_NS))
    next_ns = ours[np.minimum(index, len(ours) - 1)]
    found = (index < len(ours)) & (next_ns <= theirs + (offset + LATE_NS))
    delays: list[int] = (next_ns - theirs)[found].tolist()
    return delays


def _quality(delays: Sequence[int]) -> tuple[int, int]:
    return len(delays), -(max(delays) - min(delays)) if delays else 0
