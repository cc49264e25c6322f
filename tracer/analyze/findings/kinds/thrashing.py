"""Page cache that is evicted and read again because the load is larger than the guest's memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ...model import Analysis, Finding
from ...sizes import mib
from ...terms import Severity
from ..kind import Explanation, Kind, found
from ..needs import REFAULTS

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
            f"{shortage_words.paid(evidence, shortage)}{' so far' * is_open}: this load would use some {more} more "
            f"memory than it has{_beyond(evidence, shortage)}."
        )
        yield found(
            Severity.WARNING if evidence.tasks_wait(shortage) else Severity.INFO,
            (evidence.seconds(shortage.start_ns), evidence.seconds(shortage.end_ns)),
            text,
            shortage_words.numbers(shortage),
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
    return f"{len(stretches):,} such stretches, {mib(refaults * page_bytes)} read again in all"


KIND: Final = Kind(
    name="thrashing",
    number=18,
    title="The load is larger than the guest's memory",
    clause="page cache was evicted and read again: the load is larger than the memory",
    needs=(REFAULTS,),
    rule=_thrashing,
    together=_together,
    told_open=True,
    explanation=Explanation(
        meaning=(
            "Page cache was evicted and soon read from disk again: what this load reads, with what else is in memory,"
            " does not fit. No balloon is to blame: there is none, or it holds less than what is missing."
        ),
        computed=(
            "In a piece of 10 to 60 s, 64 MiB and more of page cache were evicted for the machine and 30% of that "
            "read again (pgsteal_file and workingset_refault_file in /proc/vmstat, without what memory cgroups "
            "reclaimed at their own limits). Pieces that follow each other are one finding. How much memory is "
            "missing is what was evicted and not read again in that stretch: an estimate, too high where the load "
            "also reads much that it needs only once. Where the balloon holds that much and gives nothing it is "
            "`starved`. A warning where some task waited in direct reclaim for 5% of the time in the worst 10 s, else"
            " for information."
        ),
        causes=(
            "The load reads again and again more than the memory holds.",
            "A leak or a large process leaves too little memory for page cache.",
            "Large reads that are needed once (a backup, a scan) push out what others need.",
        ),
        advice=(
            "Give the guest more memory, by what is missing (`out_pages`) at least, or the load less to read.",
            "Read large files once without the cache (O_DIRECT, posix_fadvise DONTNEED).",
            (
                "Put what reads without need of the cache into a memory cgroup with a limit (memory.high), so that it"
                " evicts its own pages only."
            ),
        ),
        helped="`workingset_refault_file` grows more slowly under the same load, and the load reads less from disk.",
        references=(
            "mm/workingset.c: refault distance",
            "commit a528910e12ec: refaults are detected by shadow entries (Linux 3.15)",
        ),
    ),
)
