"""Evicted page cache that was read again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...model import Finding, known_sum
from ...terms import Severity, Tier
from ..kind import Explanation, Kind, cost_of, found
from ..needs import REFAULTS

if TYPE_CHECKING:
    from ..evidence import Evidence

REFAULT_LEAST: Final = 256
"""Refaulted pages (1 MiB of 4 KiB pages) below which evicted cache that came back is not worth a word."""


def _refaults(evidence: Evidence) -> Iterator[Finding]:
    if any(shortage.starves or shortage.thrashes for shortage in evidence.shortages):
        return
    refaults = evidence.series.growth("vmstat.workingset_refault_file")
    evicted = known_sum(row.file_pages for row in evidence.analysis.tiers if row.tier > Tier.PROACTIVE)
    if refaults is None or refaults < REFAULT_LEAST or not evicted:
        return
    text = (
        f"{evidence.mib(refaults)} of page cache were read again after eviction ({evidence.mib(evicted)} of file pages "
        f"were reclaimed)."
    )
    numbers = {"refault_pages": refaults, "reclaimed_file_pages": evicted}
    when, cost = (0.0, evidence.analysis.duration_s), cost_of(None, evidence.in_bytes(refaults))
    advice = 2 if evidence.surely_no_balloon else 0
    yield found(Severity.INFO, when, text, numbers, cost=cost, advice=advice)


KIND: Final = Kind(
    name="refault",
    number=13,
    title="Evicted page cache is read again",
    clause="evicted page cache was read again",
    needs=(REFAULTS,),
    rule=_refaults,
    explanation=Explanation(
        meaning="Page cache was evicted and then needed, so it had to be read from disk again. That I/O, and the "
        "waiting for it, is the price of too little memory for the load.",
        computed="The growth of `workingset_refault_file` in /proc/vmstat during the recording, reported from 256 "
        "pages, next to the file pages reclaimed in the tiers from `background` up. The kernel counts a "
        "page that is read again while its shadow entry still exists. Where so much is read again that it "
        "is `starved` or `thrashing`, that kind is reported instead.",
        causes=(
            "The load reads more than fits into memory.",
            "The balloon holds memory that the page cache needs.",
            "A memory cgroup's limit is smaller than the files it reads.",
        ),
        advice=(
            "If a balloon holds memory: lower the host's target by the amount read again.",
            "If a memory cgroup reclaims: raise its limit (memory.high, memory.max).",
            "Read large one-off files without the cache (O_DIRECT, posix_fadvise DONTNEED).",
        ),
        helped="`workingset_refault_file` grows more slowly under the same load, and the load reads less from disk.",
        references=(
            "mm/workingset.c: workingset_refault()",
            "commit a528910e12ec: refault detection through shadow entries (Linux 3.15)",
        ),
    ),
)
