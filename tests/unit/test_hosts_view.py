"""The balloon's size where only the host's log tells it: what the guest once had and has no more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from import_cases import import_text
from shortage_streams import GUEST, MIB_PAGES, readings, waits
from streams import SECOND, Records, analyse, records, work
from streams import event as event_at

from tracer.analyze import Analysis, Engine, in_pieces
from tracer.analyze.model import Finding
from tracer.analyze.terms import Quality
from tracer.batch import Samples
from tracer.metadata import BalloonInfo, PlanRow, SourceState
from tracer.recording_facts import RecordingFacts
from tracer.report.section import Source
from tracer.report.timeline.balloon import balloon_row
from tracer.schema import SAMPLE_NULL
from tracer.store import Recording
from tracer.wording.balloon_size import size_words

MIB = 1 << 20
LENGTH_S = 40
COUNTERS = {"vmstat.balloon_inflate", "vmstat.balloon_deflate"}
COUNTED = PlanRow("balloon_run_pages", "kprobe", SourceState.USED)
WAITS = PlanRow("direct_reclaim_begin", "vmscan", SourceState.USED)
UNSIZED = replace(GUEST, memory_total_bytes=0, plan=(WAITS,), imported_from="x.txt", balloon=BalloonInfo())
"""An import that says nothing of a balloon."""


def host(*sizes: tuple[int, int], full_mib: int = 1024) -> Samples:
    """What the guest has in MiB, by second; the most it had is told."""
    names = ("host.actual_bytes", "host.target_bytes", "host.full_bytes")
    values = [[mib * MIB, SAMPLE_NULL, max(full_mib, *(m for _, m in sizes)) * MIB] for _, mib in sizes]
    return Samples(np.asarray([at_s * SECOND for at_s, _ in sizes]), names, np.asarray(values))


def reader(**more: Sequence[int]) -> Samples:
    """20 MiB of page cache evicted a second, 15 of them read again; nothing of a balloon."""
    return readings(LENGTH_S, 0, 20, 15, **more).without(COUNTERS)


def starved(analysis: Analysis) -> list[Finding]:
    return [finding for finding in analysis.findings if finding.kind == "starved"]


def test_the_host_tells_what_a_still_balloon_holds():
    (told,) = starved(analyse(host((0, 384)), reader(), metadata=UNSIZED))
    assert told.numbers["balloon_pages"] == 640 * MIB_PAGES
    assert told.numbers["balloon_share"] == pytest.approx(0.625)
    assert "while the balloon held 640.0 MiB (62% of the guest's memory, by the host's log)" in told.text
    assert told.quality is Quality.INFERRED


def test_waits_alone_are_judged_by_the_hosts_size():
    analysis = analyse(host((0, 384)), waits(LENGTH_S, 100), metadata=replace(UNSIZED, sample_interval_s=0))
    (told,) = starved(analysis)
    assert told.numbers["balloon_pages"] == 640 * MIB_PAGES


def test_without_the_hosts_log_it_is_not_judged():
    analysis = analyse(reader(), metadata=UNSIZED)
    assert starved(analysis) == []
    why = {each.kind: each.why for each in analysis.not_judged}
    assert why["starved"] == "the balloon's size was not recorded"


def test_a_balloon_that_gives_by_the_hosts_sizes_starves_nobody():
    giving = host(*((at_s, 384 + at_s) for at_s in range(0, LENGTH_S, 5)))
    assert starved(analyse(giving, reader(), metadata=UNSIZED)) == []


@pytest.mark.parametrize(("total_mib", "is_told"), [(980, True), (384, False)])
def test_a_guest_that_never_had_more_by_the_log_has_what_memtotal_says(total_mib, is_told):
    # GIVEN a log that begins with a full balloon, and MemTotal with or without what is in it
    total = np.full(LENGTH_S + 1, total_mib * MIB)
    samples = reader(**{"meminfo.MemTotal_bytes": total})
    told = starved(analyse(host((0, 384), full_mib=384), samples, metadata=UNSIZED))
    assert bool(told) is is_told
    assert [each.numbers["balloon_pages"] for each in told] == [596 * MIB_PAGES] * is_told


def steps_of(at_s: int, pages: int) -> Records:
    """A run of the worker that gives so many pages back."""
    run = event_at(at_s * SECOND + 1, "balloon_run_pages", 50, "kworker/0:1", deflated_pages=pages)
    return records(work(at_s * SECOND, at_s * SECOND + 9)[:1], run, work(at_s * SECOND, at_s * SECOND + 9)[1:])


def test_steps_since_the_hosts_last_size_count():
    # GIVEN a size that the host read once, and a balloon that gives nearly all of it back soon after
    stream = records(steps_of(2, 630 * MIB_PAGES))
    analysis = analyse(host((0, 384)), stream, reader(), metadata=replace(UNSIZED, plan=(COUNTED,)))
    assert starved(analysis) == []
    assert analysis.balloon.size is not None
    assert analysis.balloon.size.end_bytes == 10 * MIB


def test_the_guests_own_size_comes_first():
    analysis = analyse(host((0, 384)), readings(LENGTH_S, 700, 20, 15), metadata=UNSIZED)
    (told,) = starved(analysis)
    assert told.numbers["balloon_pages"] == 700 * MIB_PAGES
    assert "host's log" not in told.text


def test_how_the_hosts_readings_are_cut_changes_nothing():
    sizes = [(at_s, 384 + 100 * (at_s > 20)) for at_s in range(LENGTH_S)]
    whole = analyse(host(*sizes), reader(), metadata=UNSIZED)
    cut = analyse(*(host(size) for size in sizes), reader(), metadata=UNSIZED)
    assert whole.findings == cut.findings
    assert starved(whole)


def test_the_size_is_said_to_be_the_hosts():
    size = analyse(host((0, 384), (20, 484)), metadata=UNSIZED).balloon.size
    assert size is not None
    assert (size.start_bytes, size.end_bytes, size.source) == (640 * MIB, 540 * MIB, "host.actual_bytes")
    assert size_words(size).startswith(
        "size ~540.0 MiB at the end, range 540.0 MiB to 640.0 MiB (by the host's log, at"
    )


def analysed(recording: Recording) -> Analysis:
    engine = Engine(recording.metadata, recording.symbols)
    for item in in_pieces(recording.items()):
        engine.feed(item)
    return engine.finish()


def test_a_kill_beside_a_balloon_that_only_the_host_knows_says_what_it_held():
    kill = event_at(5 * SECOND, "mark_victim", pid=7)
    told = analyse(host((0, 384)), kill, metadata=UNSIZED).findings
    assert [finding.numbers.get("balloon_pages") for finding in told if finding.kind == "oom_kill"] == [640 * MIB_PAGES]
    # WHILE a guest that never had more, by a log that may have begun late, may have an empty balloon or not
    told = analyse(host((0, 384), full_mib=384), kill, metadata=UNSIZED).findings
    assert [finding.numbers.get("balloon_pages") for finding in told if finding.kind == "oom_kill"] == [None]


def test_the_report_does_not_say_more_than_the_hosts_log_does():
    row = balloon_row(Source(analyse(host((0, 384)), metadata=UNSIZED), RecordingFacts("x", UNSIZED)))
    assert not row.drawn
    assert row.words == "By the host's log the balloon held at least 640.0 MiB and did not move."


LOG = [
    {"mono": 10.0, "ev": "query", "actual_mib": 1024},
    {"mono": 20.0, "ev": "balloon_cmd", "target_mib": 384},
    {"mono": 30.0, "ev": "query", "actual_mib": 384},
    {"mono": 60.0, "ev": "guest_ready", "guest": {"mono": 60.0}},
]


def test_a_log_that_saw_the_balloon_inflate_before_the_trace_tells_what_it_holds(tmp_path: Path):
    # GIVEN a trace in which tasks wait, of a guest whose balloon the host inflated before it and never moved since
    task = "          dd-100     [000] .... "
    text = "".join(
        f"{task} {second}.100000: mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=0\n"
        f"{task} {second}.400000: mm_vmscan_direct_reclaim_end: nr_reclaimed=32\n"
        for second in range(100, 140)
    )
    log = tmp_path / "host.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in LOG))
    imported = import_text(text, tmp_path, host_log=log)
    (told,) = starved(analysed(imported.recording))
    assert told.numbers["balloon_pages"] == 640 * MIB_PAGES
    assert "waited 12.0 s in direct reclaim" in told.text
