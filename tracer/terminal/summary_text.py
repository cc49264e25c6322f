"""The analysis as text for a terminal, the verdict first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..analyze.balloon_result import BalloonResult
from ..analyze.model import Analysis, Finding, Stall, TierRow
from ..analyze.naming import recorder_reclaim, row_label, scope_label
from ..analyze.scanned import is_idle
from ..analyze.terms import Quality, Severity, Tier
from ..labels import label_words
from ..recording_facts import RecordingFacts
from ..wording.balloon_size import miscount, size_words
from ..wording.evidence import no_balloon, nothing_seen
from ..wording.free_pages import free_page_lines, targets
from ..wording.length import length_of
from ..wording.numbers import DASH, bytes_, count, duration, listing, mib, offset, plural, seconds, several, utc
from ..wording.recorder import recorder_remarks
from ..wording.scans import efficiency_words, silent_scans
from ..wording.tier_pages import inferred_mark, tier_miscount
from ..wording.tiers import rungs, shrinker_freed, who
from ..wording.unseen import unseen
from ..wording.verdict import unjudged_words, verdict
from .cgroup_text import cgroup_lines, longest_waits
from .paper import Paper

MOST_ROWS: Final = 8
"""Shrinkers, stalls and findings shown; `--json` and the report have them all."""
_NO_RECLAIM: Final = "Ladder: no memory was reclaimed."
_NOTHING_KNOWN: Final = "Ladder: no reclaim seen, but this recording can't show whether there was any."
_LADDER: Final = (
    *("tier", "first at", "busy", "spans", "tasks", "priority", "efficiency"),
    *("file", "anon", "LRU", "slab", "balloon", "reported", "kills"),
)
_MOST_FINDINGS: Final = 12
_MOST_UNSEEN: Final = 100
"""More than a tracer of this kind has; a stranger's recording may name thousands."""
_PLAIN: Final = Paper()
_LEGEND: Final = (
    "first at: since the recording's start; priority: the lowest, from 12 (gentle) down to 0 (last try);"
    " ~ inferred, - not known; terms: docs/glossary.md"
)


def summary_text(
    analysis: Analysis,
    facts: RecordingFacts,
    paper: Paper = _PLAIN,
    *,
    verbose: bool = False,
    by_cgroup: bool = False,
) -> str:
    """Some forty lines no wider than the paper, ending in a newline; the verdict comes last too where that is a screen.

    `verbose` also names what could not be seen, `by_cgroup` lists who paid by cgroup.
    """
    judged = _verdict(analysis, facts, paper)
    sections = (
        _head(analysis, facts, paper),
        judged,
        _ladder(analysis, facts, paper),
        _balloon(analysis, facts, paper),
        _findings(analysis, paper),
        _shrinkers(analysis, paper),
        _stalls(analysis, paper),
        cgroup_lines(analysis, facts, paper) if by_cgroup else longest_waits(analysis, paper),
        _quality(analysis, facts, paper, verbose=verbose),
    )
    text = "\n\n".join("\n".join(section) for section in sections if section) + "\n"
    again = "" if paper.fits(text.count("\n")) else "\n" + "\n".join(judged) + "\n"
    return text + again


def finding_line(finding: Finding, paper: Paper = _PLAIN) -> str:
    """One finding as one or more lines: severity, time, sentence."""
    severity = finding.severity.value
    return "\n".join(paper.paragraph(finding.text, f"  {severity:<8}  {offset(finding.start_s):>10}  ", severity))


def _head(analysis: Analysis, facts: RecordingFacts, paper: Paper) -> list[str]:
    meta = facts.metadata
    kernel = f"Linux {meta.kernel_release}" if meta.kernel_release else "unknown kernel"
    where = f"{meta.host or 'an unknown host'}, {kernel}"
    length = length_of(analysis, facts)
    started = utc(meta.start_utc_ns) if meta.start_utc_ns else "date not known"
    head = paper.paragraph(f"{facts.source}: {length} on {where}, {started}", "")
    return head + (paper.paragraph(label_words(meta.labels), "Labels: ") if meta.labels else [])


