"""Balloon pages taken before reclaim was under pressure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ...model import Analysis, Episode, Finding, TierRow
from ...naming import tap_in
from ...sizes import mib
from ...terms import Cause, Severity
from ..kind import Explanation, Kind, cost_of, found
from ..needs import LEAKS
from ..taps import early_taps

if TYPE_CHECKING:
    from ..evidence import Evidence


def _taps(evidence: Evidence) -> Iterator[Finding]:
    for episode in evidence.analysis.episodes:
        for row in early_taps(episode):
            yield _premature(evidence, episode, row, row.balloon_pages or 0)


def _premature(evidence: Evidence, episode: Episode, row: TierRow, pages: int) -> Finding:
    at_start = row.balloon_pages_at_def_priority
    early = f", {evidence.mib(at_start)} of them at priority 12, before reclaim tried any harder" if at_start else ""
    text = (
        f"{evidence.mib(pages)} were taken from the balloon as early as {tap_in(row)}{early}: "
        f"the balloon shrank although reclaim could still free page cache."
    )
    return found(
        Severity.WARNING,
        (episode.start_s, episode.end_s),
        text,
        {"balloon_pages": pages, "balloon_pages_at_def_priority": at_start},
        cost=cost_of(None, evidence.in_bytes(pages)),
        is_open=evidence.lasts(episode.end_s, evidence.options.gap_s),
        quality=evidence.balloon.leak_quality,
    )


def _together(analysis: Analysis, taps: Sequence[Finding], page_bytes: int) -> str:
    pages = analysis.balloon.leaked_pages.get(Cause.SHRINKER)
    return f"the balloon's shrinker released {mib(pages * page_bytes)} in total" if pages and len(taps) > 1 else ""


KIND: Final = Kind(
    name="premature_tap",
    number=7,
    title="The balloon is tapped too early",
    clause="the balloon released pages although reclaim could still free page cache",
    needs=(LEAKS,),
    rule=_taps,
    together=_together,
    explanation=Explanation(
        meaning="The balloon deflated as soon as the kernel started to reclaim, along with the page cache. "
        "A guest that merely reads files undoes what the host asked for, and the host will ask "
        "again.",
        computed="Pages that left the balloon through its shrinker, in background or direct reclaim of an episode. "
        "Those at priority 12 left at the first and gentlest pass, when reclaim had scanned hardly any page "
        "cache.",
        causes=(
            (
                "The kernel's balloon driver registers a shrinker (Linux 4.19 to 5.7), and shrinkers have no order of "
                "preference."
            ),
            "A driver of another hypervisor does so by choice (VMware's, off by default).",
        ),
        advice=(
            "Use a kernel in which virtio-balloon deflates through the OOM notifier (5.8 and newer).",
            "If you can't: do not negotiate DEFLATE_ON_OOM, and have the host deflate by the guest's statistics.",
        ),
        helped="Under the same load, pages leave the balloon only in tier `oom_notify` or at the host's request.",
        references=(
            "commit 71994620bb25: virtio-balloon deflates through a shrinker (Linux 4.19)",
            "commit da10329cb057: back to the OOM notifier (Linux 5.8)",
            "mm/vmscan.c (since 6.7 mm/shrinker.c): shrink_slab() scans every shrinker in proportion to its objects",
        ),
    ),
)
