"""Balloon steps read off the driver's own functions, in the corners where a plain count would be wrong."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest
from streams import BALLOON_SHRINKER, METADATA, MS, SECOND, Records, analyse, counters, event, records

from tracer.analyze.model import Analysis
from tracer.analyze.terms import Cause, CycleClass, Quality
from tracer.batch import LostStretch
from tracer.metadata import BalloonInfo, Metadata, PlanRow, SourceState
from tracer.schema import DEFLATE, INFLATE, KIND_BY_NAME, UNKNOWN_DIRECTION

PROBED = ("leak_balloon_end", "tell_host", "virtballoon_changed", "oom_notify_end")
DRIVER = dataclasses.replace(METADATA, plan=tuple(PlanRow(name, f"kprobe:{name}", SourceState.USED) for name in PROBED))


def inflate(begin_ns: int, pages: int = 256, tid: int = 50, direction: int = INFLATE) -> Records:
    """A 10 ms work run that tells the host of inflated pages."""
    return records(
        event(begin_ns, "balloon_work_begin", tid),
        event(begin_ns + 1 * MS, "update_balloon_size_begin", tid),
        event(begin_ns + 8 * MS, "tell_host", tid, num_pfns=pages, direction=direction),
        event(begin_ns + 9 * MS, "update_balloon_size_end", tid),
        event(begin_ns + 10 * MS, "balloon_work_end", tid),
    )


def leak(begin_ns: int, pages: int = 256, tid: int = 100) -> Records:
    """A call of leak_balloon that takes 1 ms and tells the host."""
    return records(
        event(begin_ns, "leak_balloon_begin", tid, num=pages),
        event(begin_ns + MS // 2, "tell_host", tid, num_pfns=pages, direction=DEFLATE),
        event(begin_ns + MS, "leak_balloon_end", tid, freed=pages),
    )


def oom_leak(begin_ns: int, tid: int = 100) -> Records:
    """An OOM that the balloon's notifier ends."""
    return records(
        event(begin_ns, "out_of_memory_begin", tid),
        event(begin_ns + 1, "oom_notifier_run", tid, cb=0),
        event(begin_ns + 2, "oom_notify_begin", tid),
        leak(begin_ns + MS, tid=tid),
        event(begin_ns + 3 * MS, "oom_notify_end", tid, retval=1),
        event(begin_ns + 4 * MS, "out_of_memory_end", tid, retval=1),
    )


def together(*streams: Records) -> Records:
    """Streams of several threads, in time order."""
    stream = records(*streams)
    return stream[stream["time_ns"].argsort(kind="stable")]


def moved(analysis: Analysis) -> tuple[int, dict[str, int]]:
    balloon = analysis.balloon
    return balloon.inflated_pages, {cause.value: pages for cause, pages in balloon.leaked_pages.items() if pages}


def test_pages_are_measured_and_work_seen_twice_counts_once() -> None:
    analysis = analyse(inflate(0), metadata=DRIVER)
    assert moved(analysis) == (256, {})
    assert analysis.balloon.quality is Quality.MEASURED
    assert analysis.balloon.work_spans == 1
    assert analysis.balloon.worker_s == pytest.approx(0.010)


def test_a_worker_that_reclaims_its_own_balloon_leaks_to_the_shrinker() -> None:
    # GIVEN an inflating worker whose allocation reclaims, which scans the balloon's own shrinker, which leaks
    stream = together(
        event(0, "balloon_work_begin", 50),
        event(1 * MS, "direct_reclaim_begin", 50),
        event(2 * MS, "shrink_slab_start", 50, shrink=BALLOON_SHRINKER, total_scan=128, priority=12),
        event(3 * MS, "balloon_shrinker_begin", 50, nr_to_scan=128),
        leak(4 * MS, 128, tid=50),
        event(6 * MS, "balloon_shrinker_end", 50, freed=128),
        event(7 * MS, "shrink_slab_end", 50, shrink=BALLOON_SHRINKER, retval=128),
        event(8 * MS, "direct_reclaim_end", 50),
        event(9 * MS, "tell_host", 50, num_pfns=256, direction=INFLATE),
        event(10 * MS, "balloon_work_end", 50),
    )
    analysis = analyse(stream, metadata=DRIVER)
    assert moved(analysis) == (256, {"shrinker": 128})
    assert [cycle.cycle_class for cycle in analysis.cycles] == [CycleClass.SHRINKER_REINFLATE]
    assert analysis.conflicts[0].overlap_s["self"] == pytest.approx(0.007)