def _verdict(analysis: Analysis, facts: RecordingFacts, paper: Paper) -> list[str]:
    judged = verdict(analysis, facts)
    level = "" if judged.severity is Severity.INFO else f"[{judged.level}] "
    but = paper.paragraph(judged.qualifier, "But:     ") if judged.qualifier else []
    if judged.not_judged and judged.finding is None:
        kinds = ", ".join(each.kind for each in judged.not_judged)
        but += paper.paragraph(f"Not judged: {kinds}.", " " * len("Verdict: "))
    return [*paper.paragraph(f"{level}{judged.sentence}", "Verdict: ", judged.level), *but]


def _ladder(analysis: Analysis, facts: RecordingFacts, paper: Paper) -> list[str]:
    if not analysis.tiers:
        unknown = nothing_seen(analysis, facts)
        return paper.paragraph(_NOTHING_KNOWN if unknown else _NO_RECLAIM, "")
    page = facts.metadata.page_size_bytes
    rows = [_tier_row(label, row, page) for label, row in rungs(analysis.tiers)]
    title = f"Ladder: what each tier supplied, over {plural(len(analysis.episodes), 'episode')}"
    objects = [words for label, row in rungs(analysis.tiers) if (words := _objects(label, row))]
    off = [f"~ {words}" for row in analysis.tiers if (words := tier_miscount(row, page))]
    least = listing([row_label(row) for row in analysis.tiers if row.quality is Quality.LOWER_BOUND])
    if least:
        off.append(f"{least}: lower bounds, because the begin of some spans is missing")
    if silent := silent_scans(analysis.tiers):
        off.append(f"<= {silent}")
    reclaimers = who(analysis.tiers, page)
    told = [*objects, *off, *([f"who reclaimed: {reclaimers}"] if reclaimers else []), *_own(analysis, page), _LEGEND]
    ladder = paper.table(_LADDER, rows, fold_at={_LADDER.index("file")})
    return [title, *ladder, *(line for words in told for line in paper.paragraph(words))]


def _own(analysis: Analysis, page: int) -> list[str]:
    own = analysis.recorder
    if own is None or (not own.spans and not own.pages):
        return []
    calls = f"{plural(own.spans, 'call')} of {recorder_reclaim(analysis.stalls)}"
    return [f"the recorder itself: {mib(own.pages, page)}, {seconds(own.stall_s)} in {calls}"]


def _tier_row(label: str, row: TierRow, page: int) -> tuple[str, ...]:
    def size(pages: int | None) -> str:
        return "-" if pages is None else mib(pages, page) if pages else ""

    def guess(pages: int | None, mark: str) -> str:
        return f"{mark if pages else ''}{size(pages)}"

    priority = "" if row.min_priority is None else str(row.min_priority)
    mark = "~" if row.quality is Quality.INFERRED else ""
    return (
        f"{int(row.tier)} {label}",
        offset(row.first_s),
        "-" if row.busy_s is None else seconds(row.busy_s),
        count(row.spans),
        count(row.tasks),
        priority,
        _efficiency(row),
        *(guess(pages, inferred_mark(row)) for pages in (row.file_pages, row.anon_pages, row.lru_pages)),
        guess(row.slab_pages, "~"),
        guess(row.balloon_pages, mark),
        size(row.reported_pages),
        count(row.kills) if row.kills else "",
    )


def _efficiency(row: TierRow) -> str:
    if row.tier > Tier.RETRY or is_idle(row):
        return ""
    return efficiency_words(row, _percent, "<=") or DASH


def _objects(label: str, row: TierRow) -> str:
    freed = sorted(((number, name) for name, number in row.slab_objects.items() if number), reverse=True)
    shown = ", ".join(shrinker_freed(name, number) for number, name in freed[:MOST_ROWS])
    return f"slab objects freed in {label}: {shown}" if freed else ""


