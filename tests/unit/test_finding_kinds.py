"""Each kind of finding: a written trace that has it and one that just has not; whether it is open; ids that stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from balloon_streams import shrinker_storm
from shortage_streams import GUEST, dropping, readings, sized
from streams import (
    BALLOON_OOM,
    BALLOON_SHRINKER,
    METADATA,
    MS,
    SECOND,
    Records,
    analyse,
    counters,
    event,
    lru,
    records,
    slab,
    work,
)

from tracer.analyze.findings.registry import KINDS
from tracer.analyze.model import Analysis, Finding
from tracer.analyze.terms import Severity
from tracer.batch import LostStretch, Samples
from tracer.metadata import BalloonInfo, Metadata, PlanRow, SourceState

MIB_PAGES = 256


def wait(begin_ns: int, length_ns: int, kind: str = "direct_reclaim") -> Records:
    return records(event(begin_ns, f"{kind}_begin"), event(begin_ns + length_ns, f"{kind}_end"))


def reading(held_mib: int = 0, again_mib: float = 5) -> Analysis:
    """10 s in which 6.4 MiB of page cache are evicted a second, of a guest of 1 GiB."""
    return analyse(readings(10, held_mib, 6.4, again_mib), metadata=GUEST)


def late(waited_ms: int, tapped: int = MIB_PAGES) -> Analysis:
    notified = event((1000 + waited_ms) * MS, "oom_notifier_run", 100, cb=BALLOON_OOM)
    again = event((1010 + waited_ms) * MS, "direct_reclaim_begin", 100)
    stream = records(
        wait(SECOND, waited_ms * MS), notified, again, event((1011 + waited_ms) * MS, "direct_reclaim_end")
    )
    return analyse(stream, counters([(0, 512, 0), (3 * SECOND, 512, tapped)]))


def premature(freed: int) -> Analysis:
    stream = records(
        event(10 * MS, "kswapd_wake", 60, "kswapd0"),
        slab(20 * MS, 30 * MS, 60, BALLOON_SHRINKER, freed=freed),
        event(40 * MS, "kswapd_sleep", 60, "kswapd0"),
    )
    return analyse(stream, counters([(0, 256, 0), (SECOND, 256, freed)]))


def returning(after_s: int) -> Analysis:
    """Pages leaked to the balloon's shrinker and inflated again so much later."""
    samples = [(0, 256, 0), (100 * MS, 256, 256), (after_s * SECOND, 256, 256), (after_s * SECOND + 20 * MS, 512, 256)]
    back = work(after_s * SECOND, after_s * SECOND + 10 * MS)
    stream = records(wait(10 * MS, 50 * MS), slab(20 * MS, 30 * MS, 100, BALLOON_SHRINKER, freed=256), back)
    stream.sort(order="time_ns")
    return analyse(stream, counters(samples), end_ns=60 * SECOND)


def reclaimed_at(begin_ms: int) -> Analysis:
    """Reclaim by the worker itself, in its inflating run until 100 ms, or after it."""
    reclaim = records(
        event(begin_ms * MS, "direct_reclaim_begin", 50, "kworker/0:1"),
        event((begin_ms + 10) * MS, "direct_reclaim_end", 50, "kworker/0:1"),
    )
    stream = records(work(0, 100 * MS), reclaim)
    stream.sort(order="time_ns")
    return analyse(stream, counters([(0, 0, 0), (SECOND, 256, 0)]))


def refaults(pages: int) -> Analysis:
    stream = records(wait(SECOND, 10 * MS), lru(SECOND + MS, 100, 1000))
    stream.sort(order="time_ns")
    return analyse(stream, counters([(0, 0, 0), (3 * SECOND, 0, 0)], workingset_refault_file=[7, 7 + pages]))


