"""Recording quality: how each thing was seen, and what was missed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from ..analyze.model import Analysis
from ..analyze.naming import recorder_reclaim, row_label
from ..analyze.terms import Quality
from ..metadata import SourceState
from ..recording_facts import RecordingFacts
from ..wording.balloon_size import miscount
from ..wording.numbers import bytes_, count, mib, plural, seconds, several
from ..wording.recorder import recorder_remarks
from ..wording.scans import silent_scans
from ..wording.tier_pages import tier_miscount
from .section import Content, Source
from .table import MOST_ROWS, NO_VALUE, Cell, Column, Table, first, number, word

_STATE_ORDER: Final = {state: rank for rank, state in enumerate(SourceState)}


@dataclass(frozen=True)
class RecordingQuality:
    """Completeness, loss, the probe plan, absent fields, and what is deduced rather than read."""

    completeness: str
    loss: Table | None
    inferred: str
    plan: Table | None
    plan_words: str
    absent_fields: Table | None


def content(source: Source) -> Content:
    """How far the numbers can be trusted."""
    analysis, facts = source.analysis, source.facts
    return Content(
        RecordingQuality(
            completeness(analysis, facts),
            loss_table(facts),
            inferred_words(analysis, source.page_bytes),
            plan_table(facts),
            _plan_words(facts),
            absent_fields_table(facts),
        )
    )


def _plan_words(facts: RecordingFacts) -> str:
    states = Counter(row.state for row in facts.metadata.plan)
    return ", ".join(f"{count(states[state])} {state}" for state in SourceState if state in states)


def completeness(analysis: Analysis, facts: RecordingFacts) -> str:
    """What the file and its spans lack, as sentences."""
    accounting = analysis.accounting
    words = [f"{plural(accounting.events, 'event')} and {plural(accounting.spans, 'complete span')} were analysed"]
    words[0] += f"; {count(facts.lost_total)} events were lost."
    if facts.complete and not facts.cut_bytes and not facts.bad_blocks:
        words.append("The recording is complete: it has its end marker, and all block checksums are correct.")
    if facts.cut_bytes:
        words.append(f"The recording was cut: {bytes_(facts.cut_bytes)} at its end could not be used.")
    elif facts.source_damage:
        words.append(f"The imported source is damaged ({facts.source_damage}): the rest of it is missing.")
    elif not facts.complete:
        words.append(
            "The recording has no end marker: it stopped abruptly, and everything after the last flush is missing."
        )
    if facts.bad_blocks:
        words.append(f"{plural(facts.bad_blocks, 'block was', 'blocks were')} skipped for a wrong checksum.")
    words += [f"{remark[0].upper()}{remark[1:]}." for remark in recorder_remarks(facts)]
    if (own := analysis.recorder) and own.spans:
        gave = mib(own.pages, facts.metadata.page_size_bytes)
        reclaim = recorder_reclaim(analysis.stalls)
        words.append(f"The recorder itself reclaimed {gave} and waited {seconds(own.stall_s)} in {reclaim}.")
    if accounting.incomplete_spans:
        words.append(
            f"{plural(accounting.incomplete_spans, 'span is', 'spans are')} incomplete: "
            f"{plural(accounting.begins_without_end, 'begin')} without an end, "
            f"{plural(accounting.ends_without_begin, 'end')} without a begin."
        )
    elif accounting.spans:
        words.append("Every span has a begin and an end.")
    if accounting.late_events:
        late = plural(accounting.late_events, "event or reading", "events or readings")
        words.append(f"{late} arrived too late to be put in order.")
    return " ".join(words)


def loss_table(facts: RecordingFacts) -> Table | None:
    """Lost events by kind; None when none was lost."""
    lost = sorted(((kind, n) for kind, n in facts.lost.items() if n), key=lambda item: -item[1])
    if not lost:
        return None
    shown, note = first(lost, "kind", "most lost first")
    columns = (Column("Kind of event"), Column("Lost", True))
    cells = [[word(kind, "code"), number(count(n), n)] for kind, n in shown]
    return Table("Lost events", columns, cells, titled=True, note=note)


def plan_table(facts: RecordingFacts) -> Table | None:
    """Which way of seeing each thing was used, and why the others were not; None for a recording without a plan."""
    if not facts.metadata.plan:
        return None
    columns = (Column("What"), Column("Source"), Column("State"), Column("Reason"))
    rows = sorted(facts.metadata.plan, key=lambda row: _STATE_ORDER[row.state])
    shown, note = first(rows, "source", "used ones first")
    cells = [
        [
            word(row.what, "code"),
            word(row.source, "code"),
            Cell(str(row.state), float(_STATE_ORDER[row.state]), badge=f"state-{row.state}"),
            word(row.reason or NO_VALUE, "quiet"),
        ]
        for row in shown
    ]
    return Table("Probe plan", columns, cells, sortable=True, css="prose plan", titled=True, note=note)


def absent_fields_table(facts: RecordingFacts) -> Table | None:
    """Fields that this kernel's events, or an import's text, do not have; None when they have all."""
    kinds: dict[str, list[str]] = {}
    for kind, fields in facts.metadata.absent_fields.items():
        for name in fields:
            kinds.setdefault(name, []).append(kind)
    if not kinds:
        return None
    title = "Field not in the imported trace" if facts.metadata.imported_from else "Field this kernel does not have"
    columns = (Column(title), Column("In events"))
    shown, note = first(sorted(kinds), "field", "by name")
    rows = [[word(name, "code"), word(several(sorted(kinds[name]), MOST_ROWS), "code")] for name in shown]
    return Table("Absent fields", columns, rows, css="prose", titled=True, note=note)


def inferred_words(analysis: Analysis, page_bytes: int) -> str:
    """Which numbers were deduced."""
    inferred = [row_label(row) for row in analysis.tiers if row.quality is Quality.INFERRED]
    words = []
    if analysis.steps or analysis.balloon.inflated_pages:
        words.append(f"The balloon's pages are {analysis.balloon.quality}.")
    if off := miscount(analysis.balloon, page_bytes):
        words.append(f"They are {off}.")
    words += [f"{off[0].upper()}{off[1:]}." for row in analysis.tiers if (off := tier_miscount(row, page_bytes))]
    if inferred:
        words.append(f"Inferred, not measured: the numbers of {', '.join(inferred)}.")
    if least := [row_label(row) for row in analysis.tiers if row.quality is Quality.LOWER_BOUND]:
        words.append(f"Lower bounds, because the begin of some spans is missing: the numbers of {', '.join(least)}.")
    if silent := silent_scans(analysis.tiers):
        words.append(f"{silent[0].upper()}{silent[1:]}.")
    words.append("Measured numbers come from events; inferred ones are derived from counters.")
    return " ".join(words)