def test_an_oom_in_the_middle_of_an_inflate_comes_back_by_itself() -> None:
    # GIVEN an OOM leak on another thread while work is under way towards an unchanged target
    stream = together(event(0, "virtballoon_changed", 1), inflate(10 * MS), oom_leak(12 * MS), inflate(200 * MS))
    analysis = analyse(stream, metadata=DRIVER)
    assert moved(analysis) == (512, {"oom_notifier": 256})
    (cycle,) = analysis.cycles
    assert cycle.cycle_class is CycleClass.NOTIFIER_REINFLATE
    assert analysis.balloon.target_changes == 1


def test_a_target_told_again_makes_it_the_hosts_cycle() -> None:
    stream = together(oom_leak(0), event(100 * MS, "virtballoon_changed", 1), inflate(110 * MS))
    (cycle,) = analyse(stream, metadata=DRIVER).cycles
    assert cycle.cycle_class is CycleClass.HOST_REINFLATE
    assert (cycle.leak_start_s, cycle.start_s, cycle.end_s) == (0.001, 0.100, 0.118)


def test_pages_the_host_took_out_since_are_not_its_to_regain() -> None:
    # GIVEN an OOM leak, then a deflation that the host asked for, then an inflation that it asked for
    deflation = [event(1 * SECOND, "balloon_work_begin", 50), leak(1 * SECOND + MS, 64, tid=50)]
    deflation += [event(1 * SECOND + 5 * MS, "balloon_work_end", 50)]
    assert not analyse(together(oom_leak(0), *deflation, inflate(2 * SECOND)), metadata=DRIVER).cycles


def test_pages_of_an_older_burst_are_wasted_but_do_not_stretch_its_cycle() -> None:
    # GIVEN a large leak of which little comes back at once, and the rest after a second leak
    stream = together(oom_leak(0), inflate(50 * MS, 56), oom_leak(100 * MS), inflate(150 * MS, 456))
    first, second = analyse(stream, metadata=DRIVER).cycles
    assert (first.reinflated_pages, second.reinflated_pages) == (256, 256)
    assert first.end_s < second.start_s


def test_a_notification_seen_by_chain_and_callback_counts_once() -> None:
    (row,) = [row for row in analyse(oom_leak(0), metadata=DRIVER).tiers if row.tier.label == "oom_notify"]
    assert row.spans == 1
    assert row.balloon_pages == 256


def test_page_migration_moves_nothing() -> None:
    # GIVEN compaction that swaps one page: both queues are told, outside any work
    stream = records(
        event(1 * MS, "virtballoon_migratepage", 70),
        event(2 * MS, "tell_host", 70, num_pfns=1, direction=INFLATE),
        event(3 * MS, "tell_host", 70, num_pfns=1, direction=DEFLATE),
    )
    analysis = analyse(*[stream] * 1, metadata=DRIVER)
    assert moved(analysis) == (0, {})
    assert analysis.balloon.migrated_pages == 1
    assert not analysis.cycles


@pytest.mark.parametrize("again", [False, True])
def test_unload_and_freeze_give_pages_back_but_make_no_cycle(again: bool) -> None:
    # GIVEN pages leaked under pressure, then the driver giving up all it has, then perhaps inflating anew
    stream = together(inflate(0), oom_leak(20 * MS), leak(100 * MS, 512, tid=200), *[inflate(200 * MS)] * again)
    analysis = analyse(stream, metadata=DRIVER)
    assert analysis.balloon.leaked_pages[Cause.HOST] == 512
    assert not analysis.cycles