def _balloon(analysis: Analysis, facts: RecordingFacts, paper: Paper) -> list[str]:
    info, balloon, page = facts.metadata.balloon, analysis.balloon, facts.metadata.page_size_bytes
    held = balloon.size is not None and balloon.size.highest_bytes
    if info.driver is None and not (balloon.work_spans or balloon.inflated_pages or balloon.reports or held):
        return paper.paragraph(f"{no_balloon(facts)}.", "Balloon: ")
    features = f" ({', '.join(info.features)})" if info.features else ""
    fights = (plural(len(analysis.conflicts), "conflict"), plural(len(analysis.cycles), "cycle"))
    wasted = balloon.wasted_pages
    lines = [
        f"{info.driver or 'unknown driver'}{features}, reclaim path: {balloon.reclaim_path}",
        f"{_moved(balloon, page)}; {_worked(balloon)}",
        ", ".join(fights if wasted is not None else fights[:1])
        + ("" if wasted is None else f"; {mib(wasted, page)} moved for nothing{' (out and back in)' * bool(wasted)}"),
    ]
    if balloon.size is not None:
        lines.insert(1, size_words(balloon.size))
    lines += free_page_lines(balloon, analysis.duration_s, page)
    if off := miscount(balloon, page):
        lines.append(off)
    return [*paper.paragraph(lines[0], "Balloon: "), *(line for text in lines[1:] for line in paper.paragraph(text))]


def _moved(balloon: BalloonResult, page: int) -> str:
    if balloon.inflated_pages is None and balloon.out_pages is None:
        return "pages in and out: not known, this recording does not count them"
    leaked = ", ".join(f"{mib(pages, page)} by {cause.value}" for cause, pages in balloon.leaked_pages.items() if pages)
    moved = f"inflated {mib(balloon.inflated_pages, page)}, leaked {leaked or mib(balloon.out_pages, page)}"
    return f"{moved}, net {mib(balloon.net_pages, page)} ({balloon.quality.value})"


def _worked(balloon: BalloonResult) -> str:
    parts = ["work runs: not known"]
    if balloon.work_spans is not None and balloon.worker_s is not None:
        parts = [f"{plural(balloon.work_spans, 'work run')} in {seconds(balloon.worker_s)}"]
    if balloon.puffs is not None:
        parts[0] += f", {count(balloon.puffs)} of them out of puff"
    if changes := targets(balloon):
        parts.append(changes)
    return "; ".join(parts)


def _findings(analysis: Analysis, paper: Paper) -> list[str]:
    unjudged = paper.paragraph(f"Not judged: {words}") if (words := unjudged_words(analysis.not_judged)) else []
    if not analysis.findings:
        return ["Findings: none.", *unjudged]
    shown = analysis.findings[:_MOST_FINDINGS]
    lines = [f"Findings ({count(len(analysis.findings))})", *(finding_line(finding, paper) for finding in shown)]
    return [*lines, *_more(len(analysis.findings) - len(shown), "finding"), *unjudged]


def _shrinkers(analysis: Analysis, paper: Paper) -> list[str]:
    shown = sorted(analysis.shrinkers, key=lambda stat: stat.busy_s, reverse=True)[:MOST_ROWS]
    if not shown:
        return []
    heads = ("shrinker", "calls", "scanned", "freed", "efficiency", "time", "p99", "longest", "scans", "items")
    rows = [
        (
            stat.name,
            count(stat.calls),
            _known(stat.scanned),
            _known(stat.freed_objects),
            _percent(stat.efficiency),
            seconds(stat.busy_s),
            duration(stat.p99_ns),
            duration(stat.max_ns),
            _percent(stat.scan_share),
            _percent(stat.size_share),
        )
        for stat in shown
    ]
    title = "by time (scanned, freed: objects; scans, items: shares of all objects scanned, of all cached)"
    shares = paper.table(heads, rows, fold_at={heads.index("time")})
    return [*paper.paragraph(title, "Shrinkers, "), *shares, *_more(len(analysis.shrinkers) - len(shown), "shrinker")]


