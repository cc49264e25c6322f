"""Page cache that was given away without pressure and read again soon after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ...model import Analysis, Finding
from ...sizes import mib
from ...terms import Quality, Severity
from ..kind import Explanation, Kind, cost_of, found
from ..needs import REFAULTS

if TYPE_CHECKING:
    from ...contention.cache_drops import CacheDrop
    from ..evidence import Evidence

_WHO: Final = {
    "drop_caches": "drop_caches dropped {dropped} of page cache",
    "memory.reclaim": "{dropped} were reclaimed on request (memory.reclaim)",
    "pageout": "DAMON or MADV_PAGEOUT reclaimed {dropped}",
    "balloon": "A pulse of the balloon evicted {dropped} of page cache",
}
"""By DropCause."""
_GREW: Final = "which grew again by {again} {within}: the kernel counts no refaults after drop_caches"
_READ_AGAIN: Final = "{again} of page cache were read again {within}"


def _drops(evidence: Evidence) -> Iterator[Finding]:
    from ...contention.cache_drops import WATCHED_NS
    from ...contention.shortages import EVICTED_LEAST_BYTES, REFAULT_SHARE

    for drop in sorted(evidence.cache_drops, key=lambda drop: (drop.start_ns, drop.cause)):
        dropped, again = evidence.in_bytes(drop.dropped_pages), evidence.in_bytes(drop.again_pages)
        if dropped is None or again is None or dropped < EVICTED_LEAST_BYTES or again < REFAULT_SHARE * dropped:
            continue
        if _is_told_as_shortage(evidence, drop):
            continue
        within = f"within {WATCHED_NS // 1_000_000_000} s" if drop.watched else "so far"
        yield found(
            Severity.INFO,
            (evidence.seconds(drop.start_ns), evidence.seconds(drop.end_ns)),
            _sentence(drop, mib(dropped), mib(again), within),
            {"dropped_pages": drop.dropped_pages or 0, "again_pages": drop.again_pages or 0},
            cost=cost_of(None, again),
            is_open=not drop.watched,
            quality=Quality.INFERRED,
        )


def _is_told_as_shortage(evidence: Evidence, drop: CacheDrop) -> bool:
    """Whether the balloon moved in a shortage of memory: what is read again then is told there."""
    from ...contention.cache_drops import WATCHED_NS

    told = [shortage for shortage in evidence.shortages if shortage.starves or shortage.thrashes]
    until_ns = drop.end_ns + WATCHED_NS
    return drop.cause == "balloon" and any(
        shortage.start_ns <= until_ns and shortage.end_ns >= drop.start_ns for shortage in told
    )


def _sentence(drop: CacheDrop, dropped: str, again: str, within: str) -> str:
    who = _WHO[drop.cause].format(dropped=dropped)
    grew = drop.cause == "drop_caches"
    return f"{who}{', ' if grew else '; '}{(_GREW if grew else _READ_AGAIN).format(again=again, within=within)}."


def _together(_analysis: Analysis, drops: Sequence[Finding], page_bytes: int) -> str:
    if len(drops) == 1:
        return ""
    again = sum(drop.numbers["again_pages"] for drop in drops)
    return f"{len(drops):,} such drops, {mib(again * page_bytes)} read again in total"


KIND: Final = Kind(
    name="dropped_cache",
    number=25,
    title="Page cache was dropped and read again",
    clause="page cache that was dropped without pressure was read again",
    needs=(REFAULTS,),
    rule=_drops,
    together=_together,
    explanation=Explanation(
        meaning=(
            "Something took page cache from the guest without memory pressure, by drop_caches, "
            "memory.reclaim, DAMON or a short pulse of the balloon, and the guest soon read much of it again. "
            "Those reads are the price of the memory that was briefly gained."
        ),
        computed=(
            "Dropped: the decrease of the file pages on the LRU lists where the counter drop_pagecache grew; "
            "pages that proactive reclaim, DAMON or MADV_PAGEOUT reclaimed according to events; pages evicted "
            "while the balloon inflated, if it gave back at least half of what it took within 60 s (unless "
            "`starved` or `thrashing` covers it). Drops with pauses of at most 10 s are one. Read again: "
            "`workingset_refault_file` until 60 s after the end or until the next drop, minus as many pages "
            "as others evicted meanwhile, and no more than what was dropped. After drop_caches, which leaves "
            "the kernel no shadow entries, it is how far the file pages grew again, some of which may be "
            "other files. Reported from 64 MiB, of which at least 30% came back."
        ),
        causes=(
            "A script or a person that writes to drop_caches now and then in the belief that it helps.",
            "A proactive reclaim policy that asks for more than is cold.",
            "A host policy that inflates briefly to make the guest free page cache.",
        ),
        advice=(
            "Stop the job that writes to drop_caches: the kernel frees page cache when memory is needed.",
            "Have proactive reclaim stop when refaults or memory pressure (PSI) rise, as senpai does.",
            "Use free page reporting, and let the guest decide what to keep.",
        ),
        helped="Under the same load, the guest reads less from disk, and `workingset_refault_file` stops growing.",
        references=(
            "fs/drop_caches.c: drop_caches_sysctl_handler()",
            "mm/vmscan.c: remove_mapping() leaves no shadow entry, shrink_folio_list() does",
            "Documentation/admin-guide/cgroup-v2.rst: memory.reclaim",
            "Documentation/admin-guide/sysctl/vm.rst: drop_caches",
        ),
    ),
)