def lagging(readings: int) -> Analysis:
    """A host's log, a reading a second, of which so many are off by 60 MiB."""
    actual = [100 << 20] * readings + [40 << 20] * 3
    values = np.asarray([[40 << 20, size] for size in actual])
    return analyse(Samples(np.arange(len(actual)) * SECOND, ("host.target_bytes", "host.actual_bytes"), values))


def unreturned(length_ms: int) -> Analysis:
    begin, end_ns = event(SECOND, "balloon_work_begin", 50, "kworker/0:1"), (1000 + length_ms) * MS
    return analyse(begin, counters([(0, 0, 0), (end_ns, 0, 0)]), end_ns=end_ns)


def shrinking(calls: int) -> Analysis:
    stream = []
    for at in range(calls):
        begin = {"shrink": BALLOON_SHRINKER, "total_scan": 200, "cache_items": 10, "priority": 12}
        stream.append(event(2 * at * MS, "shrink_slab_start", **begin))
        stream.append(event(2 * at * MS + MS, "shrink_slab_end", shrink=BALLOON_SHRINKER))
    return analyse(records(*stream, slab(SECOND, SECOND + MS, shrink=BALLOON_OOM, freed=0)))


def recorded(own: int) -> Analysis:
    stream = [wait(SECOND, MS), lru(SECOND, 100, 1000)]
    begin = event(2 * SECOND, "direct_reclaim_begin", 7)
    stream += [begin, lru(2 * SECOND, 7, own), event(2 * SECOND + 1000, "direct_reclaim_end", 7, nr_reclaimed=own)]
    merged = records(*stream)
    merged.sort(order="time_ns", kind="stable")
    return analyse(merged, metadata=replace(METADATA, recorder_pid=7))


def kswapd_fails(times: int) -> Analysis:
    row = [event(n * MS, "kswapd_reclaim_fail", 60, "kswapd0", nid=0, failures=n) for n in range(1, times + 1)]
    return analyse(*row, end_ns=SECOND)


def killed(kind: str) -> Analysis:
    return analyse(event(MS, kind, **({"pid": 7} if kind == "mark_victim" else {})))


def killed_from_user_space(waited_ms: int) -> Analysis:
    kill = event(4 * SECOND, "signal_generate", 8, "timeout", sig=9, pid=7, group=1)
    return analyse(records(wait(SECOND, waited_ms * MS), kill))


def swings(last: int) -> Analysis:
    """A host that takes 64 MiB and gives it back twice, the last time so many pages."""
    full = 64 * MIB_PAGES
    rows = [(0, 0, 0), (5, full, 0), (10, full, full), (15, 2 * full, full), (20, 2 * full, full + last)]
    stream = records(*(work(at * SECOND, at * SECOND + MS) for at in (5, 10, 15, 20)))
    return analyse(stream, counters([(at * SECOND + 2 * MS, inflated, leaked) for at, inflated, leaked in rows]))


def module(name: bytes) -> Analysis:
    return analyse(event(MS, "module_load", module_name=name))


def reported(pages: int) -> Analysis:
    stream = event(MS, "virtballoon_free_page_report", 60, "kworker/0:1", reported_pages=pages)
    return analyse(stream, metadata=plan("virtballoon_free_page_report"), end_ns=SECOND)


def limited(pages: int) -> Analysis:
    begin, end = event(SECOND, "memcg_reclaim_begin"), event(SECOND + 10 * MS, "memcg_reclaim_end")
    return analyse(records(begin, lru(SECOND + MS, 100, pages), end), end_ns=9 * SECOND)


def futile(freed: int) -> Analysis:
    """20,000 pages scanned in direct reclaim of 10 ms."""
    scan = event(SECOND + MS, "lru_shrink_inactive", nr_scanned=20_000, nr_reclaimed=freed, reclaim_flags=2)
    return analyse(event(SECOND, "direct_reclaim_begin"), scan, event(SECOND + 10 * MS, "direct_reclaim_end"))


