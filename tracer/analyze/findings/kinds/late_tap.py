"""Balloon pages that came only at the very end, through the OOM notifier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ...model import Analysis, Episode, Finding, Heroics, TierRow
from ...naming import reclaim_in
from ...sizes import mib
from ...terms import Cause, Severity, Tier
from ..kind import Explanation, Kind, cost_of, found
from ..needs import LEAKS, NOTIFICATIONS
from ..taps import SPENT_LEAST_S, row_of, spent_s

if TYPE_CHECKING:
    from ..evidence import Evidence


def _taps(evidence: Evidence) -> Iterator[Finding]:
    for episode, notifications in zip(evidence.analysis.episodes, evidence.notifications, strict=True):
        row = row_of(episode, Tier.OOM_NOTIFY)
        if row and row.balloon_pages:
            yield _late(evidence, episode, row, row.balloon_pages, notifications)


def _late(evidence: Evidence, episode: Episode, row: TierRow, pages: int, notifications: Sequence[int]) -> Finding:
    before = episode.before_notifier or Heroics(row.first_s - episode.start_s, 0.0, 0, 0, None)
    direct, retries = row_of(episode, Tier.DIRECT), row_of(episode, Tier.RETRY)
    spent = spent_s(episode)
    numbers = {
        "before_s": before.before_s,
        "stall_s": before.stall_s,
        "stalls": before.stalls,
        "retries": before.retries,
        "balloon_pages": pages,
        "notifications": row.spans,
        "episode_direct_s": (direct.busy_s if direct else 0.0) or 0.0,
        "episode_retries": retries.spans if retries else 0,
    }
    return found(
        Severity.WARNING if spent >= SPENT_LEAST_S else Severity.INFO,
        (episode.start_s, episode.start_s + before.before_s),
        _text(evidence, episode, row, before, direct),
        numbers,
        cost=cost_of(max(before.stall_s, spent)),
        is_open=evidence.lasts(episode.end_s, evidence.options.gap_s),
        quality=evidence.balloon.leak_quality,
        spans=notifications,
    )


def _text(evidence: Evidence, episode: Episode, row: TierRow, before: Heroics, direct: TierRow | None) -> str:
    reclaim = reclaim_in(direct) if direct else "direct reclaim"
    priority = "" if before.min_priority is None else f", down to priority {before.min_priority}"
    notified = _times(row.spans, "OOM notification", "OOM notifications")
    gave = f"The balloon released {evidence.mib(row.balloon_pages or 0)}, only through {notified}"
    text = (
        f"{gave}. The first came {before.before_s:.2f} s into the episode, after {before.stall_s:.2f} s of stalls in "
        f"{_times(before.stalls, 'call', 'calls')} of {reclaim} and "
        f"{_times(before.retries, 'retry', 'retries')}{priority}"
    )
    if direct:
        text += f"; in the {episode.end_s - episode.start_s:.1f} s of the episode, {reclaim} took"
        text += f" {direct.busy_s or 0.0:.2f} s in {_times(direct.spans, 'call', 'calls')}"
    return f"{text}."


def _times(times: int, one: str, more: str) -> str:
    return f"{times:,} {one if times == 1 else more}"


def _together(analysis: Analysis, taps: Sequence[Finding], page_bytes: int) -> str:
    pages = analysis.balloon.leaked_pages.get(Cause.OOM_NOTIFIER)
    return f"OOM notifiers took {mib(pages * page_bytes)} from the balloon in total" if pages and len(taps) > 1 else ""


KIND: Final = Kind(
    name="late_tap",
    number=8,
    title="The balloon is tapped as the last resort",
    clause="the balloon released pages only as the last resort",
    needs=(LEAKS, NOTIFICATIONS),
    rule=_taps,
    together=_together,
    explanation=Explanation(
        meaning="The guest got memory back from the balloon, but only after direct reclaim and retries had "
        "failed: tasks waited and page cache was evicted, although the balloon could have deflated at once.",
        computed="An episode in which pages left the balloon in an OOM notifier. The work before the first "
        "notification counts from the episode's start: direct reclaim summed over tasks, retries, "
        "the lowest priority. It is a warning where direct reclaim and throttled waits took 0.1 s or "
        "more in the episode, otherwise information.",
        causes=(
            (
                "virtio-balloon deflates through the OOM notifier (Linux 5.8 and newer), which runs just before the "
                "OOM killer and releases 1 MiB per call."
            ),
            "The host's target is too high for the load, and the host does not lower it in time.",
        ),
        advice=(
            (
                "Lower the host's target while the guest still has memory available: have the host poll it every "
                "second (`stat-available-memory` in QEMU's `guest-stats`) and keep a reserve that covers what the "
                "load can allocate between two polls. Once tasks wait, it is too late."
            ),
            "Keep DEFLATE_ON_OOM on: without it the same load ends in a kill.",
        ),
        helped="The same load with no OOM notification, and `stall_s` near 0.",
        references=(
            "mm/oom_kill.c: out_of_memory() runs oom_notify_list and kills nothing where it freed something",
            "drivers/virtio/virtio_balloon.c: VIRTIO_BALLOON_OOM_NR_PAGES (256 pages a call)",
            "mm/page_alloc.c: should_reclaim_retry(), MAX_RECLAIM_RETRIES",
        ),
    ),
)
