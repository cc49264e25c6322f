"""Who is to blame where the guest is short of memory: a balloon that gives nothing, or the load."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shortage_streams import GUEST, MIB_PAGES, guest, readings, waits
from streams import METADATA, MS, SECOND, analyse, event, records

from tracer.analyze import Analysis, Engine
from tracer.analyze.model import Finding
from tracer.analyze.terms import Severity
from tracer.batch import Batch, Samples
from tracer.metadata import BalloonInfo, PlanRow, SourceState

LENGTH_S = 40


def told(analysis: Analysis, kind: str) -> list[Finding]:
    return [finding for finding in analysis.findings if finding.kind == kind]


def only(analysis: Analysis, kind: str) -> Finding:
    (found,) = told(analysis, kind)
    return found


def kinds(analysis: Analysis) -> set[str]:
    return {finding.kind for finding in analysis.findings} & {"starved", "thrashing", "refault"}


def test_a_still_balloon_under_a_reader_starves_the_guest():
    # GIVEN a balloon of 640 MiB of 1 GiB that never moves, and a reader: 20 MiB a second evicted, 15 read again
    analysis = analyse(readings(LENGTH_S, 640, 20, 15), metadata=GUEST)
    starved = only(analysis, "starved")
    assert kinds(analysis) == {"starved"}
    assert starved.severity is Severity.WARNING
    assert starved.numbers["balloon_pages"] == 640 * MIB_PAGES
    assert starved.numbers["balloon_share"] == pytest.approx(0.625)
    assert starved.numbers["evicted_pages"] == 800 * MIB_PAGES
    assert starved.numbers["refault_pages"] == 600 * MIB_PAGES
    assert starved.numbers["out_pages"] == 200 * MIB_PAGES
    assert starved.text.startswith(
        "800.0 MiB of page cache were evicted (600.0 MiB of it read again), while the balloon held 640.0 MiB (62% of "
        "the guest's memory) and released nothing in 40.0 s so far. Giving back 200.0 MiB"
    )


def test_where_more_is_out_than_the_balloon_holds_the_load_is_to_blame():
    # GIVEN 400 MiB that were evicted and not read again
    for held, blamed in ((400, "starved"), (399, "thrashing")):
        assert kinds(analyse(readings(LENGTH_S, held, 20, 10), metadata=GUEST)) == {blamed}


def test_without_a_balloon_the_load_is_larger_than_the_memory():
    analysis = analyse(readings(LENGTH_S, 0, 20, 15), metadata=replace(GUEST, balloon=BalloonInfo()))
    thrashing = only(analysis, "thrashing")
    assert kinds(analysis) == {"thrashing"}
    assert (thrashing.severity, thrashing.numbers["out_pages"]) == (Severity.INFO, 200 * MIB_PAGES)
    assert "about 200.0 MiB more memory than it has" in thrashing.text


@pytest.mark.parametrize(("each_ms", "severity"), [(40, Severity.INFO), (60, Severity.WARNING)])
def test_thrashing_warns_where_tasks_wait(each_ms, severity):
    analysis = analyse(readings(LENGTH_S, 0, 20, 15), waits(LENGTH_S, each_ms), metadata=GUEST)
    assert only(analysis, "thrashing").severity is severity


@pytest.mark.parametrize(
    ("evicted", "again", "length_s", "is_told"),
    [(6.4, 2, 10, True), (6.3, 2, 10, False), (6.4, 1.9, 10, False), (20, 15, 9, False), (2, 1, 40, True)],
)
def test_how_much_has_to_be_evicted_and_read_again(evicted, again, length_s, is_told):
    analysis = analyse(readings(length_s, 640, evicted, again), metadata=GUEST)
    assert bool(told(analysis, "starved")) is is_told


@pytest.mark.parametrize(
    ("deflate_on_oom", "held", "is_told"), [(True, 103, True), (True, 102, False), (False, 113, False)]
)
def test_the_balloon_holds_a_tenth_of_the_memory(deflate_on_oom, held, is_told):
    # GIVEN a MemTotal of 1024 MiB, which lacks what the balloon holds where DEFLATE_ON_OOM is off
    analysis = analyse(readings(LENGTH_S, held, 20, 19), metadata=guest(deflate_on_oom=deflate_on_oom))
    assert bool(told(analysis, "starved")) is is_told


def test_without_deflate_on_oom_the_balloon_has_left_memtotal():
    analysis = analyse(readings(LENGTH_S, 1024, 20, 15), metadata=guest(deflate_on_oom=False))
    starved = only(analysis, "starved")
    assert starved.numbers["balloon_share"] == pytest.approx(0.5)
    assert "DEFLATE_ON_OOM is off" in starved.text


@pytest.mark.parametrize(("every_s", "is_told"), [(8, False), (12, True)])
def test_a_balloon_that_gives_is_not_still(every_s, is_told):
    gave = [(at, 4) for at in range(every_s, LENGTH_S, every_s)]
    analysis = analyse(readings(LENGTH_S, 640, 20, 15, gave_mib=gave), metadata=GUEST)
    assert bool(told(analysis, "starved")) is is_told


@pytest.mark.parametrize(
    ("each_ms", "tasks", "severity"),
    [(40, 1, None), (40, 3, None), (60, 1, Severity.WARNING), (190, 1, Severity.WARNING), (210, 1, Severity.CRITICAL)],
)
def test_waiting_alone_starves(each_ms, tasks, severity):
    # GIVEN the time in which any task waited, however many did
    stream = waits(LENGTH_S, each_ms, tasks=tasks)
    found = told(analyse(readings(LENGTH_S, 640), stream, metadata=GUEST), "starved")
    assert [finding.severity for finding in found] == [severity] * (severity is not None)


def test_waiting_at_a_cgroups_own_limit_is_not_the_balloons_doing():
    stream = waits(LENGTH_S, 500, "memcg_reclaim")
    assert kinds(analyse(readings(LENGTH_S, 640), stream, metadata=GUEST)) == set()


def test_what_a_cgroup_evicts_at_its_own_limit_is_not_the_balloons_doing():
    # GIVEN kernels before 7.3, whose counters of reclaimers leave it out, and newer ones, where events tell
    older = readings(LENGTH_S, 640, 20, 15, **{"vmstat.pgsteal_kswapd": np.zeros(LENGTH_S + 1)})
    assert kinds(analyse(older, metadata=GUEST)) == {"refault"}
    begin_end = [
        records(
            event(at * SECOND, "memcg_reclaim_begin"),
            event(at * SECOND + MS, "memcg_reclaim_end", nr_reclaimed=20 * MIB_PAGES),
        )
        for at in range(LENGTH_S)
    ]
    newer = analyse(readings(LENGTH_S, 640, 20, 15), records(*begin_end), metadata=GUEST)
    assert not told(newer, "starved")
    assert not told(newer, "thrashing")


@pytest.mark.parametrize(("full_ms", "severity"), [(49, None), (51, Severity.WARNING), (201, Severity.CRITICAL)])
def test_all_tasks_waiting_starve(full_ms, severity):
    full = np.arange(LENGTH_S + 1) * full_ms * 1000
    samples = readings(LENGTH_S, 640, 2, 0, **{"psi.memory.full_total_us": full})
    found = told(analyse(samples, metadata=GUEST), "starved")
    assert [finding.severity for finding in found] == [severity] * (severity is not None)


def test_pressure_without_any_reclaim_is_not_the_machines():
    full = np.arange(LENGTH_S + 1) * 100_000
    samples = readings(LENGTH_S, 640, 0, 0, **{"psi.memory.full_total_us": full})
    assert kinds(analyse(samples, metadata=GUEST)) == set()


def test_pressure_that_the_balloon_makes_by_inflating_is_a_conflict():
    # GIVEN a balloon that goes on inflating, which evicts page cache that nobody reads again
    at = np.arange(LENGTH_S + 1)
    inflated = {"vmstat.balloon_inflate": (300 + at * 5) * MIB_PAGES}
    samples = readings(LENGTH_S, 0, 5, 0, **{"psi.memory.full_total_us": at * 100_000}, **inflated)
    assert kinds(analyse(samples, metadata=GUEST)) == set()


def test_the_balloons_own_reclaim_is_nobodys_wait():
    own = [
        records(
            event(at * SECOND, "balloon_work_begin", 50, "kworker/0:1"),
            event(at * SECOND + MS, "direct_reclaim_begin", 50, "kworker/0:1"),
            event(at * SECOND + 900 * MS, "direct_reclaim_end", 50, "kworker/0:1"),
            event(at * SECOND + 901 * MS, "balloon_work_end", 50, "kworker/0:1"),
        )
        for at in range(LENGTH_S)
    ]
    assert kinds(analyse(readings(LENGTH_S, 640), records(*own), metadata=GUEST)) == set()


def test_a_kill_beside_a_still_balloon_is_critical():
    stream = event(5 * SECOND, "mark_victim", pid=7)
    starved = only(analyse(readings(20, 640), stream, metadata=GUEST), "starved")
    assert (starved.severity, starved.numbers["kills"]) == (Severity.CRITICAL, 1)
    assert starved.text.startswith("The OOM killer killed 1 task")


@pytest.mark.parametrize("comm", ["kworker/1:2", "task"])
def test_a_kill_that_sysrq_asked_for_is_nobodys_shortage(comm):
    stream = event(5 * SECOND, "mark_victim", comm=comm, pid=7)
    found = told(analyse(readings(20, 640), stream, metadata=GUEST), "starved")
    assert bool(found) is (comm == "task")


def test_a_kill_for_a_cgroups_memory_is_not_the_balloons_doing():
    reclaim = records(event(5 * SECOND - 2 * MS, "memcg_reclaim_begin"), event(5 * SECOND - MS, "memcg_reclaim_end"))
    stream = records(reclaim, event(5 * SECOND, "mark_victim", pid=7))
    assert not told(analyse(readings(20, 640), stream, metadata=GUEST), "starved")


def test_a_burst_that_the_balloon_answers_is_no_starving():
    # GIVEN a balloon that nobody asked for anything until 29 s, and that gives at 30 s
    full = np.where(np.arange(LENGTH_S + 1) >= 30, 800_000, 0)
    samples = readings(
        LENGTH_S, 640, 4, 0, gave_mib=[(30, 64)], from_s=29, until_s=30, **{"psi.memory.full_total_us": full}
    )
    assert not told(analyse(samples, metadata=GUEST), "starved")


def test_reading_once_is_no_shortage():
    assert kinds(analyse(readings(LENGTH_S, 640, 15, 0), metadata=GUEST)) == set()


@pytest.mark.parametrize(("end_s", "is_open"), [(29, True), (31, False)])
def test_starving_is_open_while_it_may_go_on(end_s, is_open):
    analysis = analyse(readings(end_s, 640, 20, 15, until_s=20), metadata=GUEST)
    starved = only(analysis, "starved")
    assert (starved.open, starved.end_s) == (is_open, 20.0)
    assert ("so far" in starved.text) is is_open


def test_a_stretch_keeps_its_id_while_it_grows():
    ids = [only(analyse(readings(end_s, 640, 20, 15), metadata=GUEST), "starved").id for end_s in (10, 20, 120)]
    assert len(set(ids)) == 1


def test_a_shortage_in_a_long_quiet_recording_is_not_thinned_out():
    # GIVEN half a minute of reading in an hour
    analysis = analyse(readings(3600, 640, 20, 15, from_s=1800, until_s=1830), metadata=GUEST)
    starved = only(analysis, "starved")
    assert (starved.start_s, starved.end_s) == (1800.0, 1830.0)
    assert starved.numbers["evicted_pages"] == 600 * MIB_PAGES


def test_two_shortages_apart_are_two():
    one = readings(200, 640, 20, 15, until_s=20)
    two = readings(200, 640, 20, 15, from_s=150, until_s=180)
    values = one.values + two.values - readings(200, 640).values
    found = told(analyse(Samples(one.time_ns, one.names, values), metadata=GUEST), "starved")
    assert sorted((each.start_s, each.end_s) for each in found) == [(0.0, 20.0), (150.0, 180.0)]


def test_without_samples_of_refaults_the_finding_says_so():
    samples = readings(LENGTH_S, 640).without({"vmstat.workingset_refault_file"})
    starved = only(analyse(samples, waits(LENGTH_S, 100), metadata=GUEST), "starved")
    assert "Refaults were not sampled, so it is not known" in starved.text
    assert "out_pages" not in starved.numbers


def test_where_waits_were_not_traced_nobody_is_said_to_have_waited_0_s():
    rows = (PlanRow("kswapd_wake", "tracepoint", SourceState.USED),)
    starved = only(analyse(readings(LENGTH_S, 640, 20, 15), metadata=replace(GUEST, plan=rows)), "starved")
    assert not {"stall_s", "stalls", "waiting_share", "min_priority"} & starved.numbers.keys()
    assert starved.numbers["refault_pages"] == 600 * MIB_PAGES


def test_older_kernels_count_all_refaults_of_files_in_one():
    samples = readings(LENGTH_S, 640, 20, 15)
    names = tuple(name.replace("_refault_file", "_refault") for name in samples.names)
    assert kinds(analyse(replace(samples, names=names), metadata=GUEST)) == {"starved"}


def test_what_is_not_known_is_not_judged():
    rows = (PlanRow("kswapd_wake", "tracepoint", SourceState.USED),)
    unjudged = {each.kind for each in analyse(metadata=replace(METADATA, plan=rows), end_ns=SECOND).not_judged}
    assert {"starved", "thrashing"} <= unjudged


@pytest.mark.parametrize("piece", [1, 7, 64])
def test_results_do_not_depend_on_how_the_stream_is_cut(piece):
    samples, stream = readings(90, 640, 12, 9, gave_mib=[(45, 3)]), waits(90, 130, tasks=2)
    whole = analyse(samples, stream, metadata=GUEST)
    engine = Engine(GUEST, {})
    parts = np.array_split(stream, max(len(stream) // piece, 1))
    sampled = 0
    for part in parts:
        until = int(part["time_ns"].max())
        engine.feed(Batch.from_records(part))
        count = int(np.searchsorted(samples.time_ns, until))
        if count > sampled:
            chosen = slice(sampled, count)
            engine.feed(Samples(samples.time_ns[chosen], samples.names, samples.values[chosen]))
            sampled = count
    engine.feed(Samples(samples.time_ns[sampled:], samples.names, samples.values[sampled:]))
    cut = engine.finish()
    assert len(told(whole, "starved")) == 2
    assert told(cut, "starved") == told(whole, "starved")
