"""A balloon that keeps what tasks wait for, and a worker that does not come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..balloon.size import balloon_pages
from ..model import Episode, Finding
from ..terms import Quality, Severity
from .evidence import Evidence, finding

_HELD_LEAST_BYTES: Final = 64 << 20
"""A balloon that holds less could hardly have helped."""
_WAITED_LEAST_S: Final = 1.0
"""Tasks that waited less in an episode, all together, do not starve."""
_HUNG_S: Final = 120.0
"""From here on the kernel itself calls a task hung: CONFIG_DEFAULT_HUNG_TASK_TIMEOUT in lib/Kconfig.debug."""

_LAST_TEXT: Final = {
    "tell_host": "tell_host, waiting for the host",
    "fill_balloon_begin": "fill_balloon",
    "leak_balloon_begin": "leak_balloon",
    "direct_reclaim_begin": "direct reclaim (global)",
}


def starved(evidence: Evidence) -> Iterator[Finding]:
    """Episodes in which tasks waited for memory of which the balloon held much and gave nothing."""
    for episode in evidence.analysis.episodes:
        waited = episode.global_waits
        if waited is None or waited.stall_s < _WAITED_LEAST_S or _gave(evidence, episode):
            continue
        held = balloon_pages(evidence.analysis, evidence.metadata.page_size_bytes, episode.end_s)
        if held is None or held * evidence.metadata.page_size_bytes < _HELD_LEAST_BYTES:
            continue
        priority = "" if waited.min_priority is None else f", down to priority {waited.min_priority}"
        text = (
            f"Tasks waited {waited.stall_s:.1f} s in direct reclaim (global){priority}, while the balloon held "
            f"{evidence.mib(held)} and gave nothing."
        )
        numbers: dict[str, float] = {"balloon_pages": held, "stall_s": waited.stall_s, "stalls": waited.stalls}
        if waited.min_priority is not None:
            numbers["min_priority"] = waited.min_priority
        when = (episode.start_s, episode.end_s)
        yield finding("starved", Severity.WARNING, when, text, numbers, Quality.INFERRED)


def _gave(evidence: Evidence, episode: Episode) -> bool:
    """Whether pages left the balloon in it, for whatever reason."""
    return any(
        step.pages < 0 and step.end_s >= episode.start_s and step.start_s <= episode.end_s
        for step in evidence.analysis.steps
    )


def worker_stuck(evidence: Evidence) -> Iterator[Finding]:
    """Runs of the balloon's worker that had not returned for long when the recording ended."""
    for stuck in evidence.balloon.stuck.found:
        since_s, until_s = evidence.seconds(stuck.run.begin_ns), evidence.seconds(stuck.until_ns)
        last = _LAST_TEXT.get(stuck.last_kind, stuck.last_kind)
        seen = f", last seen in {last}, at {evidence.seconds(stuck.last_ns):.3f} s" if last else ""
        text = (
            f"The balloon's worker has been inside one run since {since_s:.3f} s and had not returned after "
            f"{until_s - since_s:,.1f} s{seen}."
        )
        severity = Severity.CRITICAL if until_s - since_s >= _HUNG_S else Severity.WARNING
        numbers = {"stuck_s": until_s - since_s, "last_seen_s": evidence.seconds(stuck.last_ns)}
        when = (since_s, until_s)
        yield finding("worker_stuck", severity, when, text, numbers, Quality.LOWER_BOUND, [stuck.run.id])
