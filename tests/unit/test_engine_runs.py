"""Balloon steps from pages that were counted in each run and told with its end."""

from __future__ import annotations

import dataclasses

import pytest
from streams import (
    BALLOON_OOM,
    BALLOON_SHRINKER,
    BALLOON_WORK,
    METADATA,
    MS,
    Records,
    analyse,
    counters,
    event,
    records,
)
from test_engine_driver import moved, together

from tracer.analyze.terms import Cause, CycleClass, Quality, Tier
from tracer.metadata import PlanRow, SourceState

WORKS = ("balloon_work_begin", "balloon_work_end")
NOTIFIER = ("oom_notifier_run", "oom_notifier_end")


def traced(*kinds: str):
    plan = tuple(PlanRow(kind, "tried", SourceState.USED) for kind in (*WORKS, "balloon_run_pages", *kinds))
    return dataclasses.replace(METADATA, plan=plan)


TRACEPOINTS = traced(*NOTIFIER)


def run(begin_ns: int, inflated: int = 0, deflated: int = 0, tid: int = 50) -> Records:
    """A 10 ms work run."""
    pages = {"inflated_pages": inflated, "deflated_pages": deflated}
    end_ns = begin_ns + 10 * MS
    return records(
        event(begin_ns, "balloon_work_begin", tid, function=BALLOON_WORK),
        event(end_ns - 1, "balloon_run_pages", tid, **pages),
        event(end_ns, "balloon_work_end", tid, function=BALLOON_WORK),
    )


def notification(begin_ns: int, deflated: int, tid: int = 100) -> Records:
    """A callback of the OOM chain whose end the thread's next allocation tells."""
    return records(
        event(begin_ns, "oom_notifier_run", tid, cb=BALLOON_OOM),
        event(begin_ns + 3 * MS, "oom_notifier_end", tid, deflated_pages=deflated),
        event(begin_ns + 3 * MS + 1, "direct_reclaim_begin", tid),
        event(begin_ns + 4 * MS, "direct_reclaim_end", tid),
    )


def test_pages_and_causes_are_measured_by_run() -> None:
    stream = together(run(0, 256), notification(20 * MS, 250), run(400 * MS, deflated=100))
    analysis = analyse(stream, metadata=TRACEPOINTS)
    assert moved(analysis) == (256, {"host": 100, "oom_notifier": 250})
    assert analysis.balloon.quality is Quality.MEASURED
    assert {step.quality for step in analysis.steps} == {Quality.MEASURED}
    assert analysis.accounting.incomplete_spans == 0


def test_samples_beside_counted_runs_add_nothing() -> None:
    samples = counters([(0, 0, 0), (500 * MS, 256, 350)])
    plan = (*TRACEPOINTS.plan, PlanRow("balloon_pages", "samples:/proc/vmstat", SourceState.USED))
    metadata = dataclasses.replace(TRACEPOINTS, plan=plan)
    stream = together(run(0, 256), notification(20 * MS, 250), run(400 * MS, deflated=100))
    assert moved(analyse(stream, samples, metadata=metadata)) == (256, {"host": 100, "oom_notifier": 250})


def test_a_notifications_end_ends_it_and_not_what_follows() -> None:
    analysis = analyse(notification(0, 256), metadata=TRACEPOINTS)
    (row,) = [row for row in analysis.tiers if row.tier is Tier.OOM_NOTIFY]
    assert row.busy_s == pytest.approx(0.003)
    assert row.balloon_pages == 256


def test_where_ooms_are_not_seen_samples_tell_what_they_took() -> None:
    # GIVEN runs that are counted, on a kernel on which no OOM callback can be seen
    plan = (*traced().plan, PlanRow("balloon_pages", "samples:/proc/vmstat", SourceState.USED))
    metadata = dataclasses.replace(METADATA, plan=plan)
    analysis = analyse(run(10 * MS, 256), counters([(0, 0, 0), (500 * MS, 256, 250)]), metadata=metadata)
    # THEN what came in is measured, what went out is not
    assert analysis.balloon.inflated_pages == 256
    assert sum(analysis.balloon.leaked_pages.values()) == 250
    assert analysis.balloon.quality is Quality.INFERRED