BOUNDARIES: dict[str, tuple[Callable[[], Analysis], Callable[[], Analysis]]] = {
    "oom_kill": (lambda: killed("mark_victim"), lambda: killed("out_of_memory_begin")),
    "storm": (lambda: analyse(*shrinker_storm(3)), lambda: analyse(*shrinker_storm(2))),
    "cycle": (lambda: returning(9), lambda: returning(11)),
    "worker_stuck": (lambda: unreturned(2000), lambda: unreturned(1999)),
    "starved": (lambda: reading(held_mib=640), lambda: reading(held_mib=102)),
    "thrashing": (lambda: reading(again_mib=2), lambda: reading(again_mib=1.9)),
    "long_stall": (lambda: analyse(wait(SECOND, SECOND)), lambda: analyse(wait(SECOND, 999 * MS))),
    "futile_reclaim": (lambda: futile(999), lambda: futile(1000)),
    "memcg_limit": (lambda: limited(256), lambda: limited(255)),
    "reporting": (lambda: reported(1), lambda: reported(0)),
    "conflict": (lambda: reclaimed_at(80), lambda: reclaimed_at(400)),
    "premature_tap": (lambda: premature(256), lambda: premature(0)),
    "late_tap": (lambda: late(100), lambda: late(100, tapped=0)),
    "kswapd_gave_up": (lambda: kswapd_fails(16), lambda: kswapd_fails(15)),
    "puff": (
        lambda: analyse(work(0, 200 * MS), counters([(0, 0, 0), (SECOND, 0, 0)])),
        lambda: analyse(work(0, 199 * MS), counters([(0, 0, 0), (SECOND, 0, 0)])),
    ),
    "lag": (lambda: lagging(2), lambda: lagging(1)),
    "dropped_cache": (lambda: analyse(dropping(64, 20)), lambda: analyse(dropping(64, 19))),
    "headroom": (lambda: analyse(sized(700, 300)), lambda: analyse(sized(700, 300, again_mib=0.11))),
    "refault": (lambda: refaults(256), lambda: refaults(255)),
    "shrinker_share": (lambda: shrinking(100), lambda: shrinking(99)),
    "recorder_share": (lambda: recorded(60), lambda: recorded(0)),
    "module": (lambda: module(b"virtio_balloon"), lambda: module(b"virtio_net")),
    "user_kill": (lambda: killed_from_user_space(500), lambda: killed_from_user_space(499)),
    "host_oscillation": (lambda: swings(32 * MIB_PAGES), lambda: swings(32 * MIB_PAGES - 1)),
    "lost": (lambda: analyse(LostStretch(0, SECOND, {"throttled": 1})), analyse),
}
ELSEWHERE = {"constrained_oom": "test_engine_constraint.py"}


def kinds(analysis: Analysis) -> set[str]:
    return {finding.kind for finding in analysis.findings}


def only(analysis: Analysis, kind: str) -> Finding:
    (found,) = [finding for finding in analysis.findings if finding.kind == kind]
    return found


def test_every_kind_has_its_boundary():
    assert {kind.name for kind in KINDS} == BOUNDARIES.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("kind", BOUNDARIES)
def test_a_trace_has_it_and_one_just_has_not(kind):
    has, has_not = BOUNDARIES[kind]
    assert kind in kinds(has())
    assert kind not in kinds(has_not())


@pytest.mark.parametrize(("waited_ms", "severity"), [(50, Severity.INFO), (150, Severity.WARNING)])
def test_a_tap_is_late_where_somebody_waited(waited_ms, severity):
    assert only(late(waited_ms), "late_tap").severity is severity


def test_one_notification_after_one_call_is_said_in_the_singular():
    text = only(late(150), "late_tap").text
    assert "only through 1 OOM notification. " in text
    assert "in 1 call of direct reclaim (global) and 0 retries" in text