def _known(number: int | None) -> str:
    return DASH if number is None else count(number)


def _percent(share: float | None) -> str:
    return DASH if share is None else f"{share:.0%}"


def _stalls(analysis: Analysis, paper: Paper) -> list[str]:
    stalls = sorted(analysis.stalls, key=lambda stall: stall.stall_s, reverse=True)
    if not stalls:
        return []
    rows = [_stall_row(stall) for stall in stalls[:MOST_ROWS]]
    lines = ["Stalls: how long tasks waited", *paper.table(("task", "pid", "tier", "times", "total", "longest"), rows)]
    return [*lines, *_more(len(stalls) - len(rows), "task")]


def _stall_row(stall: Stall) -> tuple[str, ...]:
    tier = Tier(stall.tier)
    total, longest = seconds(stall.stall_s), duration(stall.max_ns)
    comm = stall.comm + (" (the recorder)" if stall.is_recorder else "")
    return comm, str(stall.pid), f"{int(tier)} {scope_label(tier, stall.scope)}", count(stall.spans), total, longest


def _quality(analysis: Analysis, facts: RecordingFacts, paper: Paper, *, verbose: bool) -> list[str]:
    notes = [*_quality_notes(analysis, facts), *_unseen(facts, verbose=verbose)]
    return ["Recording", *(line for text in notes for line in paper.paragraph(text))]


def _quality_notes(analysis: Analysis, facts: RecordingFacts) -> Iterator[str]:
    accounting = analysis.accounting
    yield f"{plural(accounting.events, 'event')} recorded, {count(accounting.lost_total)} lost"
    if accounting.lost_total and not facts.metadata.imported_from:
        yield "a larger --buffer-size (MiB) may lose fewer"
    if accounting.incomplete_spans:
        begins, ends = plural(accounting.begins_without_end, "begin"), plural(accounting.ends_without_begin, "end")
        yield f"{begins} without an end, {ends} without a begin, of {plural(accounting.spans, 'span')}"
    if accounting.untold_calls:
        calls = plural(accounting.untold_calls, "shrinker call")
        yield f"{calls} ({seconds(accounting.untold_s)}) can't be matched to a reclaim span and count in no tier"
    if accounting.late_events:
        late = plural(accounting.late_events, "event or reading", "events or readings")
        yield f"{late} arrived too late to be put in order"
    yield from recorder_remarks(facts)
    if facts.bad_blocks:
        yield f"{plural(facts.bad_blocks, 'block')} with a wrong checksum skipped"
    if facts.source_damage:
        yield f"imported up to the damage in the source: {facts.source_damage}"
    elif not facts.complete:
        yield "not closed cleanly" + (f", {bytes_(facts.cut_bytes)} cut" if facts.cut_bytes else "")
    if cost := facts.program_cost:
        runs, spent_ns = (sum(getattr(each, name) for each in cost.values()) for name in ("runs", "run_time_ns"))
        each_ns = spent_ns / max(runs, 1)
        yield f"BPF programs ran {count(runs)} times, {duration(each_ns)} each, {duration(spent_ns)} in all"


def _unseen(facts: RecordingFacts, *, verbose: bool) -> Iterator[str]:
    missing = unseen(facts.metadata.plan)
    if not missing:
        return
    imported = facts.metadata.imported_from
    where = "not in the imported trace" if imported else "not traceable on this machine"
    why = "" if imported else "`reclaim-tracer check` says why"
    if verbose:
        yield f"{where}: {several(missing, _MOST_UNSEEN)}{f' ({why})' if why else ''}"
    else:
        kinds = plural(len(missing), "kind of event", "kinds of events")
        yield f"{kinds} {where} (-v lists {'them' if len(missing) > 1 else 'it'}{f', {why}' if why else ''})"


def _more(number: int, noun: str) -> list[str]:
    return [f"  and {plural(number, f'more {noun}')} (--json, report)"] if number > 0 else []