def test_a_shrinker_call_in_the_middle_of_an_inflation_has_its_own_pages() -> None:
    shrinker = {"shrink": BALLOON_SHRINKER}
    stream = records(
        event(0, "balloon_work_begin", 50, function=BALLOON_WORK),
        event(1 * MS, "direct_reclaim_begin", 50),
        event(2 * MS, "shrink_slab_start", 50, **shrinker, total_scan=128, priority=12),
        event(3 * MS - 1, "balloon_run_pages", 50, deflated_pages=128),
        event(3 * MS, "shrink_slab_end", 50, **shrinker, retval=128),
        event(4 * MS, "direct_reclaim_end", 50),
        event(10 * MS - 1, "balloon_run_pages", 50, inflated_pages=256),
        event(10 * MS, "balloon_work_end", 50, function=BALLOON_WORK),
    )
    analysis = analyse(stream, metadata=TRACEPOINTS)
    assert moved(analysis) == (256, {"shrinker": 128})
    assert [cycle.cycle_class for cycle in analysis.cycles] == [CycleClass.SHRINKER_REINFLATE]


def test_a_leak_outside_any_run_is_the_drivers_own_and_inside_one_counts_once() -> None:
    # GIVEN the driver's function traced as well: once in a run, once at unload
    metadata = traced(*NOTIFIER, "leak_balloon_begin", "leak_balloon_end")

    def leak(begin_ns: int, pages: int, tid: int) -> Records:
        begin, end = event(begin_ns, "leak_balloon_begin", tid, num=pages), begin_ns + MS
        return records(begin, event(end, "leak_balloon_end", tid, freed=pages))

    stream = together(run(0, deflated=64), leak(2 * MS, 64, 50), leak(100 * MS, 512, 7))
    analysis = analyse(stream, metadata=metadata)
    assert analysis.balloon.leaked_pages[Cause.HOST] == 64 + 512


def test_a_long_run_without_pages_is_a_puff() -> None:
    stream = records(
        event(0, "balloon_work_begin", 50, function=BALLOON_WORK),
        event(210 * MS, "balloon_work_end", 50, function=BALLOON_WORK),
    )
    assert analyse(stream, metadata=TRACEPOINTS).balloon.puffs == 1


def test_reclaim_asked_for_is_proactive() -> None:
    # GIVEN a write to memory.reclaim and one to drop_caches
    stream = records(
        event(0, "proactive_reclaim_begin"),
        event(1 * MS, "memcg_reclaim_begin"),
        event(2 * MS, "lru_shrink_inactive", nr_reclaimed=32, reclaim_flags=2),
        event(3 * MS, "memcg_reclaim_end", nr_reclaimed=32),
        event(4 * MS, "proactive_reclaim_end"),
        event(10 * MS, "drop_caches_begin"),
        event(20 * MS, "drop_caches_end"),
    )
    (row,) = analyse(stream).tiers
    assert row.tier is Tier.PROACTIVE
    assert row.file_pages == 32
    assert row.busy_s == pytest.approx(0.014)


def test_a_driver_that_comes_while_tracing_is_a_finding() -> None:
    stream = records(
        event(1 * MS, "module_load", 9, module_name=b"nf_tables"),
        event(2 * MS, "module_load", 9, module_name=b"virtio_balloon"),
        event(5 * MS, "module_free", 9, module_name=b"virtio_balloon"),
    )
    loaded, unloaded = (found for found in analyse(stream).findings if found.kind == "module")
    assert "virtio_balloon was loaded while tracing" in loaded.text
    assert "unloaded" in unloaded.text
    assert (loaded.start_s, unloaded.start_s) == (0.002, 0.005)


def test_hyper_vs_status_tells_its_steps_and_says_they_are_inferred() -> None:
    pages = (100, 100, 400, 350)
    stream = records(*(event(at * MS, "balloon_status", 9, pages_ballooned=n) for at, n in enumerate(pages)))
    analysis = analyse(stream, metadata=dataclasses.replace(METADATA, plan=()))
    assert moved(analysis) == (300, {"host": 50})
    assert {step.quality for step in analysis.steps} == {Quality.INFERRED}
