"""Page cache that is evicted and read again because the load is larger than the guest's memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ...model import Analysis, Finding
from ...sizes import mib
from ...terms import Severity
from ..kind import Explanation, Kind, found
from ..needs import REFAULTS, lasting

if TYPE_CHECKING:
    from ...contention.shortages import Shortage
    from ..evidence import Evidence


def _thrashing(evidence: Evidence) -> Iterator[Finding]:
    from .. import shortage_words

    for shortage in evidence.shortages:
        if not shortage.thrashes:
            continue
        is_open = evidence.shortage_lasts(shortage)
        more = evidence.mib(shortage.out_pages or 0)
        text = (
            f"{shortage_words.paid(evidence, shortage)}{' so far' * is_open}: this load needs about {more} more "
            f"memory than it has{_beyond(evidence, shortage)}."
        )
        yield found(
            Severity.WARNING if evidence.tasks_wait(shortage) else Severity.INFO,
            (evidence.seconds(shortage.start_ns), evidence.seconds(shortage.end_ns)),
            text,
            shortage_words.numbers(evidence, shortage),
            cost=shortage_words.cost(evidence, shortage),
            is_open=is_open,
        )


def _beyond(evidence: Evidence, shortage: Shortage) -> str:
    if not shortage.holds:
        return ""
    return f", more than the {evidence.mib(shortage.held_pages or 0)} that the balloon holds"


def _together(_analysis: Analysis, stretches: Sequence[Finding], page_bytes: int) -> str:
    if len(stretches) == 1:
        return ""
    refaults = sum(stretch.numbers["refault_pages"] for stretch in stretches)
    return f"{len(stretches):,} such stretches, {mib(refaults * page_bytes)} read again in total"


KIND: Final = Kind(
    name="thrashing",
    number=18,
    title="The load is larger than the guest's memory",
    clause="page cache was evicted and read again: the load is larger than the memory",
    needs=(REFAULTS, lasting(10)),
    rule=_thrashing,
    together=_together,
    told_open=True,
    explanation=Explanation(
        meaning=(
            "Page cache was evicted and soon read from disk again: the files that this load reads do not fit "
            "into memory with everything else. No balloon is to blame: there is none, or it holds less than "
            "what is missing."
        ),
        computed=(
            "In a window of 10 to 60 s, at least 64 MiB of page cache were evicted for the machine and 30% of "
            "that read again (pgsteal_file and workingset_refault_file in /proc/vmstat, without what memory "
            "cgroups reclaimed at their own limits). Consecutive windows are one finding. The missing memory "
            "is what was evicted and not read again in that stretch: an estimate, too high where the load "
            "also reads much that it needs only once. Where the balloon holds that much and releases nothing, "
            "it is `starved`. A warning where some task waited in direct reclaim for 5% of the time in the "
            "worst 10 s, otherwise information."
        ),
        causes=(
            "The load repeatedly reads more than fits into memory.",
            "A memory leak or a large process leaves too little memory for page cache.",
            "Large one-off reads (a backup, a scan) push out what others need.",
        ),
        advice=(
            "Give the guest more memory, at least what is missing (`out_pages`), or make the load read less.",
            "Read large one-off files without the cache (O_DIRECT, posix_fadvise DONTNEED).",
            (
                "Put readers that do not need the cache into a memory cgroup with a limit (memory.high), so that "
                "they evict only their own pages."
            ),
        ),
        helped="`workingset_refault_file` grows more slowly under the same load, and the load reads less from disk.",
        references=(
            "mm/workingset.c: refault distance",
            "commit a528910e12ec: refault detection through shadow entries (Linux 3.15)",
        ),
    ),
)