@pytest.mark.parametrize(("end_s", "is_open"), [(7, True), (15, True), (17, False)])
def test_a_storm_is_open_for_as_long_as_it_may_go_on(end_s, is_open):
    # GIVEN a storm whose last cycle ends at 6.1 s, and a horizon of 10 s
    storm = only(analyse(*shrinker_storm(3), end_ns=end_s * SECOND), "storm")
    assert storm.open is is_open
    assert ("so far" in storm.text) is is_open


def test_a_finding_keeps_its_id_while_it_grows_and_others_come():
    ids, cycles = [], []
    for count in (3, 4, 9):
        analysis = analyse(*shrinker_storm(count))
        ids.append({finding.kind: finding.id for finding in reversed(analysis.findings) if finding.start_s > 0})
        cycles.append(only(analysis, "storm").numbers["cycles"])
    assert cycles == [3, 4, 9]
    assert len({each["storm"] for each in ids}) == 1


def test_ids_are_unique_also_of_findings_of_the_same_moment():
    kills = [event(MS, "mark_victim", tid, pid=tid) for tid in range(1, 40)]
    numbers = [finding.id for finding in analyse(records(*kills), LostStretch(0, SECOND, {"throttled": 1})).findings]
    assert len(numbers) == len(set(numbers)) == 40


def test_findings_of_one_severity_come_by_cost():
    # GIVEN two shortages beside a full balloon, the longer one later
    one, two = readings(200, 640, 20, 15, until_s=10), readings(200, 640, 20, 15, from_s=100, until_s=150)
    values = one.values + two.values - readings(200, 640).values
    analysis = analyse(Samples(one.time_ns, one.names, values), metadata=GUEST)
    costs = [finding.cost for finding in analysis.findings if finding.kind == "starved"]
    assert costs == [pytest.approx(750 / 512), pytest.approx(150 / 512)]


def plan(*traced: str) -> Metadata:
    rows = tuple(PlanRow(kind, "tracepoint", SourceState.USED) for kind in traced)
    return replace(METADATA, plan=rows)


@pytest.mark.parametrize(
    ("traced", "kind", "is_judged"),
    [
        (("mark_victim",), "oom_kill", True),
        (("kswapd_wake",), "oom_kill", False),
        (("kswapd_reclaim_fail",), "kswapd_gave_up", True),
        (("kswapd_wake",), "kswapd_gave_up", False),
        (("shrink_slab_start",), "shrinker_share", True),
        (("kswapd_wake",), "shrinker_share", False),
        (("kswapd_wake",), "lost", True),
    ],
)
def test_a_kind_is_judged_where_it_would_have_been_seen(traced, kind, is_judged):
    unjudged = {each.kind for each in analyse(metadata=plan(*traced), end_ns=SECOND).not_judged}
    assert (kind not in unjudged) is is_judged


def test_the_kernels_own_count_of_kills_says_that_there_was_none():
    traced = plan("kswapd_wake")
    for last, judged in ((4, True), (5, False)):
        samples = counters([(0, 0, 0), (SECOND, 0, 0)], oom_kill=[4, last])
        unjudged = {each.kind for each in analyse(samples, metadata=traced).not_judged}
        assert ("oom_kill" not in unjudged) is judged


def test_a_machine_without_a_balloon_has_nothing_of_one_left_to_judge():
    balloon = {"storm", "cycle", "premature_tap", "late_tap", "puff", "lag", "worker_stuck", "starved", "module"}
    metadata = replace(plan("direct_reclaim_begin", "mark_victim"), balloon=BalloonInfo())
    assert not balloon & {each.kind for each in analyse(metadata=metadata, end_ns=SECOND).not_judged}
    imported = replace(metadata, imported_from="trace.dat")
    assert {"storm", "cycle", "lag"} <= {each.kind for each in analyse(metadata=imported, end_ns=SECOND).not_judged}


def test_what_was_found_was_judged():
    analysis = analyse(event(MS, "mark_victim", pid=7), metadata=plan("kswapd_wake"))
    assert "oom_kill" in kinds(analysis)
    assert "oom_kill" not in {each.kind for each in analysis.not_judged}
