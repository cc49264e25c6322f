"""Stretches in which the guest was short of memory of which the balloon held enough and gave nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ...model import Analysis, Finding
from ...sizes import mib
from ...terms import Quality, Severity
from ..kind import Explanation, Kind, found
from ..needs import BALLOON_SIZE, SHORTAGE, if_balloon, lasting

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
            f"{shortage_words.paid(evidence, shortage)}, while the balloon held {_held(evidence, shortage)} "
            f"and released nothing in {end_s - start_s:,.1f} s{' so far' * is_open}.{_helps(evidence, shortage)}"
            f"{shortage_words.why_nothing_came_back(evidence, shortage)}"
        )
        numbers = shortage_words.numbers(evidence, shortage)
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
    notes = [] if share is None else [f"{share:.0%} of the guest's memory"]
    notes += ["by the host's log"] * evidence.sized_by_host
    return evidence.mib(shortage.held_pages or 0) + (f" ({', '.join(notes)})" if notes else "")


def _helps(evidence: Evidence, shortage: Shortage) -> str:
    if shortage.out_pages is None:
        return " Refaults were not sampled, so it is not known whether deflating would have been enough."
    if not shortage.reads_again:
        return ""
    return f" Giving back {evidence.mib(shortage.out_pages)} would have kept this load's page cache in memory."


def _together(_analysis: Analysis, stretches: Sequence[Finding], page_bytes: int) -> str:
    if len(stretches) == 1:
        return ""
    waited = [stretch.numbers["stall_s"] for stretch in stretches if "stall_s" in stretch.numbers]
    refaults = sum(stretch.numbers.get("refault_pages", 0) for stretch in stretches)
    sums = [f"{sum(waited):,.1f} s of waiting"] * bool(waited)
    sums += [f"{mib(refaults * page_bytes)} read again"] * bool(refaults)
    return f"{len(stretches):,} such stretches, {' and '.join(sums)} in total"


KIND: Final = Kind(
    name="starved",
    number=5,
    title="The balloon holds memory that the guest needs",
    clause="the guest was short of memory while the balloon released nothing",
    needs=(SHORTAGE, BALLOON_SIZE, if_balloon(lasting(10))),
    rule=_starved,
    together=_together,
    told_open=True,
    explanation=Explanation(
        meaning=(
            "The guest was short of memory: it evicted page cache and read it from disk again, its tasks "
            "waited for reclaim, or the OOM killer killed one. Meanwhile a balloon held much of the guest's "
            "memory and released none of it. The host has the memory, the guest pays for it. Nothing moves, "
            "so the balloon's traffic alone shows no problem."
        ),
        computed=(
            "The balloon held at least 10% of the guest's memory (at least 64 MiB where that is not known) "
            "and no page left it for 10 s. In such a window of 10 to 60 s, at least 64 MiB of page cache were "
            "evicted and 30% of that read again (pgsteal_file and workingset_refault_file in /proc/vmstat), "
            "or some task waited in direct reclaim for 5% of the time, or all tasks did (PSI memory full, "
            "where the machine reclaimed and the balloon did not inflate), or the OOM killer killed. "
            "Consecutive windows are one finding. Reclaim of memory cgroups at their own limits is "
            "subtracted: no balloon helps against that. The guest's memory is MemTotal, plus what the balloon "
            "holds unless DEFLATE_ON_OOM is on, with which the driver leaves MemTotal unchanged. If only the "
            "host's log tells the balloon's size, it is what the guest has less than the most the log says "
            "it ever had, or than MemTotal: at least that much. Deflating "
            "must be able to help: pages evicted and not read again are what this load would use beyond its "
            "memory, and they must be no more than what the balloon held; otherwise it is `thrashing`. "
            "Without refault samples the finding says that this could not be checked. Critical from 20% of "
            "waiting in the worst 10 s, and with a kill."
        ),
        causes=(
            (
                "The host's target is higher than what the guest can spare now: it was set when the guest was "
                "idle, or a fixed minimum of memory was configured."
            ),
            "DEFLATE_ON_OOM is off: the guest can't take anything back on its own.",
            (
                "DEFLATE_ON_OOM is on, but the kernel calls the notifier only when reclaim has failed altogether. "
                "Evicting page cache that is needed again counts as success."
            ),
        ),
        advice=(
            "Lower the host's target by `out_pages` (evicted and not read again) plus a margin.",
            (
                "Base the host's policy on the guest's own statistics (the balloon's statistics queue: available "
                "memory, major faults; on Linux 6.12 and newer allocation stalls), not only on its free memory."
            ),
            "Consider free page reporting instead of a standing balloon: it takes only free pages.",
        ),
        helped=(
            "Under the same load, `workingset_refault_file` hardly grows and tasks hardly wait in direct "
            "reclaim; compare `refault_pages` and `stall_s` of the two recordings."
        ),
        references=(
            "mm/page_alloc.c: __alloc_pages_slowpath() calls out_of_memory() only after reclaim has failed",
            (
                "drivers/virtio/virtio_balloon.c: virtio_balloon_oom_notify(); without DEFLATE_ON_OOM fill_balloon() "
                "calls adjust_managed_page_count()"
            ),
            "mm/workingset.c: workingset_refault()",
            "Documentation/accounting/psi.rst",
        ),
    ),
)
