"""The recorder's own part of direct reclaim."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...model import Finding, known_sum
from ...naming import reclaim_in
from ...terms import Severity, Tier
from ..kind import Explanation, Kind, cost_of, found
from ..needs import RECORDER

if TYPE_CHECKING:
    from ..evidence import Evidence

SHARE_LEAST: Final = 0.05
"""Share of direct reclaim, by pages or by waiting, from which on the recorder's own is worth a word."""


def _share(evidence: Evidence) -> Iterator[Finding]:
    own = evidence.analysis.recorder
    direct = next((row for row in evidence.analysis.tiers if row.tier is Tier.DIRECT), None)
    if own is None or direct is None:
        return
    pages = known_sum((direct.off_lru_pages, direct.slab_pages)) or 0
    waited_s = sum(stall.stall_s for stall in evidence.analysis.stalls if stall.tier is Tier.DIRECT)
    pages_share, stall_share = own.pages / max(pages, own.pages, 1), own.stall_s / (waited_s or 1.0)
    if max(pages_share, stall_share) < SHARE_LEAST:
        return
    text = (
        f"The recorder itself reclaimed {evidence.mib(own.pages)}, {pages_share:.0%} of what "
        f"{reclaim_in(direct)} freed, and waited {own.stall_s:.3f} s for it ({stall_share:.0%} of all waiting)."
    )
    numbers = {"pages": own.pages, "stall_s": own.stall_s, "pages_share": pages_share, "stall_share": stall_share}
    when = (0.0, evidence.analysis.duration_s)
    yield found(Severity.WARNING, when, text, numbers, cost=cost_of(own.stall_s))


KIND: Final = Kind(
    name="recorder_share",
    number=15,
    title="The recorder is part of the load",
    clause="the recorder itself did much of the direct reclaim",
    needs=(RECORDER,),
    rule=_share,
    of_recording=True,
    explanation=Explanation(
        meaning="The tracer needs memory too. In a guest that is short of memory, the recorder's own allocations "
        "enter direct reclaim, and all other numbers include their pages and waiting.",
        computed="The share of the recorder's process in all direct reclaim, by pages and by waiting; "
        "reported from 5 % of either.",
        causes=("There was little other direct reclaim.", "The guest is very small or very short of memory."),
        advice=(
            "Subtract it: `recorder` in the JSON has its pages and its waiting.",
            "Record with smaller buffers (`--buffer-size`, `--queue-size`) and to a disk that keeps up.",
        ),
        helped="A share below 5 % in the next recording.",
        references=("docs/architecture.md: the recorder's own reclaim is recorded",),
    ),
)
