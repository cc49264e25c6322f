"""A page migration that ends with the old page out of the balloon and no new one in. Written streams."""

from __future__ import annotations

import dataclasses

import pytest
from streams import METADATA, MS, SECOND, Records, analyse, counters, event, records

from tracer.analyze.terms import Cause, Quality
from tracer.batch import Samples
from tracer.metadata import Metadata, PlanRow, SourceState
from tracer.recording_facts import RecordingFacts
from tracer.report import render
from tracer.schema import SAMPLE_NULL
from tracer.terminal.summary_text import summary_text
from tracer.wording.summary import summary_json

WORKER, KCOMPACTD = {"tid": 50, "comm": "kworker/0:1"}, {"tid": 31, "comm": "kcompactd0"}
_RUNS = ("balloon_run_pages", "balloon_work_begin", "balloon_work_end", "oom_notify_begin", "oom_notify_end")


def traced(*kinds: str) -> Metadata:
    plan = tuple(PlanRow(kind, f"kprobe:{kind}", SourceState.USED) for kind in kinds)
    return dataclasses.replace(METADATA, plan=plan)


EXACT = traced(*_RUNS, "compaction_begin", "compaction_end")
CALLS = traced(*_RUNS, "compaction_begin", "compaction_end", "virtballoon_migratepage")
TELLS = traced("tell_host", "leak_balloon_begin", "leak_balloon_end", "compaction_begin", "compaction_end")
SAMPLES = traced("balloon_work_begin", "balloon_work_end", "compaction_begin", "compaction_end")


def inflate(at_ns: int, pages: int = 256) -> Records:
    return records(
        event(at_ns, "balloon_work_begin", **WORKER),
        event(at_ns + MS, "balloon_run_pages", **WORKER, inflated_pages=pages),
        event(at_ns + 2 * MS, "balloon_work_end", **WORKER),
    )


def compaction(at_ns: int, *inside: Records) -> Records:
    return records(
        event(at_ns, "compaction_begin", **KCOMPACTD), *inside, event(at_ns + 90 * MS, "compaction_end", **KCOMPACTD)
    )


def readings(out: int, migrated: int = 0) -> Samples:
    """256 pages in within the first second; `out` within the fourth, and as many migrated as given."""
    rows = [(at * SECOND, 256 * (at > 0), out * (at > 3)) for at in range(8)]
    return counters(rows, balloon_migrate=[migrated * (at > 3) for at in range(8)])


COMPACTING = records(inflate(100 * MS), compaction(3500 * MS))


def balloon(stream: Records, samples: Samples, metadata: Metadata) -> tuple[int | None, int | None, int | None, str]:
    found = analyse(stream, samples, metadata=metadata, end_ns=8 * SECOND).balloon
    return found.leaked_pages[Cause.COMPACTION], found.missed_pages, found.net_pages, found.quality.value


def test_pages_that_left_while_compaction_was_at_work_are_its_own_and_not_missed() -> None:
    assert balloon(COMPACTING, readings(5), EXACT) == (5, 0, 251, "inferred")


def test_without_compaction_they_are_missed() -> None:
    assert balloon(inflate(100 * MS), readings(5), EXACT) == (0, 5, 256, "inferred")
    elsewhere = records(inflate(100 * MS), compaction(1500 * MS))
    assert balloon(elsewhere, readings(5), EXACT) == (0, 5, 256, "inferred")


def test_nothing_is_put_down_to_compaction_that_took_nothing() -> None:
    assert balloon(COMPACTING, readings(0), EXACT) == (0, 0, 256, "measured")


@pytest.mark.parametrize(("calls", "migrated", "leaked"), [(7, 2, 5), (7, 4, 3), (7, 7, 0), (0, 0, 0)])
def test_what_is_more_than_calls_that_migrated_nothing_is_missed(calls: int, migrated: int, leaked: int) -> None:
    asked = [event(3510 * MS + at, "virtballoon_migratepage", **KCOMPACTD) for at in range(calls)]
    stream = records(inflate(100 * MS), compaction(3500 * MS, *asked))
    assert balloon(stream, readings(5, migrated), CALLS) == (leaked, 5 - leaked, 256 - leaked, "inferred")


def tell(at_ns: int, direction: int) -> Records:
    return event(at_ns, "tell_host", **KCOMPACTD, num_pfns=1, direction=direction)


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_page_that_is_told_out_alone_is_measured_however_the_stream_is_cut(cut: int) -> None:
    # GIVEN two migrations, in and out, and between them one that only told its page out
    told = [tell(3510 * MS + at, direction) for at, direction in enumerate((0, 1, 1, 0, 1))]
    stream = records(tell(1 * SECOND, 0), compaction(3500 * MS, *told))
    found = analyse(stream[:cut], stream[cut:], metadata=TELLS)
    assert found.balloon.leaked_pages[Cause.COMPACTION] == 1
    assert [(step.pages, step.cause, step.quality) for step in found.steps if step.cause] == [
        (-1, Cause.COMPACTION, Quality.MEASURED)
    ]
    assert found.balloon.migrated_pages == 2 + 1


def test_samples_alone_tell_compaction_by_the_worker_s_absence() -> None:
    assert balloon(COMPACTING, readings(5), SAMPLES)[0] == 5
    hosts = records(COMPACTING, event(3600 * MS, "balloon_work_begin", 50), event(3610 * MS, "balloon_work_end", 50))
    assert balloon(hosts, readings(5), SAMPLES)[0] == 0


def test_what_compaction_took_and_the_worker_brings_back_is_no_cycle_and_no_turn() -> None:
    stream = records(inflate(100 * MS), compaction(3500 * MS), inflate(5500 * MS, 5))
    rows = [(at * SECOND, 256 * (at > 0) + 5 * (at > 5), 5 * (at > 3)) for at in range(9)]
    found = analyse(stream, counters(rows), metadata=EXACT, end_ns=9 * SECOND)
    assert (found.balloon.leaked_pages[Cause.COMPACTION], found.balloon.wasted_pages, found.cycles) == (5, 0, [])
    assert not any(row.balloon_pages for row in found.tiers), "it is no supply of any tier"


def test_it_is_told_in_text_json_and_report() -> None:
    analysis, facts = analyse(COMPACTING, readings(5), metadata=EXACT, end_ns=8 * SECOND), RecordingFacts("x", EXACT)
    assert "leaked 20 KiB by compaction, net 1.0 MiB (inferred)" in " ".join(summary_text(analysis, facts).split())
    assert summary_json(analysis, facts)["balloon"]["leaked_pages"]["compaction"] == 5
    assert "20 KiB by compaction" in render(analysis, facts)


def test_a_reading_without_the_counter_of_migrations_counts_none() -> None:
    rows = [(at * SECOND, 256 * (at > 0), 0) for at in range(8)]
    samples = counters(rows, balloon_migrate=[0, 2, SAMPLE_NULL, SAMPLE_NULL, 5, 5, SAMPLE_NULL, 7])
    found = analyse(inflate(100 * MS), samples, metadata=SAMPLES, end_ns=8 * SECOND)
    assert found.balloon.migrated_pages == 7
