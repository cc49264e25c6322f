"""The recording itself: what it is of, what came, what was lost."""

from __future__ import annotations

from ..analyze.terms import Quality
from ..batch import UNKNOWN_KIND
from ..live.model import State
from ..schema import KIND_BY_NAME
from .bounded import label_value
from .families import Families
from .results import Results


def tell_recording(results: Results, families: Families) -> None:
    """Which recording it is, and whether it goes on."""
    facts = results.facts.metadata
    families.gauge(
        "recording_info",
        "What is recorded; an empty label is unknown, or there is none.",
        1,
        version=label_value(facts.tool_version),
        kernel_release=label_value(facts.kernel_release),
        balloon_driver=label_value(facts.balloon.driver or ""),
        reclaim_path=results.analysis.balloon.reclaim_path,
    )
    families.gauge("recording_active", "1 while it is being recorded, 0 when it is over.", int(results.goes_on))
    started_s = facts.start_utc_ns / 1e9 if facts.start_utc_ns else None
    families.gauge("recording_start_time_seconds", "When it began, since the epoch.", started_s)
    families.gauge("recording_duration_seconds", "How long what is told here lasted.", results.look.time_s)
    families.gauge("lag_seconds", "How far what is told here lies behind now.", results.lag_s)
    if results.state:
        for state in State:
            families.gauge("state", "1 for the state of the machine.", int(state is results.state), state=state.value)
    _tell_qualities(results, families)


def tell_stream(results: Results, families: Families) -> None:
    """Events, and those that were lost."""
    accounting = results.analysis.accounting
    traced = {kind for kind in results.facts.metadata.kinds_traced if kind in KIND_BY_NAME}
    for kind in sorted(traced | accounting.events_by_kind.keys()):
        count = accounting.events_by_kind.get(kind, 0)
        families.counter("events", "Events recorded.", count, kind=kind)
    for kind in sorted(traced | accounting.lost.keys() | {UNKNOWN_KIND}):
        families.counter("events_lost", "Events that were lost.", accounting.lost.get(kind, 0), kind=kind)
    lossy_s = sum(end_s - start_s for start_s, end_s, _ in accounting.lost_stretches)
    families.counter("lossy_seconds", "Time of which events were lost.", lossy_s)
    families.counter("damaged_blocks", "Blocks of the recording that could not be read.", results.facts.bad_blocks)


def _tell_qualities(results: Results, families: Families) -> None:
    of = {"balloon": results.look.moved.quality, "balloon_size": results.balloon.quality}
    for (tier, _), supply in results.look.supplies.items():
        of[tier.label] = max(of.get(tier.label, Quality.MEASURED), supply.quality, key=[*Quality].index)
    for name, quality in of.items():
        for each in Quality:
            told = "1 for how the numbers of the balloon or a tier were had."
            families.gauge("quality", told, int(each is quality), of=name, quality=each.value)
