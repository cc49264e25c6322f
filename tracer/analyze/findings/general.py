"""What deserves attention, each in one plain sentence with its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..model import Finding, known_sum
from ..naming import reclaim_in
from ..terms import Severity, Tier
from . import balloon as balloon_findings
from .evidence import Evidence, finding
from .kswapd import kswapd_gave_up
from .starving import starved, worker_stuck

_SHARE_FACTOR: Final = 3.0
"""A shrinker is out of proportion when its share of the scanning is so many times its share of the items..."""
_SHARE_LEAST: Final = 0.10
"""...and at least this much of all scanning, ..."""
_CALLS_LEAST: Final = 100
_SCANNED_LEAST: Final = 10_000
"""...over at least so many calls and objects: less than that is scanned within milliseconds and shows nothing."""
_RECORDER_LEAST: Final = 0.05
"""Share of direct reclaim, by pages or by waiting, from which on the recorder's own is worth a word."""
_REFAULT_LEAST: Final = 256
"""Refaulted pages (1 MiB of 4 KiB pages) below which evicted cache that came back is not worth a word."""

_ORDER: Final = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}


def find(evidence: Evidence) -> list[Finding]:
    """All findings, the most severe first, numbered; those that overlap a lost stretch say so."""
    rules = (
        balloon_findings.kills,
        worker_stuck,
        starved,
        kswapd_gave_up,
        balloon_findings.storms,
        balloon_findings.cycles,
        balloon_findings.conflicts,
        balloon_findings.taps,
        balloon_findings.puffs,
        balloon_findings.lag,
        balloon_findings.constrained,
        _shrinkers,
        _refaults,
        _recorder,
        _modules,
        _lost,
    )
    findings = [found for rule in rules for found in rule(evidence)]
    findings.sort(key=lambda found: (_ORDER[found.severity], found.start_s, found.kind))
    for number, found in enumerate(findings, 1):
        found.id = number
        if found.kind != "lost" and _touches_loss(evidence, found):
            found.text += " Events were lost in this stretch, so the numbers are a lower bound."
    return findings


def _touches_loss(evidence: Evidence, found: Finding) -> bool:
    stretches = evidence.analysis.accounting.lost_stretches
    return any(start <= found.end_s and found.start_s <= end for start, end, _ in stretches)


def _shrinkers(evidence: Evidence) -> Iterator[Finding]:
    for shrinker in evidence.analysis.shrinkers:
        scans, size, scanned = shrinker.scan_share, shrinker.size_share, shrinker.scanned
        if scans is None or size is None or scanned is None:
            continue
        if shrinker.calls < _CALLS_LEAST or scanned < _SCANNED_LEAST:
            continue
        if scans <= _SHARE_FACTOR * size or scans < _SHARE_LEAST:
            continue
        text = (
            f"Shrinker {shrinker.name} did {scans:.0%} of all scanning with {size:.0%} of "
            f"the cache items: {scanned:,} objects in {shrinker.calls:,} calls and {shrinker.busy_s:.3f} s."
        )
        numbers = {"scan_share": scans, "size_share": size, "busy_s": shrinker.busy_s}
        yield finding("shrinker_share", Severity.INFO, (0.0, evidence.analysis.duration_s), text, numbers)


def _refaults(evidence: Evidence) -> Iterator[Finding]:
    refaults = evidence.series.growth("vmstat.workingset_refault_file")
    evicted = known_sum(row.file_pages for row in evidence.analysis.tiers if row.tier > Tier.PROACTIVE)
    if refaults is None or refaults < _REFAULT_LEAST or not evicted:
        return
    text = (
        f"{evidence.mib(refaults)} of page cache were read again after eviction ({evidence.mib(evicted)} of file pages "
        f"were reclaimed)."
    )
    numbers = {"refault_pages": refaults, "reclaimed_file_pages": evicted}
    yield finding("refault", Severity.INFO, (0.0, evidence.analysis.duration_s), text, numbers)


def _recorder(evidence: Evidence) -> Iterator[Finding]:
    own = evidence.analysis.recorder
    direct = next((row for row in evidence.analysis.tiers if row.tier is Tier.DIRECT), None)
    if own is None or direct is None:
        return
    pages = known_sum((direct.off_lru_pages, direct.slab_pages)) or 0
    waited_s = sum(stall.stall_s for stall in evidence.analysis.stalls if stall.tier is Tier.DIRECT)
    pages_share, stall_share = own.pages / max(pages, own.pages, 1), own.stall_s / (waited_s or 1.0)
    if max(pages_share, stall_share) < _RECORDER_LEAST:
        return
    text = (
        f"The recorder itself reclaimed {evidence.mib(own.pages)}, {pages_share:.0%} of what "
        f"{reclaim_in(direct)} gave, and waited {own.stall_s:.3f} s for it ({stall_share:.0%} of all waiting)."
    )
    numbers = {"pages": own.pages, "stall_s": own.stall_s, "pages_share": pages_share, "stall_share": stall_share}
    yield finding("recorder_share", Severity.WARNING, (0.0, evidence.analysis.duration_s), text, numbers)


def _modules(evidence: Evidence) -> Iterator[Finding]:
    for change in evidence.balloon.modules.changes:
        when = evidence.seconds(change.time_ns)
        verb, what = (
            ("loaded", "Its functions and its OOM callback are not traced")
            if change.loaded
            else ("unloaded", "What it does if it is loaded again is not traced")
        )
        text = f"Module {change.name} was {verb} while tracing. {what} by this recording: start a new one."
        yield finding("module", Severity.WARNING, (when, when), text, {"loaded": int(change.loaded)})


def _lost(evidence: Evidence) -> Iterator[Finding]:
    accounting = evidence.analysis.accounting
    if not accounting.lost_total:
        return
    start_s = min(stretch[0] for stretch in accounting.lost_stretches)
    end_s = max(stretch[1] for stretch in accounting.lost_stretches)
    share = accounting.lost_total / (accounting.lost_total + accounting.events)
    why = (
        "by the tracer that they come from"
        if evidence.metadata.imported_from
        else "because the buffer was full (a larger --buffer-size holds more) or the kernel skipped the program"
    )
    text = f"{accounting.lost_total:,} events ({share:.1%}) were lost {why}."
    yield finding("lost", Severity.WARNING, (start_s, end_s), text, {"lost": accounting.lost_total})
