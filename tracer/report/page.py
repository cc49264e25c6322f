"""Puts the report together and writes it."""

from __future__ import annotations

import shlex
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from string import Template
from typing import Final

from .. import __version__
from ..analyze.findings.needs import KILL_KINDS, SHRINKER_KINDS, WAIT_KINDS
from ..analyze.model import Analysis, known_sum
from ..analyze.terms import Cause, Severity, Tier
from ..metadata import Metadata
from ..outputs import PRIVATE, write_file
from ..recording_facts import RecordingFacts
from ..wording.balloon_size import size_words
from ..wording.evidence import no_balloon, nothing_seen, seen_of, unseen_part
from ..wording.free_pages import free_page_lines
from ..wording.length import length_of
from ..wording.numbers import NOT_KNOWN, bytes_, count, mib, plural, seconds, utc
from ..wording.verdict import QUIET, UNKNOWN, Verdict, unjudged_words, verdict
from .assets import csp_hash, plotly_base64, read
from .explanations import explanations
from .figure import Figure, to_data, to_html
from .ladder import ladder_figures, ladder_tables
from .markup import script_json, sentence, text
from .quality import quality_section
from .series import nested
from .tables import (
    cgroups_table,
    conflicts_table,
    cycles_table,
    findings_table,
    shrinkers_table,
    stalls_table,
    storms_table,
)
from .timeline import Timeline, timeline

_LEVEL_WORDS: Final[dict[str, str]] = {
    Severity.CRITICAL: "Critical",
    Severity.WARNING: "Warning",
    Severity.INFO: "For information",
    QUIET: "No problem found",
    UNKNOWN: "Not known",
}


def write_report(
    path: Path, analysis: Analysis, facts: RecordingFacts, recording: Iterable[Path] = (), *, force: bool = False
) -> int:
    """Write the report to `path` and return its size in bytes.

    `recording` are the files it is made from: it may be read by those who may read the first of them, and replaces
    none. Raises TracerError when it can't be written; then there is no half a report.
    """
    inputs = [*recording]
    page = render(analysis, facts).encode("utf-8")
    write_file(path, page, force=force, what="a report", mode=_mode_of(inputs), inputs=inputs)
    return len(page)


def _mode_of(recording: list[Path]) -> int:
    """Whoever may read the recording may read what it tells; nobody but its owner may write it."""
    with suppress(OSError, IndexError):
        return stat.S_IMODE(recording[0].stat().st_mode) & 0o644
    return PRIVATE


def render(analysis: Analysis, facts: RecordingFacts) -> str:
    """The whole page as one self-contained HTML document."""
    page_bytes = facts.metadata.page_size_bytes
    rows = timeline(analysis, page_bytes)
    ladder = ladder_figures(analysis, page_bytes)
    charts = [row for row in rows.rows if isinstance(row, Figure)]
    judged = verdict(analysis, facts)
    moves = analysis.balloon.inflated_pages is not None and not unseen_part(facts)
    script = read("report.js")
    parts = {
        "csp": csp_hash(script),
        "style": read("report.css"),
        "script": script,
        "plotly": plotly_base64(frozenset(trace["type"] for figure in (*charts, *ladder) for trace in figure.traces)),
        "figures": _data(analysis, rows, charts, ladder),
        "title": text(f"{facts.metadata.host or facts.source}: reclaim-tracer report"),
        "timeline": "".join(to_html(row) for row in rows.rows),
        "findings": findings_table(analysis) + _unjudged(analysis) + explanations(analysis),
        "ladder_charts": "".join(to_html(figure) for figure in ladder),
        "ladder_tables": ladder_tables(analysis, page_bytes),
        "shrinkers": shrinkers_table(analysis.shrinkers, seen=seen_of(analysis, facts, SHRINKER_KINDS)),
        "stalls": stalls_table(analysis.stalls, seen=seen_of(analysis, facts, WAIT_KINDS))
        + cgroups_table(analysis.cgroups, page_bytes),
        "cycles": storms_table(analysis.storms, page_bytes) + cycles_table(analysis.cycles, page_bytes, seen=moves),
        "conflicts": conflicts_table(analysis.conflicts, page_bytes, seen=moves),
        "quality": quality_section(analysis, facts),
        "tool_version": text(__version__),
        "recorded_by": text(facts.metadata.tool_version or "of unknown version"),
    }
    return Template(read("report.html")).substitute(
        parts | _header(analysis, facts) | _verdict_parts(judged) | {"tiles": _tiles(analysis, facts)}
    )


def _data(analysis: Analysis, rows: Timeline, charts: list[Figure], ladder: list[Figure]) -> str:
    return script_json(
        nested(
            {
                "duration": analysis.duration_s,
                "timeline": [to_data(figure) for figure in charts],
                "ladder": [to_data(figure) for figure in ladder],
                "bands": [list(band) for band in rows.bands],
            }
        )
    )


