"""Free page reports as the host had them: what QEMU gave back of the guest's memory, piece by piece."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

EVENT: Final = "ram_block_discard_range"
"""QEMU's trace event (softmmu/physmem.c); virtio_balloon_handle_report() calls that for each piece of a report."""
_LINE: Final = re.compile(rf"{EVENT} \S+ \+ 0x([0-9a-f]+): .*ret: 0$", re.MULTILINE)
_PAGE_BYTES: Final = 4096

Report = tuple[int, int]
"""Pieces and pages of a report, as the guest's driver was given it."""


def discards_of(log: str) -> tuple[int, ...]:
    """Pages of each piece that QEMU's log tells of, in order."""
    return tuple(int(length, 16) // _PAGE_BYTES for length in _LINE.findall(log))


@dataclass(frozen=True)
class Discards:
    """`pages` of each piece, in order. Those from `since` on and before `until` were while the guest was traced."""

    pages: tuple[int, ...] = ()
    since: int = 0
    until: int = 0

    def are(self, reports: Sequence[Report]) -> bool:
        """Whether reports are these, to the page: one follows the other, and none of that time is left out.

        A driver has one report under way at a time and waits for the host (virtballoon_free_page_report()).
        """
        ends = list(accumulate((pieces for pieces, _ in reports), initial=0))
        firsts = range(max(0, self.until - ends[-1]), min(self.since, len(self.pages) - ends[-1]) + 1)
        sums = list(accumulate(self.pages, initial=0))
        told = [pages for _, pages in reports]
        return any(
            told == [sums[first + end] - sums[first + begin] for begin, end in pairwise(ends)] for first in firsts
        )