def test_two_balloons_that_work_at_once_are_added_up() -> None:
    stream = together(
        inflate(0, 100, tid=50), inflate(5 * MS, 200, tid=51), oom_leak(30 * MS), inflate(50 * MS, 44, tid=51)
    )
    analysis = analyse(stream, metadata=DRIVER)
    assert moved(analysis) == (344, {"oom_notifier": 256})
    assert sum(cycle.reinflated_pages for cycle in analysis.cycles) == 44


def test_guest_pages_of_64_kib_hold_16_balloon_pages() -> None:
    large = dataclasses.replace(DRIVER, page_size_bytes=65536)
    analysis = analyse(together(inflate(0, 256), oom_leak(20 * MS)), metadata=large)
    assert moved(analysis) == (16, {"oom_notifier": 16})


def small_swings(half_period_ns: int) -> Records:
    """Seven turns of 16 pages."""

    def deflate(at_ns: int) -> Records:
        begin, end = event(at_ns, "balloon_work_begin", 50), event(at_ns + 5 * MS, "balloon_work_end", 50)
        return records(begin, leak(at_ns + MS, 16, tid=50), end)

    return records(*((deflate if turn % 2 else partial(inflate, pages=16))(turn * half_period_ns) for turn in range(8)))


def test_a_target_between_two_guest_pages_rounds_to_and_fro() -> None:
    stream = small_swings(SECOND // 2)
    large = dataclasses.replace(DRIVER, page_size_bytes=65536)
    assert {cycle.cycle_class for cycle in analyse(stream, metadata=large).cycles} == {CycleClass.ROUNDING}
    # WHEN pages are small, the driver goes to and fro by itself only if the host says nothing meanwhile
    assert {cycle.cycle_class for cycle in analyse(stream, metadata=DRIVER).cycles} == {CycleClass.ROUNDING}
    once = together(stream, event(7 * SECOND // 4, "virtballoon_changed", 1))
    assert {cycle.cycle_class for cycle in analyse(once, metadata=DRIVER).cycles} == {CycleClass.ROUNDING}
    asked = together(stream, *(event(at * SECOND // 2 - MS, "virtballoon_changed", 1) for at in range(1, 8)))
    assert {cycle.cycle_class for cycle in analyse(asked, metadata=DRIVER).cycles} == {CycleClass.HOST_OSCILLATION}


@pytest.mark.parametrize(
    ("half_period_ns", "found"), [(20 * MS, CycleClass.ROUNDING), (SECOND // 2, CycleClass.HOST_OSCILLATION)]
)
def test_where_the_hosts_word_is_not_traced_a_balloon_that_never_pauses_rounds(
    half_period_ns: int, found: CycleClass
) -> None:
    plan = tuple(row for row in DRIVER.plan if row.what != "virtballoon_changed")
    untold = dataclasses.replace(DRIVER, plan=plan)
    analysis = analyse(small_swings(half_period_ns), metadata=untold)
    assert {cycle.cycle_class for cycle in analysis.cycles} == {found}


def test_where_the_queue_is_unknown_its_surroundings_tell() -> None:
    stream = together(inflate(0, 256, direction=UNKNOWN_DIRECTION), oom_leak(20 * MS))
    assert moved(analyse(stream, metadata=DRIVER)) == (256, {"oom_notifier": 256})


@pytest.mark.parametrize(("counted", "inflated"), [(False, 512), (True, 456)])
def test_where_runs_tell_no_pages_counters_do_or_each_run_counts_as_full(counted: bool, inflated: int) -> None:
    # GIVEN two runs of 200 and 256 pages of which the probe gave no number, with or without counters
    sampled = [PlanRow("balloon_pages", "samples:vmstat", SourceState.USED)] * counted
    plan = tuple(row for row in (*DRIVER.plan, *sampled))
    blind = dataclasses.replace(DRIVER, plan=plan, absent_fields={"tell_host": ("num_pfns",)})
    samples = [counters([(0, 0, 0), (SECOND, 456, 0)])] * counted
    analysis = analyse(inflate(10 * MS, 0), inflate(30 * MS, 0), *samples, metadata=blind)
    assert moved(analysis) == (inflated, {})
    assert analysis.balloon.quality is Quality.INFERRED


def probed(*names: str, absent: dict[str, tuple[str, ...]] | None = None) -> Metadata:
    """A recording's metadata in which just these kinds have a source."""
    plan = tuple(PlanRow(name, f"import:{name}", SourceState.USED) for name in names)
    return dataclasses.replace(DRIVER, plan=plan, absent_fields=absent or {})


@pytest.mark.parametrize(
    "metadata",
    [
        probed("leak_balloon_begin", "tell_host", absent={"tell_host": ("num_pfns",)}),
        probed("leak_balloon_begin", "leak_balloon_end", "tell_host", absent={"leak_balloon_end": ("freed",)}),
        probed("tell_host"),
        probed("tell_host", absent={"tell_host": ("num_pfns",)}),
        probed("leak_balloon_begin", "leak_balloon_end"),
    ],
    ids=["no return", "return without its value", "tells with pages", "tells without", "no tells"],
)
def test_pages_come_from_whichever_probe_has_them(metadata: Metadata) -> None:
    # GIVEN one inflation and one OOM leak of a full run each, as recorded with fewer probes
    traced = {
        *metadata.kinds_traced,
        "balloon_work_begin",
        "balloon_work_end",
        "out_of_memory_begin",
        "oom_notify_begin",
    }
    numbers = [KIND_BY_NAME[name].number for name in (*traced, "out_of_memory_end", "oom_notify_end")]
    stream = together(inflate(0), oom_leak(20 * MS))
    stream = stream[np.isin(stream["kind"], numbers)]
    for kind, fields in metadata.absent_fields.items():
        rows = np.flatnonzero(stream["kind"] == KIND_BY_NAME[kind].number)
        typed = stream.view(KIND_BY_NAME[kind].record_dtype)
        for name in fields:
            typed[name][rows] = 0
    assert moved(analyse(stream, metadata=metadata)) == (256, {"oom_notifier": 256})


def test_a_leak_in_kswapd_whose_shrinker_call_began_before_the_trace_is_the_shrinkers() -> None:
    stream = leak(0, 128, tid=60)
    stream["comm"] = b"kswapd0"
    assert moved(analyse(stream, metadata=DRIVER)) == (0, {"shrinker": 128})


def test_a_lost_end_inside_a_cycle_is_counted_and_does_not_hide_it() -> None:
    whole = together(oom_leak(0), inflate(50 * MS), oom_leak(100 * MS), inflate(150 * MS))
    torn = whole[whole["kind"] != 34]
    analysis = analyse(torn, metadata=DRIVER)
    assert len(analysis.cycles) == 2
    assert analysis.accounting.begins_without_end == 2


def test_a_leak_whose_return_was_missed_is_taken_as_asked_for() -> None:
    # GIVEN a notification of which the probe on leak_balloon's return had no instance left
    stream = oom_leak(0)
    analysis = analyse(stream[stream["kind"] != KIND_BY_NAME["leak_balloon_end"].number], metadata=DRIVER)
    assert moved(analysis) == (0, {"oom_notifier": 256})
    assert analysis.steps[0].quality is Quality.INFERRED


def test_a_kill_without_any_notifier_says_so() -> None:
    # GIVEN a recording of notifiers, of a machine whose features are not known, with a global OOM kill and none run
    stream = together(
        inflate(0),
        event(20 * MS, "direct_reclaim_begin"),
        event(30 * MS, "direct_reclaim_end"),
        event(40 * MS, "mark_victim", pid=7, victim_comm=b"hog"),
    )
    notifiers = (*DRIVER.plan, PlanRow("oom_notifier_run", "tracepoint:notifier:notifier_run", SourceState.USED))
    unknown = dataclasses.replace(DRIVER, plan=notifiers, balloon=BalloonInfo("virtio_balloon"))
    (kill,) = [found for found in analyse(stream, metadata=unknown).findings if found.kind == "oom_kill"]
    assert "no balloon's OOM notifier ran" in kill.text
    assert kill.numbers["balloon_pages"] == 256


def test_migration_for_the_workers_own_allocation_is_no_inflation() -> None:
    stream = records(
        event(0, "balloon_work_begin", 50),
        event(1 * MS, "compaction_begin", 50),
        event(2 * MS, "tell_host", 50, num_pfns=1, direction=INFLATE),
        event(3 * MS, "tell_host", 50, num_pfns=1, direction=DEFLATE),
        event(4 * MS, "compaction_end", 50),
        event(5 * MS, "balloon_work_end", 50),
    )
    analysis = analyse(stream, metadata=DRIVER)
    assert moved(analysis) == (0, {})
    assert analysis.balloon.migrated_pages == 1


def test_work_under_way_at_the_end_of_the_trace_keeps_its_pages() -> None:
    analysis = analyse(inflate(0)[:-2], metadata=DRIVER, end_ns=SECOND)
    assert moved(analysis) == (256, {})
    assert analysis.accounting.begins_without_end == 2


def test_a_sysrq_oom_deflates_and_kills_all_the_same() -> None:
    # GIVEN a kworker that was told to free memory: the notifier gives a MiB, and a victim is chosen without any reclaim
    worker = event(9 * MS, "mark_victim", 33, "kworker/1:2", pid=77, victim_comm=b"hog")
    stream = together(oom_leak(0, tid=33), worker)
    samples = counters([(0, 1024, 0), (SECOND, 1024, 256)])
    (kill,) = [found for found in analyse(samples, stream, metadata=DRIVER).findings if found.kind == "oom_kill"]
    assert "sysrq" in kill.text
    assert kill.numbers["balloon_pages"] == 1024


def test_a_clock_that_goes_back_a_little_breaks_no_span() -> None:
    # GIVEN two CPUs of which one's records come 60 ms late, so that times go to and fro in the stream
    slow = [event(at * MS, kind, 1, cpu=1) for at, kind in ((10, "direct_reclaim_begin"), (50, "direct_reclaim_end"))]
    fast = [event(at * MS, kind, 2, cpu=0) for at, kind in ((70, "direct_reclaim_begin"), (110, "direct_reclaim_end"))]
    accounting = analyse(fast[0], slow[0], fast[1], slow[1], metadata=DRIVER).accounting
    assert (accounting.spans, accounting.incomplete_spans, accounting.late_events) == (2, 0, 0)


def test_a_span_whose_cpu_goes_offline_ends_on_another() -> None:
    stream = records(
        event(1 * MS, "direct_reclaim_begin", 9, cpu=3),
        event(2 * MS, "lru_shrink_inactive", 9, cpu=0, nr_reclaimed=5, reclaim_flags=2),
        event(3 * MS, "direct_reclaim_end", 9, cpu=0),
    )
    analysis = analyse(stream, metadata=DRIVER)
    assert analysis.accounting.incomplete_spans == 0
    assert analysis.tiers[0].file_pages == 5


def test_a_lost_stretch_inside_a_cycle_is_said() -> None:
    stream = together(oom_leak(0), inflate(50 * MS))
    lost = LostStretch(20 * MS, 40 * MS, {"tell_host": 3})
    (cycle,) = [found for found in analyse(stream, lost, metadata=DRIVER).findings if found.kind == "cycle"]
    assert cycle.text.endswith("the numbers are a lower bound.")
