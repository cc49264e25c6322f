"""What reclaim cost: pages read again, tasks that waited, and the kernel's own measure of it (PSI)."""

from __future__ import annotations

from typing import Final

import numpy as np

from ...analyze.findings.needs import WAIT_KINDS
from ...analyze.sizes import MIB
from ...wording.evidence import seen_of
from ...wording.numbers import seconds
from ..section import Source
from ..series import Floats, rates
from ..table import none_seen
from .model import Level, Look, Row

_REFAULTS: Final = (
    (Look("file", "var(--mem-file)", "line"), ("vmstat.workingset_refault_file", "vmstat.workingset_refault")),
    (Look("anon", "var(--mem-anon)", "line"), ("vmstat.workingset_refault_anon",)),
)
_PRESSURE: Final = (("some", "var(--psi-some)"), ("full", "var(--psi-full)"))


def refault_row(source: Source) -> Row:
    """Pages that had been evicted and were read again, as a rate between readings."""
    row = Row("refaults", "Pages read again after eviction", "MiB/s", 50)
    samples, scale = source.analysis.samples, source.page_bytes / MIB
    sampled, words = False, []
    for look, names in _REFAULTS:
        counter = next((samples[name] for name in names if name in samples), None)
        if counter is None:
            continue
        sampled = True
        time_s, rate = rates(counter.time_s, counter.values)
        if rate.any():
            row.series.append(Level(look, time_s, rate * scale, "vh"))
            words.append(f"{look.name} {(counter.values[-1] - counter.values[0]) * scale:,.1f} MiB")
    quiet = "Refaults were sampled; no page was read again." if sampled else "Refaults were not sampled."
    row.words = f"Read again: {'; '.join(words)}." if words else quiet
    return row


def waiting_row(source: Source) -> Row:
    """How many tasks waited in direct reclaim at once: their waiting added up over the time it took."""
    timeline = source.analysis.timeline
    row = Row("waiting", "Tasks waiting in direct reclaim", f"tasks at once, over {seconds(timeline.bucket_s)}", 50)
    waited = timeline.series.get("direct.stall_s")
    if waited is None or not waited.any():
        seen = seen_of(source.analysis, source.facts, WAIT_KINDS)
        none = "No task waited in direct reclaim."
        row.words = none_seen(none, "No task was seen waiting in direct reclaim", seen=seen)
        return row
    share: Floats = waited / timeline.bucket_s
    time_s: Floats = np.arange(len(share), dtype=np.float64) * timeline.bucket_s
    row.series.append(Level(Look("waiting", "var(--tier-2)", "line"), time_s, share, "hv"))
    row.words = f"All tasks together waited {seconds(float(waited.sum()))}, at most {share.max():,.1f} at once."
    return row


def pressure_row(source: Source) -> Row:
    """Memory pressure: the share of time in which some or all tasks waited for memory."""
    row = Row("pressure", "Memory pressure (PSI)", "share of time waiting for memory", 50, suffix=" %")
    words: list[str] = []
    sampled = False
    for name, color in _PRESSURE:
        quantity = source.analysis.samples.get(f"psi.memory.{name}_total_us")
        if quantity is None or not len(quantity.values):
            continue
        sampled = True
        time_s, rate = rates(quantity.time_s, quantity.values)
        if not rate.any():
            continue
        row.series.append(Level(Look(name, color, "line"), time_s, rate / 1e4, "vh"))
        stalled = float(quantity.values[-1] - quantity.values[0]) / 1e6
        words.append(f"{name} waited {seconds(stalled)} in all, at most {rate.max() / 1e4:.1f} % of a sample's time")
    quiet = "Pressure was sampled; no task waited for memory." if sampled else "Memory pressure was not sampled."
    row.words = f"Tasks waiting for memory: {'; '.join(words)}." if words else quiet
    return row
