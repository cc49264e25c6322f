"""Stretches in which the guest was short of memory of which the balloon held enough and gave nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ...model import Analysis, Finding
from ...sizes import mib
from ...terms import Quality, Severity
from ..kind import Explanation, Kind, found
from ..needs import BALLOON_SIZE, SHORTAGE

if TYPE_CHECKING:
    from ...contention.shortages import Shortage
    from ..evidence import Evidence

CRITICAL_SHARE: Final = 0.2
"""Of the time, in the worst 10 s: where tasks wait for more than that, services time out."""


def _starved(evidence: Evidence) -> Iterator[Finding]:
    from .. import shortage_words

    for shortage in evidence.shortages:
        if not shortage.starves:
            continue
        is_open = evidence.shortage_lasts(shortage)
        start_s, end_s = evidence.seconds(shortage.start_ns), evidence.seconds(shortage.end_ns)
        text = (
            f"{shortage_words.paid(evidence, shortage)}, while the balloon held {_held(evidence, shortage)} and gave "
            f"nothing in {end_s - start_s:,.1f} s{' so far' * is_open}.{_helps(evidence, shortage)}"
            f"{shortage_words.why_nothing_came_back(evidence, shortage)}"
        )
        numbers = shortage_words.numbers(shortage)
        if share := _share(evidence, shortage):
            numbers["balloon_share"] = share
        yield found(
            _severity(shortage),
            (start_s, end_s),
            text,
            numbers,
            cost=shortage_words.cost(evidence, shortage),
            is_open=is_open,
            quality=Quality.INFERRED,
        )


def _severity(shortage: Shortage) -> Severity:
    waiting = max(shortage.waiting_share or 0.0, shortage.full_share or 0.0)
    return Severity.CRITICAL if shortage.kills or waiting >= CRITICAL_SHARE else Severity.WARNING


def _share(evidence: Evidence, shortage: Shortage) -> float | None:
    held_bytes = evidence.in_bytes(shortage.held_pages)
    return held_bytes / shortage.full_bytes if held_bytes and shortage.full_bytes else None


def _held(evidence: Evidence, shortage: Shortage) -> str:
    share = _share(evidence, shortage)
    of_memory = "" if share is None else f" ({share:.0%} of the guest's memory)"
    return evidence.mib(shortage.held_pages or 0) + of_memory


def _helps(evidence: Evidence, shortage: Shortage) -> str:
    if shortage.out_pages is None:
        return " Whether giving it back would have been enough can't be told: refaults were not sampled."
    if not shortage.reads_again:
        return ""
    return f" Giving back {evidence.mib(shortage.out_pages)} would have kept this load's page cache in memory."


def _together(_analysis: Analysis, stretches: Sequence[Finding], page_bytes: int) -> str:
    if len(stretches) == 1:
        return ""
    waited_s = sum(stretch.numbers["stall_s"] for stretch in stretches)
    refaults = sum(stretch.numbers.get("refault_pages", 0) for stretch in stretches)
    again = f" and {mib(refaults * page_bytes)} read again" if refaults else ""
    return f"{len(stretches):,} such stretches, {waited_s:,.1f} s of waiting{again} in all"


KIND: Final = Kind(
    name="starved",
    number=5,
    title="The balloon holds what the guest lacks",
    clause="the guest was short of memory while the balloon gave nothing",
    needs=(SHORTAGE, BALLOON_SIZE),
    rule=_starved,
    together=_together,
    told_open=True,
    explanation=Explanation(
        meaning=(
            "The guest was short of memory: it evicted page cache and read it from disk again, its tasks waited for "
            "reclaim, or the OOM killer killed one. All the while a balloon held a good part of the guest's memory "
            "and gave none of it back. The host has the memory, the guest pays for it. Nothing moves, so a look at "
            "the balloon's traffic shows nothing wrong."
        ),
        computed=(
            "The balloon held 10% and more of the guest's memory (64 MiB and more where that is not known) and no "
            "page left it for 10 s. In such a piece of 10 to 60 s, 64 MiB and more of page cache were evicted and 30%"
            " of that read again (pgsteal_file and workingset_refault_file in /proc/vmstat), or some task waited in "
            "direct reclaim for 5% of the time, or all tasks did (PSI memory full, where the machine reclaimed and "
            "the balloon did not inflate), or the OOM killer killed. Pieces that follow each other are one finding. "
            "Reclaim of memory cgroups at their own limits is taken off: no balloon helps against that. The guest's "
            "memory is MemTotal, plus what the balloon holds unless DEFLATE_ON_OOM is on, with which the driver "
            "leaves MemTotal as it is. It must have helped to give: pages evicted and not read again are what this "
            "load would use beyond what it has, and they are no more than what the balloon held; else it is "
            "`thrashing`. Without samples of refaults the finding says that this could not be told. Critical from 20%"
            " of waiting in the worst 10 s, and with a kill."
        ),
        causes=(
            (
                "The host's target is higher than what the guest can spare now: it was set when the guest was idle, "
                "or a fixed minimum of memory was configured."
            ),
            "DEFLATE_ON_OOM is off: the guest can take nothing back by itself.",
            (
                "DEFLATE_ON_OOM is on, but its notifier is asked only when reclaim has failed altogether. Evicting "
                "page cache that is needed again is no failure to the kernel."
            ),
        ),
        advice=(
            "Lower the host's target by what is out (`out_pages`: evicted and not read again), and by a margin.",
            (
                "Let the host's policy follow the guest's own numbers (the balloon's statistics queue: available "
                "memory, major faults; on Linux 6.12 and newer allocation stalls), not only its free memory."
            ),
            "Consider free page reporting instead of a standing balloon: it gives only what is free.",
        ),
        helped=(
            "Under the same load `workingset_refault_file` grows hardly any more and tasks' waiting in direct reclaim"
            " goes to nearly nothing; compare `refault_pages` and `stall_s` of the two recordings."
        ),
        references=(
            "mm/page_alloc.c: __alloc_pages_slowpath() asks out_of_memory() only after reclaim has failed",
            (
                "drivers/virtio/virtio_balloon.c: virtio_balloon_oom_notify(); without DEFLATE_ON_OOM fill_balloon() "
                "calls adjust_managed_page_count()"
            ),
            "mm/workingset.c: workingset_refault()",
            "Documentation/accounting/psi.rst",
        ),
    ),
)