def _verdict_parts(judged: Verdict) -> dict[str, str]:
    qualifier = f'<p class="qualifier"><strong>But:</strong> {text(judged.qualifier)}</p>' if judged.qualifier else ""
    return {
        "level": text(judged.level),
        "level_words": _LEVEL_WORDS.get(judged.kind) or _LEVEL_WORDS[judged.level],
        "verdict": text(judged.sentence),
        "qualifier": qualifier,
    }


def _unjudged(analysis: Analysis) -> str:
    words = unjudged_words(analysis.not_judged)
    return sentence(f"Not judged: {words}.", "note") if words else ""


def _header(analysis: Analysis, facts: RecordingFacts) -> dict[str, str]:
    metadata = facts.metadata
    listed = [
        ("Kernel", f"{_kernel(metadata)}, {plural(metadata.cpus, 'CPU')}"),
        ("Started", utc(metadata.start_utc_ns)),
        ("Duration", length_of(analysis, facts)),
        ("Events", f"{count(analysis.accounting.events)}, {count(facts.lost_total)} lost"),
        (
            "Memory",
            _memory(metadata),
        ),
        (
            "Balloon",
            _balloon(analysis, facts),
        ),
        ("Recording", facts.source + (f" (imported from {metadata.imported_from})" if metadata.imported_from else "")),
        ("Command", shlex.join(metadata.command) or "none"),
    ]
    rows = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in listed)
    return {
        "host": text(metadata.host or metadata.imported_from or facts.source),
        "facts": f'<dl class="facts">{rows}</dl>',
    }


def _memory(metadata: Metadata) -> str:
    if not metadata.memory_total_bytes:
        return NOT_KNOWN
    return f"{bytes_(metadata.memory_total_bytes)}, {bytes_(metadata.page_size_bytes)} pages"


def _balloon(analysis: Analysis, facts: RecordingFacts) -> str:
    size, driver = analysis.balloon.size, facts.metadata.balloon.driver
    if driver is None and not (size and size.highest_bytes):
        return no_balloon(facts)
    held = f"; {size_words(size)}" if size else ""
    return f"{driver or 'unknown driver'}, reclaim path {analysis.balloon.reclaim_path}{held}"


def _kernel(metadata: Metadata) -> str:
    return " ".join(filter(None, (metadata.kernel_release, metadata.machine))) or "not known"


def _no_leak(pages: int | None, facts: RecordingFacts) -> str:
    if pages is None:
        return "its pages were not counted"
    return "none seen leaving" if unseen_part(facts) else "no leaks"


def _puffs(puffs: int | None, facts: RecordingFacts) -> str:
    if puffs is None or (not puffs and unseen_part(facts)):
        return "not known whether it ran out of puff"
    return f"out of puff {plural(puffs, 'time')}" if puffs else "the balloon never ran out of puff"


def _free_tile(analysis: Analysis, page_bytes: int) -> list[tuple[str, str, str]]:
    balloon = analysis.balloon
    if not balloon.reports and not balloon.hinted_pages:
        return []
    lines = free_page_lines(balloon, analysis.duration_s, page_bytes)
    hinted = f"at least {mib(balloon.hinted_pages, page_bytes)}"
    given = mib(balloon.reported_pages, page_bytes) if balloon.reports else hinted
    return [("Free pages reported or hinted", given, "; ".join(lines))]


def _tiles(analysis: Analysis, facts: RecordingFacts) -> str:
    balloon, page_bytes = analysis.balloon, facts.metadata.page_size_bytes
    tiers = {row.tier: row for row in analysis.tiers}
    reclaimed = known_sum(row.off_lru_pages for row in analysis.tiers) if analysis.tiers else None
    if reclaimed is None and not nothing_seen(analysis, facts):
        reclaimed = 0
    leaked = [f"{cause} {mib(pages, page_bytes)}" for cause in Cause if (pages := balloon.leaked_pages.get(cause, 0))]
    kills = tiers[Tier.OOM_KILL].kills if Tier.OOM_KILL in tiers else 0
    waited = sum(stall.stall_s for stall in analysis.stalls) if seen_of(analysis, facts, WAIT_KINDS) else None
    tiles = [
        (
            "Moved for nothing",
            mib(balloon.wasted_pages, page_bytes),
            f"out and back in, counted both ways; net {mib(balloon.net_pages, page_bytes)} into the balloon",
        ),
        (
            "Left the balloon",
            mib(balloon.out_pages, page_bytes),
            ", ".join(leaked) or _no_leak(balloon.out_pages, facts),
        ),
        (
            "Reclaimed",
            mib(reclaimed, page_bytes),
            "file and anonymous pages, every tier",
        ),
        *_free_tile(analysis, page_bytes),
        ("Tasks waited", NOT_KNOWN if waited is None else seconds(waited), "for memory, all tasks together"),
        (
            "OOM kills",
            count(kills) if kills or seen_of(analysis, facts, KILL_KINDS) else NOT_KNOWN,
            _puffs(balloon.puffs, facts),
        ),
    ]
    return "".join(
        f'<div class="tile"><dt>{text(name)}</dt><dd>{text(value)}<small>{text(hint)}</small></dd></div>'
        for name, value, hint in tiles
    )
