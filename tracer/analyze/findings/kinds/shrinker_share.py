"""Shrinkers that scan far more than their share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...model import Finding
from ...terms import Severity
from ..kind import Explanation, Kind, cost_of, found
from ..needs import SHRINKERS

if TYPE_CHECKING:
    from ..evidence import Evidence

SHARE_FACTOR: Final = 3.0
"""A shrinker is out of proportion when its share of the scanning is so many times its share of the items..."""
SHARE_LEAST: Final = 0.10
"""...and at least this much of all scanning, ..."""
CALLS_LEAST: Final = 100
SCANNED_LEAST: Final = 10_000
"""...over at least so many calls and objects: less than that is scanned within milliseconds and shows nothing."""


def _shares(evidence: Evidence) -> Iterator[Finding]:
    by_name = sorted(evidence.analysis.shrinkers, key=lambda shrinker: shrinker.name)
    for shrinker in by_name:
        scans, size, scanned = shrinker.scan_share, shrinker.size_share, shrinker.scanned
        if scans is None or size is None or scanned is None:
            continue
        if shrinker.calls < CALLS_LEAST or scanned < SCANNED_LEAST:
            continue
        if scans <= SHARE_FACTOR * size or scans < SHARE_LEAST:
            continue
        text = (
            f"Shrinker {shrinker.name} did {scans:.0%} of all scanning with {size:.0%} of "
            f"the cache items: {scanned:,} objects in {shrinker.calls:,} calls and {shrinker.busy_s:.3f} s."
        )
        numbers = {"scan_share": scans, "size_share": size, "busy_s": shrinker.busy_s}
        when, cost = (0.0, evidence.analysis.duration_s), cost_of(shrinker.busy_s)
        yield found(Severity.INFO, when, text, numbers, cost=cost)


KIND: Final = Kind(
    name="shrinker_share",
    number=14,
    title="A shrinker scans more than its share",
    clause="a shrinker scanned more than its share",
    needs=(SHRINKERS,),
    rule=_shares,
    explanation=Explanation(
        meaning="The kernel scans shrinkers in proportion to the objects that they report. One that is "
        "scanned far more than that costs time in every reclaim, usually for little gain.",
        computed="A shrinker's share of all scanned objects against its share of all cache items (the maximum "
        "seen of each instance on each node). Reported where it is more than three times as high and at least 10 "
        "% of all scanning, over 100 calls and 10,000 objects. The cost is the time inside its calls.",
        causes=(
            "The shrinker's count changes quickly, so that the maximum seen overstates its usual size.",
            "A shrinker that defers its work and is called again for the deferred part.",
            "A cache with many small instances (superblocks, cgroups), each of which is called.",
        ),
        advice=(
            "Check in the table of shrinkers how much it freed for its time; one that frees a lot is merely busy.",
            "Find out what fills its cache (dentries and inodes: a crawler, a backup; `slabtop`).",
        ),
        helped="Its share of the scanning and the time inside it go down under the same load.",
        references=("mm/shrinker.c (before 6.7 mm/vmscan.c): do_shrink_slab(), nr_deferred",),
    ),
)
